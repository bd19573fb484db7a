//! How to reach the buyer, as the PSP's script takes it.

use service::buyer::BuyerDetails;

/// The most characters of an e-mail address. Source: Toss Payments, browser script, `customerEmail`.
const MAX_EMAIL_CHARS: usize = 100;
/// How many digits a telephone number has. Source: Toss Payments, browser script, `customerMobilePhone`.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
/// How a Korean number begins in its international form, in place of the zero at home.
const KOREA: &str = "+82";

/// What the payment window is told of the buyer. A detail that the PSP would refuse is left out: the window asks for
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contact {
    pub(super) email: Option<String>,
    /// Digits only.
    pub(super) phone: Option<String>,
}

impl Contact {
    /// Nothing is told.
    pub(super) const NONE: Self = Self { email: None, phone: None };

    /// What may be told of these details.
    pub(super) fn of(details: &BuyerDetails) -> Self {
        let email = details.email.clone().filter(|email| email.chars().count() <= MAX_EMAIL_CHARS);
        Self { email, phone: details.phone.as_deref().and_then(digits) }
    }
}

/// The number as it is dialled in Korea.
fn digits(phone: &str) -> Option<String> {
    let number = match phone.trim().strip_prefix(KOREA) {
        Some(rest) => format!("0{}", rest.trim_start_matches([' ', '-', '0'])),
        None => phone.to_owned(),
    };
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    PHONE_DIGITS.contains(&digits.len()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_in_digits_or_not_at_all() {
        for (kept, told) in [
            ("010-1234-5678", Some("01012345678")),
            ("+82-10-1234-5678", Some("01012345678")),
            ("+82 010 1234 5678", Some("01012345678")),
            ("+1 415 555 0100", Some("14155550100")),
            ("123-4567", None),
        ] {
            let details = BuyerDetails { phone: Some(kept.to_owned()), ..BuyerDetails::default() };
            assert_eq!(Contact::of(&details).phone.as_deref(), told, "{kept}");
        }
        let long = BuyerDetails { email: Some(format!("{}@example.com", "a".repeat(100))), ..BuyerDetails::default() };
        assert_eq!(Contact::of(&long), Contact::NONE);
    }
}
