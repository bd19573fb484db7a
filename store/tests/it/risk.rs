//! What is decided about the risk of a payment is kept once and counted.

use domain::{
    Money, Timestamp,
    checkout::{Plan, PlanFields},
    id::CardFingerprint,
    risk::{Assessment, Counted, Most, Subject, Velocity, Verdict},
};

use crate::{
    database::Fresh,
    on_both_databases,
    writing::{CREATED, plan, record},
};

on_both_databases!(a_decision_is_kept_once_and_counted_within_its_window);

fn with_card(id: &str, minor: u64) -> Plan {
    let plan = plan(&format!("checkout-{id}"), &[(id, "seller-a", minor)]);
    let card = Some(CardFingerprint::parse("0a".repeat(32)).unwrap());
    Plan::try_new(PlanFields { card, ..plan.fields().clone() }).unwrap()
}

fn decided(verdict: Verdict) -> Assessment {
    let mut assessment = Assessment::allowed();
    assessment.add(verdict, "because");
    assessment
}

async fn a_decision_is_kept_once_and_counted_within_its_window(fresh: Fresh) {
    let velocity = |of| Velocity {
        of,
        window_ms: 60_000,
        most: Most::Amount(Money::try_from_minor(1, domain::Currency::Krw).unwrap()),
        verdict: Verdict::Deny,
    };
    let counted = async |of, plan: &Plan, at: Timestamp| fresh.writer.counted(&velocity(of), plan, at).await.unwrap();
    let plans: Vec<Plan> = (0_u64..4).map(|index| with_card(&index.to_string(), 1_000 + index)).collect();
    let verdicts = [Verdict::Allow, Verdict::Review, Verdict::Deny, Verdict::Allow];
    for (index, (plan, verdict)) in plans.iter().zip(verdicts).enumerate() {
        assert!(record(&fresh, &format!("key-{index}"), plan).await);
        fresh.writer.record_risk((plan, 0), None, &decided(verdict), CREATED).await.unwrap();
    }
    // Another attempt at one checkout is not another payment.
    fresh.writer.record_risk((&plans[0], 1), None, &decided(Verdict::Allow), CREATED).await.unwrap();
    // The first decision stays, and a person's does not count as another payment.
    fresh.writer.record_risk((&plans[1], 0), None, &decided(Verdict::Deny), CREATED).await.unwrap();
    fresh.writer.record_risk((&plans[1], 0), Some("kim"), &decided(Verdict::Allow), CREATED).await.unwrap();
    assert_eq!(fresh.writer.assessed(&plans[1], 0).await.unwrap(), Some(decided(Verdict::Review)));
    assert_eq!(fresh.writer.assessed(&plans[1], 1).await.unwrap(), None);

    let before = Some(Counted { payments: 2, minor: 2_001 });
    let soon = CREATED.plus_ms(59_999);
    assert_eq!(counted(Subject::Buyer, &plans[3], soon).await, before);
    assert_eq!(counted(Subject::Card, &plans[3], soon).await, before);
    assert_eq!(counted(Subject::Card, &plan("checkout-x", &[("x", "s", 1)]), soon).await, None);
    let nothing = Some(Counted { payments: 0, minor: 0 });
    assert_eq!(counted(Subject::Card, &plans[3], CREATED.plus_ms(60_000)).await, nothing);
}
