//! The cookies of the console.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

use crate::Api;

/// The cookie that remembers the language.
pub(super) const LANGUAGE_COOKIE: &str = "daegeum_language";

/// The cookie of the session. With its prefix, a browser takes it over HTTPS alone, and from no other host.
pub(super) fn session_cookie(api: &Api) -> &'static str {
    if api.console.is_https { "__Host-daegeum_console" } else { "daegeum_console" }
}

/// The cookie of an attempt to sign in.
pub(super) fn attempt_cookie(api: &Api) -> &'static str {
    if api.console.is_https { "__Host-daegeum_sign_in" } else { "daegeum_sign_in" }
}

/// A cookie that scripts do not see, and that no other site's form sends along.
pub(super) fn set_cookie(api: &Api, name: &str, value: &str, max_age_s: u64) -> Option<HeaderValue> {
    let secure = if api.console.is_https { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}");
    HeaderValue::try_from(cookie).ok()
}

pub(super) fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|cookies| cookies.split(';')).find_map(|cookie| {
        let (known, value) = cookie.trim().split_once('=')?;
        (known == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = HeaderMap::from_iter([(header::COOKIE, "a=1; daegeum_language=en; b=2".parse().unwrap())]);
        assert_eq!(cookie(&headers, LANGUAGE_COOKIE), Some("en"));
        assert_eq!(cookie(&headers, "language"), None);
    }
}
