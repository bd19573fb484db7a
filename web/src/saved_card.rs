//! The pages on which a buyer registers a card that is charged again later.
//!
//! The buyer enters the card in the PSP's window, and its number never comes here. A token in the address of a page
//! proves that the browser is the buyer's; the caller checks the token.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use domain::{Currency, saved_card::SavedCardStatus};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use service::saved_card::Registered;
use store::{ConfirmToken, SavedCardRecord};

use crate::{
    buyer::{NOT_STORED, STYLE, Settings},
    language::Language,
    policy::Policy,
};

const REGISTER_SCRIPT: &str = include_str!("saved_card/register.js");
/// How the PSP's keys for tests begin.
const TEST_KEY_PREFIX: &str = "test_";
/// When a page whose registration is not known yet asks again, in seconds.
const ASK_AGAIN_S: &str = "3";

/// What a page is made of.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// What an operator has set.
    pub settings: &'a Settings,
    /// The card.
    pub record: &'a SavedCardRecord,
    /// The token that the address brought along.
    pub token: &'a ConfirmToken,
    /// The headers of the request, for its language.
    pub headers: &'a HeaderMap,
}

/// The path of a page, with its token: `/saved-cards/{id}/success?token=…`.
pub fn page_path(record: &SavedCardRecord, page: &str, token: &ConfirmToken) -> String {
    format!("/saved-cards/{}{page}?token={}", record.saved_card_id, token.as_str())
}

/// The page with the button that opens the PSP's window, or where the card stands. `is_open` says whether the card
/// takes a registration.
pub fn register(visit: Visit<'_>, is_open: bool) -> Response {
    let (language, words) = said(visit.headers);
    let Visit { settings, record, token, .. } = visit;
    if !is_open {
        let (title, text) = if record.status == SavedCardStatus::Active { words.active } else { words.closed };
        return answer(language, &Policy::own(), title, &state(visit, record.status.as_str(), title, text));
    }
    let key = settings.client_key(Currency::Krw);
    let address = |page: &str| format!("{}{}", settings.public_url, page_path(record, page, token));
    let body = html! {
        main data-status=(record.status.as_str())
            data-client-key=(key)
            data-script=(settings.psp_script_url)
            data-customer=(record.saved_card_id)
            data-success=(address("/success"))
            data-fail=(address("/fail"))
            data-opening=(words.opening)
            data-trouble=(words.trouble)
        {
            @if key.starts_with(TEST_KEY_PREFIX) { p.badge { (words.test_mode) } }
            section.state { h1 { (words.register.0) } p { (words.register.1) } }
            button.button #register type="button" { (words.open) }
            p.quiet #notice role="status" {}
            noscript { p { (words.needs_script) } }
            (way_back(visit, None))
        }
    };
    let policy = Policy::with_psp(&settings.psp_script_url);
    answer_with(language, &policy, words.register.0, &[REGISTER_SCRIPT], &body)
}

/// The page of a buyer who is back from the PSP's window; a card that is registered leads back to the shop.
pub fn returned(visit: Visit<'_>, registered: &Registered) -> Response {
    let (language, words) = said(visit.headers);
    match registered {
        Registered::Active => match &visit.record.return_url {
            Some(url) => {
                let to = with_result(url, visit.record, SavedCardStatus::Active);
                (NOT_STORED, Redirect::to(&to)).into_response()
            }
            None => {
                let (title, text) = words.active;
                let body = state(visit, SavedCardStatus::Active.as_str(), title, text);
                answer(language, &Policy::own(), title, &body)
            }
        },
        Registered::Closed => {
            let (title, text) = words.closed;
            answer(language, &Policy::own(), title, &state(visit, visit.record.status.as_str(), title, text))
        }
        Registered::Refused(failure) => failed(visit, failure.code.as_str()),
        Registered::NotKnownYet => {
            let (title, text) = words.waiting;
            let page = answer(language, &Policy::own(), title, &state(visit, "REGISTERING", title, text));
            ([(HeaderName::from_static("refresh"), HeaderValue::from_static(ASK_AGAIN_S))], page).into_response()
        }
    }
}

/// The page of a registration that came to nothing. `code` says why, in the PSP's terms.
pub fn failed(visit: Visit<'_>, code: &str) -> Response {
    let (language, words) = said(visit.headers);
    let body = html! {
        main data-status=(visit.record.status.as_str()) data-code=(code) {
            section.state { h1 { (words.failed.0) } p { (words.failed.1) } }
            a.button href=(page_path(visit.record, "", visit.token)) { (words.again) }
            (way_back(visit, Some(SavedCardStatus::Registering)))
        }
    };
    answer(language, &Policy::own(), words.failed.0, &body)
}

/// The page of a card that does not exist, or of an address that is not whole.
pub fn unknown(headers: &HeaderMap) -> Response {
    let (language, words) = said(headers);
    let body = html! {
        main data-status="NOT_FOUND" { section.state { h1 { (words.unknown.0) } p { (words.unknown.1) } } }
    };
    answer(language, &Policy::own(), words.unknown.0, &body)
}

