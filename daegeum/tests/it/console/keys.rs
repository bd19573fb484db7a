//! A key is revoked at the console, and opens nothing from then on.

use store::console::Role;

use super::signed_in;
use crate::{
    database::Kind,
    stack::{Dev, daegeum},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_revokes_a_key() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let mut command = daegeum();
    command.args(["keys", "create", "--scope", "read", "--name", "leaked", "--data-dir"]);
    let made = command.arg(dev.directory.path()).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let id = key.split('_').nth(1).unwrap().to_owned();
    let opens = async || {
        let asked = dev.shop.http.get(format!("{}/v1/payments", dev.shop.api)).bearer_auth(&key);
        asked.send().await.unwrap().status().as_u16()
    };
    assert_eq!(opens().await, 200);
    let path = format!("/console/api-keys/{id}/revoke");
    for role in [Role::Operations, Role::Finance, Role::Support] {
        let person = signed_in(&dev, role.as_str(), role).await;
        assert_eq!(person.get(&path).await.status, 403, "{}", role.as_str());
        assert_eq!(person.post(&path, &[("reason", "x")]).await.status, 403, "{}", role.as_str());
        let list = person.get("/console/api-keys").await.text;
        assert!(!list.contains("/revoke\""), "{}: {list}", role.as_str());
    }
    let admin = signed_in(&dev, "kim", Role::Admin).await;
    assert!(admin.get("/console/api-keys").await.text.contains(&path));
    let page = admin.get(&path).await.text;
    assert!(page.contains("leaked") && page.contains(&id) && !page.contains(&key), "{page}");
    let silent = admin.post(&path, &[("reason", " ")]).await.text;
    assert!(silent.contains("role=\"alert\""), "{silent}");
    assert_eq!(opens().await, 200, "nothing is revoked without a reason");
    for _ in 0..2 {
        let seen = admin.post(&path, &[("reason", "it stood in a log")]).await;
        assert!(seen.text.contains("data-outcome=\"key-revoked\""), "{} {}", seen.status, seen.text);
    }
    assert_eq!(opens().await, 401);
    assert!(!admin.get("/console/api-keys").await.text.contains(&path));
    assert_eq!(admin.post("/console/api-keys/nothing/revoke", &[("reason", "x")]).await.status, 404);
    let lines = dev.shop.get("/v1/audit-log?actor=kim&limit=100").await;
    let revoked: Vec<_> =
        lines["data"].as_array().unwrap().iter().filter(|line| line["object"] == id.as_str()).collect();
    assert!(revoked.len() == 2 && revoked.iter().all(|line| line["result"] == "200 it stood in a log"), "{lines}");
}
