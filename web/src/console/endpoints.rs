//! Webhook endpoints and the attempts to deliver to them.

use domain::webhook_endpoint::{DeliveryStatus, EndpointStatus};
use maud::{Markup, html};
use store::{
    Page as Records,
    webhook_endpoint::{DeliveryRecord, EndpointRecord, WebhookHealth},
};

use super::{
    Frame, Page,
    parts::{Tone, badge, number, table, time},
};

/// Every endpoint, with how far behind it is.
pub fn endpoints(frame: &Frame<'_>, found: &[EndpointRecord], health: &[WebhookHealth]) -> Page {
    let words = frame.words();
    let of = |endpoint: &EndpointRecord| health.iter().find(|health| health.endpoint_id == endpoint.endpoint_id);
    let list = html! {
        thead {
            tr {
                th { (words.endpoints) } th { (words.status) } th { (words.url) } th.number { (words.lag) }
                th.number { (words.waiting_events) } th { (words.failing_since) }
            }
        }
        tbody {
            @for endpoint in found {
                tr {
                    td { a.code href=(address(endpoint)) { (endpoint.endpoint_id) } }
                    td { (status(frame, endpoint)) }
                    td { (endpoint.url) @if !endpoint.description.is_empty() { p.quiet { (endpoint.description) } } }
                    td.number { @if let Some(health) = of(endpoint) { (number(health.lag)) } }
                    td.number { @if let Some(health) = of(endpoint) { (number(health.waiting)) } }
                    td { @if let Some(since) = endpoint.failing_since { (time(since)) } }
                }
            }
        }
    };
    let body = html! { section.card {
        @if found.is_empty() { (frame.nothing()) } @else { (table(words.endpoints, &list)) }
    } };
    Page::new(words.endpoints, body)
}

fn address(endpoint: &EndpointRecord) -> String {
    format!("/console/webhook-endpoints/{}", endpoint.endpoint_id)
}

fn status(frame: &Frame<'_>, endpoint: &EndpointRecord) -> Markup {
    let words = frame.words();
    html! {
        @match endpoint.status {
            EndpointStatus::Enabled => { (badge(Tone::Good, words.enabled, endpoint.status.as_str())) }
            EndpointStatus::Disabled => {
                (badge(Tone::Bad, words.disabled, endpoint.status.as_str()))
                @if let Some(reason) = endpoint.disabled_reason { " " span.quiet { (reason.as_str()) } }
            }
        }
    }
}

/// One endpoint with its attempts, the newest first. `next` is the address of older ones.
pub fn endpoint(
    frame: &Frame<'_>,
    endpoint: &EndpointRecord,
    attempts: &Records<DeliveryRecord>,
    next: Option<&str>,
) -> Page {
    let words = frame.words();
    Page::new(
        format!("{} {}", words.endpoints, endpoint.endpoint_id),
        html! {
            section.card {
                dl.facts {
                    dt { (words.status) } dd { (status(frame, endpoint)) }
                    dt { (words.url) } dd { (endpoint.url) }
                    dt { (words.position) } dd { (number(endpoint.position)) }
                    dt { (words.created) } dd { (time(endpoint.created_at)) }
                    @if let Some(since) = endpoint.failing_since { dt { (words.failing_since) } dd { (time(since)) } }
                }
            }
            section.card {
                h2 { (words.deliveries) }
                @if attempts.items.is_empty() { (frame.nothing()) } @else { (list(frame, endpoint, &attempts.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn list(frame: &Frame<'_>, endpoint: &EndpointRecord, attempts: &[DeliveryRecord]) -> Markup {
    let words = frame.words();
    table(
        words.deliveries,
        &html! {
            thead {
                tr {
                    th { (words.when) } th { (words.type_word) } th { (words.object) } th.number { (words.attempt) }
                    th { (words.answered) } th.number { (words.took) } th { (words.outcome) } th { (words.acts) }
                }
            }
            tbody {
                @for DeliveryRecord { number: id, attempt, .. } in attempts {
                    tr {
                        td { (time(attempt.attempted_at)) }
                        td.code { (attempt.event_type) }
                        td.code { (attempt.object) }
                        td.number { (attempt.number) }
                        td { @if let Some(status) = attempt.http_status { (status) } }
                        td.number { (number(u64::from(attempt.latency_ms))) " ms" }
                        td { (delivered(attempt.status)) " " span.quiet { (attempt.outcome.as_str()) } }
                        td {
                            @if endpoint.status == EndpointStatus::Enabled {
                                @let act = format!("{}/deliveries/{id}/redeliver", address(endpoint));
                                a href=(act) { (words.redeliver) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Where an event stands after an attempt.
pub(super) fn delivered(status: DeliveryStatus) -> Markup {
    let tone = match status {
        DeliveryStatus::Delivered => Tone::Good,
        DeliveryStatus::Failed => Tone::Waiting,
        DeliveryStatus::Undelivered => Tone::Bad,
    };
    badge(tone, status.as_str(), status.as_str())
}
