//! Reading what the provider answers.

use serde::de::DeserializeOwned;

use super::error::ProviderError;

/// The most bytes of an answer of the provider.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// A code of somebody else's, for a log and for a page.
pub(super) fn plain(text: &str) -> String {
    const MAX_CHARS: usize = 100;
    text.chars().filter(|char| char.is_ascii_graphic() || *char == ' ').take(MAX_CHARS).collect()
}

pub(super) async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ProviderError::Unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(ProviderError::Unusable("it is too large"));
        }
    }
    Ok(body)
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8], what: &'static str) -> Result<T, ProviderError> {
    serde_json::from_slice(body).map_err(|_| ProviderError::Unusable(what))
}
