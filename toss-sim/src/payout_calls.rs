//! What the payout API (지급대행 v2) does, once a call is through the gate.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::authorization::Caller;
use crate::codes::Code;
use crate::envelope::{Done, Refusal};
use crate::fields::read;
use crate::mischief::Subject;
use crate::outbox::{Event, EventName};
use crate::payout::{Payout, PayoutBody};
use crate::reconciliation::{PageSize, field, limit, paged, settled};
use crate::seller::{Seller, SellerBody, SellerStatus};
use crate::time::{Instant, korean_date, week, with_offset};
use crate::world::World;

/// Most payouts of one request.
const MAX_PAYOUTS_AT_ONCE: usize = 100;
/// From this amount on Toss wants to know a seller who gets it in one week, in won.
const KYC_AMOUNT_A_WEEK: u64 = 10_000_000;
/// Sales are pending from this long before they are available.
const PENDING_FOR: Days = Days::new(2);
const ID_LENGTH: usize = 26;
/// Rows of a list of sellers. Source: two integrations of others, which had to ask for more.
const SELLER_PAGE: PageSize = PageSize { usual: 10, most: 100 };
/// Rows of a list of payouts. Source: as for sellers.
const PAYOUT_PAGE: PageSize = PageSize { usual: 10, most: 10_000 };

/// What a call to the payout API asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PayoutCall {
    ShowBalance,
    AddSeller,
    ListSellers { query: String },
    ShowSeller { id: String },
    ChangeSeller { id: String },
    DeleteSeller { id: String },
    RequestPayouts,
    ListPayouts { query: String },
    ShowPayout { id: String },
    CancelPayout { id: String },
}

impl PayoutCall {
    /// Whether the body has to be encrypted.
    pub(crate) fn is_sealed(&self) -> bool {
        match self {
            Self::AddSeller | Self::ChangeSeller { .. } | Self::RequestPayouts => true,
            Self::ShowBalance
            | Self::ListSellers { .. }
            | Self::ShowSeller { .. }
            | Self::DeleteSeller { .. }
            | Self::ListPayouts { .. }
            | Self::ShowPayout { .. }
            | Self::CancelPayout { .. } => false,
        }
    }

    /// What mischief calls it.
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Self::ShowBalance => Subject::Balances,
            Self::AddSeller
            | Self::ListSellers { .. }
            | Self::ShowSeller { .. }
            | Self::ChangeSeller { .. }
            | Self::DeleteSeller { .. } => Subject::Sellers,
            Self::RequestPayouts | Self::ListPayouts { .. } | Self::ShowPayout { .. } | Self::CancelPayout { .. } => {
                Subject::Payouts
            }
        }
    }

    /// `entityType` of the answer.
    pub(crate) fn entity_type(&self) -> &'static str {
        match self {
            Self::ShowBalance => "balance",
            Self::AddSeller | Self::ShowSeller { .. } | Self::ChangeSeller { .. } => "seller",
            Self::ListSellers { .. } | Self::RequestPayouts | Self::ListPayouts { .. } => "x-list",
            Self::DeleteSeller { .. } => "deleted-entity",
            Self::ShowPayout { .. } | Self::CancelPayout { .. } => "payout",
        }
    }
}

impl World {
    pub(crate) fn perform_payout(
        &mut self,
        call: &PayoutCall,
        body: &[u8],
        caller: &Caller,
        now: Instant,
    ) -> Result<Done, Refusal> {
        let merchant = caller.merchant;
        let shown = |value| Ok(Done { value, took_effect: false });
        match call {
            PayoutCall::ShowBalance => shown(self.balance_json(merchant, now)),
            PayoutCall::AddSeller => Ok(self.add_seller(body, merchant, now)?),
            PayoutCall::ListSellers { query } => {
                let sellers = self.payouts.sellers(merchant).map(|seller| (seller.id.as_str(), seller));
                shown(list(sellers, Seller::json, query, SELLER_PAGE)?)
            }
            PayoutCall::ShowSeller { id } => shown(self.seller_of(id, merchant)?.json()),
            PayoutCall::ChangeSeller { id } => Ok(self.change_seller(id, body, merchant)?),
            PayoutCall::DeleteSeller { id } => {
                self.seller_of(id, merchant)?;
                self.payouts.seller_mut(id).ok_or(Code::NotFoundSubmall)?.is_deleted = true;
                Ok(Done { value: json!({ "id": id }), took_effect: true })
            }
            PayoutCall::RequestPayouts => self.request_payouts(body, merchant, now),
            PayoutCall::ListPayouts { query } => {
                let days = PayoutDays::read(query)?;
                let payouts = self.payouts.payouts(merchant).filter(|payout| days.hold(payout.day()));
                let payouts = payouts.map(|payout| (payout.id.as_str(), payout));
                shown(list(payouts, Payout::json, query, PAYOUT_PAGE)?)
            }
            PayoutCall::ShowPayout { id } => shown(self.payout_of(id, merchant)?.json()),
            PayoutCall::CancelPayout { id } => {
                self.payout_of(id, merchant)?;
                self.payouts.change_payout(id, Payout::cancel).ok_or(Code::PayoutNotFound)??;
                Ok(Done { value: self.payout_of(id, merchant)?.json(), took_effect: true })
            }
        }
    }

