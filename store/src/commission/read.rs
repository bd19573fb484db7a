//! Commission rates.

use domain::{
    Timestamp,
    commission::{BasisPoints, CommissionTerms, OnRefund},
    id::SellerAccount,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    Reader, StoreError,
    commission::EVERY_SELLER,
    convert::{corrupt, from_column_time, to_column_time},
    entities::commission_rates,
};

/// What is kept of sales from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommissionRate {
    /// Whose sales; `None` is every seller without a rate of their own.
    pub seller: Option<SellerAccount>,
    /// How much of them, and what becomes of it when an order is refunded.
    pub terms: CommissionTerms,
    /// From when on.
    pub effective_from: Timestamp,
    /// When it was set.
    pub set_at: Timestamp,
}

impl Reader {
    /// Every rate that was ever set, by seller and the older ones first; the one for every seller leads.
    pub async fn commission_rates(&self) -> Result<Vec<CommissionRate>, StoreError> {
        let rows = commission_rates::Entity::find()
            .order_by_asc(commission_rates::Column::SellerAccount)
            .order_by_asc(commission_rates::Column::EffectiveFrom)
            .all(self.connection())
            .await?;
        let rate = |row: commission_rates::Model| {
            let seller = (row.seller_account != EVERY_SELLER).then(|| SellerAccount::parse(&*row.seller_account));
            Ok(CommissionRate {
                seller: seller.transpose().map_err(|error| corrupt("a seller", error))?,
                terms: terms_of(&row)?,
                effective_from: from_column_time(row.effective_from),
                set_at: from_column_time(row.set_at),
            })
        };
        rows.into_iter().map(rate).collect()
    }

    /// The commission of each of these sellers at an instant, in their order.
    pub async fn commissions(&self, sellers: &[&SellerAccount], at: Timestamp) -> Result<Vec<BasisPoints>, StoreError> {
        let terms = commission_terms(self.connection(), sellers, at).await?;
        Ok(terms.into_iter().map(|terms| terms.rate).collect())
    }
}

/// The terms of each of these sellers at an instant, in their order.
pub(crate) async fn commission_terms(
    connection: &impl ConnectionTrait,
    sellers: &[&SellerAccount],
    at: Timestamp,
) -> Result<Vec<CommissionTerms>, StoreError> {
    let names = sellers.iter().map(|seller| seller.as_str()).chain([EVERY_SELLER]);
    let rates = commission_rates::Entity::find()
        .filter(commission_rates::Column::SellerAccount.is_in(names))
        .filter(commission_rates::Column::EffectiveFrom.lte(to_column_time(at)))
        .order_by_desc(commission_rates::Column::EffectiveFrom)
        .all(connection)
        .await?;
    let of = |name: &str| rates.iter().find(|rate| rate.seller_account == name);
    let terms = |seller: &&SellerAccount| of(seller.as_str()).or_else(|| of(EVERY_SELLER)).map(terms_of).transpose();
    sellers.iter().map(|seller| Ok(terms(seller)?.unwrap_or_default())).collect()
}

fn terms_of(row: &commission_rates::Model) -> Result<CommissionTerms, StoreError> {
    let points = u16::try_from(row.basis_points).ok().and_then(|points| BasisPoints::try_new(points).ok());
    let on_refund = OnRefund::parse(&row.on_refund);
    Ok(CommissionTerms {
        rate: points.ok_or_else(|| corrupt("a commission", row.basis_points))?,
        on_refund: on_refund.ok_or_else(|| corrupt("what becomes of a commission", &row.on_refund))?,
    })
}
