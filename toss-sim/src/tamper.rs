//! Answers that differ from what was done: wrong amounts, and fields that no client knows.

use serde_json::{Value, json};

use crate::currency::{Amount, Currency};

/// Minor units by which `wrong_amount` is wrong.
pub(crate) const WRONG_BY: u64 = 100;

/// What Toss may add without a new version of its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    Field,
    EnumValue,
}

/// What is wrong with a page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListFault {
    /// The page is left out.
    DroppedPage,
    /// The page ends after half of its rows.
    Cut,
    /// A row has a word where its amount belongs.
    UnreadableRow,
}

/// The object an answer is about; of a list, its first row.
fn target(value: &mut Value) -> Option<&mut Value> {
    if value.get("items").is_some() {
        return value.get_mut("items")?.get_mut(0);
    }
    match value {
        Value::Array(rows) => rows.first_mut(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Some(value),
    }
}

/// Makes the amounts of an answer wrong.
pub(crate) fn overstate(value: &mut Value, extra: u64) {
    if extra == 0 {
        return;
    }
    let Some(target) = target(value) else { return };
    let named = target.get("currency").and_then(Value::as_str).and_then(Currency::named);
    let currency = named.unwrap_or_default();
    for path in ["/totalAmount", "/amount", "/amount/value", "/availableAmount/value"] {
        let Some(found) = target.pointer_mut(path) else { continue };
        let amount = serde_json::from_value::<Amount>(found.clone()).ok();
        if let Some(minor) = amount.and_then(|amount| amount.minor(currency).ok()) {
            *found = json!(currency.number(minor.saturating_add(extra)));
        }
    }
}

/// Puts something new into an answer: a field of its own, or another value where there is a closed list.
pub(crate) fn surprise(value: &mut Value, novelty: Novelty) {
    let Some(Value::Object(fields)) = target(value) else { return };
    match novelty {
        Novelty::Field => {
            fields.insert("somethingNew".to_owned(), json!({ "since": "2099-01-01", "values": [1, null, "새로움"] }));
        }
        Novelty::EnumValue => {
            for name in ["method", "type", "businessType", "scheduleType"] {
                if fields.get(name).is_some_and(Value::is_string) {
                    fields.insert(name.to_owned(), json!("SOMETHING_NEW"));
                }
            }
        }
    }
}

/// Spoils a page of a list. A page that is left out was never read.
pub(crate) fn damage(page: &mut Value, fault: Option<ListFault>) {
    match fault {
        None | Some(ListFault::DroppedPage) => {}
        Some(ListFault::Cut) => {
            let rows = if page.is_array() { Some(page) } else { page.get_mut("items") };
            if let Some(Value::Array(rows)) = rows {
                rows.truncate(rows.len() / 2);
            }
        }
        Some(ListFault::UnreadableRow) => {
            if let Some(amount) = target(page).and_then(|row| row.get_mut("amount")) {
                *amount = json!("unreadable");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ListFault, Novelty, damage, overstate, surprise};
    use serde_json::json;

    #[test]
    fn the_first_amount_is_overstated_wherever_it_is() {
        let cases = [
            (json!({ "totalAmount": 1 }), json!({ "totalAmount": 101 })),
            (json!([{ "amount": 1 }, { "amount": 1 }]), json!([{ "amount": 101 }, { "amount": 1 }])),
            (json!({ "items": [{ "amount": { "value": 1 } }] }), json!({ "items": [{ "amount": { "value": 101 } }] })),
            (json!({ "totalAmount": 10.05, "currency": "USD" }), json!({ "totalAmount": 11.05, "currency": "USD" })),
            (json!([]), json!([])),
        ];
        for (mut value, wanted) in cases {
            overstate(&mut value, 100);
            assert_eq!(value, wanted);
        }
    }

    #[test]
    fn a_page_loses_half_of_its_rows_or_an_amount() {
        let rows = json!([{ "amount": 1 }, { "amount": 2 }, { "amount": 3 }]);
        for (fault, wanted) in [
            (ListFault::Cut, json!([{ "amount": 1 }])),
            (ListFault::UnreadableRow, json!([{ "amount": "unreadable" }, { "amount": 2 }, { "amount": 3 }])),
            (ListFault::DroppedPage, rows.clone()),
        ] {
            let mut page = rows.clone();
            damage(&mut page, Some(fault));
            assert_eq!(page, wanted);
            let mut entity = json!({ "hasNext": true, "items": rows });
            damage(&mut entity, Some(fault));
            assert_eq!(entity, json!({ "hasNext": true, "items": wanted }));
        }
    }

    #[test]
    fn a_surprise_is_a_field_or_a_value() {
        let mut value = json!({ "method": "카드", "totalAmount": 1 });
        surprise(&mut value, Novelty::EnumValue);
        assert_eq!(value, json!({ "method": "SOMETHING_NEW", "totalAmount": 1 }));
        surprise(&mut value, Novelty::Field);
        assert!(value["somethingNew"].is_object());
    }
}
