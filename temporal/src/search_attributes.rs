//! The search attributes of our workflows: a start without them would be refused.

use temporalio_client::{Client, NamespacedClient as _, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::IndexedValueType,
    operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
};
use workflows::attributes;

use crate::TemporalError;

/// Registers the search attributes that the namespace lacks.
pub async fn ensure_search_attributes(client: &Client) -> Result<(), TemporalError> {
    let namespace = client.namespace();
    let mut operator = client.connection().operator_service();
    let listed = operator
        .list_search_attributes(ListSearchAttributesRequest { namespace: namespace.clone() }.into_request())
        .await
        .map_err(|source| {
            let call = format!("list the search attributes of the namespace {namespace}");
            TemporalError::Call { call, source }
        })?
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
    operator.add_search_attributes(request.into_request()).await.map_err(|source| {
        let commands: Vec<_> = missing
            .iter()
            .map(|(name, kind)| {
                format!("temporal operator search-attribute create --namespace {namespace} --name {name} --type {kind}")
            })
            .collect();
        TemporalError::RegisterAttributes { commands: commands.join("\n  "), source }
    })?;
    Ok(())
}

fn indexed_value_type(kind: &str) -> Result<IndexedValueType, TemporalError> {
    Ok(match kind {
        "Keyword" => IndexedValueType::Keyword,
        "KeywordList" => IndexedValueType::KeywordList,
        "Int" => IndexedValueType::Int,
        _ => return Err(TemporalError::AttributeType(kind.to_owned())),
    })
}
