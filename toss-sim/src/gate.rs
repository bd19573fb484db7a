//! Toss's API over HTTP: one gate that every call passes, whatever it asks for.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use crate::billing::BillingCall;
use crate::cash_receipt::ReceiptCall;
use crate::codes::{Code, Language};
use crate::connection::{Line, hang_up};
use crate::fields::MAX_BODY;
use crate::idempotency::Identity;
use crate::operations::{Answer, Ask, Operation};
use crate::payout_calls::PayoutCall;
use crate::reception::{Admission, Call, Ending, Reception, Reply, language};
use crate::world::Shared;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const TRACE_ID: &str = "x-tosspayments-trace-id";
const TEST_CODE: &str = "tosspayments-test-code";
const SECURITY_MODE: &str = "tosspayments-api-security-mode";

/// The routes of Toss's API.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(
            "/v1/payments/confirm",
            post(|sim: Sim, request: Request| pass(sim.0, Operation::Confirm { payment_key: None }, request)),
        )
        .route("/v1/payments/key-in", post(|sim: Sim, request: Request| pass(sim.0, Operation::KeyIn, request)))
        .route("/v1/payments/{payment_key}", get(look_up_payment).post(confirm_by_path))
        .route("/v1/payments/orders/{order_id}", get(look_up_order))
        .route("/v1/payments/{payment_key}/cancel", post(cancel))
        .route(
            "/v1/virtual-accounts",
            post(|sim: Sim, request: Request| pass(sim.0, Operation::IssueVirtualAccount, request)),
        )
        .route("/v1/transactions", get(transactions))
        // Clients by others send the slash.
        .route("/v1/transactions/", get(transactions))
        .route("/v1/settlements", get(settlements).post(not_simulated))
        .route("/v1/settlements/", get(settlements))
        .route(
            "/v1/billing/authorizations/card",
            post(|sim: Sim, request: Request| billing(sim, BillingCall::IssueByCard, request)),
        )
        .route(
            "/v1/billing/authorizations/issue",
            post(|sim: Sim, request: Request| billing(sim, BillingCall::IssueByAuthKey, request)),
        )
        .route(
            "/v1/billing/{billing_key}",
            post(|sim: Sim, Path(billing_key): Path<String>, request: Request| {
                billing(sim, BillingCall::Charge { billing_key }, request)
            })
            .delete(|sim: Sim, Path(billing_key): Path<String>, request: Request| {
                billing(sim, BillingCall::Delete { billing_key }, request)
            }),
        )
        .merge(receipt_routes())
        .merge(payout_routes())
        .merge(absent_routes())
        .method_not_allowed_fallback(|headers: HeaderMap| async move { refusal(Code::NotFoundHttpMethod, &headers) })
        .fallback(|headers: HeaderMap| async move { refusal(Code::NotFound, &headers) })
}

fn receipt_routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(
            "/v1/cash-receipts",
            post(|sim: Sim, request: Request| receipt(sim, ReceiptCall::Issue, request)).get(
                |sim: Sim, query: RawQuery, request: Request| {
                    receipt(sim, ReceiptCall::List { query: said(query) }, request)
                },
            ),
        )
        .route(
            "/v1/cash-receipts/{receipt_key}/cancel",
            post(|sim: Sim, Path(receipt_key): Path<String>, request: Request| {
                receipt(sim, ReceiptCall::Cancel { receipt_key }, request)
            }),
        )
}

/// What the real Toss has and the simulator does not, said so instead of a 404.
fn absent_routes() -> Router<Arc<Shared>> {
    let absent = || any(not_simulated);
    Router::new()
        .route("/v1/payments", absent())
        .route("/v1/brandpay/{*path}", absent())
        .route("/v1/promotions", absent())
        .route("/v1/promotions/{*path}", absent())
        .route("/v1/payouts/{*path}", absent())
}

async fn not_simulated(headers: HeaderMap) -> Response {
    refusal(Code::NotSimulated, &headers)
}

fn payout_routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v2/balances", get(|sim: Sim, request: Request| payout(sim, PayoutCall::ShowBalance, request)))
        .route(
            "/v2/sellers",
            post(|sim: Sim, request: Request| payout(sim, PayoutCall::AddSeller, request)).get(
                |sim: Sim, query: RawQuery, request: Request| {
                    payout(sim, PayoutCall::ListSellers { query: said(query) }, request)
                },
            ),
        )
        .route(
            "/v2/sellers/{id}",
            get(|sim: Sim, Path(id): Path<String>, request: Request| {
                payout(sim, PayoutCall::ShowSeller { id }, request)
            })
            .post(|sim: Sim, Path(id): Path<String>, request: Request| {
                payout(sim, PayoutCall::ChangeSeller { id }, request)
            })
            .delete(|sim: Sim, Path(id): Path<String>, request: Request| {
                payout(sim, PayoutCall::DeleteSeller { id }, request)
            }),
        )
        .route(
            "/v2/payouts",
            post(|sim: Sim, request: Request| payout(sim, PayoutCall::RequestPayouts, request)).get(
                |sim: Sim, query: RawQuery, request: Request| {
                    payout(sim, PayoutCall::ListPayouts { query: said(query) }, request)
                },
            ),
        )
        .route(
            "/v2/payouts/{id}",
            get(|sim: Sim, Path(id): Path<String>, request: Request| {
                payout(sim, PayoutCall::ShowPayout { id }, request)
            }),
        )
        .route(
            "/v2/payouts/{id}/cancel",
            post(|sim: Sim, Path(id): Path<String>, request: Request| {
                payout(sim, PayoutCall::CancelPayout { id }, request)
            }),
        )
}

