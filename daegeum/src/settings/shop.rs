//! The settings of the shop, as its papers name it.

use anyhow::ensure;
use serde::Deserialize;
use web::buyer::Shop;

/// The most characters of a line.
const MAX_CHARS: usize = 200;
/// How many digits the number of a business has.
const BUSINESS_NUMBER_DIGITS: usize = 10;

/// The table `[shop]`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct ShopFile {
    name: Option<String>,
    representative: Option<String>,
    business_number: Option<String>,
    mail_order_number: Option<String>,
    address: Option<String>,
    phone: Option<String>,
    email: Option<String>,
}

/// Reads the table; names the setting that no paper can show.
pub(super) fn shop(file: ShopFile) -> anyhow::Result<Shop> {
    let ShopFile { name, representative, business_number, mail_order_number, address, phone, email } = file;
    let lines = [
        ("name", &name),
        ("representative", &representative),
        ("mail_order_number", &mail_order_number),
        ("address", &address),
        ("phone", &phone),
        ("email", &email),
    ];
    for (setting, line) in lines {
        let is_line = |line: &String| {
            !line.trim().is_empty() && line.chars().count() <= MAX_CHARS && !line.chars().any(char::is_control)
        };
        ensure!(
            line.as_ref().is_none_or(is_line),
            "the setting shop.{setting} must be one line of 1 to {MAX_CHARS} characters"
        );
    }
    let is_number = |text: &String| {
        let is_written = |byte: u8| byte.is_ascii_digit() || byte == b'-';
        text.bytes().all(is_written) && text.bytes().filter(u8::is_ascii_digit).count() == BUSINESS_NUMBER_DIGITS
    };
    ensure!(
        business_number.as_ref().is_none_or(is_number),
        "the setting shop.business_number must have {BUSINESS_NUMBER_DIGITS} digits, such as 123-45-67890"
    );
    Ok(Shop { name, representative, business_number, mail_order_number, address, phone, email })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn what_no_paper_can_show_is_refused_by_name() {
        for (text, named) in [
            ("name = \" \"", "shop.name"),
            ("address = \"a\\nb\"", "shop.address"),
            ("business_number = \"123-45-6789\"", "shop.business_number"),
            ("business_number = \"123 45 67890\"", "shop.business_number"),
        ] {
            let error = shop(toml::from_str(text).unwrap()).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
        let read = shop(toml::from_str("name = \"대금 마켓\"\nbusiness_number = \"123-45-67890\"").unwrap()).unwrap();
        assert_eq!(read.business_number.as_deref(), Some("123-45-67890"));
        assert_eq!(shop(ShopFile::default()).unwrap(), Shop::default());
    }
}
