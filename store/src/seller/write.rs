//! What principals say of sellers.

use std::collections::BTreeMap;

use domain::{
    Money, Timestamp,
    event::EventType,
    id::SellerAccount,
    payout::schedule::Schedule,
    principal::Principal,
    seller::{BusinessType, Details, SellerName},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, sea_query::OnConflict};

use super::{
    SellerRecord, open_details,
    read::seller_record,
    record::{ScheduleColumns, profile_of},
    registration::last_row,
    seal_details,
};
use crate::{
    Journal, Keyring, StoreError,
    convert::{corrupt, from_column_revision, to_column_amount, to_column_revision, to_column_time},
    entities::sellers,
    event::append_seller,
    transaction::Transaction,
};

/// What a principal says of a seller, checked.
#[derive(Debug, Clone)]
pub struct NewSellerDetails {
    /// The name that buyers see.
    pub name: SellerName,
    /// The kind of business.
    pub business_type: BusinessType,
    /// Contact and bank account.
    pub details: Details,
    /// The payout calendar.
    pub schedule: Schedule,
    /// Less than this is carried over.
    pub minimum_payout: Money,
    /// The marketplace's own words.
    pub metadata: BTreeMap<String, String>,
    /// The author.
    pub by: Principal,
}

/// What came of saying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerPut {
    /// The seller as it is now.
    pub record: SellerRecord,
    /// Whether the marketplace had said nothing of the seller before.
    pub is_new: bool,
    /// Whether anything changed.
    pub has_changed: bool,
}

/// How the new details differ from the old ones.
struct Difference {
    /// What the PSP is told.
    details: bool,
    account: bool,
    /// Anything.
    any: bool,
}

impl Journal {
    /// Writes what a principal says of a seller. Said again, it changes nothing and tells nobody, unless the PSP
    /// refused it: then it is sent again.
    pub async fn put_seller(
        &self,
        seller: &SellerAccount,
        new: &NewSellerDetails,
        keys: &Keyring,
    ) -> Result<SellerPut, StoreError> {
        let sealed = seal_details(keys, seller, &new.details)?;
        let transaction = self.begin().await?;
        let now = self.clock().time(&transaction).await?;
        let row = locked_row(&transaction, seller, now).await?;
        let is_new = row.details.is_none();
        let mut difference = difference(&row, seller, new, keys)?;
        // What the PSP refused is sent again when a principal says it again.
        let last = last_row(&transaction, seller).await?;
        if last.is_some_and(|last| last.failure_code.is_some() || last.deleted_at.is_some()) {
            (difference.details, difference.any) = (true, true);
        }
        if difference.any {
            change(&transaction, row, new, sealed, &difference, now).await?;
            append_seller(&transaction, seller, EventType::SellerUpdated, now).await?;
        }
        let record = seller_record(&transaction, seller, now).await?;
        transaction.commit().await?;
        let record = record.ok_or_else(|| corrupt("no row of a seller", seller))?;
        Ok(SellerPut { record, is_new, has_changed: difference.any })
    }

    /// Seals up to `limit` details anew that are not under the newest key. Answers how many there were.
    pub async fn reseal_sellers(&self, keys: &Keyring, limit: u64) -> Result<usize, StoreError> {
        use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr};
        use sellers::Column;
        let newest = keys.names().next().unwrap_or_default();
        let rows = sellers::Entity::find()
            .filter(Column::Details.is_not_null())
            .filter(Column::Details.not_like(format!("{newest}:%")))
            .order_by_asc(Column::SellerAccount)
            .limit(limit)
            .all(self.connection())
            .await?;
        let found = rows.len();
        for row in rows {
            let Some(old) = row.details else { continue };
            let seller = super::record::seller_of(row.seller_account)?;
            let details = open_details(keys, &seller, &old).map_err(|error| corrupt("details of a seller", error))?;
            sellers::Entity::update_many()
                .col_expr(Column::Details, Expr::value(Some(seal_details(keys, &seller, &details)?)))
                .filter(Column::SellerAccount.eq(seller.as_str()))
                // What was changed meanwhile is sealed under the newest key already.
                .filter(Column::Details.eq(old))
                .exec(self.connection())
                .await?;
        }
        Ok(found)
    }
}

/// The row of a seller, made where there is none. It is locked until the transaction ends, so that the versions of a
/// seller follow each other.
pub(super) async fn locked_row(
    transaction: &Transaction,
    seller: &SellerAccount,
    now: Timestamp,
) -> Result<sellers::Model, StoreError> {
    use sea_orm::QuerySelect as _;
    let row = sellers::ActiveModel {
        seller_account: Set(seller.to_string()),
        version: Set(0),
        details_version: Set(0),
        account: Set(0),
        days: Set(String::new()),
        lag_business_days: Set(0),
        holiday: Set("after".to_owned()),
        minimum_payout: Set(0),
        metadata: Set("{}".to_owned()),
        created_at: Set(to_column_time(now)),
        updated_at: Set(to_column_time(now)),
        ..Default::default()
    };
    sellers::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    let row = sellers::Entity::find_by_id(seller.as_str()).lock_exclusive().one(transaction).await?;
    row.ok_or_else(|| corrupt("no row of a seller", seller))
}

fn difference(
    row: &sellers::Model,
    seller: &SellerAccount,
    new: &NewSellerDetails,
    keys: &Keyring,
) -> Result<Difference, StoreError> {
    let (Some(old), Some(sealed)) = (profile_of(row)?, &row.details) else {
        return Ok(Difference { details: true, account: true, any: true });
    };
    let opened = open_details(keys, seller, sealed).map_err(|error| corrupt("details of a seller", error))?;
    let account = opened.account != new.details.account;
    let details = opened != new.details
        || old.name != new.name.as_str()
        || old.business_type != new.business_type
        || old.metadata != new.metadata;
    let any = details || old.schedule != new.schedule || old.minimum_payout != new.minimum_payout;
    Ok(Difference { details, account, any })
}

async fn change(
    transaction: &Transaction,
    row: sellers::Model,
    new: &NewSellerDetails,
    sealed: String,
    difference: &Difference,
    now: Timestamp,
) -> Result<(), StoreError> {
    let is_new = row.details.is_none();
    let next = |number: i32| to_column_revision(from_column_revision(number)?.saturating_add(1));
    let (version, details_version, account) = (next(row.version)?, next(row.details_version)?, next(row.account)?);
    let schedule = ScheduleColumns::of(&new.schedule);
    let mut row = row.into_active_model();
    row.version = Set(version);
    row.name = Set(Some(new.name.as_str().to_owned()));
    row.business_type = Set(Some(new.business_type.as_str().to_owned()));
    row.details = Set(Some(sealed));
    row.email_masked = Set(Some(new.details.contact.masked_email()));
    row.account_masked = Set(Some(new.details.account.masked()));
    row.cycle = Set(Some(schedule.cycle.to_owned()));
    row.days = Set(schedule.days);
    row.lag_business_days = Set(schedule.lag_business_days);
    row.holiday = Set(schedule.holiday.to_owned());
    row.minimum_payout = Set(to_column_amount(new.minimum_payout)?);
    row.metadata = Set(serde_json::json!(new.metadata).to_string());
    row.updated_at = Set(to_column_time(now));
    if difference.details {
        row.details_version = Set(details_version);
    }
    if difference.account {
        row.account = Set(account);
        row.account_by = Set(Some(new.by.to_string()));
        if !is_new {
            row.account_changed_at = Set(Some(to_column_time(now)));
        }
    }
    row.update(transaction).await?;
    Ok(())
}
