//! Receipts that the marketplace asked for after the payment: sent to the PSP, and taken back with refunds.

use domain::{
    Currency, Money,
    calendar::Day,
    cash_receipt::{
        CashReceipt, MoneyHeld, ReceiptEntry, ReceiptPurpose, ReceiptRefusal, ReceiptRequest, ReceiptStatus,
        ReceiptStep, RequestStatus, next_step, recorded,
    },
    failure::Failure,
};
use futures::{StreamExt as _, pin_mut};
use store::{CheckoutRecord, ReceiptLook, open_receipt_number};
use toss::{CashReceiptRecord, CashReceiptRequest, CashReceiptType, IdempotencyKey, Private};

use super::{CashReceipts, NoAnswer, of_row};
use crate::{
    failure::{PspErrorClass, classify, evidence},
    payout::words,
};

/// The most steps about one payment in one look.
const MOST_STEPS: usize = 8;
/// After how many answers that told nothing a request comes to nothing.
const MOST_ATTEMPTS: u32 = 10;
/// For how many days a request that was sent is looked for in the PSP's lists.
const MOST_DAYS: usize = 15;

/// What came of sending a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Done,
    Refused,
}

impl CashReceipts {
    /// Carries out what the marketplace asked for, and what refunds take back of it. Answers the receipts that came of
    /// that, as the PSP tells of them now.
    pub(super) async fn carry_out(
        &self,
        toss: &toss::Client,
        look: &ReceiptLook,
        at_psp: Money,
        of_psp: &[CashReceipt],
    ) -> Result<Vec<CashReceipt>, NoAnswer> {
        let mut requests = self.writer.receipt_requests(&look.checkout_id).await?;
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let purchase = self.writer.paid_checkout(&look.checkout_id).await?;
        let (record, sums) = purchase.ok_or(NoAnswer::MoneyMoves)?;
        let held = MoneyHeld {
            at_psp,
            in_books: sums.left,
            tax_free: sums.tax_left.tax_free,
            has_receipt: recorded(of_psp).is_some_and(|recorded| recorded > 0),
        };
        for _ in 0..MOST_STEPS {
            match next_step(&requests, &held) {
                ReceiptStep::Nothing => break,
                ReceiptStep::Wait => return Err(NoAnswer::MoneyMoves),
                ReceiptStep::Refuse(request, refusal) => self.refuse(request, refusal).await?,
                ReceiptStep::Size(request) => {
                    self.writer.size_receipt(&request.id, held.in_books, held.tax_free).await?;
                }
                ReceiptStep::TakeBack(issued, part) => {
                    let before = requests.iter().filter(|request| request.entry == ReceiptEntry::Cancel).count();
                    self.writer.take_receipt_back(issued, before + 1, part).await?;
                }
                ReceiptStep::Send(request) => {
                    // What the PSP refuses is planned anew at the next look, not at once.
                    if self.send(toss, &record, &requests, request).await? == Sent::Refused {
                        break;
                    }
                }
            }
            requests = self.writer.receipt_requests(&look.checkout_id).await?;
        }
        self.as_they_stand(toss, &requests).await
    }

    async fn refuse(&self, request: &ReceiptRequest, refusal: ReceiptRefusal) -> Result<(), NoAnswer> {
        let failure = Failure::new(refusal.as_str().to_owned(), refusal.to_string());
        Ok(self.writer.receipt_is_refused(&request.id, &failure).await?)
    }

    /// Sends a request. One that may have been sent before is looked for first.
    async fn send(
        &self,
        toss: &toss::Client,
        record: &CheckoutRecord,
        requests: &[ReceiptRequest],
        request: &ReceiptRequest,
    ) -> Result<Sent, NoAnswer> {
        if request.sent_at.is_some()
            && let Some(receipt) = find(toss, requests, request).await?
        {
            self.writer.receipt_is_done(request, &receipt).await?;
            return Ok(Sent::Done);
        }
        let key = IdempotencyKey::parse(format!("{}.{}", request.id, request.attempt));
        let key = key.map_err(|error| NoAnswer::Closed(error.to_string()))?;
        let answer = match request.entry {
            ReceiptEntry::Issue => {
                let Some(sealed) = self.writer.sealed_receipt_number(&request.id).await? else {
                    self.refuse(request, ReceiptRefusal::NumberErased).await?;
                    return Ok(Sent::Refused);
                };
                let keys = self.keyring.as_ref();
                let keys = keys.ok_or_else(|| NoAnswer::Closed("this worker has no encryption keys".to_owned()))?;
                let number = open_receipt_number(keys, &request.id, &sealed);
                let number = number.map_err(|error| NoAnswer::Closed(error.to_string()))?;
                let body = issue(record, request, number)?;
                self.writer.receipt_is_sent(&request.id).await?;
                toss.issue_cash_receipt(&body, &key).await
            }
            ReceiptEntry::Cancel => {
                let issued = requests.iter().find(|one| one.entry == ReceiptEntry::Issue && one.receipt_key.is_some());
                let issued = issued.and_then(|issued| issued.receipt_key.as_deref());
                let issued = issued.ok_or_else(|| NoAnswer::Closed("there is no receipt to take back".to_owned()))?;
                self.writer.receipt_is_sent(&request.id).await?;
                toss.cancel_cash_receipt(issued, request.amount.map(Money::minor), &key).await
            }
        };
        match answer {
            Ok(row) => {
                self.writer.receipt_is_done(request, &of_row(Currency::Krw, &row)?).await?;
                Ok(Sent::Done)
            }
            Err(error) => self.not_sent(toss, requests, request, &error).await,
        }
    }