    fn seller_of(&self, id: &str, merchant: usize) -> Result<&Seller, Code> {
        self.payouts.seller(id).filter(|seller| seller.merchant == merchant).ok_or(Code::NotFoundSubmall)
    }

    fn payout_of(&self, id: &str, merchant: usize) -> Result<&Payout, Code> {
        self.payouts.payout(id).filter(|payout| payout.merchant == merchant).ok_or(Code::PayoutNotFound)
    }

    fn add_seller(&mut self, body: &[u8], merchant: usize, now: Instant) -> Result<Done, Code> {
        let body = SellerBody::read(body, self.bank_codes)?;
        if self.payouts.knows_seller_reference(merchant, &body.ref_seller_id) {
            return Err(Code::AlreadyExistSubmall);
        }
        if !self.payouts.has_room_for(0) {
            return Err(Code::FailedInternalSystemProcessing);
        }
        let (id, status) = (self.mint.named("seller_", ID_LENGTH), body.first_status());
        let seller = Seller { id: id.clone(), merchant, body, status, is_deleted: false };
        let value = seller.json();
        self.payouts.add_seller(seller);
        self.announce_seller(&id, now);
        Ok(Done { value, took_effect: true })
    }

    fn change_seller(&mut self, id: &str, body: &[u8], merchant: usize) -> Result<Done, Code> {
        let body = self.seller_of(id, merchant)?.body.changed(body, self.bank_codes)?;
        let seller = self.payouts.seller_mut(id).ok_or(Code::NotFoundSubmall)?;
        seller.body = body;
        Ok(Done { value: seller.json(), took_effect: true })
    }

    /// All of them or none: what is wrong with one refuses every one.
    fn request_payouts(&mut self, body: &[u8], merchant: usize, now: Instant) -> Result<Done, Refusal> {
        let bodies: Vec<PayoutBody> = read(body)?;
        if bodies.is_empty() || bodies.len() > MAX_PAYOUTS_AT_ONCE {
            return Err(Code::InvalidRequest.into());
        }
        for (index, body) in bodies.iter().enumerate() {
            let is_repeated = bodies.iter().take(index).any(|earlier| earlier.ref_payout_id == body.ref_payout_id);
            if is_repeated || self.payouts.payout_called(merchant, &body.ref_payout_id).is_some() {
                return Err(Code::DuplicatedRequest.into());
            }
        }
        if !self.payouts.has_room_for(bodies.len()) {
            return Err(Code::FailedInternalSystemProcessing.into());
        }
        let mut payouts = Vec::with_capacity(bodies.len());
        for body in bodies {
            let id = self.mint.named("FPA_", ID_LENGTH);
            payouts.push(Payout::requested(id, merchant, body, self.keep_express_hours, now)?);
        }
        self.refuse_unknown_customers(&payouts, merchant, now)?;
        let wanted: u64 = payouts.iter().map(|payout| payout.amount).sum();
        if wanted > self.available(merchant, now) {
            return Err(Code::NotEnoughAmount.into());
        }
        // After this point it must succeed.
        let items: Vec<Value> = payouts.iter().map(Payout::json).collect();
        for payout in payouts {
            self.payouts.add_payout(payout);
        }
        let value = json!({ "hasNext": false, "lastCursor": items.last().map(|item| &item["id"]), "items": items });
        Ok(Done { value, took_effect: true })
    }

    /// A seller whom Toss half knows and who gets much in one week makes it want to know the whole.
    fn refuse_unknown_customers(&mut self, payouts: &[Payout], merchant: usize, now: Instant) -> Result<(), Refusal> {
        let mut of_this_request: HashMap<&str, u64> = HashMap::new();
        for payout in payouts {
            let destination = payout.destination.as_str();
            let status = self.seller_of(destination, merchant)?.status;
            let asked = of_this_request.entry(destination).or_default();
            *asked += payout.amount;
            let in_this_week = *asked + self.payouts.taken_in_week(destination, week(now));
            if status == SellerStatus::PartiallyApproved && in_this_week >= KYC_AMOUNT_A_WEEK {
                self.set_seller_status(destination, SellerStatus::KycRequired, now);
                return Err(forbidden(payout));
            }
            if !status.is_paid() {
                return Err(forbidden(payout));
            }
        }
        Ok(())
    }