fn state(visit: Visit<'_>, status: &str, title: &str, text: &str) -> Markup {
    html! {
        main data-status=(status) {
            section.state role="status" { h1 { (title) } p { (text) } }
            @if let Some(number) = &visit.record.face.number { p.quiet { (number) } }
            (way_back(visit, None))
        }
    }
}

/// The way back to the shop, which is told how the card stands.
fn way_back(visit: Visit<'_>, status: Option<SavedCardStatus>) -> Markup {
    let (_, words) = said(visit.headers);
    let record = visit.record;
    let address = record.return_url.as_deref().map(|url| with_result(url, record, status.unwrap_or(record.status)));
    html! { @if let Some(address) = address { p { a.quiet href=(address) { (words.back) } } } }
}

/// The marketplace's address with the card and its status added to the query.
fn with_result(url: &str, record: &SavedCardRecord, status: SavedCardStatus) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, String::new()), |(url, rest)| (url, format!("#{rest}")));
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}saved_card_id={}&status={}{fragment}", record.saved_card_id, status.as_str())
}

fn answer(language: Language, policy: &Policy, title: &str, body: &Markup) -> Response {
    answer_with(language, policy, title, &[], body)
}

fn answer_with(language: Language, policy: &Policy, title: &str, scripts: &[&str], body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="icon" href="data:,";
                style nonce=(policy.nonce()) { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                @for script in scripts { script nonce=(policy.nonce()) { (PreEscaped(script)) } }
            }
        }
    };
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_SECURITY_POLICY, policy.header()),
        // The address holds the token, and that of the return page the buyer's consent.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
        (header::VARY, HeaderValue::from_static("accept-language")),
    ];
    (headers, NOT_STORED, page).into_response()
}

fn said(headers: &HeaderMap) -> (Language, &'static Words) {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = Language::accepted(accepted.unwrap_or_default());
    let words = match language {
        Language::Korean => &KOREAN,
        Language::English => &ENGLISH,
    };
    (language, words)
}

/// Everything that these pages say: titles and sentences.
struct Words {
    test_mode: &'static str,
    register: (&'static str, &'static str),
    open: &'static str,
    opening: &'static str,
    trouble: &'static str,
    needs_script: &'static str,
    active: (&'static str, &'static str),
    waiting: (&'static str, &'static str),
    closed: (&'static str, &'static str),
    failed: (&'static str, &'static str),
    again: &'static str,
    unknown: (&'static str, &'static str),
    back: &'static str,
}

static KOREAN: Words = Words {
    test_mode: "테스트 환경입니다. 실제로 결제되지 않습니다.",
    register: (
        "카드 등록",
        "카드를 한 번 등록하면 다음 결제부터 카드 번호를 다시 입력하지 않습니다. 카드 정보는 토스페이먼츠에서 입력하며, 지금 \
         결제되는 금액은 없습니다.",
    ),
    open: "카드 등록하기",
    opening: "등록 창을 여는 중…",
    trouble: "등록 창을 열 수 없습니다. 잠시 후 다시 시도해 주세요.",
    needs_script: "카드를 등록하려면 브라우저에서 자바스크립트를 켜 주세요.",
    active: ("카드가 등록되었습니다", "이 카드로 결제할 수 있습니다."),
    waiting: ("카드를 등록하는 중입니다", "잠시만 기다려 주세요. 이 페이지는 스스로 다시 열립니다."),
    closed: ("카드를 등록할 수 없습니다", "등록 기간이 지났거나 이미 끝난 등록입니다. 상점에서 다시 시작해 주세요."),
    failed: ("카드가 등록되지 않았습니다", "결제된 금액은 없습니다. 다시 시도하거나 다른 카드를 등록해 주세요."),
    again: "다시 시도하기",
    unknown: ("페이지를 찾을 수 없습니다", "주소가 올바른지 확인해 주세요."),
    back: "상점으로 돌아가기",
};

static ENGLISH: Words = Words {
    test_mode: "This is a test. Nothing is really charged.",
    register: (
        "Register a card",
        "Register your card once, and you need not enter it again when you pay. You enter it at Toss Payments. Nothing \
         is charged now.",
    ),
    open: "Register a card",
    opening: "Opening the window…",
    trouble: "The window cannot be opened. Please try again in a moment.",
    needs_script: "Please switch JavaScript on to register a card.",
    active: ("Your card is registered", "You can pay with it now."),
    waiting: ("Your card is being registered", "Please wait a moment. This page reloads by itself."),
    closed: (
        "The card cannot be registered",
        "The time to register it is over, or it is done. Please start at the shop.",
    ),
    failed: ("Your card is not registered", "Nothing was charged. Try again, or register another card."),
    again: "Try again",
    unknown: ("There is no such page", "Please check the address."),
    back: "Back to the shop",
};
