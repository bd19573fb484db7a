//! Asking for an API key, deciding on the request of another administrator, and the secret, which is shown once.

use maud::{Markup, html};
use store::{ApiKey, KeyForm, KeyRequestRecord, KeyStanding, Scope};

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page,
    key_times::{Lifetime, Overlap},
    parts::{Choice, Field, Tone, badge, seller_link, table, time},
    sheet::{Sheet, Wrong, reason_field},
};

/// The most characters of the name of a key.
pub const MAX_KEY_NAME_CHARS: usize = 60;
/// The scopes that a form offers.
pub const OFFERED_SCOPES: [Scope; 3] = [Scope::Read, Scope::Checkout, Scope::Refund];
const BACK: &str = "/console/api-keys";

/// The page that asks for a new key, with what was typed.
#[derive(Debug, Clone, Copy)]
pub struct NewKeyForm<'a> {
    /// Names the request: however often the form is sent, it is one.
    pub request: &'a str,
    pub name: &'a str,
    pub scopes: &'a [Scope],
    pub seller: &'a str,
    pub refund_limit: &'a str,
    pub lifetime: Option<Lifetime>,
    pub reason: &'a str,
    pub wrong: Option<Wrong>,
}

/// The page that asks for a key in the place of another one.
#[derive(Debug, Clone, Copy)]
pub struct RotateForm<'a> {
    pub key: &'a ApiKey,
    /// Names the request: however often the form is sent, it is one.
    pub request: &'a str,
    pub overlap: Option<Overlap>,
    pub reason: &'a str,
    pub wrong: Option<Wrong>,
}

/// What an administrator says of the request of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStep {
    Approve,
    Reject,
}

/// The page that decides on a request.
#[derive(Debug, Clone, Copy)]
pub struct DecideKeyForm<'a> {
    pub record: &'a KeyRequestRecord,
    pub step: KeyStep,
    pub wrong: Option<Wrong>,
}

/// The page of a request.
#[derive(Debug, Clone, Copy)]
pub struct KeyRequestPage<'a> {
    pub record: &'a KeyRequestRecord,
    /// Whether the person who looks is the one who asked.
    pub is_own: bool,
    /// The secret follows from it once the person asks for the key.
    pub seed: &'a str,
}

/// The address of a request.
pub fn key_request_address(record: &KeyRequestRecord) -> String {
    format!("/console/api-key-requests/{}", record.asked.request_id)
}

impl NewKeyForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let keys = frame.keys();
        let field = |name, label, value| Field { name, label, value, kind: "text" }.show();
        let lifetime = Choice {
            name: "lifetime",
            label: keys.lifetime,
            any: keys.choose,
            chosen: self.lifetime,
            is_required: true,
        };
        Sheet {
            title: keys.ask,
            hint: keys.ask_hint,
            action: &format!("/console/api-key-requests/{}", self.request),
            back: BACK,
            hidden: &[],
            facts: html! {},
            fields: html! {
                (field("name", keys.purpose, self.name))
                fieldset {
                    legend { (frame.words().scopes) }
                    @for scope in OFFERED_SCOPES {
                        label.choice {
                            input type="checkbox" name=(scope_field(scope)) value="yes"
                                checked[self.scopes.contains(&scope)];
                            (scope_words(frame, scope))
                        }
                    }
                }
                (field("seller", keys.seller, self.seller))
                (field("refund_limit", keys.refund_limit, self.refund_limit))
                (lifetime.show(&Lifetime::ALL, Lifetime::as_str, |lifetime| keys.lifetime_of(lifetime)))
                (reason_field(frame, self.reason, MAX_ACT_REASON_CHARS))
            },
            wrong: self.wrong,
            button: keys.do_ask,
        }
        .page(frame)
    }
}

/// The field of a scope.
pub const fn scope_field(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "scope_read",
        Scope::Checkout => "scope_checkout",
        Scope::Refund => "scope_refund",
        Scope::Ops => "scope_ops",
        Scope::Finance => "scope_finance",
    }
}

fn scope_words(frame: &Frame<'_>, scope: Scope) -> &'static str {
    let keys = frame.keys();
    match scope {
        Scope::Read => keys.scope_read,
        Scope::Checkout => keys.scope_checkout,
        Scope::Refund => keys.scope_refund,
        Scope::Ops | Scope::Finance => scope.as_str(),
    }
}

impl RotateForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, keys, key) = (frame.words(), frame.keys(), self.key);
        let overlap =
            Choice { name: "overlap", label: keys.overlap, any: keys.choose, chosen: self.overlap, is_required: true };
        Sheet {
            title: keys.rotate,
            hint: keys.rotate_hint,
            action: &format!("/console/api-keys/{}/rotate", key.grant.id),
            back: BACK,
            hidden: &[("request", self.request)],
            facts: html! {
                dt { "ID" } dd.code { (key.grant.id) }
                dt { (words.name) } dd { (key.name) }
                dt { (words.scopes) } dd.code { (key.grant.scopes.to_text()) }
                @if let Some(at) = key.expires_at { dt { (words.expires) } dd { (time(at)) } }
            },
            fields: html! {
                (overlap.show(&Overlap::ALL, Overlap::as_str, |overlap| keys.overlap_of(overlap)))
                (reason_field(frame, self.reason, MAX_ACT_REASON_CHARS))
            },
            wrong: self.wrong,
            button: keys.do_ask,
        }
        .page(frame)
    }
}

