//! Webhook endpoints on the command line. The database is changed, and the workers hear of it by themselves.

mod action;
pub(crate) mod listen;

use anyhow::{Context as _, bail, ensure};
use domain::{
    event::EventType,
    id::WebhookEndpointId,
    webhook_endpoint::{DeliveryStatus, DisabledReason, EndpointStatus, MAX_DESCRIPTION_CHARS, Permitted, TargetUrl},
};
use serde_json::{Value, json};
use service::webhook_endpoint::{EndpointToCreate, create_endpoint, rotate_secret};
use store::{
    Journal, Keyring, Reader, Window,
    webhook_endpoint::{
        Asked, Change, DeliveryFilter, DeliveryRecord, EndpointRecord, Replay, Replayed, WebhookSecret,
    },
};

pub(crate) use action::{ListenOptions, WebhooksAction};

use crate::{
    cli::{audit_log, event::event_type},
    compose,
    settings::Settings,
    values::rfc3339,
};

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: WebhooksAction) -> anyhow::Result<()> {
    match action {
        WebhooksAction::Listen(options) => listen::listen(&options).await,
        WebhooksAction::List { json } => list(&read_only(settings).await?, json).await,
        WebhooksAction::Show(one) => {
            let endpoint = find(&read_only(settings).await?, &one.id).await?;
            print_endpoint(&endpoint, one.json)
        }
        WebhooksAction::Deliveries { id, status, limit, json } => {
            deliveries(&read_only(settings).await?, (&id, status.as_deref()), limit, json).await
        }
        WebhooksAction::Create { url, types, description } => {
            let wanted = EndpointToCreate {
                url: target(settings, &url)?,
                types: event_types(&types)?,
                description: described(description)?,
            };
            create(settings, &wanted).await
        }
        WebhooksAction::Update { id, url, types, all_types, description, status } => {
            let types =
                if all_types { Some(Vec::new()) } else { Some(event_types(&types)?).filter(|types| !types.is_empty()) };
            let change = Change {
                url: url.map(|url| target(settings, &url)).transpose()?.map(|url| url.to_string()),
                types,
                description: description.map(described).transpose()?,
                status: status.as_deref().map(endpoint_status).transpose()?,
            };
            ensure!(change != Change::default(), "name what is to change");
            update(settings, &id, &change).await
        }
        WebhooksAction::Delete { id } => remove(settings, &id).await,
        WebhooksAction::RotateSecret { id } => rotate(settings, &id).await,
        WebhooksAction::Test { id } => test(settings, &id).await,
        WebhooksAction::Replay { id, from, to } => replay(settings, &id, Replay { from, to }).await,
        WebhooksAction::Redeliver { id, delivery } => redeliver(settings, &id, delivery).await,
    }
}

async fn read_only(settings: &Settings) -> anyhow::Result<Reader> {
    compose::open_reader(&settings.database()?).await
}

async fn open(settings: &Settings) -> anyhow::Result<(Journal, Reader)> {
    compose::open_for_api(&settings.database()?).await
}

fn keys(settings: &Settings) -> anyhow::Result<std::sync::Arc<Keyring>> {
    settings.keyring()?.context(
        "no encryption keys are set, and secrets of endpoints are kept sealed; set DAEGEUM_ENCRYPTION_KEYS \
         (`daegeum encryption generate` makes one)",
    )
}

/// An address that the workers may call: beside a `dev`, whatever `dev` permits.
fn target(settings: &Settings, url: &str) -> anyhow::Result<TargetUrl> {
    let webhooks = if settings.beside.is_some() { settings.webhooks.for_dev() } else { settings.webhooks.clone() };
    let permitted: Permitted = webhooks.permitted();
    TargetUrl::parse(url, permitted).map_err(|error| anyhow::anyhow!("the address {error}"))
}

fn event_types(names: &[String]) -> anyhow::Result<Vec<EventType>> {
    names.iter().map(|name| event_type(name).map_err(anyhow::Error::msg)).collect()
}

fn described(text: String) -> anyhow::Result<String> {
    let is_plain = text.chars().count() <= MAX_DESCRIPTION_CHARS && !text.chars().any(char::is_control);
    ensure!(is_plain, "a description has at most {MAX_DESCRIPTION_CHARS} characters and no control characters");
    Ok(text)
}

fn endpoint_status(text: &str) -> anyhow::Result<EndpointStatus> {
    EndpointStatus::parse(text).context("--status takes: ENABLED, DISABLED")
}

