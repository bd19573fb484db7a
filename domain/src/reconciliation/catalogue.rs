//! The catalogue of breaks: each type with its class, its owner, its deadline and the code that closes it.

use core::fmt;

/// Which two keepers of the same fact are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Wallets and suspense against the ledger.
    Internal,
    /// The books against the PSP's transactions.
    Transactions,
    /// The PSP's settlement rows against what it owes us.
    Settlements,
    /// The PSP's payout balance against the books.
    PayoutBalance,
    /// Lines of bank statements against settlements.
    Bank,
}

impl Layer {
    /// Every layer, in the order in which a run compares them.
    pub const ALL: [Self; 5] = [Self::Internal, Self::Transactions, Self::Settlements, Self::PayoutBalance, Self::Bank];

    /// The layer as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Transactions => "transactions",
            Self::Settlements => "settlements",
            Self::PayoutBalance => "payout_balance",
            Self::Bank => "bank",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.as_str() == text)
    }
}

/// How a break is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakClass {
    /// The cause is known, and the machine may deal with it.
    Automatic,
    /// The cause is known, and finance decides.
    Finance,
    /// The cause is not known.
    Investigation,
}

impl BreakClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Automatic, Self::Finance, Self::Investigation];

    /// The class as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Finance => "finance",
            Self::Investigation => "investigation",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

/// The first to look at a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// No person, until the deadline has passed.
    Machine,
    Finance,
    Investigation,
    Developers,
}

impl Owner {
    /// The owner as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Finance => "finance",
            Self::Investigation => "investigation",
            Self::Developers => "developers",
        }
    }

    /// The owner of a break that was escalated: a person.
    pub const fn escalated(self) -> Self {
        match self {
            Self::Machine | Self::Finance => Self::Finance,
            Self::Investigation => Self::Investigation,
            Self::Developers => Self::Developers,
        }
    }
}

/// By when a break must be dealt with, counted from the day on which the fact was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// On the same day: someone is called.
    AtOnce,
    /// After so many business days.
    BusinessDays(u16),
    /// None: the break ages.
    Ages,
}

/// Why a break was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonCode {
    Timing,
    CaughtUp,
    PspHold,
    Rounding,
    FeeActual,
    FeeKept,
    PspAdjustment,
    ExternalCancel,
    Dispute,
    Duplicate,
    LookedUp,
    PayoutReturned,
    PspLate,
    Suspense,
    Midnight,
    NoVerdict,
    Late,
    PspSettled,
    /// For types whose cause a person has to find.
    Explained,
}

impl ReasonCode {
    /// The code as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timing => "timing",
            Self::CaughtUp => "caught_up",
            Self::PspHold => "psp_hold",
            Self::Rounding => "rounding",
            Self::FeeActual => "fee_actual",
            Self::FeeKept => "fee_kept",
            Self::PspAdjustment => "psp_adjustment",
            Self::ExternalCancel => "external_cancel",
            Self::Dispute => "dispute",
            Self::Duplicate => "duplicate",
            Self::LookedUp => "looked_up",
            Self::PayoutReturned => "payout_returned",
            Self::PspLate => "psp_late",
            Self::Suspense => "suspense",
            Self::Midnight => "midnight",
            Self::NoVerdict => "no_verdict",
            Self::Late => "late",
            Self::PspSettled => "psp_settled",
            Self::Explained => "explained",
        }
    }
}

macro_rules! catalogue {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $code:literal $text:literal: $class:ident, $owner:ident, $deadline:expr, $reason:ident;
    )+) => {
        /// A type of break.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum BreakType {
            $($(#[doc = $doc])+ $name),+
        }

        impl BreakType {
            /// Every type.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$name),+];

            /// The type as it is written: `cut_off`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The number of the type in the catalogue: `B-01`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The class, unless a finding says another.
            pub const fn class(self) -> BreakClass {
                match self { $(Self::$name => BreakClass::$class),+ }
            }

            /// The first to look at it.
            pub const fn owner(self) -> Owner {
                match self { $(Self::$name => Owner::$owner),+ }
            }

            /// By when it must be dealt with.
            pub const fn deadline(self) -> Deadline {
                match self { $(Self::$name => $deadline),+ }
            }

            /// Why it closes in the usual case.
            pub const fn reason_code(self) -> ReasonCode {
                match self { $(Self::$name => ReasonCode::$reason),+ }
            }
        }
    };
}

