//! Card numbers: found so that they can be refused. None may come near us (PCI DSS, SAQ A).

use serde_json::Value;

/// How many digits a card number has. Source: ISO/IEC 7812-1.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// The fewest characters of a hexadecimal hash or UUID, which may hold a long run of digits by chance.
const MIN_HASH_CHARS: usize = 32;

/// Whether a card number stands anywhere in a JSON value, in field names too.
pub(crate) fn stands_in(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => stands_in_text(&number.to_string()),
        Value::String(text) => stands_in_text(text),
        Value::Array(values) => values.iter().any(stands_in),
        Value::Object(fields) => fields.iter().any(|(name, value)| stands_in_text(name) || stands_in(value)),
    }
}

/// Whether a card number stands anywhere in a text: digits, bare or in groups with spaces or dashes between.
fn stands_in_text(text: &str) -> bool {
    if is_hash(text) {
        return false;
    }
    let in_run = |character: char| character.is_ascii_digit() || character == ' ' || character == '-';
    text.split(|character| !in_run(character)).any(stands_in_run)
}

/// Whether some neighbouring groups of digits together make a card number: in `4111 1111 1111 1111 12 27`
/// the first four do.
fn stands_in_run(run: &str) -> bool {
    let groups: Vec<&str> = run.split([' ', '-']).filter(|group| !group.is_empty()).collect();
    (0..groups.len()).any(|first| {
        let mut digits = String::new();
        for group in &groups[first..] {
            digits.push_str(group);
            if digits.len() > *DIGITS.end() {
                return false;
            }
            if is_card_number(&digits) {
                return true;
            }
        }
        false
    })
}

fn is_card_number(digits: &str) -> bool {
    DIGITS.contains(&digits.len()) && has_card_prefix(digits) && passes_luhn(digits)
}

/// Whether an issuer's numbers begin like this: American Express, Diners and JCB with 3, Visa with 4,
/// Mastercard with 5 and 2221 to 2720, UnionPay, Discover and Maestro with 6.
fn has_card_prefix(digits: &str) -> bool {
    matches!(digits.as_bytes().first(), Some(b'3'..=b'6')) || ("2221".."2721").contains(&&digits[..4])
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
            "4222222222222",
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
            "41111111111111111111",
            "010-1234-5678",
            "1763690000000",
            "2026112100000000",
            "2721000000000000",
            "tok_4242",
            "41111111-1111-1111-a111-111111111111",
        ] {
            assert!(!stands_in_text(text), "{text}");
        }
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
