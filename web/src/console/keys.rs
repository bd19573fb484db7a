//! API keys, without their secrets.

use maud::{Markup, html};
use store::ApiKey;

use super::{
    Frame, Page,
    parts::{Tone, badge, table, time},
};

/// Every key.
pub fn api_keys(frame: &Frame<'_>, keys: &[ApiKey]) -> Page {
    let words = frame.words();
    Page::new(
        words.api_keys,
        html! {
            p.quiet { (words.keys_hint) }
            section.card { @if keys.is_empty() { (frame.nothing()) } @else { (list(frame, keys)) } }
        },
    )
}

fn list(frame: &Frame<'_>, keys: &[ApiKey]) -> Markup {
    let words = frame.words();
    table(
        words.api_keys,
        &html! {
            thead {
                tr {
                    th { "ID" } th { (words.name) } th { (words.scopes) } th { (words.seller) } th { (words.status) }
                    th { (words.created) } th { (words.last_used) } th { (words.expires) }
                }
            }
            tbody {
                @for key in keys {
                    tr {
                        td.code { (key.grant.id) }
                        td { (key.name) }
                        td.code { (key.grant.scopes.to_text()) }
                        td { @if let Some(seller) = &key.grant.seller { (seller) } }
                        td { (standing(frame, key)) }
                        td { (time(key.created_at)) }
                        td { @if let Some(at) = key.last_used_at { (time(at)) } }
                        td { @if let Some(at) = key.expires_at { (time(at)) } }
                    }
                }
            }
        },
    )
}

fn standing(frame: &Frame<'_>, key: &ApiKey) -> Markup {
    let words = frame.words();
    if key.revoked_at.is_some() {
        return badge(Tone::Plain, words.revoked, "REVOKED");
    }
    if key.has_ended(frame.now) {
        return badge(Tone::Plain, words.expired, "EXPIRED");
    }
    badge(Tone::Good, words.good, "GOOD")
}
