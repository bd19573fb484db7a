//! What workflows ask the world for: one row per activity, with its name, its input and its output.
//!
//! A row has no body. `activities` fills each one in, and the names are permanent: they stand in the
//! histories of running checkouts.

mod recovery;
mod refund;

pub use bank_file::{BankFileAsked, BankFileTaken, OF_BANK_FILES, TakeBankFile};
pub use domain::payout::batch::{BatchAnswer, BatchReport};
use domain::{
    Currency, Money, Timestamp,
    charge::Charge,
    checkout::Plan,
    commission::BasisPoints,
    id::{CheckoutId, DeadLetterId, PaymentKey},
    refund::{RefundAccount, RefundAnswer, RefundReport},
    risk::Assessment,
};
pub use domain::{
    checkout::{Change, DepositReturn, DepositSeen, NewCheckout, Payment, SeenDuring, Withdrawn},
    dead_letter::Letter,
};
pub use housekeeping::{DoWhatIsDue, DueDone, DueQuestion, OF_HOUSEKEEPING, OldRemoved, RemoveWhatIsOld};
pub use payout::{
    ActOnPayout, ActOnPayouts, BatchNumber, BatchToSend, BeginPayouts, BegunBatch, BegunPayouts, ChangePayouts,
    CompletePayouts, CompleteRun, DecideOnRun, DecidePayouts, DueDay, FollowPayouts, FollowRun, FreezePayouts,
    FreezeRun, FrozenRun, LookUpPayouts, LookWhoIsDue, NextPayouts, OF_PAYOUT_CALENDAR, OF_PAYOUTS, PayoutAct,
    PayoutActed, PayoutChanges, PayoutWork, PayoutsQuestion, RequestPayouts, RunDecided, RunToFollow, SweepRequest,
    WorkOfRun,
};
pub use recovery::{FindCharge, FoundCharge, RecallCheckout, RecalledCheckout};
pub use refund::{
    NewRefund, Promise, PromisedRefund, RefundChange, RefundCharge, RefundExecution, RefundFailure, RefundPromise,
    RefundQuestion, RefundRecorded, RefundRequest,
};
pub use saved_card::{
    ChargeSavedCard, DeleteSavedCard, DeletedCard, Forgotten, Issuance, IssueSavedCard, IssuedCard, KeepSavedCard,
    Kept, LookUpSavedCardCharge, OF_SAVED_CARDS, RegisteredCard, Registration, RevokeSavedCard, RevokedKey,
    SavedCardAnswer, SavedCardCharge,
};
pub use seller::{
    AccountCheck, AccountChecked, ChangeSeller, CheckAccount, CheckSellerAccount, DeleteSeller, HoldAnswer, LiftHold,
    LiftSellerHold, LiftedHold, LookUpSeller, NewHold, OF_SELLERS, PlaceHold, PlaceSellerHold, ReadSeller,
    RecordSeller, RegisterSeller, RegistrationChange, RegistrationState, SellerAnswer, SellerName, SellerQuestion,
    SellerReport, SellerSending,
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::common::ActivityDefinition;

use crate::facts::{Facts, HasFacts, facts_of};

macro_rules! ports {
    ($($(#[$doc:meta])* $name:ident = $wire:literal: $input:ty => $output:ty;)+) => {
        ports! {
            /// The name of every port, in the order of the table. Tests count the steps of a payment by it.
            list ALL: $($(#[$doc])* $name = $wire: $input => $output;)+
        }
    };
    (
        $(#[$list_doc:meta])*
        list $list:ident: $($(#[$doc:meta])* $name:ident = $wire:literal: $input:ty => $output:ty;)+
    ) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl ActivityDefinition for $name {
                type Input = $input;
                type Output = $output;

                fn name(&self) -> &str {
                    $wire
                }
            }
        )+

        $(#[$list_doc])*
        pub const $list: &[&str] = &[$($wire),+];
    };
}

pub(crate) use ports;

// Below the macro, which it uses.
mod bank_file;
mod housekeeping;
mod payout;
mod saved_card;
mod seller;

ports! {
    /// Records a new checkout, or says why it is refused. Safe to repeat: the workflow id is its key.
    Record = "checkout.record": NewCheckout => Recorded;
    /// Moves a checkout to its next status, without money. Safe to repeat: the revision is its key.
    Advance = "checkout.advance": Change => ();
    /// Moves a checkout to its next status and books the money that moved, in one transaction. Safe to
    /// repeat: the revision and the entry's key are its keys.
    Post = "ledger.post": Payment => ();
    /// Writes that a payment is about to be given back, so that none can be booked any more that was decided before; or
    /// answers that it is booked. Safe to repeat: the revision is the key.
    Withdraw = "checkout.withdraw": Change => Withdrawn;
    /// Takes back what was booked of a deposit that the bank took back, with the status that it brings about, in one
    /// transaction; or says why not. Safe to repeat: the revision and the entry's key are its keys.
    TakeBack = "ledger.take_back": DepositReturn => TakenBack;
    /// Writes that the PSP says that it holds a deposit which is booked: what was earned of it may be released for a
    /// while. Safe to repeat: only a later answer changes anything.
    SeeDeposit = "ledger.see_deposit": DepositSeen => ();
    /// Reads what the record says of a checkout whose workflow was lost, and closes the dead letters that nobody waits
    /// for any more. Answers nothing where there is no record. Safe to repeat.
    Recall = "checkout.recall": RecallCheckout => Option<RecalledCheckout>;
    /// Assesses the risk of an attempt to pay, and writes down what was found. Safe to repeat: the checkout and the
    /// attempt are its key, and the first finding stays.
    Assess = "risk.assess": AssessRisk => Assessment;
    /// Tells the PSP to capture what the buyer authorized. Fails with a [`Doubt`](domain::inquiry::Doubt)
    /// as its details, of type [`DOUBT`], when the outcome is not known.
    Confirm = "psp.confirm": ConfirmCharge => Charge;
    /// Asks the PSP what became of a charge.
    LookUp = "psp.look_up": LookUpCharge => Charge;
    /// Asks the PSP for the payment of a checkout of which no payment is recorded.
    Find = "psp.find": FindCharge => Option<FoundCharge>;
    /// Tells the PSP to give back all that it still holds of a charge.
    Cancel = "psp.cancel": CancelCharge => Charge;
    /// Records that a refund was asked for. Safe to repeat: the refund's id is its key.
    RecordRefund = "refund.record": NewRefund => RefundRecorded;
    /// Books that the buyer is promised money back, or says why not. Safe to repeat: the refund's id is its key.
    PromiseRefund = "refund.promise": RefundPromise => Promise;
    /// Moves a refund to a status that moves no money. Safe to repeat.
    AdvanceRefund = "refund.advance": RefundChange => ();
    /// Books that the money went back, and moves orders and checkout to their next status, in one transaction. Safe to
    /// repeat: the refund's id is its key.
    ExecuteRefund = "refund.execute": RefundExecution => ();
    /// Writes that the money does not go back, and takes back what was promised, in one transaction. Safe to repeat:
    /// the refund's id is its key.
    FailRefund = "refund.fail": RefundFailure => ();
    /// Tells the PSP to give money back. Fails with a [`Doubt`](domain::inquiry::Doubt) as its details, of type
    /// [`DOUBT`], when the outcome is not known.
    Refund = "psp.refund": RefundCharge => RefundAnswer;
    /// Asks the PSP what became of a refund.
    LookUpRefund = "psp.look_up_refund": RefundQuestion => RefundReport;
    /// Puts a step that came to nothing in front of a person. Safe to repeat: the letter's id is its key.
    OpenDeadLetter = "dead_letter.open": Letter => ();
    /// Says that the workflow has gone on. Safe to repeat, and about a letter that was never written it is nothing.
    CloseDeadLetter = "dead_letter.close": CloseLetter => ();
}

/// The type name of a failure whose details are a [`Doubt`](domain::inquiry::Doubt).
pub const DOUBT: &str = "psp.doubt";

/// What came of recording a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// It is recorded.
    Accepted {
        /// What we keep of each order, in their order: the rates of the moment at which it was created.
        #[serde(default)]
        rates: Vec<BasisPoints>,
    },
    /// Another checkout has this checkout id already, or one of these payment order ids.
    Exists,
}

/// What came of taking a booked deposit back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenBack {
    /// It is as if it had not been.
    Done,
    /// Something rests on the money: it was released, or refunded.
    Refused {
        /// What the books said.
        reason: String,
    },
}

/// An attempt to pay whose risk is asked for; or, with a verdict, what a person decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessRisk {
    /// What the buyer is asked to pay.
    pub plan: Plan,
    /// Which attempt, from zero.
    pub attempt: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What a person decided, to be written down beside what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// What a person decided about an attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// What, and why.
    pub assessment: Assessment,
}

/// A charge to capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmCharge {
    /// The checkout, which is the order number at the PSP.
    pub checkout_id: CheckoutId,
    /// What the PSP calls the buyer's attempt.
    pub payment_key: PaymentKey,
    /// What to capture.
    pub amount: Money,
    /// Makes the request safe to repeat; minted by the workflow.
    pub idempotency_key: String,
}

/// A charge to ask about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUpCharge {
    /// What the PSP calls the buyer's attempt.
    pub payment_key: PaymentKey,
    /// The checkout it must belong to.
    pub checkout_id: CheckoutId,
    /// The currency by whose keys the PSP is asked: the checkout's. None in requests of versions that knew one key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_of: Option<Currency>,
}

/// A charge to give back in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelCharge {
    /// What the PSP calls the buyer's attempt.
    pub payment_key: PaymentKey,
    /// The checkout it must belong to.
    pub checkout_id: CheckoutId,
    /// The currency of the payment.
    pub currency: Currency,
    /// The currency by whose keys the PSP is asked: the checkout's. None in requests of versions that knew one key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_of: Option<Currency>,
    /// Where a deposit goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<RefundAccount>,
    /// Why, for the buyer's statement.
    pub reason: String,
    /// Makes the request safe to repeat; minted by the workflow.
    pub idempotency_key: String,
}

/// A letter to close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseLetter {
    /// The letter.
    pub letter_id: DeadLetterId,
    /// The checkout that it is about.
    #[serde(default)]
    pub checkout_id: Option<CheckoutId>,
    /// When the workflow went on.
    pub closed_at: Timestamp,
}

impl HasFacts for NewCheckout {
    fn facts(&self) -> Facts {
        facts_of([("checkout_id", self.plan.checkout_id()), ("amount", &self.plan.total())])
    }
}

impl HasFacts for Change {
    fn facts(&self) -> Facts {
        facts_of([("checkout_id", &self.checkout_id), ("revision", &self.revision), ("status", &self.status)])
    }
}

impl HasFacts for Payment {
    fn facts(&self) -> Facts {
        let mut facts = self.change.facts();
        facts.insert("entry".to_owned(), self.entry.fields().key.to_string());
        facts
    }
}

impl HasFacts for AssessRisk {
    fn facts(&self) -> Facts {
        facts_of([("checkout_id", self.plan.checkout_id()), ("amount", &self.plan.total()), ("attempt", &self.attempt)])
    }
}

impl HasFacts for DepositSeen {
    fn facts(&self) -> Facts {
        facts_of([("checkout_id", &self.checkout_id), ("seen_at", &self.seen_at.epoch_ms())])
    }
}

impl HasFacts for DepositReturn {
    fn facts(&self) -> Facts {
        let mut facts = self.change.facts();
        facts.insert("entry".to_owned(), self.key.clone());
        facts
    }
}
