//! What the PSP's list says of payments besides their amounts: the method, and escrow.

use std::collections::HashMap;

use domain::{
    id::CheckoutId,
    reconciliation::{BreakClass, BreakType, Evidence, Finding, Layer},
    settlement::Flow,
};
use serde_json::json;
use store::RecordedPayment;

use super::{balances::blank, source::StepError, step::StepRun};

/// How many payments are read at once.
const PAGE: usize = 1_000;

/// An approval in the PSP's list.
pub(super) struct Listed<'a> {
    /// The name of the order.
    pub(super) order: &'a str,
    pub(super) method: Option<&'a str>,
    pub(super) is_in_escrow: bool,
}

/// Compares attributes of payments whose amounts agree.
pub(super) async fn compare(run: &StepRun<'_>, listed: Vec<Listed<'_>>) -> Result<Vec<Finding>, StepError> {
    let mut findings = Vec::new();
    for page in listed.chunks(PAGE) {
        let ids: Vec<&str> = page.iter().map(|listed| listed.order).collect();
        let recorded: HashMap<String, RecordedPayment> = run.of.reader.recorded_payments(&ids).await?;
        for listed in page {
            let Some(ours) = recorded.get(listed.order) else { continue };
            if let Some(class) = class_of(listed, ours) {
                findings.push(finding(run, listed, ours, class)?);
            }
        }
        run.alive().await;
    }
    Ok(findings)
}

/// A name of the method is a name alone; escrow changes when the money is ours.
fn class_of(listed: &Listed<'_>, ours: &RecordedPayment) -> Option<BreakClass> {
    let other_method = listed.method.zip(ours.method.as_deref()).is_some_and(|(theirs, ours)| theirs != ours);
    match (listed.is_in_escrow != ours.use_escrow, other_method) {
        (true, _) => Some(BreakClass::Finance),
        (false, true) => Some(BreakClass::Automatic),
        (false, false) => None,
    }
}

fn finding(
    run: &StepRun<'_>,
    listed: &Listed<'_>,
    ours: &RecordedPayment,
    class: BreakClass,
) -> Result<Finding, StepError> {
    let amount = Some(Flow::In(ours.amount));
    let (layer, break_type) = (Layer::Transactions, BreakType::AttributeDiffers);
    Ok(Finding {
        class,
        ours: amount,
        theirs: amount,
        checkout_id: CheckoutId::parse(listed.order).ok(),
        evidence: Evidence {
            ours: json!({ "method": ours.method, "escrow": ours.use_escrow }).to_string(),
            theirs: json!({ "method": listed.method, "escrow": listed.is_in_escrow }).to_string(),
        },
        ..blank(layer, break_type, listed.order, run.day()?, ours.amount.currency())
    })
}
