//! API keys: what opens, what does not, and when it ends.

use domain::{
    Timestamp,
    id::{ApiKeyId, SellerAccount},
};
use sea_orm::ConnectionTrait;
use store::{Grant, NewKey, Pepper, Scope, Scopes, Secret};

use crate::{database::Fresh, on_both_databases};

on_both_databases!(
    a_key_opens_with_its_secret_under_its_pepper,
    who_writes_to_the_database_cannot_give_a_key_more_rights,
    who_writes_to_the_database_cannot_revive_or_prolong_a_key,
    a_key_from_before_refunds_had_a_scope_goes_on_as_it_was,
    a_key_is_rotated_and_both_are_one_client,
    a_use_is_written_once_a_minute,
);

const SECRET: &str = "secret";
/// Long past, for ends that have come.
const PAST: Timestamp = Timestamp::from_epoch_ms(1);
/// Far off, for ends that have not.
const FUTURE: Timestamp = Timestamp::from_epoch_ms(4_000_000_000_000);

fn id(text: &str) -> ApiKeyId {
    ApiKeyId::parse(text).unwrap()
}

fn pepper() -> Pepper {
    Pepper::parse("0123456789abcdef0123456789abcdef").unwrap()
}

fn grant() -> Grant {
    Grant { id: id("first"), origin: id("first"), scopes: Scopes::only(Scope::Read), seller: None, refund_limit: None }
}

fn new_key(grant: &Grant, expires_at: Option<Timestamp>) -> NewKey<'_> {
    NewKey { grant, name: "shop", expires_at, shown_to: None }
}

async fn create(fresh: &Fresh, pepper: &Pepper, expires_at: Option<Timestamp>) {
    fresh.writer.create_api_key(new_key(&grant(), expires_at), Secret { text: SECRET, pepper }).await.unwrap();
}

async fn opens(fresh: &Fresh, secret: &str, pepper: &Pepper) -> bool {
    let key = fresh.reader.api_key(&id("first")).await.unwrap().unwrap();
    key.opens_with(secret, pepper, Timestamp::from_epoch_ms(2_000_000_000_000))
}

async fn a_key_opens_with_its_secret_under_its_pepper(fresh: Fresh) {
    create(&fresh, &pepper(), Some(FUTURE)).await;
    assert!(opens(&fresh, SECRET, &pepper()).await);
    assert!(!opens(&fresh, "Secret", &pepper()).await);
    assert!(!opens(&fresh, SECRET, &Pepper::default()).await);
    let shut_out = async |pepper: &Pepper| {
        let peppered = fresh.reader.peppered(pepper).await.unwrap();
        (peppered.good, peppered.shut_out)
    };
    assert_eq!(shut_out(&pepper()).await, (1, vec![]));
    assert_eq!(shut_out(&Pepper::default()).await, (1, vec![id("first")]));
    let again = Secret { text: SECRET, pepper: &pepper() };
    assert!(fresh.writer.create_api_key(new_key(&grant(), None), again).await.is_err());
    assert!(fresh.writer.journal().revoke_api_key(&id("first"), &pepper()).await.unwrap());
    assert!(!fresh.writer.journal().revoke_api_key(&id("first"), &pepper()).await.unwrap());
    assert!(!opens(&fresh, SECRET, &pepper()).await);
    assert_eq!(shut_out(&Pepper::default()).await, (0, vec![]), "a key that has ended is shut out anyway");
    assert!(fresh.reader.api_keys().await.unwrap()[0].revoked_at.is_some());
}

async fn who_writes_to_the_database_cannot_give_a_key_more_rights(fresh: Fresh) {
    create(&fresh, &pepper(), None).await;
    assert!(opens(&fresh, SECRET, &pepper()).await);
    for (change, back) in [
        ("scope = 'ops'", "scope = 'read'"),
        ("seller_account = 'seller-a'", "seller_account = NULL"),
        ("origin = 'other'", "origin = 'first'"),
        ("scope = 'read,refund'", "scope = 'read'"),
        ("refund_limit = 5, refund_currency = 'KRW'", "refund_limit = NULL, refund_currency = NULL"),
        ("format = 1", "format = 2"),
    ] {
        let set = async |set: &str| {
            let statement = format!("UPDATE api_keys SET {set}");
            fresh.database.connection().execute_unprepared(&statement).await.unwrap();
        };
        set(change).await;
        assert!(!opens(&fresh, SECRET, &pepper()).await, "{change}");
        set(back).await;
        assert!(opens(&fresh, SECRET, &pepper()).await, "{back}");
    }
    assert!(Pepper::parse("short").is_err());
    assert!(!format!("{:?}", pepper()).contains("0123456789"));
}

