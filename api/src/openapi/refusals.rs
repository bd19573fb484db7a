//! How a route says which problems it answers with.

use std::collections::BTreeMap;

use domain::checkout::Status;
use serde_json::{Value, json};
use utoipa::openapi::{
    Ref, RefOr,
    content::ContentBuilder,
    example::Example,
    response::{Response, ResponseBuilder},
};

use crate::http::problem::{Code, TYPE_BASE};

/// The media type of problems.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Declares the problems of a route, for its `responses(…)`.
macro_rules! refusals {
    ($($name:ident: $($code:ident),+;)+) => {$(
        #[doc = concat!("What a request may be refused with: ", $(stringify!($code), " ",)+)]
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::response::Response>,
            > {
                $crate::openapi::refusals::of(&[$($crate::http::problem::Code::$code),+])
            }
        }
    )+};
}
pub(crate) use refusals;

/// One response for each status, with an example of each problem that has it.
pub(crate) fn of(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_str().to_owned()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status, response(&codes).into())).collect()
}

fn response(codes: &[Code]) -> Response {
    let told: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
    let examples = codes
        .iter()
        .map(|code| (code.name(), RefOr::<Example>::Ref(Ref::new(format!("#/components/examples/{}", code.name())))));
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).examples_from_iter(examples).build();
    ResponseBuilder::new().description(told.join("; ")).content(PROBLEM, content).build()
}

/// An example of each problem, by its code.
pub(super) fn examples() -> Value {
    Code::ALL
        .iter()
        .map(|code| (code.name().to_owned(), json!({ "summary": code.title(), "value": example(*code) })))
        .collect()
}

fn example(code: Code) -> Value {
    let mut example = members(code);
    if code == Code::PaymentDeclined {
        example["psp_code"] = "REJECT_CARD_PAYMENT".into();
        example["psp_message"] = "한도초과 혹은 잔액부족으로 결제에 실패했습니다.".into();
        example["retryable"] = true.into();
        example["checkout_status"] = Status::Failed.as_str().into();
    }
    if code == Code::EventsExpired {
        example["oldest_position"] = 1234.into();
    }
    if code == Code::ValidationFailed {
        let error = json!({ "field": "payment_orders[0].amount", "code": "required", "detail": "is required" });
        example["errors"] = json!([error]);
    }
    example
}

fn members(code: Code) -> Value {
    json!({
        "type": format!("{TYPE_BASE}{}", code.name()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": "What went wrong this time.",
        "instance": "/v1/…",
        "code": code.name(),
    })
}
