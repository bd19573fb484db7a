//! The proof of the catalogue: breaks of eighteen types among ten thousand clean payments.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    bulk::paid_in_bulk,
    day_after, figure, paid,
    payouts::{self, left_behind, overdue, reconcile, steal},
    planted::{DAY_S, LATER, clean_payments, found, plant, plant_breaks, types},
};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::{Payers, names, text},
};

on_both_databases!(eighteen_types_are_found_and_nothing_else);

/// Clean payments by real checkouts: paid, and some of them given back in full or in part.
const CLEAN: usize = 100;
/// Clean payments besides, so that there are ten thousand.
const IN_BULK: usize = 10_000 - CLEAN;
/// What each of the sellers that are paid has earned; one amount is one payout.
const EARNED: [u64; 5] = [20_001, 30_002, 40_003, 50_004, 60_005];

/// The types that are planted, how many breaks each makes, and the class of each.
const PLANTED: [(&str, usize, &str); 18] = [
    ("ambiguous", 1, "finance"),
    ("amounts_differ", 1, "investigation"),
    ("bank_line_unknown", 1, "finance"),
    ("capture_unbooked", 1, "finance"),
    ("deposit_differs", 1, "finance"),
    // The payment itself, and its settlement row; so with the unknown payment.
    ("duplicate_payment", 2, "finance"),
    ("fee_differs", 1, "finance"),
    ("fee_not_returned", 1, "finance"),
    // A wallet, and two payouts whose rows are ahead of their holds.
    ("internal_differs", 3, "investigation"),
    ("lump_without_payment", 1, "finance"),
    ("missing_at_psp", 1, "investigation"),
    ("payout_answer_lost", 1, "automatic"),
    ("payout_overdue", 1, "finance"),
    ("payout_returned", 1, "finance"),
    ("payout_unknown_at_home", 1, "investigation"),
    ("refund_at_console", 1, "finance"),
    ("settlement_overdue", 1, "finance"),
    ("unknown_payment", 2, "investigation"),
];

/// A rent that nothing explains, and a deposit of Toss that no row explains.
fn import_bank_lines(payers: &Payers) {
    let statement = payers.dev.directory.path().join("statement.csv");
    let today = day_after(0);
    let lines = format!("date,amount,description\n{today},\"-55,000\",임대료\n{today},\"5,000\",토스페이먼츠\n");
    std::fs::write(&statement, lines).unwrap();
    let output = payers.command(&["bank", "import", statement.to_str().unwrap(), "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["new"], 2, "{told}");
}

/// One that came back, one that is late, one whose answer was lost, one that Toss does not have, and a stolen one.
async fn plant_payouts(payers: &Payers, sellers: &[String]) {
    let run = payouts::paid(payers, &sellers[..2]).await;
    let path = format!("payouts/{}/return", text(&run["payouts"][0], "ref_payout_id"));
    payers.dev.shop.simulate(&path, &json!({})).await;
    overdue(payers, &sellers[2], EARNED[2]).await;
    left_behind(payers, &sellers[3], "UNKNOWN").await;
    left_behind(payers, &sellers[4], "IN_PROGRESS").await;
    steal(payers, 1_500).await;
}

async fn eighteen_types_are_found_and_nothing_else(database: Kind) {
    let payers = Payers::start(database).await;
    let shop = &payers.dev.shop;
    let sellers = names("paid", EARNED.len());
    payers.register(&sellers).await;
    for (number, (seller, amount)) in sellers.iter().zip(EARNED).enumerate() {
        payers.earn(&format!("earned-{number}"), std::slice::from_ref(seller), amount).await;
    }
    clean_payments(shop, CLEAN).await;
    paid_in_bulk(shop, &payers.database_url(), IN_BULK).await;
    plant_breaks(shop).await;
    paid(shop, "paid-twice").await;
    plant(shop, "foreign_payment", Some("paid-twice"), 12_345).await;
    import_bank_lines(&payers);
    shop.simulate("clock", &json!({ "advance_s": DAY_S * u64::try_from(LATER).unwrap() })).await;
    // The rows are booked before anybody is paid from the balance.
    assert_eq!(reconcile(&payers).0, Some(1));
    plant_payouts(&payers, &sellers).await;
    payers.write(&["UPDATE wallets SET held = held + 1 WHERE seller_account = 'paid-001'".to_owned()]).await;

    let (code, report) = reconcile(&payers);
    assert_eq!(code, Some(1), "{report:#}");
    let first = found(&report);
    let expected: BTreeMap<&str, usize> = PLANTED.iter().map(|(name, count, _)| (*name, *count)).collect();
    assert_eq!(types(&first), expected, "{report:#}");
    for ((break_type, subject), class) in &first {
        let planted = PLANTED.iter().find(|(name, ..)| name == break_type);
        assert_eq!(planted.map(|(_, _, class)| *class), Some(class.as_str()), "{break_type} {subject}");
    }
    let counted: u64 = figure(&report, "transactions", "transactions").parse().unwrap();
    assert!(counted > (CLEAN + IN_BULK) as u64, "{counted} transactions were compared");

    // The same again, three times: the same breaks, and not one entry more.
    let before = shop.get("/v1/ledger/trial-balance").await;
    for _ in 0..3 {
        let (_, again) = reconcile(&payers);
        assert_eq!(found(&again).keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>(), "{again:#}");
        assert_eq!(figure(&again, "settlements", "booked_now"), "0", "{again:#}");
    }
    assert_eq!(shop.get("/v1/ledger/trial-balance").await, before);
}
