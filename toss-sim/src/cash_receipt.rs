//! Cash receipts (현금영수증): issued with a payment that asked for one, or by themselves, and taken back in parts.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::codes::Code;
use crate::fields::{self, Won, is_order_id, is_order_name};
use crate::file::{Change, File, FileError};
use crate::shelf::{Saved, Shelf};
use crate::time::{Instant, with_offset};

/// How long the tax office takes: a receipt is IN_PROGRESS, then COMPLETED.
const ISSUE_TIME: TimeDelta = TimeDelta::days(1);
/// The shop's business number on every receipt.
const BUSINESS_NUMBER: &str = "1234567890";
/// Digits of an identity number that a Payment shows.
const SHOWN_DIGITS: usize = 7;
/// Most receipts that belong to no payment; past this, a new one is refused.
const MAX_RECEIPTS: usize = 100_000;

/// What a call to the API of cash receipts asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptCall {
    Issue,
    Cancel { receipt_key: String },
    List { query: String },
}

/// What a receipt is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReceiptKind {
    /// 소득공제: the income deduction of a person.
    Deduction,
    /// 지출증빙: the proof of a business expense.
    Expense,
}

impl ReceiptKind {
    pub(crate) const ALL: [Self; 2] = [Self::Deduction, Self::Expense];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deduction => "소득공제",
            Self::Expense => "지출증빙",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The number of a buyer who typed none.
    pub(crate) fn usual_number(self) -> &'static str {
        match self {
            Self::Deduction => "01000001234",
            Self::Expense => "1234567890",
        }
    }

    /// Whether a number can stand on such a receipt: a phone or a business number, or the number of a card.
    pub(crate) fn takes(self, number: &str) -> bool {
        let is_of_a_card = (13..=19).contains(&number.len());
        let fits = match self {
            Self::Deduction => matches!(number.len(), 10 | 11) || is_of_a_card,
            Self::Expense => number.len() == 10 || is_of_a_card,
        };
        fits && number.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// The receipt that a shop or a buyer asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReceiptWish {
    pub(crate) kind: ReceiptKind,
    pub(crate) number: String,
}

/// Whether a receipt records a payment or takes one back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReceiptEntry {
    Confirm,
    Cancel,
}

/// Random values of one receipt.
#[derive(Clone, Debug)]
pub(crate) struct FreshReceipt {
    pub(crate) key: String,
    /// Nine digits.
    pub(crate) issue_number: String,
}

/// One receipt, or one cancellation of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CashReceipt {
    pub(crate) key: String,
    issue_number: String,
    wish: ReceiptWish,
    pub(crate) order_id: String,
    order_name: String,
    pub(crate) amount: u64,
    pub(crate) tax_free: u64,
    pub(crate) entry: ReceiptEntry,
    /// The receipt that a cancellation takes back.
    pub(crate) of: Option<String>,
    pub(crate) requested_at: Instant,
    /// What the tax office says of a receipt that it refused.
    #[serde(default)]
    refusal: Option<String>,
}

/// The order of a receipt, and its amounts in won.
#[derive(Clone, Copy)]
pub(crate) struct ReceiptOrder<'a> {
    pub(crate) order_id: &'a str,
    pub(crate) order_name: &'a str,
    pub(crate) amount: u64,
    pub(crate) tax_free: u64,
}

/// Amounts in won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiptAmount {
    pub(crate) whole: u64,
    pub(crate) tax_free: u64,
}

impl CashReceipt {
    pub(crate) fn issued(wish: ReceiptWish, order: ReceiptOrder<'_>, fresh: FreshReceipt, now: Instant) -> Self {
        Self {
            key: fresh.key,
            issue_number: fresh.issue_number,
            wish,
            order_id: order.order_id.to_owned(),
            order_name: order.order_name.to_owned(),
            amount: order.amount,
            tax_free: order.tax_free,
            entry: ReceiptEntry::Confirm,
            of: None,
            requested_at: now,
            refusal: None,
        }
    }

