//! A client of Temporal, configured as all of Temporal's own tools are: `TEMPORAL_ADDRESS` and friends.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use store::Keyring;
use temporalio_client::{Client, ClientOptions, ConnectionOptions, Url, envconfig::LoadClientConfigProfileOptions};

use super::{codec::data_converter, workers::identity};
use crate::{settings::TemporalPlace, traces};

/// The namespace that a dev server has.
pub(crate) const DEV_NAMESPACE: &str = "default";
/// How long one connection attempt may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Connects to the Temporal that the environment names, or that runs under a `dev` beside this command.
pub(crate) async fn connect(place: &TemporalPlace, keys: Option<Arc<Keyring>>) -> anyhow::Result<Client> {
    let (mut connection, mut client) = match place {
        TemporalPlace::Environment => {
            let options = LoadClientConfigProfileOptions::builder().build();
            ClientOptions::load_from_config(options)
                .map_err(|error| anyhow::anyhow!("the TEMPORAL_… settings are malformed: {error}"))?
        }
        TemporalPlace::Dev { address, namespace } => {
            let target: Url = format!("http://{address}").parse().context("the address of `dev` is malformed")?;
            (ConnectionOptions::new(target).build(), ClientOptions::new(namespace.clone()).build())
        }
    };
    connection.connect_timeout = Some(CONNECT_TIME);
    connection.identity = identity(keys.as_deref());
    client.data_converter = data_converter(keys);
    let target = connection.target.to_string();
    Client::connect(connection, traces::follow(client))
        .await
        .with_context(|| format!("could not connect to Temporal at {target}; set TEMPORAL_ADDRESS"))
}

/// Connects to a Temporal on this machine.
pub(crate) async fn connect_to(port: u16, keys: Option<Arc<Keyring>>) -> anyhow::Result<Client> {
    let target: Url = format!("http://127.0.0.1:{port}").parse().context("a port makes no address")?;
    let identity = identity(keys.as_deref());
    let connection = ConnectionOptions::new(target).identity(identity).connect_timeout(CONNECT_TIME).build();
    let client = ClientOptions::new(DEV_NAMESPACE).data_converter(data_converter(keys)).build();
    Ok(Client::connect(connection, traces::follow(client)).await?)
}
