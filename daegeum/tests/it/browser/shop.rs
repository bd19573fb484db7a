//! A shop whose pages are those of the documentation: its buyer is sent to pay and comes back.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::Html,
    routing::get,
};
use serde_json::{Value, json};

use super::{Browser, PRICE, is_settled};
use crate::{
    database::Kind,
    documents::{INTEGRATE, blocks},
    stack::{Dev, Shop, checkout},
};

/// What the shop's backend serves and whom it asks.
#[derive(Clone)]
struct Backend {
    shop: Shop,
    pages: BTreeMap<&'static str, String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_with_the_pages_of_the_documentation_is_paid() {
    let pages = blocks(INTEGRATE, "In your shop's pages", "html");
    let [cart, thanks] = &pages[..] else { panic!("two pages: {pages:?}") };

    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://{}", listener.local_addr().unwrap());
    let mut body = checkout("from-a-shop");
    body["success_url"] = json!(format!("{here}/thanks"));
    let created: Value = dev.shop.post("from-a-shop", &body).await.json().await.unwrap();
    let cart = cart.replace("PAYMENT_PAGE", created["payment_page"].as_str().unwrap());
    let pages = BTreeMap::from([("cart", cart), ("thanks", thanks.clone())]);
    let routes = Router::new()
        .route("/orders/{id}", get(order))
        .route("/cart", get(|State(backend): State<Backend>| async move { Html(backend.pages["cart"].clone()) }))
        .route("/thanks", get(|State(backend): State<Backend>| async move { Html(backend.pages["thanks"].clone()) }))
        .with_state(Backend { shop: dev.shop.clone(), pages });
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });

    let browser = Browser::of_phone().await;
    browser.open(&format!("{here}/cart")).await;
    browser.click("#buy").await;
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    browser.click("#next[href]").await;
    browser.wait_for("#order:not(:empty)").await;
    assert_eq!(browser.text_of("#order").await, "Thank you!");
    assert!(browser.address().await.starts_with(&format!("{here}/thanks?checkout_id=from-a-shop")));
    is_settled(&dev, PRICE).await;
    serving.abort();
}

/// The shop's own backend asks with its key, and tells its page no more than it needs.
async fn order(State(backend): State<Backend>, Path(id): Path<String>) -> Json<Value> {
    Json(json!({ "status": backend.shop.status(&id).await }))
}
