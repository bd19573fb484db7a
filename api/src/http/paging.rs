//! Long lists, a page at a time: `limit`, `cursor`, `next_cursor`.
//!
//! A cursor is the place in the list where a page ended, written down and packed so that nobody takes it for
//! something to build by hand. It holds nothing secret and is trusted with nothing: it can only say where to
//! go on. Other filters may be given with it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Timestamp,
    id::{PayoutId, PayoutRunId, SellerAccount},
};
use serde::{Serialize, de::DeserializeOwned};
use store::{
    AccountPosition, ApprovalPosition, BreakPosition, CheckoutPosition, LetterPosition, MovementPosition, Page,
    PayoutPosition, RatePosition, ReconciliationPosition, RunPosition, Side, WalletPosition, Window,
};

use crate::http::{
    forms::{Number, Text},
    parameters::Parameters,
    problem::{FieldCode, Problem},
    table::parameters,
};

/// How many items a page has unless it is said.
pub(crate) const DEFAULT_LIMIT: u64 = 50;
/// The most items of a page.
const MAX_LIMIT: u64 = 100;

/// A place in a list, which can be written down.
pub(crate) trait Position: Sized {
    /// The list: a cursor of another one is refused.
    const LIST: &'static str;
    /// The place in plain values.
    type Written: Serialize + DeserializeOwned;
    /// Writes it down.
    fn write(&self) -> Self::Written;
    /// Reads what [`Self::write`] wrote.
    fn read(written: Self::Written) -> Option<Self>;
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = List)]
pub(crate) struct ListBody<T> {
    data: Vec<T>,
    /// The parameter `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

impl<T> ListBody<T> {
    /// A page, with a cursor if there is more.
    pub(crate) fn new<I, P: Position>(page: &Page<I>, place: impl Fn(&I) -> P, shape: impl Fn(&I) -> T) -> Self {
        let last = page.items.last().filter(|_| page.more);
        Self { data: page.items.iter().map(shape).collect(), next_cursor: last.map(|item| cursor_of(&place(item))) }
    }
}

impl<T> ListBody<T> {
    /// A page that ended behind a place, which need not be that of an item: a filter may have left it out.
    pub(crate) fn behind<P: Position>(data: Vec<T>, next: Option<&P>) -> Self {
        Self { data, next_cursor: next.map(cursor_of) }
    }
}

/// Sellers, by their names.
impl Position for SellerAccount {
    const LIST: &'static str = "sellers";
    type Written = String;

    fn write(&self) -> String {
        self.to_string()
    }

    fn read(written: String) -> Option<Self> {
        Self::parse(written).ok()
    }
}

parameters! {
    /// A page of a list.
    pub(crate) struct Paging {
        /// The number of items of a page; 50 by default.
        limit: Number<1, MAX_LIMIT>,
        /// `next_cursor` of the page before; the list begins anew without it.
        cursor: Text,
    }
}

/// The page that is asked for.
pub(crate) fn window<P: Position>(parameters: &Parameters) -> Result<Window<P>, Problem> {
    let Paging { limit, cursor } = Paging::of(parameters)?;
    let no_place = || {
        let detail = "is no `next_cursor` of this list; leave it out to begin anew";
        Problem::of_field("cursor", FieldCode::Invalid, detail)
    };
    let after = cursor.map(|cursor| place_of(&cursor).ok_or_else(no_place)).transpose()?;
    Ok(Window { after, limit: limit.unwrap_or(DEFAULT_LIMIT) })
}

pub(crate) fn cursor_of<P: Position>(place: &P) -> String {
    // Numbers and texts always have a JSON.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(P::LIST, place.write())).unwrap_or_default())
}

pub(crate) fn place_of<P: Position>(cursor: &str) -> Option<P> {
    let (list, written): (String, P::Written) = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    if list == P::LIST { P::read(written) } else { None }
}

/// Entries, by their number.
impl Position for u64 {
    const LIST: &'static str = "entries";
    type Written = Self;

