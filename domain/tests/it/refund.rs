use domain::{
    Currency::{Jpy, Krw},
    Money, Timestamp,
    checkout::{State, Status},
    failure::Failure,
    id::{CheckoutId, IdempotencyKey, PaymentOrderId, RefundId},
    inquiry::{At, Doubt, Inquiry, Key, LOOKUPS_WHILE_LOCKED_OUT, Step},
    ledger::{Account, Entry, Refund, RefundPart},
    refund::{
        Conclusion, Executed, GivenBack, KEY_LIFETIME_MS, Knowledge, LONGEST_PAUSE_MS, Left, PATIENCE_MS, Part,
        RefundAnswer, RefundReport, RefundScope, RefundStatus, Refunding, SETTLING_MS, Unrefundable, after_execution,
        is_marked, mark, share_out,
    },
};
use proptest::prelude::*;

const AMOUNT: u64 = 1_000;
const BALANCE: u64 = 3_000;
const START: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn order(id: &str) -> PaymentOrderId {
    PaymentOrderId::parse(id).unwrap()
}

fn refund() -> RefundId {
    RefundId::parse("refund-1").unwrap()
}

fn executed(minor: u64) -> Executed {
    Executed { amount: won(minor), executed_at: START, transaction_key: None }
}

fn failure(code: &str) -> Failure {
    Failure::new(code, "no")
}

fn refused() -> Knowledge {
    Knowledge::Answered(RefundAnswer::Refused(failure("EXCEED_MAX_REFUND_DUE")))
}

fn unanswered() -> Knowledge {
    Knowledge::Lost(Doubt::unanswered("no answer".to_owned()))
}

fn doubtful() -> Knowledge {
    Knowledge::Lost(Doubt::answered("no word".to_owned()))
}

fn told(ours: Option<Executed>, left: u64) -> Knowledge {
    Knowledge::Reported(RefundReport { ours, left: won(left), lookalike: false, complete: false })
}

/// The next step in words.
fn next(inquiry: &mut Inquiry<Refunding>, knowledge: &Knowledge, now: Timestamp) -> String {
    match inquiry.next(knowledge, at(now)) {
        Step::Conclude(Conclusion::Settle(_)) => "settle".to_owned(),
        Step::Conclude(Conclusion::Fail(failure)) => format!("fail {}", failure.code),
        Step::Send(request) => match request.key() {
            Key::New => format!("send anew, {} left", inquiry.subject.held),
            Key::Same => "send again".to_owned(),
        },
        Step::Ask { .. } => "ask".to_owned(),
        Step::CallForHelp(failure) => format!("help {}", failure.code),
        Step::BeginUndo(never) | Step::Undo(never) => match never {},
    }
}

const fn at(now: Timestamp) -> At<()> {
    At { now, circumstances: () }
}

/// A refund that was sent once.
fn sent() -> Inquiry<Refunding> {
    let (mut inquiry, request) = Inquiry::new(Refunding { amount: won(AMOUNT), held: won(BALANCE) }, START);
    inquiry.send(request, START);
    inquiry
}

/// Sends, learns each in turn, and answers the last decision `later_ms` after the start.
fn decide(times_sent: u32, learned: &[Knowledge], later_ms: u64) -> String {
    let mut inquiry = sent();
    inquiry.progress.sent = times_sent;
    for knowledge in learned {
        inquiry.learn(knowledge, START);
    }
    next(&mut inquiry, learned.last().unwrap(), START.plus_ms(later_ms))
}

