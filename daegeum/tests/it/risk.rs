//! Risk is checked before the charge: allowed, denied, reviewed by a person, asked of a service.

use std::{io::Write as _, str::FromStr};

use sea_orm_migration::sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl};
use temporalio_client::WorkflowSignalOptions;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use workflows::checkout::{CheckoutWorkflow, Review};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, checkout, until},
};

on_both_databases!(a_payment_is_charged_only_when_nothing_speaks_against_it);

const PAID: u64 = 23_000;
const SECRET: &str = "between-us";

/// A service that denies, lets pass or hangs up, by the checkout's name.
async fn risk_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/assess", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(mut stream: TcpStream) {
    let mut asked = Vec::new();
    // The question ends with the only closing brace of the body.
    while !asked.ends_with(b"}") {
        if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let asked = String::from_utf8(asked).unwrap();
    assert!(asked.contains(&format!("x-daegeum-risk-secret: {SECRET}")), "{asked}");
    if asked.contains("service-is-down") {
        return;
    }
    let verdict = if asked.contains("service-denies") { "deny" } else { "allow" };
    let body = format!("{{\"verdict\":\"{verdict}\",\"reasons\":[\"it says so\"]}}");
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn settings(service: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    write!(
        file,
        r#"[risk]
denied_buyers = ["villain"]
velocities = [{{ of = "buyer", window_s = 3600, payments = 1, verdict = "review" }}]
hook = {{ url = "{service}", secret = "{SECRET}", when_down = "review" }}
"#
    )
    .unwrap();
    file
}

async fn a_payment_is_charged_only_when_nothing_speaks_against_it(database: Kind) {
    let settings = settings(&risk_service().await);
    let roles = Roles::start_with(database, &["--config", settings.path().to_str().unwrap()]).await;
    let _worker = roles.role("worker");
    let scene = Scene { shop: &roles.shop, roles: &roles };
    let moved: [u64; 4] = tokio::join!(
        scene.who_is_denied_is_told_no_reason(),
        scene.a_service_denies(),
        scene.a_person_approves_what_is_too_fast(),
        scene.a_person_denies_and_the_buyer_may_try_again(),
    )
    .into();
    let moved = moved.iter().sum();
    assert_eq!(roles.shop.charged().await, (moved, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, moved);
}

struct Scene<'a> {
    shop: &'a Shop,
    roles: &'a Roles,
}

impl Scene<'_> {
    async fn who_is_denied_is_told_no_reason(&self) -> u64 {
        let id = "buyer-is-denied";
        let key = self.authorized(id, "villain").await;
        let (answer, told) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!(
            (answer, &told["code"], &told["failure_code"]),
            (402, &json!("payment_declined"), &json!("risk_denied"))
        );
        assert!(told["retryable"] == true && !told.to_string().contains("list"), "{told}");
        assert_eq!(self.shop.status(id).await, "FAILED");
        assert_eq!(self.calls(id).await, 0, "nothing is sent to the PSP");
        let decided = self.decisions(id).await;
        assert_eq!(decided, ["rules deny [\"the buyer is on the list of denied buyers\"]"]);
        self.roles.record_history("denied", id).await;
        0
    }

    async fn a_service_denies(&self) -> u64 {
        let id = "service-denies";
        let key = self.authorized(id, "buyer-of-service").await;
        let (answer, told) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &told["failure_code"]), (402, &json!("risk_denied")), "{told}");
        assert_eq!(self.decisions(id).await, ["rules deny [\"it says so\"]"]);
        0
    }

    async fn a_person_approves_what_is_too_fast(&self) -> u64 {
        let first = "not-too-fast";
        let key = self.authorized(first, "fast").await;
        assert_eq!(self.shop.confirm(first, &key, "23000").await.0, 200);
        assert_eq!(self.decisions(first).await, ["rules allow []"]);

        let id = "too-fast";
        let key = self.authorized(id, "fast").await;
        // A key that the PSP does not know is not put in front of a person.
        let (answer, told) = self.shop.confirm(id, "invented", "23000").await;
        assert_eq!((answer, self.shop.status(id).await.as_str()), (409, "NOT_STARTED"), "{told}");
        until("the checkout takes another payment", || async { self.shop.confirm(id, &key, "23000").await.0 == 202 })
            .await;
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!((&checkout["status"], &checkout["failure"]["code"]), (&json!("STUCK"), &json!("risk_review")));
        let workflow = checkout["workflow"]["id"].as_str().unwrap();
        let metadata = self.roles.ask_temporal("metadata", workflow).to_string();
        assert!(metadata.contains("in review until ") && metadata.contains(" KST"), "{metadata}");

        self.decide(id, true).await;
        until("it is paid", || async { self.shop.status(id).await == "SUCCESS" }).await;
        assert_eq!(self.shop.confirm(id, &key, "23000").await.0, 200);
        assert_eq!(self.decisions(id).await.last().unwrap(), "person:kim allow [\"I called the buyer\"]");
        self.roles.record_history("reviewed", id).await;
        2 * PAID
    }

    async fn a_person_denies_and_the_buyer_may_try_again(&self) -> u64 {
        let id = "service-is-down";
        let key = self.authorized(id, "unlucky").await;
        assert_eq!(self.shop.confirm(id, &key, "23000").await.0, 202);
        self.decide(id, false).await;
        until("it is declined", || async { self.shop.status(id).await == "FAILED" }).await;
        let (answer, told) = self.shop.confirm(id, &key, "23000").await;
        assert_eq!((answer, &told["failure_code"], &told["retryable"]), (402, &json!("risk_denied"), &json!(true)));
        let decided = self.decisions(id).await;
        let expected = "rules review [\"the risk service did not answer\"]";
        assert!(decided.contains(&expected.to_owned()), "{decided:?}");
        // What is logged within an attempt carries the checkout.
        let log = std::fs::read_to_string(self.roles.log("worker")).unwrap();
        let line = log.lines().find(|line| line.contains("the risk service did not answer about")).unwrap();
        assert!(line.contains(":attempt:") && line.ends_with(&format!("checkout.id=\"{id}\"")), "{line}");
        0
    }

    async fn authorized(&self, id: &str, buyer: &str) -> String {
        let mut body = checkout(id);
        body["buyer_info"]["id"] = buyer.into();
        body["credit_card_info"] = json!({ "token": "tok_of_a_card" });
        until("the checkout is created", || async { self.shop.post(id, &body).await.status() == 201 }).await;
        self.shop.authorize(id).await
    }

    async fn decide(&self, id: &str, approve: bool) {
        let checkout = self.shop.get(&format!("/v1/payments/{id}")).await;
        let temporal = self.roles.temporal().await;
        let workflow = temporal.get_workflow_handle::<CheckoutWorkflow>(checkout["workflow"]["id"].as_str().unwrap());
        let review = Review { by: "kim".to_owned(), reason: "I called the buyer".to_owned(), approve };
        workflow.signal(CheckoutWorkflow::review, review.into(), WorkflowSignalOptions::default()).await.unwrap();
    }

    async fn calls(&self, id: &str) -> usize {
        let url = format!("{}/_sim/calls", self.shop.simulator);
        let calls: Value = self.shop.http.get(url).send().await.unwrap().json().await.unwrap();
        let calls = calls.as_array().or_else(|| calls["calls"].as_array()).unwrap();
        calls.iter().filter(|call| call["orderId"] == id).count()
    }

    /// The decisions about a checkout: by whom, what and why.
    async fn decisions(&self, id: &str) -> Vec<String> {
        let database = Database::connect(&DatabaseUrl::from_str(&self.roles.database_url()).unwrap()).await.unwrap();
        let query = format!(
            "SELECT decided_by, verdict, reasons, card FROM risk_decisions WHERE checkout_id = '{id}' \
             ORDER BY decided_by DESC, attempt"
        );
        let connection = database.connection();
        let statement = sea_orm_migration::sea_orm::Statement::from_string(connection.get_database_backend(), query);
        let rows = connection.query_all_raw(statement).await.unwrap();
        let text =
            |row: &sea_orm_migration::sea_orm::QueryResult, column: &str| row.try_get::<String>("", column).unwrap();
        rows.iter()
            .map(|row| {
                assert_eq!(text(row, "card").len(), 64, "the card stands there by its hash alone");
                format!("{} {} {}", text(row, "decided_by"), text(row, "verdict"), text(row, "reasons"))
            })
            .collect()
    }
}
