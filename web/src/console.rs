//! The console: what support, operations and finance see, and what they act on.
//!
//! Every page is whole without a script, and none has one. A page shows what a reader gave it; whether a person may see
//! the page is decided before the page is made.

mod acts;
mod address;
mod audit;
mod break_acts;
mod break_comment;
mod break_words;
mod breaks;
mod chart;
mod endpoints;
mod events;
mod exchanges;
mod failure_words;
mod finance_words;
mod frame;
mod freezing;
mod key_requests;
mod key_times;
mod key_words;
mod keys;
mod ledger;
mod letter_acts;
mod letters;
mod note;
mod overview;
mod own;
mod parts;
mod payments;
mod payout_acts;
mod payouts;
mod place;
mod proofs;
mod psp_view;
mod reconciliations;
mod refund_approvals;
mod seller_acts;
mod sellers;
mod settlements;
mod sheet;
mod sign_in;
mod story;
mod system;
mod trends;
mod wallets;
mod words;

pub use acts::{Asking, Confirming, MAX_ACT_REASON_CHARS, Outcome, RefundForm, Told};
pub use address::encoded;
pub use audit::{audit_log, sessions};
pub use break_acts::{BreakForm, BreakStep, TypedAct};
pub use breaks::{BreakActs, BreakPage, BreakSearch, break_page, breaks};
pub use endpoints::{endpoint, endpoints};
pub use events::events;
pub use exchanges::exchanges;
pub use frame::{Frame, Page};
pub use freezing::{FreezeForm, TypedRun};
pub use key_requests::{
    DecideKeyForm, KeyRequestPage, KeyStep, MAX_KEY_NAME_CHARS, NewKeyForm, OFFERED_SCOPES, RotateForm,
    key_request_address, key_shown, scope_field,
};
pub use key_times::{Lifetime, Overlap};
pub use keys::{RevokeForm, api_keys};
pub use ledger::{AccountPage, account, accounts, entry};
pub use letter_acts::{BulkAct, BulkPage, BulkResult, ResolveForm, bulk_done, outcomes};
pub use letters::{LetterActs, letter, letters};
pub use note::NoteForm;
pub use overview::{Overview, overview};
pub use own::{own, own_payouts};
pub use payments::{METHODS, Meaning, Search, payments};
pub use payout_acts::{PayoutForm, PayoutStep, RunForm, RunStep};
pub use payouts::{PayoutActs, PayoutPage, PayoutSearch, RunActs, RunPage, payout, payout_run, payout_runs, payouts};
pub use place::Place;
pub use proofs::{EntrySearch, ExportForm, ProofsPage, Verification, entries, proofs};
pub use psp_view::psp_view;
pub use reconciliations::{DayPage, reconciliation, reconciliations, start_reconciliation};
pub use refund_approvals::{AskedRefund, DecideRefundForm, RefundStep, WaitingRefund, refund_approvals};
pub use seller_acts::{HoldForm, LiftForm, RevealForm, VerifyForm, revealed};
pub use sellers::{SellerActs, SellerFacts, SellerPage, SellerSearch, seller, sellers};
pub use settlements::{CalendarPage, settlements};
pub use sheet::Wrong;
pub use sign_in::{Refusal, no_role, not_set_up, refused, sign_in, signed_out};
pub use story::{Acts, Standing, Story, story};
pub use system::system;
pub use trends::TREND_DAYS;
pub use wallets::{wallet, wallets};
pub use words::Words;
