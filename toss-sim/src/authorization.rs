//! The caller: `Authorization: Basic base64("{secretKey}:")`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::options::Merchant;

/// Padding may be present or not: a published client of Toss sends none.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Which pair of keys: a payment is confirmed with the secret of the pair that opened its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyPair {
    /// `ck`/`sk`: API 개별 연동 키.
    Api,
    /// `gck`/`gsk`: 결제위젯 연동 키.
    Widget,
}

/// A caller whose secret key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Index among the merchants.
    pub(crate) merchant: usize,
    pub(crate) pair: KeyPair,
    pub(crate) secret_key: String,
}

/// Reads the header and finds the merchant.
///
/// # Errors
/// 401 `UNAUTHORIZED_KEY`: no header, another scheme, an unknown key. 403 `INCORRECT_BASIC_AUTH_FORMAT`: no
/// colon. 400 `INVALID_API_KEY`: a client key where the secret key belongs.
pub(crate) fn caller(header: Option<&str>, merchants: &[Merchant]) -> Result<Caller, Code> {
    let credentials = header
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .map(|(_, credentials)| credentials.trim())
        .ok_or(Code::UnauthorizedKey)?;
    let decoded = LENIENT.decode(credentials).map_err(|_| Code::UnauthorizedKey)?;
    let text = String::from_utf8(decoded).map_err(|_| Code::UnauthorizedKey)?;
    let (secret_key, _) = text.split_once(':').ok_or(Code::IncorrectBasicAuthFormat)?;
    if client_key_owner(secret_key, merchants).is_some() {
        return Err(Code::InvalidApiKey);
    }
    let known = |wanted: fn(&Merchant) -> &str| merchants.iter().position(|merchant| wanted(merchant) == secret_key);
    let (merchant, pair) = known(|merchant| &merchant.secret_key)
        .map(|merchant| (merchant, KeyPair::Api))
        .or_else(|| known(|merchant| &merchant.widget_secret_key).map(|merchant| (merchant, KeyPair::Widget)))
        .ok_or(Code::UnauthorizedKey)?;
    Ok(Caller { merchant, pair, secret_key: secret_key.to_owned() })
}

/// The merchant a client key belongs to, and which of its pairs it is of.
pub(crate) fn client_key_owner(client_key: &str, merchants: &[Merchant]) -> Option<(usize, KeyPair)> {
    merchants.iter().enumerate().find_map(|(index, merchant)| {
        if merchant.client_key == client_key {
            Some((index, KeyPair::Api))
        } else if merchant.widget_client_key == client_key {
            Some((index, KeyPair::Widget))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Caller, KeyPair, caller};
    use crate::codes::Code;
    use crate::options::Merchant;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

    fn check(header: Option<&str>) -> Result<(usize, KeyPair), Code> {
        caller(header, &[Merchant::default()]).map(|Caller { merchant, pair, .. }| (merchant, pair))
    }

    #[test]
    fn the_header_is_read_as_toss_reads_it() {
        let padded = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let unpadded = |text: &str| format!("Basic {}", STANDARD_NO_PAD.encode(text));
        assert_eq!(check(Some(&padded("test_sk_daegeum:"))), Ok((0, KeyPair::Api)));
        assert_eq!(check(Some(&unpadded("test_sk_daegeum:"))), Ok((0, KeyPair::Api)));
        assert_eq!(check(Some(&padded("test_gsk_daegeum:"))), Ok((0, KeyPair::Widget)));
        assert_eq!(check(Some(&padded("test_sk_daegeum"))), Err(Code::IncorrectBasicAuthFormat));
        assert_eq!(check(Some(&padded("test_ck_daegeum:"))), Err(Code::InvalidApiKey));
        assert_eq!(check(Some(&padded("\u{feff}test_sk_daegeum:"))), Err(Code::UnauthorizedKey));
        assert_eq!(check(Some(&padded("live_sk_other:"))), Err(Code::UnauthorizedKey));
        assert_eq!(check(Some("Bearer test_sk_daegeum")), Err(Code::UnauthorizedKey));
        assert_eq!(check(Some("Basic %%%")), Err(Code::UnauthorizedKey));
        assert_eq!(check(None), Err(Code::UnauthorizedKey));
    }
}