type Sim = State<Arc<Shared>>;

async fn receipt(sim: Sim, call: ReceiptCall, request: Request) -> Response {
    pass(sim.0, Operation::CashReceipt(call), request).await
}

async fn confirm_by_path(sim: Sim, Path(payment_key): Path<String>, request: Request) -> Response {
    pass(sim.0, Operation::Confirm { payment_key: Some(payment_key) }, request).await
}

async fn billing(sim: Sim, call: BillingCall, request: Request) -> Response {
    pass(sim.0, Operation::Billing(call), request).await
}

async fn payout(sim: Sim, call: PayoutCall, request: Request) -> Response {
    pass(sim.0, Operation::Payout(call), request).await
}

fn said(RawQuery(query): RawQuery) -> String {
    query.unwrap_or_default()
}

async fn look_up_payment(sim: Sim, Path(payment_key): Path<String>, request: Request) -> Response {
    pass(sim.0, Operation::LookUpPayment { payment_key }, request).await
}

async fn look_up_order(sim: Sim, Path(order_id): Path<String>, request: Request) -> Response {
    pass(sim.0, Operation::LookUpOrder { order_id }, request).await
}

async fn cancel(sim: Sim, Path(payment_key): Path<String>, request: Request) -> Response {
    pass(sim.0, Operation::Cancel { payment_key }, request).await
}

async fn transactions(sim: Sim, query: RawQuery, request: Request) -> Response {
    pass(sim.0, Operation::ListTransactions { query: said(query) }, request).await
}

async fn settlements(sim: Sim, query: RawQuery, request: Request) -> Response {
    pass(sim.0, Operation::ListSettlements { query: said(query) }, request).await
}

/// One call, from the first byte to the last.
async fn pass(shared: Arc<Shared>, operation: Operation, request: Request) -> Response {
    let line = Line::of(&request);
    let headers = request.headers().clone();
    let mut call = match read(operation, request).await {
        Ok(call) => call,
        Err(code) => return refusal(code, &headers),
    };
    let Reception { call_id, claim, verdict } = shared.enter(|world, now| {
        call.ask.trace_id = world.mint.trace_id();
        world.receive(&call, now)
    });
    let passage = Passage { shared, call_id, trace_id: call.ask.trace_id.clone(), claim, status: None };
    let reply = match verdict {
        Admission::Reply(reply) => reply,
        Admission::HangUp => return hang_up(line),
        Admission::HoldThenHangUp(delay_ms) => {
            passage.shared.hold(delay_ms).await;
            return hang_up(line);
        }
        Admission::HoldThenExecute(delay_ms, caller) => {
            if !passage.shared.hold(delay_ms).await {
                return hang_up(line);
            }
            let claim = passage.claim.as_ref();
            passage.shared.enter(|world, now| world.execute_late(&call, call_id, claim, &caller, now))
        }
    };
    if reply.hold_ms > 0 && !passage.shared.hold(reply.hold_ms).await {
        return hang_up(line);
    }
    passage.answer(reply, call.idempotency_key.as_deref())
}

async fn read(operation: Operation, request: Request) -> Result<Call, Code> {
    let (parts, body) = request.into_parts();
    let text = |name: &str| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let call = Call {
        method: parts.method.to_string(),
        address: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        authorization: text(AUTHORIZATION.as_str()),
        idempotency_key: text(IDEMPOTENCY_KEY),
        ask: Ask {
            operation,
            test_code: text(TEST_CODE),
            language: language(text(ACCEPT_LANGUAGE.as_str()).as_deref()),
            is_encrypted: text(SECURITY_MODE).is_some_and(|mode| mode == "ENCRYPTION"),
            trace_id: String::new(),
            body: to_bytes(body, MAX_BODY).await.map_err(|_| Code::InvalidRequest)?,
        },
    };
    Ok(call)
}

/// A call on its way. Dropped at the end or, when the client goes away, in the middle; either way its
/// idempotency key then answers what was executed, or is free.
struct Passage {
    shared: Arc<Shared>,
    call_id: u64,
    trace_id: String,
    claim: Option<Identity>,
    status: Option<u16>,
}

impl Passage {
    fn answer(mut self, reply: Reply, idempotency_key: Option<&str>) -> Response {
        self.status = Some(reply.answer.status);
        let trace_id = match reply.original_trace_id {
            Some(original) => format!("{}, {original}", self.trace_id),
            None => self.trace_id.clone(),
        };
        let mut response = respond(reply.answer);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&trace_id) {
            headers.insert(TRACE_ID, value);
        }
        if let Some(value) = idempotency_key.and_then(|key| HeaderValue::from_str(key).ok()) {
            headers.insert(IDEMPOTENCY_KEY, value);
        }
        response
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        let ending = Ending { call_id: self.call_id, claim: self.claim.take(), status: self.status };
        self.shared.enter(|world, _| world.end(ending));
    }
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A compact JWE begins with the base64 of `{"`, which no JSON does.
    let is_sealed = answer.body.starts_with(b"ey");
    let content_type = if is_sealed { "text/plain;charset=UTF-8" } else { "application/json;charset=UTF-8" };
    (status, [(CONTENT_TYPE, content_type)], Body::from(answer.body)).into_response()
}

fn refusal(code: Code, headers: &HeaderMap) -> Response {
    let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language: Language = language(asked);
    respond(Answer::refusal(code, language))
}
