//! A `curl` for an operation, from the examples of its parameters and its body. A test runs all of them.

use serde_json::Value;

use super::operation::Operation;

/// The parameters of the addresses in the story that the examples tell.
const PATH_EXAMPLES: [(&str, &str); 11] = [
    ("{break_id}", "brk_5d41402abc4b2a76b9719d91"),
    ("{date}", "2026-11-21"),
    ("{id}", "order-2026-1"),
    ("{checkout_id}", "order-2026-1"),
    ("{seller_account}", "seller-a"),
    ("{account}", "psp:receivable"),
    ("{buyer_id}", "buyer-1"),
    ("{saved_card_id}", "card_6f2c5e0a7d0b5c7e9a55d2c034b8a1f7"),
    ("{webhook_endpoint_id}", "we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7"),
    ("{delivery_id}", "1"),
    ("{entry_id}", "payment_captured:order-2026-1"),
];

/// The media type of forms, which `curl` names by itself.
const FORM: &str = "application/x-www-form-urlencoded";

/// The command, which works in a shell where `KEY` is set.
pub(super) fn of(document: &Value, operation: &Operation<'_>, address: &str) -> String {
    let mut path = operation.path.to_owned();
    for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
        if let (Some("path"), Some(name), Some(example)) = text_of(parameter) {
            path = path.replace(&format!("{{{name}}}"), example);
        }
    }
    for (name, example) in PATH_EXAMPLES {
        path = path.replace(name, example);
    }
    let mut command = match operation.method {
        "get" | "post" => format!("curl -s {address}{path}"),
        method => format!("curl -s -X {} {address}{path}", method.to_uppercase()),
    };
    if operation.value["security"].get(0).is_some() {
        command += " \\\n  -H \"Authorization: Bearer $KEY\"";
    }
    for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
        if let (Some("header"), Some(name), Some(example)) = text_of(parameter) {
            command += &format!(" \\\n  -H '{name}: {example}'");
        }
    }
    if let Some((media_type, content)) =
        operation.value["requestBody"]["content"].as_object().and_then(|all| all.iter().next())
    {
        let body = example(document, &content["schema"]);
        if let Some(text) = content["example"].as_str() {
            let text = text.replace('\'', "'\\''");
            command += &format!(" \\\n  -H 'Content-Type: {media_type}' \\\n  --data-binary '{text}'");
        } else if media_type == FORM {
            for (name, value) in body.as_object().into_iter().flatten() {
                command += &format!(" \\\n  --data-urlencode \"{name}={}\"", value.as_str().unwrap_or_default());
            }
        } else {
            let body = serde_json::to_string_pretty(&body).unwrap_or_default().replace('\'', "'\\''");
            command += &format!(" \\\n  -H 'Content-Type: {media_type}' \\\n  -d '{body}'");
        }
    } else if operation.method == "post" {
        command += " -X POST";
    }
    command
}

/// Where a parameter stands, its name and its example.
fn text_of(parameter: &Value) -> (Option<&str>, Option<&str>, Option<&str>) {
    (parameter["in"].as_str(), parameter["name"].as_str(), parameter["example"].as_str())
}

fn example(document: &Value, schema: &Value) -> Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    let schema = pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema);
    schema["examples"].get(0).cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()))
}
