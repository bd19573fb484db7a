//! How a buyer can pay: the methods that a marketplace offers, each by its contract with the PSP.

use alloc::vec::Vec;
use core::{fmt, str::FromStr};

use crate::money::{Currency, Money};

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

    /// Whether the PSP has the method in a currency: the methods of Korea in won, cards and foreign easy pays in
    /// dollars, cards in yen. Source: Toss Payments, guides to payments in other currencies.
    pub const fn is_offered_in(self, currency: Currency) -> bool {
        match (currency, self) {
            (Currency::Krw, Self::ForeignEasyPay) => false,
            (Currency::Krw, _)
            | (Currency::Usd | Currency::Jpy, Self::Card)
            | (Currency::Usd, Self::ForeignEasyPay) => true,
            (Currency::Usd | Currency::Jpy, _) => false,
        }
    }

    /// Whether the PSP has escrow for the method: those by which the buyer's money leaves an account. The law exempts
    /// cards. Source: Act on Consumer Protection in Electronic Commerce, Article 24; Toss Payments, browser script,
    /// `virtualAccount.useEscrow` and `transfer.useEscrow`.
    pub const fn has_escrow(self, currency: Currency) -> bool {
        matches!((currency, self), (Currency::Krw, Self::VirtualAccount | Self::Transfer))
    }

    /// The least payment that the PSP takes by the method, in minor units. Source: Toss Payments, text of the error
    /// `BELOW_MINIMUM_AMOUNT`: 100 won by card, 200 won from an account. Of the other methods in won, the lower of
    /// these is our assumption. Neither the list of errors nor the guides to payments in USD and JPY (read in November
    /// 2026) name a least amount of these currencies: one minor unit is our assumption, and an amount that is too small
    /// for a contract is declined by the PSP.
    pub const fn least_minor(self, currency: Currency) -> u64 {
        match (currency, self) {
            (Currency::Krw, Self::Transfer | Self::VirtualAccount) => 200,
            (Currency::Krw, _) => 100,
            (Currency::Usd | Currency::Jpy, _) => 1,
        }
    }

    /// The methods of a list by which the PSP takes payments in a currency. Where the list has none of them, cards:
    /// every contract has them.
    pub fn offered_in(listed: &[Self], currency: Currency) -> Vec<Self> {
        let offered: Vec<Self> = listed.iter().copied().filter(|method| method.is_offered_in(currency)).collect();
        if offered.is_empty() { alloc::vec![Self::Card] } else { offered }
    }

    /// The methods of a list by which the PSP takes an amount. Where it takes the amount by none of them, all of the
    /// currency: the PSP says why.
    pub fn taking(listed: &[Self], amount: Money) -> Vec<Self> {
        let currency = amount.currency();
        let offered = Self::offered_in(listed, currency);
        let takes = |method: &Self| amount.minor() >= method.least_minor(currency);
        if offered.iter().any(takes) { offered.into_iter().filter(takes).collect() } else { offered }
    }

    /// The methods of a list by which the PSP takes an amount in escrow.
    pub fn taking_in_escrow(listed: &[Self], amount: Money) -> Vec<Self> {
        let currency = amount.currency();
        let takes = |method: &Self| method.has_escrow(currency) && amount.minor() >= method.least_minor(currency);
        listed.iter().copied().filter(takes).collect()
    }

    /// The least payment that the PSP takes by one of a list of methods.
    pub fn least_payment(listed: &[Self], currency: Currency) -> Money {
        let least = Self::offered_in(listed, currency).into_iter().map(|method| method.least_minor(currency)).min();
        Money::try_from_minor(least.unwrap_or(0), currency).unwrap_or(Money::zero(currency))
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
