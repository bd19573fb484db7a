//! Payments in dollars and yen, each by the keys of its own contract.

use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use toss_sim::{Currency, DEFAULT_CLIENT_KEY, Merchant};

use crate::support::{Answer, Simulator, send, start};

const DAY_S: u64 = 24 * 60 * 60;

/// A contract of the default merchant's, which calls by its own key.
struct Contract<'a> {
    sim: &'a Simulator,
    merchant: Merchant,
}

impl<'a> Contract<'a> {
    fn in_currency(sim: &'a Simulator, currency: Currency) -> Self {
        Self { sim, merchant: Merchant::default_in(currency) }
    }

    fn toss(&self, method: Method, path: &str) -> RequestBuilder {
        self.sim.bare(method, path).basic_auth(&self.merchant.secret_key, Some(""))
    }

    async fn authorize(&self, order_id: &str, amount: Value, method: &str) -> String {
        let currency = self.merchant.currency.code();
        let body = json!({ "orderId": order_id, "amount": amount, "currency": currency, "method": method });
        self.sim.tell("/_sim/authorize", body).await["paymentKey"].as_str().unwrap().to_owned()
    }

    async fn confirm(&self, key: &str, order_id: &str, amount: Value) -> Answer {
        let body = json!({ "paymentKey": key, "orderId": order_id, "amount": amount });
        send(self.toss(Method::POST, "/v1/payments/confirm").json(&body)).await
    }

    async fn paid(&self, order_id: &str, amount: Value, method: &str) -> Value {
        let key = self.authorize(order_id, amount.clone(), method).await;
        let confirmed = self.confirm(&key, order_id, amount).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
        confirmed.json
    }

    async fn cancel(&self, payment: &Value, body: Value) -> Answer {
        let path = format!("/v1/payments/{}/cancel", payment["paymentKey"].as_str().unwrap());
        send(self.toss(Method::POST, &path).json(&body)).await
    }

