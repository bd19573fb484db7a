//! Card numbers: found so that they can be refused. None may come near us (PCI DSS, SAQ A).
//!
//! A number is taken for a card's if it begins as some brand's numbers do, has a length of that brand's and ends
//! in the right check digit. It is looked for in neighbouring groups of digits, in any common script and with any
//! common separator; and in one long group, where it may stand first or last, as in a number that runs on into
//! its expiry date. It is not looked for in the middle of a long group: one in five order numbers made of a date
//! and a time would be refused by chance.

use serde_json::Value;

/// The fewest characters of a hexadecimal hash or UUID, which may hold a long run of digits by chance.
const MIN_HASH_CHARS: usize = 32;
/// The most digits of a card number. Source: ISO/IEC 7812-1.
const MAX_DIGITS: usize = 19;
/// How many digits the oldest card numbers have. They are found in one group only: two telephone numbers side by
/// side hold as many.
const UNPARTED_DIGITS: usize = 13;
/// How many digits of a number tell its brand.
const PREFIX_DIGITS: usize = 4;
/// The zeros of the scripts that people type digits in; nine more follow each. Source: Unicode, `DerivedNumericType`.
const ZEROS: [char; 8] = ['0', '０', '٠', '۰', '०', '০', '๐', '𝟎'];
/// What may stand between two groups, besides white space and dashes.
const SEPARATORS: &str = "._/|·•・*~";
/// What may stand between two groups, and stands between the items of a list as well: there, groups make a card number
/// only where they are written as cards' are.
const LIST_SEPARATORS: &str = ",:+;";
/// The groups that cards' numbers are printed in: most brands, American Express, Diners Club.
const PRINTED_GROUPS: [&[usize]; 3] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];
/// The most digits after a number in one list: an expiry date with a century, and a security code. A longer list of
/// digits is a list of other things.
const MAX_LIST_DIGITS: usize = MAX_DIGITS + 10;
/// What is not seen, and so may stand anywhere.
const UNSEEN: [char; 6] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// Between two groups of digits that may belong together.
const GAP: char = ' ';
/// Between two that may, or are two items of a list.
const LIST_GAP: char = ',';
/// Between two that do not.
const BREAK: char = '!';

/// The numbers of a brand: how they begin, and how many digits they have, the usual number first.
struct Brand {
    prefixes: std::ops::RangeInclusive<u32>,
    lengths: &'static [usize],
}

const fn brand(first: u32, last: u32, lengths: &'static [usize]) -> Brand {
    Brand { prefixes: first..=last, lengths }
}

/// Source: ISO/IEC 7812-1 and the brands' own pages. Visa's 19 digits are left
/// out: two telephone numbers have as many.
const BRANDS: [Brand; 14] = [
    brand(2221, 2720, &[16]),             // Mastercard
    brand(3000, 3059, &[14, 16]),         // Diners Club
    brand(3095, 3095, &[14, 16]),         // Diners Club
    brand(3400, 3499, &[15]),             // American Express
    brand(3528, 3589, &[16]),             // JCB
    brand(3600, 3699, &[14, 16]),         // Diners Club
    brand(3700, 3799, &[15]),             // American Express
    brand(3800, 3999, &[14, 16]),         // Diners Club
    brand(4000, 4999, &[16, 13]),         // Visa
    brand(5000, 5999, &[16]),             // Mastercard, Maestro
    brand(6000, 6199, &[16]),             // Discover, Maestro
    brand(6200, 6299, &[16, 17, 18, 19]), // UnionPay
    brand(6300, 6999, &[16]),             // Discover, Maestro
    brand(9400, 9499, &[16]),             // cards for use in Korea only
];

/// Whether a card number stands anywhere in a JSON value, in field names too.
pub(crate) fn stands_in(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => stands_in_text(&number.to_string()),
        Value::String(text) => stands_in_text(text),
        Value::Array(values) => values.iter().any(stands_in) || stands_in_list(values),
        Value::Object(fields) => fields.iter().any(|(name, value)| stands_in_text(name) || stands_in(value)),
    }
}

/// Whether the items of a list are the digits, or the groups, of a card number.
fn stands_in_list(values: &[Value]) -> bool {
    let item = |value: &Value| match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::from(BREAK),
    };
    let items: Vec<String> = values.iter().map(item).collect();
    plain(&items.join(&String::from(LIST_GAP))).split(BREAK).any(stands_in_listed_run)
}

/// Whether a card number stands anywhere in a text.
fn stands_in_text(text: &str) -> bool {
    if is_hash(text) {
        return false;
    }
    let plain = plain(text);
    plain.split([BREAK, LIST_GAP]).any(stands_in_run) || plain.split(BREAK).any(stands_in_listed_run)
}

