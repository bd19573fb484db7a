//! The list of payments, with its search.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use domain::{
    Currency, Money,
    calendar::Day,
    checkout::Status,
    id::{BuyerId, RefundId, SellerAccount},
};
use service::{
    buyer::digested,
    checkout::{FindError, Named, find},
};
use store::{BuyerField, CheckoutFilter, CheckoutPosition, CheckoutRecord, Page, Window};
use web::console::{self, Meaning, Search};

use super::frame::{Asked, Person};
use crate::{Api, http::problem::Problem};

/// The most characters of what is looked up as the number of a receipt.
const MAX_RECEIPT_NUMBER_CHARS: usize = 32;

pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let search = Search {
        q: asked.text("q").to_owned(),
        status: Status::parse(asked.text("status")),
        from: asked.text("from").to_owned(),
        to: asked.text("to").to_owned(),
        amount: asked.text("amount").to_owned(),
        method: console::METHODS.into_iter().find(|method| *method == asked.text("method")),
    };
    if let Some(id) = named(&api, &search.q).await? {
        return Ok(Redirect::to(&format!("/console/payments/{id}")).into_response());
    }
    let (mut filter, mut meanings) = filter(&search);
    meanings.extend(meaning(&api, &search.q, &mut filter).await?);
    let page = found(&api, &search, &filter, &asked.window()).await?;
    let next = asked.next(&page, position);
    let frame = person.frame();
    Ok(person.answer(console::payments(&frame, &search, &meanings, &page, next.as_deref())))
}

fn position(record: &CheckoutRecord) -> CheckoutPosition {
    CheckoutPosition { created_at: record.created_at, checkout_id: record.checkout_id.clone() }
}

/// A free text that can mean nothing finds nothing.
async fn found(
    api: &Api,
    search: &Search,
    filter: &CheckoutFilter,
    window: &Window<CheckoutPosition>,
) -> Result<Page<CheckoutRecord>, Problem> {
    let is_named = filter.buyer.is_some() || filter.order_name.is_some();
    let is_told = is_named || filter.buyer_detail.is_some() || filter.receipt_number.is_some();
    let is_meant = is_told || filter.seller.is_some() || filter.payment_key_end.is_some();
    if !search.q.is_empty() && !is_meant {
        return Ok(Page { items: Vec::new(), more: false });
    }
    Ok(api.service.reader.checkouts(filter, window).await?)
}

/// The checkout that an id names: its own, one of its orders' or one of its refunds'.
async fn named(api: &Api, text: &str) -> Result<Option<String>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    match find(&api.service, text, None).await {
        Ok(Named::Checkout(record) | Named::Order { record, .. }) => return Ok(Some(record.checkout_id.to_string())),
        // The whole is shown, and its page leads on.
        Err(FindError::Ambiguous) => return Ok(Some(text.to_owned())),
        Err(FindError::Unknown) => {}
        Err(FindError::Store(error)) => return Err(error.into()),
    }
    let Ok(refund) = RefundId::parse(text) else { return Ok(None) };
    Ok(api.service.reader.refund(&refund).await?.map(|refund| refund.checkout_id.to_string()))
}

/// What the fields ask for. What cannot be read is left out, and said.
fn filter(search: &Search) -> (CheckoutFilter, Vec<Meaning>) {
    let mut meanings = Vec::new();
    let mut day = |text: &str| {
        let day = text.parse::<Day>().ok();
        if day.is_none() && !text.is_empty() && !meanings.contains(&Meaning::WrongDay) {
            meanings.push(Meaning::WrongDay);
        }
        day
    };
    let (from, to) = (day(&search.from), day(&search.to));
    let amount = amount(&search.amount);
    if amount.is_none() && !search.amount.is_empty() {
        meanings.push(Meaning::WrongAmount);
    }
    let filter = CheckoutFilter {
        status: search.status,
        created_from: from.map(Day::start),
        created_to: to.map(|to| to.next().start()),
        amount,
        method: search.method.map(str::to_owned),
        ..CheckoutFilter::default()
    };
    (filter, meanings)
}

/// An amount in won, or in the currency that stands behind it.
fn amount(text: &str) -> Option<Money> {
    let text = text.replace(',', "");
    let (number, currency) = text.split_once(' ').unwrap_or((&text, Currency::Krw.code()));
    Money::parse(number, currency.trim().parse().ok()?).ok()
}

