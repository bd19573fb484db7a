//! What the PSP said of sellers, written by workers alone.

use domain::{
    Timestamp,
    event::EventType,
    id::SellerAccount,
    seller::{
        BusinessType, Details,
        registration::{
            LastRegistration, RegistrationChange, RegistrationEvent, RegistrationState, SellerAnswer, Wanted,
        },
    },
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait as _},
};

use super::{
    open_details,
    record::{profile_of, registration_of},
};
use crate::{
    Keyring, StoreError, Writer,
    convert::{corrupt, to_column_revision, to_column_time},
    entities::{seller_registrations, sellers},
    event::append_seller,
    seller::read::seller_record,
    transaction::Transaction,
};

/// What is sent to the PSP of a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerToSend {
    /// Which version it is.
    pub wanted: Wanted,
    /// The name that buyers see.
    pub name: String,
    /// Contact and bank account.
    pub details: Details,
    /// The marketplace's own words.
    pub metadata: std::collections::BTreeMap<String, String>,
}

impl Writer {
    /// What the registration of a seller rests on.
    pub async fn registration_state(&self, seller: &SellerAccount) -> Result<RegistrationState, StoreError> {
        let row = sellers::Entity::find_by_id(seller.as_str()).one(self.connection()).await?;
        let wanted = row.as_ref().map(wanted_of).transpose()?.flatten();
        let last = last_row(self.connection(), seller).await?;
        Ok(RegistrationState { seller: seller.clone(), wanted, last: last.map(last_of).transpose()? })
    }

    /// The details of a seller as they are now, opened to be sent.
    pub async fn seller_to_send(
        &self,
        seller: &SellerAccount,
        keys: &Keyring,
    ) -> Result<Option<SellerToSend>, StoreError> {
        let Some(row) = sellers::Entity::find_by_id(seller.as_str()).one(self.connection()).await? else {
            return Ok(None);
        };
        let (Some(wanted), Some(profile), Some(sealed)) = (wanted_of(&row)?, profile_of(&row)?, &row.details) else {
            return Ok(None);
        };
        let details = open_details(keys, seller, sealed).map_err(|error| corrupt("details of a seller", error))?;
        Ok(Some(SellerToSend { wanted, name: profile.name, details, metadata: profile.metadata }))
    }

    /// Writes what happened to a registration. Where the payout status changed by it, the world is told. Safe to
    /// repeat: what stands there already changes nothing.
    pub async fn change_registration(&self, change: &RegistrationChange) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        // The row of the seller is locked, so that its versions follow each other.
        let seller = sellers::Entity::find_by_id(change.seller.as_str()).lock_exclusive().one(&transaction).await?;
        let Some(seller) = seller else { return Err(corrupt("no row of a seller", &change.seller)) };
        let before = status(&transaction, &change.seller, change.at).await?;
        write(&transaction, change).await?;
        tell(&transaction, seller, before, change.at).await?;
        transaction.commit().await
    }

    /// Writes that a payout came back from the seller's account: the account is unverified until there is another one.
    pub async fn seller_account_returned(&self, seller: &SellerAccount, at: Timestamp) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        account_returned(&transaction, seller, at).await?;
        transaction.commit().await
    }
}

/// The same, in a transaction.
pub(crate) async fn account_returned(
    transaction: &Transaction,
    seller: &SellerAccount,
    at: Timestamp,
) -> Result<(), StoreError> {
    use seller_registrations::Column;
    let Some(row) = sellers::Entity::find_by_id(seller.as_str()).lock_exclusive().one(transaction).await? else {
        return Ok(());
    };
    let before = status(transaction, seller, at).await?;
    seller_registrations::Entity::update_many()
        .col_expr(Column::ReturnedAccount, Expr::value(row.account))
        .filter(Column::SellerAccount.eq(seller.as_str()))
        .filter(Column::DeletedAt.is_null())
        .exec(transaction)
        .await?;
    tell(transaction, row, before, at).await
}

async fn write(transaction: &Transaction, change: &RegistrationChange) -> Result<(), StoreError> {
    use seller_registrations::Column;
    let key = (change.seller.to_string(), to_column_revision(change.number)?);
    let row = seller_registrations::Entity::find_by_id(key.clone()).one(transaction).await?;
    let at = Some(to_column_time(change.at));
    let mut next = match (row, &change.event) {
        (None, RegistrationEvent::Begun { ref_seller_id, business_type }) => {
            let new = seller_registrations::ActiveModel {
                seller_account: Set(key.0),
                number: Set(key.1),
                ref_seller_id: Set(ref_seller_id.to_string()),
                business_type: Set(business_type.as_str().to_owned()),
                sent_version: Set(0),
                verified_account: Set(0),
                refused_account: Set(0),
                returned_account: Set(0),
                begun_at: Set(to_column_time(change.at)),
                ..Default::default()
            };
            seller_registrations::Entity::insert(new).exec_without_returning(transaction).await?;
            return Ok(());
        }
        (None, _) => return Err(corrupt("no registration of a seller", &change.seller)),
        // One that is gone stays gone.
        (Some(row), _) if row.deleted_at.is_some() => return Ok(()),
        (Some(row), _) => row.into_active_model(),
    };
    match &change.event {
        RegistrationEvent::Begun { business_type, .. } => {
            // The PSP does not change the kind of business of a registration that it has.
            seller_registrations::Entity::update_many()
                .col_expr(Column::BusinessType, Expr::value(business_type.as_str()))
                .filter(Column::SellerAccount.eq(change.seller.as_str()))
                .filter(Column::Number.eq(key.1))
                .filter(Column::PspSellerId.is_null())
                .exec(transaction)
                .await?;
            return Ok(());
        }
        RegistrationEvent::Answered { sent, answer } => answered(&mut next, *sent, answer, change.at)?,
        RegistrationEvent::Seen { approval } => next.approval = Set(Some(approval.as_str().to_owned())),
        RegistrationEvent::Deleted => next.deleted_at = Set(at),
    }
    next.checked_at = Set(at);
    next.update(transaction).await?;
    Ok(())
}

