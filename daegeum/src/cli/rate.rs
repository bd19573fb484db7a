//! `daegeum rates`: exchange rates, for display, limits and reports.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use domain::{Currency, rate::Rate};
use serde_json::json;
use service::{rate_file, table::text};
use store::{RateFilter, Window};

use crate::{
    cli::{
        audit_log,
        output::{Output, counted, print_json},
    },
    compose,
    settings::Settings,
    values::rfc3339,
};

/// What to do with exchange rates.
#[derive(Debug, Subcommand)]
pub(crate) enum RatesAction {
    /// Keep the exchange rates of a file, each once; none of them where one is kept with another value
    #[command(after_help = example!("daegeum rates import rates.csv"))]
    Import {
        /// The CSV file: as_of, base, quote, rate, source, and where wanted kind (bid, mid, ask)
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// List the exchange rates, the newest first
    #[command(after_help = example!("daegeum rates list --base USD --quote KRW"))]
    List {
        /// The currency of which one unit is counted
        #[arg(long, value_name = "CURRENCY")]
        base: Option<Currency>,
        /// The currency in which it is counted
        #[arg(long, value_name = "CURRENCY")]
        quote: Option<Currency>,
        /// The most rates
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
        #[command(flatten)]
        output: Output,
    },
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: RatesAction) -> anyhow::Result<()> {
    match action {
        RatesAction::Import { file, output } => {
            let csv = std::fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
            let lines = text(&csv).and_then(|csv| rate_file::read(&csv));
            let lines = lines.with_context(|| format!("{} is no file of rates", file.display()))?;
            let rates: Vec<Rate> = lines.iter().map(|line| line.rate.clone()).collect();
            let (journal, _) = compose::open_for_api(&settings.database()?).await?;
            let by = format!("operator:{}", audit_log::operator());
            let imported = journal.import_rates(&rates, &by).await?;
            let imported = imported.map_err(|taken| {
                anyhow!("{}, line {}: {taken}; nothing was kept", file.display(), lines[taken.index].line)
            })?;
            audit_log::record(&journal, "rates import", "", &counted(imported.fresh, "new rate")).await?;
            output.print_imported(imported, "rate")
        }
        RatesAction::List { base, quote, limit, output } => {
            let reader = compose::open_reader(&settings.database()?).await?;
            let filter = RateFilter { base, quote, ..RateFilter::default() };
            let page = reader.rates(&filter, &Window { after: None, limit }).await?;
            if output.json {
                let rates = page.items.iter().map(|record| {
                    let Rate { pair, kind, value, as_of, source } = &record.rate;
                    json!({
                        "base": pair.base().code(), "quote": pair.quote().code(), "kind": kind.as_str(),
                        "rate": value.to_string(), "as_of": rfc3339(*as_of), "source": source,
                        "imported_by": record.imported_by, "imported_at": rfc3339(record.imported_at),
                    })
                });
                return print_json(&rates.collect::<Vec<_>>());
            }
            for record in &page.items {
                println!("{}  {:<3}  {}", rfc3339(record.rate.as_of), record.rate.kind.as_str(), record.rate);
            }
            if page.items.is_empty() {
                println!("No rates. `daegeum rates import FILE` keeps some.");
            }
            Ok(())
        }
    }
}
