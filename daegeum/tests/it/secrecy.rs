//! What no log may hold. Whatever process a test starts, its log is searched when it ends.

use std::path::Path;

/// Texts that tests send and that are nobody's business: buyers and their accounts and cards, and secrets of the
/// servers.
const SECRETS: [&str; 16] = [
    "홍길동",
    "김토스",
    "hong@example.com",
    "someone@example.com",
    "+82-10-1234-5678",
    "01012345678",
    "110123456789",
    "test_sk_",
    "test_gsk_",
    "live_sk_",
    "live_gsk_",
    "-----BEGIN PRIVATE KEY",
    // The peppers of the tests.
    "0123456789abcdef0123456789abcdef",
    "fedcba9876543210fedcba9876543210",
    // What daegeum and a risk service share.
    "between-us",
    // A card token of the PSP.
    "tok_of_a_card",
];
/// Lines of the greeting of `daegeum dev`, which is no log: it tells its key and its sign-in link.
const GREETING: [&str; 4] = ["  API key ", "    -H 'Authorization: Bearer ", "  Console ", "  Seller's corner "];
/// An API key: this, a name, an underscore and a secret.
const API_KEY: &str = "dk_";
/// The fewest characters of what can be the secret of an API key, or a part of it.
const MIN_SECRET_CHARS: usize = 16;
/// What payment keys of the simulator begin with, before the digits of the time.
const PAYMENT_KEY: &str = "daege";
const PAYMENT_KEY_DIGITS: usize = 14;
/// What its virtual accounts begin with, before their digits.
const ACCOUNT: &str = "X";
const ACCOUNT_DIGITS: usize = 13;
/// The characters of an encryption key of 32 bytes in Base64.
const ENCRYPTION_KEY_CHARS: usize = 44;
/// How many digits a card number has.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Fails if a text tells what it must not.
pub(crate) fn check(what: &str, text: &str) {
    if let Some(secret) = told_by(text) {
        panic!("{what} tells {secret}: {text}");
    }
}

/// Fails if a log tells what it must not. A log that is not there tells nothing.
pub(crate) fn search(log: &Path) {
    let Ok(bytes) = std::fs::read(log) else { return };
    let told = String::from_utf8_lossy(&bytes);
    for line in told.lines().filter(|line| !GREETING.iter().any(|greeting| line.starts_with(greeting))) {
        check(&format!("the log {}", log.display()), line);
    }
}

/// What a line tells and must not.
fn told_by(line: &str) -> Option<&'static str> {
    if let Some(secret) = SECRETS.iter().find(|secret| line.contains(*secret)) {
        return Some(secret);
    }
    let is_word = |char: char| char.is_ascii_alphanumeric() || "_+/=".contains(char);
    for word in line.split(|char| !is_word(char)) {
        if word.match_indices(API_KEY).any(|(at, _)| has_secret(&word[at + API_KEY.len()..])) {
            return Some("an API key with its secret");
        }
        if has_digits_after(word, PAYMENT_KEY, PAYMENT_KEY_DIGITS) {
            return Some("a payment key");
        }
        if has_digits_after(word, ACCOUNT, ACCOUNT_DIGITS) {
            return Some("a virtual account");
        }
        if word.len() == ENCRYPTION_KEY_CHARS && word.ends_with('=') && !word.ends_with("==") {
            return Some("an encryption key");
        }
    }
    if has_password(line) {
        return Some("a password in an address");
    }
    has_card_number(line).then_some("a card number")
}

/// Whether an address stands there with a name and a password before the host.
fn has_password(line: &str) -> bool {
    line.match_indices("://").any(|(at, scheme_end)| {
        let rest = &line[at + scheme_end.len()..];
        let authority = rest.split(|char: char| char.is_whitespace() || "/\"'".contains(char)).next();
        authority.and_then(|authority| authority.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
    })
}

fn has_secret(key: &str) -> bool {
    key.split_once('_').is_some_and(|(_, secret)| secret.len() >= MIN_SECRET_CHARS)
}

fn has_digits_after(word: &str, beginning: &str, count: usize) -> bool {
    let is_followed = |(at, _): (usize, &str)| {
        let digits = word[at + beginning.len()..].bytes().take(count).filter(u8::is_ascii_digit);
        digits.count() == count
    };
    word.match_indices(beginning).any(is_followed)
}

/// Whether digits stand there, alone or in groups, as many as a card has, that pass the check of Luhn and begin as a
/// card does.
fn has_card_number(line: &str) -> bool {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == ' ' || char == '-';
    // A group with a letter is none of a card: it is a part of an id, and ids have digits before and after it.
    let is_group = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    line.split(|char| !is_part(char)).any(|part| {
        let words: Vec<&str> = part.split(' ').collect();
        words.split(|word| !is_group(word)).any(|groups| is_card_number(&groups.concat().replace('-', "")))
    })
}

fn is_card_number(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|char| char.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| CARD_DIGITS.contains(&digits.len())) else { return false };
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let weigh = |(place, digit): (usize, &u32)| if place % 2 == 1 { doubled(*digit) } else { *digit };
    let sum: u32 = digits.iter().rev().enumerate().map(weigh).sum();
    (2..=6).contains(&digits[0]) && sum.is_multiple_of(10)
}

#[test]
fn a_line_that_tells_a_secret_is_found() {
    let key = format!("dk_0123456789ab_{}", "0a".repeat(36));
    let encryption_key = format!("a:{}=", "A".repeat(43));
    let telling = [
        key.as_str(),
        encryption_key.as_str(),
        "paying failed for test_sk_daegeum",
        "buyer=\"홍길동\"",
        "toss: could not confirm daege20261121193848AbCdEfGh",
        "pay into X1234567890123",
        "a card: 4242 4242 4242 4242.",
        "card=4242-4242-4242-4242",
        "card=4242424242424242,",
        "could not open postgres://daegeum:hunter2@db.example/daegeum",
        "pepper 0123456789abcdef0123456789abcdef",
    ];
    for line in telling {
        assert!(told_by(line).is_some(), "{line}");
    }
    let silent = [
        "2026-11-21T19:38:48.123456Z  INFO api: POST /v1/payments status=201 request_id=4f6c-11",
        "api_key.id=0123456789ab the API key dk_0123456789ab was revoked",
        "checkout-45482358-2522-5f21-ac6f-4fc5df91c402",
        "workflow.id=0123456789ab:4242424242424241 took 4242424242424241 ns",
        "could not open postgres://…@db.example/daegeum, http://127.0.0.1:8080/a@b:c",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ];
    for line in silent {
        assert_eq!(told_by(line), None, "{line}");
    }
}