impl DecideKeyForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (keys, back) = (frame.keys(), key_request_address(self.record));
        let (title, hint, button, step) = match self.step {
            KeyStep::Approve => (keys.approve, keys.approve_hint, keys.do_approve, "approve"),
            KeyStep::Reject => (keys.reject, keys.reject_hint, keys.do_reject, "reject"),
        };
        Sheet {
            title,
            hint,
            action: &format!("{back}/{step}"),
            back: &back,
            hidden: &[],
            facts: facts(frame, self.record),
            fields: reason_field(frame, "", MAX_ACT_REASON_CHARS),
            wrong: self.wrong,
            button,
        }
        .page(frame)
    }
}

impl KeyRequestPage<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (keys, address) = (frame.keys(), key_request_address(self.record));
        let standing = self.record.standing(frame.now);
        Page::new(
            keys.request,
            html! {
                section.card {
                    dl.facts { (facts(frame, self.record)) }
                    @match (standing, self.is_own) {
                        (KeyStanding::Waiting, is_own) => {
                            @if is_own { p.notice.waiting role="status" { (keys.own_waits) } }
                            div.acts {
                                @if !is_own { a.button #approve href=(format!("{address}/approve")) { (keys.approve) } }
                                a.button.second #reject href=(format!("{address}/reject")) { (keys.reject) }
                            }
                        }
                        (KeyStanding::Approved, true) => {
                            p.notice.waiting role="status" { (keys.own_approved) }
                            form.acts method="post" action=(format!("{address}/secret")) {
                                (frame.form_token())
                                input type="hidden" name="seed" value=(self.seed);
                                button.button.heavy #show { (keys.show) }
                            }
                        }
                        (KeyStanding::Approved, false) => p.quiet { (keys.of_another) },
                        (KeyStanding::Rejected | KeyStanding::Expired | KeyStanding::Shown, _) => {}
                    }
                }
                a.button.second #back href=(BACK) { (frame.words().back) }
            },
        )
    }
}

/// The page on which the key stands, once.
pub fn key_shown(frame: &Frame<'_>, id: &str, key: &str) -> Page {
    let keys = frame.keys();
    Page::new(
        keys.secret_title,
        html! {
            section.card {
                p.notice.waiting role="status" data-outcome="key-shown" { (keys.secret_hint) }
                dl.facts { dt { "ID" } dd.code { (id) } }
                p { code #secret { (key) } }
            }
            a.button.second #back href=(BACK) { (frame.words().back) }
        },
    )
}

/// The requests, with the newest first.
pub(super) fn requests(frame: &Frame<'_>, records: &[KeyRequestRecord]) -> Markup {
    let (words, keys) = (frame.words(), frame.keys());
    let list = html! {
        thead {
            tr {
                th { (words.name) } th { (words.scopes) } th { (words.status) } th { (keys.requested_by) }
                th { (words.created) } th { (keys.decided_by) }
            }
        }
        tbody {
            @for record in records {
                tr {
                    td { a href=(key_request_address(record)) { (record.asked.name) } }
                    td.code { (record.asked.scopes.to_text()) }
                    td { (standing(frame, record)) }
                    td { (record.asked.requested_by) }
                    td { (time(record.asked.requested_at)) }
                    td { @if let Some(by) = &record.decided_by { (by) } }
                }
            }
        }
    };
    html! {
        section.card {
            h2 { (keys.requests) }
            @if records.is_empty() { (frame.nothing()) } @else { (table(keys.requests, &list)) }
            div.acts { a.button #ask href="/console/api-key-requests/new" { (keys.ask) } }
        }
    }
}

fn standing(frame: &Frame<'_>, record: &KeyRequestRecord) -> Markup {
    let standing = record.standing(frame.now);
    let tone = match standing {
        KeyStanding::Waiting | KeyStanding::Approved => Tone::Waiting,
        KeyStanding::Shown => Tone::Good,
        KeyStanding::Rejected | KeyStanding::Expired => Tone::Plain,
    };
    badge(tone, frame.keys().standing(standing), standing.as_str())
}

fn facts(frame: &Frame<'_>, record: &KeyRequestRecord) -> Markup {
    let (words, keys, asked) = (frame.words(), frame.keys(), &record.asked);
    html! {
        dt { (words.status) } dd #status { (standing(frame, record)) }
        dt { (words.name) } dd { (asked.name) }
        dt { (words.scopes) } dd.code { (asked.scopes.to_text()) }
        @if let Some(seller) = &asked.seller { dt { (words.seller) } dd { (seller_link(seller.as_str())) } }
        @if let Some(limit) = asked.refund_limit { dt { (keys.refund_limit) } dd { (frame.money(limit)) } }
        @match &asked.form {
            KeyForm::New { lifetime_ms } => {
                dt { (keys.lifetime) } dd { (lifetime_ms.map_or(keys.no_end.to_owned(), |ms| words.age(ms))) }
            }
            KeyForm::Replacement { of, overlap_ms } => {
                dt { (keys.replaces) } dd.code { (of) }
                dt { (keys.overlap) } dd { (words.age(*overlap_ms)) }
            }
        }
        dt { (words.reason) } dd { (asked.reason) }
        dt { (keys.requested_by) } dd { (asked.requested_by) " · " (time(asked.requested_at)) }
        @if let (Some(by), Some(at)) = (&record.decided_by, record.decided_at) {
            dt { (keys.decided_by) } dd { (by) " · " (time(at)) }
        }
        dt { "ID" } dd.code { (asked.key_id) }
        @if let Some(at) = record.shown_at { dt { (keys.shown) } dd { (time(at)) } }
    }
}
