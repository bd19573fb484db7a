//! Sellers: the list, and one.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};
use domain::{id::SellerAccount, payout::PaidBy, seller::PayoutStatus};
use service::seller;
use store::{PayoutFilter, Scope, SellerFilter, Window};
use web::console::{self, SellerActs, SellerFacts, SellerPage, SellerSearch};

use super::frame::{Asked, Person};
use crate::{
    Api,
    http::{paging::cursor_of, problem::Problem},
    routes::seller::seller_of,
};

/// How many payouts the page of a seller shows.
const SHOWN_PAYOUTS: u64 = 20;
/// How many days the page of a seller shows on which earnings become available.
const SHOWN_RELEASES: u64 = 60;

pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let search = SellerSearch { q: asked.text("q").to_owned(), status: PayoutStatus::parse(asked.text("status")) };
    let reader = &api.service.reader;
    if let Ok(named) = SellerAccount::parse(search.q.clone())
        && reader.seller(&named).await?.is_some()
    {
        return Ok(Redirect::to(&format!("/console/sellers/{named}")).into_response());
    }
    let text = Some(search.q.clone()).filter(|text| !text.is_empty());
    let filter = SellerFilter { payout_status: search.status, paid_by: api.service.settings.plan_rules.by, text };
    let (page, behind) = reader.sellers(&filter, &asked.window()).await?;
    let next = behind.map(|place| asked.with("cursor", &cursor_of(&place)));
    Ok(person.answer(console::sellers(&person.frame(), &search, &page, next.as_deref())))
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
) -> Result<Response, Problem> {
    let facts = facts_of(&api, &seller_of(seller)?).await?;
    let may_act = person.may(Scope::Finance);
    let standing = facts.record.account_standing();
    // Elsewhere the PSP verifies accounts, and one that sent a transfer back is replaced.
    let is_verifiable = api.service.settings.plan_rules.by == PaidBy::BankFile && standing.waits_for_verification();
    let view = SellerPage {
        holds: &api.service.reader.seller_holds(&facts.record.seller).await?,
        acts: SellerActs {
            hold: may_act,
            reveal: may_act && facts.record.profile.is_some(),
            verify: may_act && is_verifiable,
        },
        facts: &facts,
    };
    Ok(person.answer(console::seller(&person.frame(), &view)))
}

/// What staff and the seller see of a seller.
pub(super) async fn facts_of(api: &Api, seller: &SellerAccount) -> Result<SellerFacts, Problem> {
    let record = seller::show(&api.service, seller).await?;
    let reader = &api.service.reader;
    let payouts = reader.payouts(&payouts_of(seller), &Window { after: None, limit: SHOWN_PAYOUTS }).await?;
    Ok(SellerFacts {
        wallets: reader.wallets(seller).await?,
        releases: reader.releases(seller, SHOWN_RELEASES).await?,
        payouts: payouts.items,
        next_payouts: seller::next_payouts(&api.service, &record),
        cools_down_until: seller::cool_down(&api.service, &record),
        record,
    })
}

/// All payouts of a seller.
pub(super) fn payouts_of(seller: &SellerAccount) -> PayoutFilter {
    PayoutFilter { seller: Some(seller.clone()), ..PayoutFilter::default() }
}
