//! What the marketplace keeps of a sale: set and list.

use anyhow::{Context as _, ensure};
use domain::{Timestamp, calendar::Day, commission::BasisPoints, id::SellerAccount};
use serde_json::json;
use store::CommissionRate;

use crate::{
    audit,
    cli::CommissionsAction,
    compose,
    ledger::{now, parse_rfc3339, rfc3339},
    settings::Settings,
};

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: CommissionsAction) -> anyhow::Result<()> {
    let (writer, reader) = compose::open(&settings.database()?).await?;
    match action {
        CommissionsAction::Set { bps, seller, from } => {
            let rate = BasisPoints::try_new(bps).context("--bps")?;
            let from = from.as_deref().map_or_else(|| Ok(now()), instant)?;
            let whose = whose(seller.as_ref());
            ensure!(
                writer.set_commission(seller.as_ref(), rate, from).await?,
                "a commission for {whose} is set from {} on already, and what is set stays; choose a later --from",
                rfc3339(from)
            );
            audit::record(&writer.journal(), "commissions set", &format!("{whose}: {bps}"), "ok").await?;
            println!("From {} on, {bps} basis points are kept of the sales of {whose}.", rfc3339(from));
        }
        CommissionsAction::List { json } => list(&reader.commission_rates().await?, json)?,
    }
    Ok(())
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

fn list(rates: &[CommissionRate], json: bool) -> anyhow::Result<()> {
    if json {
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
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
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
