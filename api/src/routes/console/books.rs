//! Wallets and the books.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{id::SellerAccount, ledger::Account};
use store::{EntryFilter, Movement, MovementPosition};
use web::console::{self, AccountPage};

use super::frame::{Asked, Person};
use crate::{
    Api,
    http::problem::{Code, Problem},
};

pub(super) async fn wallets(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let page = api.service.reader.all_wallets(&asked.window()).await?;
    let next = asked.next(&page, |(position, _)| position.clone());
    Ok(person.answer(console::wallets(&person.frame(), &page, next.as_deref())))
}

pub(super) async fn wallet(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::NotFound, "No seller has this account.");
    let seller = SellerAccount::parse(seller).map_err(|_| unknown())?;
    let reader = &api.service.reader;
    if !reader.knows_seller(&seller).await? {
        return Err(unknown());
    }
    let wallets = reader.wallets(&seller).await?;
    let page = reader.movements_of_wallet(&seller, &EntryFilter::default(), &asked.window()).await?;
    let next = asked.next(&page, position);
    Ok(person.answer(console::wallet(&person.frame(), seller.as_str(), &wallets, &page, next.as_deref())))
}

fn position(movement: &Movement) -> MovementPosition {
    movement.position
}

pub(super) async fn accounts(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let balances = api.service.reader.trial_balance().await?;
    Ok(person.answer(console::accounts(&person.frame(), &balances)))
}

pub(super) async fn account(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let account: Account = name.parse().map_err(|_| Problem::new(Code::NotFound, "There is no such account."))?;
    let reader = &api.service.reader;
    let balances = reader.account(&account, None).await?;
    let page = reader.movements_of_account(&account, &EntryFilter::default(), &asked.window()).await?;
    let next = asked.next(&page, position);
    let name = account.to_string();
    let view = AccountPage { account: &name, balances: &balances, movements: &page, next: next.as_deref() };
    Ok(person.answer(console::account(&person.frame(), &view)))
}

pub(super) async fn entry(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::NotFound, "The books have no such entry.");
    let record = api.service.reader.entry(&key).await?.ok_or_else(unknown)?;
    Ok(person.answer(console::entry(&person.frame(), &record)))
}
