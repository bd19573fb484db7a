//! A hold ends once: as a payout, released, or expired.

use domain::{
    Currency::Krw,
    Money, Timestamp,
    hold::{HoldEnded, HoldEvent, HoldState, HoldStatus},
    id::{HoldId, SellerAccount},
    ledger::{Hold, HoldEnd, PayoutEnd, Reason},
};

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn at(status: HoldStatus) -> HoldState {
    let hold =
        Hold { id: HoldId::parse("h-1").unwrap(), seller: SellerAccount::parse("seller-a").unwrap(), amount: won(100) };
    HoldState { hold, captured: won(60), status }
}

#[test]
fn an_event_happens_once_and_only_in_its_turn() {
    use HoldStatus::{Expired, InTransit, PaidOut, PayoutFailed, Released, Reserved};
    for (event, begins, ends, before) in [
        (HoldEvent::Ended(HoldEnd::Released), Reserved, Released, vec![Released]),
        (HoldEvent::Ended(HoldEnd::Expired), Reserved, Expired, vec![Expired]),
        // It was captured, whatever has become of the payout.
        (HoldEvent::Captured(won(60)), Reserved, InTransit, vec![InTransit, PaidOut, PayoutFailed]),
        (HoldEvent::Captured(won(61)), Reserved, InTransit, vec![]),
        (HoldEvent::PayoutEnded(PayoutEnd::Arrived), InTransit, PaidOut, vec![PaidOut]),
        (HoldEvent::PayoutEnded(PayoutEnd::CameBack), InTransit, PayoutFailed, vec![PayoutFailed]),
    ] {
        for status in HoldStatus::ALL {
            let expected = match status {
                status if status == begins => Ok(Some(ends)),
                status if before.contains(&status) => Ok(None),
                status => Err(HoldEnded(status)),
            };
            assert_eq!(at(status).after(event), expected, "{event:?} {status}");
        }
    }
}

#[test]
fn a_status_is_read_as_it_is_written() {
    for status in HoldStatus::ALL {
        assert_eq!(HoldStatus::parse(status.as_str()), Some(status));
    }
    assert_eq!(HoldStatus::parse("reserved"), None);
}

#[test]
fn a_payout_is_over_what_was_captured() {
    let arrived = HoldEvent::PayoutEnded(PayoutEnd::Arrived);
    let entry = at(HoldStatus::InTransit).entry(arrived, Timestamp::from_epoch_ms(1)).unwrap();
    assert_eq!(entry.fields().reason, Reason::PayoutArrived);
    assert_eq!(entry.fields().postings[0].fields().amount, won(60));
    let released = HoldEvent::Ended(HoldEnd::Released);
    let entry = at(HoldStatus::Reserved).entry(released, Timestamp::from_epoch_ms(1)).unwrap();
    assert_eq!(entry.fields().postings[0].fields().amount, won(100));
}
