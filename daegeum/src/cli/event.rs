//! The event log on the command line: the database is read.

use anyhow::{bail, ensure};
use clap::Subcommand;
use domain::event::EventType;
use serde_json::json;
use store::{EventCursor, EventQuery, EventRecord, EventsRead, Reader, Tail};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{
        out,
        output::{Output, print_json},
    },
    compose,
    event_json::as_json,
    serving::shutdown,
    settings::Settings,
    values::{KAFKA_CURSOR, rfc3339},
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
    /// Manage the cursors of those that daegeum itself serves: the Kafka sink and webhook endpoints
    #[command(subcommand, after_help = example!("daegeum events cursor list"))]
    Cursor(CursorAction),
}

/// What to do with a cursor.
#[derive(Debug, Subcommand)]
pub(crate) enum CursorAction {
    /// Print every cursor and how far it lies behind the end of the log
    #[command(after_help = example!("daegeum events cursor list --json"))]
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Set the cursor of a sink, so that it sends the events behind the position, again where it sent them before
    #[command(after_help = example!("daegeum events cursor set kafka 1200"))]
    Set {
        /// The sink: kafka
        #[arg(value_parser = [KAFKA_CURSOR])]
        name: String,
        /// The position before the first event; 0 is the beginning
        position: u64,
    },
    /// Remove the cursor of a sink that is switched off, so that retention no longer reports it
    #[command(after_help = example!("daegeum events cursor remove kafka"))]
    Remove {
        /// The sink: kafka
        #[arg(value_parser = [KAFKA_CURSOR])]
        name: String,
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
    let (after, types, follow, output) = match action {
        EventsAction::Tail { after, types, follow, output } => (after, types, follow, output),
        EventsAction::Cursor(action) => return cursor(settings, action).await,
    };
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

/// Carries out an action on cursors.
async fn cursor(settings: &Settings, action: CursorAction) -> anyhow::Result<()> {
    let url = settings.database()?;
    match action {
        CursorAction::List { output } => list_cursors(&compose::open_reader(&url).await?, output).await,
        CursorAction::Set { name, position } => {
            let (journal, reader) = compose::open_for_api(&url).await?;
            let log = reader.event_log().await?;
            let positions = log.floor - 1..=log.last_position;
            ensure!(
                positions.contains(&position),
                "the position must be {} to {}, not {position}",
                positions.start(),
                positions.end()
            );
            journal.set_event_cursor(&name, position).await?;
            println!("{name} goes on behind position {position}");
            Ok(())
        }
        CursorAction::Remove { name } => {
            let (journal, _) = compose::open_for_api(&url).await?;
            ensure!(journal.remove_event_cursor(&name).await?, "there is no cursor {name}");
            println!("{name} has no cursor any more; a worker with its settings begins at the oldest event kept");
            Ok(())
        }
    }
}

async fn list_cursors(reader: &Reader, output: Output) -> anyhow::Result<()> {
    let (cursors, log) = (reader.event_cursors().await?, reader.event_log().await?);
    let lag = |cursor: &EventCursor| log.last_position.saturating_sub(cursor.position);
    if output.json {
        let rows: Vec<_> = cursors
            .iter()
            .map(|cursor| {
                let held_until = cursor.held_until.map(rfc3339);
                let updated_at = rfc3339(cursor.updated_at);
                json!({ "name": cursor.name, "position": cursor.position, "lag": lag(cursor),
                        "updated_at": updated_at, "held_until": held_until })
            })
            .collect();
        return print_json(&rows);
    }
    for cursor in &cursors {
        println!(
            "{:<40} {:>10} {:>10} behind  {}",
            cursor.name,
            cursor.position,
            lag(cursor),
            rfc3339(cursor.updated_at)
        );
    }
    Ok(())
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

/// Reads a type of events.
pub(crate) fn event_type(text: &str) -> Result<EventType, String> {
    EventType::parse(text).ok_or_else(|| format!("the types are: {}", EventType::ALL.map(EventType::as_str).join(", ")))
}
