//! What happens to a call at the gate: who is it, is it a repeat, is there mischief for it.

use serde::Deserialize;

use crate::authorization::{Caller, caller};
use crate::bodies::About;
use crate::calls::CallRecord;
use crate::cash_receipt::ReceiptCall;
use crate::codes::{Code, Language};
use crate::idempotency::{Begun, Bound, Identity, MAX_KEY_LENGTH};
use crate::mischief::{Kind, Mischief, Target};
use crate::operations::{Answer, Ask, Operation, Tampering};
use crate::payment::Twist;
use crate::tamper::{ListFault, Novelty, WRONG_BY};
use crate::time::{Instant, with_offset};
use crate::world::World;

/// A call as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) ask: Ask,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) address: String,
    pub(crate) authorization: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// An answer, and how it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    /// What the idempotency key is bound to, when this call owns one.
    pub(crate) truth: Answer,
    /// How long the answer is held, in milliseconds.
    pub(crate) hold_ms: u64,
    /// The trace id of the answer that is being replayed.
    pub(crate) original_trace_id: Option<String>,
}

impl Reply {
    pub(crate) fn plain(answer: Answer) -> Self {
        Self { truth: answer.clone(), answer, hold_ms: 0, original_trace_id: None }
    }

    fn replay(bound: Bound) -> Self {
        let answer = Answer { status: bound.status, body: bound.body, took_effect: false };
        Self { original_trace_id: Some(bound.trace_id), ..Self::plain(answer) }
    }
}

/// What to do with a call.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Close the connection.
    HangUp,
    /// Hold the request that many milliseconds, then close the connection.
    HoldThenHangUp(u64),
    /// Hold the request that many milliseconds, then execute it.
    HoldThenExecute(u64, Caller),
    Reply(Reply),
}

/// A call that has been taken in.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) call_id: u64,
    /// The idempotency key this call owns until it ends.
    pub(crate) claim: Option<Identity>,
    pub(crate) verdict: Admission,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) call_id: u64,
    pub(crate) claim: Option<Identity>,
    /// The status that left; none if no answer did.
    pub(crate) status: Option<u16>,
}

impl World {
    /// Takes a call in and, unless it is to be held first, executes it.
    pub(crate) fn receive(&mut self, call: &Call, now: Instant) -> Reception {
        let (order_id, payment_key) = self.subject_of(call);
        let call_id = self.write_down(call, order_id.clone(), payment_key, now);
        let mut reception = Reception { call_id, claim: None, verdict: Admission::HangUp };
        reception.verdict = match self.admit(call, order_id.as_deref(), &mut reception, now) {
            Ok((caller, mischief)) => {
                self.note_mischief(call_id, mischief.as_ref());
                self.carry_out(call, caller, mischief, now)
            }
            Err(verdict) => verdict,
        };
        if let Admission::Reply(reply) = &reception.verdict {
            self.note_effect(call, call_id, reception.claim.as_ref(), reply);
        }
        reception
    }

    fn write_down(&mut self, call: &Call, order_id: Option<String>, payment_key: Option<String>, now: Instant) -> u64 {
        self.calls.open(CallRecord {
            id: 0,
            time: with_offset(now),
            method: call.method.clone(),
            path: call.address.clone(),
            order_id,
            payment_key,
            idempotency_key: call.idempotency_key.clone(),
            status: None,
            took_effect: false,
            replayed: false,
            mischief: None,
        })
    }

    /// The order and payment a call is about, as far as the call or the till knows.
    fn subject_of(&self, call: &Call) -> (Option<String>, Option<String>) {
        let order_of = |key: &str| self.till.get(key).map(|kept| kept.payment.order_id.clone());
        match &call.ask.operation {
            Operation::Confirm { payment_key } => {
                let about: About = parse_leniently(&call.ask.body);
                (about.order_id, payment_key.clone().or(about.payment_key))
            }
            Operation::KeyIn
            | Operation::IssueVirtualAccount
            | Operation::Billing(_)
            | Operation::CashReceipt(ReceiptCall::Issue) => {
                let about: About = parse_leniently(&call.ask.body);
                (about.order_id, about.payment_key)
            }
            Operation::CashReceipt(ReceiptCall::Cancel { receipt_key }) => {
                (self.receipt_called(receipt_key).map(|receipt| receipt.order_id.clone()), None)
            }
            Operation::Cancel { payment_key } | Operation::LookUpPayment { payment_key } => {
                (order_of(payment_key), Some(payment_key.clone()))
            }
            Operation::LookUpOrder { order_id } => {
                let key = self.till.of_order(order_id).map(|kept| kept.payment.key.clone());
                (Some(order_id.clone()), key)
            }
            Operation::ListTransactions { .. }
            | Operation::ListSettlements { .. }
            | Operation::CashReceipt(ReceiptCall::List { .. })
            | Operation::Payout(_) => (None, None),
        }
    }