catalogue! {
    /// The other side writes the fact down a little later.
    CutOff = "B-01" "cut_off": Automatic, Machine, Deadline::BusinessDays(2), Timing;
    /// A row for an open receivable was not booked yet.
    SettlementUnbooked = "B-02" "settlement_unbooked": Automatic, Machine, Deadline::Ages, PspSettled;
    /// The PSP holds a payment, and the workflow of the checkout has not booked it.
    CaptureUnbooked = "B-03" "capture_unbooked": Automatic, Machine, Deadline::AtOnce, CaughtUp;
    /// The PSP carried out a refund of ours, and its workflow has not booked it.
    RefundUnbookedOurs = "B-04" "refund_unbooked_ours": Automatic, Machine, Deadline::AtOnce, CaughtUp;
    /// The books know of money that the PSP does not know of.
    MissingAtPsp = "B-05" "missing_at_psp": Investigation, Investigation, Deadline::AtOnce, Explained;
    /// A captured payment has no settlement row after its deadline.
    SettlementOverdue = "B-06" "settlement_overdue": Finance, Finance, Deadline::BusinessDays(1), PspHold;
    /// What rounding of a payment's rows left over.
    RoundingResidue = "B-07" "rounding_residue": Automatic, Machine, Deadline::Ages, Rounding;
    /// The fee of a row is not the contract's.
    FeeDiffers = "B-08" "fee_differs": Finance, Finance, Deadline::BusinessDays(5), FeeActual;
    /// A cancellation whose fee does not come back as it was taken.
    FeeNotReturned = "B-09" "fee_not_returned": Finance, Finance, Deadline::Ages, FeeKept;
    /// A row that belongs to no payment.
    LumpWithoutPayment = "B-10" "lump_without_payment": Finance, Finance, Deadline::BusinessDays(5), PspAdjustment;
    /// A cancellation at the PSP that no refund of ours asked for.
    RefundAtConsole = "B-11" "refund_at_console": Finance, Finance, Deadline::AtOnce, ExternalCancel;
    /// A chargeback, or a deposit that the bank took back.
    Chargeback = "B-12" "chargeback_or_bank_takeback": Finance, Finance, Deadline::AtOnce, Dispute;
    /// Both sides know of the money, and the amounts are not the same.
    AmountsDiffer = "B-13" "amounts_differ": Investigation, Investigation, Deadline::AtOnce, Explained;
    /// A payment at the PSP of an order that we never made.
    UnknownPayment = "B-14" "unknown_payment": Investigation, Investigation, Deadline::AtOnce, Explained;
    /// Two payments of one order.
    DuplicatePayment = "B-15" "duplicate_payment": Finance, Finance, Deadline::AtOnce, Duplicate;
    /// A payout that we asked for, of which our books lack the PSP's word.
    PayoutAnswerLost = "B-16" "payout_answer_lost": Automatic, Machine, Deadline::BusinessDays(1), LookedUp;
    /// A completed payout whose money came back.
    PayoutReturned = "B-17" "payout_returned": Finance, Finance, Deadline::AtOnce, PayoutReturned;
    /// A payout at the PSP that we never asked for.
    PayoutUnknownAtHome = "B-18" "payout_unknown_at_home": Investigation, Investigation, Deadline::AtOnce, Explained;
    /// A payout that is under way past its day.
    PayoutOverdue = "B-19" "payout_overdue": Finance, Finance, Deadline::BusinessDays(1), PspLate;
    /// The PSP's payout balance is not that of the books.
    PayoutBalanceDiffers = "B-20" "payout_balance_differs": Investigation, Investigation, Deadline::AtOnce, Explained;
    /// A deposit of the PSP is not the sum of its rows.
    DepositDiffers = "B-21" "deposit_differs": Finance, Finance, Deadline::BusinessDays(1), Explained;
    /// The day of a deposit has passed without one.
    DepositMissing = "B-22" "deposit_missing": Finance, Finance, Deadline::BusinessDays(1), Explained;
    /// A line of a bank statement that nothing explains.
    BankLineUnknown = "B-23" "bank_line_unknown": Finance, Finance, Deadline::Ages, Suspense;
    /// Two or more candidates for one fact. The machine never chooses.
    Ambiguous = "B-24" "ambiguous": Finance, Finance, Deadline::Ages, Explained;
    /// A currency in which the merchant does not trade.
    WrongCurrency = "B-25" "wrong_currency": Investigation, Investigation, Deadline::AtOnce, Explained;
    /// An attribute of a payment that differs, such as its tax-free amount.
    AttributeDiffers = "B-26" "attribute_differs": Finance, Finance, Deadline::Ages, Explained;
    /// The two sides date the fact on different days.
    DateDiffers = "B-27" "date_differs": Automatic, Machine, Deadline::Ages, Midnight;
    /// Our own books do not agree with each other.
    InternalDiffers = "B-28" "internal_differs": Investigation, Developers, Deadline::AtOnce, Explained;
    /// The other side could not be read to its end. It is the reason of a run without a verdict, never a break.
    SourceIncomplete = "B-29" "source_incomplete": Automatic, Machine, Deadline::AtOnce, NoVerdict;
    /// A row that came for a closed day. It is booked on the first open day.
    LateRow = "B-30" "late_row": Automatic, Machine, Deadline::Ages, Late;
}

