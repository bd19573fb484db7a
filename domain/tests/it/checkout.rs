use domain::{
    Currency::{Krw, Usd},
    Money,
    checkout::{
        ConfirmRefusal, Confirmable, Confirmation, Event, MAX_ORDERS, Order, Payable, Plan, PlanError, PlanFields,
        Status,
    },
    id::{BuyerId, CheckoutId, PaymentKey, PaymentOrderId, SellerAccount},
};

pub(crate) fn order(id: &str, seller: &str, minor: u64) -> Order {
    Order {
        id: PaymentOrderId::parse(id).unwrap(),
        seller: SellerAccount::parse(seller).unwrap(),
        amount: Money::try_from_minor(minor, Krw).unwrap(),
        tax_free: None,
        name: None,
    }
}

pub(crate) fn fields(orders: Vec<Order>) -> PlanFields {
    PlanFields {
        checkout_id: CheckoutId::parse("checkout-1").unwrap(),
        order_name: "토스 티셔츠 외 2건".to_owned(),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        orders,
        success_url: None,
        fail_url: None,
        metadata: None,
        card: None,
        confirm_token_hash: None,
        window: Default::default(),
    }
}

const EVENTS: [Event; 11] = [
    Event::ConfirmRequested,
    Event::OutcomeUnknown,
    Event::DepositAwaited,
    Event::Paid,
    Event::DepositTakenBack,
    Event::Declined,
    Event::DeadlinePassed,
    Event::Canceled,
    Event::PartRefunded,
    Event::Refunded,
    Event::HelpNeeded,
];

/// The arrows of the contract, and no others.
#[test]
fn the_state_machine_is_the_one_of_the_contract() {
    use Event as E;
    use Status as S;
    let arrows = [
        (S::NotStarted, E::ConfirmRequested, S::Executing),
        (S::NotStarted, E::DeadlinePassed, S::Expired),
        (S::NotStarted, E::Canceled, S::Canceled),
        (S::Executing, E::Paid, S::Success),
        (S::Executing, E::Declined, S::Failed),
        (S::Executing, E::OutcomeUnknown, S::Unknown),
        (S::Executing, E::DepositAwaited, S::WaitingForDeposit),
        (S::Unknown, E::Paid, S::Success),
        (S::Unknown, E::Declined, S::Failed),
        (S::Unknown, E::DepositAwaited, S::WaitingForDeposit),
        (S::WaitingForDeposit, E::Paid, S::Success),
        (S::WaitingForDeposit, E::Declined, S::Expired),
        (S::WaitingForDeposit, E::DeadlinePassed, S::Expired),
        (S::Failed, E::ConfirmRequested, S::Executing),
        (S::Failed, E::Canceled, S::Failed),
        (S::Success, E::DepositTakenBack, S::WaitingForDeposit),
        (S::Success, E::PartRefunded, S::PartiallyRefunded),
        (S::Success, E::Refunded, S::Refunded),
        (S::PartiallyRefunded, E::PartRefunded, S::PartiallyRefunded),
        (S::PartiallyRefunded, E::Refunded, S::Refunded),
    ];
    for status in Status::ALL {
        for event in EVENTS {
            let expected = if status == S::Stuck {
                // A person may bring it anywhere, except to where it is.
                (event != E::HelpNeeded).then(|| target(event))
            } else if event == E::HelpNeeded {
                Some(S::Stuck)
            } else {
                arrows.iter().find(|arrow| (arrow.0, arrow.1) == (status, event)).map(|arrow| arrow.2)
            };
            assert_eq!(status.after(event).ok(), expected, "{event:?} in {status}");
        }
    }
}

fn target(event: Event) -> Status {
    match event {
        Event::ConfirmRequested => Status::Executing,
        Event::OutcomeUnknown => Status::Unknown,
        Event::DepositAwaited => Status::WaitingForDeposit,
        Event::Paid => Status::Success,
        Event::DepositTakenBack => Status::WaitingForDeposit,
        Event::Declined => Status::Failed,
        Event::DeadlinePassed => Status::Expired,
        Event::Canceled => Status::Canceled,
        Event::PartRefunded => Status::PartiallyRefunded,
        Event::Refunded => Status::Refunded,
        Event::HelpNeeded => Status::Stuck,
    }
}

#[test]
fn every_status_is_written_and_read_back() {
    for status in Status::ALL {
        assert_eq!(Status::parse(status.as_str()), Some(status));
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
    }
    assert_eq!(Status::parse("success"), None);
}

