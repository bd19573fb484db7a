//! A copy of the embedded databases that is made under load, and put back.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::{
    database::Kind,
    stack::{Dev, Shop, daegeum, until},
    virtual_accounts::stands_at,
};

/// How many buyers pay while the copy is made.
const BUYERS: usize = 12;
/// What is kept apart from the copy: keys. And what Toss knows goes on, whatever we restore.
const BESIDE: [&str; 3] = ["encryption-keys", "api-key", "toss-sim.db"];

/// A buyer pays; the copy may be made at any moment of it.
async fn buy(shop: Shop, id: String) {
    shop.create(&id).await;
    let key = shop.authorize(&id).await;
    let (status, body) = shop.confirm(&id, &key, "23000").await;
    assert!([200, 202, 503].contains(&status), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_made_under_load_is_restored_and_goes_on() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = dev.shop.clone();
    buy(shop.clone(), "paid-before".to_owned()).await;
    shop.create("left-open").await;
    shop.create("awaited").await;
    let key = shop.authorize_by("awaited", "가상계좌").await;
    shop.confirm("awaited", &key, "23000").await;
    stands_at(&shop, "awaited", "WAITING_FOR_DEPOSIT").await;

    let buyers: Vec<_> = (0..BUYERS).map(|n| tokio::spawn(buy(shop.clone(), format!("buyer-{n}")))).collect();
    let restored = tempfile::tempdir().unwrap();
    let mut backup = daegeum();
    backup.arg("--data-dir").arg(dev.directory.path()).arg("backup").arg(restored.path());
    let again = format!("{}/daegeum.db exists already", restored.path().display());
    let (output, repeated) =
        tokio::task::spawn_blocking(move || (backup.output().unwrap(), backup.output().unwrap())).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&repeated.stderr).into_owned();
    assert!(!repeated.status.success() && told.contains(&again), "{told}");
    for buyer in buyers {
        buyer.await.unwrap();
    }
    shop.create("created-after").await;
    let Dev { mut process, directory, .. } = dev;
    process.signal(Signal::SIGTERM);
    assert!(process.wait(Duration::from_secs(10)));
    for name in BESIDE {
        std::fs::copy(directory.path().join(name), restored.path().join(name)).unwrap();
    }
    drop(directory);

    let dev = Dev::start_in(restored, Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    assert_eq!(shop.status("paid-before").await, "SUCCESS");
    assert_eq!(shop.status("created-after").await, "", "it came after the copy");
    let key = shop.authorize("left-open").await;
    assert_eq!(shop.confirm("left-open", &key, "23000").await.0, 200);
    shop.simulate("deposit", &json!({ "orderId": "awaited" })).await;
    stands_at(shop, "awaited", "SUCCESS").await;
    for n in 0..BUYERS {
        let id = format!("buyer-{n}");
        let is_settled = ["", "NOT_STARTED", "SUCCESS"];
        until(&format!("{id} is settled"), || async { is_settled.contains(&&*shop.status(&id).await) }).await;
    }
    // Toss may hold payments that came after the copy. No payment is charged twice, and none is booked that it lacks.
    let (held, twice) = shop.charged().await;
    assert!(twice == 0 && shop.receivable().await <= held, "{held} {twice}");
    let mut verify = daegeum();
    verify.arg("--data-dir").arg(dev.directory.path()).args(["ledger", "verify"]);
    let verified = tokio::task::spawn_blocking(move || verify.output().unwrap()).await.unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn postgres_is_backed_up_by_its_own_tools() {
    let mut backup = daegeum();
    backup.args(["--database-url", "postgres://user:hidden@127.0.0.1:1/pay", "backup", "/nowhere"]);
    let output = backup.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("docs/production.md") && !told.contains("hidden"), "{told}");
}
