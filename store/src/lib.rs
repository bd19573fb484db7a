//! What daegeum remembers: every SQL statement, for SQLite and PostgreSQL alike.
//!
//! A [`Writer`] writes what a workflow decided; a [`Journal`] writes what came in at the door, which is never
//! money; a [`Reader`] reads and, as the database itself enforces, cannot write.
//!
//! # What this crate does not do
//!
//! It decides nothing: `domain` decides each status and makes each entry; this crate reads what the decision needs. It
//! changes no schema; see `migrations`.
//!
//! # Invariants
//!
//! * Every write is one transaction and safe to repeat: a key that stands in the statement makes the
//!   second one change nothing.
//! * Wallets, ledger, payment orders and status history of one step move together or not at all.
//! * A transaction begins as a writer, so that two of them wait for each other instead of failing.
//! * Every statement and every transaction has a deadline on our side; a connection that may stand inside of a
//!   transaction is closed, never used again.
//! * The time of money is one clock's: the database's.

mod ages;
mod api_key;
mod audit_log;
mod backup;
mod bank;
mod books;
mod breaks;
mod buyer;
mod by_status;
mod cash_receipt;
mod checkout;
mod clock;
mod commission;
mod connection;
pub mod console;
mod convert;
mod counts;
mod dead_letter;
mod decision;
mod entities;
mod error;
mod event;
mod finance_figures;
mod hold;
mod journal;
mod ledger;
mod migrating;
mod money_counts;
mod note;
mod paging;
mod payout;
mod purchase;
mod rate;
mod reader;
mod readiness;
mod reconciliation;
mod refund;
mod report;
mod risk;
mod saved_card;
mod sealing;
mod second_person;
mod seller;
mod settlement;
mod transaction;
mod unavailable;
mod wallet;
mod watch;
mod webhook;
pub mod webhook_endpoint;
mod writer;

