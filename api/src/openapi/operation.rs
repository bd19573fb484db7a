//! The operations of a document.

use serde_json::Value;

/// A method of a path.
pub(super) struct Operation<'d> {
    pub(super) method: &'d str,
    pub(super) path: &'d str,
    pub(super) value: &'d Value,
}

/// Every operation; of one path, reading comes last, and what takes away after all others, so that the examples work in
/// their order.
pub(super) fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let mut all: Vec<_> = paths
        .flat_map(|(path, item)| {
            let methods = ["options", "post", "put", "patch", "get", "delete"].into_iter();
            methods.filter_map(move |method| Some(Operation { method, path, value: item.get(method)? }))
        })
        .collect();
    all.sort_by_key(|operation| (operation.method == "delete", operation.path.matches('/').count()));
    all
}
