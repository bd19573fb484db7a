//! 결제수단: what a payment is paid with.

use serde::{Deserialize, Serialize};

/// Least amount of a card payment, in won.
const CARD_MINIMUM: u64 = 100;
/// Least amount of a payment from an account, in won.
const ACCOUNT_MINIMUM: u64 = 200;

/// 결제수단: how the buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Method {
    Card,
    VirtualAccount,
    Transfer,
    EasyPay,
    MobilePhone,
    CultureGiftCertificate,
    BookGiftCertificate,
    GameGiftCertificate,
}

impl Method {
    /// Least amount in won; Toss documents one for cards and one for accounts.
    pub(crate) fn minimum(self) -> u64 {
        match self {
            Self::Card | Self::EasyPay => CARD_MINIMUM,
            Self::Transfer | Self::VirtualAccount => ACCOUNT_MINIMUM,
            Self::MobilePhone
            | Self::CultureGiftCertificate
            | Self::BookGiftCertificate
            | Self::GameGiftCertificate => 1,
        }
    }

    /// Whether a bank moves the money, while the bank is open.
    pub(crate) fn needs_the_bank(self) -> bool {
        match self {
            Self::Transfer | Self::VirtualAccount => true,
            Self::Card
            | Self::EasyPay
            | Self::MobilePhone
            | Self::CultureGiftCertificate
            | Self::BookGiftCertificate
            | Self::GameGiftCertificate => false,
        }
    }

    /// Whether it is cash in the eyes of the tax office, for which a receipt is issued.
    pub(crate) fn is_cash(self) -> bool {
        self.needs_the_bank()
    }
}