pub use ages::{AGE_BUCKETS, AGES_FROM_DAYS, Ages, WaitingAges};
pub use api_key::{
    ApiKey, Grant, KeyForm, KeyRefusal, KeyRequestRecord, KeyStanding, MAX_DECISION_MS, MAX_SHOWING_MS, NewKey,
    NewKeyRequest, Pepper, PepperError, Peppered, SHOWN_AGAIN_MS, Scope, Scopes, ScopesError, Secret, ShownKey,
};
pub use audit_log::{Actor, AuditEntry};
pub use backup::{FileCopy, copy_at_one_instant};
pub use bank::{BankLine, Imported};
pub use books::{
    Audit, Booked, BookedEntry, BooksState, ChainEnd, Check, Disagreement, Findings, GENESIS, Inclusion, MAX_NAMED,
    OnReadProgress, ReadProgress, Refusal, Resting, hash_of,
};
pub use breaks::{
    BreakActRequest, BreakEvent, BreakFilter, BreakPosition, BreakRecord, Repair, RepairRequest, Repaired, Residue,
};
pub use buyer::{BuyerDetails, BuyerDigests, BuyerField, DigestedDetail, Erased, SealedBuyer};
pub use cash_receipt::{
    CashReceipts, NewReceiptRequest, ReceiptLook, ReceiptRequested, WrongReceipts, open_receipt_number,
    seal_receipt_number,
};
pub use checkout::{
    CheckoutFigure, CheckoutFilter, CheckoutPosition, CheckoutRecord, ConfirmToken, ConfirmTokens, DeclineRecord,
    FRESH_LOOK_MS, HistorySources, KEY_END_CHARS, LostCheckout, OperatorDecision, OrderRecord, PaidBack, Parts,
    PspRecord, RecallRecord, RequestRecord, StatusChange,
};
pub use clock::{CLOCK_LIMIT, Clock};
pub use commission::CommissionRate;
pub use connection::{DEFAULT_CONNECTIONS, Database, DatabaseUrl, DatabaseUrlError, PoolUse, SCHEMA_LOCK_TIME};
pub use counts::{Counts, WATCHED, WATCHED_REFUNDS};
pub use dead_letter::{Acted, ActionRecord, LetterFilter, LetterPosition, LetterRecord, NewAction};
pub use decision::Decision;
pub use error::StoreError;
pub use event::{
    EventCursor, EventFigures, EventLag, EventLogState, EventPage, EventQuery, EventRecord, EventRetention, EventsRead,
    HeldCursor, MAX_EVENTS, Sequencer, Tail, Unsequenced,
};
pub use finance_figures::{FinanceFigures, OpenBreaks};
pub use journal::Journal;
pub use ledger::{
    AccountBalance, AccountFilter, AccountPosition, AsOf, EntryFilter, EntryRecord, Movement, MovementPosition,
    OrderMove, PublicKey, ReversalPreview, ReversalRecord, ReversalWord, SaidBy, Side, SignedCheckpoint, SigningError,
    SigningKey, WalletMove,
};
pub use migrating::SchemaConnection;
pub use money_counts::{MoneyCounts, UnresolvedBreaks, WATCHED_PAYOUTS, WATCHED_RUNS};
pub use note::{MAX_NOTE_CHARS, NoteRecord};
pub use paging::{Page, Window};
pub use payout::{
    BankFileRecord, BankFileRefusal, BeginBatch, BegunBatch, FirstApproval, Freeze, FreezeOutcome, FreezeSweep,
    IdleSeller, MAX_IDLE, NotedAnswer, PayoutFilter, PayoutPosition, PayoutRecord, PayoutRefusal, PayoutRequest,
    PlanRequest, RunDecision, RunPosition, RunRecord, RunWork, StatementRecord, SweepPlan, SweepReceipt, TakeBankFile,
    TransferRecord, TransferShown, TransfersAtBank, Withdrawal,
};
pub use purchase::{PurchaseRecord, ReportedPurchase};
pub use rate::{RateFilter, RatePosition, RateRecord, RateTaken};
pub use reader::Reader;
pub use reconciliation::{
    ConcludeRun, InternalDifference, InternalQuestion, LayerDays, LayerSummary, NewRun, PayoutBooks,
    PayoutBooksQuestion, Progress, RunPosition as ReconciliationPosition, RunRecord as ReconciliationRecord,
    RunSummary,
};
pub use refund::{
    ApprovalPosition, ApprovalRecord, ApprovalStanding, LostRefund, NewApproval, RefundRecord, Reservation, Reserved,
};
pub use report::{CashLikeSale, MethodFees, OwedToSeller, RefundInTime, SellerSales};
pub use risk::{CardNames, RiskDecision, RiskRecord};
pub use saved_card::{CardSecret, NewSavedCard, SavedCardPut, SavedCardRecord, SealedCardKey};
pub use sealing::{Keyring, KeyringError, Sealed, open_holder, seal_holder};
pub use second_person::{SecondPersonFigures, Waits};
pub use seller::{
    AccountChecks, HoldLifted, HoldPlaced, HoldRecord, NewSellerDetails, PayoutBlock, PayoutTerms, Profile,
    RegistrationRecord, SellerFilter, SellerHoldStatus, SellerPut, SellerRecord, SellerToSend, VerifiedAccount,
};
pub use settlement::{
    CanceledPayment, CapturedCheckout, KeptRows, ReceivedRow, RecordedPayment, RefundedPart, ReversedSettlement,
    RowBooking, RowPage, RowPlace, SettlementBookings, SettlementCalendar, SettlementDay, StandingCapture, StoredRow,
    UnsettledCapture,
};
pub use wallet::{Flow, PastWallet, Release, WalletPosition, WalletRecord};
pub use watch::{Reading, Watch};
pub use webhook::{MAX_KEPT_WEBHOOKS, Noted, Webhook};
pub use writer::Writer;
