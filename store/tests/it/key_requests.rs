//! Requests for API keys: two persons, one key, and nothing that a writer to the database can forge.

use domain::{
    Timestamp,
    id::{ApiKeyId, PersonId},
};
use sea_orm::ConnectionTrait;
use store::{
    ApiKey, Decision, Grant, Journal, KeyForm, KeyRefusal, KeyRequestRecord, KeyStanding, MAX_DECISION_MS,
    MAX_SHOWING_MS, NewKey, NewKeyRequest, Pepper, SHOWN_AGAIN_MS, Scope, Scopes, Secret, ShownKey, StoreError,
};
use uuid::Uuid;

use crate::{database::Fresh, on_both_databases};

on_both_databases!(
    a_request_is_decided_by_another_person_once,
    a_key_is_shown_to_one_person_by_one_form,
    of_two_forms_at_once_one_makes_the_key,
    what_comes_too_late_makes_no_key,
    who_writes_to_the_database_approves_and_widens_nothing,
    a_replacement_ends_the_old_key_with_the_showing,
);

const NOW: Timestamp = Timestamp::from_epoch_ms(1_800_000_000_000);

fn pepper() -> Pepper {
    Pepper::parse("0123456789abcdef0123456789abcdef").unwrap()
}

fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

fn seed(digit: &str) -> String {
    digit.repeat(64)
}

fn wanted(form: KeyForm) -> NewKeyRequest {
    NewKeyRequest {
        request_id: Uuid::new_v4(),
        key_id: ApiKeyId::parse(Uuid::new_v4().simple().to_string()[..12].to_owned()).unwrap(),
        form,
        name: "shop".to_owned(),
        scopes: Scopes::only(Scope::Checkout),
        seller: None,
        refund_limit: None,
        reason: "it moves".to_owned(),
        requested_by: person("kim"),
        requested_at: NOW,
    }
}

async fn asked(journal: &Journal) -> NewKeyRequest {
    let request = wanted(KeyForm::New { lifetime_ms: Some(1_000_000) });
    journal.ask_for_key(&request, &pepper()).await.unwrap().asked
}

async fn decided(
    journal: &Journal,
    id: Uuid,
    decision: Decision,
    by: &str,
    at: Timestamp,
) -> Result<KeyRequestRecord, KeyRefusal> {
    journal.decide_key_request(id, decision, (&person(by), at), &pepper()).await.unwrap()
}

async fn shown(journal: &Journal, id: Uuid, seed: &str, by: &str, at: Timestamp) -> Result<ShownKey, KeyRefusal> {
    journal.show_key(id, seed, (&person(by), at), &pepper()).await.unwrap()
}

async fn key(fresh: &Fresh, id: &ApiKeyId) -> Option<ApiKey> {
    fresh.reader.api_key(id).await.unwrap()
}

async fn a_request_is_decided_by_another_person_once(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let request = asked(&journal).await;
    let again = NewKeyRequest { name: "another".to_owned(), ..request.clone() };
    assert_eq!(journal.ask_for_key(&again, &pepper()).await.unwrap().asked, request, "the first one stays");
    let (id, approve) = (request.request_id, Decision::Approved);
    assert_eq!(decided(&journal, Uuid::new_v4(), approve, "lee", NOW).await.unwrap_err(), KeyRefusal::Unknown);
    assert_eq!(decided(&journal, id, approve, "kim", NOW).await.unwrap_err(), KeyRefusal::FourEyes);
    let (lee, han) =
        tokio::join!(decided(&journal, id, approve, "lee", NOW), decided(&journal, id, Decision::Rejected, "han", NOW));
    assert!(lee.is_ok() != han.is_ok(), "{lee:?} {han:?}");
    let first = lee.or(han).unwrap();
    let (by, decision) = (first.decided_by.clone().unwrap(), first.decision.unwrap());
    assert_eq!(decided(&journal, id, decision, by.as_str(), NOW.plus_ms(5)).await.unwrap(), first, "said again");
    let third = decided(&journal, id, decision, "mina", NOW).await.unwrap_err();
    assert!(matches!(third, KeyRefusal::Stands(_)), "{third:?}");
    // The person who asked may take the request back.
    let own = asked(&journal).await.request_id;
    let taken_back = decided(&journal, own, Decision::Rejected, "kim", NOW).await.unwrap();
    assert_eq!(taken_back.standing(NOW), KeyStanding::Rejected);
    assert_eq!(
        shown(&journal, own, &seed("a"), "kim", NOW).await.unwrap_err(),
        KeyRefusal::Stands(KeyStanding::Rejected)
    );
    // The database repeats the check.
    let id = asked(&journal).await.request_id;
    let forged = format!(
        "UPDATE api_key_requests SET decision = 'APPROVED', decided_by = requested_by WHERE request_id = '{id}'"
    );
    assert!(fresh.database.connection().execute_unprepared(&forged).await.is_err());
}

