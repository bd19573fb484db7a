//! Sealing what goes to the Temporal server: it stores histories, and its UI shows them.
//!
//! Sealed are all payloads: inputs, results, details, and the summaries that a workflow gives to what it starts. Not
//! sealed are search attributes, by which the server searches, messages of failures, and the summary with which a
//! client starts a workflow; they therefore hold nothing personal and nothing descriptive.

use std::{collections::HashMap, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use prost::Message as _;
use store::{Keyring, Sealed};
use temporalio_common::{
    data_converters::{
        DataConverter, DefaultFailureConverter, PayloadCodec, PayloadConversionError, PayloadConverter,
        SerializationContextData,
    },
    protos::temporal::api::common::v1::Payload,
};

/// Under which name a payload says that it is sealed. Source: Temporal's samples, "encryption".
const ENCODING: (&str, &[u8]) = ("encoding", b"binary/encrypted");
/// The metadata key that names the encryption key.
const KEY_NAME: &str = "encryption-key-id";
/// The context for which a payload is encrypted.
const PLACE: &[u8] = b"temporal payload";

/// Values as JSON, sealed under the keyring if there is one.
pub(crate) fn data_converter(keys: Option<Arc<Keyring>>) -> DataConverter {
    match keys {
        Some(keys) => {
            DataConverter::new(PayloadConverter::default(), DefaultFailureConverter::default(), SealingCodec { keys })
        }
        None => DataConverter::default(),
    }
}

/// Seals payloads on their way out and opens them on their way in. What is not sealed comes in as it is, so that
/// sealing can be turned on while workflows run.
struct SealingCodec {
    keys: Arc<Keyring>,
}

impl PayloadCodec for SealingCodec {
    fn encode(
        &self,
        _context: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        let sealed = payloads.iter().map(|payload| seal(&self.keys, payload)).collect();
        async move { sealed }.boxed()
    }

    fn decode(
        &self,
        context: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        let open = |payload| match context {
            SerializationContextData::Workflow(_) => Ok(open_or_keep(&self.keys, payload)),
            SerializationContextData::None | SerializationContextData::Activity(_) => open(&self.keys, payload),
            _ => open(&self.keys, payload),
        };
        let opened = payloads.into_iter().map(open).collect();
        async move { opened }.boxed()
    }
}

fn seal(keys: &Keyring, payload: &Payload) -> Result<Payload, PayloadConversionError> {
    let sealed = keys.seal(&payload.encode_to_vec(), PLACE).map_err(encoding_error)?;
    let (encoding, encrypted) = ENCODING;
    let metadata =
        HashMap::from([(encoding.to_owned(), encrypted.to_vec()), (KEY_NAME.to_owned(), sealed.key_name.into_bytes())]);
    Ok(Payload { metadata, data: sealed.bytes, ..Payload::default() })
}

/// What comes to a workflow and cannot be opened stays sealed: the codec is not told what it is for. A signal is
/// ignored then (`workflows::heard`); whatever else cannot be read fails the workflow task.
fn open_or_keep(keys: &Keyring, payload: Payload) -> Payload {
    open(keys, payload.clone()).unwrap_or_else(|error| {
        tracing::debug!(error = &error as &dyn std::error::Error, "what came to a workflow cannot be opened");
        payload
    })
}

fn open(keys: &Keyring, payload: Payload) -> Result<Payload, PayloadConversionError> {
    let (encoding, encrypted) = ENCODING;
    if payload.metadata.get(encoding).is_none_or(|value| value != encrypted) {
        return Ok(payload);
    }
    let key_name = payload.metadata.get(KEY_NAME).map(|name| String::from_utf8_lossy(name).into_owned());
    let sealed = Sealed { key_name: key_name.unwrap_or_default(), bytes: payload.data };
    let opened = keys.open(&sealed, PLACE).map_err(encoding_error)?;
    Payload::decode(opened.as_slice()).map_err(encoding_error)
}

fn encoding_error(error: impl std::error::Error + Send + Sync + 'static) -> PayloadConversionError {
    PayloadConversionError::EncodingError(Box::new(error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn a_payload_is_sealed_and_opened() {
        let keys = Keyring::parse(&Keyring::generate("a").unwrap()).unwrap();
        let plain = Payload { data: b"\"buyer-1\"".to_vec(), ..Payload::default() };
        let sealed = seal(&keys, &plain).unwrap();
        assert!(!String::from_utf8_lossy(&sealed.data).contains("buyer-1"));
        assert_eq!(open(&keys, sealed.clone()).unwrap(), plain);
        assert_eq!(open(&keys, plain.clone()).unwrap(), plain, "what is not sealed comes in as it is");
        let others = Keyring::parse(&Keyring::generate("b").unwrap()).unwrap();
        assert!(open(&others, sealed.clone()).unwrap_err().to_string().len() > 10);
        assert_eq!(open_or_keep(&others, sealed.clone()), sealed, "it stays sealed for what can ignore it");
    }
}