fn endpoint_id(id: &str) -> anyhow::Result<WebhookEndpointId> {
    WebhookEndpointId::parse(id).context("this is no id of a webhook endpoint")
}

async fn find(reader: &Reader, id: &str) -> anyhow::Result<EndpointRecord> {
    reader.webhook_endpoint(&endpoint_id(id)?).await?.context(UNKNOWN)
}

/// Where an id names nothing.
const UNKNOWN: &str = "there is no such webhook endpoint";

async fn create(settings: &Settings, wanted: &EndpointToCreate) -> anyhow::Result<()> {
    let (journal, _) = open(settings).await?;
    let (endpoint, secret) = create_endpoint(&journal, keys(settings)?.as_ref(), wanted).await?;
    audit_log::record(&journal, "webhooks create", endpoint.endpoint_id.as_str(), "ok").await?;
    print_secret(&endpoint, &secret);
    Ok(())
}

async fn rotate(settings: &Settings, id: &str) -> anyhow::Result<()> {
    let (journal, _) = open(settings).await?;
    let rotated = rotate_secret(&journal, keys(settings)?.as_ref(), &endpoint_id(id)?).await?;
    audit_log::record(&journal, "webhooks rotate-secret", id, told(rotated.is_some())).await?;
    let (endpoint, secret) = rotated.context(UNKNOWN)?;
    print_secret(&endpoint, &secret);
    Ok(())
}

fn print_secret(endpoint: &EndpointRecord, secret: &WebhookSecret) {
    println!("{} {}", endpoint.endpoint_id, endpoint.url);
    println!("Its secret, which is not shown again:");
    println!("{}", secret.reveal());
}

async fn update(settings: &Settings, id: &str, change: &Change) -> anyhow::Result<()> {
    let (journal, _) = open(settings).await?;
    let changed = journal.change_webhook_endpoint(&endpoint_id(id)?, change).await?;
    audit_log::record(&journal, "webhooks update", id, told(changed.is_some())).await?;
    print_endpoint(&changed.context(UNKNOWN)?, false)
}

async fn remove(settings: &Settings, id: &str) -> anyhow::Result<()> {
    let (journal, _) = open(settings).await?;
    let is_removed = journal.remove_webhook_endpoint(&endpoint_id(id)?).await?;
    audit_log::record(&journal, "webhooks delete", id, told(is_removed)).await?;
    ensure!(is_removed, UNKNOWN);
    Ok(())
}

async fn test(settings: &Settings, id: &str) -> anyhow::Result<()> {
    let (journal, _) = open(settings).await?;
    let asked = journal.ask_for_webhook_test(&endpoint_id(id)?).await?;
    audit_log::record(&journal, "webhooks test", id, told(matches!(asked, Asked::Soon { .. }))).await?;
    print_asked(asked, id)
}

async fn redeliver(settings: &Settings, id: &str, number: u64) -> anyhow::Result<()> {
    let (journal, reader) = open(settings).await?;
    let delivery = reader.webhook_delivery(&endpoint_id(id)?, number).await?;
    let delivery = delivery.context("this endpoint has no such delivery")?;
    let asked = journal.ask_for_redelivery(&delivery).await?;
    let object = format!("{id}/{number}");
    audit_log::record(&journal, "webhooks redeliver", &object, told(matches!(asked, Asked::Soon { .. }))).await?;
    print_asked(asked, id)
}

fn print_asked(asked: Asked, id: &str) -> anyhow::Result<()> {
    match asked {
        Asked::Soon { event_id } => {
            println!("{event_id} is sent soon; `daegeum webhooks deliveries {id}` shows what came of it")
        }
        Asked::NoSuchEndpoint => bail!(UNKNOWN),
        Asked::Disabled => {
            bail!("the endpoint is disabled; enable it with `daegeum webhooks update {id} --status ENABLED`")
        }
        Asked::TooMany => bail!("too many single deliveries of this endpoint wait already"),
    }
    Ok(())
}

async fn replay(settings: &Settings, id: &str, replay: Replay) -> anyhow::Result<()> {
    ensure!(replay.from > 0 && replay.to.is_none_or(|to| to >= replay.from), "positions ascend from 1");
    let (journal, _) = open(settings).await?;
    let replayed = journal.replay_webhook_endpoint(&endpoint_id(id)?, replay).await?;
    audit_log::record(&journal, "webhooks replay", id, told(matches!(replayed, Replayed::Moved(_)))).await?;
    match replayed {
        Replayed::Moved(endpoint) => print_endpoint(&endpoint, false),
        Replayed::NoSuchEndpoint => bail!(UNKNOWN),
        Replayed::Beyond { last_position } => bail!("the log ends at position {last_position}"),
        Replayed::Expired { floor } => bail!("the oldest position that is kept is {floor}"),
    }
}

