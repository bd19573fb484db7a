//! Runs: who is paid how much, who may approve it, and what a batch does after each answer.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    failure::Failure,
    id::{PayoutId, PayoutRunId, SellerAccount},
    inquiry::{At, Doubt, Inquiry, Knowledge, Step},
    payout::{
        Decidable, Decision, PayoutStatus, RunStatus, Taken, Undecidable, approvals_needed,
        batch::{
            Batch, BatchAnswer, BatchConclusion, BatchRefusal, BatchReport, BatchSubject, PayoutReport, RefusalKind,
            SETTLING_MS, Sending,
        },
        decide,
        digest::{DigestLine, DigestPart, of_part, of_parts, of_run},
        plan::{Candidate, CarryReason, PlanRules, Standing, plan},
        status::PspPayoutStatus,
    },
    principal::Principal,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_epoch_ms(1_795_000_000_000);

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn seller(name: &str) -> SellerAccount {
    SellerAccount::parse(name).unwrap()
}

fn candidate(name: &str, available: u64) -> Candidate {
    Candidate {
        seller: seller(name),
        available: won(available),
        released: won(available),
        debt: won(0),
        standing: Standing::Approved,
        destination: Some(format!("seller_{name}")),
        account_changed_at: None,
        is_blocked: false,
        minimum: won(0),
        this_week: won(0),
        is_paid_already: false,
    }
}

/// The amount of the payout, and what is carried over for which reason.
fn planned(candidate: Candidate) -> (u64, Vec<(u64, CarryReason)>) {
    let plan = plan(vec![candidate], &PlanRules::default(), NOW);
    let carried = plan.carried_over.iter().map(|carried| (carried.amount.minor(), carried.reason)).collect();
    (plan.total().minor(), carried)
}

#[test]
fn each_won_is_paid_or_carried_over_for_a_reason() {
    let a = || candidate("a", 50_000);
    for (candidate, paid, carried) in [
        (a(), 50_000, vec![]),
        (Candidate { minimum: won(50_000), ..a() }, 50_000, vec![]),
        (Candidate { minimum: won(50_001), ..a() }, 0, vec![(50_000, CarryReason::BelowMinimum)]),
        (Candidate { debt: won(20_000), ..a() }, 30_000, vec![(20_000, CarryReason::Debt)]),
        (Candidate { debt: won(90_000), ..a() }, 0, vec![(50_000, CarryReason::Debt)]),
        (Candidate { released: won(10_000), ..a() }, 10_000, vec![(40_000, CarryReason::ReleasedLate)]),
        (Candidate { standing: Standing::Refused, ..a() }, 0, vec![(50_000, CarryReason::NotPayable)]),
        (Candidate { destination: None, ..a() }, 0, vec![(50_000, CarryReason::NotPayable)]),
        (Candidate { is_blocked: true, standing: Standing::Refused, ..a() }, 0, vec![(50_000, CarryReason::Blocked)]),
        (Candidate { is_paid_already: true, ..a() }, 0, vec![(50_000, CarryReason::PaidAlready)]),
        (Candidate { account_changed_at: Some(NOW), ..a() }, 0, vec![(50_000, CarryReason::CoolingDown)]),
        (Candidate { account_changed_at: Some(NOW.minus_ms(24 * 3_600_000)), ..a() }, 50_000, vec![]),
        (candidate("a", 1_000_000_001), 999_999_999, vec![(2, CarryReason::AmountBound)]),
    ] {
        assert_eq!(planned(candidate.clone()), (paid, carried), "{candidate:?}");
    }
}

#[test]
fn a_seller_who_is_not_fully_approved_never_reaches_the_weekly_limit() {
    let limited = |available, this_week| Candidate {
        standing: Standing::Limited,
        this_week: won(this_week),
        ..candidate("a", available)
    };
    assert_eq!(planned(limited(9_999_999, 0)), (9_999_999, vec![]));
    assert_eq!(planned(limited(10_000_000, 0)), (9_999_999, vec![(1, CarryReason::WeeklyLimit)]));
    assert_eq!(planned(limited(4_000_000, 9_000_000)), (999_999, vec![(3_000_001, CarryReason::WeeklyLimit)]));
    assert_eq!(planned(limited(1, 9_999_999)), (0, vec![(1, CarryReason::WeeklyLimit)]));
}

