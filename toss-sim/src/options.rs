//! How a simulator is set up.

use std::path::PathBuf;

use crate::currency::Currency;
use crate::exchange::Exchange;

/// The client key of the default merchant: 결제창, `payment()` of the browser script.
pub const DEFAULT_CLIENT_KEY: &str = "test_ck_daegeum";
/// The secret key of the default merchant: pairs with [`DEFAULT_CLIENT_KEY`].
pub const DEFAULT_SECRET_KEY: &str = "test_sk_daegeum";
/// The client key of the default merchant for widgets.
pub const DEFAULT_WIDGET_CLIENT_KEY: &str = "test_gck_daegeum";
/// The secret key of the default merchant for widgets: pairs with [`DEFAULT_WIDGET_CLIENT_KEY`].
pub const DEFAULT_WIDGET_SECRET_KEY: &str = "test_gsk_daegeum";
/// The security key of the default merchant: 64 hexadecimal characters, a fixed value that protects nothing.
pub const DEFAULT_SECURITY_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A merchant the simulator knows. Any other key is answered 401 `UNAUTHORIZED_KEY`.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// `mId` in a Payment, at most 14 characters.
    pub merchant_id: String,
    /// Shown to the buyer in the payment window.
    pub name: String,
    /// `test_ck_…`
    pub client_key: String,
    /// `test_sk_…`
    pub secret_key: String,
    /// `test_gck_…`
    pub widget_client_key: String,
    /// `test_gsk_…`
    pub widget_secret_key: String,
    /// 64 hexadecimal characters: encrypts payouts and signs their webhooks. Payment webhooks are unsigned.
    pub security_key: String,
    /// The currency of every payment: Toss has an `mId` and keys for each.
    pub currency: Currency,
}

impl Default for Merchant {
    fn default() -> Self {
        Self {
            merchant_id: "daegeum".to_owned(),
            name: "대금 테스트 상점".to_owned(),
            client_key: DEFAULT_CLIENT_KEY.to_owned(),
            secret_key: DEFAULT_SECRET_KEY.to_owned(),
            widget_client_key: DEFAULT_WIDGET_CLIENT_KEY.to_owned(),
            widget_secret_key: DEFAULT_WIDGET_SECRET_KEY.to_owned(),
            security_key: DEFAULT_SECURITY_KEY.to_owned(),
            currency: Currency::Krw,
        }
    }
}

/// Most characters of an `mId`.
const MAX_MERCHANT_ID: usize = 14;

impl Merchant {
    /// The default merchant's contract in a currency. In won it is [`Merchant::default`]; in dollars and yen the keys
    /// end in the currency, such as `test_sk_daegeum_usd`.
    pub fn default_in(currency: Currency) -> Self {
        let merchant = Self::default();
        if currency == Currency::Krw {
            return merchant;
        }
        let ending = currency.code().to_ascii_lowercase();
        let of = |key: &str| format!("{key}_{ending}");
        Self {
            merchant_id: of(&merchant.merchant_id),
            name: merchant.name,
            client_key: of(&merchant.client_key),
            secret_key: of(&merchant.secret_key),
            widget_client_key: of(&merchant.widget_client_key),
            widget_secret_key: of(&merchant.widget_secret_key),
            security_key: merchant.security_key,
            currency,
        }
    }

    /// The default merchant's contracts: won first.
    pub fn defaults() -> Vec<Self> {
        Currency::ALL.map(Self::default_in).to_vec()
    }

    /// A merchant with the test keys of a name, which is its `mId`: `test_ck_{name}` and `test_sk_{name}`, and
    /// `test_gck_{name}` and `test_gsk_{name}` for widgets. The security key is the fixed one of the simulator.
    ///
    /// `None` unless the name has 1 to 14 ASCII letters, digits or underscores.
    pub fn of_test(name: &str) -> Option<Self> {
        let is_name = (1..=MAX_MERCHANT_ID).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| Self {
            merchant_id: name.to_owned(),
            name: format!("테스트 상점 {name}"),
            client_key: format!("test_ck_{name}"),
            secret_key: format!("test_sk_{name}"),
            widget_client_key: format!("test_gck_{name}"),
            widget_secret_key: format!("test_gsk_{name}"),
            security_key: DEFAULT_SECURITY_KEY.to_owned(),
            currency: Currency::Krw,
        })
    }
}

