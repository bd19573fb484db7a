//! Exchange rates from outside: imported once by file and by request, listed, and never changed.

use serde_json::{Value, json};

use crate::{database::Kind, on_both_databases, roles::Roles, stack::Shop};

on_both_databases!(rates_are_imported_once_and_listed);

const FILE: &str = "as_of,base,quote,kind,rate,source\n\
                    2026-11-26,USD,KRW,,1391.5,\"한국은행, 매매기준율\"\n\
                    2026-11-27T09:00:00+09:00,USD,KRW,mid,1400.25,bank\n\
                    2026-11-27,JPY,KRW,ask,9.12,bank\n";

async fn send(shop: &Shop, key: &str, csv: &str) -> (u16, Value) {
    let request = shop.http.post(format!("{}/v1/rates", shop.api)).bearer_auth(key);
    let answer = request.header("content-type", "text/csv").body(csv.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Imports a file at the command line: whether it was taken, and what it said.
fn import(roles: &Roles, csv: &str) -> Result<Value, String> {
    let file = roles.place().join("rates.csv");
    std::fs::write(&file, csv).unwrap();
    let output = roles.command(&["rates", "import", file.to_str().unwrap(), "--json"]).output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

async fn rates_are_imported_once_and_listed(database: Kind) {
    let roles = Roles::start(database).await;
    let shop = &roles.shop;
    let (finance, read) = (roles.create_key("finance"), roles.create_key("read"));
    assert_eq!(send(shop, &read, FILE).await.0, 403);
    assert_eq!(send(shop, &finance, FILE).await, (200, json!({ "new": 3, "known": 0 })));
    assert_eq!(import(&roles, FILE).unwrap(), json!({ "new": 0, "known": 3 }));
    let more = "source,as_of,base,quote,rate\nbank,2026-11-28,USD,KRW,1402\n";
    assert_eq!(import(&roles, more).unwrap(), json!({ "new": 1, "known": 0 }));

    // A rate that was published is not changed, and the line that would is named.
    let changed = FILE.replace("9.12", "9.13");
    let (status, refused) = send(shop, &finance, &changed).await;
    let told = refused["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(status == 422 && told.starts_with("line 4: ") && told.contains("9.12 KRW per JPY by bank"), "{refused}");
    let told = import(&roles, &changed).unwrap_err();
    assert!(told.contains("rates.csv, line 4: ") && told.contains("nothing was kept"), "{told}");
    let (status, refused) = send(shop, &finance, "as_of,base,quote,rate,source\n2026-11-28,USD,USD,1,a\n").await;
    assert!(status == 422 && refused.to_string().contains("line 2: a rate is of two different"), "{refused}");

    let reader = Shop { api_key: read, ..shop.clone() };
    let first = reader.get("/v1/rates?limit=3").await;
    let rest = reader.get(&format!("/v1/rates?limit=3&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    let both = first["data"].as_array().unwrap().iter().chain(rest["data"].as_array().unwrap());
    let rates: Vec<&str> = both.map(|rate| rate["rate"].as_str().unwrap()).collect();
    assert_eq!((rates, &rest["next_cursor"]), (vec!["1402", "1400.25", "9.12", "1391.5"], &Value::Null));
    let only = reader.get("/v1/rates?base=USD&quote=KRW&kind=mid&source=bank").await;
    assert_eq!(only["data"].as_array().unwrap().len(), 2, "{only}");
    let oldest = &rest["data"][0];
    let expected = json!({ "base": "USD", "quote": "KRW", "kind": "mid", "rate": "1391.5",
        "as_of": "2026-11-25T15:00:00.000Z", "source": "한국은행, 매매기준율" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&oldest[field], value, "{field}");
    }
    assert!(oldest["imported_by"].as_str().unwrap().starts_with("key:"), "{oldest}");
    let listed = roles.command(&["rates", "list", "--base", "USD", "--limit", "1"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("mid  1402 KRW per USD by bank") && listed.lines().count() == 1, "{listed}");
    let audit = shop.get("/v1/audit-log").await.to_string();
    assert!(audit.contains("rates import") && audit.contains("POST /v1/rates"), "{audit}");
}
