//! Requests of commands to a running API, by an API key, which is the principal.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use reqwest::{Method, Response, header};
use serde_json::Value;

use crate::{cli::output::Output, dev::KEY_FILE, settings::Settings};

/// The variable that holds the API key.
pub(crate) const KEY_VARIABLE: &str = "DAEGEUM_API_KEY";
/// How long an answer may take.
const ANSWER_TIME: std::time::Duration = std::time::Duration::from_secs(30);
/// The media type of most answers.
const JSON: &str = "application/json";

/// The API, the key, and how the command answers.
#[derive(Debug, Args)]
pub(crate) struct ApiOptions {
    /// The API [default: of the settings, or of the `dev` in the data directory]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// A file that holds the API key [default: the variable DAEGEUM_API_KEY, or the key of the `dev` in the data
    /// directory]
    #[arg(long, value_name = "PATH")]
    api_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// A request to the API.
#[derive(Debug)]
pub(crate) struct ApiRequest<'a> {
    method: Method,
    path: String,
    body: Option<Value>,
    idempotency_key: Option<&'a str>,
    accept: &'static str,
}

impl<'a> ApiRequest<'a> {
    /// A request without a body, for an answer in JSON.
    pub(crate) const fn new(method: Method, path: String) -> Self {
        Self { method, path, body: None, idempotency_key: None, accept: JSON }
    }

    /// The same with a body.
    pub(crate) fn with_body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// The same, safe to repeat under a key.
    pub(crate) fn under_key(self, key: &'a str) -> Self {
        Self { idempotency_key: Some(key), ..self }
    }

    /// The same, for an answer of another media type.
    pub(crate) fn accepting(self, media_type: &'static str) -> Self {
        Self { accept: media_type, ..self }
    }
}

impl ApiOptions {
    /// Reads an object or a list.
    pub(crate) async fn get(&self, settings: &Settings, path: String) -> anyhow::Result<Value> {
        self.json(settings, ApiRequest::new(Method::GET, path)).await
    }

    /// Sends a request, and reads its answer as JSON.
    pub(crate) async fn json(&self, settings: &Settings, request: ApiRequest<'_>) -> anyhow::Result<Value> {
        Ok(self.send(settings, request).await?.json().await?)
    }

    /// Sends a request. A refusal is an error that says which fields are wrong.
    pub(crate) async fn send(&self, settings: &Settings, asked: ApiRequest<'_>) -> anyhow::Result<Response> {
        let base = self.api_url.clone().or_else(|| settings.api_url.clone());
        let base = base.context("no API is known; name it with --api-url, or a running dev with --data-dir")?;
        let client = reqwest::Client::builder().timeout(ANSWER_TIME).build()?;
        let url = format!("{}{}", base.trim_end_matches('/'), asked.path);
        let mut request =
            client.request(asked.method, url).bearer_auth(self.key(settings)?).header(header::ACCEPT, asked.accept);
        if let Some(key) = asked.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = &asked.body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("the API at {base} was not reached"))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Value = answer.json().await.unwrap_or_default();
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let errors = problem["errors"].as_array().into_iter().flatten();
        let fields: String =
            errors.map(|error| format!("\n  {} {}", text(error, "field"), text(error, "detail"))).collect();
        bail!("the API refused ({status} {}): {}{fields}", text(&problem, "code"), text(&problem, "detail"))
    }

    fn key(&self, settings: &Settings) -> anyhow::Result<String> {
        let read =
            |path: &Path| std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
        let of_dev = settings.data_dir.join(KEY_FILE);
        let key = match (&self.api_key_file, std::env::var(KEY_VARIABLE)) {
            (Some(path), _) => read(path)?,
            (None, Ok(key)) => key,
            // The key of a `dev` opens its own API alone.
            (None, Err(_)) if self.api_url.is_none() && of_dev.exists() => read(&of_dev)?,
            (None, Err(_)) => bail!(
                "set {KEY_VARIABLE} to an API key, or name a file with --api-key-file; beside a running dev, its data \
                 directory holds a key in {}",
                of_dev.display()
            ),
        };
        let key = key.trim().to_owned();
        ensure!(!key.is_empty(), "the API key is empty");
        Ok(key)
    }
}

/// A path with the parameters that are given: `/v1/payouts?status=FAILED`.
pub(crate) fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given: Vec<String> =
        parameters.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect();
    if given.is_empty() { path.to_owned() } else { format!("{path}?{}", given.join("&")) }
}
