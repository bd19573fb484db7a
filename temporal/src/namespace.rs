//! What a namespace has to have, and bringing it there.
//!
//! Temporal Cloud refuses its operator service to clients. What a namespace has is then read from its description,
//! which every client may see; what it lacks is told in the commands of an administrator.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use temporalio_client::{
    Client, NamespacedClient as _,
    grpc::WorkflowService as _,
    tonic::{Code, IntoRequest as _, Status},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::IndexedValueType,
    namespace::v1::NamespaceConfig,
    operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
    workflowservice::v1::{
        DescribeNamespaceRequest, DescribeNamespaceResponse, RegisterNamespaceRequest, UpdateNamespaceRequest,
    },
};
use workflows::attributes;

use crate::TemporalError;

/// How long closed workflows are kept in a namespace that is made here.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The shortest retention that is well: `doctor` and `recover` look at workflows that ended lately.
pub const SHORTEST_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// A search attribute that a namespace lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingAttribute {
    pub name: &'static str,
    /// `Keyword`, `KeywordList` or `Int`.
    pub kind: &'static str,
}

/// What a namespace has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// How long closed workflows are kept, where the server says.
    pub retention: Option<Duration>,
    /// The search attributes that it lacks.
    pub missing: Vec<MissingAttribute>,
}

/// What a namespace has; nothing where there is no such namespace.
pub async fn look_at(client: &Client) -> Result<Option<Namespace>, TemporalError> {
    let Some(described) = describe(client).await? else { return Ok(None) };
    let retention = described
        .config
        .as_ref()
        .and_then(|config| config.workflow_execution_retention_ttl)
        .and_then(|ttl| Duration::try_from(ttl).ok());
    Ok(Some(Namespace { retention, missing: missing_attributes(client).await? }))
}

/// The search attributes that the namespace lacks.
async fn missing_attributes(client: &Client) -> Result<Vec<MissingAttribute>, TemporalError> {
    Ok(missing(&known_attributes(client).await?))
}

/// Makes the namespace.
pub async fn register(client: &Client, retention: Duration) -> Result<(), TemporalError> {
    let namespace = client.namespace();
    let request = RegisterNamespaceRequest {
        namespace: namespace.clone(),
        description: "Checkouts and refunds of daegeum".to_owned(),
        workflow_execution_retention_period: retention.try_into().ok(),
        ..Default::default()
    };
    match client.clone().register_namespace(request.into_request()).await {
        Ok(_) => Ok(()),
        // Another process came first.
        Err(status) if status.code() == Code::AlreadyExists => Ok(()),
        Err(source) => Err(call(format!("make the namespace {namespace}"), source)),
    }
}

/// Sets how long closed workflows are kept.
pub async fn set_retention(client: &Client, retention: Duration) -> Result<(), TemporalError> {
    let namespace = client.namespace();
    let config = NamespaceConfig { workflow_execution_retention_ttl: retention.try_into().ok(), ..Default::default() };
    let request = UpdateNamespaceRequest { namespace: namespace.clone(), config: Some(config), ..Default::default() };
    let updated = client.clone().update_namespace(request.into_request()).await;
    updated.map(|_| ()).map_err(|source| call(format!("set the retention of the namespace {namespace}"), source))
}

/// The commands by which an administrator registers search attributes, one a line.
pub fn commands(namespace: &str, missing: &[MissingAttribute]) -> String {
    let line = |attribute: &MissingAttribute| {
        let MissingAttribute { name, kind } = attribute;
        format!("temporal operator search-attribute create --namespace {namespace} --name {name} --type {kind}")
    };
    let mut lines: Vec<_> = missing.iter().map(line).collect();
    let wanted: Vec<_> =
        missing.iter().map(|attribute| format!("--sa \"{}={}\"", attribute.name, attribute.kind)).collect();
    lines.push(format!(
        "or on Temporal Cloud: tcld namespace search-attributes add -n {namespace} {}",
        wanted.join(" ")
    ));
    lines.join("\n  ")
}

/// Whether the server does not let this client do something.
pub(crate) fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated | Code::Unimplemented)
}

async fn describe(client: &Client) -> Result<Option<DescribeNamespaceResponse>, TemporalError> {
    let namespace = client.namespace();
    let request = DescribeNamespaceRequest { namespace: namespace.clone(), ..Default::default() };
    match client.clone().describe_namespace(request.into_request()).await {
        Ok(described) => Ok(Some(described.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(source) => Err(call(format!("describe the namespace {namespace}"), source)),
    }
}

/// The names of the search attributes that the namespace has.
async fn known_attributes(client: &Client) -> Result<BTreeSet<String>, TemporalError> {
    let namespace = client.namespace();
    let request = ListSearchAttributesRequest { namespace: namespace.clone() };
    match client.connection().operator_service().list_search_attributes(request.into_request()).await {
        Ok(listed) => Ok(listed.into_inner().custom_attributes.into_keys().collect()),
        Err(status) if is_refusal(&status) => {
            let config = describe(client).await?.unwrap_or_default().config.unwrap_or_default();
            Ok(config.custom_search_attribute_aliases.into_values().collect())
        }
        Err(source) => Err(call(format!("list the search attributes of the namespace {namespace}"), source)),
    }
}

fn missing(known: &BTreeSet<String>) -> Vec<MissingAttribute> {
    let lacks =
        |(name, kind): (&'static str, &'static str)| (!known.contains(name)).then_some(MissingAttribute { name, kind });
    attributes::ALL.into_iter().filter_map(lacks).collect()
}

fn call(call: String, source: Status) -> TemporalError {
    TemporalError::Call { call, source }
}

/// Registers the search attributes that the namespace lacks. Answers which these were.
pub async fn register_attributes(client: &Client) -> Result<Vec<MissingAttribute>, TemporalError> {
    let missing = missing_attributes(client).await?;
    add_attributes(client, &missing).await?;
    Ok(missing)
}

/// Registers the search attributes that the namespace lacks: a start without them would be refused.
pub async fn ensure_search_attributes(client: &Client) -> Result<(), TemporalError> {
    register_attributes(client).await.map(|_| ())
}

/// Registers search attributes. A server that does not let us is told of with the commands of an administrator.
async fn add_attributes(client: &Client, missing: &[MissingAttribute]) -> Result<(), TemporalError> {
    if missing.is_empty() {
        return Ok(());
    }
    let namespace = client.namespace();
    let mut wanted = HashMap::new();
    for MissingAttribute { name, kind } in missing {
        wanted.insert((*name).to_owned(), indexed_value_type(kind)? as i32);
    }
    let request = AddSearchAttributesRequest { namespace: namespace.clone(), search_attributes: wanted };
    let added = client.connection().operator_service().add_search_attributes(request.into_request()).await;
    match added {
        Ok(_) => Ok(()),
        // Another process may have come first.
        Err(source) => match missing_attributes(client).await {
            Ok(still) if still.is_empty() => Ok(()),
            Ok(_) | Err(_) => {
                Err(TemporalError::RegisterAttributes { commands: commands(&namespace, missing), source })
            }
        },
    }
}

fn indexed_value_type(kind: &str) -> Result<IndexedValueType, TemporalError> {
    Ok(match kind {
        "Keyword" => IndexedValueType::Keyword,
        "KeywordList" => IndexedValueType::KeywordList,
        "Int" => IndexedValueType::Int,
        _ => return Err(TemporalError::AttributeType(kind.to_owned())),
    })
}