    /// What an error says of a request. Only a refusal is a refusal.
    async fn not_sent(
        &self,
        toss: &toss::Client,
        requests: &[ReceiptRequest],
        request: &ReceiptRequest,
        error: &toss::Error,
    ) -> Result<Sent, NoAnswer> {
        let unknown = || NoAnswer::Psp(evidence(error));
        match classify(error) {
            PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => {
                self.writer.receipt_is_refused(&request.id, &failure).await?;
                Ok(Sent::Refused)
            }
            PspErrorClass::TryAgain => Err(unknown()),
            PspErrorClass::Ask(doubt) => {
                if let Some(receipt) = find(toss, requests, request).await? {
                    self.writer.receipt_is_done(request, &receipt).await?;
                    return Ok(Sent::Done);
                }
                if !doubt.answered {
                    return Err(unknown());
                }
                if request.attempt + 1 >= MOST_ATTEMPTS {
                    let failure = Failure::new(crate::failure::code_of(error), evidence(error));
                    self.writer.receipt_is_refused(&request.id, &failure).await?;
                    return Ok(Sent::Refused);
                }
                // The same key would be answered the same for ever.
                self.writer.receipt_key_is_spent(request).await?;
                Err(unknown())
            }
        }
    }

    /// The receipts that came of requests, as the PSP tells of them now. One that the tax office refused makes room for
    /// another.
    async fn as_they_stand(
        &self,
        toss: &toss::Client,
        requests: &[ReceiptRequest],
    ) -> Result<Vec<CashReceipt>, NoAnswer> {
        let Some(any) = requests.first() else { return Ok(Vec::new()) };
        let kept = self.writer.kept_receipts(&any.checkout_id).await?;
        let mut receipts = Vec::new();
        for request in requests.iter().filter(|request| request.status == RequestStatus::Done) {
            let is_of = |receipt: &&CashReceipt| Some(receipt.key.as_str()) == request.receipt_key.as_deref();
            let Some(before) = kept.iter().find(is_of) else { continue };
            let is_same = |row: &CashReceiptRecord| row.receipt_key.as_deref() == Some(before.key.as_str());
            let now = match before.status {
                ReceiptStatus::InProgress => listed(toss, request, is_same).await?.unwrap_or_else(|| before.clone()),
                ReceiptStatus::Completed | ReceiptStatus::Failed => before.clone(),
            };
            if now.status == ReceiptStatus::Failed {
                self.writer.receipt_came_to_nothing(&now).await?;
            }
            receipts.push(now);
        }
        Ok(receipts)
    }
}

fn issue(record: &CheckoutRecord, request: &ReceiptRequest, number: String) -> Result<CashReceiptRequest, NoAnswer> {
    let amount = request.amount.ok_or(NoAnswer::MoneyMoves)?;
    Ok(CashReceiptRequest {
        amount: amount.minor(),
        order_id: record.checkout_id.to_string(),
        order_name: record.order_name.clone(),
        receipt_type: match request.purpose {
            Some(ReceiptPurpose::ExpenseProof) => CashReceiptType::ProofOfExpense,
            Some(ReceiptPurpose::IncomeDeduction) | None => CashReceiptType::IncomeDeduction,
        },
        customer_identity_number: Private::new(number),
        tax_free_amount: request.tax_free.map(Money::minor).filter(|minor| *minor > 0),
    })
}

/// Looks for what a request may have come to: a receipt of the order that belongs to no other request.
async fn find(
    toss: &toss::Client,
    requests: &[ReceiptRequest],
    request: &ReceiptRequest,
) -> Result<Option<CashReceipt>, NoAnswer> {
    let entry = match request.entry {
        ReceiptEntry::Issue => toss::TransactionType::Confirm,
        ReceiptEntry::Cancel => toss::TransactionType::Cancel,
    };
    let is_another = |row: &CashReceiptRecord| requests.iter().any(|one| one.receipt_key == row.receipt_key);
    let is_refused = |row: &CashReceiptRecord| row.issue_status == Some(toss::IssueStatus::Failed);
    let is_ours = |row: &CashReceiptRecord| {
        row.order_id.as_deref() == Some(request.checkout_id.as_str())
            && row.transaction_type.as_ref() == Some(&entry)
            && (request.entry == ReceiptEntry::Issue || row.amount == request.amount.map(Money::minor))
            && !is_another(row)
            && !is_refused(row)
    };
    listed(toss, request, is_ours).await
}

/// The first row of the PSP's lists, from the day on which a request was sent, that is looked for.
async fn listed(
    toss: &toss::Client,
    request: &ReceiptRequest,
    is_wanted: impl Fn(&CashReceiptRecord) -> bool,
) -> Result<Option<CashReceipt>, NoAnswer> {
    let now = domain::Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis());
    let last = Day::of(now).next();
    let mut day = Day::of(request.sent_at.unwrap_or(request.requested_at));
    for _ in 0..MOST_DAYS {
        if day > last {
            break;
        }
        let date = words::day(day).ok_or(NoAnswer::MoneyMoves)?;
        let rows = toss.cash_receipts(date);
        pin_mut!(rows);
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| NoAnswer::Psp(evidence(&error)))?;
            if is_wanted(&row) {
                return Ok(Some(of_row(Currency::Krw, &row)?));
            }
        }
        day = day.next();
    }
    Ok(None)
}