fn answered(
    row: &mut seller_registrations::ActiveModel,
    sent: Wanted,
    answer: &SellerAnswer,
    at: Timestamp,
) -> Result<(), StoreError> {
    let account = to_column_revision(sent.account)?;
    match answer {
        SellerAnswer::Taken { psp_seller_id, approval } => {
            row.psp_seller_id = Set(Some(psp_seller_id.to_string()));
            row.approval = Set(Some(approval.as_str().to_owned()));
            row.business_type = Set(sent.business_type.as_str().to_owned());
            row.sent_version = Set(to_column_revision(sent.details_version)?);
            row.verified_account = Set(account);
            row.refused_account = Set(0);
            row.failure_code = Set(None);
            row.registered_at = Set(Some(to_column_time(at)));
        }
        SellerAnswer::Found { psp_seller_id, approval, business_type } => {
            row.psp_seller_id = Set(Some(psp_seller_id.to_string()));
            row.approval = Set(Some(approval.as_str().to_owned()));
            row.business_type = Set(business_type.as_str().to_owned());
            row.registered_at = Set(Some(to_column_time(at)));
        }
        SellerAnswer::Refused { failure, is_about_account } => {
            row.sent_version = Set(to_column_revision(sent.details_version)?);
            row.failure_code = Set(Some(failure.code.to_string()));
            if *is_about_account {
                row.refused_account = Set(account);
            }
        }
        SellerAnswer::Gone => row.deleted_at = Set(Some(to_column_time(at))),
        SellerAnswer::Outdated | SellerAnswer::Again => {}
    }
    Ok(())
}

/// Gives the seller its next version and tells the world, where the payout status is another one than before.
pub(super) async fn tell(
    transaction: &Transaction,
    seller: sellers::Model,
    before: domain::seller::PayoutStatus,
    at: Timestamp,
) -> Result<(), StoreError> {
    let name = super::record::seller_of(seller.seller_account)?;
    let after = status(transaction, &name, at).await?;
    if after == before {
        return Ok(());
    }
    sellers::Entity::update_many()
        .col_expr(sellers::Column::Version, Expr::col(sellers::Column::Version).add(1))
        .col_expr(sellers::Column::UpdatedAt, Expr::value(to_column_time(at)))
        .filter(sellers::Column::SellerAccount.eq(name.as_str()))
        .exec(transaction)
        .await?;
    let is_blocked = before.may_be_paid() && !after.may_be_paid();
    let event_type = if is_blocked { EventType::SellerBlocked } else { EventType::SellerUpdated };
    append_seller(transaction, &name, event_type, at).await
}

pub(super) async fn status(
    transaction: &Transaction,
    seller: &SellerAccount,
    at: Timestamp,
) -> Result<domain::seller::PayoutStatus, StoreError> {
    let record = seller_record(transaction, seller, at).await?;
    Ok(record.ok_or_else(|| corrupt("no row of a seller", seller))?.payout_status())
}

/// The last registration of a seller that was begun, deleted ones among them.
pub(super) async fn last_row(
    connection: &impl ConnectionTrait,
    seller: &SellerAccount,
) -> Result<Option<seller_registrations::Model>, StoreError> {
    let rows = seller_registrations::Entity::find()
        .filter(seller_registrations::Column::SellerAccount.eq(seller.as_str()))
        .order_by_desc(seller_registrations::Column::Number);
    Ok(rows.one(connection).await?)
}

fn last_of(row: seller_registrations::Model) -> Result<LastRegistration, StoreError> {
    let is_deleted = row.deleted_at.is_some();
    let record = registration_of(row)?;
    Ok(LastRegistration {
        number: record.number,
        psp_seller_id: record.psp_seller_id,
        business_type: record.business_type,
        approval: record.approval,
        sent_version: record.sent_version,
        is_deleted,
    })
}

fn wanted_of(row: &sellers::Model) -> Result<Option<Wanted>, StoreError> {
    let Some(profile) = profile_of(row)? else { return Ok(None) };
    let business_type: BusinessType = profile.business_type;
    Ok(Some(Wanted { details_version: profile.details_version, account: profile.account, business_type }))
}
