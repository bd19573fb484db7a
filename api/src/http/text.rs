//! Texts that people read and the PSP is sent: how long they may be, and that something can be seen of them.

/// Characters that show nothing, besides white space and control characters. Source: Unicode, `DerivedCoreProperties`,
/// `Default_Ignorable_Code_Point`; and the Braille blank.
const UNSEEN: [std::ops::RangeInclusive<char>; 17] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];
/// The most characters of the part of an e-mail address before the `@`. Source: RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL_CHARS: usize = 64;
/// The most characters of a label of a domain. Source: RFC 1035, section 2.3.4.
const MAX_LABEL_CHARS: usize = 63;
/// The most characters of an e-mail address. Source: Toss Payments, `customerEmail`.
pub(crate) const MAX_EMAIL_CHARS: usize = 100;
/// How many digits a telephone number has. Source: Toss Payments, `customerMobilePhone`; ITU-T E.164 for the most.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
/// The most characters of a telephone number with what stands between its digits.
pub(crate) const MAX_PHONE_CHARS: usize = 32;

/// A text that the PSP or a person reads: something of it can be seen, and its length is within `limit`.
pub(crate) fn shown(text: &str, limit: usize) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("may hold no control characters, such as a line end".to_owned());
    }
    if !text.chars().any(is_visible) {
        return Err("must hold a character that can be seen".to_owned());
    }
    within(text, limit)
}

/// A text of at most `limit` UTF-16 code units: an emoji is two or more. Toss's documents say "characters" (자) and do
/// not name the unit (read in November 2026). A text never has fewer UTF-16 code units than code points, so a text
/// within this limit is within Toss's by either count.
pub(crate) fn within(text: &str, limit: usize) -> Result<String, String> {
    let units = text.encode_utf16().count();
    if units <= limit {
        return Ok(text.to_owned());
    }
    let detail = format!("must have at most {limit} characters, and has {units}");
    let counts_two = text.chars().any(|character| character.len_utf16() > 1);
    Err(if counts_two { format!("{detail}: an emoji counts as two or more (UTF-16 code units)") } else { detail })
}

fn is_visible(character: char) -> bool {
    let is_unseen = UNSEEN.iter().any(|range| range.contains(&character));
    !(character.is_whitespace() || character.is_control() || is_unseen)
}

/// An e-mail address as the PSP takes it: `local@domain` in ASCII. Source: RFC 5321, section 4.1.2, without quoted
/// local parts and address literals.
pub(crate) fn email(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "is no e-mail address such as name@example.com of at most 100 characters";
    let (local, domain) = text.rsplit_once('@').ok_or(FORM)?;
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_local =
        local.len() <= MAX_LOCAL_CHARS && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
    let is_label = |label: &str| {
        (1..=MAX_LABEL_CHARS).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_domain =
        domain.contains('.') && domain.split('.').all(is_label) && !top.bytes().all(|byte| byte.is_ascii_digit());
    if is_local && is_domain && text.len() <= MAX_EMAIL_CHARS { Ok(text.to_owned()) } else { Err(FORM) }
}

/// A telephone number: 8 to 15 digits, with a plus sign before them, and with dashes or spaces between them.
pub(crate) fn phone(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "is no telephone number: it has 8 to 15 digits, with dashes or spaces between them, such as \
                        010-1234-5678 or +82 10-1234-5678";
    let number = text.strip_prefix('+').unwrap_or(text);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_number = number.split(['-', ' ']).all(is_part) && PHONE_DIGITS.contains(&digits);
    if is_number && text.len() <= MAX_PHONE_CHARS { Ok(text.to_owned()) } else { Err(FORM) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_no_name() {
        for text in ["", " ", "\u{200b}", "\u{3164}\u{3164}", "\u{200b} \u{2060}\u{feff}", "\u{3000}", "\u{e0041}"] {
            assert!(shown(text, 100).is_err(), "{text:?}");
        }
        assert!(shown("a\u{7}", 100).is_err() && shown("a\nb", 100).is_err());
        for text in ["토스 티셔츠 외 2건", "a", ".", "👨\u{200d}👩\u{200d}👧", "❤\u{fe0f}"] {
            assert_eq!(shown(text, 100).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_length_is_counted_as_the_psp_counts() {
        assert!(shown(&"가".repeat(100), 100).is_ok());
        assert!(shown(&"가".repeat(101), 100).is_err());
        assert!(shown(&"😀".repeat(50), 100).is_ok());
        assert!(shown(&"😀".repeat(51), 100).unwrap_err().contains("has 102: an emoji counts"));
    }

    #[test]
    fn an_email_address_has_a_name_and_a_domain() {
        for text in ["a@example.com", "first.last+tag@mail.example.co.kr", "o'neil@xn--9t4b11yi5a.com", "1@2.io"] {
            assert_eq!(email(text).as_deref(), Ok(text));
        }
        let long = format!("a@{}.com", "b".repeat(95));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b.com",
            "a@b",
            "a b@c.com",
            "a@b.com\r\nBcc: x@y.com",
            "a@@b.com",
            ".a@b.com",
            "a..b@c.com",
            "a@-b.com",
            "a@b-.com",
            "a@b..com",
            "a@1.2.3.4",
            "<a@b.com>",
            "a@b.com,c@d.com",
            "김@b.com",
            &long,
        ] {
            assert!(email(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_telephone_number_is_made_of_digits() {
        for text in ["01012345678", "010-1234-5678", "+82 10-1234-5678", "+821012345678", "02 345 6789"] {
            assert_eq!(phone(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "1234567",
            "0101234567890123",
            "not a phone",
            "010--1234-5678",
            "-01012345678",
            "8+21012345678",
            "010-1234-5678 ",
            "010.1234.5678",
            "+",
            "０１０１２３４５６７８",
        ] {
            assert!(phone(text).is_err(), "{text:?}");
        }
    }
}
