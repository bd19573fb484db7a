//! The books over HTTP: what was paid is found again from every side, in pages, and as of any instant.

use serde_json::Value;

use crate::{
    database::Kind,
    on_both_databases,
    stack::{Dev, Shop},
};

on_both_databases!(what_was_paid_is_read_from_every_side);

const PAID: [&str; 3] = ["paid-checkout-1", "paid-checkout-2", "paid-checkout-3"];
/// Of each checkout: 15,000 won to one seller and 8,000 to another.
const CHARGED: u64 = 23_000;

async fn what_was_paid_is_read_from_every_side(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let shop = &dev.shop;
    for checkout in PAID {
        shop.create(checkout).await;
        let key = shop.authorize(checkout).await;
        assert_eq!(shop.confirm(checkout, &key, "23000").await.0, 200);
    }
    shop.create("abandoned-1").await;

    entries_are_a_chain(shop).await;
    an_account_tells_its_movements(shop).await;
    a_seller_is_told_apart_from_a_typing_mistake(shop).await;
    the_past_is_still_there(shop).await;
    payments_are_listed(shop).await;
    what_is_not_understood_is_refused(shop).await;
}

/// All items of a list, read in pages.
async fn pages(shop: &Shop, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let mark = if path.contains('?') { '&' } else { '?' };
        let page = shop.get(&format!("{path}{mark}limit={limit}{cursor}")).await;
        let data = page["data"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        assert!(data.len() <= limit, "{path}: {page}");
        items.extend(data.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn text<'v>(item: &'v Value, name: &str) -> &'v str {
    item[name].as_str().unwrap_or_else(|| panic!("no {name} in {item}"))
}

fn all<'v>(items: &'v [Value], name: &str) -> Vec<&'v str> {
    items.iter().map(|item| text(item, name)).collect()
}

/// An instant as a parameter.
fn parameter(time: &str) -> String {
    time.replace('+', "%2B")
}

async fn entries_are_a_chain(shop: &Shop) {
    let captured = "/v1/ledger/entries?reason=payment_captured";
    let entries = pages(shop, captured, 1).await;
    assert_eq!(entries, pages(shop, captured, 100).await);
    assert_eq!(all(&entries, "reference"), [PAID[2], PAID[1], PAID[0]]);
    for entry in &entries {
        assert_eq!(&shop.get(&format!("/v1/ledger/entries/{}", text(entry, "entry_id"))).await, entry);
        let amounts = entry["postings"].as_array().unwrap().iter().map(|posting| text(posting, "amount"));
        assert_eq!(amounts.map(|amount| amount.parse::<u64>().unwrap()).sum::<u64>(), CHARGED);
    }
    let chain = pages(shop, "/v1/ledger/entries", 2).await;
    for pair in chain.windows(2) {
        assert_eq!(text(&pair[0], "previous_hash"), text(&pair[1], "hash"));
        assert_eq!(pair[0]["sequence"].as_u64().unwrap(), pair[1]["sequence"].as_u64().unwrap() + 1);
    }
    let order = text(&entries[1]["postings"][0], "payment_order_id").to_owned();
    let about = pages(shop, &format!("/v1/ledger/entries?payment_order_id={order}&reason=payment_captured"), 9).await;
    assert_eq!(about, entries[1..2]);
    assert_eq!(shop.get("/v1/ledger/entries/payment_captured:nowhere").await["status"], 404);
}