    /// The tax office refuses it.
    pub(crate) fn refuse(&mut self, message: String) {
        self.refusal = Some(message);
    }

    /// The cancellation of a part of this receipt. The key of the first begins as Toss documents it.
    pub(crate) fn canceled(&self, part: ReceiptAmount, is_first: bool, fresh: FreshReceipt, now: Instant) -> Self {
        let key = if is_first { format!("c_{}", self.key) } else { format!("c_{}", fresh.key) };
        Self {
            key,
            issue_number: fresh.issue_number,
            amount: part.whole,
            tax_free: part.tax_free,
            entry: ReceiptEntry::Cancel,
            of: Some(self.key.clone()),
            requested_at: now,
            refusal: None,
            ..self.clone()
        }
    }

    /// Takes back a part of the receipt `key` of a list, or as much of it as there is left.
    pub(crate) fn take_back(
        receipts: &mut Vec<Self>,
        key: &str,
        part: ReceiptAmount,
        fresh: FreshReceipt,
        now: Instant,
    ) -> Option<String> {
        let left = left(receipts, key);
        let whole = part.whole.min(left.whole);
        if whole == 0 {
            return None;
        }
        let part = ReceiptAmount { whole, tax_free: part.tax_free.min(left.tax_free).min(whole) };
        let is_first = !receipts.iter().any(|receipt| receipt.of.as_deref() == Some(key));
        let original = receipts.iter().find(|receipt| receipt.key == key)?;
        let canceled = original.canceled(part, is_first, fresh, now);
        let canceled_key = canceled.key.clone();
        receipts.push(canceled);
        Some(canceled_key)
    }

    /// The CashReceipt object.
    pub(crate) fn json(&self, public_url: &str, now: Instant) -> Value {
        let is_final = self.requested_at + ISSUE_TIME <= now;
        let requested_at = with_offset(self.requested_at);
        let is_cancel = self.entry == ReceiptEntry::Cancel;
        json!({
            "receiptKey": self.key,
            "issueNumber": self.issue_number,
            "issueStatus": match &self.refusal {
                Some(_) => "FAILED",
                None if is_final => "COMPLETED",
                None => "IN_PROGRESS",
            },
            "amount": self.amount,
            "taxFreeAmount": self.tax_free,
            "orderId": self.order_id,
            "orderName": self.order_name,
            "type": self.wish.kind.name(),
            "approvalNumber": self.issue_number,
            "transactionType": if is_cancel { "CANCEL" } else { "CONFIRM" },
            "businessNumber": BUSINESS_NUMBER,
            "customerIdentityNumber": self.wish.number,
            "failure": self.refusal.as_ref().map(|message| json!({ "code": "NTS_ERROR", "message": message })),
            "requestedAt": requested_at,
            "approvedAt": requested_at,
            "canceledAt": is_cancel.then_some(requested_at),
            "receiptUrl": self.url(public_url),
        })
    }

    fn url(&self, public_url: &str) -> String {
        format!("{public_url}/_window/cash-receipts/{}", self.key)
    }

    /// A row of `cashReceipts` in a Payment: fewer fields, and most of the number hidden.
    fn row(&self, public_url: &str, now: Instant) -> Value {
        let mut row = self.json(public_url, now);
        let shown = |(index, digit)| if index < SHOWN_DIGITS { digit } else { '*' };
        let number: String = self.wish.number.chars().enumerate().map(shown).collect();
        if let Value::Object(fields) = &mut row {
            for name in ["approvalNumber", "approvedAt", "canceledAt"] {
                fields.remove(name);
            }
            fields.insert("customerIdentityNumber".to_owned(), number.into());
        }
        row
    }
}

