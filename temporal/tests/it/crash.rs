//! kill -9 of the worker in the middle of payments loses nothing.

use std::{path::Path, process::Command};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::stack::{Process, Shop, daegeum, temporal_cli, until};

/// How many buyers are in the middle of paying when the worker dies.
const BUYERS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let [temporal, api, simulator] = free_ports();
    let _temporal = Process::start(
        Command::new(temporal_cli()).args(["server", "start-dev", "--headless", "--ip", "127.0.0.1"]).args([
            "--port",
            &temporal.to_string(),
            "--db-filename",
            place.join("temporal.db").to_str().unwrap(),
        ]),
        &place.join("temporal.log"),
    );
    until("Temporal listens", || async { tokio::net::TcpStream::connect(("127.0.0.1", temporal)).await.is_ok() }).await;
    let role = |name: &str, log: &str| {
        let mut command = daegeum();
        command.arg("--data-dir").arg(place).env("TEMPORAL_ADDRESS", format!("127.0.0.1:{temporal}"));
        command.env("TOSS_BASE_URL", format!("http://127.0.0.1:{simulator}"));
        command.env("TOSS_SECRET_KEY", "test_sk_daegeum").env("TOSS_CLIENT_KEY", "test_ck_daegeum");
        command.args(["--listen", &format!("127.0.0.1:{api}"), name]);
        if name == "toss-sim" {
            command.args(["--sim-port", &simulator.to_string()]);
        }
        Process::start(&mut command, &place.join(log))
    };
    assert!(daegeum().arg("--data-dir").arg(place).args(["migrate", "up"]).output().unwrap().status.success());
    let shop = Shop::new(format!("http://127.0.0.1:{api}"), format!("http://127.0.0.1:{simulator}"), key(place));
    let _simulator = role("toss-sim", "simulator.log");
    let _api = role("api", "api.log");
    let worker = role("worker", "worker.log");
    until("the API answers", || async { shop.http.get(format!("{}/readyz", shop.api)).send().await.is_ok() }).await;

    let mut keys = Vec::new();
    for buyer in 0..BUYERS {
        let id = format!("crash-{buyer}");
        shop.create(&id).await;
        keys.push((id.clone(), shop.authorize(&id).await));
        // Every other charge goes through at Toss while its answer hangs.
        let kind = if buyer % 2 == 0 { "execute_and_stall" } else { "stall_before" };
        shop.simulate("mischief", &json!({ "on": "confirm", "kind": kind, "orderId": id })).await;
    }
    let confirms: Vec<_> = keys
        .into_iter()
        .map(|(id, key)| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.confirm(&id, &key, "23000").await.0 })
        })
        .collect();
    until("charges are under way", || async { shop.charged().await.0 > 0 }).await;
    worker.signal(Signal::SIGKILL);
    drop(worker);
    let _restarted = role("worker", "worker-2.log");

    for confirm in confirms {
        let status = confirm.await.unwrap();
        assert!([200, 202].contains(&status), "a buyer was told {status}");
    }
    for buyer in 0..BUYERS {
        let id = format!("crash-{buyer}");
        until(&format!("{id} is paid"), || async { shop.status(&id).await == "SUCCESS" }).await;
    }
    let expected = 23_000 * BUYERS as u64;
    assert_eq!(shop.charged().await, (expected, 0));
    assert_eq!(shop.receivable().await, expected);
}

fn key(place: &Path) -> String {
    let created = daegeum().arg("--data-dir").arg(place).args(["keys", "create", "--scope", "checkout"]).output();
    String::from_utf8(created.unwrap().stdout).unwrap().lines().last().unwrap().to_owned()
}

fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
