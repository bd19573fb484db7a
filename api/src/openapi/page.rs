//! The document as a page for people: rendered here, with no script at all.

use axum::{
    Extension,
    extract::State,
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use std::sync::Arc;

use super::{
    Document, curl,
    operation::{Operation, operations},
};
use web::policy::Policy;

use crate::{Api, http::problem::Code};

const STYLE: &str = include_str!("page.css");
/// How the document names its own parts.
const SCHEMAS: &str = "#/components/schemas/";

/// The beginning
///
/// Leads to `/docs`.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "lead_to_document",
    tag = "Service",
    responses(
        (status = 307, description = "The page is `/docs`", headers(("Location" = String, description = "`/docs`"))),
    )
)]
pub(crate) async fn lead() -> Redirect {
    Redirect::temporary("/docs")
}

/// This document, to be read
///
/// A page of the OpenAPI document, with a `curl` for each route.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "show_document",
    tag = "Service",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub(crate) async fn show(State(api): State<Arc<Api>>, Extension(Document(document)): Extension<Document>) -> Response {
    let policy = Policy::own();
    let page = page(document, &api.settings.buyer_pages.public_url, &policy);
    ([(header::CONTENT_SECURITY_POLICY, policy.header())], page).into_response()
}

fn page(document: &Value, address: &str, policy: &Policy) -> Markup {
    let operations = operations(document);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "daegeum API" }
                link rel="icon" href="data:,";
                style nonce=(policy.nonce()) { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "daegeum API " span.quiet { (text(&document["info"]["version"])) } }
                    @for paragraph in text(&document["info"]["description"]).split("\n\n") { p { (prose(paragraph)) } }
                    p {
                        "The same for programs: " a href="/openapi.json" { "OpenAPI 3.1" } ". In the examples "
                        code { "$KEY" }
                        " is an API key."
                    }
                    nav aria-label="Parts" { ul {
                        @for name in list(&document["tags"]).iter().map(|tag| text(&tag["name"])) {
                            li { a href={ "#" (anchor(name)) } { (name) } }
                        }
                        li { a href="#problems" { "Problems" } }
                        li { a href="#shapes" { "Shapes" } }
                    } }
                    @for tag in list(&document["tags"]) {
                        section id=(anchor(text(&tag["name"]))) {
                            h2 { (text(&tag["name"])) }
                            p.quiet { (prose(text(&tag["description"]))) }
                            @let is_tagged = |operation: &&Operation| operation.value["tags"][0] == tag["name"];
                            @for operation in operations.iter().filter(is_tagged) {
                                (operation.markup(document, address))
                            }
                        }
                    }
                    (problems())
                    (shapes(document))
                }
            }
        }
    }
}

impl Operation<'_> {
    fn markup(&self, document: &Value, address: &str) -> Markup {
        let value = self.value;
        html! {
            details id=(text(&value["operationId"])) {
                summary {
                    h3 { span.method { (self.method.to_uppercase()) } " " code { (self.path) } }
                    " " span.quiet { (text(&value["summary"])) }
                }
                @if let Some(description) = value["description"].as_str() { p { (prose(description)) } }
                p { (self.needs()) }
                @if value["parameters"].is_array() { (parameters(&value["parameters"])) }
                @if let Some((media_type, content)) = first(&value["requestBody"]["content"]) {
                    p { "Body: " (schema(&content["schema"])) ", " code { (media_type) } }
                }
                pre.curl tabindex="0" { code { (curl::of(document, self, address)) } }
                (responses(&value["responses"]))
            }
        }
    }

    fn needs(&self) -> Markup {
        let declared = list(&self.value["security"]);
        let scopes = declared.iter().filter_map(|one| one["bearer"][0].as_str()).collect::<Vec<_>>();
        let is_optional = declared.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty));
        html! {
            @match (&scopes[..], is_optional) {
                ([], _) => { "Needs no API key." }
                (scopes, is_optional) => {
                    @if is_optional { "Takes" } @else { "Needs" }
                    " an API key of scope "
                    @for (index, scope) in scopes.iter().enumerate() { @if index > 0 { " or " } code { (scope) } }
                    "."
                }
            }
        }
    }
}

fn parameters(parameters: &Value) -> Markup {
    html! { div.scroll { table {
        thead { tr { th { "Parameter" } th { "In" } th { "What it is" } } }
        tbody { @for parameter in list(parameters) { tr {
            td { code { (text(&parameter["name"])) } }
            td { (text(&parameter["in"])) @if parameter["required"] == true { ", required" } }
            td { (prose(text(&parameter["description"]))) " " span.quiet { (schema(&parameter["schema"])) } }
        } } }
    } } }
}