proptest! {
    #[test]
    fn no_plan_loses_or_invents_a_won(
        sellers in prop::collection::vec(
            (0_u64..2_000_000_000, 0_u64..2_000_000_000, 0_u64..50_000_000, 0_u64..20_000_000, 0_u8..3, 0_u8..8), 0..20,
        ),
    ) {
        let candidates: Vec<Candidate> = sellers.iter().enumerate().map(|(index, numbers)| {
            let (available, released, debt, minimum, standing, flags) = *numbers;
            Candidate {
                released: won(released.min(available)),
                debt: won(debt),
                minimum: won(minimum),
                this_week: won(debt / 2),
                standing: [Standing::Approved, Standing::Limited, Standing::Refused][usize::from(standing)],
                is_blocked: flags & 1 != 0,
                is_paid_already: flags & 2 != 0,
                account_changed_at: (flags & 4 != 0).then_some(NOW),
                ..candidate(&format!("s{index}"), available)
            }
        }).collect();
        let all: u64 = candidates.iter().map(|candidate| candidate.available.minor()).sum();
        let plan = plan(candidates.clone(), &PlanRules::default(), NOW);
        let carried: u64 = plan.carried_over.iter().map(|carried| carried.amount.minor()).sum();
        prop_assert_eq!(plan.total().minor() + carried, all);
        for payout in &plan.payouts {
            let of = candidates.iter().find(|candidate| candidate.seller == payout.seller).unwrap();
            let amount = payout.amount.minor();
            prop_assert!((1..1_000_000_000).contains(&amount) && amount >= of.minimum.minor());
            prop_assert!(amount + of.debt.minor() <= of.available.minor());
            if of.standing == Standing::Limited {
                prop_assert!(amount + of.this_week.minor() < 10_000_000);
            }
        }
    }
}

#[test]
fn a_run_is_approved_by_another_principal_who_saw_it() {
    let (maker, checker) = (Principal::parse("key:maker1").unwrap(), Principal::parse("key:check1").unwrap());
    let (approvals_needed, first_approval_by) = (1, None);
    let run = |status, decided_by| Decidable {
        status,
        digest: Some("d1"),
        frozen_by: &maker,
        decided_by,
        approvals_needed,
        first_approval_by,
        is_stopped: false,
    };
    let approve = |digest: &str| Decision::Approve { digest: digest.to_owned() };
    let frozen = run(RunStatus::Frozen, None);
    assert_eq!(decide(&frozen, &approve("d1"), &checker), Ok(Taken::Now));
    assert_eq!(decide(&frozen, &approve("d1"), &maker), Err(Undecidable::FourEyes));
    assert_eq!(decide(&frozen, &approve("d2"), &maker), Err(Undecidable::FourEyes));
    assert_eq!(decide(&frozen, &approve("d2"), &checker), Err(Undecidable::DigestMismatch));
    assert_eq!(decide(&frozen, &Decision::Reject, &maker), Err(Undecidable::FourEyes));
    assert_eq!(decide(&frozen, &Decision::Reject, &checker), Ok(Taken::Now));
    assert_eq!(decide(&frozen, &Decision::Cancel, &maker), Ok(Taken::Now));
    let changed = Decidable { digest: None, ..frozen };
    for digest in ["d1", ""] {
        assert_eq!(decide(&changed, &approve(digest), &checker), Err(Undecidable::DigestMismatch));
    }
    let stopped = Decidable { is_stopped: true, ..frozen };
    assert_eq!(decide(&stopped, &approve("d1"), &checker), Err(Undecidable::Stopped));
    let rejected = decide(&stopped, &Decision::Reject, &checker);
    assert_eq!(rejected, Ok(Taken::Now), "a stop keeps nobody from paying nothing");
    let sending = run(RunStatus::Sending, Some(&checker));
    assert_eq!(decide(&sending, &approve("d1"), &checker), Ok(Taken::Before));
    let decided = Err(Undecidable::Decided(RunStatus::Sending));
    assert_eq!(decide(&sending, &approve("d2"), &checker), decided);
    assert_eq!(decide(&sending, &approve("d1"), &maker), decided);
    assert_eq!(decide(&sending, &Decision::Reject, &checker), decided);
    assert_eq!(decide(&sending, &Decision::Cancel, &maker), decided);
}

