//! The shop's links, with each of which a seller signs in once.
//!
//! As with a session, the database holds a code that covers the link's secret, its seller and its end, under the pepper
//! of the servers: neither a reader nor a writer of the database can make a link.

use std::fmt;

use domain::{Timestamp, id::SellerAccount};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::SessionToken;
use crate::{
    Journal, Pepper, StoreError,
    convert::{corrupt, from_column_time, to_column_time},
    entities::seller_links::{ActiveModel, Column, Entity, Model},
};

/// How long a link can be used, in milliseconds: ten minutes.
pub const MAX_LINK_MS: u64 = 10 * 60 * 1_000;
/// How long a link is kept after its end, in milliseconds: a day.
const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;

/// What stands in the address of a link. It is never printed.
#[derive(Clone)]
pub struct LinkToken(SessionToken);

/// A link that the shop gives to a seller.
#[derive(Debug, Clone)]
pub struct SellerLink {
    /// What stands in its address.
    pub token: LinkToken,
    /// The seller that signs in.
    pub seller: SellerAccount,
    /// The end of its use.
    pub expires_at: Timestamp,
}

impl LinkToken {
    /// A new token; nothing where the machine gives no random bytes.
    pub fn generate() -> Option<Self> {
        SessionToken::generate().map(Self)
    }

    /// Reads a token as a browser sends it; nothing where it has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        SessionToken::parse(text).map(Self)
    }

    /// The token as it stands in the address.
    pub fn to_text(&self) -> String {
        self.0.to_text()
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LinkToken").field(&self.0.session_id()).finish()
    }
}

impl SellerLink {
    /// A link that can be used from now on for [`MAX_LINK_MS`].
    pub fn new(token: LinkToken, seller: SellerAccount, now: Timestamp) -> Self {
        Self { token, seller, expires_at: now.plus_ms(MAX_LINK_MS) }
    }

    /// What the code covers. None of the parts holds a line end.
    fn covered(&self) -> Vec<u8> {
        let (token, end) = (self.token.to_text(), self.expires_at.epoch_ms().to_string());
        ["seller link", &token, self.seller.as_str(), &end].join("\n").into_bytes()
    }
}

impl Journal {
    /// Writes a link down, and forgets those that ended long ago.
    pub async fn offer_link(&self, link: &SellerLink, pepper: &Pepper, now: Timestamp) -> Result<(), StoreError> {
        let row = ActiveModel {
            link_id: Set(link.token.0.session_id().to_owned()),
            mac: Set(pepper.code(&link.covered())),
            seller_account: Set(link.seller.to_string()),
            expires_at: Set(to_column_time(link.expires_at)),
            used_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(self.connection()).await?;
        let long_ago = to_column_time(now.minus_ms(KEPT_MS));
        Entity::delete_many().filter(Column::ExpiresAt.lt(long_ago)).exec(self.connection()).await?;
        Ok(())
    }

    /// Uses a link up. Answers its seller, and nothing where the link was used before, has ended, or is none of ours.
    /// Of two uses at once one gets the answer.
    pub async fn take_link(
        &self,
        token: &LinkToken,
        pepper: &Pepper,
        now: Timestamp,
    ) -> Result<Option<SellerAccount>, StoreError> {
        let id = token.0.session_id();
        let Some(row) = Entity::find_by_id(id).one(self.connection()).await? else { return Ok(None) };
        let (mac, link) = (row.mac.clone(), read(token.clone(), row)?);
        if !pepper.verifies(&link.covered(), &mac) || link.expires_at <= now {
            return Ok(None);
        }
        let taken = Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(to_column_time(now)))
            .filter(Column::LinkId.eq(id))
            .filter(Column::UsedAt.is_null())
            .exec(self.connection())
            .await?;
        Ok((taken.rows_affected == 1).then_some(link.seller))
    }
}

fn read(token: LinkToken, row: Model) -> Result<SellerLink, StoreError> {
    let seller = SellerAccount::parse(row.seller_account).map_err(|error| corrupt("a seller", error))?;
    Ok(SellerLink { token, seller, expires_at: from_column_time(row.expires_at) })
}