#[test]
fn a_plan_adds_up_and_refuses_what_cannot_be_paid() {
    let plan = Plan::try_new(fields(vec![order("o-1", "seller-a", 15_000), order("o-2", "seller-b", 8_000)])).unwrap();
    assert_eq!(plan.total(), Money::try_from_minor(23_000, Krw).unwrap());

    let refusal = |change: fn(&mut PlanFields)| {
        let mut fields = fields(vec![order("o-1", "seller-a", 15_000)]);
        change(&mut fields);
        Plan::try_new(fields).unwrap_err()
    };
    assert_eq!(refusal(|plan| plan.orders.clear()), PlanError::NoOrders);
    assert_eq!(refusal(|plan| plan.orders.push(order("o-2", "s", 0))), PlanError::ZeroAmount { index: 1 });
    assert_eq!(refusal(|plan| plan.orders.push(order("o-1", "s", 1))), PlanError::DuplicateOrder { index: 1 });
    assert_eq!(refusal(|plan| plan.order_name.clear()), PlanError::OrderName);
    assert_eq!(refusal(|plan| plan.order_name = "가".repeat(101)), PlanError::OrderName);
    assert_eq!(refusal(|plan| plan.order_name = "a\u{0}b".to_owned()), PlanError::OrderName);
    assert_eq!(
        refusal(|plan| plan.success_url = Some("javascript:alert(1)".to_owned())),
        PlanError::Url { success: true }
    );
    assert_eq!(refusal(|plan| plan.fail_url = Some("https:///x".to_owned())), PlanError::Url { success: false });
    assert_eq!(refusal(|plan| plan.metadata = Some("x".repeat(5_000))), PlanError::Metadata);
    assert_eq!(
        refusal(|plan| {
            let amount = Money::try_from_minor(1, Usd).unwrap();
            plan.orders.push(Order { amount, ..order("o-2", "s", 1) });
        }),
        PlanError::MixedCurrencies { index: 1 }
    );
    let most = domain::checkout::MAX_TOTAL_MINOR;
    assert!(Plan::try_new(fields(vec![order("o-1", "s", most - 1), order("o-2", "s", 1)])).is_ok());
    for orders in [vec![order("o-1", "s", most), order("o-2", "s", 1)], vec![order("o-1", "s", most + 1)]] {
        assert_eq!(Plan::try_new(fields(orders)).unwrap_err(), PlanError::TotalTooLarge);
    }
    let many = |count: usize| (0..count).map(|index| order(&format!("o-{index}"), "s", 1)).collect();
    assert!(Plan::try_new(fields(many(MAX_ORDERS))).is_ok());
    assert_eq!(Plan::try_new(fields(many(MAX_ORDERS + 1))).unwrap_err(), PlanError::TooManyOrders);
}

#[test]
fn a_confirmation_is_taken_once_and_only_for_what_was_agreed() {
    let (id, total) = (CheckoutId::parse("checkout-1").unwrap(), Money::try_from_minor(100, Krw).unwrap());
    let key = |text: &str| PaymentKey::parse(text).unwrap();
    let confirmation = Confirmation { payment_key: key("pk-1"), checkout_id: id.clone(), amount: total };
    let check = |status, bound: Option<&PaymentKey>, confirmation: &Confirmation| {
        Payable { checkout_id: &id, total, status, bound_to: bound, retryable: false }.check(confirmation)
    };

    assert_eq!(check(Status::NotStarted, None, &confirmation), Ok(Confirmable::Begins));
    for status in Status::ALL {
        assert_eq!(check(status, Some(&key("pk-1")), &confirmation), Ok(Confirmable::Joins), "{status}");
        assert_eq!(check(status, Some(&key("pk-2")), &confirmation), Err(ConfirmRefusal::NotConfirmable), "{status}");
        if status != Status::NotStarted {
            assert_eq!(check(status, None, &confirmation), Err(ConfirmRefusal::NotConfirmable), "{status}");
        }
    }
    for status in Status::ALL {
        let again = |bound: &str| {
            let bound_to = Some(&key(bound));
            Payable { checkout_id: &id, total, status, bound_to, retryable: true }.check(&confirmation)
        };
        assert_eq!(again("pk-0") == Ok(Confirmable::Begins), status == Status::Failed, "{status}");
        assert_eq!(again("pk-1"), Ok(Confirmable::Joins), "{status}");
    }
    let cheaper = Confirmation { amount: Money::try_from_minor(99, Krw).unwrap(), ..confirmation.clone() };
    assert_eq!(check(Status::NotStarted, None, &cheaper), Err(ConfirmRefusal::AmountMismatch));
    let dollars = Confirmation { amount: Money::try_from_minor(100, Usd).unwrap(), ..confirmation.clone() };
    assert_eq!(check(Status::NotStarted, None, &dollars), Err(ConfirmRefusal::AmountMismatch));
    let other = Confirmation { checkout_id: CheckoutId::parse("checkout-2").unwrap(), ..confirmation };
    assert_eq!(check(Status::NotStarted, None, &other), Err(ConfirmRefusal::OrderMismatch));
}
