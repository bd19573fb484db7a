//! Refunds that wait for a second principal: four eyes on large amounts and on accounts that the sender names.
//!
//! The request is written down, sealed, before anything is asked of a workflow. The second principal's decision is
//! written down first and carried out then. A caller who repeats either request after a failure in between carries on.

use domain::{
    Money,
    id::{PersonId, RefundId},
    principal::Principal,
};
use store::{ApprovalRecord, CheckoutRecord, Decision, Keyring, KeyringError, NewApproval, Reservation, Reserved};
use workflows::ports::RefundRequest;

use super::terms::{RefundError, Target};
use crate::{Caller, Fault, Service, now};

/// What an operator demands of refunds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefundRules {
    /// The most that one principal asks back in a day, in Korea, unless its key has a limit of its own.
    pub limit_per_day: Option<Money>,
    /// A refund above it, or in another currency, needs a second principal.
    pub approval_above: Option<Money>,
    /// Whether a refund to an account that its sender names needs a second principal.
    pub approval_for_accounts: bool,
}

impl RefundRules {
    /// Whether any refund may wait for a second principal.
    pub const fn may_wait(&self) -> bool {
        self.approval_above.is_some() || self.approval_for_accounts
    }

    fn needs_approval(&self, amount: Money, names_account: bool) -> bool {
        let is_large = self
            .approval_above
            .is_some_and(|above| amount.currency() != above.currency() || amount.minor() > above.minor());
        is_large || (names_account && self.approval_for_accounts)
    }
}

/// Whether a refund is handed on.
pub(super) enum Admitted {
    /// It is, over this amount.
    Now(Box<RefundRequest>),
    /// Not before a second principal has approved it.
    Waits(Box<RefundRequest>, Box<ApprovalRecord>),
}

/// Holds a refund that nobody has recorded yet against the limit of the day and the rule of four eyes. One that either
/// is held against goes back over the amount that was held against it, whatever is left by then.
pub(super) async fn admit(
    service: &Service,
    caller: &Caller,
    target: &Target,
    mut request: RefundRequest,
) -> Result<Admitted, RefundError> {
    let rules = &service.settings.refund_rules;
    let limit = caller.refund_limit.or(rules.limit_per_day);
    if limit.is_none() && !rules.may_wait() {
        return Ok(Admitted::Now(Box::new(request)));
    }
    let amount = request.wanted.amount.map_or_else(|| target.rest(), Ok)?;
    request.wanted.amount = Some(amount);
    if let Some(limit) = limit {
        let (refund_id, principal) = (&request.refund_id, &caller.principal);
        let reservation = Reservation { refund_id, principal, amount, at: now() };
        match service.journal.reserve_refund(reservation, limit).await? {
            Reserved::Within => {}
            Reserved::Beyond => return Err(RefundError::BeyondLimit(limit)),
        }
    }
    if !rules.needs_approval(amount, request.account.is_some()) {
        return Ok(Admitted::Now(Box::new(request)));
    }
    let record = noted(service, caller, &request, amount).await?;
    if record.asked.fingerprint != request.fingerprint {
        return Err(RefundError::KeyReused);
    }
    match record.decision {
        None => Ok(Admitted::Waits(Box::new(request), Box::new(record))),
        Some(Decision::Approved) => Ok(Admitted::Now(Box::new(opened(service, &record)?))),
        Some(Decision::Rejected) => Err(rejected(&record)),
    }
}

/// The note of a refund that waits: the one that stands there, or a new one.
async fn noted(
    service: &Service,
    caller: &Caller,
    request: &RefundRequest,
    amount: Money,
) -> Result<ApprovalRecord, RefundError> {
    if let Some(record) = service.reader.approval(&request.refund_id).await? {
        return Ok(record);
    }
    let text = serde_json::to_vec(request).map_err(Fault::internal)?;
    let sealed = keyring(service)?.seal(&text, &place(&request.refund_id)).map_err(Fault::internal)?;
    let asked = NewApproval {
        refund_id: request.refund_id.clone(),
        checkout_id: request.checkout_id.clone(),
        fingerprint: request.fingerprint.clone(),
        amount,
        requested_by: caller.principal.clone(),
        requested_at: now(),
        request: sealed,
    };
    service.journal.await_approval(&asked).await?;
    service.reader.approval(&request.refund_id).await?.ok_or_else(|| RefundError::InProgress)
}

