//! How a browser leaves a window: to an address of the shop, or by a message to the shop's page around the frame.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::codes::{Code, Language};
use crate::pages;
use crate::till::WayBack;

/// What a page may do: run no script but the simulator's own last one, load nothing from outside, and be
/// framed by the page that opened it only. `form-action` stays open: a browser applies it to redirects
/// too, and the way back leads to the shop.
fn policy(opener: Option<&str>) -> String {
    let ancestors = opener.unwrap_or("'none'");
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )
}

pub(crate) fn show(status: StatusCode, page: Markup) -> Response {
    show_to(None, status, page)
}

pub(crate) fn show_to(opener: Option<&str>, status: StatusCode, page: Markup) -> Response {
    let headers = [(CONTENT_SECURITY_POLICY, policy(opener)), (CACHE_CONTROL, "no-store".to_owned())];
    (status, headers, page).into_response()
}

pub(crate) fn refuse(code: Code) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    show(status, pages::refusal(code))
}

/// Any http address may be returned to, as with Toss; `javascript:` and `data:` may not.
pub(crate) fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn with_query(address: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let mut url = web_address(address)?;
    url.query_pairs_mut().extend_pairs(pairs);
    Some(url.into())
}

/// How a window ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// The buyer agreed.
    Done,
    Refused(Code),
    Closed,
}

/// What a window that is done tells the shop, as pairs of its address and as the value of a promise.
pub(crate) struct Success<'a> {
    pub(crate) pairs: &'a [(&'a str, &'a str)],
    pub(crate) value: Value,
}

impl WayBack {
    /// The way out of a window. Toss names the order of a refusal, and none when the buyer closed the window.
    ///
    /// # Errors
    /// The address of the shop is none.
    pub(crate) fn exit(&self, ended: Ended, success: &Success<'_>, order_id: Option<&str>) -> Result<Exit, Code> {
        match self {
            Self::Redirect { success: address, fail } => {
                let address = match ended {
                    Ended::Done => with_query(address, success.pairs),
                    Ended::Refused(code) => refused_address(fail, code, order_id),
                    Ended::Closed => refused_address(fail, Code::PayProcessCanceled, None),
                };
                address.map(Exit::Redirect).ok_or(Code::InvalidRequest)
            }
            Self::Message { opener } => {
                let message = match ended {
                    Ended::Done => json!({ "from": "toss-sim", "success": success.value }),
                    Ended::Refused(code) => failure(code.name(), code.message(Language::Korean)),
                    // A closed window has a name of its own for the script.
                    Ended::Closed => failure("USER_CANCEL", "취소되었습니다."),
                };
                Ok(Exit::Message { opener: opener.clone(), message })
            }
        }
    }
}

fn failure(code: &str, message: &str) -> Value {
    json!({ "from": "toss-sim", "failure": { "code": code, "message": message } })
}

fn refused_address(fail: &str, code: Code, order_id: Option<&str>) -> Option<String> {
    let mut pairs = vec![("code", code.name()), ("message", code.message(Language::Korean))];
    pairs.extend(order_id.map(|order_id| ("orderId", order_id)));
    with_query(fail, &pairs)
}

/// The address for the browser, or the message for the page around the frame.
pub(crate) enum Exit {
    Redirect(String),
    Message { opener: String, message: Value },
}

pub(crate) fn end(exit: Result<Exit, Code>) -> Response {
    match exit {
        Ok(Exit::Redirect(address)) => Redirect::to(&address).into_response(),
        Ok(Exit::Message { opener, message }) => {
            show_to(Some(&opener), StatusCode::OK, pages::finish(&opener, &message))
        }
        Err(code) => refuse(code),
    }
}

/// Where the script says that the browser goes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReturnFields {
    success_url: String,
    fail_url: String,
    /// The origin of the page that frames the window, when one does.
    opener: String,
}

impl ReturnFields {
    /// The way back of a window that opens.
    ///
    /// # Errors
    /// Toss's code for the address that is none.
    pub(crate) fn read(&self) -> Result<WayBack, Code> {
        if !self.opener.is_empty() {
            let opener = web_address(&self.opener).ok_or(Code::InvalidRequest)?.origin().ascii_serialization();
            return Ok(WayBack::Message { opener });
        }
        web_address(&self.success_url).ok_or(Code::IncorrectSuccessUrlFormat)?;
        web_address(&self.fail_url).ok_or(Code::IncorrectFailUrlFormat)?;
        Ok(WayBack::Redirect { success: self.success_url.clone(), fail: self.fail_url.clone() })
    }

    /// The answer to a request that opens no window: the buyer goes back to the shop with the code. A shop that Toss
    /// does not know, and one that cannot be reached, leaves the buyer on a page of the simulator.
    pub(crate) fn turned_away(&self, code: Code, order_id: &str) -> Response {
        let order_id = Some(order_id).filter(|order_id| !order_id.is_empty());
        let nothing = Success { pairs: &[], value: Value::Null };
        let way_back = match self.read() {
            Ok(way_back) => Some(way_back),
            // The address for failures may be one although that for successes is none.
            Err(_) if self.opener.is_empty() => {
                Some(WayBack::Redirect { success: self.fail_url.clone(), fail: self.fail_url.clone() })
            }
            Err(_) => None,
        };
        let exit = way_back.filter(|_| code != Code::InvalidClientKey).ok_or(code);
        let exit = exit.and_then(|back| back.exit(Ended::Refused(code), &nothing, order_id).map_err(|_| code));
        end(exit)
    }
}