async fn who_writes_to_the_database_cannot_revive_or_prolong_a_key(fresh: Fresh) {
    let set = async |set: &str| {
        let statement = format!("UPDATE api_keys SET {set}");
        fresh.database.connection().execute_unprepared(&statement).await.unwrap();
    };
    create(&fresh, &pepper(), Some(FUTURE)).await;
    assert!(opens(&fresh, SECRET, &pepper()).await);
    for prolonged in ["expires_at = NULL", "expires_at = '2200-01-01 00:00:00+00:00'", "row_mac = NULL"] {
        set(prolonged).await;
        assert!(!opens(&fresh, SECRET, &pepper()).await, "{prolonged}");
    }
    let ended = Secret { text: "another", pepper: &pepper() };
    assert_eq!(fresh.writer.rotate_api_key(&id("first"), id("second"), FUTURE, ended).await.unwrap(), None);
    assert!(fresh.writer.journal().revoke_api_key(&id("first"), &pepper()).await.unwrap());
    set("revoked_at = NULL").await;
    assert!(!opens(&fresh, SECRET, &pepper()).await, "revived");
    let key = fresh.reader.api_key(&id("first")).await.unwrap().unwrap();
    assert!(!key.is_intact(&pepper()) && !key.is_good(&pepper(), PAST));
}

/// The rows are those that the version before wrote, with and without a pepper.
async fn a_key_from_before_refunds_had_a_scope_goes_on_as_it_was(fresh: Fresh) {
    const OLD: [(&str, &str, &str); 2] = [
        ("oldcheckout", "checkout", "b05368656ff8636637dfac0136cc4d6d5edb4f2488f886fdaa365a249bf369bf"),
        ("oldread", "read", "0fdb36c4ece1894fb3b138de49c904da869353752bf894a4a17758af68f41a51"),
    ];
    for (name, scope, hash) in OLD {
        let statement = format!(
            "INSERT INTO api_keys (api_key_id, name, scope, secret_hash, created_at, pepper_id) \
             VALUES ('{name}', 'shop', '{scope}', '{hash}', CURRENT_TIMESTAMP, NULL)"
        );
        fresh.database.connection().execute_unprepared(&statement).await.unwrap();
    }
    let key = async |name: &str| fresh.reader.api_key(&id(name)).await.unwrap().unwrap();
    let (checkout, read) = (key("oldcheckout").await, key("oldread").await);
    assert!(checkout.opens_with(SECRET, &pepper(), PAST) && read.opens_with(SECRET, &Pepper::default(), PAST));
    assert_eq!(
        (checkout.grant.scopes.to_text(), read.grant.scopes.to_text()),
        ("checkout,refund".into(), "read".into())
    );
    assert!(checkout.refunds_by_age() && !read.refunds_by_age());

    let secret = Secret { text: "new", pepper: &pepper() };
    let grant = fresh.writer.rotate_api_key(&id("oldcheckout"), id("newcheckout"), FUTURE, secret).await.unwrap();
    assert_eq!(grant.unwrap().scopes.to_text(), "checkout,refund");
    assert!(!key("newcheckout").await.refunds_by_age());
    assert!(key("oldcheckout").await.opens_with(SECRET, &pepper(), PAST), "the overlap");
}

async fn a_key_is_rotated_and_both_are_one_client(fresh: Fresh) {
    let pepper = Pepper::default();
    let seller = Some(SellerAccount::parse("seller-a").unwrap());
    let first = Grant { seller: seller.clone(), ..grant() };
    fresh.writer.create_api_key(new_key(&first, None), Secret { text: SECRET, pepper: &pepper }).await.unwrap();
    let rotate = async |old: &str, new: &str, ends| {
        let secret = Secret { text: new, pepper: &pepper };
        fresh.writer.rotate_api_key(&id(old), id(new), ends, secret).await.unwrap()
    };
    let second = rotate("first", "second", FUTURE).await.unwrap();
    assert_eq!(second, Grant { id: id("second"), seller, ..grant() });
    assert!(opens(&fresh, SECRET, &pepper).await, "the overlap");
    let key = fresh.reader.api_key(&id("second")).await.unwrap().unwrap();
    assert!(key.opens_with("second", &pepper, PAST) && key.name == "shop" && key.expires_at.is_none());
    assert_eq!(rotate("second", "third", PAST).await.unwrap().origin, id("first"));
    assert_eq!(rotate("second", "fourth", FUTURE).await, None, "it has ended");
    assert_eq!(rotate("nobody", "fourth", FUTURE).await, None);
    assert_eq!(fresh.reader.api_keys().await.unwrap().len(), 3);
}

async fn a_use_is_written_once_a_minute(fresh: Fresh) {
    create(&fresh, &Pepper::default(), None).await;
    let journal = fresh.writer.journal();
    let used = async |ms: i64| {
        journal.api_key_used(&id("first"), Timestamp::from_epoch_ms(ms)).await.unwrap();
        let last = fresh.reader.api_key(&id("first")).await.unwrap().unwrap().last_used_at;
        last.unwrap().epoch_ms()
    };
    assert_eq!(used(1_000_000).await, 1_000_000);
    assert_eq!(used(1_059_999).await, 1_000_000);
    assert_eq!(used(1_060_000).await, 1_060_000);
    assert_eq!(used(5).await, 1_060_000, "an older one changes nothing");
}
