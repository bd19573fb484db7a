//! Setting commission rates.

use domain::{Timestamp, commission::CommissionTerms, id::SellerAccount};
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};

use crate::{StoreError, Writer, commission::EVERY_SELLER, convert::to_column_time, entities::commission_rates};

impl Writer {
    /// Sets the commission of a seller, or of every seller without a rate of their own, from an instant on. A rate that
    /// is set is not changed: set another rate from a later instant. Answers whether the rate is new.
    pub async fn set_commission(
        &self,
        seller: Option<&SellerAccount>,
        terms: CommissionTerms,
        effective_from: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = commission_rates::ActiveModel {
            seller_account: Set(seller.map_or(EVERY_SELLER, SellerAccount::as_str).to_owned()),
            effective_from: Set(to_column_time(effective_from)),
            basis_points: Set(terms.rate.points().into()),
            on_refund: Set(terms.on_refund.as_str().to_owned()),
            set_at: Set(chrono::Utc::now()),
        };
        let rows = commission_rates::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        Ok(rows == 1)
    }
}
