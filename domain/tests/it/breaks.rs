//! Breaks: identity, age, matching, and what people may do about them.

use domain::{
    Currency::{Jpy, Krw, Usd},
    Limits, Money,
    calendar::{Day, Holidays},
    money::MAX_MINOR,
    reconciliation::{
        Act, ActOutcome, ActRefusal, Actor, Age, BreakClass, BreakState, BreakStatus, BreakType, EscalationSteps,
        Expectation, Fact, Layer, Owner, Template, break_id, match_all,
        repair::{ROUNDING_LIMIT, RepairLimits, RepairRule},
    },
    settlement::Flow,
};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

#[test]
fn codes_and_names_of_the_catalogue_are_each_used_once() {
    let codes: std::collections::BTreeSet<_> = BreakType::ALL.map(BreakType::code).into();
    let names: std::collections::BTreeSet<_> = BreakType::ALL.map(BreakType::as_str).into();
    assert_eq!((codes.len(), names.len()), (30, 30));
    for break_type in BreakType::ALL {
        assert_eq!(BreakType::parse(break_type.as_str()), Some(break_type));
    }
}

#[test]
fn a_break_has_the_same_id_in_every_run_and_another_for_each_part_of_it() {
    let id = break_id(Layer::Settlements, "txr-1", BreakType::FeeDiffers);
    assert_eq!(id, break_id(Layer::Settlements, "txr-1", BreakType::FeeDiffers));
    assert_eq!((&id.as_str()[..4], id.as_str().len()), ("brk_", 28));
    assert_ne!(id, break_id(Layer::Transactions, "txr-1", BreakType::FeeDiffers));
    assert_ne!(id, break_id(Layer::Settlements, "txr-2", BreakType::FeeDiffers));
    assert_ne!(id, break_id(Layer::Settlements, "txr-1", BreakType::Ambiguous));
}

#[test]
fn age_counts_business_days_since_the_fact_was_expected() {
    let holidays = Holidays::default();
    // 2026-11-27 is a Friday.
    let age = |today| Age::of(BreakType::SettlementOverdue, day("2026-11-27"), day(today), &holidays);
    let of = |today| (age(today).business_days, age(today).is_overdue);
    assert_eq!(age("2026-11-27").due_on, Some(day("2026-11-30")));
    assert_eq!([of("2026-11-20"), of("2026-11-27")], [(0, false), (0, false)]);
    assert_eq!([of("2026-11-29"), of("2026-11-30"), of("2026-12-01")], [(0, false), (1, false), (2, true)]);
    let at_once = Age::of(BreakType::UnknownPayment, day("2026-11-27"), day("2026-11-28"), &holidays);
    assert!(at_once.is_overdue);
    assert_eq!(Age::of(BreakType::Ambiguous, day("2026-11-27"), day("2027-11-27"), &holidays).due_on, None);
}

#[test]
fn a_break_is_escalated_by_business_days_behind_its_deadline() {
    let (holidays, steps) = (Holidays::default(), EscalationSteps::try_new(vec![1, 5]).unwrap());
    let step = |break_type: BreakType, expected: &str, today: &str| {
        let due = steps.due(day(today), &holidays);
        // The last step comes first.
        let reached = due.iter().find(|one| one.types.contains(&break_type) && day(expected) <= one.expected_by);
        reached.map_or(0, |one| one.step)
    };
    // 2026-11-27 is a Friday.
    let at_once = |today| step(BreakType::UnknownPayment, "2026-11-27", today);
    assert_eq!(["2026-11-27", "2026-11-29", "2026-11-30"].map(at_once), [0, 0, 1]);
    assert_eq!(["2026-12-03", "2026-12-04", "2027-06-01"].map(at_once), [1, 2, 2]);
    // A day later by its deadline, and a week later where the type has none.
    let overdue = |today| step(BreakType::SettlementOverdue, "2026-11-27", today);
    assert_eq!(["2026-11-30", "2026-12-01", "2026-12-07"].map(overdue), [0, 1, 2]);
    let ages = |today| step(BreakType::Ambiguous, "2026-11-27", today);
    assert_eq!(["2026-12-04", "2026-12-07", "2026-12-11"].map(ages), [0, 1, 2]);
    assert_eq!(EscalationSteps::try_new(Vec::new()).unwrap().due(day("2027-06-01"), &holidays), []);
    for wrong in [vec![0], vec![5, 5], vec![5, 1], vec![251], (1..=10).collect()] {
        EscalationSteps::try_new(wrong).unwrap_err();
    }
    assert_eq!(
        BreakClass::ALL.map(BreakClass::escalated),
        [BreakClass::Finance, BreakClass::Finance, BreakClass::Investigation]
    );
    assert_eq!(BreakType::CutOff.owner().escalated(), Owner::Finance);
}

fn expect(key: Option<&str>, group: &str, amount: i64) -> Expectation {
    Expectation { key: key.map(str::to_owned), group: group.to_owned(), amount }
}

