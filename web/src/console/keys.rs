//! API keys, without their secrets.

use maud::{Markup, html};
use store::{ApiKey, KeyRequestRecord, Scopes};

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page,
    key_requests::requests,
    parts::{Tone, badge, table, time},
    sheet::{Sheet, Wrong, reason_field},
};

/// Every key and, for administrators, what was asked for.
pub fn api_keys(frame: &Frame<'_>, keys: &[ApiKey], asked: &[KeyRequestRecord]) -> Page {
    let words = frame.words();
    Page::new(
        words.api_keys,
        html! {
            p.quiet { (words.keys_hint) }
            section.card { @if keys.is_empty() { (frame.nothing()) } @else { (list(frame, keys)) } }
            @if frame.is_admin() { (requests(frame, asked)) }
        },
    )
}

fn address(key: &ApiKey, act: &str) -> String {
    format!("/console/api-keys/{}/{act}", key.grant.id)
}

fn list(frame: &Frame<'_>, keys: &[ApiKey]) -> Markup {
    let words = frame.words();
    let may_act = frame.is_admin();
    table(
        words.api_keys,
        &html! {
            thead {
                tr {
                    th { "ID" } th { (words.name) } th { (words.scopes) } th { (words.seller) } th { (words.status) }
                    th { (words.created) } th { (words.last_used) } th { (words.expires) }
                    @if may_act { th { (words.acts) } }
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
                        @if may_act {
                            td {
                                @if !key.has_ended(frame.now) {
                                    a href=(address(key, "revoke")) { (words.revoke) }
                                    @if key.grant.scopes.lies_within(Scopes::OF_CONSOLE) {
                                        " · " a href=(address(key, "rotate")) { (frame.keys().rotate) }
                                    }
                                }
                            }
                        }
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

/// The page that revokes a key.
#[derive(Debug, Clone, Copy)]
pub struct RevokeForm<'a> {
    pub key: &'a ApiKey,
    pub wrong: Option<Wrong>,
}

impl RevokeForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, key) = (frame.words(), self.key);
        Sheet {
            title: words.revoke,
            hint: words.revoke_hint,
            action: &address(key, "revoke"),
            back: "/console/api-keys",
            hidden: &[],
            facts: html! {
                dt { "ID" } dd.code { (key.grant.id) }
                dt { (words.name) } dd { (key.name) }
                dt { (words.scopes) } dd.code { (key.grant.scopes.to_text()) }
                dt { (words.status) } dd { (standing(frame, key)) }
                @if let Some(at) = key.last_used_at { dt { (words.last_used) } dd { (time(at)) } }
            },
            fields: reason_field(frame, "", MAX_ACT_REASON_CHARS),
            wrong: self.wrong,
            button: words.do_revoke,
        }
        .page(frame)
    }
}
