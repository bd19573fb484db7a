//! Cash receipts (현금영수증) as the PSP reports them, and whether they say what was paid.
//!
//! The PSP issues a receipt with a payment and takes it back with a refund. No money waits for a receipt.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{Money, failure::Failure, time::Timestamp};

/// The methods that count as cash, in the PSP's words: virtual account and transfer, in Korean and in English.
pub const CASH_LIKE_METHODS: [&str; 4] = ["가상계좌", "계좌이체", "Virtual account", "Transfer"];
/// Within how many days after the sale a receipt is issued. Source: Income Tax Act, Article 162-3 paragraph 4.
pub const DUE_DAYS: u32 = 5;
/// How long the PSP is left alone with a receipt that is under way, in milliseconds. The tax office takes a day or two.
pub const UNDER_WAY_PAUSE_MS: u64 = 6 * HOUR_MS;
/// How often the PSP is asked about a receipt that does not say what was paid, in milliseconds.
pub const WRONG_PAUSE_MS: u64 = 12 * HOUR_MS;
/// How often the PSP is asked whether a receipt was issued after all, in milliseconds.
pub const MISSING_PAUSE_MS: u64 = 24 * HOUR_MS;
/// For how long after the payment the PSP is asked about a receipt that nobody has asked for, in milliseconds.
pub const MISSING_PATIENCE_MS: u64 = (DUE_DAYS as u64 + 1) * 24 * HOUR_MS;
/// How long receipts may differ from the payment before a person sees it, in milliseconds.
pub const WRONG_PATIENCE_MS: u64 = 24 * HOUR_MS;
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// A code that the API and the database write.
macro_rules! words {
    ($name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $name {
            /// Every value.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The word in the API and the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads what [`Self::as_str`] writes.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.as_str() == text)
            }
        }
    };
}

mod request;

pub use request::{MoneyHeld, ReceiptRefusal, ReceiptRequest, ReceiptStep, RequestStatus, next_step};

/// What the buyer uses a receipt for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptPurpose {
    /// The income deduction of a person (소득공제).
    IncomeDeduction,
    /// The proof of a business expense (지출증빙).
    ExpenseProof,
}

words! { ReceiptPurpose { IncomeDeduction = "INCOME_DEDUCTION", ExpenseProof = "EXPENSE_PROOF" } }

/// The cash receipt that the payment window has chosen when it opens. The buyer enters the number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReceiptPreset {
    /// One for the income deduction of a person (소득공제).
    IncomeDeduction,
    /// One that proves a business expense (지출증빙).
    ExpenseProof,
    /// None (미발행).
    None,
}

words! {
    ReceiptPreset { IncomeDeduction = "INCOME_DEDUCTION", ExpenseProof = "EXPENSE_PROOF", None = "NONE" }
}

/// Whether a receipt records a payment or takes a part of it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptEntry {
    /// It records a payment.
    Issue,
    /// It takes back what another receipt records, or a part of it.
    Cancel,
}

words! { ReceiptEntry { Issue = "ISSUE", Cancel = "CANCEL" } }

/// Where one receipt stands at the tax office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// The tax office has not answered.
    InProgress,
    /// The tax office has it.
    Completed,
    /// The tax office refused it.
    Failed,
}

words! { ReceiptStatus { InProgress = "IN_PROGRESS", Completed = "COMPLETED", Failed = "FAILED" } }

/// A receipt, or the cancellation of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashReceipt {
    /// The PSP's name of it.
    pub key: String,
    /// What it does.
    pub entry: ReceiptEntry,
    /// What it is used for, where the PSP says it.
    pub purpose: Option<ReceiptPurpose>,
    /// The amount that it records or takes back.
    pub amount: Money,
    /// The part of the amount without tax.
    pub tax_free: Money,
    /// Its number at the tax office.
    pub number: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// Where it stands.
    pub status: ReceiptStatus,
    /// Why the tax office refused it.
    pub failure: Option<Failure>,
    /// When it was asked for.
    pub requested_at: Option<Timestamp>,
}

