//! Signing in and out, and what stands in the place of a page.

use maud::html;

use super::{Frame, Page};

/// The settings that a sign-in needs.
const SETTINGS: [&str; 3] = ["DAEGEUM_CONSOLE_ISSUER", "DAEGEUM_CONSOLE_CLIENT_ID", "DAEGEUM_CONSOLE_CLIENT_SECRET"];

/// Why a page is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The roles of the person do not include it.
    Forbidden,
    /// There is nothing at the address.
    NotFound,
    /// The same may succeed in a moment.
    Passes,
    /// It stays refused.
    Stays,
}

/// The page that leads to the identity provider, or, in development, to the terminal.
pub fn sign_in(frame: &Frame<'_>, has_provider: bool, has_link: bool) -> Page {
    let words = frame.words();
    Page::new(
        words.sign_in,
        html! {
            div.card.narrow.stack {
                @if has_provider {
                    p { (words.sign_in_hint) }
                    a.button #provider href="/console/sign-in/provider" { (words.sign_in_button) }
                }
                @if has_link { p { (words.link_hint) } }
            }
        },
    )
}

/// The session has ended.
pub fn signed_out(frame: &Frame<'_>) -> Page {
    let words = frame.words();
    Page::new(
        words.signed_out,
        html! {
            div.card.narrow.stack {
                p { (words.signed_out_hint) }
                a.button.second href="/console/sign-in" { (words.sign_in) }
            }
        },
    )
}

/// Nobody can sign in. `callback` is the address to register at the provider.
pub fn not_set_up(frame: &Frame<'_>, callback: &str) -> Page {
    let words = frame.words();
    let told = [words.setting_issuer, words.setting_client_id, words.setting_client_secret];
    Page::new(
        words.not_set_up,
        html! {
            div.card {
                p { (words.not_set_up_hint) }
                dl.facts {
                    @for (setting, told) in SETTINGS.iter().zip(told) { dt.code { (setting) } dd { (told) } }
                    dt { (words.setting_callback) } dd.code { (callback) }
                }
            }
        },
    )
}

/// The provider vouches for a person who has no role of ours.
pub fn no_role(frame: &Frame<'_>) -> Page {
    let words = frame.words();
    Page::new(
        words.no_role,
        html! {
            div.card.narrow.stack {
                p { (words.no_role_hint) }
                a.button.second href="/console/sign-in" { (words.back) }
            }
        },
    )
}

/// What stands in the place of a page. `code` is that of the API, and `said` explains it in the language of the page.
pub fn refused(frame: &Frame<'_>, refusal: Refusal, code: &str, said: &str) -> Page {
    let words = frame.words();
    let title = match refusal {
        Refusal::Forbidden => words.forbidden,
        Refusal::NotFound => words.not_found,
        Refusal::Passes => words.try_again,
        Refusal::Stays => words.refused,
    };
    Page::new(
        title,
        html! {
            div.card.stack {
                p #said { (said) }
                p.quiet.code { (code) }
                a.button.second href="/console" { (words.to_overview) }
            }
        },
    )
}