impl BreakType {
    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|break_type| break_type.as_str() == text)
    }

    /// Whether it is closed as soon as it is seen: nothing is left to do, and it stays on record.
    pub const fn closes_at_once(self) -> bool {
        matches!(self, Self::LateRow | Self::DateDiffers)
    }

    /// Whether a seller's money is held for it until a person has decided.
    pub const fn holds_money(self) -> bool {
        matches!(self, Self::RefundAtConsole | Self::Chargeback | Self::AmountsDiffer)
    }

    /// Whether the workflow that owns the payment is asked to look at the PSP.
    pub const fn asks_workflow(self) -> bool {
        matches!(self, Self::CaptureUnbooked | Self::RefundUnbookedOurs)
    }

    /// Whether the workflow that owns the payout is asked to look at the PSP.
    pub const fn asks_payout_run(self) -> bool {
        matches!(self, Self::PayoutAnswerLost)
    }

    /// Whether no payout run is approved or sent until a person has resolved it.
    pub const fn stops_payouts(self) -> bool {
        matches!(self, Self::PayoutUnknownAtHome)
    }

    /// Whether a person alone closes it. A run that no longer sees it leaves it open.
    pub const fn is_closed_by_people(self) -> bool {
        self.stops_payouts()
    }
}

impl fmt::Display for BreakType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a break stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakStatus {
    /// It needs somebody.
    Open,
    /// A person waits for something, until a day.
    Waiting,
    /// It is closed, and stays on record.
    Resolved,
}

impl BreakStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Waiting, Self::Resolved];

    /// The status as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Waiting => "WAITING",
            Self::Resolved => "RESOLVED",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// How a reconciliation stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    Running,
    /// No break is open.
    Clean,
    /// Some breaks are open.
    Breaks,
    /// A source could not be read to its end: nothing was opened and nothing was closed.
    NoVerdict,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Running, Self::Clean, Self::Breaks, Self::NoVerdict];

    /// The status as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Clean => "CLEAN",
            Self::Breaks => "BREAKS",
            Self::NoVerdict => "NO_VERDICT",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}