/// Which bytes of a security key sign webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningKey {
    /// The 32 bytes its hexadecimal characters stand for.
    #[default]
    Decoded,
    /// The 64 characters themselves.
    Text,
}

/// Which codes of a bank the payout API takes. Its guide shows three digits; what it does with others is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BankCodes {
    /// Three digits as a text, `"092"`. Anything else is `INVALID_BANK` or `INVALID_REQUEST`.
    #[default]
    ThreeDigits,
    /// Also fewer digits and numbers, `"92"` and `92`, as clients by others send them.
    AnyLength,
}

/// Whether a sealed request of the payout API may be compressed. Its guide does not show `zip` in the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// A header with `zip` is `INVALID_REQUEST`.
    #[default]
    Refused,
    /// `zip: DEF` is taken, as RFC 7516 has it.
    Taken,
}

/// When the payments of a period are sold to the acquirer.
///
/// Source: Toss Payments, settlement API, `soldDate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SettlementCycle {
    /// On the day of the payment.
    #[default]
    Daily,
    /// On the Sunday of its week.
    Weekly,
    /// On the last day of its month.
    Monthly,
}

/// What a merchant has agreed with Toss on settlement. Days are those of Korea.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// When payments are sold.
    pub cycle: SettlementCycle,
    /// How many business days later they are paid out; weekends are no business days.
    pub payout_days: u32,
    /// What Toss keeps, in thousandths, VAT not included.
    pub fee_per_mille: u64,
}

impl Default for Contract {
    fn default() -> Self {
        Self { cycle: SettlementCycle::Daily, payout_days: 2, fee_per_mille: 27 }
    }
}

/// How a simulator is set up; the default is one merchant with the `DEFAULT_…` keys, with a contract in each currency,
/// and no webhooks.
#[derive(Clone, Debug)]
pub struct Options {
    /// The merchants it knows. The first of a currency owns what `POST /_sim/authorize` creates in it.
    pub merchants: Vec<Merchant>,
    /// Where webhooks go; may be empty, and may be set later with `POST /_sim/webhooks`.
    pub webhook_urls: Vec<String>,
    /// The address browsers reach it at, for receipt and checkout links; no slash at the end.
    /// [`crate::serve`] uses the listener's address when absent.
    pub public_url: Option<String>,
    /// Whether a 5xx answer is bound to its idempotency key, as 4xx answers measurably are.
    /// Toss does not document it; bound is the harder case for a client, hence the default.
    pub bind_server_errors: bool,
    /// Whether EXPRESS payouts are served from 08:00 to 15:00 on weekdays only, as third parties report of
    /// Toss. Off unless asked for: a developer works at night, too.
    pub keep_express_hours: bool,
    /// What every merchant has agreed on settlement.
    pub contract: Contract,
    /// Currencies whose sales are settled in won. `POST /_sim/exchange` changes them.
    pub exchanges: Vec<Exchange>,
    /// Which bytes of [`Merchant::security_key`] sign payout and seller webhooks: the 32 it stands for, or
    /// its 64 characters. Toss does not document it.
    pub signs_with: SigningKey,
    /// Which codes of a bank the payout API takes.
    pub bank_codes: BankCodes,
    /// Whether a sealed request may be compressed.
    pub compression: Compression,
    /// Webhooks of ten thousand that are never sent, by chance. `POST /_sim/webhooks` changes it.
    pub withheld_webhooks_bps: u16,
    /// A SQLite file to remember everything by, also when the process is killed; made when absent. One
    /// simulator at a time. Everything is forgotten at the end when this is `None`.
    pub file: Option<PathBuf>,
    /// Makes keys, numbers and random mischief the same in every run that receives the same requests in the
    /// same order. Two payments of two files then have the same keys.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            merchants: Merchant::defaults(),
            webhook_urls: Vec::new(),
            public_url: None,
            bind_server_errors: true,
            keep_express_hours: false,
            contract: Contract::default(),
            exchanges: Vec::new(),
            signs_with: SigningKey::default(),
            bank_codes: BankCodes::default(),
            compression: Compression::default(),
            withheld_webhooks_bps: 0,
            file: None,
            seed: None,
        }
    }
}
