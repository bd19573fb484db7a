//! Paying by bank file from outside: the deposit of the PSP, the file, its lines at the bank, and the word of two.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    payout_histories::{replays, workflow_replays},
    payouts::{Payers, names, post, text},
    reconciliation::{
        payouts::{clock_passes, reconcile_as_of},
        sweeps::balance,
    },
    stack::{Shop, day_after},
};

on_both_databases!(sellers_are_paid_by_bank_file);

/// What each seller sells, and has of it.
const SOLD: u64 = 20_000;
const EARNED: u64 = 18_000;

async fn put(payers: &Payers, seller: &str) -> (u16, Value) {
    let body = json!({ "name": "토스 상점", "business_type": "INDIVIDUAL", "email": "pay@shop.example",
        "phone": "010-1234-5678", "payout_schedule": { "cycle": "manual", "holiday": "after" },
        "bank_account": { "bank_code": "092", "account_number": "110-123-456789", "holder_name": "김토스" } });
    let url = format!("{}/v1/sellers/{seller}", payers.maker.api);
    let request = payers.maker.http.put(url).bearer_auth(&payers.maker.api_key).json(&body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn today() -> String {
    day_after(0)
}

fn import(payers: &Payers, lines: &[(&str, &str)]) {
    let statement = payers.dev.directory.path().join("statement.csv");
    let rows: Vec<String> = lines.iter().map(|(amount, label)| format!("{},\"{amount}\",{label}\n", today())).collect();
    std::fs::write(&statement, format!("date,amount,description\n{}", rows.concat())).unwrap();
    let output = payers.command(&["bank", "import", statement.to_str().unwrap(), "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The one line that nothing explains, after a return that nobody has booked.
async fn is_unknown(payers: &Payers, payout: &Value) {
    let (code, report) = reconcile_as_of(payers, 0);
    let [found] = &report["breaks"].as_array().unwrap()[..] else { panic!("{report:#}") };
    assert_eq!((code, &found["type"]), (Some(1), &json!("bank_line_unknown")), "{report:#}");
    let found = payers.maker.get(&format!("/v1/breaks/{}", text(found, "break_id"))).await;
    assert!(found.to_string().contains(text(payout, "payout_id")), "the evidence names the payout: {found:#}");
}

fn agrees(payers: &Payers) -> Value {
    let (code, report) = reconcile_as_of(payers, 0);
    assert_eq!((code, &report["breaks"]), (Some(0), &json!([])), "{report:#}");
    report
}

/// What Toss settles comes to our bank, and the books follow the line.
async fn deposited(payers: &Payers) {
    clock_passes(payers).await;
    agrees(payers);
    let settled = balance(payers, "psp:payout_balance").await;
    assert!(settled.parse::<u64>().unwrap() > 2 * EARNED, "{settled}");
    for _ in 0..2 {
        import(payers, &[(&settled, "토스페이먼츠 정산대금")]);
        agrees(payers);
        let places = (balance(payers, "psp:payout_balance").await, balance(payers, "bank").await);
        assert_eq!(places, ("0".to_owned(), settled.clone()), "a line is booked once");
    }
}

/// Takes the file over HTTP: status, hash, and bytes.
async fn take(shop: &Shop, run: &Value, body: &Value) -> (u16, String, String) {
    let url = format!("{}/v1/payout-runs/{}/bank-file", shop.api, text(run, "payout_run_id"));
    let answer = shop.http.post(url).bearer_auth(&shop.api_key).json(body).send().await.unwrap();
    let (status, etag) = (answer.status().as_u16(), answer.headers().get("etag").cloned());
    let etag = etag.map_or(String::new(), |etag| etag.to_str().unwrap().trim_matches('"').to_owned());
    (status, etag, answer.text().await.unwrap())
}

fn cli(payers: &Payers, shop: &Shop, arguments: &[&str]) -> Value {
    let mut command = payers.command(arguments);
    let output =
        command.args(["--json", "--api-url", &shop.api]).env("DAEGEUM_API_KEY", &shop.api_key).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The columns of the transfer of a seller's payout.
fn transfer(file: &str, payout: &Value) -> Vec<String> {
    let line = file.lines().find(|line| line.ends_with(text(payout, "ref_payout_id")));
    line.unwrap_or_else(|| panic!("{payout}: {file}")).split(',').map(str::to_owned).collect()
}

/// A seller whose account another principal has verified than the one who set it.
async fn verified(payers: &Payers, seller: &str) {
    let (status, body) = put(payers, seller).await;
    assert_eq!((status, &body["payout_status"]), (201, &json!("ACCOUNT_UNVERIFIED")), "{body}");
    let waiting = payers.maker.get("/v1/sellers?payout_status=ACCOUNT_UNVERIFIED").await;
    assert_eq!(waiting["data"][0]["seller_account"], seller, "{waiting}");
    let path = format!("/v1/sellers/{seller}/bank-account/verify");
    for (account, status, code) in [(2, 409, "account_not_verifiable"), (1, 403, "four_eyes")] {
        let (answered, refused) = post(&payers.maker, &path, &json!({ "account": account, "reason": "seen" })).await;
        assert_eq!((answered, &refused["code"]), (status, &json!(code)), "{refused}");
    }
    let verify = ["sellers", "verify-account", seller, "--account", "1", "--reason", "a copy of the bank book"];
    let body = cli(payers, &payers.checker, &verify);
    assert_eq!((&body["payout_status"], &body["registration"]), (&json!("APPROVED"), &Value::Null), "{body}");
    workflow_replays(payers, "verified.seller_account", &format!("seller_account.{seller}.1")).await;
}

/// A stack that pays by bank file, and verified sellers who have earned.
async fn with_sellers(database: Kind, sellers: &[String]) -> Payers {
    // What is sold today is settled for today.
    let payers = Payers::start_on(database, "by = \"bank_file\"\n", &["--sim-settlement-days", "0"]).await;
    assert!(payers.command(&["commissions", "set", "--bps", "1000"]).status().unwrap().success());
    for seller in sellers {
        verified(&payers, seller).await;
    }
    payers.earn_of("order-1", sellers, SOLD, EARNED).await;
    payers
}

/// A stack with an approved run of two sellers that waits for its bank file.
pub(crate) async fn with_approved_run() -> (Payers, Value) {
    let sellers = names("seller", 2);
    let payers = with_sellers(Kind::Sqlite, &sellers).await;
    deposited(&payers).await;
    let run = payers.freeze(&sellers).await;
    assert_eq!(payers.approve(&run).await.0, 200);
    (payers, run)
}

async fn sellers_are_paid_by_bank_file(database: Kind) {
    let sellers = names("seller", 2);
    let payers = with_sellers(database, &sellers).await;
    // Nothing is at our bank yet, so nobody is paid.
    let wanted = json!({ "seller_accounts": sellers });
    let (status, nothing) = post(&payers.maker, "/v1/payout-runs", &wanted).await;
    let reason = &nothing["carried_over"][0]["reason"];
    assert_eq!((status, reason), (200, &json!("bank_balance_short")), "{nothing}");
    deposited(&payers).await;

    let run = payers.freeze(&sellers).await;
    assert_eq!((&run["paid_by"], &run["total"]), (&json!("bank_file"), &json!("36000")), "{run}");
    let ask = json!({ "digest": run["digest"], "reason": "the transfers of today" });
    assert_eq!(take(&payers.maker, &run, &ask).await.0, 409, "nobody approved it");
    assert_eq!(payers.approve(&run).await.0, 200);
    let wrong = json!({ "digest": "0".repeat(64), "reason": "the transfers of today" });
    let (status, _, refused) = take(&payers.maker, &run, &wrong).await;
    assert!(status == 409 && refused.contains("digest_mismatch"), "{refused}");
    let key = payers.command(&["keys", "create", "--scope", "read"]).output().unwrap();
    let key = String::from_utf8(key.stdout).unwrap().lines().last().unwrap().to_owned();
    let reader = Shop { api_key: key, ..payers.maker.clone() };
    assert_eq!(take(&reader, &run, &ask).await.0, 403, "a key without the scope finance");

    // The command and twenty requests at once give the same bytes.
    let path = payers.dev.directory.path().join("transfers.csv");
    let (id, digest) = (text(&run, "payout_run_id"), text(&run, "digest"));
    let file = ["payouts", "file", id, "--digest", digest, "--reason", "today", "--output", path.to_str().unwrap()];
    let told = cli(&payers, &payers.maker, &file);
    let bytes = std::fs::read_to_string(&path).unwrap();
    let takes = futures::future::join_all((0..20).map(|_| take(&payers.checker, &run, &ask))).await;
    let given: Vec<_> = takes.into_iter().filter(|(status, ..)| *status == 200).collect();
    assert!(!given.is_empty());
    assert!(given.iter().all(|(_, etag, text)| *text == bytes && told["sha256"] == etag.as_str()), "{given:?}");
    let run = payers.maker.get(&format!("/v1/payout-runs/{id}")).await;
    assert_eq!((&run["bank_files"][0]["sha256"], &run["bank_files"][1]), (&told["sha256"], &Value::Null), "{run}");
    assert!(run["payouts"].as_array().unwrap().iter().all(|payout| payout["status"] == "IN_PROGRESS"), "{run}");
    let log = payers.command(&["audit", "list", "--json"]).output().unwrap();
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.contains("bank file 1 with SHA-256") && !log.contains("110123456789"), "{log}");
    agrees(&payers);

    // A line of the bank shows the first transfer; once, however often it comes.
    let [paid, other] = [&run["payouts"][0], &run["payouts"][1]];
    let columns = transfer(&bytes, paid);
    assert_eq!(columns[..4], ["092", "110123456789", "김토스", "18000"], "{bytes}");
    for shown in ["1", "none"] {
        import(&payers, &[("-18,000", &format!("{} 정산", columns[4]))]);
        let report = agrees(&payers);
        let figure = report["layers"]["bank"]["figures"]["transfers"].as_str().unwrap_or("none");
        assert_eq!(figure, shown, "{report:#}");
    }
    let paid_path = format!("/v1/payouts/{}", text(paid, "payout_id"));
    assert_eq!(payers.maker.get(&paid_path).await["status"], "PAID");
    // The second one failed at the bank, by the word of two principals.
    let other_path = format!("/v1/payouts/{}", text(other, "payout_id"));
    let say = async |shop: &Shop, word: &str| {
        post(shop, &format!("{other_path}/{word}"), &json!({ "reason": "the list of the bank", "attempt": 1 })).await
    };
    let unnamed = post(&payers.maker, &format!("{other_path}/failed"), &json!({ "reason": "x" })).await;
    assert_eq!(unnamed.0, 422, "a word without its attempt: {}", unnamed.1);
    for _ in 0..2 {
        let (status, noted) = say(&payers.maker, "failed").await;
        let said = (status, &noted["status"], &noted["bank_answer"]["answer"]);
        assert_eq!(said, (200, &json!("IN_PROGRESS"), &json!("failed")), "one principal alone: {noted}");
    }
    let (status, failed) = say(&payers.checker, "failed").await;
    assert_eq!((status, &failed["status"]), (200, &json!("FAILED")), "{failed}");
    assert_eq!(say(&payers.checker, "failed").await.1["status"], "FAILED");
    assert_eq!(say(&payers.checker, "paid").await.1["code"], "payout_not_actionable");
    let seller = text(other, "seller_account");
    assert_eq!(payers.wallet(seller).await["available"], "18000");
    assert_eq!(payers.completed(&run).await["status"], "COMPLETED");
    replays(&payers, "by-bank-file", &run).await;

    // Tried again it is in a file of its own, and paid by the word of two.
    let (status, again) = post(&payers.maker, &format!("{other_path}/retry"), &json!({ "reason": "mended" })).await;
    assert_eq!((status, &again["attempt"]), (200, &json!(2)), "{again}");
    let second = json!({ "digest": run["digest"], "reason": "once more", "number": 2 });
    let (status, _, second) = take(&payers.maker, &run, &second).await;
    assert_eq!((status, second.lines().count()), (200, 2), "{second}");
    for shop in [&payers.maker, &payers.checker] {
        let (status, late) = say(shop, "failed").await;
        assert_eq!((status, &late["code"]), (409, &json!("payout_not_actionable")), "of the first attempt: {late}");
    }
    for (shop, expected) in [(&payers.maker, "IN_PROGRESS"), (&payers.checker, "PAID"), (&payers.maker, "PAID")] {
        let paid = ["payouts", "paid", text(other, "payout_id"), "--attempt", "2", "--reason", "the list"];
        let told = cli(&payers, shop, &paid);
        assert_eq!(told["status"], expected, "{told}");
    }
    // The first transfer comes back: the line is explained once two principals have said so.
    import(&payers, &[("18,000", &format!("{} 반환", columns[4]))]);
    is_unknown(&payers, paid).await;
    payers.comes_back(paid).await;
    agrees(&payers);
    let seller = payers.maker.get(&format!("/v1/sellers/{}", text(paid, "seller_account"))).await;
    assert_eq!(seller["payout_status"], "ACCOUNT_UNVERIFIED", "{seller}");
    payers.lift_returned(paid).await;
    agrees(&payers);
    payers.verify_books();
    // Toss heard of no seller and no payout.
    assert_eq!(payers.paid_at_toss().await, (0, 0));
    let calls = json!(payers.dev.shop.calls().await).to_string();
    assert!(!["/v2/payouts", "/v2/sellers", "/v2/balances"].iter().any(|path| calls.contains(path)), "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_shows_something_else_ends_no_payout() {
    let (payers, run) = with_approved_run().await;
    let ask = json!({ "digest": run["digest"], "reason": "the transfers of today" });
    let (status, _, file) = take(&payers.maker, &run, &ask).await;
    assert_eq!(status, 200, "{file}");
    let [first, second] = [0, 1].map(|index| transfer(&file, &run["payouts"][index])[4].clone());
    let both = format!("{first} {second}");
    // Another amount, two transfers in one line, and one transfer in two lines.
    import(&payers, &[("-17,999", &first), ("-18,000", &both), ("-18,000", &second), ("-18,000", &second)]);
    let types = || {
        let (code, report) = reconcile_as_of(&payers, 0);
        let mut types: Vec<String> =
            report["breaks"].as_array().unwrap().iter().map(|found| text(found, "type").to_owned()).collect();
        types.sort();
        (code, types.join(" "))
    };
    let unknown = "bank_line_unknown bank_line_unknown";
    assert_eq!(types(), (Some(1), format!("ambiguous ambiguous {unknown}")));
    let payouts = run["payouts"].as_array().unwrap();
    let paths: Vec<String> =
        payouts.iter().map(|payout| format!("/v1/payouts/{}", text(payout, "payout_id"))).collect();
    for path in &paths {
        assert_eq!(payers.maker.get(path).await["status"], "IN_PROGRESS");
    }

    // What comes back has the amount of the transfer.
    for shop in [&payers.maker, &payers.checker] {
        let word = json!({ "reason": "the list of the bank", "attempt": 1 });
        assert_eq!(post(shop, &format!("{}/paid", paths[0]), &word).await.0, 200);
    }
    payers.comes_back(&payouts[0]).await;
    import(&payers, &[("17,999", &format!("{first} 반환"))]);
    assert_eq!(types(), (Some(1), format!("ambiguous ambiguous {unknown} bank_line_unknown")));
    payers.verify_books();
}
