//! Reading sellers.

use std::collections::{BTreeSet, HashMap};

use domain::{
    Timestamp,
    id::{PspSellerId, SellerAccount},
    payout::PaidBy,
    seller::{Details, PayoutStatus},
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    checks, open_details,
    record::{AccountChecks, SellerRecord, block_of, profile_of, registration_of, seller_of},
};
use crate::{
    Keyring, Page, Reader, StoreError, Window,
    convert::{corrupt, from_column_revision, from_column_time, to_column_time},
    entities::{payment_orders, seller_holds, seller_registrations, sellers, wallets},
};

/// How many sellers one statement names at most.
const NAMED_SELLERS: usize = 500;
/// How many sellers one page looks at, where a filter leaves most of them out.
const SEARCHED_SELLERS: u64 = 2_000;

/// Which sellers are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerFilter {
    /// Only with this status.
    pub payout_status: Option<PayoutStatus>,
    /// The way on which the next run pays, of which the status is.
    pub paid_by: PaidBy,
    /// Only those whose account or name holds this text, in lower case or not.
    pub text: Option<String>,
}

impl SellerFilter {
    fn takes(&self, record: &SellerRecord) -> bool {
        let holds = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let is_named = |part: &String| {
            let name = record.profile.as_ref().map(|profile| profile.name.as_str());
            holds(record.seller.as_str(), part) || name.is_some_and(|name| holds(name, part))
        };
        self.payout_status.is_none_or(|wanted| wanted == record.payout_status_for(self.paid_by))
            && self.text.as_ref().is_none_or(is_named)
    }
}

impl Reader {
    /// A seller; nothing where no checkout and no principal ever named it.
    pub async fn seller(&self, seller: &SellerAccount) -> Result<Option<SellerRecord>, StoreError> {
        let now = self.time().await?;
        let mut found = records(self.connection(), std::slice::from_ref(seller), now).await?;
        match found.remove(seller) {
            Some(record) => Ok(Some(record)),
            None if self.knows_seller(seller).await? => Ok(Some(SellerRecord::unknown(seller.clone()))),
            None => Ok(None),
        }
    }

    /// Sellers by the order of their names, those that only ever appeared in a checkout among them. With a filter a
    /// page may have fewer items than its limit; the answer says behind which seller to go on, if there are more.
    pub async fn sellers(
        &self,
        filter: &SellerFilter,
        window: &Window<SellerAccount>,
    ) -> Result<(Page<SellerRecord>, Option<SellerAccount>), StoreError> {
        let now = self.time().await?;
        let mut items = Vec::new();
        let mut after = window.after.clone();
        let mut searched = 0;
        loop {
            let names = self.seller_names(after.as_ref(), window.limit).await?;
            let is_last = u64::try_from(names.len()).unwrap_or(u64::MAX) < window.limit;
            let mut found = records(self.connection(), &names, now).await?;
            for name in names {
                after = Some(name.clone());
                searched += 1;
                let record = found.remove(&name).unwrap_or_else(|| SellerRecord::unknown(name));
                if filter.takes(&record) {
                    items.push(record);
                }
                if u64::try_from(items.len()).unwrap_or(u64::MAX) == window.limit {
                    return Ok((Page { items, more: true }, after));
                }
            }
            if is_last {
                return Ok((Page { items, more: false }, None));
            }
            if searched >= SEARCHED_SELLERS {
                return Ok((Page { items, more: true }, after));
            }
        }
    }

    /// The next names of sellers.
    async fn seller_names(&self, after: Option<&SellerAccount>, limit: u64) -> Result<Vec<SellerAccount>, StoreError> {
        let connection = self.connection();
        let behind = |column: &dyn Fn(&str) -> sea_orm::sea_query::SimpleExpr| {
            Condition::all().add_option(after.map(|after| column(after.as_str())))
        };
        let mut names: BTreeSet<String> = sellers::Entity::find()
            .select_only()
            .column(sellers::Column::SellerAccount)
            .filter(behind(&|after| sellers::Column::SellerAccount.gt(after)))
            .order_by_asc(sellers::Column::SellerAccount)
            .limit(limit)
            .into_tuple::<String>()
            .all(connection)
            .await?
            .into_iter()
            .collect();
        names.extend(
            wallets::Entity::find()
                .select_only()
                .column(wallets::Column::SellerAccount)
                .distinct()
                .filter(behind(&|after| wallets::Column::SellerAccount.gt(after)))
                .order_by_asc(wallets::Column::SellerAccount)
                .limit(limit)
                .into_tuple::<String>()
                .all(connection)
                .await?,
        );
        names.extend(
            payment_orders::Entity::find()
                .select_only()
                .column(payment_orders::Column::SellerAccount)
                .distinct()
                .filter(behind(&|after| payment_orders::Column::SellerAccount.gt(after)))
                .order_by_asc(payment_orders::Column::SellerAccount)
                .limit(limit)
                .into_tuple::<String>()
                .all(connection)
                .await?,
        );
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        names.into_iter().take(limit).map(seller_of).collect()
    }

