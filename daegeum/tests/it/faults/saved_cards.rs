//! Every step of a saved card goes wrong once, in every way: each charge is made once, and each card is registered or
//! deleted as it was asked.
//!
//! The steps are counted from the ports table of saved cards, as those of checkouts are from theirs.

use std::{collections::BTreeSet, str::FromStr as _, sync::Arc, time::Instant};

use domain::{
    id::{BuyerId, SavedCardId},
    principal::Principal,
};
use serde_json::json;
use store::{CardSecret, Database, DatabaseUrl, Journal, Keyring, NewSavedCard};
use temporalio_client::WorkflowStartOptions;
use tokio::{sync::Semaphore, task::JoinSet};
use workflows::{
    ports,
    saved_card::{RegistrationInput, SavedCardRegistrationWorkflow, deletion_id, registration_id},
};

use super::{FAULTS, Fault, Faults, Place, ROUNDS, STORIES_AT_ONCE, print, workers};
use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    saved_cards::Cards,
    stack::{Shop, until},
};

on_both_databases!(whatever_step_of_a_saved_card_fails_it_is_charged_once, the_history_of_each_story_replays);

/// What brings a card to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// It is registered and charged.
    Charged,
    /// It is charged, and Toss's answer is garbage: the workflow asks.
    AnswerLost,
    /// It is registered and deleted.
    Deleted,
}

/// A step that goes wrong.
#[derive(Debug, Clone, Copy)]
struct Case {
    story: Story,
    step: &'static str,
    fault: Fault,
}

impl Story {
    fn reaching(step: &str) -> Self {
        match step {
            "saved_card.look_up" => Self::AnswerLost,
            "saved_card.revoke" | "saved_card.delete" => Self::Deleted,
            _ => Self::Charged,
        }
    }

    /// What is charged, in won.
    const fn charged(self) -> u64 {
        match self {
            Self::Charged | Self::AnswerLost => 23_000,
            Self::Deleted => 0,
        }
    }
}

/// Registers a card, and charges or deletes it. Answers where that came to rest.
async fn tell(shop: &Shop, faults: &Faults, case: Case, id: &str) -> &'static str {
    let cards = Cards::of(shop);
    let (status, card) = cards.ask(id, &json!({ "buyer_id": "buyer-1" })).await;
    assert_eq!(status, 201, "{id}: {card}");
    let card_id = card["saved_card_id"].as_str().unwrap();
    faults.name(card_id, id);
    faults.plan(id, Place { step: case.step, time: 0 }, case.fault);
    cards.register(&card).await;
    match case.story {
        Story::Deleted => {
            until(&format!("{id} is deleted"), || async { cards.delete(card_id).await.0 == 200 }).await;
            "DELETED"
        }
        Story::Charged | Story::AnswerLost => {
            if case.story == Story::AnswerLost {
                let garbage = json!({ "on": "billing", "kind": "garbage_after", "orderId": id });
                shop.simulate("mischief", &garbage).await;
            }
            let (answer, body) = cards.charge(card_id, id).await;
            assert!([200, 202].contains(&answer), "{id} was answered {answer}: {body}");
            until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
            assert_eq!(shop.at_toss(id).await["charges"], 1, "{id}");
            "SUCCESS"
        }
    }
}

