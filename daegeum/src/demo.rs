//! The main job, once, for everyone to see: real buyers check out over HTTP, then the books are opened.
//!
//! Everything runs on the embedded default and on free ports. Each story says what it expects, so the exit
//! code tells whether daegeum works on this machine.

mod books;
mod expectation;
mod hearing;
mod payouts;
mod refunds;
mod shop;
mod stories;

use std::{path::Path, process::ExitCode, time::Instant};

use activities::payout::PayoutTiming;
use domain::calendar::ReleaseRule;
use expectation::DEADLINE;
use hearing::Hearing;
use payouts::Principals;
use shop::Shop;
use temporal::stop_leftover;

use crate::{
    dev::{DevPorts, Stack},
    roles::SimulatedMerchants,
    serving::shutdown,
    settings::{DataDir, Payouts, Settings},
};

/// Runs the stories and opens the books. Fails if any of them is not as it should be.
pub(crate) async fn run(settings: &Settings, histories: Option<&Path>) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let directory = settings.data_dir.join("demo");
    let data_dir = DataDir::take(&directory)?;
    stop_leftover(data_dir.path()).await?;
    data_dir.clear()?;
    let settings = Settings {
        data_dir: directory.clone(),
        database_url: None,
        public_url: None,
        checkout_deadline: DEADLINE,
        // Earned at noon, paid in the afternoon: nobody watches a demo for three business days.
        release_rule: ReleaseRule { business_days: 0, ..settings.release_rule.clone() },
        payouts: Payouts { timing: PayoutTiming::Express, ..settings.payouts.clone() },
        ..settings.clone()
    };
    if !settings.toss.set.is_empty() {
        eprintln!("daegeum: the demo pays at its own Toss simulator; {} are not used", settings.toss.set.join(", "));
    }
    println!("daegeum demo: real checkouts on Temporal, SQLite and a simulated Toss Payments\n");
    println!("Starting Temporal, the Toss simulator, a database, a worker and the API …");
    let stop = shutdown::on_signal()?;
    let ports =
        DevPorts { port: Some(0), temporal_port: 0, ui_port: 0, sim_port: 0, merchants: SimulatedMerchants::default() };
    let stack = Stack::start(&settings, data_dir, &ports, stop.clone()).await?;
    println!(
        "Up after {:.1} s. API {}, Temporal UI {}\n",
        seconds(began),
        stack.addresses.api,
        stack.addresses.temporal_ui
    );

    let shop = Shop::new(&stack)?;
    let told = async {
        let told = tokio::select! {
            told = tell(&shop, &settings, histories) => told,
            () = stop.cancelled() => Err(anyhow::anyhow!("stopped by a signal")),
        };
        stop.cancel();
        told
    };
    let (told, ran) = tokio::join!(told, stack.run());
    ran?;
    let wrong = told?;
    println!("Where to look further");
    println!(
        "  every step of these checkouts, in the Temporal UI:  {} dev --data-dir {}",
        crate::values::program(),
        directory.display()
    );
    println!("  the same stack, kept up, with the buyer's page:     make dev\n");
    if wrong == 0 {
        println!("All as it should be, in {:.1} s.", seconds(began));
        return Ok(ExitCode::SUCCESS);
    }
    println!("Not as it should be: {wrong}; see the lines marked ✗.");
    Ok(ExitCode::FAILURE)
}

/// Tells every story, then opens the books. Answers how many things were wrong.
async fn tell(shop: &Shop, settings: &Settings, histories: Option<&Path>) -> anyhow::Result<usize> {
    let database = settings.database()?;
    let principals = Principals::prepare(settings, &database).await?;
    let hearing = Hearing::start(shop).await?;
    let abandoned = stories::walks_away(shop).await?;
    let mut wrong = 0;
    wrong += stories::pays_by_card(shop).await?;
    wrong += stories::is_declined_and_tries_again(shop).await?;
    wrong += stories::answer_is_lost(shop).await?;
    wrong += stories::pays_into_an_account(shop, &hearing).await?;
    wrong += refunds::whole(shop).await?;
    wrong += refunds::one_order(shop).await?;
    wrong += refunds::refused(shop).await?;
    wrong += refunds::account_given_up(shop).await?;
    wrong += stories::never_came_back(shop, &abandoned).await?;
    let paid_out = payouts::sellers_are_paid(shop, &principals).await?;
    wrong += paid_out.wrong;
    wrong += books::open(shop, &database).await?;
    if let Some(directory) = histories {
        shop.record_histories(directory).await?;
        shop.record_run(directory, &paid_out.run_id).await?;
    }
    Ok(wrong)
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