/// Two orders over 1,000 won each: what was given back of them, what the refund gives back, and what comes of it.
#[test]
fn a_refund_moves_its_orders_and_the_checkout_to_what_all_refunds_make_of_them() {
    use Status::{PartiallyRefunded, Refunded};
    let order = |line: usize| PaymentOrderId::parse(format!("o-{line}")).unwrap();
    let check = |gone: [u64; 2], parts: &[(usize, u64)], checkout: Status, orders: &[(usize, Status)]| {
        let before: Vec<_> = gone.into_iter().enumerate().map(|(line, gone)| (order(line), won(gone))).collect();
        let before: Vec<_> =
            before.into_iter().map(|(order, given_back)| GivenBack { order, paid: won(1_000), given_back }).collect();
        let parts: Vec<_> =
            parts.iter().map(|(line, minor)| Part { order: order(*line), amount: won(*minor) }).collect();
        let stands_at = if gone == [0, 0] { Status::Success } else { PartiallyRefunded };
        let after = after_execution(State { revision: 7, status: stands_at }, &before, &parts).unwrap();
        assert_eq!(after.state, State { revision: 8, status: checkout }, "{gone:?} {parts:?}");
        let moved: Vec<_> = after.orders.iter().map(|after| (after.order.clone(), after.status)).collect();
        let expected: Vec<_> = orders.iter().map(|(line, status)| (order(*line), *status)).collect();
        assert_eq!(moved, expected, "{gone:?} {parts:?}");
    };
    check([0, 0], &[(0, 999)], PartiallyRefunded, &[(0, PartiallyRefunded)]);
    check([0, 0], &[(0, 1_000)], PartiallyRefunded, &[(0, Refunded)]);
    check([0, 0], &[(0, 1_000), (1, 1_000)], Refunded, &[(0, Refunded), (1, Refunded)]);
    check([1_000, 0], &[(1, 1)], PartiallyRefunded, &[(1, PartiallyRefunded)]);
    check([1_000, 999], &[(1, 1)], Refunded, &[(1, Refunded)]);
    check([500, 999], &[(0, 500)], PartiallyRefunded, &[(0, Refunded)]);
    let paid = [GivenBack { order: order(0), paid: won(1_000), given_back: won(0) }];
    let part = [Part { order: order(0), amount: won(1_000) }];
    for status in Status::ALL {
        let may = matches!(status, Status::Success | PartiallyRefunded | Status::Stuck);
        assert_eq!(after_execution(State { revision: 1, status }, &paid, &part).is_ok(), may, "{status}");
    }
}

#[test]
fn every_knowledge_has_its_step() {
    let ours = || Some(executed(AMOUNT));
    let cases: [(u32, Vec<Knowledge>, u64, &str); 19] = [
        (1, vec![Knowledge::Answered(RefundAnswer::Executed(executed(AMOUNT)))], 0, "settle"),
        (1, vec![Knowledge::Answered(RefundAnswer::Executed(executed(999)))], 0, "help psp_amount_mismatch"),
        (1, vec![refused()], 0, "fail EXCEED_MAX_REFUND_DUE"),
        // After the first request a refusal proves nothing by itself …
        (2, vec![refused()], 0, "ask"),
        (2, vec![refused(), told(None, BALANCE)], SETTLING_MS - 1, "ask"),
        (2, vec![refused(), told(ours(), 2_000)], 0, "settle"),
        // … and with time and a look it does.
        (2, vec![refused(), told(None, BALANCE)], SETTLING_MS, "fail EXCEED_MAX_REFUND_DUE"),
        (1, vec![unanswered()], 0, "ask"),
        (1, vec![doubtful()], 0, "ask"),
        (1, vec![doubtful(), told(ours(), 2_000)], 0, "settle"),
        (1, vec![doubtful(), told(Some(executed(1)), 2_999)], 0, "help psp_amount_mismatch"),
        // No answer came: the same key is safe for as long as the PSP remembers it.
        (1, vec![unanswered(), told(None, BALANCE)], 0, "send again"),
        (1, vec![unanswered(), told(None, 0)], 0, "send again"),
        (1, vec![doubtful(), told(None, BALANCE)], 0, "send anew, 3000 KRW left"),
        (1, vec![doubtful(), Knowledge::NoReport], 0, "ask"),
        // Somebody else took what was left.
        (1, vec![doubtful(), told(None, AMOUNT - 1)], 0, "ask"),
        (1, vec![doubtful(), told(None, AMOUNT - 1)], SETTLING_MS, "fail psp_balance_too_small"),
        (1, vec![doubtful(), told(None, AMOUNT - 1)], PATIENCE_MS, "help refund_unresolved"),
        (1, vec![doubtful(), Knowledge::NoReport], PATIENCE_MS, "help refund_unresolved"),
    ];
    for (sent, learned, later_ms, expected) in cases {
        assert_eq!(decide(sent, &learned, later_ms), expected, "{sent} sent, {learned:?}, {later_ms} ms later");
    }
}