async fn whatever_step_of_a_saved_card_fails_it_is_charged_once(database: Kind) {
    let roles = Roles::start(database).await;
    let secret = Keyring::generate("cards").unwrap();
    let keyring = Some(Arc::new(Keyring::parse(&secret).unwrap()));
    let faults = Faults { keyring, seals: true, ..Faults::default() };
    let (_api, api) = roles.another_api(&[("DAEGEUM_ENCRYPTION_KEYS", &secret)], &[]).await;
    let shop = Shop { api, ..roles.shop.clone() };
    let _on = workers(&roles, &faults);
    let cases = ports::OF_SAVED_CARDS
        .iter()
        .flat_map(|step| FAULTS.map(|fault| Case { story: Story::reaching(step), step, fault }));
    let (mut left, mut outcomes, mut reached, mut charged) =
        (cases.collect::<Vec<_>>(), Vec::new(), BTreeSet::new(), 0);
    for round in 0..ROUNDS {
        let mut stories = JoinSet::new();
        let room = Arc::new(Semaphore::new(STORIES_AT_ONCE));
        for case in std::mem::take(&mut left) {
            let (shop, faults, room) = (shop.clone(), faults.clone(), room.clone());
            let id = format!("{}-{:?}-{:?}-{round}", case.step.replace('.', "-"), case.story, case.fault);
            stories.spawn(async move {
                let _place = room.acquire().await.unwrap();
                let began = Instant::now();
                let end = tell(&shop, &faults, case, &id).await;
                (id, case, end, began.elapsed())
            });
        }
        let told = stories.join_all().await;
        let spared = faults.spared();
        for (id, case, end, took) in told {
            charged += case.story.charged();
            if spared.contains(&id) {
                left.push(case);
            } else {
                reached.insert(case.step);
                let row = format!("{} ({:?})", case.step, case.story);
                outcomes.push((row, case.fault, format!("{end} {:.0} s", took.as_secs_f64())));
            }
        }
        faults.forget();
    }
    assert!(left.is_empty(), "every fault happened, but for {left:?}");
    assert_eq!(reached, ports::OF_SAVED_CARDS.iter().copied().collect());
    assert_eq!(shop.charged().await, (charged, 0), "what Toss holds, and what it charged twice");
    assert_eq!(shop.receivable().await, charged);
    roles.verify_books();
    print(&format!("saved cards on {database:?}: where each came to rest"), outcomes);
}

/// The histories are not sealed, so that any build replays them: the API has no keys, and the worker seals the keys of
/// cards alone.
async fn the_history_of_each_story_replays(database: Kind) {
    let roles = Roles::start(database).await;
    let keyring = Arc::new(Keyring::parse(&Keyring::generate("cards").unwrap()).unwrap());
    let faults = Faults { keyring: Some(keyring.clone()), ..Faults::default() };
    let _on = workers(&roles, &faults);
    let (shop, cards, id) = (&roles.shop, Cards::of(&roles.shop), SavedCardId::parse("card_of_a_history").unwrap());
    let journal =
        Journal::new(Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap());
    let new = NewSavedCard {
        saved_card_id: id.clone(),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        created_by: Principal::parse("key:abc123").unwrap(),
        fingerprint: String::new(),
        return_url: None,
        created_at: service::now(),
        expires_at: service::now().plus_ms(60_000),
    };
    journal.put_saved_card(&new).await.unwrap();
    let card = shop.get(&format!("/v1/saved-cards/{id}")).await;
    let success = reqwest::Url::parse(&cards.window(&card, "agree").await).unwrap();
    let consent = success.query_pairs().find(|(name, _)| name == "authKey").unwrap().1.into_owned();
    let sealed_consent = CardSecret::new(consent).seal_consent(&keyring, &id).unwrap();
    let registration = registration_id(&id, "history");
    let options = WorkflowStartOptions::new(workflows::TASK_QUEUE, registration.as_str()).build();
    let input = RegistrationInput { saved_card_id: id.clone(), sealed_consent };
    let started = roles.temporal().await.start_workflow(SavedCardRegistrationWorkflow::run, input, options).await;
    started.unwrap().get_result(Default::default()).await.unwrap();
    replays(&roles, "registered.saved_card_registration", &registration).await;

    for (story, mischief, end) in [
        ("card-charged", None, "SUCCESS"),
        ("card-lost", Some(json!({ "kind": "garbage_after" })), "SUCCESS"),
        ("card-declined", Some(json!({ "kind": "error_before", "code": "REJECT_CARD_PAYMENT" })), "FAILED"),
    ] {
        if let Some(mut mischief) = mischief {
            (mischief["on"], mischief["orderId"]) = ("billing".into(), story.into());
            shop.simulate("mischief", &mischief).await;
        }
        cards.charge(id.as_str(), story).await;
        until(&format!("{story} is {end}"), || async { shop.status(story).await == end }).await;
        let checkout = shop.get(&format!("/v1/payments/{story}")).await;
        replays(&roles, story, checkout["workflow"]["id"].as_str().unwrap()).await;
    }
    assert_eq!(cards.delete(id.as_str()).await.0, 200);
    replays(&roles, "deleted.saved_card_deletion", &deletion_id(&id)).await;
}

/// Replays the history of a workflow, and writes it down where histories are recorded.
async fn replays(roles: &Roles, story: &str, workflow: &str) {
    let replayed = roles.command(&["replay", "--workflow", workflow]).output().unwrap();
    assert!(replayed.status.success(), "{story}: {}", String::from_utf8_lossy(&replayed.stderr));
    roles.record_history_of(story, workflow).await;
}
