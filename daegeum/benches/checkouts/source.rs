//! The lists of a PSP whose rows are computed: a page of a day of a million rows costs as much as one of a small day.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Value, json};
use std::collections::HashMap;

const DAY_S: u64 = 24 * 60 * 60;
/// Of each payment, in won.
pub(crate) const AMOUNT: i64 = 23_000;
/// 2.97 % with its tax.
const FEE: i64 = 683;
const VAT: i64 = 62;
/// What the PSP pays of each payment.
pub(crate) const NET: i64 = AMOUNT - FEE;
/// How long after the sale the PSP pays.
const PAID_AFTER_DAYS: u64 = 2;

/// A day of so many payments, spread evenly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    pub(crate) date: NaiveDate,
    pub(crate) rows: u64,
}

impl Day {
    pub(crate) fn order_prefix(self) -> String {
        format!("bench-{}-", self.date)
    }

    pub(crate) fn payment_prefix(self) -> String {
        format!("tviva{}000", self.date.format("%Y%m%d"))
    }

    /// The number at the end finds the row again; what is before it is in no order, as Toss's keys are.
    fn transaction_key(self, number: u64) -> String {
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31);
        format!("{}{mixed:016X}{number:010}", self.date.format("%y%m%d"))
    }

    fn number_of(key: &str) -> u64 {
        key[key.len() - 10..].parse().unwrap()
    }

    /// Whole seconds, as Toss writes them.
    fn at(self, number: u64) -> NaiveDateTime {
        let seconds = number * DAY_S / self.rows;
        self.date.and_time(chrono::NaiveTime::MIN) + TimeDelta::seconds(seconds.cast_signed())
    }

    /// The first payment at an instant or after it.
    fn first_from(self, at: NaiveDateTime) -> u64 {
        let seconds = (at - self.date.and_time(chrono::NaiveTime::MIN)).num_seconds().clamp(0, DAY_S.cast_signed());
        (seconds.unsigned_abs() * self.rows).div_ceil(DAY_S)
    }
}

#[derive(Debug, Default)]
struct Lists {
    days: Mutex<Vec<Day>>,
    available: AtomicI64,
    spent_us: AtomicU64,
}

/// A PSP that only lists.
pub(crate) struct Source {
    pub(crate) address: SocketAddr,
    lists: Arc<Lists>,
}

type Asked = Query<HashMap<String, String>>;

impl Source {
    pub(crate) async fn start() -> Self {
        let lists = Arc::new(Lists::default());
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .route("/v1/transactions", get(transactions))
            .route("/v1/settlements", get(settlements))
            .route("/v2/balances", get(balance))
            .route("/v2/payouts", get(payouts))
            .fallback(async || (StatusCode::NOT_FOUND, Json(json!({ "code": "NOT_FOUND_PAYMENT", "message": "" }))))
            .with_state(Arc::clone(&lists));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, lists }
    }

    /// Lists one more day, and has paid so much of all days together.
    pub(crate) fn serve(&self, day: Day, available: i64) {
        self.lists.days.lock().unwrap().push(day);
        self.lists.available.store(available, Ordering::Relaxed);
    }

    /// The time that answers took to make.
    pub(crate) fn time_spent(&self) -> Duration {
        Duration::from_micros(self.lists.spent_us.load(Ordering::Relaxed))
    }
}

impl Lists {
    fn day_of(&self, date: NaiveDate) -> Option<Day> {
        self.days.lock().unwrap().iter().copied().find(|day| day.date == date)
    }

    fn timed(&self, answer: impl FnOnce() -> Value) -> Json<Value> {
        let began = Instant::now();
        let answer = answer();
        self.spent_us.fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        Json(answer)
    }
}

fn size(asked: &HashMap<String, String>, name: &str) -> u64 {
    asked.get(name).map_or(100, |text| text.parse().unwrap())
}

async fn transactions(State(lists): State<Arc<Lists>>, Query(asked): Asked) -> Json<Value> {
    lists.timed(|| {
        let [from, to] = ["startDate", "endDate"].map(|name| asked[name].parse::<NaiveDateTime>().unwrap());
        let Some(day) = lists.day_of(from.date()) else { return json!([]) };
        let after = asked.get("startingAfter").map(|key| Day::number_of(key) + 1);
        let first = after.unwrap_or_else(|| day.first_from(from));
        let end = day.first_from(to + TimeDelta::seconds(1)).min(first + size(&asked, "limit"));
        (first..end).map(|number| transaction(day, number)).collect()
    })
}

fn transaction(day: Day, number: u64) -> Value {
    json!({
        "mId": "bench",
        "transactionKey": day.transaction_key(number),
        "paymentKey": format!("{}{number}", day.payment_prefix()),
        "orderId": format!("{}{number}", day.order_prefix()),
        "method": "카드",
        "customerKey": null,
        "useEscrow": false,
        "receiptUrl": "https://dashboard.tosspayments.com/receipt/redirection",
        "status": "DONE",
        "transactionAt": format!("{}+09:00", day.at(number).format("%Y-%m-%dT%H:%M:%S")),
        "currency": "KRW",
        "amount": AMOUNT,
    })
}

async fn settlements(State(lists): State<Arc<Lists>>, Query(asked): Asked) -> Json<Value> {
    lists.timed(|| {
        let Some(day) = lists.day_of(asked["startDate"].parse().unwrap()) else { return json!([]) };
        let (size, page) = (size(&asked, "size"), size(&asked, "page"));
        let first = (page - 1) * size;
        (first..day.rows.min(first + size)).map(|number| settlement(day, number)).collect()
    })
}

fn settlement(day: Day, number: u64) -> Value {
    let paid_on = day.date.checked_add_days(Days::new(PAID_AFTER_DAYS)).unwrap();
    json!({
        "mId": "bench",
        "paymentKey": format!("{}{number}", day.payment_prefix()),
        "transactionKey": day.transaction_key(number),
        "orderId": format!("{}{number}", day.order_prefix()),
        "currency": "KRW",
        "method": "카드",
        "amount": AMOUNT,
        "interestFee": 0,
        "fees": [{ "type": "BASE", "fee": FEE }],
        "fee": FEE,
        "supplyAmount": FEE - VAT,
        "vat": VAT,
        "payOutAmount": NET,
        "approvedAt": format!("{}+09:00", day.at(number).format("%Y-%m-%dT%H:%M:%S")),
        "soldDate": day.date.to_string(),
        "paidOutDate": paid_on.to_string(),
        "cancel": null,
        "card": { "amount": AMOUNT, "issuerCode": "71", "acquirerCode": "71", "number": "12345678****000*",
            "installmentPlanMonths": 0, "approveNo": "00000000", "cardType": "신용", "ownerType": "개인" },
    })
}

async fn balance(State(lists): State<Arc<Lists>>) -> Json<Value> {
    let amount = |value: i64| json!({ "currency": "KRW", "value": value });
    let available = lists.available.load(Ordering::Relaxed);
    entity("balance", json!({ "pendingAmount": amount(0), "availableAmount": amount(available) }))
}

async fn payouts() -> Json<Value> {
    entity("payout-list", json!({ "hasNext": false, "lastCursor": null, "items": [] }))
}

fn entity(entity_type: &str, body: Value) -> Json<Value> {
    Json(json!({ "version": "2022-11-16", "traceId": "bench", "entityType": entity_type, "entityBody": body }))
}