const fn told(is_done: bool) -> &'static str {
    if is_done { "ok" } else { "refused" }
}

async fn list(reader: &Reader, json: bool) -> anyhow::Result<()> {
    let endpoints = reader.webhook_endpoints().await?;
    if json {
        let rows: Vec<_> = endpoints.iter().map(as_json).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("{:<37} {:<9} {:<10} {:<10} url", "endpoint", "status", "reason", "position");
    for endpoint in &endpoints {
        println!(
            "{:<37} {:<9} {:<10} {:<10} {}",
            endpoint.endpoint_id.as_str(),
            endpoint.status.as_str(),
            endpoint.disabled_reason.map_or("-", DisabledReason::as_str),
            endpoint.position,
            endpoint.url
        );
    }
    Ok(())
}

fn print_endpoint(endpoint: &EndpointRecord, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(&as_json(endpoint))?);
        return Ok(());
    }
    println!("{} is {}", endpoint.endpoint_id, endpoint.status.as_str());
    println!("  {}", endpoint.url);
    if let Some(reason) = endpoint.disabled_reason {
        println!("  disabled: {}", reason.as_str());
    }
    println!("  types: {}", endpoint.types.as_ref().map_or_else(|| "all".to_owned(), |types| types.join(", ")));
    println!("  position {} of the log", endpoint.position);
    if let Some(since) = endpoint.failing_since {
        println!("  failing since {}", rfc3339(since));
    }
    Ok(())
}

async fn deliveries(reader: &Reader, (id, status): (&str, Option<&str>), limit: u64, json: bool) -> anyhow::Result<()> {
    let parse = |text| DeliveryStatus::parse(text).context("--status takes: DELIVERED, FAILED, UNDELIVERED");
    let endpoint = find(reader, id).await?;
    let status = status.map(parse).transpose()?;
    let filter = DeliveryFilter { endpoint_id: endpoint.endpoint_id, status, event_id: None };
    let page = reader.webhook_deliveries(&filter, &Window { after: None, limit }).await?;
    if json {
        let rows: Vec<_> = page.items.iter().map(delivery_as_json).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!(
        "{:<10} {:<25} {:<12} {:<16} {:<7} {:<28} event",
        "delivery", "when", "status", "outcome", "attempt", "type"
    );
    for DeliveryRecord { number, attempt, .. } in &page.items {
        println!(
            "{:<10} {:<25} {:<12} {:<16} {:<7} {:<28} {}",
            number,
            rfc3339(attempt.attempted_at),
            attempt.status.as_str(),
            attempt.outcome.as_str(),
            attempt.number,
            attempt.event_type,
            attempt.event_id
        );
    }
    if page.more {
        eprintln!("There are more; give --limit or --status.");
    }
    Ok(())
}

fn as_json(endpoint: &EndpointRecord) -> Value {
    json!({
        "webhook_endpoint_id": endpoint.endpoint_id.as_str(),
        "url": endpoint.url,
        "types": endpoint.types,
        "description": endpoint.description,
        "status": endpoint.status.as_str(),
        "disabled_reason": endpoint.disabled_reason.map(DisabledReason::as_str),
        "position": endpoint.position,
        "failing_since": endpoint.failing_since.map(rfc3339),
        "paused_until": endpoint.paused_until.map(rfc3339),
        "previous_secret_until": endpoint.previous_until.map(rfc3339),
        "created_at": rfc3339(endpoint.created_at),
        "updated_at": rfc3339(endpoint.updated_at),
    })
}

fn delivery_as_json(delivery: &DeliveryRecord) -> Value {
    let DeliveryRecord { number, attempt, .. } = delivery;
    json!({
        "delivery_id": number.to_string(),
        "event_id": attempt.event_id,
        "event_type": attempt.event_type,
        "position": attempt.position,
        "object": attempt.object,
        "attempt": attempt.number,
        "attempted_at": rfc3339(attempt.attempted_at),
        "latency_ms": attempt.latency_ms,
        "http_status": attempt.http_status,
        "outcome": attempt.outcome.as_str(),
        "status": attempt.status.as_str(),
        "answer": attempt.answer,
    })
}