    fn write(&self) -> Self {
        *self
    }

    fn read(written: Self) -> Option<Self> {
        Some(written)
    }
}

impl Position for RunPosition {
    const LIST: &'static str = "payout_runs";
    type Written = (i64, String);

    fn write(&self) -> Self::Written {
        (self.frozen_at.epoch_ms(), self.run_id.to_string())
    }

    fn read((frozen_at, run_id): Self::Written) -> Option<Self> {
        let run_id = PayoutRunId::parse(run_id).ok()?;
        Some(Self { frozen_at: Timestamp::from_epoch_ms(frozen_at), run_id })
    }
}

impl Position for PayoutPosition {
    const LIST: &'static str = "payouts";
    type Written = (i64, String);

    fn write(&self) -> Self::Written {
        (self.frozen_at.epoch_ms(), self.payout_id.to_string())
    }

    fn read((frozen_at, payout_id): Self::Written) -> Option<Self> {
        let payout_id = PayoutId::parse(payout_id).ok()?;
        Some(Self { frozen_at: Timestamp::from_epoch_ms(frozen_at), payout_id })
    }
}

impl Position for MovementPosition {
    const LIST: &'static str = "movements";
    type Written = (u64, u32, String);

    fn write(&self) -> Self::Written {
        (self.sequence, self.line, self.side.as_str().to_owned())
    }

    fn read((sequence, line, side): Self::Written) -> Option<Self> {
        let side = Side::BOTH.into_iter().find(|known| known.as_str() == side)?;
        Some(Self { sequence, line, side })
    }
}

impl Position for AccountPosition {
    const LIST: &'static str = "accounts";
    type Written = (String, String);

    fn write(&self) -> Self::Written {
        (self.account.to_string(), self.currency.to_string())
    }

    fn read((account, currency): Self::Written) -> Option<Self> {
        Some(Self { account: account.parse().ok()?, currency: currency.parse().ok()? })
    }
}

impl Position for WalletPosition {
    const LIST: &'static str = "wallets";
    type Written = (String, String);

    fn write(&self) -> Self::Written {
        (self.seller.to_string(), self.currency.to_string())
    }

    fn read((seller, currency): Self::Written) -> Option<Self> {
        let seller = domain::id::SellerAccount::parse(seller).ok()?;
        Some(Self { seller, currency: currency.parse().ok()? })
    }
}

impl Position for RatePosition {
    const LIST: &'static str = "rates";
    type Written = (i64, String, String, String, String);

    fn write(&self) -> Self::Written {
        let [base, quote] = [self.pair.base(), self.pair.quote()].map(|currency| currency.to_string());
        (self.as_of.epoch_ms(), base, quote, self.kind.as_str().to_owned(), self.source.clone())
    }

    fn read((as_of_ms, base, quote, kind, source): Self::Written) -> Option<Self> {
        Some(Self {
            as_of: Timestamp::from_epoch_ms(as_of_ms),
            pair: domain::rate::Pair::try_new(base.parse().ok()?, quote.parse().ok()?).ok()?,
            kind: kind.parse().ok()?,
            source,
        })
    }
}

impl Position for CheckoutPosition {
    const LIST: &'static str = "payments";
    type Written = (i64, String);

    fn write(&self) -> Self::Written {
        (self.created_at.epoch_ms(), self.checkout_id.to_string())
    }

    fn read((created_ms, checkout_id): Self::Written) -> Option<Self> {
        let created_at = Timestamp::from_epoch_ms(created_ms);
        Some(Self { created_at, checkout_id: domain::id::CheckoutId::parse(checkout_id).ok()? })
    }
}

impl Position for LetterPosition {
    const LIST: &'static str = "dead-letters";
    type Written = (i64, String);

    fn write(&self) -> Self::Written {
        (self.created_at.epoch_ms(), self.letter_id.to_string())
    }

