use domain::{
    Currency::{Krw, Usd},
    Money, Timestamp,
    checkout::{Plan, PlanFields},
    id::{BuyerId, CardFingerprint, SellerAccount},
    rate::{Pair, Rate, RateKind, Rates},
    risk::{
        AmountLimit, Assessment, MAX_REASON_CHARS, MAX_REASONS, Most, PaymentsBefore, RiskVerdict, Rules, Subject,
        Velocity,
    },
};

use crate::checkout::{fields, order};

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn card() -> CardFingerprint {
    CardFingerprint::parse("ab".repeat(32)).unwrap()
}

/// 10,000 won by `buyer-1` with a card, to two sellers.
fn plan() -> Plan {
    let orders = vec![order("o-1", "seller-a", 6_000), order("o-2", "seller-b", 4_000)];
    Plan::try_new(PlanFields { card: Some(card()), ..fields(orders) }).unwrap()
}

fn check(rules: Rules, counted: &[Option<PaymentsBefore>], verdict: RiskVerdict, reasons: &[&str]) {
    assert_eq!(
        rules.assess(&plan(), counted, &Rates::default()),
        Assessment { verdict, reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect() }
    );
}

#[test]
fn without_rules_everything_is_allowed() {
    assert!(Rules::default().is_empty());
    check(Rules::default(), &[], RiskVerdict::Allow, &[]);
}

#[test]
fn who_is_on_a_list_is_denied() {
    let buyers = |id: &str| Rules { denied_buyers: [BuyerId::parse(id).unwrap()].into(), ..Rules::default() };
    check(buyers("buyer-1"), &[], RiskVerdict::Deny, &["the buyer is on the list of denied buyers"]);
    check(buyers("buyer-2"), &[], RiskVerdict::Allow, &[]);
    let cards = Rules { denied_cards: [card()].into(), ..Rules::default() };
    assert!(!cards.is_empty());
    check(cards, &[], RiskVerdict::Deny, &["the card is on the list of denied cards"]);
    let sellers = Rules { denied_sellers: [SellerAccount::parse("seller-b").unwrap()].into(), ..Rules::default() };
    check(sellers, &[], RiskVerdict::Deny, &["the seller seller-b is on the list of denied sellers"]);
}

#[test]
fn the_strictest_rule_counts_and_every_reason_is_kept() {
    let limit = |above, verdict| AmountLimit { above, verdict };
    let amounts = |amounts: Vec<AmountLimit>| Rules { amounts, ..Rules::default() };
    check(amounts(vec![limit(won(10_000), RiskVerdict::Deny)]), &[], RiskVerdict::Allow, &[]);
    check(
        amounts(vec![limit(won(9_999), RiskVerdict::Review)]),
        &[],
        RiskVerdict::Review,
        &["the amount is above 9999 KRW"],
    );
    let dollars = Money::try_from_minor(1, Usd).unwrap();
    check(amounts(vec![limit(dollars, RiskVerdict::Deny)]), &[], RiskVerdict::Allow, &[]);
    let both = vec![limit(won(5_000), RiskVerdict::Deny), limit(won(1_000), RiskVerdict::Review)];
    check(amounts(both), &[], RiskVerdict::Deny, &["the amount is above 5000 KRW", "the amount is above 1000 KRW"]);
}

#[test]
fn velocity_counts_this_payment_too() {
    let rule = |of, most| Rules {
        velocities: vec![Velocity { of, window_ms: 60_000, most, verdict: RiskVerdict::Review }],
        ..Rules::default()
    };
    let before = |payments, minor| [Some(PaymentsBefore { payments, minor })];
    let three = || rule(Subject::Buyer, Most::Payments(3));
    check(three(), &before(2, 0), RiskVerdict::Allow, &[]);
    check(three(), &before(3, 0), RiskVerdict::Review, &["the buyer makes more than 3 payments within 60 s"]);
    let amount = || rule(Subject::Card, Most::Amount(won(30_000)));
    check(amount(), &before(9, 20_000), RiskVerdict::Allow, &[]);
    check(amount(), &before(9, 20_001), RiskVerdict::Review, &["the card pays more than 30000 KRW within 60 s"]);
    check(
        amount(),
        &before(u64::MAX, u64::MAX),
        RiskVerdict::Review,
        &["the card pays more than 30000 KRW within 60 s"],
    );
    check(amount(), &[None], RiskVerdict::Allow, &[]);
}

#[test]
fn reasons_have_a_limit() {
    let mut assessment = Assessment::allowed();
    assessment.add(RiskVerdict::Allow, "nothing");
    assert_eq!(assessment, Assessment::allowed());
    for _ in 0..50 {
        assessment.add(RiskVerdict::Review, &"가".repeat(1_000));
    }
    let mut joined = Assessment::allowed();
    joined.join(Assessment { verdict: RiskVerdict::Deny, reasons: Vec::new() });
    joined.join(Assessment { verdict: RiskVerdict::Allow, reasons: vec!["fine".to_owned()] });
    assert_eq!(joined, Assessment { verdict: RiskVerdict::Deny, reasons: vec!["no reason was given".to_owned()] });
    assert_eq!(assessment.reasons.len(), MAX_REASONS);
    assert_eq!(assessment.reasons[0].chars().count(), MAX_REASON_CHARS);
}

#[test]
fn every_verdict_is_written_and_read_back() {
    for verdict in [RiskVerdict::Allow, RiskVerdict::Review, RiskVerdict::Deny] {
        assert_eq!(RiskVerdict::parse(verdict.as_str()), Some(verdict));
        assert_eq!(serde_json::to_string(&verdict).unwrap(), format!("{:?}", verdict.as_str()));
    }
    assert_eq!(RiskVerdict::parse("Deny"), None);
}

#[test]
fn a_limit_in_another_currency_holds_by_the_newest_rate_and_says_so() {
    let dollars = |minor| Money::try_from_minor(minor, Usd).unwrap();
    let rules = |above| Rules {
        amounts: vec![AmountLimit { above, verdict: RiskVerdict::Review }],
        velocities: vec![Velocity {
            of: Subject::Buyer,
            window_ms: 60_000,
            most: Most::Amount(above),
            verdict: RiskVerdict::Deny,
        }],
        ..Rules::default()
    };
    let rate = Rate {
        pair: Pair::try_new(Usd, Krw).unwrap(),
        kind: RateKind::Mid,
        value: "1000".parse().unwrap(),
        as_of: Timestamp::from_epoch_ms(0),
        source: "bank".to_owned(),
    };
    let rates = Rates::new(vec![rate]);
    let assess = |above, before, rates: &Rates| {
        rules(above).assess(&plan(), &[Some(PaymentsBefore { payments: 0, minor: before })], rates)
    };
    // 10,000 won are ten dollars.
    assert_eq!(assess(dollars(1_000), 0, &rates), Assessment::allowed());
    let reviewed = assess(dollars(999), 0, &rates);
    let at = "9.99 USD (at 1000 KRW per USD by bank)";
    let reasons = [format!("the amount is above {at}"), format!("the buyer pays more than {at} within 60 s")];
    assert_eq!((reviewed.verdict, &reviewed.reasons[..]), (RiskVerdict::Deny, &reasons[..]));
    assert_eq!(assess(dollars(1_000), 5, &rates).verdict, RiskVerdict::Deny, "ten dollars and half a cent");
    assert_eq!(assess(dollars(1), 0, &Rates::default()), Assessment::allowed(), "without a rate it says nothing");
    assert!(rules(dollars(1)).compares_currencies(Krw) && !rules(won(1)).compares_currencies(Krw));
}