/// What a free text means that names no payment: a buyer, an order, a seller, the number of a receipt, a buyer's
/// detail, or the end of a payment key.
async fn meaning(api: &Api, text: &str, filter: &mut CheckoutFilter) -> Result<Option<Meaning>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let reader = &api.service.reader;
    if let Ok(buyer) = BuyerId::parse(text) {
        let of_buyer = CheckoutFilter { buyer: Some(buyer.clone()), ..CheckoutFilter::default() };
        if !reader.checkouts(&of_buyer, &Window { after: None, limit: 1 }).await?.items.is_empty() {
            filter.buyer = Some(buyer);
            return Ok(Some(Meaning::Buyer));
        }
    }
    let of_name = CheckoutFilter { order_name: Some(text.to_owned()), ..CheckoutFilter::default() };
    if !reader.checkouts(&of_name, &Window { after: None, limit: 1 }).await?.items.is_empty() {
        filter.order_name = of_name.order_name;
        return Ok(Some(Meaning::OrderName));
    }
    if let Ok(seller) = SellerAccount::parse(text)
        && reader.knows_seller(&seller).await?
    {
        filter.seller = Some(seller);
        return Ok(Some(Meaning::Seller));
    }
    if let Some(number) = receipt_number(text) {
        let of_receipt = CheckoutFilter { receipt_number: Some(number), ..CheckoutFilter::default() };
        if !reader.checkouts(&of_receipt, &Window { after: None, limit: 1 }).await?.items.is_empty() {
            filter.receipt_number = of_receipt.receipt_number;
            return Ok(Some(Meaning::ReceiptNumber));
        }
    }
    let (meaning, field) = looks_like(text);
    if let Some(detail) = digested(&api.service, field, text)? {
        let of_detail = CheckoutFilter { buyer_detail: Some(detail), ..CheckoutFilter::default() };
        if !reader.checkouts(&of_detail, &Window { after: None, limit: 1 }).await?.items.is_empty() {
            filter.buyer_detail = of_detail.buyer_detail;
            return Ok(Some(meaning));
        }
    }
    let end = text.trim_start_matches('…');
    if end.is_ascii() && end.len() >= store::KEY_END_CHARS {
        filter.payment_key_end = Some(end.to_owned());
        return Ok(Some(Meaning::KeyEnd));
    }
    Ok(None)
}

/// What can be the number of a receipt, without what people put between its digits.
fn receipt_number(text: &str) -> Option<String> {
    let number: String = text.chars().filter(|character| !" -".contains(*character)).collect();
    let is_number = (1..=MAX_RECEIPT_NUMBER_CHARS).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && number.bytes().any(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

/// The detail of a buyer that a text looks like.
fn looks_like(text: &str) -> (Meaning, BuyerField) {
    let is_of_phone = |character: char| character.is_ascii_digit() || "+-() ".contains(character);
    if text.contains('@') {
        (Meaning::BuyerEmail, BuyerField::Email)
    } else if text.chars().all(is_of_phone) {
        (Meaning::BuyerPhone, BuyerField::Phone)
    } else {
        (Meaning::BuyerName, BuyerField::Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_left_out_and_said() {
        let search = Search {
            from: "2026-11-27".to_owned(),
            to: "soon".to_owned(),
            amount: "1.5".to_owned(),
            ..Search::default()
        };
        let (filter, meanings) = filter(&search);
        assert_eq!(filter.created_from, "2026-11-27".parse::<Day>().ok().map(Day::start));
        assert_eq!((filter.created_to, filter.amount), (None, None));
        assert_eq!(meanings, [Meaning::WrongDay, Meaning::WrongAmount]);
    }

    #[test]
    fn the_number_of_a_receipt_is_read_as_people_write_it() {
        for (text, number) in [
            ("00123456", Some("00123456")),
            ("987-654 321", Some("987654321")),
            ("seller", None),
            ("승인 1234", None),
            ("-", None),
        ] {
            assert_eq!(receipt_number(text).as_deref(), number, "{text}");
        }
        assert_eq!(receipt_number(&"1".repeat(MAX_RECEIPT_NUMBER_CHARS + 1)), None);
    }

    #[test]
    fn an_amount_is_in_won_unless_it_says_otherwise() {
        assert_eq!(amount("23,000").unwrap().to_string(), "23000 KRW");
        assert_eq!(amount("12.50 USD").unwrap().to_string(), "12.50 USD");
        assert_eq!(amount("x"), None);
    }
}
