//! 결제수단: what a payment is paid with.

use serde::{Deserialize, Serialize};

use crate::currency::Currency;

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
    /// An easy pay of another country, such as PayPal.
    ForeignEasyPay,
}

impl Method {
    /// Least amount in minor units. Toss documents one for cards and one for accounts, in won.
    pub(crate) fn minimum(self, currency: Currency) -> u64 {
        if currency != Currency::Krw {
            return 1;
        }
        match self {
            Self::Card | Self::EasyPay => CARD_MINIMUM,
            Self::Transfer | Self::VirtualAccount => ACCOUNT_MINIMUM,
            Self::MobilePhone
            | Self::CultureGiftCertificate
            | Self::BookGiftCertificate
            | Self::GameGiftCertificate
            | Self::ForeignEasyPay => 1,
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
            | Self::GameGiftCertificate
            | Self::ForeignEasyPay => false,
        }
    }

    /// Whether a contract in a currency has the method: all methods of Korea in won, foreign cards and easy pays in
    /// dollars, foreign cards in yen.
    ///
    /// Source: Toss Payments, guides to payments in other currencies.
    pub(crate) fn is_offered_in(self, currency: Currency) -> bool {
        match currency {
            Currency::Krw => self != Self::ForeignEasyPay,
            Currency::Usd => matches!(self, Self::Card | Self::ForeignEasyPay),
            Currency::Jpy => self == Self::Card,
        }
    }

    /// Whether it is cash in the eyes of the tax office, for which a receipt is issued.
    pub(crate) fn is_cash(self) -> bool {
        self.needs_the_bank()
    }
}
