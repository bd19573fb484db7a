//! What the API of cash receipts does, once a call is through the gate.

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::authorization::Caller;
use crate::cash_receipt::{
    CancelBody, CashReceipt, IssueRequest, ReceiptAmount, ReceiptCall, ReceiptOrder, left, standing,
};
use crate::codes::Code;
use crate::envelope::Done;
use crate::fields::{self, Won};
use crate::operations::Ask;
use crate::reconciliation::{PageSize, field, limit};
use crate::time::{Instant, korean_date};
use crate::world::World;

const PAGE: PageSize = PageSize { usual: 100, most: 10_000 };

impl World {
    pub(crate) fn perform_receipt(
        &mut self,
        call: &ReceiptCall,
        ask: &Ask,
        caller: &Caller,
        now: Instant,
    ) -> Result<Done, Code> {
        match call {
            ReceiptCall::Issue => self.issue_receipt(ask, caller, now),
            ReceiptCall::Cancel { receipt_key } => self.cancel_receipt(receipt_key, ask, caller, now),
            ReceiptCall::List { query } => {
                let value = self.list_receipts(query, caller, now)?;
                Ok(Done { value, took_effect: false })
            }
        }
    }

    fn issue_receipt(&mut self, ask: &Ask, caller: &Caller, now: Instant) -> Result<Done, Code> {
        let request = IssueRequest::read(&ask.body)?;
        let is_of_order =
            |receipts: &[CashReceipt]| standing(receipts).is_some_and(|receipt| receipt.order_id == request.order_id);
        if self.receipts_of(caller.merchant).any(is_of_order) {
            return Err(Code::DuplicatedCashReceipt);
        }
        let order = ReceiptOrder {
            order_id: &request.order_id,
            order_name: &request.order_name,
            amount: request.amount.whole,
            tax_free: request.amount.tax_free,
        };
        let receipt = CashReceipt::issued(request.wish.clone(), order, self.mint.receipt(), now);
        let value = receipt.json(&self.public_url, now);
        if !self.receipts.keep(caller.merchant, receipt) {
            return Err(Code::FailedInternalSystemProcessing);
        }
        Ok(Done { value, took_effect: true })
    }

    /// Takes back a part of a receipt, or all that is left of it.
    fn cancel_receipt(&mut self, key: &str, ask: &Ask, caller: &Caller, now: Instant) -> Result<Done, Code> {
        let body: CancelBody = if ask.body.is_empty() { CancelBody::default() } else { fields::read(&ask.body)? };
        let list = self.receipts_of(caller.merchant).find(|list| list.iter().any(|receipt| receipt.key == key));
        let left = left(list.ok_or(Code::NotFound)?, key);
        let whole = body.amount.map_or(left.whole, |Won(amount)| amount);
        if whole == 0 || whole > left.whole {
            return Err(Code::NotCancelableAmount);
        }
        // The taxed part goes first, so that what is left is never more tax-free than it is.
        let tax_free = whole.saturating_sub(left.whole - left.tax_free);
        let (part, fresh) = (ReceiptAmount { whole, tax_free }, self.mint.receipt());
        let public_url = self.public_url.clone();
        let take_back = |list: &mut Vec<CashReceipt>| {
            CashReceipt::take_back(list, key, part, fresh, now)?;
            list.last().map(|receipt| receipt.json(&public_url, now))
        };
        let canceled = match self.payment_of_receipt(key, caller.merchant) {
            Some(payment_key) => self.till.change(&payment_key, |payment| take_back(&mut payment.receipts)).flatten(),
            None => self.receipts.holding_mut(caller.merchant, key).and_then(take_back),
        };
        Ok(Done { value: canceled.ok_or(Code::NotFound)?, took_effect: true })
    }

    /// The receipt of that key, whose ever it is.
    pub(crate) fn receipt_called(&self, key: &str) -> Option<&CashReceipt> {
        let mut merchants = 0..self.merchants.len();
        merchants.find_map(|merchant| self.receipts_of(merchant).flatten().find(|receipt| receipt.key == key))
    }

    /// The tax office refuses a receipt; answers the receipt.
    pub(crate) fn refuse_receipt(&mut self, key: &str, message: String, now: Instant) -> Option<Value> {
        let merchant = (0..self.merchants.len())
            .find(|merchant| self.receipts_of(*merchant).flatten().any(|receipt| receipt.key == key))?;
        let public_url = self.public_url.clone();
        let refuse = |list: &mut Vec<CashReceipt>| {
            let receipt = list.iter_mut().find(|receipt| receipt.key == key)?;
            receipt.refuse(message);
            Some(receipt.json(&public_url, now))
        };
        match self.payment_of_receipt(key, merchant) {
            Some(payment_key) => self.till.change(&payment_key, |payment| refuse(&mut payment.receipts)).flatten(),
            None => self.receipts.holding_mut(merchant, key).and_then(refuse),
        }
    }

    fn payment_of_receipt(&self, key: &str, merchant: usize) -> Option<String> {
        let holds = |receipts: &[CashReceipt]| receipts.iter().any(|receipt| receipt.key == key);
        let mut kept = self.till.iter().filter(|kept| kept.merchant == merchant);
        kept.find(|kept| holds(&kept.payment.receipts)).map(|kept| kept.payment.key.clone())
    }

    /// The receipts of a merchant: of each payment, and those that belong to no payment.
    fn receipts_of(&self, merchant: usize) -> impl Iterator<Item = &[CashReceipt]> {
        let of_payments = self.till.iter().filter(move |kept| kept.merchant == merchant);
        of_payments.map(|kept| kept.payment.receipts.as_slice()).chain(self.receipts.of_merchant(merchant))
    }

    /// `GET /v1/cash-receipts`: those of a day in Korea, oldest first; the cursor counts them.
    fn list_receipts(&self, query: &str, caller: &Caller, now: Instant) -> Result<Value, Code> {
        let day = field(query, "requestDate").ok_or(Code::InvalidRequest)?;
        let day: NaiveDate = day.parse().map_err(|_| Code::InvalidDate)?;
        let limit = limit(query, "limit", PAGE)?;
        let cursor = field(query, "cursor").map_or(Ok(0), |text| text.parse());
        let cursor: usize = cursor.map_err(|_| Code::InvalidPagingKey)?;
        let mut of_day: Vec<&CashReceipt> = self
            .receipts_of(caller.merchant)
            .flatten()
            .filter(|receipt| korean_date(receipt.requested_at) == day)
            .collect();
        of_day.sort_by_key(|receipt| receipt.requested_at);
        let page: Vec<Value> =
            of_day.iter().skip(cursor).take(limit).map(|receipt| receipt.json(&self.public_url, now)).collect();
        let last = cursor + page.len();
        Ok(json!({ "hasNext": last < of_day.len(), "lastCursor": last, "data": page }))
    }
}