#[test]
fn a_run_of_the_calendar_is_approved_by_two_principals() {
    let [calendar, one, two] = ["key:calendar", "key:check1", "key:check2"].map(|text| Principal::parse(text).unwrap());
    assert_eq!([&calendar, &one].map(approvals_needed), [2, 1]);
    let run = |first_approval_by| Decidable {
        is_stopped: false,
        status: RunStatus::Frozen,
        digest: Some("d1"),
        frozen_by: &calendar,
        decided_by: None,
        approvals_needed: 2,
        first_approval_by,
    };
    let approve = |digest: &str| Decision::Approve { digest: digest.to_owned() };
    assert_eq!(decide(&run(None), &approve("d1"), &one), Ok(Taken::Noted));
    assert_eq!(decide(&run(Some(&one)), &approve("d1"), &one), Ok(Taken::Before), "alone, however often");
    assert_eq!(decide(&run(Some(&one)), &approve("d1"), &two), Ok(Taken::Now));
    assert_eq!(decide(&run(Some(&one)), &approve("d2"), &two), Err(Undecidable::DigestMismatch));
    assert_eq!(decide(&run(Some(&one)), &approve("d1"), &calendar), Err(Undecidable::FourEyes));
    assert_eq!(decide(&run(None), &Decision::Reject, &one), Ok(Taken::Now), "one principal stops it");
}

#[test]
fn every_part_of_a_run_is_in_its_digest() {
    let run = PayoutRunId::parse("run_000001").unwrap();
    let day = "2026-12-01".parse().unwrap();
    let line = |id: &str, amount, destination: &str, hash: &str| DigestLine {
        payout_id: PayoutId::parse(id).unwrap(),
        seller: seller("a"),
        amount: won(amount),
        destination: destination.to_owned(),
        statement_sha256: hash.to_owned(),
    };
    let (one, two) = (line("po_1", 1, "s1", "h1"), line("po_2", 2, "s2", "h2"));
    let digest = of_run(&run, day, &[one.clone(), two.clone()]);
    assert_eq!(of_run(&run, day, &[two.clone(), one.clone()]), digest, "the order does not matter");
    for others in [
        vec![one.clone()],
        vec![line("po_1", 2, "s1", "h1"), two.clone()],
        vec![line("po_1", 1, "s3", "h1"), two.clone()],
        vec![line("po_1", 1, "s1", "h3"), two.clone()],
        vec![line("po_3", 1, "s1", "h1"), two.clone()],
    ] {
        assert_ne!(of_run(&run, day, &others), digest, "{others:?}");
    }
    assert_ne!(of_run(&run, "2026-12-02".parse().unwrap(), &[one, two]), digest);
}

#[test]
fn every_payout_of_a_part_and_every_part_of_a_run_is_in_the_digest() {
    let run = PayoutRunId::parse("run_000001").unwrap();
    let line = |id: &str, amount| DigestLine {
        payout_id: PayoutId::parse(id).unwrap(),
        seller: seller("a"),
        amount: won(amount),
        destination: "s1".to_owned(),
        statement_sha256: "h1".to_owned(),
    };
    let (one, two) = (line("po_1", 1), line("po_2", 2));
    let hash = of_part(&run, 1, &[one.clone(), two.clone()]);
    assert_eq!(of_part(&run, 1, &[two.clone(), one.clone()]), hash, "the order does not matter");
    assert_ne!(of_part(&run, 2, &[one.clone(), two.clone()]), hash);
    for others in [vec![], vec![one.clone()], vec![one.clone(), line("po_2", 3)], vec![line("po_3", 1), two]] {
        assert_ne!(of_part(&run, 1, &others), hash, "{others:?}");
    }

    let part = |number, payouts, sha256: &str| DigestPart { number, payouts, sha256: sha256.to_owned() };
    let day = "2026-12-01".parse().unwrap();
    let digest = of_parts(&run, day, &[part(1, 2, "h1"), part(2, 1, "h2")]);
    assert_eq!(of_parts(&run, day, &[part(2, 1, "h2"), part(1, 2, "h1")]), digest, "the order does not matter");
    for others in [
        vec![part(1, 2, "h1")],
        vec![part(1, 1, "h1"), part(2, 1, "h2")],
        vec![part(1, 2, "h3"), part(2, 1, "h2")],
        vec![part(1, 2, "h2"), part(2, 1, "h1")],
        vec![part(1, 2, "h1"), part(3, 1, "h2")],
    ] {
        assert_ne!(of_parts(&run, day, &others), digest, "{others:?}");
    }
    assert_ne!(of_parts(&run, "2026-12-02".parse().unwrap(), &[part(1, 2, "h1"), part(2, 1, "h2")]), digest);
}