    /// Orders, amounts and currencies of a list.
    async fn listed(&self, path: &str) -> Vec<(Value, Value, Value)> {
        let now = self.sim.ask("/_sim/clock").await["now"].as_str().unwrap()[..10].to_owned();
        let day: chrono::NaiveDate = now.parse().unwrap();
        let (from, to) = (day - chrono::Days::new(5), day + chrono::Days::new(5));
        let answer = send(self.toss(Method::GET, &format!("{path}?startDate={from}&endDate={to}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let rows = answer.json.as_array().unwrap().clone();
        rows.into_iter().map(|row| (row["orderId"].clone(), row["amount"].clone(), row["currency"].clone())).collect()
    }
}

#[tokio::test]
async fn a_payment_in_dollars_is_taken_and_given_back_to_the_cent() {
    let sim = start().await;
    let (dollars, won) = (Contract::in_currency(&sim, Currency::Usd), Contract::in_currency(&sim, Currency::Krw));
    let key = dollars.authorize("order-usd", json!(544.68), "카드").await;
    // To the keys of another contract the payment does not exist.
    assert_eq!(won.confirm(&key, "order-usd", json!(544.68)).await.refusal(), (404, "NOT_FOUND_PAYMENT"));
    assert_eq!(dollars.confirm(&key, "order-usd", json!(544.6)).await.refusal(), (403, "FORBIDDEN_REQUEST"));
    assert_eq!(dollars.confirm(&key, "order-usd", json!(544.685)).await.refusal(), (400, "INVALID_REQUEST"));
    let payment = dollars.confirm(&key, "order-usd", json!(544.68)).await.json;
    let money = |payment: &Value| ["currency", "totalAmount", "balanceAmount", "vat"].map(|name| payment[name].clone());
    // The tax is that of a recorded payment.
    assert_eq!(money(&payment), [json!("USD"), json!(544.68), json!(544.68), json!(49.52)]);
    assert_eq!(payment["card"]["amount"], 544.68);
    assert_eq!(payment["mId"], "daegeum_usd");

    let part = json!({ "cancelReason": "변심", "cancelAmount": 44.67 });
    let in_won = json!({ "cancelReason": "변심", "cancelAmount": 44, "currency": "KRW" });
    assert_eq!(dollars.cancel(&payment, in_won).await.refusal(), (400, "INVALID_CURRENCY"));
    assert_eq!(won.cancel(&payment, part.clone()).await.refusal(), (404, "NOT_FOUND_PAYMENT"));
    let canceled = dollars.cancel(&payment, part).await.json;
    assert_eq!(money(&canceled)[2], json!(500.01));
    let cancel = &canceled["cancels"][0];
    assert_eq!((&cancel["cancelAmount"], &cancel["refundableAmount"]), (&json!(44.67), &json!(500.01)));
    let rest = json!({ "cancelReason": "변심", "currency": "USD", "refundableAmount": 500.01 });
    assert_eq!(dollars.cancel(&payment, rest).await.json["balanceAmount"], 0);

    let transactions = dollars.listed("/v1/transactions").await;
    let row = |amount: f64| (json!("order-usd"), json!(amount), json!("USD"));
    assert_eq!(transactions, [row(544.68), row(44.67), row(500.01)]);
    sim.advance(DAY_S).await;
    assert_eq!(dollars.listed("/v1/settlements").await, [row(544.68), row(-44.67), row(-500.01)]);
    for path in ["/v1/transactions", "/v1/settlements"] {
        assert_eq!(won.listed(path).await, [], "{path} of another contract");
    }
    assert_eq!(sim.ask("/_sim/balances").await["pending"], 0, "payouts are won");
    let totals = sim.ask("/_sim/totals?currency=USD").await;
    assert_eq!((&totals["charged"], &totals["canceled"], &totals["net"]), (&json!(544.68), &json!(544.68), &json!(0)));
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 0, "no sum crosses currencies");
}

/// Rows of a contract in dollars, by their amounts.
async fn exchanged_rows(dollars: &Contract<'_>) -> Vec<Value> {
    let now = dollars.sim.ask("/_sim/clock").await["now"].as_str().unwrap()[..10].to_owned();
    let day: chrono::NaiveDate = now.parse().unwrap();
    let (from, to) = (day - chrono::Days::new(5), day + chrono::Days::new(5));
    let path = format!("/v1/settlements?startDate={from}&endDate={to}");
    send(dollars.toss(Method::GET, &path)).await.json.as_array().unwrap().clone()
}

#[tokio::test]
async fn sales_in_dollars_are_settled_in_won_at_the_rate_of_their_time() {
    let sim = start().await;
    let dollars = Contract::in_currency(&sim, Currency::Usd);
    let rate = async |rate: Value, fee: &str| {
        sim.tell("/_sim/exchange", json!({ "currency": "USD", "rate": rate, "fee": fee })).await
    };
    dollars.paid("own-currency", json!(1), "카드").await;
    assert_eq!(rate(json!(1391.5), "after").await, json!({ "currency": "USD", "rate": 1391.5, "fee": "after" }));
    let payment = dollars.paid("fee-after", json!(100), "카드").await;
    rate(json!("1400"), "after").await;
    dollars.cancel(&payment, json!({ "cancelReason": "변심", "cancelAmount": 25 })).await;
    rate(json!(1391.5), "before").await;
    dollars.paid("fee-before", json!(100), "카드").await;
    rate(Value::Null, "after").await;
    dollars.paid("own-again", json!(2), "카드").await;
    sim.advance(DAY_S).await;
    let rows = exchanged_rows(&dollars).await;
    let [own, after, back, before, again] = &rows[..] else { panic!("{rows:?}") };
    let of = |row: &Value| ["amount", "fee", "vat", "payOutAmount"].map(|name| row[name].clone());
    assert_eq!([&own["exchange"], &again["exchange"]], [&Value::Null, &Value::Null]);
    assert_eq!(of(after), [json!(100), json!(0), json!(0), json!(100)]);
    let exchange = &after["exchange"];
    assert_eq!(of(exchange), [json!(139_150), json!(4_132), json!(376), json!(135_018)]);
    assert_eq!((&exchange["currency"], &exchange["rate"]), (&json!("KRW"), &json!(1391.5)));
    assert_eq!(of(back), [json!(-25), json!(0), json!(0), json!(-25)]);
    assert_eq!(of(&back["exchange"]), [json!(-35_000), json!(-1_039), json!(-94), json!(-33_961)]);
    assert_eq!(of(before), [json!(100), json!(2.97), json!(0.27), json!(97.03)]);
    assert_eq!(of(&before["exchange"]), [json!(135_017), json!(0), json!(0), json!(135_017)]);
    // Won come to the balance of the contract in won.
    sim.advance(7 * DAY_S).await;
    assert_eq!(sim.ask("/_sim/balances").await["available"], 135_018 - 33_961 + 135_017);
    for wrong in [json!({ "currency": "KRW", "rate": 1 }), json!({ "currency": "USD", "rate": 0 })] {
        assert_eq!(send(sim.bare(Method::POST, "/_sim/exchange").json(&wrong)).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_payment_in_yen_has_no_decimals() {
    let sim = start().await;
    let yen = Contract::in_currency(&sim, Currency::Jpy);
    let payment = yen.paid("order-jpy", json!(1_500), "카드").await;
    assert_eq!((&payment["currency"], &payment["totalAmount"]), (&json!("JPY"), &json!(1_500)));
    let part = json!({ "cancelReason": "変更", "cancelAmount": 0.5 });
    assert_eq!(yen.cancel(&payment, part).await.refusal(), (400, "INVALID_REQUEST"));
    assert_eq!(yen.cancel(&payment, json!({ "cancelReason": "変更" })).await.json["status"], "CANCELED");
    let wrong = json!({ "orderId": "order-jpy2", "amount": 0.5, "currency": "JPY" });
    assert_eq!(send(sim.bare(Method::POST, "/_sim/authorize").json(&wrong)).await.status, 400);
}

#[tokio::test]
async fn a_contract_has_the_methods_of_its_currency() {
    let sim = start().await;
    let dollars = Contract::in_currency(&sim, Currency::Usd);
    let payment = dollars.paid("by-paypal", json!(20.05), "해외간편결제").await;
    assert_eq!((&payment["method"], &payment["easyPay"]), (&json!("해외간편결제"), &json!("PayPal")));
    for (currency, method) in
        [("KRW", "해외간편결제"), ("USD", "계좌이체"), ("JPY", "해외간편결제"), ("JPY", "가상계좌")]
    {
        let body = json!({ "orderId": "order-0001", "amount": 100, "currency": currency, "method": method });
        let answer = send(sim.bare(Method::POST, "/_sim/authorize").json(&body)).await;
        assert_eq!(answer.status, 400, "{currency} {method}");
    }
    let account =
        json!({ "amount": 100, "orderId": "order-0001", "orderName": "책", "customerName": "김", "bank": "20" });
    let request = dollars.toss(Method::POST, "/v1/virtual-accounts").json(&account);
    assert_eq!(send(request).await.refusal(), (400, "NOT_SUPPORTED_METHOD"));
}

#[tokio::test]
async fn a_window_is_opened_by_the_keys_of_its_currency() {
    let sim = start().await;
    let client_key = Merchant::default_in(Currency::Usd).client_key;
    let open = async |changes: &[(&str, &str)]| {
        let mut fields = vec![
            ("clientKey", client_key.as_str()),
            ("orderId", "order-0001"),
            ("orderName", "책"),
            ("amount", "10.5"),
            ("currency", "USD"),
            ("method", "CARD"),
            ("successUrl", "https://shop.example/success"),
            ("failUrl", "https://shop.example/fail"),
        ];
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            fields.push((name, value));
        }
        let answer = send(sim.bare(Method::GET, "/_window/open").query(&fields)).await;
        answer.header("location").unwrap().to_owned()
    };
    for (changes, code) in [
        (vec![("clientKey", DEFAULT_CLIENT_KEY)], "INVALID_CURRENCY"),
        (vec![("currency", "KRW")], "INVALID_CURRENCY"),
        (vec![("currency", "")], "INVALID_CURRENCY"),
        (vec![("amount", "10.505")], "INVALID_REQUEST"),
        (vec![("method", "TRANSFER")], "NOT_SUPPORTED_METHOD"),
        (vec![("method", "FOREIGN_EASY_PAY")], "INVALID_REQUIRED_PARAM"),
    ] {
        let back = open(&changes).await;
        assert!(back.contains(&format!("code={code}&")), "{changes:?}: {back}");
    }
    let window = open(&[]).await;
    let page = send(sim.bare(Method::GET, &window)).await.text;
    assert!(page.contains("$10.50 결제하기") && page.matches("name=\"method\"").count() == 1, "{page}");
    let paid = send(sim.bare(Method::POST, &format!("{window}/pay")).form(&[("method", "CARD")])).await;
    let success = Url::parse(paid.header("location").unwrap()).unwrap();
    assert!(success.query_pairs().any(|(name, value)| name == "amount" && value == "10.5"), "{success}");
    let wishes = json!({ "foreignEasyPay": { "provider": "PAYPAL", "country": "US" } }).to_string();
    let window = open(&[("method", "FOREIGN_EASY_PAY"), ("wishes", &wishes)]).await;
    let paid = send(sim.bare(Method::POST, &format!("{window}/pay")).form(&[("method", "FOREIGN_EASY_PAY")])).await;
    assert_eq!(paid.status, 303, "{}", paid.text);
}