#[test]
fn what_others_took_settles_a_refund_at_once() {
    let spent =
        |left| Knowledge::Reported(RefundReport { ours: None, left: won(left), lookalike: false, complete: true });
    let unanswered = unanswered();
    let refusal = Knowledge::Lost(Doubt {
        refusal: Some(failure("ALREADY_CANCELED_PAYMENT")),
        ..Doubt::answered("ALREADY_CANCELED_PAYMENT".to_owned())
    });
    assert_eq!(decide(1, &[refusal.clone(), spent(0)], 0), "fail ALREADY_CANCELED_PAYMENT");
    assert_eq!(decide(1, &[doubtful(), spent(0)], 0), "fail canceled_at_psp");
    assert_eq!(
        decide(1, &[unanswered.clone(), spent(0)], 0),
        "fail canceled_at_psp",
        "no request can take what is gone"
    );
    assert_eq!(decide(1, &[unanswered.clone(), spent(AMOUNT - 1)], PATIENCE_MS), "fail psp_balance_too_small");
    // What is left may still go back by a request that is under way.
    assert_eq!(decide(1, &[unanswered, spent(AMOUNT)], 0), "send again");
    assert_eq!(decide(1, &[refusal, told(None, 0)], 0), "ask", "what is not shown may be ours");
}

#[test]
fn what_may_be_ours_is_shown_to_a_person() {
    let lookalike = Knowledge::Reported(RefundReport { ours: None, left: won(2_000), lookalike: true, complete: true });
    assert_eq!(decide(1, &[doubtful(), lookalike], 0), "help refund_lookalike");
}

#[test]
fn a_key_that_the_psp_may_have_forgotten_is_not_used_again() {
    let mut inquiry = sent();
    inquiry.learn(&unanswered(), START);
    let later = START.plus_ms(KEY_LIFETIME_MS);
    inquiry.start_over(later);
    assert_eq!(next(&mut inquiry, &told(None, BALANCE), later), "send anew, 3000 KRW left");
}

#[test]
fn a_refund_that_is_locked_out_asks_a_few_times_and_calls_a_person() {
    let mut inquiry = sent();
    let refused = Doubt { locked_out: true, ..Doubt::answered("UNAUTHORIZED_KEY".to_owned()) };
    inquiry.learn(&Knowledge::Lost(refused), START);
    for _ in 0..LOOKUPS_WHILE_LOCKED_OUT {
        assert_eq!(next(&mut inquiry, &Knowledge::NoReport, START), "ask");
        inquiry.pause_passed();
    }
    assert_eq!(next(&mut inquiry, &Knowledge::NoReport, START), "help psp_access_denied");
}

#[test]
fn a_status_goes_forward_and_ends() {
    for status in RefundStatus::ALL {
        assert_eq!(RefundStatus::parse(status.as_str()), Some(status));
        let nexts = RefundStatus::ALL.into_iter().filter(|next| status.may_become(*next)).count();
        assert_eq!(nexts == 0, status.is_end(), "{status}");
        assert!(!status.may_become(RefundStatus::Requested) && !status.may_become(status), "{status}");
        // Money goes back only of what is promised.
        assert_eq!(status.may_become(RefundStatus::Succeeded), status.is_promised(), "{status}");
    }
}

#[test]
fn a_mark_is_known_again() {
    let key = IdempotencyKey::parse("key").unwrap();
    let id = domain::principal::Principal::parse("key:key1").unwrap().refund(&key);
    assert!(is_marked(&format!("단순 변심 {}", mark(&id))));
    assert!(!is_marked("단순 변심") && !is_marked("[상점관리자]"));
    let checkout = CheckoutId::parse("checkout-1").unwrap();
    let rests = [
        RefundId::of_rest(&checkout, None, 0),
        RefundId::of_rest(&checkout, None, 1),
        RefundId::of_rest(&checkout, Some(&order("o-1")), 0),
    ];
    assert!(rests[0] != rests[1] && rests[0] != rests[2] && rests[0] == RefundId::of_rest(&checkout, None, 0));
}

