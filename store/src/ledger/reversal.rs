//! Which entries may be taken back by hand, and what that would do.
//!
//! An entry of a payment or a refund is booked together with a status, and the workflow behind that status goes on
//! from there. Without its entry the status is untrue, and nothing books the money again. So the entry of a payment
//! whose workflow has ended is taken back by two principals alone, and any other that a status rests on by nobody.

use domain::{
    Timestamp,
    charge::DEPOSIT_WATCH_MS,
    checkout::Status,
    id::{PaymentOrderId, RefundId, SellerAccount},
    ledger::{Entry, EntryError, OrderChange, Reason},
    wallet::Wallet,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};

use crate::{
    BookedEntry, Reader, StoreError,
    books::{
        order::takes_too_much,
        refusal::{Principals, Refusal, Resting},
    },
    convert::{corrupt, from_column_refund_status, from_column_status, to_column_time},
    entities::{breaks, payment_events, payment_orders, refunds},
};

/// The first line of what a digest covers; a change of the text changes its number.
const DIGEST_HEADER: &str = "daegeum-reversal 1\n";

/// The row whose status an entry brought about, if it is one of these entries and there is that row.
pub(crate) async fn resting_on(
    mistake: &Entry,
    now: Timestamp,
    connection: &impl ConnectionTrait,
) -> Result<Option<Resting>, StoreError> {
    let fields = mistake.fields();
    match fields.reason {
        Reason::PaymentCaptured => {
            let Some(id) = &fields.checkout_id else { return Ok(None) };
            let row = payment_events::Entity::find_by_id(id.as_str()).one(connection).await?;
            let Some(row) = row else { return Ok(None) };
            let (id, status) = (id.to_string(), from_column_status(&row.status)?);
            let is_watched = status == Status::Success && is_watched(mistake, &id, now, connection).await?;
            Ok(Some(if is_watched { Resting::WatchedDeposit { id } } else { Resting::Checkout { id, status } }))
        }
        Reason::SuspenseCleared => {
            let resolved = breaks::Entity::find().filter(breaks::Column::EntryId.eq(fields.key.as_str()));
            Ok(resolved.one(connection).await?.map(|row| Resting::Break { id: row.break_id }))
        }
        Reason::RefundPromised | Reason::RefundExecuted => {
            let reference = fields.key.split_once(':').map(|(_, reference)| reference);
            let Some(id) = reference.and_then(|reference| RefundId::parse(reference).ok()) else { return Ok(None) };
            let row = refunds::Entity::find_by_id(id.as_str()).one(connection).await?;
            let Some(row) = row else { return Ok(None) };
            Ok(Some(Resting::Refund { id: id.to_string(), status: from_column_refund_status(&row.status)? }))
        }
        // Its reference is the break.
        Reason::RoundingBooked => {
            let reference = fields.key.split_once(':').map(|(_, reference)| reference.to_owned());
            Ok(reference.map(|id| Resting::Break { id }))
        }
        Reason::PendingReleased
        | Reason::HoldReserved
        | Reason::HoldReleased
        | Reason::HoldExpired
        | Reason::PayoutSent
        | Reason::PayoutArrived
        | Reason::PayoutFailed
        | Reason::PayoutReturned
        | Reason::PspSettled
        | Reason::PspExchanged
        | Reason::SweepPaid
        | Reason::SweepReturned
        | Reason::SweepReceived
        | Reason::PspDeposited
        | Reason::Reversed => Ok(None),
    }
}

/// Whether the workflow of a checkout still asks whether the bank took its deposit back.
async fn is_watched(
    captured: &Entry,
    checkout_id: &str,
    now: Timestamp,
    connection: &impl ConnectionTrait,
) -> Result<bool, StoreError> {
    if now.ms_since(captured.fields().occurred_at) >= DEPOSIT_WATCH_MS {
        return Ok(false);
    }
    let deposit = payment_orders::Entity::find()
        .filter(payment_orders::Column::CheckoutId.eq(checkout_id))
        .filter(payment_orders::Column::DepositSeenAt.is_not_null());
    Ok(deposit.one(connection).await?.is_some())
}

/// Refuses to take back an entry that a status rests on, unless two principals may.
pub(crate) fn check(mistake: &Entry, resting: Option<&Resting>, by: Principals) -> Result<(), Refusal> {
    let Some((resting, instead)) = resting.and_then(|resting| Some((resting, resting.instead(by)?))) else {
        return Ok(());
    };
    Err(Refusal::StatusRests { key: mistake.fields().key.clone(), resting: resting.clone(), instead })
}

/// Refuses to take back a release whose time has come: it would be released again at once. A release that came before
/// its time, by a clock that was wrong say, is taken back.
pub(crate) async fn release_due(
    mistake: &Entry,
    now: Timestamp,
    connection: &impl ConnectionTrait,
) -> Result<Option<Refusal>, StoreError> {
    if mistake.fields().reason != Reason::PendingReleased {
        return Ok(None);
    }
    for order in mistake.order_changes().into_keys() {
        let due = payment_orders::Entity::find_by_id(order.as_str())
            .filter(payment_orders::Column::ReleasesAt.lte(to_column_time(now)))
            .one(connection)
            .await?;
        if due.is_some() {
            return Ok(Some(Refusal::ReleaseDue { order: order.clone() }));
        }
    }
    Ok(None)
}

