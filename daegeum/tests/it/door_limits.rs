//! The limits, set low, from outside.

use crate::{database::Kind, roles::Roles};

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_much_is_told_when_to_come_again() {
    let roles = Roles::start(Kind::Sqlite).await;
    let settings = roles.place().join("limits.toml");
    let text = "trusted_proxies = [\"127.0.0.1\"]\n[limits]\nrequests_per_key = 5\nfailed_authentications = 3\n";
    std::fs::write(&settings, text).unwrap();
    let (_process, api) = roles.another_api(&[], &["--config", settings.to_str().unwrap()]).await;
    let url = format!("{api}/v1/payments?limit=1");
    let send = async |key: &str, from: &str| {
        let request = roles.shop.http.get(&url).bearer_auth(key).header("x-forwarded-for", from);
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        (response.status().as_u16(), text("retry-after"), text("ratelimit-policy"), text("ratelimit"))
    };

    let unknown = service::api_key::SecretKey::mint(&"beef".to_owned().try_into().unwrap(), &"0".repeat(64));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(send(&unknown, "203.0.113.9").await.0);
    }
    assert_eq!(statuses, [401, 401, 401, 429], "a guesser is held up");
    assert_eq!(send(&unknown, "203.0.113.10").await.0, 401, "another address is not");
    let (status, _, policy, left) = send(&roles.shop.api_key, "203.0.113.9").await;
    assert_eq!(status, 200, "a valid key passes from the same address");
    assert!(policy.ends_with("\"key\";q=5;w=10") && left.contains("\"key\";r=4;"), "{policy} {left}");

    let mut refused = None;
    for _ in 0..20 {
        let answer = send(&roles.shop.api_key, "203.0.113.9").await;
        if answer.0 == 429 {
            refused = Some(answer);
            break;
        }
    }
    let (_, retry_after, _, left) = refused.unwrap();
    assert!(left.contains("\"key\";r=0;") && (1..=2).contains(&retry_after.parse::<u32>().unwrap()), "{retry_after}");
    let other = roles.create_key("read");
    assert_eq!(send(&other, "203.0.113.9").await.0, 200, "another key is not held up");
}
