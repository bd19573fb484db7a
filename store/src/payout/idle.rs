//! Sellers of whom a run pays nothing and carries nothing over, and why.

use std::collections::BTreeMap;

use domain::{Currency, Money, calendar::Day, id::SellerAccount, payout::idle::IdleReason, wallet::Wallet};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

use super::{
    plan::{PlanRequest, due_on},
    record,
};
use crate::{Reader, StoreError, convert::wallet_of_row, entities::wallets, seller::payout_terms};

/// The most sellers that are named.
pub const MAX_IDLE: u64 = 1_000;

/// A seller of whom a run pays nothing and carries nothing over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleSeller {
    /// The seller.
    pub seller: SellerAccount,
    /// Why.
    pub reason: IdleReason,
    /// The money that the reason is about.
    pub amount: Money,
    /// The seller's next day by the calendar, from the day of the run on.
    pub next_payout: Option<Day>,
}

impl Reader {
    /// The sellers who were named, or who have any money, and whom a run does not look at; at most [`MAX_IDLE`].
    pub async fn idle_sellers(&self, request: PlanRequest<'_>) -> Result<Vec<IdleSeller>, StoreError> {
        let PlanRequest { date, sellers, rules, now } = request;
        let has_money = [wallets::Column::Available, wallets::Column::Pending, wallets::Column::Held];
        let chosen = match sellers {
            Some(named) => {
                Condition::all().add(wallets::Column::SellerAccount.is_in(named.iter().map(SellerAccount::as_str)))
            }
            None => has_money.into_iter().fold(Condition::any(), |any, part| any.add(part.gt(0))),
        };
        let rows = wallets::Entity::find()
            .filter(wallets::Column::Currency.eq(Currency::Krw.code()))
            .filter(chosen)
            .order_by(wallets::Column::SellerAccount, Order::Asc)
            .limit(MAX_IDLE)
            .all(self.connection())
            .await?;
        let mut found: BTreeMap<SellerAccount, Wallet> = BTreeMap::new();
        for seller in sellers.unwrap_or_default() {
            found.insert(seller.clone(), Wallet::empty(Currency::Krw));
        }
        for row in rows {
            let wallet = wallet_of_row(&row)?;
            found.insert(record::seller(row.seller_account)?, wallet);
        }
        let all: Vec<SellerAccount> = found.keys().cloned().collect();
        let terms = payout_terms(self.connection(), &all, now).await?;
        let idle = found.into_iter().filter_map(|(seller, wallet)| {
            let terms = terms.get(&seller)?;
            let is_due = due_on(terms, date, rules, sellers.is_some()).is_some();
            let (reason, amount) = IdleReason::of(&wallet, is_due)?;
            let next = terms.schedule.next_payouts(date, 1, &rules.holidays);
            Some(IdleSeller { seller, reason, amount, next_payout: next.first().map(|day| day.pays) })
        });
        Ok(idle.collect())
    }
}