/// A text of which nothing is left but digits, as ASCII, [`GAP`]s and [`LIST_GAP`]s between their groups, and
/// [`BREAK`]s.
fn plain(text: &str) -> String {
    let plain = |character| match digit(character) {
        Some(digit) => digit,
        None if is_separator(character) => GAP,
        None if LIST_SEPARATORS.contains(character) => LIST_GAP,
        None => BREAK,
    };
    text.chars().filter(|character| !UNSEEN.contains(character)).map(plain).collect()
}

/// Whether groups that may be the items of a list make a card number: single digits, or groups as they are printed on
/// cards.
fn stands_in_listed_run(run: &str) -> bool {
    let groups: Vec<&str> = run.split([GAP, LIST_GAP]).filter(|group| !group.is_empty()).collect();
    let digits: usize = groups.iter().map(|group| group.len()).sum();
    if !run.contains(LIST_GAP) || digits > MAX_LIST_DIGITS {
        return false;
    }
    let of_singles = |first: usize| {
        let singles: String = groups[first..].iter().take_while(|group| group.len() == 1).copied().collect();
        singles.len() > UNPARTED_DIGITS
            && (UNPARTED_DIGITS + 1..=singles.len().min(MAX_DIGITS)).any(|length| is_card_number(&singles[..length]))
    };
    let of_printed = |first: usize| {
        PRINTED_GROUPS.iter().any(|sizes| {
            let printed = groups[first..].iter().take(sizes.len());
            printed.clone().map(|group| group.len()).eq(sizes.iter().copied())
                && is_card_number(&printed.copied().collect::<String>())
        })
    };
    (0..groups.len()).any(|first| of_singles(first) || of_printed(first))
}

/// A digit of any of the [`ZEROS`]' scripts.
fn digit(character: char) -> Option<char> {
    let value = ZEROS
        .iter()
        .find_map(|zero| (u32::from(character)).checked_sub(u32::from(*zero)).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '-' | '‐'..='―' | '−' | '﹘' | '﹣' | '－')
        || SEPARATORS.contains(character)
}

/// Whether some neighbouring groups together make a card number, as the first four of
/// `4111 1111 1111 1111 12 27` do; or one group begins or ends with one.
fn stands_in_run(run: &str) -> bool {
    let groups: Vec<&str> = run.split(GAP).filter(|group| !group.is_empty()).collect();
    let joined = (0..groups.len()).any(|first| {
        let mut digits = String::new();
        groups[first..].iter().any(|group| {
            let parted = !digits.is_empty();
            digits.push_str(group);
            let plausible = digits.len() <= MAX_DIGITS && !(parted && digits.len() == UNPARTED_DIGITS);
            plausible && is_card_number(&digits)
        })
    });
    joined || groups.iter().any(|group| runs_on(group))
}

/// Whether a group is a card number of the usual length with something after it; or before it, if the group is too
/// long for anything else: ids of 17 to 19 digits are many, and begin with the time.
fn runs_on(group: &str) -> bool {
    let begins = usual_length(group).and_then(|length| group.get(..length));
    let ends = BRANDS.iter().filter(|_| group.len() > MAX_DIGITS).filter_map(|brand| {
        let last = group.get(group.len().checked_sub(*brand.lengths.first()?)?..)?;
        (usual_length(last) == Some(last.len())).then_some(last)
    });
    begins.into_iter().chain(ends).any(passes_luhn)
}

fn is_card_number(digits: &str) -> bool {
    brand_of(digits).is_some_and(|brand| brand.lengths.contains(&digits.len())) && passes_luhn(digits)
}

fn usual_length(digits: &str) -> Option<usize> {
    brand_of(digits)?.lengths.first().copied()
}

