//! One namespace, one database.
//!
//! A worker that is connected to another database than the other workers of its namespace would answer their checkouts
//! with 404, and leave others unrecorded. Every role compares the two when it starts and while it runs, and does not
//! work where they differ.

use std::time::Duration;

use anyhow::{anyhow, ensure};
use store::Reader;
use temporal::{claim_namespace, database_of_namespace};
use temporalio_client::{Client, NamespacedClient as _};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often a running process compares: within so long a process that was connected elsewhere stops.
const PAUSE: Duration = Duration::from_secs(15);

/// Compares the database of this process with the namespace's.
#[derive(Clone)]
pub(crate) struct NamespaceOwner {
    client: Client,
    reader: Reader,
}

impl NamespaceOwner {
    pub(crate) fn new(client: &Client, reader: &Reader) -> Self {
        Self { client: client.clone(), reader: reader.clone() }
    }

    /// Says that the namespace belongs to this database, or refuses where it belongs to another. For a worker.
    pub(crate) async fn claim(&self) -> anyhow::Result<()> {
        let ours = self.reader.event_log().await?.log_id;
        let owner = claim_namespace(&self.client, &ours).await?;
        self.compare(&ours, &owner)
    }

    /// Refuses where the namespace belongs to another database. For the API.
    pub(crate) async fn check(&self) -> anyhow::Result<()> {
        let ours = self.reader.event_log().await?.log_id;
        match database_of_namespace(&self.client).await? {
            Some(owner) => self.compare(&ours, &owner),
            None => Ok(()),
        }
    }

    fn compare(&self, ours: &str, owner: &str) -> anyhow::Result<()> {
        ensure!(
            ours == owner,
            "this process has the database {ours}, and the Temporal namespace {} belongs to the database {owner}. Give \
             this process the database or the namespace of the others; if the namespace is to belong to this database \
             from now on, stop the others and run `daegeum cluster apply --adopt-database`",
            self.client.namespace()
        );
        Ok(())
    }

    /// Compares until the token is canceled, and cancels it where the two differ. A database or a server that does not
    /// answer is no difference.
    pub(crate) async fn watch(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(PAUSE) => {}
            }
            let Ok(ours) = self.reader.event_log().await else { continue };
            let Ok(Some(owner)) = database_of_namespace(&self.client).await else { continue };
            if let Err(error) = self.compare(&ours.log_id, &owner) {
                tracing::error!("{error}");
                stop.cancel();
                return Err(anyhow!("stopped: {error}"));
            }
        }
    }
}
