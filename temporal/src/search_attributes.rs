//! The search attributes of our workflows: a start without them would be refused.

use temporalio_client::{Client, NamespacedClient as _, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::IndexedValueType, operatorservice::v1::AddSearchAttributesRequest,
};

use crate::{
    TemporalError,
    namespace::{self, MissingAttribute},
};

/// Registers the search attributes that the namespace lacks.
pub async fn ensure_search_attributes(client: &Client) -> Result<(), TemporalError> {
    namespace::register_attributes(client).await.map(|_| ())
}

/// Registers search attributes. A server that does not let us is told of with the commands of an administrator.
pub(crate) async fn register(client: &Client, missing: &[MissingAttribute]) -> Result<(), TemporalError> {
    if missing.is_empty() {
        return Ok(());
    }
    let namespace = client.namespace();
    let mut wanted = std::collections::HashMap::new();
    for MissingAttribute { name, kind } in missing {
        wanted.insert((*name).to_owned(), indexed_value_type(kind)? as i32);
    }
    let request = AddSearchAttributesRequest { namespace: namespace.clone(), search_attributes: wanted };
    let added = client.connection().operator_service().add_search_attributes(request.into_request()).await;
    match added {
        Ok(_) => Ok(()),
        // Another process may have come first.
        Err(source) => match namespace::missing_attributes(client).await {
            Ok(still) if still.is_empty() => Ok(()),
            Ok(_) | Err(_) => {
                Err(TemporalError::RegisterAttributes { commands: namespace::commands(&namespace, missing), source })
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