fn brand_of(digits: &str) -> Option<&'static Brand> {
    let prefix = digits.get(..PREFIX_DIGITS)?.parse().ok()?;
    BRANDS.iter().find(|brand| brand.prefixes.contains(&prefix))
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match (place % 2, digit) {
                (0, digit) => digit,
                (_, digit @ 0..=4) => digit * 2,
                (_, digit) => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_hash(text: &str) -> bool {
    text.len() >= MIN_HASH_CHARS
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn card_numbers_are_found() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "card: 4111 1111 1111 1111, 12/27",
            "카드번호4111111111111111입니다",
            "1 4111 1111 1111 1111 12 27",
            "378282246310005",
            "5555555555554444",
            "2223003122003222",
            "6011111111111117",
            "3530111333300000",
            "30569309025904",
            "4222222222222",
            "6250941006528599",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
    }

    #[test]
    fn no_separator_and_no_script_hides_them() {
        for separator in [
            ".", "_", "/", "|", "·", "\u{a0}", "\u{202f}", "\u{3000}", "\u{2009}", "–", "—", "‑", "−", "－", "\t",
            "\n", " - ", "  ", "\u{200b}", " . ",
        ] {
            let text = ["4111", "1111", "1111", "1111"].join(separator);
            assert!(stands_in_text(&text), "{text:?}");
        }
        for text in [
            "４１１１１１１１１１１１１１１１",
            "４１１１－１１１１－１１１１－１１１１",
            "٤١١١١١١١١١١١١١١١",
            "۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۱",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
    }

    #[test]
    fn no_list_hides_them() {
        for separator in [",", ":", "+", ";", ", ", " : ", "+-"] {
            for groups in
                [&["4111", "1111", "1111", "1111"][..], &["3782", "822463", "10005"], &["3056", "930902", "5904"]]
            {
                let text = groups.join(separator);
                assert!(stands_in_text(&text), "{text}");
                assert!(stands_in_text(&format!("card {text}{separator}12{separator}27{separator}123")), "{text}");
            }
            let singles = "4111111111111111".split("").filter(|digit| !digit.is_empty()).collect::<Vec<_>>();
            assert!(stands_in_text(&singles.join(separator)), "{separator}");
        }
        for list in [
            json!(["4111", "1111", "1111", "1111"]),
            json!([4111, 1111, 1111, 1111]),
            json!(["4111", 1111, "1111", 1111, "12/27"]),
            json!([4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            json!({ "card": { "parts": ["3782", "822463", "10005"] } }),
            json!(["4111 1111", "1111 1111"]),
        ] {
            assert!(stands_in(&list), "{list}");
        }
        for list in [
            json!([45000, 38000, 120_000]),
            json!([4111, 1111, null, 1111, 1111]),
            json!(["2026-11-21T15:47:54", "2026-11-22T15:47:54"]),
            json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            json!([4111, 1111, 1111, 1112]),
            json!([4111, 1111, 1111, 1111, 4000, 5000, 6000, 7000]),
            json!("4111:1111:1111:1111:1111:1111:1111:1111"),
        ] {
            assert!(!stands_in(&list), "{list}");
        }
    }

    #[test]
    fn a_number_that_runs_on_is_found() {
        for text in [
            "41111111111111111227",
            "41111111111111111227123",
            "4111111111111111123",
            "12274111111111111111",
            "3782822463100051227",
            "305693090259041227",
            "name 55555555555544441227 end",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "",
            "15000",
            "4111111111111112",
            "411111111111",
            "41111111111111121227",
            "010-1234-5678",
            "010.4123.4567 / 02.345.6789",
            "+82 10-4123-4567",
            "1763690000000",
            "2026112100000000",
            "20261121154754123456",
            "20261121-154754-000123456",
            "1992737493918482432",
            "2721000000000000",
            "tok_4242",
            "45000, 38000, 120000",
            "4111 1111 and 1111 1111",
            "41111111-1111-1111-a111-111111111111",
            "550e8400-e29b-41d4-a716-446655440000",
            "order 550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert!(!stands_in_text(text), "{text}");
        }
    }

    /// How many of 10,000 numbers of a form are refused. The form makes each of a number drawn below 2^53.
    fn alarms(form: impl Fn(u64) -> String) -> usize {
        let mut state = 1_u64;
        let draw = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        };
        (0..10_000).map(draw).filter(|drawn| stands_in_text(&form(*drawn))).count()
    }

    #[test]
    fn false_alarms_are_rare() {
        assert_eq!(alarms(|drawn| format!("010-{:04}-{:04}", drawn % 10_000, drawn / 10_000 % 10_000)), 0);
        assert_eq!(alarms(|drawn| format!("19{:017}", drawn % 10_u64.pow(17))), 0);
        let dated = alarms(|drawn| format!("20261121{:06}{:06}", drawn % 240_000, drawn / 240_000 % 1_000_000));
        assert!(dated < 100, "{dated} of 10,000");
    }

    #[test]
    fn they_are_found_wherever_they_stand() {
        for body in [
            json!({ "metadata": { "note": ["4111111111111111"] } }),
            json!({ "4111111111111111": null }),
            json!({ "number": 4_111_111_111_111_111_u64 }),
        ] {
            assert!(stands_in(&body), "{body}");
        }
        assert!(!stands_in(&json!({ "metadata": null, "paid": true, "amount": "15000" })));
    }
}
