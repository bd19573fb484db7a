//! What is decided about the risk of a payment is kept once and counted.

use domain::{
    Money, Timestamp,
    checkout::{Plan, PlanFields},
    id::{BuyerId, CardFingerprint},
    risk::{Assessment, Most, PaymentsBefore, RiskVerdict, Subject, Velocity},
};

use sea_orm::{ConnectionTrait, Statement};
use store::{CardNames, Erased, Keyring, RiskDecision};

use crate::{
    database::Fresh,
    on_both_databases,
    writing::{CREATED, plan, record},
};

on_both_databases!(
    a_decision_is_kept_once_and_counted_within_its_window,
    a_card_is_named_by_the_encryption_keys_and_found_by_each_of_its_names,
    the_cards_of_a_buyer_are_erased_and_nothing_else_of_a_decision_changes,
);

const CARD_BYTE: &str = "0a";

fn with_card(id: &str, minor: u64) -> Plan {
    let plan = plan(&format!("checkout-{id}"), &[(id, "seller-a", minor)]);
    let card = Some(CardFingerprint::parse(CARD_BYTE.repeat(32)).unwrap());
    Plan::try_new(PlanFields { card, ..plan.fields().clone() }).unwrap()
}

fn decided(verdict: RiskVerdict) -> Assessment {
    let mut assessment = Assessment::allowed();
    assessment.add(verdict, "because");
    assessment
}

fn names(plan: &Plan, keys: Option<&Keyring>) -> Option<CardNames> {
    plan.fields().card.as_ref().map(|card| CardNames::of(card, keys).unwrap())
}

fn decision<'a>(plan: &'a Plan, card: Option<&'a CardNames>, assessment: &'a Assessment) -> RiskDecision<'a> {
    RiskDecision { plan, attempt: 0, card, by: None, assessment, decided_at: CREATED }
}

async fn decide(fresh: &Fresh, plan: &Plan, attempt: u32, by: Option<&str>, verdict: RiskVerdict) {
    let (card, assessment) = (names(plan, None), decided(verdict));
    let decision = RiskDecision { attempt, by, ..decision(plan, card.as_ref(), &assessment) };
    fresh.writer.record_risk(decision).await.unwrap();
}

/// The cards that decisions name, in the order of their checkouts.
async fn cards(fresh: &Fresh) -> Vec<Option<String>> {
    let connection = fresh.database.connection();
    let query = "SELECT card FROM risk_decisions ORDER BY checkout_id";
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "card").unwrap()).collect()
}

async fn a_card_is_named_by_the_encryption_keys_and_found_by_each_of_its_names(fresh: Fresh) {
    let plans: Vec<Plan> = (0_u64..4).map(|index| with_card(&index.to_string(), 1_000)).collect();
    let old = Keyring::generate("old").unwrap();
    let both = Keyring::parse(&format!("{},{old}", Keyring::generate("new").unwrap())).unwrap();
    let old = Keyring::parse(&old).unwrap();
    // Before keys were set, under the first, and under the next one.
    for (index, keys) in [None, Some(&old), Some(&both)].into_iter().enumerate() {
        assert!(record(&fresh, &format!("key-{index}"), &plans[index]).await);
        let (card, assessment) = (names(&plans[index], keys), decided(RiskVerdict::Allow));
        fresh.writer.record_risk(decision(&plans[index], card.as_ref(), &assessment)).await.unwrap();
    }
    let named = cards(&fresh).await;
    assert_eq!(named[0].as_deref(), Some(CARD_BYTE.repeat(32).as_str()));
    assert!(named[0] != named[1] && named[1] != named[2] && named[0] != named[2], "{named:?}");
    let velocity =
        Velocity { of: Subject::Card, window_ms: 60_000, most: Most::Payments(1), verdict: RiskVerdict::Deny };
    let counted = async |keys| {
        let names = names(&plans[3], keys);
        fresh.writer.counted(&velocity, &plans[3], names.as_ref(), CREATED).await.unwrap().unwrap().payments
    };
    assert_eq!([counted(None).await, counted(Some(&old)).await, counted(Some(&both)).await], [1, 2, 3]);
}

