//! A client of Temporal, configured as all of Temporal's own tools are: `TEMPORAL_ADDRESS` and friends.

use std::time::Duration;

use anyhow::Context as _;
use temporalio_client::{Client, ClientOptions, ConnectionOptions, Url, envconfig::LoadClientConfigProfileOptions};

/// How long one connection attempt may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Connects to the Temporal that the environment names.
pub(crate) async fn connect() -> anyhow::Result<Client> {
    let options = LoadClientConfigProfileOptions::builder().build();
    let (mut connection, client) = ClientOptions::load_from_config(options)
        .map_err(|error| anyhow::anyhow!("the TEMPORAL_… settings are malformed: {error}"))?;
    connection.connect_timeout = Some(CONNECT_TIME);
    connection.identity = identity();
    let target = connection.target.to_string();
    Client::connect(connection, client)
        .await
        .with_context(|| format!("could not connect to Temporal at {target}; set TEMPORAL_ADDRESS"))
}

/// Connects to a Temporal on this machine.
pub(crate) async fn connect_to(port: u16) -> anyhow::Result<Client> {
    let target: Url = format!("http://127.0.0.1:{port}").parse().context("a port makes no address")?;
    let connection = ConnectionOptions::new(target).identity(identity()).connect_timeout(CONNECT_TIME).build();
    Ok(Client::connect(connection, ClientOptions::new("default").build()).await?)
}

fn identity() -> String {
    format!("daegeum {}@{}", env!("CARGO_PKG_VERSION"), std::process::id())
}
