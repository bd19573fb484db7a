//! Risk is assessed once, whatever is asked twice and whoever is down.

use std::time::Duration;

use activities::{
    checkout::Checkouts,
    risk::{Hook, HookError, Risk},
};
use domain::{
    Currency::Krw,
    Money,
    risk::{AmountLimit, Assessment, RiskVerdict, Rules},
};
use workflows::ports::{AssessRisk, Decided};

use crate::{
    simulator::nobody,
    writing::{Books, NOW, plan, record_of},
};

fn question(decided: Option<Decided>) -> AssessRisk {
    AssessRisk { plan: plan(), attempt: 0, at: NOW, decided }
}

fn assessment(verdict: RiskVerdict, reason: &str) -> Assessment {
    Assessment { verdict, reasons: vec![reason.to_owned()] }
}

#[tokio::test]
async fn assessing_twice_answers_the_same_and_a_person_is_heard_beside_it() {
    let above = Money::try_from_minor(1, Krw).unwrap();
    let rules = Rules { amounts: vec![AmountLimit { above, verdict: RiskVerdict::Review }], ..Rules::default() };
    let books = Books::open_with_risk(rules, None).await;
    books.activities.run(Checkouts::record, record_of("workflow-1", &plan())).await.unwrap();
    let review = assessment(RiskVerdict::Review, "the amount is above 1 KRW");
    for _ in 0..2 {
        assert_eq!(books.activities.run(Risk::assess, question(None)).await.unwrap(), review);
    }
    let decided = Decided { by: "kim".to_owned(), assessment: assessment(RiskVerdict::Allow, "fine") };
    for _ in 0..2 {
        let told = books.activities.run(Risk::assess, question(Some(decided.clone()))).await.unwrap();
        assert_eq!(told, decided.assessment);
    }
    assert_eq!(books.activities.run(Risk::assess, question(None)).await.unwrap(), review);
}

/// The checkout is not even recorded: whoever wrote something would fail.
#[tokio::test]
async fn without_rules_nothing_is_written() {
    let books = Books::open().await;
    assert_eq!(books.activities.run(Risk::assess, question(None)).await.unwrap(), Assessment::allowed());
}

#[tokio::test]
async fn a_service_that_is_down_never_allows() {
    let hook = |url: &str, when_down| Hook::try_new(url.to_owned(), "secret", Duration::from_millis(500), when_down);
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let url = nobody().await;
    assert!(matches!(hook(&url, RiskVerdict::Allow), Err(HookError::AllowsWhenDown)));
    for when_down in [RiskVerdict::Review, RiskVerdict::Deny] {
        let books = Books::open_with_risk(Rules::default(), Some(hook(&url, when_down).unwrap())).await;
        books.activities.run(Checkouts::record, record_of("workflow-1", &plan())).await.unwrap();
        let expected = assessment(when_down, "the risk service did not answer");
        assert_eq!(books.activities.run(Risk::assess, question(None)).await.unwrap(), expected);
    }
}
