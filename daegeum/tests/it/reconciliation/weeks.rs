//! More than four weeks of trading with refunds and payouts: in the end every receivable is matched.

use serde_json::json;

use super::{
    day_after,
    payouts::clock_passes,
    planted::{LATER, balance},
    reconcile_ahead,
};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::{Payers, names, post, text},
    roles::temporal_at,
};

on_both_databases!(weeks_of_trading_leave_nothing_unmatched);

/// Each of [`LATER`] days, after which all rows of its first day are listed and paid.
const ROUNDS: i64 = 4;
/// We keep a twentieth, which is more than the PSP takes: its balance is enough for every seller.
const COMMISSION_PART: u64 = 20;
const COMMISSION_BPS: &str = "500";

/// Two sales that stay, one that is given back in full, and one of which a part goes back.
async fn trade(payers: &Payers, round: i64, sellers: &[String]) {
    let mut available = 0;
    for (number, amount) in [20_000, 30_000, 40_000, 55_000].into_iter().enumerate() {
        available += amount - amount / COMMISSION_PART;
        payers.buy(&format!("round-{round}-{number}"), sellers, amount).await;
    }
    // The PSP's clock is ahead, and so is the day from which a sale may be paid out.
    let now = chrono::Utc::now().to_rfc3339();
    let of_round = format!("WHERE checkout_id LIKE 'round-{round}-%'");
    payers.write(&[format!("UPDATE payment_orders SET releases_at = '{now}' {of_round}")]).await;
    payers.have_available(sellers, available).await;
    let shop = &payers.dev.shop;
    assert_eq!(shop.delete(&format!("round-{round}-2")).await.status, 200);
    let part = json!({ "amount": "7777", "reason": "변심" });
    let sold = shop.get(&format!("/v1/payments/round-{round}-3")).await;
    let order = text(&sold["payment_orders"][0], "payment_order_id").to_owned();
    let refunded = shop.cancel(&order, &format!("part-of-{round}"), &part).await;
    assert_eq!(refunded.status, 200, "{}", refunded.body);
}

async fn weeks_of_trading_leave_nothing_unmatched(database: Kind) {
    let payers = Payers::start(database).await;
    let shop = &payers.dev.shop;
    let temporal = temporal_at(&payers.temporal()).await;
    let sellers = names("trader", 3);
    payers.register(&sellers).await;
    assert!(payers.command(&["commissions", "set", "--bps", COMMISSION_BPS]).status().unwrap().success());
    let mut paid_out = 0;
    for round in 0..ROUNDS {
        trade(&payers, round, &sellers).await;
        assert!(balance(shop, "psp:receivable").await > 0);
        clock_passes(&payers).await;
        let (day, as_of) = (day_after(round * LATER), day_after((round + 1) * LATER));
        let run = reconcile_ahead(&temporal, shop, &day, &as_of).await;
        assert_eq!(run["status"], "CLEAN", "round {round}: {run:#}");
        assert_eq!(balance(shop, "psp:receivable").await, 0, "every receivable of round {round} is matched");
        // What the PSP has settled is paid to the sellers.
        let wanted = json!({ "seller_accounts": sellers, "date": as_of });
        let (status, run) = post(&payers.maker, "/v1/payout-runs", &wanted).await;
        assert_eq!((status, payers.approve(&run).await.0), (201, 200), "{run}");
        paid_out += text(&payers.completed(&run).await, "total").parse::<u64>().unwrap();
    }
    clock_passes(&payers).await;
    let (day, as_of) = (day_after(ROUNDS * LATER), day_after((ROUNDS + 1) * LATER));
    let run = reconcile_ahead(&temporal, shop, &day, &as_of).await;
    assert_eq!(run["status"], "CLEAN", "{run:#}");
    for account in ["psp:receivable", "suspense", "refunds:payable"] {
        assert_eq!(balance(shop, account).await, 0, "{account}");
    }
    let (completed, count) = payers.paid_at_toss().await;
    assert_eq!((completed, count), (paid_out, 3 * u64::try_from(ROUNDS).unwrap()), "each seller is paid each time");
    for seller in &sellers {
        let wallet = &payers.wallet(seller).await;
        let left = ["pending", "available", "held", "in_transit"].map(|part| text(wallet, part).to_owned());
        assert_eq!(left, ["0"; 4].map(str::to_owned), "{seller}: {wallet}");
    }
    payers.verify_books();
}
