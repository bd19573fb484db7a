//! What is around every page: the head, the navigation, the person, the policy.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{Timestamp, payout::PaidBy, seller::PayoutStatus};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use store::{Scope, SellerRecord, console::SessionRecord};

use super::{
    address::encoded, break_words::BreakWords, finance_words::FinanceWords, key_words::KeyWords, place::Place,
    words::Words,
};
use crate::{buyer::NOT_STORED, language::Language, policy::Policy};

const STYLE: &str = include_str!("style.css");

/// Everything around a page.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The language of the page.
    pub language: Language,
    /// The session, where a person is signed in.
    pub session: Option<&'a SessionRecord>,
    /// What every form carries.
    pub form_token: &'a str,
    /// The place of the page in the navigation.
    pub here: Option<Place>,
    /// The address of the page, to come back to in the other language.
    pub address: &'a str,
    /// When the page is made.
    pub now: Timestamp,
    /// The way on which the next run pays.
    pub paid_by: PaidBy,
}

/// A page: its title and what stands below it.
#[derive(Debug)]
pub struct Page {
    pub(super) title: String,
    pub(super) body: Markup,
}

impl Page {
    pub(super) fn new(title: impl Into<String>, body: Markup) -> Self {
        Self { title: title.into(), body }
    }
}

impl Frame<'_> {
    /// What the page says.
    pub fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    /// Whether the person who looks has every scope.
    pub(super) fn is_admin(&self) -> bool {
        Scope::ALL.into_iter().all(|scope| self.may(scope))
    }

    /// Whether the roles of the person who looks include a scope.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.session.is_some_and(|session| session.roles.scopes().includes(scope))
    }

    /// Whether the next run may pay a seller.
    pub(super) fn seller_status(&self, record: &SellerRecord) -> PayoutStatus {
        record.payout_status_for(self.paid_by)
    }

    /// What the pages about sellers, payouts and reconciliation say besides.
    pub(super) fn finance(&self) -> &'static FinanceWords {
        FinanceWords::of(self.language)
    }

    /// What the pages about reconciliations and breaks say besides.
    pub(super) fn reconciling(&self) -> &'static BreakWords {
        BreakWords::of(self.language)
    }

    /// What the pages about requests for API keys say besides.
    pub(super) fn keys(&self) -> &'static KeyWords {
        KeyWords::of(self.language)
    }

    /// The answer that a page is.
    pub fn answer(&self, page: Page) -> Response {
        let policy = Policy::own();
        let Page { title, body } = page;
        let words = self.words();
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (title) " · daegeum" }
                    link rel="icon" href="data:,";
                    style nonce=(policy.nonce()) { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#content" { (words.skip) }
                    header.top {
                        div.bar {
                            a.brand href=(self.home()) { "daegeum" }
                            (self.person())
                            (self.other_language())
                        }
                        (self.navigation())
                    }
                    main #content tabindex="-1" { h1 { (title) } (self.tabs()) (body) }
                }
            }
        };
        let headers: [(HeaderName, HeaderValue); 4] = [
            (header::CONTENT_SECURITY_POLICY, policy.header()),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(self.language.tag())),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ];
        (headers, NOT_STORED, page).into_response()
    }

    /// Where the person begins.
    fn home(&self) -> &'static str {
        self.session.map_or(Place::Overview, |session| Place::home(session.roles)).path()
    }

    /// The person who is signed in, and the way out.
    fn person(&self) -> Markup {
        let words = self.words();
        html! {
            @if let Some(session) = self.session {
                span.who { (session.name) " · " (self.roles(session)) }
                form method="post" action="/console/sign-out" {
                    (self.form_token())
                    button.link { (words.sign_out) }
                }
            }
        }
    }

    /// The roles of a session.
    pub(super) fn roles(&self, session: &SessionRecord) -> String {
        session.roles.given().map(|role| self.words().role(role)).collect::<Vec<_>>().join(", ")
    }

    fn other_language(&self) -> Markup {
        let (tag, name) = match self.language {
            Language::Korean => ("en", "English"),
            Language::English => ("ko", "한국어"),
        };
        let to = encoded(self.address);
        html! { a.tongue lang=(tag) hreflang=(tag) href=(format!("/console/language/{tag}?to={to}")) { (name) } }
    }

    /// The places that the person may see.
    fn navigation(&self) -> Markup {
        let Some(session) = self.session else { return html! {} };
        html! {
            nav.main aria-label=(self.words().navigation) {
                ul {
                    @for place in Place::ALL {
                        @if place.admits(session.roles) {
                            li {
                                a href=(place.path()) aria-current=[(self.here == Some(place)).then_some("page")] {
                                    (self.words().place(place))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The lists of the place, where it has several.
    fn tabs(&self) -> Markup {
        let Some(session) = self.session else { return html! {} };
        let tabs = self.here.map_or(&[][..], Place::tabs);
        let path = self.address.split('?').next().unwrap_or_default();
        html! {
            @if !tabs.is_empty() {
                nav.tabs aria-label=(self.here.map_or("", |place| self.words().place(place))) {
                    @for tab in tabs.iter().filter(|tab| tab.admits(session.roles)) {
                        a href=(tab.path()) aria-current=[tab.holds(path).then_some("page")] {
                            (self.words().tab(*tab))
                        }
                    }
                }
            }
        }
    }

    /// The field without which no form is taken.
    pub(super) fn form_token(&self) -> Markup {
        html! { input type="hidden" name="form_token" value=(self.form_token); }
    }
}