fn left(amounts: &[u64]) -> Vec<Left> {
    let left = |(index, minor): (usize, &u64)| Left { order: order(&format!("o-{index}")), amount: won(*minor) };
    amounts.iter().enumerate().map(left).collect()
}

#[test]
fn what_is_asked_for_is_shared_out() {
    let all =
        |order: Option<&str>, minor: Option<u64>| RefundScope { order: order.map(self::order), amount: minor.map(won) };
    type Shares = Result<Vec<(&'static str, u64)>, Unrefundable>;
    let cases: [(RefundScope, &[u64], Shares); 10] = [
        (all(None, None), &[15_000, 8_000], Ok(vec![("o-0", 15_000), ("o-1", 8_000)])),
        (all(None, Some(10_000)), &[15_000, 8_000], Ok(vec![("o-0", 6_522), ("o-1", 3_478)])),
        (all(None, Some(1)), &[15_000, 8_000], Ok(vec![("o-0", 1)])),
        (all(None, None), &[0, 8_000], Ok(vec![("o-1", 8_000)])),
        (all(Some("o-1"), None), &[15_000, 8_000], Ok(vec![("o-1", 8_000)])),
        (all(Some("o-1"), Some(8_001)), &[15_000, 8_000], Err(Unrefundable::Exceeds(won(8_000)))),
        (all(None, Some(23_001)), &[15_000, 8_000], Err(Unrefundable::Exceeds(won(23_000)))),
        (all(None, None), &[0, 0], Err(Unrefundable::NothingLeft)),
        (all(None, Some(0)), &[1], Err(Unrefundable::Amount)),
        (all(Some("o-9"), None), &[1], Err(Unrefundable::NoSuchOrder)),
    ];
    for (wanted, amounts, expected) in cases {
        let expected = expected.map(|parts| {
            parts.into_iter().map(|(id, minor)| Part { order: order(id), amount: won(minor) }).collect::<Vec<_>>()
        });
        assert_eq!(share_out(&wanted, &left(amounts)), expected, "{wanted:?} of {amounts:?}");
    }
    let yen = RefundScope { order: None, amount: Some(Money::try_from_minor(1, Jpy).unwrap()) };
    assert_eq!(share_out(&yen, &left(&[1])), Err(Unrefundable::Amount));
}

#[test]
fn orders_of_one_seller_take_what_is_available_once() {
    let seller = domain::id::SellerAccount::parse("seller-a").unwrap();
    let part = |id: &str| RefundPart {
        order: domain::checkout::Order {
            id: order(id),
            seller: seller.clone(),
            amount: won(600),
            tax_free: None,
            name: None,
        },
        amount: won(600),
        commission: won(0),
        commission_vat: won(0),
        unreleased: won(100),
    };
    let refund = Refund {
        id: refund(),
        checkout_id: CheckoutId::parse("checkout-1").unwrap(),
        parts: vec![part("a"), part("b")],
    };
    let available = [(seller.clone(), won(700))].into_iter().collect();
    let entry = Entry::of_refund_promised(&refund, available, START).unwrap();
    let taken = |account: &Account| -> u64 {
        let postings = entry.fields().postings.iter().map(|posting| posting.fields());
        postings.filter(|posting| posting.debit == *account).map(|posting| posting.amount.minor()).sum()
    };
    assert_eq!(taken(&Account::SellerPending(seller.clone())), 200);
    assert_eq!(taken(&Account::SellerAvailable(seller.clone())), 700);
    assert_eq!(taken(&Account::SellerDebt(seller)), 300);
}

/// What happens to one request at a PSP that may lose, delay and refuse it, and to the question after it.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// Whether it is executed at once, or after some more turns, or never.
    delay: Option<u8>,
    /// Whether its answer arrives, and if so whether it tells.
    answer: u8,
    /// Whether the question after it is answered.
    look: bool,
}