/// What is left of a receipt, or nothing when it is not in the list. What the tax office refused is nothing.
pub(crate) fn left(receipts: &[CashReceipt], key: &str) -> ReceiptAmount {
    let mut left = ReceiptAmount { whole: 0, tax_free: 0 };
    for receipt in receipts.iter().filter(|receipt| receipt.refusal.is_none()) {
        match receipt.entry {
            ReceiptEntry::Confirm if receipt.key == key => {
                left = ReceiptAmount { whole: receipt.amount, tax_free: receipt.tax_free };
            }
            ReceiptEntry::Cancel if receipt.of.as_deref() == Some(key) => {
                left.whole = left.whole.saturating_sub(receipt.amount);
                left.tax_free = left.tax_free.saturating_sub(receipt.tax_free);
            }
            ReceiptEntry::Confirm | ReceiptEntry::Cancel => {}
        }
    }
    left
}

/// The receipt of a list of which something is left.
pub(crate) fn standing(receipts: &[CashReceipt]) -> Option<&CashReceipt> {
    receipts.iter().find(|receipt| left(receipts, &receipt.key).whole > 0)
}

/// `cashReceipt` of a Payment: what stands of its receipt. Null once all of it is taken back.
pub(crate) fn of_payment(receipts: &[CashReceipt], public_url: &str) -> Value {
    standing(receipts).map_or(Value::Null, |receipt| {
        let left = left(receipts, &receipt.key);
        json!({
            "type": receipt.wish.kind.name(),
            "receiptKey": receipt.key,
            "issueNumber": receipt.issue_number,
            "receiptUrl": receipt.url(public_url),
            "amount": left.whole,
            "taxFreeAmount": left.tax_free,
        })
    })
}

/// `cashReceipts` of a Payment.
pub(crate) fn rows_of_payment(receipts: &[CashReceipt], public_url: &str, now: Instant) -> Value {
    if receipts.is_empty() {
        return Value::Null;
    }
    receipts.iter().map(|receipt| receipt.row(public_url, now)).collect()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IssueBody {
    amount: Won,
    #[serde(deserialize_with = "fields::text")]
    order_id: String,
    order_name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(alias = "registrationNumber", deserialize_with = "fields::text")]
    customer_identity_number: String,
    tax_free_amount: Option<Won>,
}

/// A well-formed request for a receipt.
#[derive(Debug)]
pub(crate) struct IssueRequest {
    pub(crate) wish: ReceiptWish,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) amount: ReceiptAmount,
}

impl IssueRequest {
    /// Reads the body of `POST /v1/cash-receipts`.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the body by itself.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Code> {
        let body: IssueBody = fields::read(bytes)?;
        if !is_order_id(&body.order_id) {
            return Err(Code::InvalidOrderId);
        }
        if !is_order_name(&body.order_name) {
            return Err(Code::InvalidOrderName);
        }
        let (whole, tax_free) = (body.amount.0, body.tax_free_amount.map_or(0, |Won(amount)| amount));
        if whole == 0 {
            return Err(Code::BelowZeroAmount);
        }
        let kind = ReceiptKind::named(&body.kind).filter(|_| tax_free <= whole).ok_or(Code::InvalidRequest)?;
        if !kind.takes(&body.customer_identity_number) {
            return Err(Code::InvalidRegistrationNumberType);
        }
        let wish = ReceiptWish { kind, number: body.customer_identity_number };
        let amount = ReceiptAmount { whole, tax_free };
        Ok(Self { wish, order_id: body.order_id, order_name: body.order_name, amount })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CancelBody {
    pub(crate) amount: Option<Won>,
}

/// A receipt that belongs to no payment of the simulator.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Standing {
    merchant: usize,
    /// The receipt and its cancellations.
    receipts: Vec<CashReceipt>,
}

/// The receipts that belong to no payment.
#[derive(Debug)]
pub(crate) struct CashReceipts {
    kept: Shelf<u64, Standing>,
}

impl Default for CashReceipts {
    fn default() -> Self {
        Self { kept: Shelf::new("cash_receipt") }
    }
}

impl Saved for CashReceipts {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.kept.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.kept.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.kept.restore(file)
    }
}

