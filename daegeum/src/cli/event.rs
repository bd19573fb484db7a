//! The event log on the command line: the database is read.

use anyhow::bail;
use clap::Subcommand;
use domain::event::EventType;
use serde_json::{Value, json};
use store::{EventQuery, EventRecord, EventsRead, Reader, Tail};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{out, output::Output},
    compose,
    serving::shutdown,
    settings::Settings,
    values::rfc3339,
};

/// What to do with the event log.
#[derive(Debug, Subcommand)]
pub(crate) enum EventsAction {
    /// Print the last events, or the events after a position, the oldest first
    #[command(after_help = example!("daegeum events tail --type checkout.paid --follow"))]
    Tail {
        /// The position before the first event; 0 is the beginning [default: the last 20 events]
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
        /// Only events of this type, such as checkout.paid; may be given several times, or with commas [default: all]
        #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = event_type)]
        types: Vec<EventType>,
        /// Wait for further events, until Ctrl-C
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        output: Output,
    },
}

/// How many events are printed where no position is named.
const LAST: u64 = 20;
/// How many events are read at once.
const PAGE: u64 = 200;

/// How events are printed.
#[derive(Debug, Clone, Copy)]
enum Form {
    Line,
    Json,
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: EventsAction) -> anyhow::Result<()> {
    let EventsAction::Tail { after, types, follow, output } = action;
    let reader = compose::open_reader(&settings.database()?).await?;
    let after = match after {
        Some(after) => after,
        None => {
            let log = reader.event_log().await?;
            log.last_position.saturating_sub(LAST).max(log.floor - 1)
        }
    };
    let form = if output.json { Form::Json } else { Form::Line };
    let mut query = EventQuery { after: Some(after), limit: PAGE, types };
    let end = print_all(&reader, &mut query, form).await?;
    if !follow {
        return Ok(());
    }
    self::follow(&reader, query, end, form, shutdown::on_signal()?).await
}

/// Prints what comes until the signal to stop, or until nobody reads it any more.
async fn follow(
    reader: &Reader,
    mut query: EventQuery,
    mut end: u64,
    form: Form,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let tail = Tail::of(reader.clone());
    while out::ended_early().is_none() {
        tokio::select! {
            moved = tail.moves_beyond(end) => moved?,
            () = stop.cancelled() => break,
        }
        end = print_all(reader, &mut query, form).await?;
    }
    Ok(())
}

/// Prints all that there is now, moves the query behind it, and answers where the log ended.
async fn print_all(reader: &Reader, query: &mut EventQuery, form: Form) -> anyhow::Result<u64> {
    loop {
        let page = match reader.events_after(query).await? {
            EventsRead::Page(page) => page,
            EventsRead::Expired(log) => bail!(
                "what comes after that position is not kept any more; the oldest position kept is {}: give --after {}",
                log.floor,
                log.floor - 1
            ),
            EventsRead::Unknown(log) => {
                bail!("the log does not reach to that position; its last position is {}", log.last_position)
            }
        };
        for event in &page.events {
            print(event, form);
        }
        query.after = Some(page.next_after);
        if !page.has_more || out::ended_early().is_some() {
            return Ok(page.log.last_position);
        }
    }
}

fn print(event: &EventRecord, form: Form) {
    match form {
        Form::Json => println!("{}", as_json(event)),
        Form::Line => println!(
            "{:>10}  {}  {:<28} {} v{}",
            event.position,
            rfc3339(event.occurred_at),
            event.event_type.as_str(),
            event.object_id,
            event.version
        ),
    }
}

fn as_json(event: &EventRecord) -> Value {
    json!({
        "position": event.position,
        "id": event.id,
        "type": event.event_type.as_str(),
        "occurred_at": rfc3339(event.occurred_at),
        "object": { "type": event.event_type.object().as_str(), "id": event.object_id, "version": event.version },
        "data": serde_json::from_str::<Value>(&event.data).unwrap_or_default(),
    })
}

/// Reads a type of events.
pub(crate) fn event_type(text: &str) -> Result<EventType, String> {
    EventType::parse(text).ok_or_else(|| format!("the types are: {}", EventType::ALL.map(EventType::as_str).join(", ")))
}
