//! Buyers' personal details.

use anyhow::Context as _;
use clap::Subcommand;
use domain::id::BuyerId;

use crate::{cli::audit_log, compose, settings::Settings};

/// What to do with what is kept of buyers.
#[derive(Debug, Subcommand)]
pub(crate) enum BuyersAction {
    /// Erase a buyer's name, e-mail address, telephone number and cards for good; payments and books stay
    #[command(after_help = example!("daegeum buyers erase buyer-1"))]
    Erase {
        /// The marketplace's id of the buyer
        buyer_id: String,
    },
}

/// Erases what is kept of a buyer.
pub(crate) async fn run(settings: &Settings, action: BuyersAction) -> anyhow::Result<()> {
    let BuyersAction::Erase { buyer_id } = action;
    let buyer_id = BuyerId::parse(buyer_id).context("this is no id of a buyer")?;
    let (writer, _) = compose::open(&settings.database()?).await?;
    let erased = writer.journal().erase_buyer(&buyer_id).await?;
    audit_log::record(&writer.journal(), "buyers erase", buyer_id.as_str(), "ok").await?;
    println!(
        "Erased the personal details of buyer {buyer_id} from {} checkouts; payments and books stay.",
        erased.checkouts
    );
    println!("Erased the hash of the card from {} risk decisions.", erased.cards);
    println!("Erased the name on {} virtual accounts.", erased.account_holders);
    Ok(())
}