impl CashReceipts {
    /// Keeps a new receipt; says whether there was room.
    pub(crate) fn keep(&mut self, merchant: usize, receipt: CashReceipt) -> bool {
        let has_room = self.kept.len() < MAX_RECEIPTS;
        if has_room {
            let number = self.kept.last_id().map_or(1, |last| last + 1);
            self.kept.insert(number, Standing { merchant, receipts: vec![receipt] });
        }
        has_room
    }

    /// The receipts of a merchant, each with its cancellations.
    pub(crate) fn of_merchant(&self, merchant: usize) -> impl Iterator<Item = &[CashReceipt]> {
        self.kept.iter().filter(move |(_, one)| one.merchant == merchant).map(|(_, one)| one.receipts.as_slice())
    }

    /// The list in which a receipt is, to be changed.
    pub(crate) fn holding_mut(&mut self, merchant: usize, key: &str) -> Option<&mut Vec<CashReceipt>> {
        let holds = |one: &Standing| one.merchant == merchant && one.receipts.iter().any(|receipt| receipt.key == key);
        let number = self.kept.iter().find(|(_, one)| holds(one)).map(|(number, _)| *number)?;
        self.kept.get_mut(&number).map(|one| &mut one.receipts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(key: &str) -> FreshReceipt {
        FreshReceipt { key: key.to_owned(), issue_number: "123456789".to_owned() }
    }

    #[test]
    fn a_receipt_is_taken_back_until_nothing_is_left() {
        let now = Instant::UNIX_EPOCH;
        let wish = ReceiptWish { kind: ReceiptKind::Deduction, number: "01000001234".to_owned() };
        let order = ReceiptOrder { order_id: "order-1", order_name: "책", amount: 10_000, tax_free: 3_000 };
        let mut receipts = vec![CashReceipt::issued(wish, order, fresh("k"), now)];
        let mut back = |whole, tax_free, key| {
            let part = ReceiptAmount { whole, tax_free };
            let taken = CashReceipt::take_back(&mut receipts, "k", part, fresh(key), now);
            let left = left(&receipts, "k");
            (taken, left.whole, left.tax_free)
        };
        assert_eq!(back(4_000, 1_000, "a"), (Some("c_k".to_owned()), 6_000, 2_000));
        assert_eq!(back(9_000, 9_000, "b"), (Some("c_b".to_owned()), 0, 0), "no more than there is");
        assert_eq!(back(1, 0, "c"), (None, 0, 0));
        assert_eq!(standing(&receipts), None);
    }

    #[test]
    fn a_refused_receipt_records_and_takes_back_nothing() {
        let now = Instant::UNIX_EPOCH;
        let wish = ReceiptWish { kind: ReceiptKind::Deduction, number: "01000001234".to_owned() };
        let order = ReceiptOrder { order_id: "order-1", order_name: "책", amount: 10_000, tax_free: 0 };
        let mut receipts = vec![CashReceipt::issued(wish, order, fresh("k"), now)];
        let part = ReceiptAmount { whole: 4_000, tax_free: 0 };
        CashReceipt::take_back(&mut receipts, "k", part, fresh("a"), now);
        receipts[1].refuse("[TS9] 취소할 수 없습니다.".to_owned());
        assert_eq!(left(&receipts, "k").whole, 10_000);
        assert_eq!(receipts[1].json("http://sim", now)["issueStatus"], "FAILED");
        assert_eq!(receipts[1].json("http://sim", now)["failure"]["code"], "NTS_ERROR");
        receipts[0].refuse("[TS2] 사업자번호 오류".to_owned());
        assert_eq!(standing(&receipts), None);
    }

    #[test]
    fn a_number_fits_what_the_receipt_is_for() {
        for (kind, number, fits) in [
            (ReceiptKind::Deduction, "01012345678", true),
            (ReceiptKind::Deduction, "123", false),
            (ReceiptKind::Expense, "1234567890", true),
            (ReceiptKind::Expense, "01012345678", false),
            (ReceiptKind::Expense, "12345-7890", false),
        ] {
            assert_eq!(kind.takes(number), fits, "{number}");
        }
    }
}
