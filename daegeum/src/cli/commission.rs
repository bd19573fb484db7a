//! Commissions: set and list.

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use domain::{Timestamp, calendar::Day, commission::BasisPoints, id::SellerAccount};
use serde_json::json;
use store::CommissionRate;

use crate::{
    cli::{
        audit_log,
        output::{Output, print_json},
    },
    compose,
    settings::Settings,
    values::{now, parse_rfc3339, rfc3339},
};

/// What to do with commissions.
#[derive(Debug, Subcommand)]
pub(crate) enum CommissionsAction {
    /// Set the commission of sales from an instant on; earlier checkouts keep their rate
    #[command(after_help = example!("daegeum commissions set --bps 250 --seller seller-a --from 2026-12-01"))]
    Set {
        /// Hundredths of a per cent, 0 to 10000: 250 is 2.5 %
        #[arg(long, value_parser = crate::cli::commission::basis_points)]
        bps: BasisPoints,
        /// The seller [default: every seller without a rate of their own]
        #[arg(long, value_parser = |text: &str| SellerAccount::parse(text))]
        seller: Option<SellerAccount>,
        /// The start: a day in Korea, or an instant such as 2026-12-01T09:00:00+09:00 [default: now]
        #[arg(long, value_name = "DATE|TIME")]
        from: Option<String>,
    },
    /// List every rate that was set
    #[command(after_help = example!("daegeum commissions list"))]
    List {
        #[command(flatten)]
        output: Output,
    },
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: CommissionsAction) -> anyhow::Result<()> {
    let url = settings.database()?;
    match action {
        CommissionsAction::Set { bps, seller, from } => {
            let (writer, _) = compose::open(&url).await?;
            let from = from.as_deref().map_or_else(|| Ok(now()), instant)?;
            let whose = whose(seller.as_ref());
            ensure!(
                writer.set_commission(seller.as_ref(), bps, from).await?,
                "a commission for {whose} is set from {} on already, and what is set stays; choose a later --from",
                rfc3339(from)
            );
            audit_log::record(&writer.journal(), "commissions set", &format!("{whose}: {}", bps.points()), "ok")
                .await?;
            let points = bps.points();
            println!("From {} on, {points} basis points are kept of the sales of {whose}.", rfc3339(from));
        }
        CommissionsAction::List { output } => {
            list(&compose::open_reader(&url).await?.commission_rates().await?, output)?;
        }
    }
    Ok(())
}

/// Reads a commission, in hundredths of a per cent.
pub(crate) fn basis_points(text: &str) -> Result<BasisPoints, String> {
    let points = text.parse::<u16>().ok().and_then(|points| BasisPoints::try_new(points).ok());
    points.ok_or_else(|| {
        "must be a whole number of basis points, hundredths of a per cent, from 0 to 10000: 250 is 2.5 %".to_owned()
    })
}

/// A day in Korea, which is its first instant, or an instant.
fn instant(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(day.start());
    }
    parse_rfc3339(text).context("--from takes a day such as 2026-12-01 or a time such as 2026-12-01T09:00:00+09:00")
}

fn whose(seller: Option<&SellerAccount>) -> &str {
    seller.map_or("every seller without a rate of their own", SellerAccount::as_str)
}

fn list(rates: &[CommissionRate], output: Output) -> anyhow::Result<()> {
    if output.json {
        let rows: Vec<_> = rates
            .iter()
            .map(|rate| {
                json!({
                    "seller_account": rate.seller.as_ref().map(SellerAccount::as_str),
                    "bps": rate.rate.points(),
                    "effective_from": rfc3339(rate.effective_from),
                    "set_at": rfc3339(rate.set_at),
                })
            })
            .collect();
        return print_json(&rows);
    }
    println!("{:>6}  {:<25} {:<25} seller", "bps", "from", "set");
    for rate in rates {
        let (from, set) = (rfc3339(rate.effective_from), rfc3339(rate.set_at));
        println!(
            "{:>6}  {from:<25} {set:<25} {}",
            rate.rate.points(),
            rate.seller.as_ref().map_or("*", |seller| seller.as_str())
        );
    }
    Ok(())
}
