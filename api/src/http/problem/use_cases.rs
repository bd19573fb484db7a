//! The problem of each refusal of a use case: its code, and what else the sender may know.

use domain::{
    checkout::ConfirmRefusal,
    dead_letter::LetterRefusal,
    failure::{Failure, FailureCode, OurCode},
    payout::Undecidable,
};
use service::{
    IsForBuyer,
    api_key::KeyRequestError,
    cash_receipt::ReceiptError,
    checkout::{
        FindError,
        confirm::ConfirmError,
        create::{Answered, CreateError},
    },
    dead_letter::DeadLetterError,
    now,
    payout::PayoutError,
    purchase::PurchaseError,
    purchase_statement::StatementError,
    reconciliation::{BreakError, StartError},
    refund::RefundError,
    reversal::ReversalError,
    saved_card::SavedCardError,
    seller::SellerError,
};
use store::KeyRefusal;

use super::{Code, Decline, FieldCode, Problem};

/// When to confirm again while another payment is being confirmed, in seconds.
const UNDER_WAY_RETRY_AFTER_S: u64 = 2;

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        let detail = error.to_string();
        match error {
            FindError::Ambiguous => Self::new(Code::AmbiguousId, detail),
            FindError::Unknown => Self::new(Code::CheckoutNotFound, detail),
            FindError::Store(error) => error.into(),
        }
    }
}

impl From<SellerError> for Problem {
    fn from(error: SellerError) -> Self {
        let detail = error.to_string();
        match error {
            SellerError::NoKeys => Self::new(Code::EncryptionKeysMissing, detail),
            SellerError::Unknown | SellerError::NoDetails => Self::new(Code::SellerNotFound, detail),
            SellerError::FourEyes => Self::new(Code::FourEyes, detail),
            SellerError::VerifiedByPsp | SellerError::OtherAccount(_) => Self::new(Code::AccountNotVerifiable, detail),
            SellerError::NoSuchHold => Self::new(Code::HoldNotFound, detail),
            SellerError::KeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            SellerError::Refused(_) => Self::new(Code::HoldRefused, detail),
            SellerError::InProgress => Self::new(Code::RequestInProgress, detail),
            SellerError::Fault(fault) => fault.into(),
        }
    }
}

impl From<SavedCardError> for Problem {
    fn from(error: SavedCardError) -> Self {
        let detail = error.to_string();
        match error {
            SavedCardError::NoKeys => Self::new(Code::EncryptionKeysMissing, detail),
            SavedCardError::Unknown => Self::new(Code::SavedCardNotFound, detail),
            SavedCardError::KeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            SavedCardError::NotActive(_) => Self::new(Code::SavedCardNotActive, detail),
            SavedCardError::OtherBuyer => Self::of_field("buyer_info.id", FieldCode::Invalid, detail),
            SavedCardError::Currency(_) => Self::of_field("payment_orders[0].currency", FieldCode::Invalid, detail),
            SavedCardError::InProgress => Self::new(Code::RequestInProgress, detail),
            SavedCardError::NotCreated(error) => error.into(),
            SavedCardError::NotPaid(error) => Self::of_confirmation(error, |_| false),
            SavedCardError::Fault(fault) => fault.into(),
        }
    }
}

impl From<KeyRequestError> for Problem {
    fn from(error: KeyRequestError) -> Self {
        let detail = error.to_string();
        match error {
            KeyRequestError::BeyondConsole => Self::new(Code::Forbidden, detail),
            KeyRequestError::SellerReads => Self::of_field("scopes", FieldCode::Invalid, detail),
            KeyRequestError::NoRefunds => Self::of_field("refund_limit", FieldCode::Invalid, detail),
            KeyRequestError::UnknownKey => Self::new(Code::NotFound, detail),
            KeyRequestError::RequestReused => Self::new(Code::IdempotencyKeyReused, detail),
            KeyRequestError::Refused(refusal) => Self::new(refused_key(refusal), detail),
            KeyRequestError::Fault(fault) => fault.into(),
        }
    }
}

const fn refused_key(refusal: KeyRefusal) -> Code {
    match refusal {
        KeyRefusal::Unknown => Code::NotFound,
        KeyRefusal::FourEyes => Code::FourEyes,
        KeyRefusal::OfAnother => Code::Forbidden,
        KeyRefusal::Stands(_) | KeyRefusal::KeyEnded => Code::DigestMismatch,
        KeyRefusal::Seed => Code::IdempotencyKeyInvalid,
    }
}

impl From<PurchaseError> for Problem {
    fn from(error: PurchaseError) -> Self {
        let detail = error.to_string();
        match error {
            PurchaseError::NotPaid(status) => Self::new(Code::NotPaid, detail).about(status),
            PurchaseError::NotYet => Self::of_field("delivered_at", FieldCode::Invalid, detail),
            PurchaseError::Store(error) => error.into(),
        }
    }
}

