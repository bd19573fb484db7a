//! How the named texts of `shapes` are read. This is apart from `shapes`, which problems use too.

use domain::{
    Currency,
    calendar::Day,
    checkout::Status,
    dead_letter::{DeclaredOutcome, LetterStatus},
    event::EventType,
    id::{BuyerId, CheckoutId, PaymentOrderId, PayoutRunId, SellerAccount},
    ledger::Reason,
    payout::PayoutStatus,
    reconciliation::{BreakClass, BreakStatus, BreakType, Template},
};
use store::ApprovalStanding;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema},
};

use super::shapes::{
    Amount, ApprovalName, BreakClassName, BreakStatusName, BreakTypeName, BuyerName, CheckoutName, CurrencyCode,
    DayName, EventTypeName, LetterStatusName, OutcomeName, PaymentOrderName, PayoutRunName, PayoutStatusName,
    ReasonName, SellerName, StatusName, TemplateName,
};
use crate::http::{
    fields::{FieldErrors, FieldForm, Form},
    forms::{Text, none_of},
    problem::FieldCode,
};

/// Declares how a named schema is read.
macro_rules! named_form {
    ($($name:ident: $value:ty = $parse:expr;)+) => {$(
        impl $crate::http::fields::Form for $name {
            type Value = $value;

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::Ref::from_schema_name(<Self as utoipa::ToSchema>::name()).into()
            }

            fn collect(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                let name = <Self as utoipa::ToSchema>::name().into_owned();
                schemas.push((name, <Self as utoipa::PartialSchema>::schema()));
            }
        }

        impl $crate::http::fields::TextForm for $name {
            fn parse(text: &str) -> Result<$value, String> {
                $crate::http::forms::check(text, $parse)
            }
        }
    )+};
}
pub(crate) use named_form;

named_form! {
    ApprovalName: ApprovalStanding =
        |text| {
            ApprovalStanding::parse(text).ok_or_else(|| none_of(ApprovalStanding::ALL.map(ApprovalStanding::as_str)))
        };
    BreakClassName: BreakClass =
        |text| BreakClass::parse(text).ok_or_else(|| none_of(BreakClass::ALL.map(BreakClass::as_str)));
    BreakStatusName: BreakStatus =
        |text| BreakStatus::parse(text).ok_or_else(|| none_of(BreakStatus::ALL.map(BreakStatus::as_str)));
    BreakTypeName: BreakType =
        |text| BreakType::parse(text).ok_or_else(|| none_of(BreakType::ALL.map(BreakType::as_str)));
    BuyerName: BuyerId = BuyerId::parse;
    CheckoutName: CheckoutId = CheckoutId::parse;
    CurrencyCode: Currency = str::parse::<Currency>;
    DayName: Day = str::parse::<Day>;
    EventTypeName: EventType =
        |text| EventType::parse(text).ok_or_else(|| none_of(EventType::ALL.map(EventType::as_str)));
    LetterStatusName: LetterStatus =
        |text| LetterStatus::parse(text).ok_or_else(|| none_of(LetterStatus::ALL.map(LetterStatus::as_str)));
    OutcomeName: DeclaredOutcome =
        |text| DeclaredOutcome::parse(text).ok_or_else(|| none_of(DeclaredOutcome::ALL.map(DeclaredOutcome::as_str)));
    PaymentOrderName: PaymentOrderId = PaymentOrderId::parse;
    PayoutRunName: PayoutRunId = PayoutRunId::parse;
    PayoutStatusName: PayoutStatus =
        |text| PayoutStatus::parse(text).ok_or_else(|| none_of(PayoutStatus::ALL.map(PayoutStatus::as_str)));
    ReasonName: Reason = |text| Reason::parse(text).ok_or_else(|| none_of(Reason::ALL.map(Reason::as_str)));
    SellerName: SellerAccount = SellerAccount::parse;
    TemplateName: Template =
        |text| Template::parse(text).ok_or_else(|| none_of(Template::ALL.map(Template::as_str)));
    StatusName: Status = |text| Status::parse(text).ok_or_else(|| none_of(Status::ALL.map(Status::as_str)));
}

/// An amount of money. The text is read together with its currency.
impl Form for Amount {
    type Value = String;

    fn schema() -> RefOr<Schema> {
        Ref::from_schema_name(<Self as ToSchema>::name()).into()
    }

    fn collect(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((<Self as ToSchema>::name().into_owned(), <Self as PartialSchema>::schema()));
    }
}

impl FieldForm for Amount {
    fn read(value: &serde_json::Value, path: String, errors: &mut FieldErrors) -> Option<String> {
        if value.is_number() {
            let detail =
                "must be a string of decimal digits such as \"15000\": a JSON number may lose digits on its way";
            errors.add(path, FieldCode::WrongType, detail);
            return None;
        }
        Text::read(value, path, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::TextForm;

    fn lists_its_values<F: TextForm + PartialSchema>() {
        let schema = serde_json::to_value(<F as PartialSchema>::schema()).unwrap();
        let detail = F::parse("nonsense").err().unwrap();
        for value in schema["enum"].as_array().unwrap() {
            assert!(detail.contains(value.as_str().unwrap()), "{value} is not in {detail:?}");
        }
    }

    #[test]
    fn what_is_none_of_a_list_is_told_the_list() {
        lists_its_values::<ApprovalName>();
        lists_its_values::<CurrencyCode>();
        lists_its_values::<EventTypeName>();
        lists_its_values::<LetterStatusName>();
        lists_its_values::<OutcomeName>();
        lists_its_values::<ReasonName>();
        lists_its_values::<StatusName>();
    }
}