    /// Everything between the front door and the execution. `Err` is a verdict without execution.
    fn admit(
        &mut self,
        call: &Call,
        order_id: Option<&str>,
        reception: &mut Reception,
        now: Instant,
    ) -> Result<(Caller, Option<Mischief>), Admission> {
        let operation = &call.ask.operation;
        let target = Target { on: operation.subject(), order_id, page: operation.page() };
        let refuse = |code: Code| Admission::Reply(Reply::plain(call.ask.refusal(code)));
        let at_the_door = self.mischief.take_if(target, Kind::is_at_the_door);
        if let Some(mischief) = at_the_door {
            self.note_mischief(reception.call_id, Some(&mischief));
            let is_refused = mischief.kind == Kind::RefuseConnection;
            return Err(if is_refused { Admission::HangUp } else { refuse(Code::TooManyRequests) });
        }
        let caller = caller(call.authorization.as_deref(), &self.merchants).map_err(refuse)?;
        if let Some(key) = call.idempotency_key.as_ref().filter(|_| call.method == "POST") {
            if key.chars().count() > MAX_KEY_LENGTH {
                return Err(self.refused(Code::InvalidIdempotencyKey, call, &caller, now));
            }
            let identity = Identity {
                method: call.method.clone(),
                address: call.address.clone(),
                api_key: caller.secret_key.clone(),
                key: key.clone(),
            };
            match self.keys.begin(&identity, now) {
                Begun::First => reception.claim = Some(identity),
                Begun::Running => {
                    return Err(self.refused(Code::IdempotentRequestProcessing, call, &caller, now));
                }
                Begun::Answered(bound) => return Err(Admission::Reply(Reply::replay(bound))),
            }
        }
        let mischief = self.mischief.take(target);
        Ok((caller, mischief))
    }

    /// Refuses a caller who is known, encrypted where they asked for it.
    fn refused(&mut self, code: Code, call: &Call, caller: &Caller, now: Instant) -> Admission {
        Admission::Reply(Reply::plain(self.under_encryption(call.ask.refusal(code), &call.ask, caller, now)))
    }

