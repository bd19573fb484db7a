//! The bodies that create, change and replay a webhook endpoint.

use domain::{
    event::EventType,
    webhook_endpoint::{MAX_DESCRIPTION_CHARS, MAX_URL_CHARS, TargetUrl},
};
use serde_json::{Value, json};
use service::webhook_endpoint::EndpointToCreate;
use store::webhook_endpoint::{Change, Replay};

use super::bodies::EndpointStatusName;
use crate::{
    Api,
    http::{
        body::JsonBody,
        fields::FieldErrors,
        forms::{Number, Objects, text_form},
        problem::{FieldCode, Problem},
        table::body,
        text,
    },
    openapi::shapes::EventTypeName,
};

/// The most types of a list.
const MAX_TYPES: usize = 100;
/// The last position that a log can have.
const MAX_POSITION: u64 = i64::MAX.unsigned_abs();

text_form! {
    /// Where events are sent. The route checks the address, because the settings say which addresses are permitted.
    pub(crate) Address: String = |text| text::within(text, MAX_URL_CHARS),
    |text| text.max_length(Some(MAX_URL_CHARS)).pattern(Some("^https?://"))
}
text_form! {
    /// What people call an endpoint.
    pub(crate) Label: String = |text| text::within(text, MAX_DESCRIPTION_CHARS),
    |text| text.max_length(Some(MAX_DESCRIPTION_CHARS))
}

/// Types of events; all types where the list is empty.
pub(crate) type Types = Objects<EventTypeName, 0, MAX_TYPES>;

body! {
    /// A webhook endpoint to create.
    pub(crate) struct NewEndpoint as "NewWebhookEndpoint" with example new_endpoint {
        /// Where events are sent: `https`, on a public address.
        url: required Address,
        /// The types that are sent; all of them when the list is absent or empty.
        types: optional Types,
        /// What people call it.
        description: optional Label,
    }
}

body! {
    /// What is to change about a webhook endpoint; at least one field.
    pub(crate) struct EndpointChange as "WebhookEndpointChange" with example change {
        url: optional Address,
        /// An empty list stands for all types.
        types: optional Types,
        description: optional Label,
        status: optional EndpointStatusName,
    }
}

body! {
    /// A part of the log to send again.
    pub(crate) struct ReplayRequest as "WebhookReplay" with example replay {
        /// The first position that is sent.
        from_position: required Number<1, MAX_POSITION>,
        /// The last position that is sent; the end of the log without it.
        to_position: optional Number<1, MAX_POSITION>,
    }
}

pub(super) fn read_new(api: &Api, body: &JsonBody) -> Result<EndpointToCreate, Problem> {
    let mut errors = FieldErrors::default();
    let NewEndpoint { url, types, description } = NewEndpoint::read(&body.fields(), &mut errors);
    let url = url.and_then(|url| target(api, &url, &mut errors));
    let (types, description) = (types.map(sorted).unwrap_or_default(), description.unwrap_or_default());
    errors.finish(url.map(|url| EndpointToCreate { url, types, description }))
}

pub(super) fn read_change(api: &Api, body: &JsonBody) -> Result<Change, Problem> {
    let mut errors = FieldErrors::default();
    let EndpointChange { url, types, description, status } = EndpointChange::read(&body.fields(), &mut errors);
    let url = url.and_then(|url| target(api, &url, &mut errors)).map(|url| url.to_string());
    let change = Change { url, types: types.map(sorted), description, status };
    if change == Change::default() {
        errors.add("url".to_owned(), FieldCode::Required, "or another field is required: nothing would change");
    }
    errors.finish(Some(change))
}

pub(super) fn read_replay(body: &JsonBody) -> Result<Replay, Problem> {
    let mut errors = FieldErrors::default();
    let ReplayRequest { from_position: from, to_position: to } = ReplayRequest::read(&body.fields(), &mut errors);
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        errors.add("to_position".to_owned(), FieldCode::Invalid, "lies before from_position");
    }
    errors.finish(from.map(|from| Replay { from, to }))
}

/// An address that the settings permit.
fn target(api: &Api, url: &str, errors: &mut FieldErrors) -> Option<TargetUrl> {
    let checked = TargetUrl::parse(url, api.settings.webhooks);
    checked.map_err(|error| errors.add("url".to_owned(), FieldCode::Invalid, error)).ok()
}

fn sorted(types: Vec<Option<EventType>>) -> Vec<EventType> {
    let mut types: Vec<EventType> = types.into_iter().flatten().collect();
    types.sort_unstable();
    types.dedup();
    types
}

fn new_endpoint() -> Value {
    let types = ["checkout.paid", "checkout.expired"];
    json!({ "url": "https://shop.example/webhooks", "types": types, "description": "shop" })
}

fn change() -> Value {
    json!({ "status": "ENABLED" })
}

fn replay() -> Value {
    json!({ "from_position": 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::table::tests::assert_lengths;

    #[test]
    fn the_lengths_of_the_document_are_those_of_the_reader() {
        assert_lengths::<NewEndpoint>(2);
        assert_lengths::<EndpointChange>(2);
    }
}
