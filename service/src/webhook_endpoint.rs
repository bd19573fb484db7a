//! Creating endpoints and their secrets, for a route or for the command line.

use domain::{
    event::EventType,
    id::WebhookEndpointId,
    webhook_endpoint::{MAX_ENDPOINTS, TargetUrl},
};
use store::{
    Journal, Keyring, StoreError,
    webhook_endpoint::{EndpointRecord, NewEndpoint, WebhookSecret, WebhookSecretError},
};
use uuid::Uuid;

/// An endpoint that a principal wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointToCreate {
    /// Where events are sent.
    pub url: TargetUrl,
    /// The types that are sent; an empty list stands for all of them.
    pub types: Vec<EventType>,
    /// What a person calls it.
    pub description: String,
}

/// Why there is no new endpoint or no new secret.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There are as many as there may be.
    #[error("There are {MAX_ENDPOINTS} webhook endpoints already")]
    TooMany,
    /// No secret could be made.
    #[error(transparent)]
    Secret(#[from] WebhookSecretError),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates an endpoint, and answers its secret, which is shown once.
pub async fn create_endpoint(
    journal: &Journal,
    keys: &Keyring,
    wanted: &EndpointToCreate,
) -> Result<(EndpointRecord, WebhookSecret), CreateError> {
    let secret = WebhookSecret::generate()?;
    let new = NewEndpoint {
        endpoint_id: &WebhookEndpointId::from_uuid(Uuid::new_v4()),
        url: wanted.url.as_str(),
        types: Some(&wanted.types),
        description: &wanted.description,
        secret: &secret,
    };
    let endpoint = journal.create_webhook_endpoint(new, keys).await?.ok_or(CreateError::TooMany)?;
    Ok((endpoint, secret))
}

/// Gives an endpoint a new secret, which is shown once. Nothing where there is no such endpoint.
pub async fn rotate_secret(
    journal: &Journal,
    keys: &Keyring,
    id: &WebhookEndpointId,
) -> Result<Option<(EndpointRecord, WebhookSecret)>, CreateError> {
    let secret = WebhookSecret::generate()?;
    let endpoint = journal.rotate_webhook_secret(id, &secret, keys).await?;
    Ok(endpoint.map(|endpoint| (endpoint, secret)))
}