    fn carry_out(&mut self, call: &Call, caller: Caller, mischief: Option<Mischief>, now: Instant) -> Admission {
        let Some(Mischief { kind, delay_ms, code, .. }) = mischief else {
            return Admission::Reply(Reply::plain(self.execute(&call.ask, &caller, Tampering::default(), now)));
        };
        let is_confirm = matches!(call.ask.operation, Operation::Confirm { .. } | Operation::KeyIn);
        let error = self.under_encryption(call.ask.refusal(code), &call.ask, &caller, now);
        let mut executed = |tampering| self.execute(&call.ask, &caller, tampering, now);
        let plainly = Tampering::default;
        let of_list = |fault| Tampering { of_list: Some(fault), ..plainly() };
        Admission::Reply(match kind {
            Kind::RefuseConnection => return Admission::HangUp,
            Kind::StallBefore => return Admission::HoldThenHangUp(delay_ms),
            Kind::Delay => return Admission::HoldThenExecute(delay_ms, caller),
            Kind::RateLimit => return self.refused(Code::TooManyRequests, call, &caller, now),
            Kind::ErrorBefore if is_confirm && code.is_decline() => {
                let twist = Twist { decline: Some(code), ..Twist::default() };
                Reply::plain(executed(Tampering { twist, ..plainly() }))
            }
            Kind::ErrorBefore => Reply::plain(error),
            Kind::WrongAmount if is_confirm => {
                let twist = Twist { overcharge: WRONG_BY, ..Twist::default() };
                Reply::plain(executed(Tampering { twist, ..plainly() }))
            }
            Kind::WrongAmount => Reply::plain(executed(Tampering { shown_extra: WRONG_BY, ..plainly() })),
            Kind::UnknownField => Reply::plain(executed(Tampering { novelty: Some(Novelty::Field), ..plainly() })),
            Kind::UnknownEnum => Reply::plain(executed(Tampering { novelty: Some(Novelty::EnumValue), ..plainly() })),
            Kind::Drop => Reply::plain(executed(of_list(ListFault::DroppedPage))),
            Kind::CutList => Reply::plain(executed(of_list(ListFault::Cut))),
            Kind::UnreadableRow => Reply::plain(executed(of_list(ListFault::UnreadableRow))),
            Kind::CutBody => {
                let truth = executed(plainly());
                let half = truth.body.slice(..truth.body.len() / 2);
                Reply { answer: Answer { body: half, ..truth.clone() }, ..Reply::plain(truth) }
            }
            Kind::ExecuteAndStall => Reply { hold_ms: delay_ms, ..Reply::plain(executed(plainly())) },
            Kind::ExecuteAndError => {
                let took_effect = executed(plainly()).took_effect;
                Reply::plain(Answer { took_effect, ..error })
            }
            Kind::GarbageAfter => {
                let truth = executed(plainly());
                // Damage on the way: the key stays bound to what was really answered.
                let garbage = Answer { status: 200, body: GARBAGE.into(), took_effect: truth.took_effect };
                Reply { answer: garbage, ..Reply::plain(truth) }
            }
            // The control plane accepts these for webhooks only.
            Kind::Duplicate | Kind::Reorder => Reply::plain(executed(plainly())),
        })
    }

    /// Executes a call that was held first.
    pub(crate) fn execute_late(
        &mut self,
        call: &Call,
        call_id: u64,
        claim: Option<&Identity>,
        caller: &Caller,
        now: Instant,
    ) -> Reply {
        let reply = Reply::plain(self.execute(&call.ask, caller, Tampering::default(), now));
        self.note_effect(call, call_id, claim, &reply);
        reply
    }

    fn note_mischief(&mut self, call_id: u64, mischief: Option<&Mischief>) {
        if let Some(record) = self.calls.call_mut(call_id) {
            record.mischief = mischief.map(|mischief| mischief.kind);
        }
    }

    /// Writes down what a call came to, and binds its key to that.
    fn note_effect(&mut self, call: &Call, call_id: u64, claim: Option<&Identity>, reply: &Reply) {
        if let Some(record) = self.calls.call_mut(call_id) {
            record.took_effect = reply.truth.took_effect;
            record.replayed = reply.original_trace_id.is_some();
        }
        let Some(identity) = claim else { return };
        if reply.truth.status < 500 || self.bind_server_errors {
            let (status, body) = (reply.truth.status, reply.truth.body.clone());
            self.keys.bind(identity, Bound { status, body, trace_id: call.ask.trace_id.clone() });
        }
    }

    /// Ends a call: frees its key or lets it answer, and writes down the status that left.
    pub(crate) fn end(&mut self, ending: Ending) {
        if let Some(record) = self.calls.call_mut(ending.call_id) {
            record.status = ending.status;
        }
        if let Some(identity) = ending.claim {
            self.keys.end(&identity);
        }
    }
}

/// An HTML page where JSON belongs, as a broken proxy would answer.
const GARBAGE: &str = "<html><body>upstream answered something else\u{fffd}</body>";

fn parse_leniently<'a, T: Deserialize<'a> + Default>(body: &'a [u8]) -> T {
    serde_json::from_slice(body).unwrap_or_default()
}

/// The language of an `Accept-Language` header: English when it asks for it first.
pub(crate) fn language(header: Option<&str>) -> Language {
    let asks_for_english = header.is_some_and(|header| header.trim_start().to_ascii_lowercase().starts_with("en"));
    if asks_for_english { Language::English } else { Language::Korean }
}