fn fact(key: &str, group: &str, amount: i64) -> Fact {
    Fact { key: key.to_owned(), group: group.to_owned(), amount }
}

#[test]
fn the_exact_key_comes_first_and_two_candidates_are_never_chosen_between() {
    let exact = match_all(
        &[expect(Some("b"), "p", -500), expect(Some("a"), "p", -500)],
        &[fact("a", "p", -500), fact("b", "p", -500)],
    );
    assert_eq!((exact.pairs, exact.ambiguous.len()), (vec![(0, 1), (1, 0)], 0));
    let by_amount = match_all(&[expect(None, "p", 900)], &[fact("x", "p", 900), fact("y", "q", 900)]);
    assert_eq!((by_amount.pairs, by_amount.surplus), (vec![(0, 0)], vec![1]));
    let two = match_all(&[expect(None, "p", -500), expect(None, "p", -500)], &[fact("x", "p", -500)]);
    assert_eq!((two.pairs.len(), two.ambiguous), (0, vec![(vec![0, 1], vec![0])]));
    let missing = match_all(&[expect(None, "p", 900), expect(None, "p", -300)], &[fact("x", "p", 899)]);
    assert_eq!((missing.missing, missing.surplus), (vec![0, 1], vec![0]), "no difference is tolerated");
    let sums = match_all(&[expect(None, "p", 900)], &[fact("x", "p", 400), fact("y", "p", 500)]);
    assert_eq!(sums.surplus, [0, 1], "no subset is searched for that adds up");
}

fn key(id: &str) -> Actor {
    Actor::parse(&format!("key:{id}")).unwrap()
}

fn state(gap: u64, suspense: i64) -> BreakState {
    BreakState {
        break_type: BreakType::LumpWithoutPayment,
        status: BreakStatus::Open,
        assignee: None,
        gap: won(gap),
        suspense: Some(Flow::of_signed(suspense, Krw).unwrap()),
        proposal: None,
        is_repaired: false,
    }
}

const TODAY: &str = "2026-11-27";

fn act(state: &BreakState, act: &Act, by: &Actor, alone_up_to: u64) -> Result<ActOutcome, ActRefusal> {
    state.after(act, by, day(TODAY), Limits::of_minor(alone_up_to, 0, 0))
}

#[test]
fn above_the_limit_two_principals_resolve() {
    let resolve = Act::Resolve { template: Template::Accept };
    let mut open = state(1_000, 0);
    assert_eq!(act(&open, &resolve, &key("aaaa"), 1_000), Ok(ActOutcome::Resolved(Template::Accept)));
    assert_eq!(act(&open, &resolve, &key("aaaa"), 999), Ok(ActOutcome::Proposed(Template::Accept)));
    let by_operator = Actor::parse("operator:mina").unwrap();
    open.proposal = Some(domain::reconciliation::Proposal { by: key("aaaa"), template: Template::Accept });
    assert_eq!(act(&open, &resolve, &key("aaaa"), 0), Err(ActRefusal::FourEyes));
    assert_eq!(act(&open, &resolve, &key("bbbb"), 0), Ok(ActOutcome::Resolved(Template::Accept)));
    assert_eq!(act(&open, &resolve, &by_operator, 0), Ok(ActOutcome::Resolved(Template::Accept)));
    open.proposal = Some(domain::reconciliation::Proposal { by: by_operator, template: Template::Accept });
    let another_name = Actor::parse("operator:jun").unwrap();
    assert_eq!(act(&open, &resolve, &another_name, 0), Err(ActRefusal::FourEyes), "a name is not proved");
    assert_eq!(act(&open, &Act::Undo, &key("aaaa"), 0), Ok(ActOutcome::ProposalDropped));
}

#[test]
fn a_difference_is_measured_by_the_limit_of_its_own_currency() {
    let resolve = Act::Resolve { template: Template::Accept };
    let gap = |minor, currency| Money::try_from_minor(minor, currency).unwrap();
    let alone_up_to = Limits::of_minor(1_000, 50, 0);
    let is_alone = |gap: Money| {
        let open = BreakState { gap, suspense: None, ..state(0, 0) };
        open.after(&resolve, &key("aaaa"), day(TODAY), alone_up_to) == Ok(ActOutcome::Resolved(Template::Accept))
    };
    assert!(is_alone(gap(1_000, Krw)) && !is_alone(gap(1_001, Krw)));
    assert!(is_alone(gap(50, Usd)) && !is_alone(gap(51, Usd)), "fifty cents");
    assert!(is_alone(gap(0, Jpy)) && !is_alone(gap(1, Jpy)), "nothing is set for yen");
}

