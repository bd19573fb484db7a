//! Commissions: set and list.

use anyhow::{Context as _, ensure};
use clap::{Subcommand, ValueEnum};
use domain::{
    Timestamp,
    calendar::Day,
    commission::{BasisPoints, CommissionTerms, OnRefund},
    id::SellerAccount,
};
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
        /// What becomes of the commission when an order is refunded: given back in proportion, or kept
        #[arg(long, value_enum, default_value_t = Refunded::Returned)]
        on_refund: Refunded,
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

/// What becomes of a commission when an order is refunded.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Refunded {
    /// It is given back in proportion to the refund.
    Returned,
    /// It is kept, and the seller gives the whole refund.
    Kept,
}

impl From<Refunded> for OnRefund {
    fn from(refunded: Refunded) -> Self {
        match refunded {
            Refunded::Returned => Self::Returned,
            Refunded::Kept => Self::Kept,
        }
    }
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: CommissionsAction) -> anyhow::Result<()> {
    let url = settings.database()?;
    match action {
        CommissionsAction::Set { bps, seller, on_refund, from } => {
            let (writer, _) = compose::open(&url).await?;
            let from = from.as_deref().map_or_else(|| Ok(now()), instant)?;
            let whose = whose(seller.as_ref());
            let terms = CommissionTerms { rate: bps, on_refund: on_refund.into() };
            ensure!(
                writer.set_commission(seller.as_ref(), terms, from).await?,
                "a commission for {whose} is set from {} on already, and what is set stays; choose a later --from",
                rfc3339(from)
            );
            let (points, becomes) = (bps.points(), terms.on_refund.as_str());
            audit_log::record(&writer.journal(), "commissions set", &format!("{whose}: {points} {becomes}"), "ok")
                .await?;
            println!("From {} on, {points} basis points are kept of the sales of {whose}.", rfc3339(from));
            println!("When an order is refunded, its commission is {becomes}.");
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
                    "bps": rate.terms.rate.points(),
                    "on_refund": rate.terms.on_refund.as_str(),
                    "effective_from": rfc3339(rate.effective_from),
                    "set_at": rfc3339(rate.set_at),
                })
            })
            .collect();
        return print_json(&rows);
    }
    println!("{:>6}  {:<9} {:<25} {:<25} seller", "bps", "refund", "from", "set");
    for rate in rates {
        let (from, set) = (rfc3339(rate.effective_from), rfc3339(rate.set_at));
        println!(
            "{:>6}  {:<9} {from:<25} {set:<25} {}",
            rate.terms.rate.points(),
            rate.terms.on_refund.as_str(),
            rate.seller.as_ref().map_or("*", |seller| seller.as_str())
        );
    }
    Ok(())
}