async fn an_account_tells_its_movements(shop: &Shop) {
    let accounts = pages(shop, "/v1/ledger/accounts", 1).await;
    assert_eq!(accounts.len(), pages(shop, "/v1/ledger/accounts", 100).await.len());
    assert!(all(&accounts, "account").is_sorted());
    let receivable = accounts.iter().find(|account| account["account"] == "psp:receivable").unwrap();
    assert_eq!((text(receivable, "class"), text(receivable, "normal_side")), ("asset", "debit"));
    assert_eq!((text(receivable, "currency"), text(receivable, "balance")), ("KRW", "69000"));
    let of_seller = pages(shop, "/v1/ledger/accounts?seller_account=seller-a&currency=KRW", 100).await;
    assert!(all(&of_seller, "account").iter().all(|account| account.starts_with("seller:seller-a:")));
    assert!(!of_seller.is_empty() && of_seller.len() < accounts.len());

    let movements = pages(shop, "/v1/ledger/accounts/psp:receivable/entries", 1).await;
    assert_eq!(movements, pages(shop, "/v1/ledger/accounts/psp:receivable/entries", 4).await);
    assert_eq!(movements.len(), 2 * PAID.len());
    assert_eq!(all(&movements, "side"), ["debit"; 6]);
    assert_eq!(all(&movements, "amount"), ["8000", "15000"].repeat(PAID.len()));
    let one = format!("/v1/ledger/accounts/psp:receivable/entries?checkout_id={}", PAID[1]);
    assert_eq!(pages(shop, &one, 1).await, movements[2..4]);
    // The PSP tells times to the second, so some of these happened at one instant.
    let time = text(&movements[2], "occurred_at");
    let (later, earlier): (Vec<_>, Vec<_>) =
        movements.iter().cloned().partition(|movement| text(movement, "occurred_at") >= time);
    let time = parameter(time);
    let path = "/v1/ledger/accounts/psp:receivable/entries";
    assert_eq!(pages(shop, &format!("{path}?from={time}"), 3).await, later);
    assert_eq!(pages(shop, &format!("{path}?to={time}"), 3).await, earlier);

    let account = shop.get("/v1/ledger/accounts/seller:seller-b:debt").await;
    assert_eq!((&account["balances"], text(&account, "seller_account")), (&Value::Array(Vec::new()), "seller-b"));
    assert_eq!(shop.get("/v1/ledger/accounts/seller:seller-b:savings").await["status"], 404);
}

async fn a_seller_is_told_apart_from_a_typing_mistake(shop: &Shop) {
    let wallet = shop.get("/v1/wallets/seller-a").await;
    let sum: u64 = ["pending", "available"].iter().map(|part| text(&wallet, part).parse::<u64>().unwrap()).sum();
    assert_eq!((sum, &wallet["known"]), (45_000, &Value::Bool(true)));
    let captured = "/v1/wallets/seller-a/entries?reason=payment_captured&currency=KRW";
    let movements = pages(shop, captured, 2).await;
    assert_eq!(movements, pages(shop, captured, 100).await);
    assert_eq!(all(&movements, "reference"), [PAID[2], PAID[1], PAID[0]]);
    assert_eq!(all(&movements, "part"), ["pending"; 3]);
    assert_eq!(all(&movements, "side"), ["credit"; 3]);
    assert_eq!(all(&movements, "amount"), ["15000"; 3]);
    assert_eq!(pages(shop, "/v1/wallets/seller-a/entries?currency=USD", 2).await, Vec::<Value>::new());

    let typo = shop.get("/v1/wallets/seler-a").await;
    assert_eq!((&typo["known"], text(&typo, "pending")), (&Value::Bool(false), "0"));
    assert_eq!(pages(shop, "/v1/wallets/seler-a/entries", 2).await, Vec::<Value>::new());
}

async fn the_past_is_still_there(shop: &Shop) {
    let captures = pages(shop, "/v1/ledger/entries?reason=payment_captured", 100).await;
    for (by, name) in [("occurred", "occurred_at"), ("booked", "booked_at")] {
        let times = all(&captures, name);
        for time in &times {
            let past = format!("at={}&by={by}", parameter(time));
            let paid = times.iter().filter(|other| *other <= time).count() as u64;
            let charged = CHARGED * paid;
            let trial = shop.get(&format!("/v1/ledger/trial-balance?{past}")).await;
            assert_eq!((&trial["balanced"], &trial["as_of"]["at"]), (&Value::Bool(true), &Value::from(*time)));
            let accounts = trial["accounts"].as_array().unwrap();
            let receivable = accounts.iter().find(|account| account["account"] == "psp:receivable").unwrap();
            assert_eq!(text(receivable, "balance"), charged.to_string(), "{past}");
            let account = shop.get(&format!("/v1/ledger/accounts/psp:receivable?{past}")).await;
            assert_eq!(text(&account["balances"][0], "balance"), charged.to_string(), "{past}");
            let wallet = shop.get(&format!("/v1/wallets/seller-b?{past}")).await;
            let parts = ["pending", "available"].map(|part| text(&wallet, part).parse::<u64>().unwrap());
            assert_eq!(parts.iter().sum::<u64>(), 8_000 * paid, "{past}");
        }
    }
    let before = shop.get("/v1/ledger/trial-balance?at=2020-01-01T00:00:00%2B09:00").await;
    assert_eq!((&before["balanced"], &before["accounts"]), (&Value::Bool(true), &Value::Array(Vec::new())));
    assert_eq!(shop.receivable().await, 3 * CHARGED);
}