#[test]
fn money_in_suspense_needs_an_account_and_none_is_moved_twice() {
    let resolve = |template| Act::Resolve { template };
    let lump = state(1_000, 1_000);
    assert_eq!(act(&lump, &resolve(Template::Accept), &key("aaaa"), 9_999), Err(ActRefusal::InSuspense));
    assert_eq!(act(&lump, &resolve(Template::PspFee), &key("aaaa"), 9_999), Ok(ActOutcome::Resolved(Template::PspFee)));
    assert_eq!(
        act(&state(1_000, 0), &resolve(Template::PspFee), &key("aaaa"), 9_999),
        Err(ActRefusal::NothingInSuspense)
    );
    let id = break_id(Layer::Settlements, "txr-1", BreakType::LumpWithoutPayment);
    let at = domain::Timestamp::from_epoch_ms(0);
    let entry = Template::PspFee.entry(&id, 3, Flow::In(won(1_000)), at).unwrap().unwrap();
    let posting = entry.fields().postings[0].fields();
    assert_eq!((posting.debit.to_string(), posting.credit.to_string()), ("suspense".to_owned(), "psp:fees".to_owned()));
    assert_eq!(entry.fields().key, format!("suspense_cleared:{id}:3"));
    assert_eq!(Template::Accept.entry(&id, 3, Flow::In(won(0)), at), Ok(None));
}

#[test]
fn a_rule_keeps_to_its_limit_of_the_day_and_can_be_off() {
    let limits = RepairLimits {
        off: vec![RepairRule::AskWorkflow],
        daily_limit: Limits::of_minor(1_000, 20, 0),
        settlement_limit: Limits::of_minor(5_000, 0, 0),
    };
    assert_eq!(RepairRule::ALL.map(|rule| limits.is_on(rule)), [true, false, true, true, true]);
    let allow = |rule, repaired, more| limits.allow(rule, won(repaired), won(more));
    let held = |repaired, more| allow(RepairRule::HoldMoney, repaired, more);
    assert_eq!([held(0, 1_000), held(1, 1_000), held(MAX_MINOR, 1)], [true, false, false]);
    let booked = |repaired, more| allow(RepairRule::BookSettlement, repaired, more);
    assert_eq!([booked(0, 5_000), booked(1, 5_000)], [true, false], "settlement rows have a limit of their own");
    let rounded = |repaired, more| allow(RepairRule::BookRounding, repaired, more);
    assert_eq!([rounded(999, 1), rounded(1_000, 1)], [true, false]);
    let wide = RepairLimits { daily_limit: Limits::of_minor(u64::MAX, u64::MAX, u64::MAX), ..limits.clone() };
    let most = ROUNDING_LIMIT.of(Krw);
    assert!(!wide.allow(RepairRule::BookRounding, most, won(1)), "more is no rounding, whatever is set");
    // Each currency has a limit of its own: a thousand cents are no thousand won.
    let cents = |minor| Money::try_from_minor(minor, Usd).unwrap();
    let held = |repaired, more| limits.allow(RepairRule::HoldMoney, repaired, more);
    assert_eq!([held(cents(0), cents(20)), held(cents(1), cents(20))], [true, false]);
    assert!(!held(won(0), cents(1)) && !held(cents(0), won(1)), "two currencies are never within a limit");
    assert!(!limits.allow(RepairRule::BookSettlement, cents(0), cents(1)), "none is set for dollars");
    for rule in RepairRule::ALL {
        assert_eq!(RepairRule::parse(rule.as_str()), Some(rule));
        assert_eq!(rule.author().to_string(), format!("rule:{}/{}", rule.as_str(), rule.version()));
    }
}

#[test]
fn a_closed_break_takes_only_an_undo_and_comments() {
    let closed = BreakState { status: BreakStatus::Resolved, ..state(1_000, 0) };
    for open_or_closed in [&closed, &state(1_000, 1_000)] {
        assert_eq!(act(open_or_closed, &Act::Comment, &key("aaaa"), 0), Ok(ActOutcome::Commented));
    }
    let assign = Act::Assign { to: "mina".to_owned() };
    assert_eq!(act(&closed, &assign, &key("aaaa"), 0), Err(ActRefusal::Resolved));
    assert_eq!(act(&closed, &Act::Undo, &key("aaaa"), 0), Ok(ActOutcome::Reopened));
    assert_eq!(act(&state(1, 0), &Act::Undo, &key("aaaa"), 0), Err(ActRefusal::NothingToUndo));
    let repaired = BreakState { is_repaired: true, ..state(1, 0) };
    assert_eq!(act(&repaired, &Act::Undo, &key("aaaa"), 0), Ok(ActOutcome::RepairUndone));
    let wait = |until: &str| act(&state(1, 0), &Act::Wait { until: until.to_owned() }, &key("aaaa"), 0);
    assert_eq!(wait("2026-11-28"), Ok(ActOutcome::Waits(day("2026-11-28"))));
    assert_eq!([wait(TODAY), wait("soon")], [Err(ActRefusal::Day), Err(ActRefusal::Day)]);
}
