//! Which events are sent now, and in which order: one lane for each object, its events one after the other.

use std::collections::{BTreeMap, BTreeSet};

use domain::Timestamp;
use store::{
    EventRecord,
    webhook_endpoint::{Retry, Waiting},
};

/// The most events that waited and are taken up in one round.
const MAX_TAKEN_UP: usize = 200;

/// An event of a lane.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// It comes from the log.
    New(EventRecord),
    /// It waited at the endpoint.
    Waited(Waiting),
}

/// The events of one object, positions ascending.
#[derive(Debug)]
pub(super) struct Lane {
    /// `checkout:order-1`
    pub(super) object: String,
    pub(super) items: Vec<Item>,
}

impl Lane {
    /// Its events that no row says wait, as events that wait from now on.
    pub(super) fn parked(&self, now: Timestamp) -> Vec<Retry> {
        self.items.iter().cloned().filter_map(|item| item.parked(now)).collect()
    }
}

/// What is done in one round.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) lanes: Vec<Lane>,
    /// Events from the log that wait behind an earlier event of their object.
    pub(super) parked: Vec<Retry>,
    /// When the next event is due that is in no lane.
    pub(super) next_due: Option<Timestamp>,
}

impl Item {
    pub(super) const fn position(&self) -> u64 {
        match self {
            Self::New(event) => event.position,
            Self::Waited(waiting) => waiting.position,
        }
    }

    pub(super) const fn attempts(&self) -> u32 {
        match self {
            Self::New(_) => 0,
            Self::Waited(waiting) => waiting.attempts,
        }
    }

    fn object(&self) -> String {
        match self {
            Self::New(event) => object_of(event),
            Self::Waited(waiting) => waiting.object.clone(),
        }
    }

    fn due_after(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::New(_) => None,
            Self::Waited(waiting) => (!waiting.woken && waiting.due_at > now).then_some(waiting.due_at),
        }
    }

    /// As one that waits from now on: nothing has been tried.
    pub(super) fn parked(self, now: Timestamp) -> Option<Retry> {
        match self {
            Self::New(event) => Some(Retry {
                position: event.position,
                object: object_of(&event),
                event_type: event.event_type.as_str().to_owned(),
                event_id: event.id,
                attempts: 0,
                due_at: now,
                woken: false,
            }),
            // It stands there already.
            Self::Waited(_) => None,
        }
    }
}

/// What an event is about, as one name: `checkout:order-1`.
fn object_of(event: &EventRecord) -> String {
    format!("{}:{}", event.event_type.object().as_str(), event.object_id)
}

/// Decides what is sent now. The events of an object in flight wait until its lane has ended.
pub(super) fn plan(waiting: Vec<Waiting>, new: Vec<EventRecord>, in_flight: &BTreeSet<String>, now: Timestamp) -> Plan {
    let mut objects: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in waiting.into_iter().map(Item::Waited).chain(new.into_iter().map(Item::New)) {
        objects.entry(item.object()).or_default().push(item);
    }
    let mut plan = Plan::default();
    let mut taken_up = 0;
    for (object, mut items) in objects {
        if in_flight.contains(&object) {
            plan.parked.extend(items.into_iter().filter_map(|item| item.parked(now)));
            continue;
        }
        items.sort_by_key(Item::position);
        let is_due = |item: &Item| item.due_after(now).is_none();
        let mut ready = items.iter().take_while(|item| is_due(item)).count();
        let waited = items.iter().take(ready).filter(|item| matches!(item, Item::Waited(_))).count();
        if taken_up + waited > MAX_TAKEN_UP && taken_up > 0 {
            ready = 0;
            plan.next_due = Some(now);
        } else {
            taken_up += waited;
        }
        let behind = items.split_off(ready);
        if ready == 0
            && let Some(due) = behind.first().and_then(|head| head.due_after(now))
        {
            plan.next_due = Some(plan.next_due.map_or(due, |next| next.min(due)));
        }
        plan.parked.extend(behind.into_iter().filter_map(|item| item.parked(now)));
        if !items.is_empty() {
            plan.lanes.push(Lane { object, items });
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use domain::event::EventType;

    use super::*;

    fn event(position: u64, object: &str) -> EventRecord {
        EventRecord {
            position,
            id: format!("evt_{position}"),
            event_type: EventType::CheckoutPaid,
            object_id: object.to_owned(),
            version: 1,
            occurred_at: Timestamp::from_epoch_ms(0),
            recorded_at: Timestamp::from_epoch_ms(0),
            data: "{}".to_owned(),
        }
    }

    fn waits(position: u64, object: &str, due_ms: i64, woken: bool) -> Waiting {
        let Some(retry) = Item::New(event(position, object)).parked(Timestamp::from_epoch_ms(due_ms)) else {
            unreachable!("an event from the log can be parked")
        };
        Waiting { woken, attempts: 1, ..retry }
    }

    fn positions(plan: &Plan) -> (Vec<Vec<u64>>, Vec<u64>) {
        let lanes = plan.lanes.iter().map(|lane| lane.items.iter().map(Item::position).collect()).collect();
        (lanes, plan.parked.iter().map(|parked| parked.position).collect())
    }

    #[test]
    fn an_event_that_waits_holds_up_its_own_object_only() {
        let now = Timestamp::from_epoch_ms(100);
        let waiting = vec![waits(1, "a", 200, false), waits(2, "b", 100, false), waits(3, "b", 300, false)];
        let new = vec![event(4, "a"), event(5, "b"), event(6, "c"), event(7, "c")];
        let plan = plan(waiting, new, &BTreeSet::new(), now);
        assert_eq!(positions(&plan), (vec![vec![2], vec![6, 7]], vec![4, 5]));
        assert_eq!(plan.next_due, Some(Timestamp::from_epoch_ms(200)));
    }

    #[test]
    fn what_is_woken_goes_before_its_time_and_in_order() {
        let now = Timestamp::from_epoch_ms(100);
        let waiting = vec![waits(9, "a", 900, true), waits(3, "a", 800, true)];
        let plan = plan(waiting, vec![event(12, "a")], &BTreeSet::new(), now);
        assert_eq!(positions(&plan), (vec![vec![3, 9, 12]], vec![]));
        assert_eq!(plan.next_due, None);
    }

    #[test]
    fn what_waits_is_taken_up_in_portions() {
        let now = Timestamp::from_epoch_ms(100);
        let waiting = (1..=500).map(|position| waits(position, &format!("o-{position}"), 0, false)).collect();
        let plan = plan(waiting, vec![event(501, "new")], &BTreeSet::new(), now);
        assert_eq!(plan.lanes.len(), MAX_TAKEN_UP + 1);
        assert_eq!(plan.next_due, Some(now));
        assert!(plan.parked.is_empty());
    }
    #[test]
    fn an_object_in_flight_waits_for_the_end_of_its_lane_and_wakes_nobody() {
        let now = Timestamp::from_epoch_ms(100);
        let busy = BTreeSet::from(["checkout:a".to_owned()]);
        let waiting = vec![waits(1, "a", 0, false)];
        let plan = plan(waiting, vec![event(2, "a"), event(3, "b")], &busy, now);
        assert_eq!(positions(&plan), (vec![vec![3]], vec![2]));
        assert_eq!(plan.next_due, None);
    }
}