async fn a_key_is_shown_to_one_person_by_one_form(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let request = asked(&journal).await;
    let id = request.request_id;
    let waits = KeyRefusal::Stands(KeyStanding::Waiting);
    assert_eq!(shown(&journal, id, &seed("a"), "kim", NOW).await.unwrap_err(), waits);
    decided(&journal, id, Decision::Approved, "lee", NOW).await.unwrap();
    assert_eq!(shown(&journal, id, &seed("a"), "lee", NOW).await.unwrap_err(), KeyRefusal::OfAnother);
    for no_seed in ["", "a", &seed("A"), &seed("ab")] {
        assert_eq!(shown(&journal, id, no_seed, "kim", NOW).await.unwrap_err(), KeyRefusal::Seed);
    }
    assert_eq!(key(&fresh, &request.key_id).await, None);
    let first = shown(&journal, id, &seed("a"), "kim", NOW).await.unwrap();
    let made = key(&fresh, &request.key_id).await.unwrap();
    assert!(made.opens_with(&first.secret, &pepper(), NOW) && first.secret != seed("a"));
    assert_eq!((made.grant.scopes, made.shown_to.as_ref()), (request.scopes, Some(&person("kim"))));
    assert_eq!(made.expires_at, Some(NOW.plus_ms(1_000_000)));
    let soon = NOW.plus_ms(SHOWN_AGAIN_MS - 1);
    assert_eq!(shown(&journal, id, &seed("a"), "kim", soon).await.unwrap().secret, first.secret);
    let is_shown = KeyRefusal::Stands(KeyStanding::Shown);
    assert_eq!(shown(&journal, id, &seed("b"), "kim", soon).await.unwrap_err(), is_shown);
    let later = NOW.plus_ms(SHOWN_AGAIN_MS);
    assert_eq!(shown(&journal, id, &seed("a"), "kim", later).await.unwrap_err(), is_shown);
    assert_eq!(fresh.reader.holders_of_line(&request.key_id).await.unwrap(), [person("kim")]);
    // A row that is set back makes no second key: the id is taken.
    let back = format!("UPDATE api_key_requests SET shown_at = NULL WHERE request_id = '{id}'");
    fresh.database.connection().execute_unprepared(&back).await.unwrap();
    let again = journal.show_key(id, &seed("c"), (&person("kim"), soon), &pepper()).await;
    assert!(matches!(again, Err(StoreError::Database(_))), "{again:?}");
}

async fn of_two_forms_at_once_one_makes_the_key(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let request = asked(&journal).await;
    let id = request.request_id;
    decided(&journal, id, Decision::Approved, "lee", NOW).await.unwrap();
    let (one, other) = (seed("a"), seed("b"));
    let both = tokio::join!(
        shown(&journal, id, &one, "kim", NOW),
        shown(&journal, id, &one, "kim", NOW),
        shown(&journal, id, &other, "kim", NOW)
    );
    let secrets: Vec<_> = [both.0, both.1, both.2].into_iter().flatten().map(|shown| shown.secret).collect();
    assert!(!secrets.is_empty() && secrets.windows(2).all(|pair| pair[0] == pair[1]), "one secret");
    assert!(key(&fresh, &request.key_id).await.unwrap().opens_with(&secrets[0], &pepper(), NOW));
}

async fn what_comes_too_late_makes_no_key(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let id = asked(&journal).await.request_id;
    let expired = KeyRefusal::Stands(KeyStanding::Expired);
    let late = NOW.plus_ms(MAX_DECISION_MS);
    assert_eq!(decided(&journal, id, Decision::Approved, "lee", late).await.unwrap_err(), expired);
    decided(&journal, id, Decision::Approved, "lee", late.minus_ms(1)).await.unwrap();
    let late = late.minus_ms(1).plus_ms(MAX_SHOWING_MS);
    assert_eq!(shown(&journal, id, &seed("a"), "kim", late).await.unwrap_err(), expired);
    assert!(shown(&journal, id, &seed("a"), "kim", late.minus_ms(1)).await.is_ok());
}