/// What a second principal approves: the entry, the row that rests on it, and its orders as they are now. Wallets move
/// all the time, and are not a part of it.
pub(crate) async fn digest(
    mistake: &Entry,
    resting: Option<&Resting>,
    connection: &impl ConnectionTrait,
) -> Result<String, StoreError> {
    let entry = serde_json::to_string(mistake).map_err(|error| corrupt("an entry", error))?;
    let resting = resting.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let mut text = format!("{DIGEST_HEADER}{entry}\n{resting}\n");
    for order in mistake.order_changes().into_keys() {
        let row = payment_orders::Entity::find_by_id(order.as_str()).one(connection).await?;
        let Some(row) = row else { continue };
        let amounts = [row.unreleased, row.commission, row.commission_vat, row.refunded_amount];
        let amounts = amounts.map(|amount| amount.to_string()).join(" ");
        text += &format!("{order} {} {amounts}\n", row.payment_order_status);
    }
    Ok(hex::encode(Sha256::digest(text.as_bytes())))
}

/// What a reversal would do now. Nothing is changed, and what happens meanwhile may change the outcome.
#[derive(Debug, Clone)]
pub struct ReversalPreview {
    /// The entry that would be taken back.
    pub mistake: BookedEntry,
    /// What would be booked; nothing where the entry is none that can be reversed.
    pub reversal: Option<Entry>,
    /// The key of the entry that would be taken back with it: the other half of an exchange.
    pub other_half: Option<String>,
    /// The reversal that was booked before, if any.
    pub booked: Option<BookedEntry>,
    /// The row whose status the entry brought about.
    pub resting: Option<Resting>,
    /// The wallets that would move.
    pub wallets: Vec<WalletMove>,
    /// The payment orders that would move.
    pub orders: Vec<OrderMove>,
    /// What a proposal and its approval name.
    pub digest: String,
    /// Why it would be refused, if it would.
    pub refusal: Option<Refusal>,
}

/// What would become of one wallet.
#[derive(Debug, Clone)]
pub struct WalletMove {
    /// Whose wallet.
    pub seller: SellerAccount,
    /// As it is.
    pub before: Wallet,
    /// As it would be; nothing where a part of it would fall below zero.
    pub after: Option<Wallet>,
}

/// What would become of one payment order.
#[derive(Debug, Clone)]
pub struct OrderMove {
    pub order: PaymentOrderId,
    pub status: Status,
    /// What would change, in minor units.
    pub change: OrderChange,
}

impl Reader {
    /// What the reversal of the entry under a key would do; nothing where no such entry is booked.
    pub async fn reversal_preview(&self, key: &str, at: Timestamp) -> Result<Option<ReversalPreview>, StoreError> {
        let Some(mistake) = self.booked_entry(key).await? else { return Ok(None) };
        let resting = resting_on(&mistake.entry, at, self.connection()).await?;
        let digest = digest(&mistake.entry, resting.as_ref(), self.connection()).await?;
        let booked = self.booked_entry(&Reason::Reversed.key(key)).await?;
        let (reversal, mut refusal) = match Entry::of_reversal(&mistake.entry, at) {
            Ok(reversal) => (Some(reversal), check(&mistake.entry, resting.as_ref(), Principals::Two).err()),
            Err(error) => (None, Some(error.into())),
        };
        let (mut wallets, mut orders) = (Vec::new(), Vec::new());
        // What is taken back already moves nothing once more.
        if let (Some(reversal), None) = (&reversal, &booked) {
            let too_much;
            (orders, too_much) = self.order_moves(reversal).await?;
            let overdrawn;
            (wallets, overdrawn) = self.wallet_moves(reversal).await?;
            refusal = refusal.or(too_much).or(overdrawn);
            refusal = refusal.or(release_due(&mistake.entry, at, self.connection()).await?);
        }
        let refusal = refusal.filter(|_| booked.is_none());
        let other_half = match mistake.entry.other_half() {
            Some(key) => self.booked_entry(&key).await?.map(|_| key),
            None => None,
        };
        Ok(Some(ReversalPreview { mistake, reversal, other_half, booked, resting, wallets, orders, digest, refusal }))
    }

    async fn order_moves(&self, reversal: &Entry) -> Result<(Vec<OrderMove>, Option<Refusal>), StoreError> {
        let (mut moves, mut refusal) = (Vec::new(), None);
        for (order, change) in reversal.order_changes() {
            let row = payment_orders::Entity::find_by_id(order.as_str()).one(self.connection()).await?;
            let Some(row) = row else {
                refusal = refusal.or(Some(Refusal::NoSuchOrder { order: order.clone() }));
                continue;
            };
            if takes_too_much(&row, change) {
                refusal = refusal.or(Some(EntryError::NotEnough.into()));
            }
            let status = from_column_status(&row.payment_order_status)?;
            moves.push(OrderMove { order: order.clone(), status, change });
        }
        Ok((moves, refusal))
    }

    async fn wallet_moves(&self, reversal: &Entry) -> Result<(Vec<WalletMove>, Option<Refusal>), StoreError> {
        let postings = reversal.fields().postings.iter().map(|posting| posting.fields());
        let accounts = postings.flat_map(|posting| [&posting.debit, &posting.credit]);
        let sellers: std::collections::BTreeSet<_> = accounts.filter_map(|account| account.seller()).collect();
        let (mut moves, mut refusal) = (Vec::new(), None);
        for seller in sellers {
            let records = self.wallets(seller).await?.into_iter().map(|record| record.wallet);
            let before = records.into_iter().find(|wallet| wallet.currency() == reversal.currency());
            let before = before.unwrap_or(Wallet::empty(reversal.currency()));
            let after = before.after(seller, reversal);
            refusal = refusal.or(after.as_ref().err().cloned().map(Refusal::from));
            moves.push(WalletMove { seller: seller.clone(), before, after: after.ok() });
        }
        Ok((moves, refusal))
    }
}