impl From<ReceiptError> for Problem {
    fn from(error: ReceiptError) -> Self {
        let detail = error.to_string();
        match error {
            ReceiptError::NoCheckout => Self::no_checkout(),
            ReceiptError::NotPaid(status) => Self::new(Code::NotPaid, detail).about(status),
            ReceiptError::Refused(_) => Self::new(Code::CashReceiptRefused, detail),
            ReceiptError::KeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            ReceiptError::NoEncryptionKeys => Self::new(Code::EncryptionKeysMissing, detail),
            ReceiptError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StatementError> for Problem {
    fn from(error: StatementError) -> Self {
        let detail = error.to_string();
        match error {
            StatementError::NoCheckout => Self::no_checkout(),
            StatementError::NotPaid(record) => Self::new(Code::NotPaid, detail).about(record.status),
            StatementError::Store(error) => error.into(),
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        let detail = error.to_string();
        match error {
            CreateError::KeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            CreateError::IdTaken(Answered::Now) => Self::new(Code::CheckoutExists, detail),
            CreateError::IdTaken(Answered::Before) => Self::new(Code::CheckoutExists, detail).replayed(),
            CreateError::NoWorker => Self::new(Code::NoWorker, detail),
            CreateError::InProgress => Self::new(Code::RequestInProgress, detail),
            CreateError::Fault(fault) => fault.into(),
        }
    }
}

impl Problem {
    /// A payment that is not confirmed.
    pub(crate) fn of_confirmation(error: ConfirmError, is_for_buyer: IsForBuyer) -> Self {
        let detail = error.to_string();
        match error {
            ConfirmError::Unknown => Self::new(Code::CheckoutNotFound, detail),
            ConfirmError::Refused { refusal, status } => {
                let code = match refusal {
                    ConfirmRefusal::OrderMismatch => Code::OrderMismatch,
                    ConfirmRefusal::AmountMismatch => Code::AmountMismatch,
                    ConfirmRefusal::NotConfirmable => Code::NotConfirmable,
                };
                Self::new(code, detail).about(status)
            }
            ConfirmError::Amount(_) => Self::of_field("amount", FieldCode::Invalid, detail),
            ConfirmError::UnderWay(status) => {
                let mut problem = Self::new(Code::ConfirmationUnderWay, detail).about(status);
                problem.0.retry_after_s = Some(UNDER_WAY_RETRY_AFTER_S);
                problem
            }
            ConfirmError::NotConfirmable(status) => Self::new(Code::NotConfirmable, detail).about(status),
            ConfirmError::PaymentNotFound => Self::new(Code::NotConfirmable, detail),
            ConfirmError::Declined { failure, status, retryable } => {
                Self::declined(failure, is_for_buyer, now()).about(status).retryable(retryable)
            }
            ConfirmError::NotAccepted(status) => Self::new(Code::ConfirmNotAccepted, detail).about(status),
            ConfirmError::Fault(fault) => fault.into(),
        }
    }

    /// A refund that does not happen. The marketplace asked for it, and may know what the PSP says.
    fn refund_failed(failure: &Failure) -> Self {
        let code = match &failure.code {
            FailureCode::Ours(OurCode::RefundExceedsPayment | OurCode::NothingLeftToRefund) => {
                Code::RefundExceedsPayment
            }
            FailureCode::Ours(OurCode::NotRefundable) => Code::NotCancelable,
            FailureCode::Ours(_) | FailureCode::Psp(_) => Code::RefundRefused,
        };
        let mut problem = Self::new(code, failure.message.clone());
        if code == Code::RefundRefused {
            problem.0.decline = Decline::of(failure.clone(), |_| true);
        }
        problem
    }
}

impl From<RefundError> for Problem {
    fn from(error: RefundError) -> Self {
        let detail = error.to_string();
        match error {
            RefundError::Forbidden(scope) => Self::forbidden(&[scope]),
            RefundError::UnknownCheckout => Self::new(Code::CheckoutNotFound, detail),
            RefundError::PartBeforePayment(status) | RefundError::NoPayment(status) => {
                Self::new(Code::NotPaid, detail).about(status)
            }
            RefundError::OrderBeforePayment(status)
            | RefundError::NeverPaid(status)
            | RefundError::Unanswered(status)
            | RefundError::AllRefunded(status) => Self::new(Code::NotCancelable, detail).about(status),
            RefundError::NothingLeft(status) => Self::new(Code::RefundExceedsPayment, detail).about(status),
            RefundError::AccountRequired(status) => Self::new(Code::RefundAccountRequired, detail).about(status),
            RefundError::AccountNotTaken => Self::of_field("refund_account", FieldCode::Invalid, detail),
            RefundError::Amount(_) => Self::of_field("amount", FieldCode::Invalid, detail),
            RefundError::NotAccepted(status) => Self::new(Code::CancelNotAccepted, detail).about(status),
            RefundError::NoWorker => Self::new(Code::NoWorker, detail),
            RefundError::InProgress => Self::new(Code::RequestInProgress, detail),
            RefundError::KeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            RefundError::BeyondLimit(_) => Self::new(Code::RefundLimitExceeded, detail),
            RefundError::Failed { failure, status, replayed } => {
                let problem = match &failure {
                    Some(failure) => Self::refund_failed(failure),
                    None => Self::new(Code::RefundRefused, detail),
                };
                let problem = problem.about(status);
                if replayed { problem.replayed() } else { problem }
            }
            RefundError::Rejected { .. } => Self::new(Code::RefundRefused, detail),
            RefundError::FourEyes => Self::new(Code::FourEyes, detail),
            RefundError::Decided(_) => Self::new(Code::RefundDecided, detail),
            RefundError::UnknownRefund => Self::new(Code::RefundNotFound, detail),
            RefundError::Fault(fault) => fault.into(),
        }
    }
}

impl From<PayoutError> for Problem {
    fn from(error: PayoutError) -> Self {
        let detail = error.to_string();
        match error {
            PayoutError::UnknownRun => Self::new(Code::PayoutRunNotFound, detail),
            PayoutError::UnknownPayout => Self::new(Code::PayoutNotFound, detail),
            PayoutError::Undecidable(Undecidable::FourEyes) => Self::new(Code::FourEyes, detail),
            PayoutError::Undecidable(Undecidable::DigestMismatch) => Self::new(Code::DigestMismatch, detail),
            PayoutError::Undecidable(Undecidable::Stopped) => Self::new(Code::PayoutsStopped, detail),
            PayoutError::Undecidable(Undecidable::Decided(_)) => Self::new(Code::PayoutRunDecided, detail),
            PayoutError::KeyReused => Self::new(Code::IdempotencyKeyReused, detail),
            PayoutError::NotSwept(_) => Self::new(Code::SweepRefused, detail),
            PayoutError::NotTaken { .. } => Self::new(Code::PayoutNotActionable, detail),
            PayoutError::NoBankFile(_) => Self::new(Code::BankFileRefused, detail),
            PayoutError::UnknownBankFile => Self::new(Code::BankFileNotFound, detail),
            PayoutError::NoKeys => Self::new(Code::EncryptionKeysMissing, detail),
            PayoutError::UnderWay => Self::new(Code::RequestInProgress, detail),
            PayoutError::Fault(fault) => fault.into(),
        }
    }
}

impl From<DeadLetterError> for Problem {
    fn from(error: DeadLetterError) -> Self {
        match error {
            DeadLetterError::Unknown => Self::new(Code::DeadLetterNotFound, "No dead letter has this id."),
            DeadLetterError::Refused { refusal: LetterRefusal::FourEyes, .. } => {
                Self::new(Code::FourEyes, sentence(&error))
            }
            DeadLetterError::Refused { .. } => Self::new(Code::DeadLetterNotActionable, sentence(&error)),
            DeadLetterError::Outdated => Self::new(Code::PreviewOutdated, sentence(&error)),
            DeadLetterError::TooManySignals(cause) => Self::too_many_signals(cause.as_ref()),
            DeadLetterError::Temporal(cause) => Self::temporal(cause.as_ref()),
            DeadLetterError::Store(error) => error.into(),
        }
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let detail = error.to_string();
        match error {
            StartError::NotBegun(_) => Self::of_field("date", FieldCode::Invalid, detail),
            StartError::NoWorker => Self::new(Code::NoWorker, "No worker has taken it up yet; ask for the same again."),
            StartError::Closing(_) => Self::new(Code::NoWorker, format!("{detail}; ask for the same again")),
            StartError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ReversalError> for Problem {
    fn from(error: ReversalError) -> Self {
        let detail = error.to_string();
        match error {
            ReversalError::Unknown => Self::new(Code::NotFound, "The books have no entry of this id."),
            ReversalError::FourEyes(_) => Self::new(Code::FourEyes, detail),
            ReversalError::Outdated(_) => Self::new(Code::DigestMismatch, detail),
            ReversalError::Refused(_) => Self::new(Code::EntryNotReversible, detail),
            ReversalError::UnderWay => Self::new(Code::RequestInProgress, detail),
            ReversalError::NotYet => Self::new(Code::DeadlineExceeded, detail),
            ReversalError::Fault(fault) => fault.into(),
        }
    }
}

impl From<BreakError> for Problem {
    fn from(error: BreakError) -> Self {
        let detail = error.to_string();
        match error {
            BreakError::Unknown => Self::new(Code::BreakNotFound, "No break has this id."),
            BreakError::Refused(_) => Self::new(Code::BreakNotActionable, detail),
            BreakError::FourEyes(_) => Self::new(Code::FourEyes, detail),
            BreakError::NotYet => Self::new(Code::DeadlineExceeded, detail),
            BreakError::Fault(fault) => fault.into(),
        }
    }
}

fn sentence(error: &DeadLetterError) -> String {
    let told = error.to_string();
    let mut letters = told.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
