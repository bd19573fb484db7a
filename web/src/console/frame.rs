//! What is around every page: the head, the navigation, the person, the policy.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use store::console::SessionRecord;

use super::{
    address::encoded,
    place::Place,
    words::{Words, of as words_of},
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
        words_of(self.language)
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
                            a.brand href="/console" { "daegeum" }
                            (self.person())
                            (self.other_language())
                        }
                        (self.navigation())
                    }
                    main #content tabindex="-1" { h1 { (title) } (body) }
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

    /// The person who is signed in, and the way out.
    fn person(&self) -> Markup {
        let words = self.words();
        html! {
            @if let Some(session) = self.session {
                span.who {
                    (session.name) " · "
                    @for (number, role) in session.roles.given().enumerate() {
                        @if number > 0 { ", " }
                        (words.role(role))
                    }
                }
                form method="post" action="/console/sign-out" {
                    (self.form_token())
                    button.link { (words.sign_out) }
                }
            }
        }
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
        let scopes = session.roles.scopes();
        html! {
            nav.main aria-label=(self.words().navigation) {
                ul {
                    @for place in Place::ALL {
                        @if scopes.includes(place.needs()) {
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

    /// The field without which no form is taken.
    pub(super) fn form_token(&self) -> Markup {
        html! { input type="hidden" name="form_token" value=(self.form_token); }
    }
}