    /// Sets the status of a seller and sends the webhook; answers whether the seller exists.
    pub(crate) fn set_seller_status(&mut self, id: &str, status: SellerStatus, now: Instant) -> bool {
        let Some(seller) = self.payouts.seller_mut(id) else { return false };
        seller.status = status;
        self.announce_seller(id, now);
        true
    }

    /// Lets everything happen to payouts that is due.
    pub(crate) fn advance_payouts(&mut self, now: Instant) {
        while let Some(id) = self.payouts.due(now) {
            self.payouts.change_payout(&id, Payout::go_on);
            self.announce_payout(&id, now);
        }
    }

    /// Won that can be paid out: what the control plane put in and what sales have been settled, less the
    /// payouts. Never below nothing, even when refunds have taken back what was paid out.
    pub(crate) fn available(&self, merchant: usize, now: Instant) -> u64 {
        let today = korean_date(now);
        let settled = settled(self, merchant, |paid_out| paid_out <= today);
        let deposited = i64::try_from(self.payouts.deposited(merchant)).unwrap_or(i64::MAX);
        let taken = i64::try_from(self.payouts.taken(merchant)).unwrap_or(i64::MAX);
        u64::try_from(deposited.saturating_add(settled).saturating_sub(taken)).unwrap_or(0)
    }

    /// Won of sales that are settled within [`PENDING_FOR`].
    pub(crate) fn pending(&self, merchant: usize, now: Instant) -> u64 {
        let today = korean_date(now);
        let soon = today.checked_add_days(PENDING_FOR).unwrap_or(today);
        let pending = settled(self, merchant, |paid_out| today < paid_out && paid_out <= soon);
        u64::try_from(pending).unwrap_or(0)
    }

    fn balance_json(&self, merchant: usize, now: Instant) -> Value {
        json!({
            "pendingAmount": { "currency": "KRW", "value": self.pending(merchant, now) },
            "availableAmount": { "currency": "KRW", "value": self.available(merchant, now) },
        })
    }

    fn announce_seller(&mut self, id: &str, now: Instant) {
        let Some(seller) = self.payouts.seller(id).filter(|seller| seller.status.is_told()) else { return };
        let (entity, merchant) = (seller.json(), seller.merchant);
        self.announce_entity(EventName::SellerChanged, id, &entity, merchant, now);
    }

    /// Tells of a payout that has come to an end.
    pub(crate) fn announce_payout(&mut self, id: &str, now: Instant) {
        let Some(payout) = self.payouts.payout(id).filter(|payout| payout.status.is_told()) else { return };
        let (entity, merchant) = (payout.json(), payout.merchant);
        self.announce_entity(EventName::PayoutChanged, id, &entity, merchant, now);
    }

    fn announce_entity(&mut self, name: EventName, id: &str, entity: &Value, merchant: usize, now: Instant) {
        let (event_type, entity_type) = match name {
            EventName::SellerChanged => ("seller.changed", "seller"),
            EventName::PayoutChanged => ("payout.changed", "payout"),
            EventName::PaymentStatusChanged | EventName::DepositCallback | EventName::BillingDeleted => return,
        };
        let body = json!({
            "eventType": event_type,
            "createdAt": with_offset(now),
            "version": crate::payment_json::API_VERSION,
            "eventId": self.mint.named("evt_", ID_LENGTH),
            "entityType": entity_type,
            "entityBody": entity,
        });
        let body = body.to_string().into();
        self.tell(&Event { name, order_id: id.to_owned(), body, signed_by: Some(merchant) }, now);
    }
}

/// The batch is refused as a whole, and the message names the first payout that may not be made.
fn forbidden(payout: &Payout) -> Refusal {
    Refusal { code: Code::ForbiddenSellerPayout, ref_payout_id: Some(payout.ref_id.clone()) }
}

/// The days of the payouts that are listed: `payoutDateGte` and `payoutDateLte`, both included.
struct PayoutDays {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

impl PayoutDays {
    fn read(query: &str) -> Result<Self, Code> {
        let day =
            |name| field(query, name).map(|text| text.parse()).transpose().map_err(|_| Code::InvalidIsoDateFormat);
        Ok(Self { from: day("payoutDateGte")?, to: day("payoutDateLte")? })
    }

    fn hold(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// A page of a list, oldest first.
fn list<'a, T: 'a>(
    rows: impl Iterator<Item = (&'a str, &'a T)>,
    json: fn(&T) -> Value,
    query: &str,
    page: PageSize,
) -> Result<Value, Code> {
    let limit = limit(query, "limit", page)?;
    let mut rows = paged(rows.collect(), query, |(id, _)| id)?;
    let has_next = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(|(id, _)| (*id).to_owned());
    let items: Vec<Value> = rows.into_iter().map(|(_, item)| json(item)).collect();
    Ok(json!({ "hasNext": has_next, "lastCursor": last, "items": items }))
}