    /// The seller that the PSP knows under an id.
    pub async fn seller_of_psp_id(&self, id: &PspSellerId) -> Result<Option<SellerAccount>, StoreError> {
        let row = seller_registrations::Entity::find()
            .filter(seller_registrations::Column::PspSellerId.eq(id.as_str()))
            .one(self.connection())
            .await?;
        row.map(|row| seller_of(row.seller_account)).transpose()
    }

    /// The names of sellers, as far as they have any.
    pub async fn seller_display_names(
        &self,
        sellers: &[SellerAccount],
    ) -> Result<HashMap<SellerAccount, String>, StoreError> {
        let mut names = HashMap::new();
        for part in sellers.chunks(NAMED_SELLERS) {
            let rows: Vec<(String, Option<String>)> = sellers::Entity::find()
                .select_only()
                .columns([sellers::Column::SellerAccount, sellers::Column::Name])
                .filter(sellers::Column::SellerAccount.is_in(part.iter().map(SellerAccount::as_str)))
                .into_tuple()
                .all(self.connection())
                .await?;
            for (seller, name) in rows {
                if let Some(name) = name {
                    names.insert(seller_of(seller)?, name);
                }
            }
        }
        Ok(names)
    }

    /// The sealed details of a seller, in the clear. The caller writes a line of the audit log before.
    pub async fn seller_details(&self, seller: &SellerAccount, keys: &Keyring) -> Result<Option<Details>, StoreError> {
        let row = sellers::Entity::find_by_id(seller.as_str()).one(self.connection()).await?;
        let Some(sealed) = row.and_then(|row| row.details) else { return Ok(None) };
        open_details(keys, seller, &sealed).map(Some).map_err(|error| corrupt("details of a seller", error))
    }
}

/// What is written of a seller.
pub(crate) async fn seller_record(
    connection: &impl ConnectionTrait,
    seller: &SellerAccount,
    now: Timestamp,
) -> Result<Option<SellerRecord>, StoreError> {
    Ok(records(connection, std::slice::from_ref(seller), now).await?.remove(seller))
}

/// What is written of sellers, those without any row left out.
pub(super) async fn records(
    connection: &impl ConnectionTrait,
    names: &[SellerAccount],
    now: Timestamp,
) -> Result<HashMap<SellerAccount, SellerRecord>, StoreError> {
    let mut found = HashMap::new();
    for part in names.chunks(NAMED_SELLERS) {
        let names = || part.iter().map(SellerAccount::as_str);
        for row in sellers::Entity::find().filter(sellers::Column::SellerAccount.is_in(names())).all(connection).await?
        {
            let profile = profile_of(&row)?;
            let record = SellerRecord {
                seller: seller_of(row.seller_account)?,
                version: from_column_revision(row.version)?,
                profile,
                registration: None,
                checks: AccountChecks::none(),
                blocked: Vec::new(),
                created_at: Some(from_column_time(row.created_at)),
                updated_at: Some(from_column_time(row.updated_at)),
            };
            found.insert(record.seller.clone(), record);
        }
        for row in seller_registrations::Entity::find()
            .filter(seller_registrations::Column::SellerAccount.is_in(names()))
            .filter(seller_registrations::Column::DeletedAt.is_null())
            .all(connection)
            .await?
        {
            let seller = seller_of(row.seller_account.clone())?;
            if let Some(record) = found.get_mut(&seller) {
                record.registration = Some(registration_of(row)?);
            }
        }
        checks::add_to(connection, part, &mut found).await?;
        let open =
            seller_holds::Column::ExpiresAt.is_null().or(seller_holds::Column::ExpiresAt.gt(to_column_time(now)));
        for row in seller_holds::Entity::find()
            .filter(seller_holds::Column::SellerAccount.is_in(names()))
            .filter(seller_holds::Column::Amount.is_null())
            .filter(seller_holds::Column::LiftedAt.is_null())
            .filter(open)
            .order_by_asc(seller_holds::Column::PlacedAt)
            .order_by_asc(seller_holds::Column::HoldId)
            .all(connection)
            .await?
        {
            let seller = seller_of(row.seller_account.clone())?;
            if let Some(record) = found.get_mut(&seller) {
                record.blocked.push(block_of(row)?);
            }
        }
    }
    Ok(found)
}