fn batch(count: usize) -> Batch {
    let item = |index| Sending {
        payout_id: PayoutId::parse(format!("po_{index}")).unwrap(),
        ref_payout_id: format!("po_{index}"),
        destination: format!("seller_{index}"),
        amount: won(1_000),
    };
    Batch { items: (0..count).map(item).collect(), pays_on: None, may_have_left: false }
}

fn reports(batch: &Batch) -> Vec<PayoutReport> {
    let report = |item: &Sending| PayoutReport {
        ref_payout_id: item.ref_payout_id.clone(),
        psp_payout_id: format!("FPA_{}", item.ref_payout_id),
        status: PspPayoutStatus::Requested,
        amount: item.amount,
        failure: None,
    };
    batch.items.iter().map(report).collect()
}

fn refusal(kind: RefusalKind) -> BatchAnswer {
    BatchAnswer::Refused(BatchRefusal { kind, failure: Failure::new("CODE", "no") })
}

type BatchKnowledge = Knowledge<BatchAnswer, BatchReport>;

fn at(ms: u64) -> At<()> {
    At { now: NOW.plus_ms(ms), circumstances: () }
}

/// An inquiry that has sent its request once.
fn sent(batch: &Batch) -> Inquiry<BatchSubject> {
    let (mut inquiry, request) = Inquiry::new(BatchSubject::new(batch), NOW);
    inquiry.send(request, NOW);
    inquiry
}

#[test]
fn a_lost_batch_is_looked_up_and_repeated_under_the_same_key_only() {
    let batch = batch(2);
    let mut inquiry = sent(&batch);
    let lost: BatchKnowledge = Knowledge::Lost(Doubt::unanswered("stall".to_owned()));
    assert!(matches!(inquiry.next(&lost, at(0)), Step::Ask { .. }));
    let absent = Knowledge::Reported(BatchReport { found: vec![] });
    let Step::Send(request) = inquiry.next(&absent, at(1_000)) else { panic!("not sent again") };
    let key = batch.key(inquiry.send(request, at(1_000).now));
    assert_eq!(key, batch.key(0), "the same names go under the same key");
    // A refusal of a repeated request proves nothing before the list was read.
    let refused: BatchKnowledge = Knowledge::Answered(refusal(RefusalKind::Payout { offender: None }));
    assert!(matches!(inquiry.next(&refused, at(2_000)), Step::Ask { .. }));
    let found = Knowledge::Reported(BatchReport { found: reports(&batch) });
    let Step::Conclude(BatchConclusion::Accepted(known)) = inquiry.next(&found, at(3_000)) else {
        panic!("not concluded")
    };
    assert_eq!(known.len(), 2);
}

#[test]
fn a_part_of_a_batch_in_the_list_is_believed_once_the_list_cannot_lag_behind() {
    let batch = batch(3);
    let mut inquiry = sent(&batch);
    inquiry.learn(&Knowledge::Lost(Doubt::unanswered(String::new())), NOW);
    let part = Knowledge::Reported(BatchReport { found: reports(&batch).split_off(1) });
    assert!(matches!(inquiry.next(&part, at(1_000)), Step::Ask { .. }));
    let Step::Conclude(BatchConclusion::Part(known)) = inquiry.next(&part, at(SETTLING_MS)) else {
        panic!("not concluded")
    };
    let left = batch.unreported(&known);
    assert_eq!((left.items.len(), left.items[0].ref_payout_id.as_str(), left.may_have_left), (1, "po_0", true));
}

#[test]
fn a_refusal_of_a_batch_that_was_sent_twice_is_believed_once_nothing_can_show_later() {
    let batch = batch(2);
    let mut inquiry = sent(&batch);
    inquiry.learn(&Knowledge::Lost(Doubt::answered("garbage".to_owned())), NOW);
    let absent = Knowledge::Reported(BatchReport { found: vec![] });
    let Step::Send(request) = inquiry.next(&absent, at(1_000)) else { panic!("not sent again") };
    inquiry.send(request, at(1_000).now);
    inquiry.learn(&Knowledge::Answered(refusal(RefusalKind::Payout { offender: None })), at(1_000).now);
    assert!(matches!(inquiry.next(&absent, at(SETTLING_MS)), Step::Ask { .. }), "the first request may be late");
    let concluded = inquiry.next(&absent, at(1_000 + SETTLING_MS));
    assert!(matches!(concluded, Step::Conclude(BatchConclusion::Refused { .. })));
}

