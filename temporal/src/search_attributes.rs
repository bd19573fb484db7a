//! The search attributes of our workflows: a start without them would be refused.

use anyhow::{Context as _, bail};
use temporalio_client::{Client, NamespacedClient as _, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::IndexedValueType,
    operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
};
use workflows::attributes;

/// Registers the search attributes that the namespace lacks.
pub(crate) async fn ensure_search_attributes(client: &Client) -> anyhow::Result<()> {
    let namespace = client.namespace();
    let mut operator = client.connection().operator_service();
    let listed = operator
        .list_search_attributes(ListSearchAttributesRequest { namespace: namespace.clone() }.into_request())
        .await
        .with_context(|| format!("could not list the search attributes of the namespace {namespace}"))?
        .into_inner();
    let missing: Vec<_> =
        attributes::ALL.into_iter().filter(|(name, _)| !listed.custom_attributes.contains_key(*name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut wanted = std::collections::HashMap::new();
    for (name, kind) in &missing {
        wanted.insert((*name).to_owned(), indexed_value_type(kind)? as i32);
    }
    let request = AddSearchAttributesRequest { namespace: namespace.clone(), search_attributes: wanted };
    operator.add_search_attributes(request.into_request()).await.with_context(|| {
        let commands: Vec<_> = missing
            .iter()
            .map(|(name, kind)| {
                format!("temporal operator search-attribute create --namespace {namespace} --name {name} --type {kind}")
            })
            .collect();
        format!("could not register search attributes; let an administrator run:\n  {}", commands.join("\n  "))
    })?;
    Ok(())
}

fn indexed_value_type(kind: &str) -> anyhow::Result<IndexedValueType> {
    Ok(match kind {
        "Keyword" => IndexedValueType::Keyword,
        "KeywordList" => IndexedValueType::KeywordList,
        "Int" => IndexedValueType::Int,
        _ => bail!("no search attribute is of type {kind}"),
    })
}