async fn who_writes_to_the_database_approves_and_widens_nothing(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let set = async |id: Uuid, set: &str| {
        let statement = format!("UPDATE api_key_requests SET {set} WHERE request_id = '{id}'");
        fresh.database.connection().execute_unprepared(&statement).await.unwrap();
    };
    let corrupt = |answer: Result<_, StoreError>| matches!(answer, Err(StoreError::Corrupt { .. }));
    let show = async |id: Uuid| {
        journal.show_key(id, &seed("a"), (&person("kim"), NOW), &pepper()).await.map(|shown| shown.map(drop))
    };
    let forged = asked(&journal).await.request_id;
    set(forged, "decision = 'APPROVED', decided_by = 'lee', decided_at = requested_at, decision_mac = 'ab'").await;
    assert!(corrupt(show(forged).await), "approved past daegeum");
    for change in [
        "scope = 'ops'",
        "scope = 'checkout,refund'",
        "lifetime_ms = NULL",
        "requested_by = 'han'",
        "name = 'other'",
        "reason = 'other'",
        "refund_limit = 5, refund_currency = 'KRW'",
        "seller_account = 'seller-a'",
        "decided_by = 'han'",
        "decided_at = '2000-01-01 00:00:00+00:00'",
        "replaces = 'another', overlap_ms = 5",
    ] {
        let id = asked(&journal).await.request_id;
        decided(&journal, id, Decision::Approved, "lee", NOW).await.unwrap();
        set(id, change).await;
        assert!(corrupt(show(id).await), "{change}");
    }
    let other = Pepper::parse(&"x".repeat(32)).unwrap();
    let id = asked(&journal).await.request_id;
    assert!(journal.decide_key_request(id, Decision::Approved, (&person("lee"), NOW), &other).await.is_err());
    // The holder of a key is covered as its end is.
    decided(&journal, id, Decision::Approved, "lee", NOW).await.unwrap();
    let made = shown(&journal, id, &seed("a"), "kim", NOW).await.unwrap();
    for holder in ["NULL", "'lee'"] {
        let statement = format!("UPDATE api_keys SET shown_to = {holder} WHERE api_key_id = '{}'", made.id);
        fresh.database.connection().execute_unprepared(&statement).await.unwrap();
        assert!(!key(&fresh, &made.id).await.unwrap().is_intact(&pepper()), "{holder}");
    }
}

async fn a_replacement_ends_the_old_key_with_the_showing(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let old = ApiKeyId::parse("first").unwrap();
    let grant = Grant {
        id: old.clone(),
        origin: old.clone(),
        scopes: Scopes::only(Scope::Checkout),
        seller: None,
        refund_limit: None,
    };
    let new = NewKey { grant: &grant, name: "shop", expires_at: None, shown_to: None };
    fresh.writer.create_api_key(new, Secret { text: "old", pepper: &pepper() }).await.unwrap();
    let request = wanted(KeyForm::Replacement { of: old.clone(), overlap_ms: 60_000 });
    let other = wanted(KeyForm::Replacement { of: old.clone(), overlap_ms: 60_000 });
    for request in [&request, &other] {
        journal.ask_for_key(request, &pepper()).await.unwrap();
        decided(&journal, request.request_id, Decision::Approved, "lee", NOW).await.unwrap();
    }
    assert_eq!(key(&fresh, &old).await.unwrap().expires_at, None, "an approval alone ends nothing");
    let made = shown(&journal, request.request_id, &seed("a"), "kim", NOW).await.unwrap();
    let (before, after) = (key(&fresh, &old).await.unwrap(), key(&fresh, &made.id).await.unwrap());
    assert_eq!((before.expires_at, after.expires_at), (Some(NOW.plus_ms(60_000)), None));
    assert!(before.opens_with("old", &pepper(), NOW) && !before.opens_with("old", &pepper(), NOW.plus_ms(60_000)));
    assert!(after.opens_with(&made.secret, &pepper(), NOW));
    assert_eq!((&after.grant.origin, &after.name), (&old, &"shop".to_owned()), "both are one client");
    assert_eq!(fresh.reader.holders_of_line(&old).await.unwrap(), [person("kim")]);
    assert!(journal.revoke_api_key(&old, &pepper()).await.unwrap());
    let ended = shown(&journal, other.request_id, &seed("a"), "kim", NOW).await.unwrap_err();
    assert_eq!(ended, KeyRefusal::KeyEnded);
    let stands = fresh.reader.key_request(other.request_id).await.unwrap().unwrap();
    assert_eq!((stands.shown_at, stands.standing(NOW)), (None, KeyStanding::Approved), "nothing was written");
    assert_eq!(fresh.reader.key_requests(10).await.unwrap().len(), 2);
}