fn responses(responses: &Value) -> Markup {
    html! { div.scroll { table {
        thead { tr { th { "Status" } th { "What it says" } } }
        tbody { @for (status, response) in responses.as_object().into_iter().flatten() { tr {
            td { (status) }
            td {
                (prose(text(&response["description"])))
                @if let Some((_, content)) = first(&response["content"]) { " " (schema(&content["schema"])) }
            }
        } } }
    } } }
}

fn problems() -> Markup {
    html! { section #problems {
        h2 { "Problems" }
        p.quiet { "Decide by " code { "code" } ". What passes by itself carries " code { "Retry-After" } "." }
        div.scroll { table {
            thead { tr { th { "Code" } th { "Status" } th { "What it says" } th { "Passes by itself" } } }
            tbody { @for code in Code::ALL { tr id={ "problem-" (code.name()) } {
                td { code { (code.name()) } }
                td { (code.status().as_u16()) }
                td { (code.title()) "." }
                td { (if code.is_transient() { "yes" } else { "no" }) }
            } } }
        } }
    } }
}

fn shapes(document: &Value) -> Markup {
    html! { section #shapes {
        h2 { "Shapes" }
        @for (name, shape) in document["components"]["schemas"].as_object().into_iter().flatten() {
            details id={ "shape-" (name) } {
                summary { h3 { code { (name) } } " " span.quiet { (prose(text(&shape["description"]))) } }
                (fields(shape))
            }
        }
    } }
}

fn fields(shape: &Value) -> Markup {
    let own = std::iter::once(shape).chain(list(&shape["allOf"]));
    let required = |part: &Value, name: &str| list(&part["required"]).iter().any(|required| required == name);
    html! {
        @if shape["properties"].is_null() && shape["allOf"].is_null() { p { (schema(shape)) } }
        @for part in own {
            @if part["$ref"].is_string() { p { "All of " (schema(part)) ", and:" } }
            @if let Some(properties) = part["properties"].as_object() { div.scroll { table {
                tbody { @for (name, property) in properties { tr {
                    td { code { (name) } }
                    td { (schema(property)) @if !required(part, name) { span.quiet { ", optional" } } }
                    td { (prose(text(&property["description"]))) }
                } } }
            } } }
        }
    }
}

/// A schema in one line, with links to those that have a name.
fn schema(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS)) {
        return html! { a href={ "#shape-" (name) } { code { (name) } } };
    }
    let any = ["oneOf", "anyOf"].into_iter().find_map(|kind| schema[kind].as_array());
    if let Some(any) = any {
        let known: Vec<_> = any.iter().filter(|one| one["type"] != "null").collect();
        return html! { @for (index, one) in known.iter().enumerate() { @if index > 0 { " or " } (self::schema(one)) } };
    }
    if schema["type"] == "array" || schema["type"][0] == "array" {
        return html! { "list of " (self::schema(&schema["items"])) };
    }
    if let Some(values) = schema["enum"].as_array() {
        return html! {
            @for (index, value) in values.iter().enumerate() { @if index > 0 { ", " } code { (text(value)) } }
        };
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str()).unwrap_or("anything");
    html! { (kind) @if let Some(pattern) = schema["pattern"].as_str() { " " code { (pattern) } } }
}

/// Text with `code` between backticks.
fn prose(text: &str) -> Markup {
    html! { @for (index, part) in text.split('`').enumerate() {
        @if index % 2 == 1 { code { (part) } } @else { (part) }
    } }
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(|character: char| !character.is_ascii_alphanumeric(), "-")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn first(value: &Value) -> Option<(&String, &Value)> {
    value.as_object()?.iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::document;

    #[test]
    fn the_page_shows_every_operation_and_every_problem_and_has_no_script() {
        let page = page(document(), "http://127.0.0.1:8080", &Policy::own()).into_string();
        for operation in operations(document()) {
            let id = text(&operation.value["operationId"]);
            assert!(page.contains(&format!("<details id=\"{id}\">")), "{id} is missing");
        }
        for code in Code::ALL {
            assert!(page.contains(&format!("id=\"problem-{}\"", code.name())));
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("http://127.0.0.1:8080\"></"));
    }

    #[test]
    fn every_link_within_the_page_arrives() {
        let page = page(document(), "http://127.0.0.1:8080", &Policy::own()).into_string();
        for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("id=\"{link}\"")), "nothing is at #{link}");
        }
        assert_eq!(anchor("Buyer's pages"), "buyer-s-pages");
    }
}