/// The request as it was sealed.
pub fn opened(service: &Service, record: &ApprovalRecord) -> Result<RefundRequest, Fault> {
    let text = keyring(service)?.open(&record.asked.request, &place(&record.asked.refund_id));
    let text = text.map_err(Fault::internal)?;
    serde_json::from_slice(&text).map_err(Fault::internal)
}

/// Where approvals are demanded, the start demands encryption keys.
fn keyring(service: &Service) -> Result<&Keyring, Fault> {
    service.keyring.as_deref().ok_or_else(|| Fault::internal(KeyringError::Malformed))
}

/// A sealed request opens for its own refund only.
fn place(refund_id: &RefundId) -> Vec<u8> {
    format!("refund approval\n{refund_id}").into_bytes()
}

/// A refund that a second principal has rejected.
#[derive(Debug)]
pub struct Decided {
    /// The checkout.
    pub record: CheckoutRecord,
    /// The request.
    pub request: RefundRequest,
    /// The decision.
    pub approval: ApprovalRecord,
}

/// Rejects a refund that waits for a second principal.
pub async fn reject(service: &Service, caller: &Caller, id: &RefundId) -> Result<Decided, RefundError> {
    // First what may fail: a decision that is written is answered.
    let asked = service.reader.approval(id).await?.ok_or(RefundError::UnknownRefund)?;
    let request = opened(service, &asked)?;
    let record = service.reader.checkout(&asked.asked.checkout_id).await?.ok_or(RefundError::UnknownRefund)?;
    let approval = decide(service, caller, id, Decision::Rejected).await?;
    Ok(Decided { record, request, approval })
}

/// Writes down the decision of a second principal, and answers what stands there. The first decision stays.
pub(super) async fn decide(
    service: &Service,
    caller: &Caller,
    id: &RefundId,
    decision: Decision,
) -> Result<ApprovalRecord, RefundError> {
    let unknown = || RefundError::UnknownRefund;
    let record = service.reader.approval(id).await?.ok_or_else(unknown)?;
    if !is_second(service, &record, &caller.principal).await? {
        return Err(RefundError::FourEyes);
    }
    service.journal.decide_refund(id, decision, &caller.principal).await?;
    let record = service.reader.approval(id).await?.ok_or_else(unknown)?;
    if record.decision != Some(decision) {
        return Err(RefundError::Decided(record.decision.map_or("not decided", Decision::as_str)));
    }
    Ok(record)
}

/// Whether a principal is another one than the one who asked for a refund.
pub async fn is_second(service: &Service, record: &ApprovalRecord, by: &Principal) -> Result<bool, RefundError> {
    Ok(!share_a_person(service, &record.asked.requested_by, by).await?)
}

/// Whether one person may stand behind two principals: they are one, or a person saw the secrets of both.
async fn share_a_person(service: &Service, one: &Principal, other: &Principal) -> Result<bool, RefundError> {
    let (behind_one, behind_other) = (persons_behind(service, one).await?, persons_behind(service, other).await?);
    Ok(one == other || behind_one.iter().any(|person| behind_other.contains(person)))
}

/// The persons who act by a principal, as far as they are known: secrets that the command line showed name nobody.
async fn persons_behind(service: &Service, principal: &Principal) -> Result<Vec<PersonId>, RefundError> {
    match principal {
        Principal::Person(person) => Ok(vec![person.clone()]),
        Principal::Key(origin) => Ok(service.reader.holders_of_line(origin).await?),
    }
}

fn rejected(record: &ApprovalRecord) -> RefundError {
    RefundError::Rejected { by: record.decided_by.as_ref().map(ToString::to_string).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;

    fn won(minor: u64) -> Money {
        Money::try_from_minor(minor, Currency::Krw).unwrap()
    }

    #[test]
    fn large_amounts_other_currencies_and_named_accounts_need_a_second_principal() {
        let rules = RefundRules { approval_above: Some(won(10_000)), ..RefundRules::default() };
        assert!(!rules.needs_approval(won(10_000), true));
        assert!(rules.needs_approval(won(10_001), false));
        assert!(rules.needs_approval(Money::try_from_minor(1, Currency::Usd).unwrap(), false));
        let accounts = RefundRules { approval_for_accounts: true, ..RefundRules::default() };
        assert!(accounts.needs_approval(won(1), true) && !accounts.needs_approval(won(1_000_000), false));
        assert!(!RefundRules::default().may_wait() && accounts.may_wait() && rules.may_wait());
    }
}
