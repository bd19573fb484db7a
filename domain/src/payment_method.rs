//! How a buyer can pay: the methods that a marketplace offers, each by its contract with the PSP.

use alloc::vec::Vec;
use core::{fmt, str::FromStr};

/// A method of payment that the payment page can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentMethod {
    /// The PSP's window for cards, which also offers the easy pays of the contract.
    Card,
    /// A bank account that is opened for this payment alone.
    VirtualAccount,
    /// A transfer from the buyer's account, at once.
    Transfer,
    /// The buyer's phone bill.
    MobilePhone,
    /// A voucher for culture (문화상품권).
    CultureGiftCertificate,
    /// A voucher for books (도서문화상품권).
    BookGiftCertificate,
    /// A voucher for games (게임문화상품권).
    GameGiftCertificate,
    /// An easy pay of another country, such as PayPal.
    ForeignEasyPay,
}

/// A text that names no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such payment method; methods are card, virtual_account, transfer, mobile_phone, culture_gift_certificate, \
     book_gift_certificate, game_gift_certificate, foreign_easy_pay"
)]
pub struct UnknownMethod;

impl PaymentMethod {
    /// Every method, in the order in which a page offers them.
    pub const ALL: [Self; 8] = [
        Self::Card,
        Self::VirtualAccount,
        Self::Transfer,
        Self::MobilePhone,
        Self::CultureGiftCertificate,
        Self::BookGiftCertificate,
        Self::GameGiftCertificate,
        Self::ForeignEasyPay,
    ];

    /// The method as settings write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::VirtualAccount => "virtual_account",
            Self::Transfer => "transfer",
            Self::MobilePhone => "mobile_phone",
            Self::CultureGiftCertificate => "culture_gift_certificate",
            Self::BookGiftCertificate => "book_gift_certificate",
            Self::GameGiftCertificate => "game_gift_certificate",
            Self::ForeignEasyPay => "foreign_easy_pay",
        }
    }

    /// The methods of a list, each once, in the order in which a page offers them.
    pub fn in_order(listed: &[Self]) -> Vec<Self> {
        Self::ALL.into_iter().filter(|method| listed.contains(method)).collect()
    }
}

impl fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PaymentMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(UnknownMethod)
    }
}