async fn payments_are_listed(shop: &Shop) {
    let newest_first = ["abandoned-1", PAID[2], PAID[1], PAID[0]];
    for limit in 1..=5 {
        let listed = pages(shop, "/v1/payments", limit).await;
        assert_eq!(all(&listed, "checkout_id"), newest_first);
    }
    let paid = pages(shop, "/v1/payments?status=SUCCESS&seller_account=seller-a&buyer_id=buyer-1", 2).await;
    assert_eq!(all(&paid, "checkout_id"), newest_first[1..]);
    let mut shown = shop.get(&format!("/v1/payments/{}", PAID[2])).await;
    assert_eq!(shown.as_object_mut().unwrap().remove("refunds"), Some(Value::Array(Vec::new())), "the list has none");
    assert_eq!(paid[0], shown);
    assert_eq!(pages(shop, "/payments/payment/v1?buyer_id=nobody", 2).await, Vec::<Value>::new());
    // Created one after the other, each after the buyer of the one before had paid.
    let created = parameter(text(&paid[1], "created_at"));
    let later = pages(shop, &format!("/v1/payments?created_from={created}&status=SUCCESS"), 2).await;
    let earlier = pages(shop, &format!("/v1/payments?created_to={created}"), 2).await;
    assert_eq!((later, earlier), (paid[..2].to_vec(), paid[2..].to_vec()));
}

async fn what_is_not_understood_is_refused(shop: &Shop) {
    let another_lists = shop.get("/v1/payments?limit=1").await;
    let another_lists = format!("/v1/ledger/entries?cursor={}", text(&another_lists, "next_cursor"));
    for (path, field) in [
        ("/v1/payments?limit=0", "limit"),
        ("/v1/payments?limit=101", "limit"),
        ("/v1/payments?status=PAID", "status"),
        ("/v1/payments?created_from=yesterday", "created_from"),
        ("/v1/payments?created_to=2026-11-21", "created_to"),
        ("/v1/payments?cursor=abc", "cursor"),
        ("/v1/payments?page=2", "page"),
        ("/v1/ledger/accounts?limit=ten", "limit"),
        ("/v1/ledger/accounts?seller_account=a:b", "seller_account"),
        ("/v1/ledger/accounts/bank?at=now", "at"),
        ("/v1/ledger/accounts/bank/entries?reason=because", "reason"),
        ("/v1/ledger/accounts/bank/entries?currency=EUR", "currency"),
        (&another_lists, "cursor"),
        ("/v1/ledger/entries?checkout_id=no", "checkout_id"),
        ("/v1/ledger/entries?from=2026-11-21T00:00:00+09:00", "from"),
        ("/v1/ledger/entries/some:entry?limit=1", "limit"),
        ("/v1/ledger/trial-balance?by=hand", "by"),
        ("/v1/ledger/trial-balance?at=2026-11-21T00:00:00Z&at=2026-11-22T00:00:00Z", "at"),
        ("/v1/wallets/seller-a?limit=1", "limit"),
        ("/v1/wallets/seller-a/entries?payment_order_id=o-1", "payment_order_id"),
    ] {
        let problem = shop.get(path).await;
        assert_eq!(
            (&problem["status"], &problem["errors"][0]["field"]),
            (&422.into(), &field.into()),
            "{path}: {problem}"
        );
    }
    for path in [
        "/v1/payments",
        "/v1/ledger/accounts",
        "/v1/ledger/accounts/bank",
        "/v1/ledger/accounts/bank/entries",
        "/v1/ledger/entries",
        "/v1/ledger/entries/some:entry",
        "/v1/ledger/trial-balance",
        "/v1/wallets/seller-a",
        "/v1/wallets/seller-a/entries?page=2",
    ] {
        let without_a_key = shop.http.get(format!("{}{path}", shop.api)).send().await.unwrap();
        assert_eq!(without_a_key.status(), 401, "{path}");
    }
}
