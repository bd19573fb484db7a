//! Links of the shop, with each of which a seller signs in once.

use domain::id::SellerAccount;
use store::{
    Pepper,
    console::{LinkToken, SellerLink},
};

use super::session::NoRandomness;
use crate::{Fault, Service, now};

/// Makes a link for a seller.
pub async fn offer_link(service: &Service, pepper: &Pepper, seller: SellerAccount) -> Result<SellerLink, Fault> {
    let token = LinkToken::generate().ok_or_else(|| Fault::internal(NoRandomness))?;
    let link = SellerLink::new(token, seller, now());
    service.journal.offer_link(&link, pepper, now()).await?;
    Ok(link)
}

/// Uses a link up. Answers its seller, and nothing where it is no link, was used before or is too old.
pub async fn take_link(service: &Service, pepper: &Pepper, token: &str) -> Result<Option<SellerAccount>, Fault> {
    let Some(token) = LinkToken::parse(token) else { return Ok(None) };
    Ok(service.journal.take_link(&token, pepper, now()).await?)
}
