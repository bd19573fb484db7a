//! Open and close, each twice, on a real database.

use activities::dead_letter::DeadLetters;
use domain::{
    Timestamp,
    dead_letter::{Awaits, LetterStatus},
    failure::Failure,
    id::{CheckoutId, DeadLetterId},
};
use temporalio_sdk::testing::ActivityEnvironment;
use workflows::ports::{CloseLetter, Letter};

const NOW: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);

#[tokio::test]
async fn a_letter_is_opened_once_and_closed_once() {
    let database = testkit::database::sqlite().await;
    let letters = DeadLetters { writer: database.writer.clone() };
    let reader = &database.reader;
    let activities = ActivityEnvironment::builder().register_activities(letters).build();

    let letter_id = DeadLetterId::of_workflow("workflow-1", "run-1", 1);
    let checkout_id = CheckoutId::parse("checkout-1").ok();
    let open = Letter {
        letter_id: letter_id.clone(),
        workflow_id: "workflow-1".to_owned(),
        run_id: "run-1".to_owned(),
        workflow_type: "checkout".to_owned(),
        checkout_id: checkout_id.clone(),
        step: "psp.confirm".to_owned(),
        failure: Failure::new("psp_access_denied", "not let in"),
        input: [("amount".to_owned(), "15000 KRW".to_owned())].into(),
        awaits: Awaits::Mending,
        opened_at: NOW,
        replaces: None,
    };
    for _ in 0..2 {
        activities.run(DeadLetters::open, open.clone()).await.unwrap();
    }
    let opened = reader.dead_letter(&letter_id).await.unwrap().unwrap();
    assert_eq!((opened.status, opened.created_at), (LetterStatus::Open, NOW));
    let close = CloseLetter { letter_id: letter_id.clone(), checkout_id, closed_at: NOW };
    for _ in 0..2 {
        activities.run(DeadLetters::close, close.clone()).await.unwrap();
    }
    // A late repetition of the first does not open it again.
    activities.run(DeadLetters::open, open).await.unwrap();
    assert_eq!(reader.dead_letter(&letter_id).await.unwrap().unwrap().status, LetterStatus::Closed);
}
