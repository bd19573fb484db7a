//! A client of Temporal, configured as all of Temporal's own tools are: `TEMPORAL_ADDRESS` and friends.

use std::{sync::Arc, time::Duration};

use store::Keyring;
use temporalio_client::{Client, ClientOptions, ConnectionOptions, ErasedClientPlugin, Url};
use temporalio_common::envconfig::{ConfigError, LoadClientConfigProfileOptions, load_client_config_profile};

use crate::{TemporalError, codec::data_converter, workers::identity};

/// The namespace that a dev server has.
pub const DEV_NAMESPACE: &str = "default";
/// How long one connection attempt may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// The address of the Temporal server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As `TEMPORAL_ADDRESS` and the other variables of Temporal's tools say.
    Environment,
    /// Under a `dev` that runs in the data directory.
    Dev {
        /// Host and port.
        address: String,
        namespace: String,
    },
}

/// What a client is made of.
#[derive(Default)]
pub struct ClientParts {
    /// The keys that seal its payloads, if it seals.
    pub keys: Option<Arc<Keyring>>,
    /// The key of Temporal Cloud, where the environment does not hold it.
    pub api_key: Option<String>,
    /// Plugins of the client and of its workers, such as those for traces.
    pub plugins: Vec<ErasedClientPlugin>,
}

impl ClientParts {
    fn options(self, namespace: String) -> ClientOptions {
        ClientOptions::new(namespace).plugins(self.plugins).data_converter(data_converter(self.keys)).build()
    }
}

/// Connects to the Temporal that the environment names, or that runs under a `dev` beside this command.
pub async fn connect(place: &Place, parts: ClientParts) -> Result<Client, TemporalError> {
    let (mut connection, namespace) = match place {
        Place::Environment => {
            // The SDK's error is not `Send`: its text is the cause.
            let malformed = |error: ConfigError| TemporalError::Settings(error.to_string().into());
            let options = LoadClientConfigProfileOptions::builder().build();
            let mut profile = load_client_config_profile(options, None).map_err(malformed)?;
            profile.api_key = profile.api_key.or_else(|| parts.api_key.clone());
            let namespace = profile.namespace.clone().unwrap_or_else(|| DEV_NAMESPACE.to_owned());
            (ConnectionOptions::try_from(profile).map_err(malformed)?, namespace)
        }
        Place::Dev { address, namespace } => (ConnectionOptions::new(target(address)?).build(), namespace.clone()),
    };
    connection.connect_timeout = Some(CONNECT_TIME);
    connection.identity = identity(parts.keys.as_deref());
    let target = connection.target.to_string();
    Client::connect(connection, parts.options(namespace))
        .await
        .map_err(|error| TemporalError::Connect { target, source: error.into() })
}

/// Connects to a Temporal on this machine.
pub async fn connect_to(port: u16, parts: ClientParts) -> Result<Client, TemporalError> {
    let address = format!("127.0.0.1:{port}");
    let identity = identity(parts.keys.as_deref());
    let connection = ConnectionOptions::new(target(&address)?).identity(identity).connect_timeout(CONNECT_TIME).build();
    Client::connect(connection, parts.options(DEV_NAMESPACE.to_owned()))
        .await
        .map_err(|error| TemporalError::Connect { target: address, source: error.into() })
}

fn target(address: &str) -> Result<Url, TemporalError> {
    let target = format!("http://{address}").parse::<Url>();
    target.map_err(|error| TemporalError::Address { address: address.to_owned(), source: error.into() })
}