async fn the_cards_of_a_buyer_are_erased_and_nothing_else_of_a_decision_changes(fresh: Fresh) {
    let plans: Vec<Plan> = (0_u64..2).map(|index| with_card(&index.to_string(), 1_000)).collect();
    let another = BuyerId::parse("buyer-2").unwrap();
    let of_another = PlanFields { buyer_id: another.clone(), ..plans[1].fields().clone() };
    let plans = [plans[0].clone(), Plan::try_new(of_another).unwrap()];
    for (index, plan) in plans.iter().enumerate() {
        assert!(record(&fresh, &format!("key-{index}"), plan).await);
        decide(&fresh, plan, 0, None, RiskVerdict::Deny).await;
    }
    let connection = fresh.database.connection();
    for statement in [
        "UPDATE risk_decisions SET card = 'another'",
        "UPDATE risk_decisions SET verdict = 'allow'",
        "UPDATE risk_decisions SET card = NULL, verdict = 'allow'",
        "UPDATE risk_decisions SET card = NULL, amount = 1",
        "DELETE FROM risk_decisions",
    ] {
        let refusal = connection.execute_unprepared(statement).await.unwrap_err().to_string();
        assert!(refusal.contains("append only"), "{statement}: {refusal}");
    }
    let journal = fresh.writer.journal();
    let erased = |cards| Erased { cards, ..Erased::default() };
    assert_eq!(journal.erase_buyer(&another).await.unwrap(), erased(1));
    assert_eq!(journal.erase_buyer(&another).await.unwrap(), erased(0));
    let named = cards(&fresh).await;
    assert_eq!((named[0].is_some(), &named[1]), (true, &None), "of that buyer alone");
    // A repeated step of the workflow does not bring it back.
    decide(&fresh, &plans[1], 0, None, RiskVerdict::Deny).await;
    assert_eq!(cards(&fresh).await[1], None);
    assert_eq!(fresh.writer.assessed(&plans[1], 0).await.unwrap(), Some(decided(RiskVerdict::Deny)));
}

async fn a_decision_is_kept_once_and_counted_within_its_window(fresh: Fresh) {
    let velocity = |of| Velocity {
        of,
        window_ms: 60_000,
        most: Most::Amount(Money::try_from_minor(1, domain::Currency::Krw).unwrap()),
        verdict: RiskVerdict::Deny,
    };
    let counted = async |of, plan: &Plan, at: Timestamp| {
        fresh.writer.counted(&velocity(of), plan, names(plan, None).as_ref(), at).await.unwrap()
    };
    let plans: Vec<Plan> = (0_u64..4).map(|index| with_card(&index.to_string(), 1_000 + index)).collect();
    let verdicts = [RiskVerdict::Allow, RiskVerdict::Review, RiskVerdict::Deny, RiskVerdict::Allow];
    for (index, (plan, verdict)) in plans.iter().zip(verdicts).enumerate() {
        assert!(record(&fresh, &format!("key-{index}"), plan).await);
        decide(&fresh, plan, 0, None, verdict).await;
    }
    // Another attempt at one checkout is not another payment.
    decide(&fresh, &plans[0], 1, None, RiskVerdict::Allow).await;
    // The first decision stays, and a person's does not count as another payment.
    decide(&fresh, &plans[1], 0, None, RiskVerdict::Deny).await;
    decide(&fresh, &plans[1], 0, Some("kim"), RiskVerdict::Allow).await;
    assert_eq!(fresh.writer.assessed(&plans[1], 0).await.unwrap(), Some(decided(RiskVerdict::Review)));
    assert_eq!(fresh.writer.assessed(&plans[1], 1).await.unwrap(), None);

    let before = Some(PaymentsBefore { payments: 2, minor: 2_001 });
    let soon = CREATED.plus_ms(59_999);
    assert_eq!(counted(Subject::Buyer, &plans[3], soon).await, before);
    assert_eq!(counted(Subject::Card, &plans[3], soon).await, before);
    assert_eq!(counted(Subject::Card, &plan("checkout-x", &[("x", "s", 1)]), soon).await, None);
    let nothing = Some(PaymentsBefore { payments: 0, minor: 0 });
    assert_eq!(counted(Subject::Card, &plans[3], CREATED.plus_ms(60_000)).await, nothing);
}