#[test]
fn a_name_that_is_taken_is_looked_up_and_never_sent_again() {
    let batch = batch(1);
    let mut inquiry = sent(&batch);
    let taken: BatchKnowledge = Knowledge::Answered(refusal(RefusalKind::NameTaken));
    assert!(matches!(inquiry.next(&taken, at(0)), Step::Ask { .. }));
    let absent = Knowledge::Reported(BatchReport { found: vec![] });
    for hour in 1..24 {
        assert!(matches!(inquiry.next(&absent, at(hour * 3_600_000)), Step::Ask { .. }), "{hour}");
    }
    assert!(matches!(inquiry.next(&absent, at(24 * 3_600_000)), Step::CallForHelp(_)));
}

#[test]
fn the_first_refusal_of_a_first_request_is_believed() {
    let batch = batch(2);
    let refused = |kind| sent(&batch).next(&Knowledge::Answered(refusal(kind)), at(0));
    let offender = Some("po_1".to_owned());
    assert!(matches!(
        refused(RefusalKind::Payout { offender: offender.clone() }),
        Step::Conclude(BatchConclusion::Refused { offender: named, .. }) if named == offender
    ));
    assert!(matches!(refused(RefusalKind::Day), Step::Conclude(BatchConclusion::OtherDay(_))));
    assert!(matches!(refused(RefusalKind::Later), Step::Ask { .. }));
    // Of a batch that may have left before, the list is read first.
    let mut resumed = Inquiry::resumed(BatchSubject::new(&batch), NOW, NOW);
    let absent = Knowledge::Reported(BatchReport { found: vec![] });
    let Step::Send(request) = resumed.next(&absent, at(0)) else { panic!("not sent") };
    assert_eq!(batch.key(resumed.send(request, NOW)), batch.key(0), "the lost request may have had that key");
    let step = resumed.next(&Knowledge::Answered(refusal(RefusalKind::Payout { offender })), at(0));
    assert!(matches!(step, Step::Ask { .. }));
}

#[test]
fn a_batch_that_may_go_later_goes_under_a_new_key() {
    let batch = batch(2);
    let mut inquiry = sent(&batch);
    inquiry.learn(&Knowledge::Answered(refusal(RefusalKind::Later)), NOW);
    let absent = Knowledge::Reported(BatchReport { found: vec![] });
    let Step::Send(request) = inquiry.next(&absent, at(1_000)) else { panic!("not sent again") };
    assert_ne!(batch.key(inquiry.send(request, NOW)), batch.key(0), "the answer is bound to the old key");
}

#[test]
fn an_offender_is_taken_out_and_without_a_name_the_halves_go_on() {
    let names = |batch: &Batch| batch.items.iter().map(|item| item.ref_payout_id.clone()).collect::<Vec<_>>();
    let divided = batch(3).divide(Some("po_1"));
    assert_eq!(divided.refused.map(|item| item.ref_payout_id), Some("po_1".to_owned()));
    assert_eq!(divided.again.iter().map(names).collect::<Vec<_>>(), [["po_0", "po_2"]]);
    for offender in [None, Some("po_9")] {
        let divided = batch(3).divide(offender);
        assert_eq!(divided.refused, None);
        assert_eq!(divided.again.iter().map(|part| part.items.len()).collect::<Vec<_>>(), [1, 2]);
    }
    let alone = batch(1).divide(None);
    assert!(alone.refused.is_some() && alone.again.is_empty());
    let [one, two] = [batch(2).key(0), batch(3).key(0)];
    assert_ne!(one, two, "another composition has another key");
}

#[test]
fn a_payout_is_attempted_again_only_after_the_psp_said_that_it_was_not_made() {
    for status in PayoutStatus::ALL {
        let may = status.may_become(PayoutStatus::Approved);
        let expected = matches!(status, PayoutStatus::Frozen | PayoutStatus::Failed | PayoutStatus::Canceled);
        assert_eq!(may, expected, "{status}");
        assert_eq!(PayoutStatus::parse(status.as_str()), Some(status));
        assert!(!status.may_become(status));
    }
    let id = PayoutId::of_statement(&"ab".repeat(32));
    assert_eq!(id.attempt(1).as_str(), id.as_str());
    assert!(id.attempt(u32::MAX).as_str().len() <= 50, "the PSP takes 50 characters");
}