    fn read((created_ms, letter_id): Self::Written) -> Option<Self> {
        let created_at = Timestamp::from_epoch_ms(created_ms);
        Some(Self { created_at, letter_id: domain::id::DeadLetterId::parse(letter_id).ok()? })
    }
}

impl Position for ApprovalPosition {
    const LIST: &'static str = "refunds";
    type Written = (i64, String);

    fn write(&self) -> Self::Written {
        (self.requested_at.epoch_ms(), self.refund_id.to_string())
    }

    fn read((requested_ms, refund_id): Self::Written) -> Option<Self> {
        let requested_at = Timestamp::from_epoch_ms(requested_ms);
        Some(Self { requested_at, refund_id: domain::id::RefundId::parse(refund_id).ok()? })
    }
}

impl Position for BreakPosition {
    const LIST: &'static str = "breaks";
    type Written = (i64, String);

    fn write(&self) -> Self::Written {
        (self.opened_at.epoch_ms(), self.break_id.to_string())
    }

    fn read((opened_ms, break_id): Self::Written) -> Option<Self> {
        let opened_at = Timestamp::from_epoch_ms(opened_ms);
        Some(Self { opened_at, break_id: domain::id::BreakId::parse(break_id).ok()? })
    }
}

impl Position for ReconciliationPosition {
    const LIST: &'static str = "reconciliations";
    type Written = (String, u32);

    fn write(&self) -> Self::Written {
        (self.day.to_string(), self.number)
    }

    fn read((day, number): Self::Written) -> Option<Self> {
        Some(Self { day: day.parse().ok()?, number })
    }
}

/// A place in the audit log, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuditPosition(pub(crate) u64);

impl Position for AuditPosition {
    const LIST: &'static str = "audit-log";
    type Written = u64;

    fn write(&self) -> u64 {
        self.0
    }

    fn read(written: u64) -> Option<Self> {
        Some(Self(written))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use domain::{Currency, id::CheckoutId, ledger::Account};

    use super::*;

    fn comes_back<P: Position + Debug + PartialEq>(place: &P) -> String {
        let cursor = cursor_of(place);
        assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
        assert_eq!(place_of::<P>(&cursor).as_ref(), Some(place));
        cursor
    }

    #[test]
    fn a_cursor_is_read_by_its_own_list_only() {
        let entry = comes_back(&7_u64);
        let movement = comes_back(&MovementPosition { sequence: u64::MAX, line: 3, side: Side::Credit });
        let account = comes_back(&AccountPosition { account: Account::Bank, currency: Currency::Usd });
        let checkout_id = CheckoutId::parse("checkout-1").unwrap();
        let checkout = comes_back(&CheckoutPosition { created_at: Timestamp::from_epoch_ms(-1), checkout_id });
        for other in [&movement, &account, &checkout] {
            assert_eq!(place_of::<u64>(other), None);
        }
        assert_eq!(place_of::<MovementPosition>(&entry), None);
        let packed = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for broken in [
            "",
            "!",
            "null",
            &packed("7"),
            &packed(r#"["entries",-1]"#),
            &packed(r#"["entries",1,2]"#),
            &packed(r#"["others",1]"#),
        ] {
            assert_eq!(place_of::<u64>(broken), None, "{broken}");
        }
        let nowhere = packed(r#"["accounts",["seller:a:b:c","KRW"]]"#);
        assert_eq!(place_of::<AccountPosition>(&nowhere), None);
    }

    #[test]
    fn a_page_that_is_not_the_last_says_where_it_ended() {
        let body = |more| ListBody::new(&Page { items: vec![3_u64, 2], more }, |item| *item, ToString::to_string);
        assert_eq!(body(false).next_cursor, None);
        assert_eq!(body(true).data, ["3", "2"]);
        assert_eq!(place_of::<u64>(&body(true).next_cursor.unwrap()), Some(2));
    }
}