/// A PSP that keeps the two promises which the reference names: a key is answered once, and a wrong belief about what
/// is left does nothing.
#[derive(Default)]
struct Psp {
    given_back: u32,
    keys: std::collections::BTreeMap<u32, bool>,
    delayed: Vec<(u8, u32, u64)>,
}

impl Psp {
    fn left(&self) -> u64 {
        BALANCE.saturating_sub(u64::from(self.given_back) * AMOUNT)
    }

    fn execute(&mut self, key: u32, believed: u64) -> bool {
        let is_new = !self.keys.contains_key(&key);
        let left = self.left();
        let done = *self.keys.entry(key).or_insert(believed == left);
        self.given_back += u32::from(is_new && done);
        done
    }

    fn pass(&mut self) {
        let delayed = std::mem::take(&mut self.delayed);
        for (turns, key, believed) in delayed {
            if turns == 0 {
                self.execute(key, believed);
            } else {
                self.delayed.push((turns - 1, key, believed));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever is lost, late or refused: the money goes back at most once, and not at all if the refund is failed.
    #[test]
    fn a_refund_happens_once_or_is_not_settled(
        turns in prop::collection::vec((prop::option::of(0_u8..3), 0_u8..4, any::<bool>()), 1..30),
    ) {
        let mut psp = Psp::default();
        let mut now = START;
        let (mut inquiry, request) = Inquiry::new(Refunding { amount: won(AMOUNT), held: won(BALANCE) }, now);
        let turns = turns.into_iter().map(|(delay, answer, look)| Turn { delay, answer, look });
        let mut step = Step::Send(request);
        for turn in turns {
            psp.pass();
            let knowledge = match step {
                Step::Send(request) => {
                    let (key, believed) = (inquiry.send(request, now), inquiry.subject.held.minor());
                    match turn.delay {
                        // The same key while the first request is on its way: the PSP says so, which is no answer.
                        _ if psp.delayed.iter().any(|(_, waiting, _)| *waiting == key) => unanswered(),
                        Some(0) | None => {
                            let done = psp.keys.contains_key(&key) || turn.delay.is_some();
                            let done = done && psp.execute(key, believed);
                            if turn.delay.is_none() && turn.answer != 0 {
                                psp.keys.entry(key).or_insert(false);
                            }
                            match turn.answer {
                                0 => unanswered(),
                                1 if done => Knowledge::Answered(RefundAnswer::Executed(executed(AMOUNT))),
                                2 if !done => refused(),
                                _ => doubtful(),
                            }
                        }
                        Some(delay) => {
                            psp.delayed.push((delay, key, believed));
                            unanswered()
                        }
                    }
                }
                Step::Ask { pause_ms, .. } => {
                    prop_assert!(pause_ms <= LONGEST_PAUSE_MS);
                    now = now.plus_ms(pause_ms);
                    inquiry.pause_passed();
                    let ours = (psp.given_back > 0).then(|| executed(AMOUNT));
                    if turn.look { told(ours, psp.left()) } else { Knowledge::NoReport }
                }
                Step::Conclude(_) | Step::CallForHelp(_) => break,
                Step::BeginUndo(never) | Step::Undo(never) => match never {},
            };
            step = inquiry.next(&knowledge, at(now));
        }
        // What is still on its way arrives.
        for _ in 0..4 {
            psp.pass();
        }
        prop_assert!(psp.given_back <= 1, "given back {} times", psp.given_back);
        match step {
            Step::Conclude(Conclusion::Settle(_)) => prop_assert_eq!(psp.given_back, 1),
            Step::Conclude(Conclusion::Fail(_)) => prop_assert_eq!(psp.given_back, 0),
            Step::Send(_) | Step::Ask { .. } | Step::CallForHelp(_) => {}
            Step::BeginUndo(never) | Step::Undo(never) => match never {},
        }
    }
}