/// How much of a payment its receipts have to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All that is held of it: it was paid like cash.
    Whole,
    /// A part that only the PSP knows, such as the points in an easy pay.
    Part,
}

/// Where all receipts of a payment stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptStanding {
    /// There is no receipt.
    Missing,
    /// The receipts say what is held, and the tax office has not answered for all of them.
    InProgress,
    /// The receipts say what is held.
    Issued,
    /// All was given back, and no receipt is left.
    TakenBack,
    /// The tax office refused a receipt, and the others do not say what is held.
    Failed,
    /// The receipts do not say what is held.
    Differs,
}

words! {
    ReceiptStanding {
        Missing = "MISSING",
        InProgress = "IN_PROGRESS",
        Issued = "ISSUED",
        TakenBack = "TAKEN_BACK",
        Failed = "FAILED",
        Differs = "DIFFERS",
    }
}

impl ReceiptStanding {
    /// Whether the receipts say something else than what was paid: a person has to know.
    pub const fn is_wrong(self) -> bool {
        match self {
            Self::Failed | Self::Differs => true,
            Self::Missing | Self::InProgress | Self::Issued | Self::TakenBack => false,
        }
    }

    /// After how long the PSP is asked again, so long after the payment; nothing where it is asked no more. A refund
    /// asks anew.
    pub const fn next_look_ms(self, ms_since_payment: u64) -> Option<u64> {
        match self {
            Self::InProgress => Some(UNDER_WAY_PAUSE_MS),
            Self::Failed | Self::Differs => Some(WRONG_PAUSE_MS),
            Self::Missing if ms_since_payment < MISSING_PATIENCE_MS => Some(MISSING_PAUSE_MS),
            Self::Missing | Self::Issued | Self::TakenBack => None,
        }
    }
}

/// Whether a method, in the PSP's words, counts as cash.
pub fn is_cash_like(method: Option<&str>) -> bool {
    method.is_some_and(|method| CASH_LIKE_METHODS.contains(&method))
}

/// What the receipts of a payment record, less what they take back, in minor units. Refused ones do nothing. Nothing
/// where more is taken back than recorded.
pub fn recorded(receipts: &[CashReceipt]) -> Option<u64> {
    let sum = |entry: ReceiptEntry| -> Option<u64> {
        let counted =
            receipts.iter().filter(|receipt| receipt.entry == entry && receipt.status != ReceiptStatus::Failed);
        counted.map(|receipt| receipt.amount.minor()).try_fold(0_u64, u64::checked_add)
    };
    sum(ReceiptEntry::Issue)?.checked_sub(sum(ReceiptEntry::Cancel)?)
}

/// Where the receipts of a payment stand of which so much is held. Receipts and money are of one answer of the PSP.
pub fn standing(receipts: &[CashReceipt], held: Money, coverage: Coverage) -> ReceiptStanding {
    let of_status = |status: ReceiptStatus| receipts.iter().filter(move |receipt| receipt.status == status).count();
    let failed = of_status(ReceiptStatus::Failed);
    if receipts.is_empty() {
        return if held.is_zero() { ReceiptStanding::TakenBack } else { ReceiptStanding::Missing };
    }
    let agrees = recorded(receipts).is_some_and(|recorded| match coverage {
        Coverage::Whole => recorded == held.minor(),
        // All that was given back is taken back; of the rest no more is known than that it was paid.
        Coverage::Part => recorded <= held.minor() && (failed == 0 || held.is_zero()),
    });
    match (agrees, failed) {
        (true, _) if of_status(ReceiptStatus::InProgress) > 0 => ReceiptStanding::InProgress,
        (true, _) if held.is_zero() => ReceiptStanding::TakenBack,
        (true, _) => ReceiptStanding::Issued,
        (false, 0) => ReceiptStanding::Differs,
        (false, _) => ReceiptStanding::Failed,
    }
}

/// What one question about the receipts of a payment brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptsSeen {
    /// Every receipt and every cancellation.
    pub receipts: Vec<CashReceipt>,
    /// Where they stand together.
    pub standing: ReceiptStanding,
}
