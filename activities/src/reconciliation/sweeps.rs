//! Lines of bank statements that show our own money, swept from the payout balance.

use std::collections::HashSet;

use domain::{calendar::Day, settlement::Flow};
use store::{BankLine, PayoutRecord, SweepReceipt};

use super::{
    source::StepError,
    step::{Figures, StepRun},
};
use crate::payout::words::DESCRIPTION;

/// How a bank writes the PSP's name beside a deposit. Source: bank statements of Toss's merchants.
pub(super) const PSP_LABELS: [&str; 3] = ["토스", "toss", "TOSS"];
/// How many days after the PSP's word the bank may show a sweep.
const SHOWN_WITHIN_DAYS: usize = 10;

/// Books each sweep that one line shows, and answers the other lines. Where two lines or two sweeps are alike, a person
/// decides.
pub(super) async fn without_sweeps(
    run: &StepRun<'_>,
    lines: Vec<(String, BankLine)>,
    figures: &mut Figures,
) -> Result<Vec<(String, BankLine)>, StepError> {
    let hashes: Vec<String> = lines.iter().map(|(hash, _)| hash.clone()).collect();
    let known = run.of.reader.lines_of_payouts(&hashes).await?;
    let mut taken: HashSet<String> = known.into_iter().collect();
    let open: Vec<&(String, BankLine)> = lines.iter().filter(|(hash, _)| !taken.contains(hash)).collect();
    let mut shown = Vec::new();
    for sweep in run.of.reader.sweeps_without_line().await? {
        let fitting: Vec<&str> =
            open.iter().filter(|(_, line)| shows(line, &sweep)).map(|(hash, _)| hash.as_str()).collect();
        if let [hash] = fitting.as_slice() {
            shown.push((sweep, (*hash).to_owned()));
        }
    }
    for (sweep, hash) in &shown {
        if shown.iter().filter(|(_, other)| other == hash).count() > 1 {
            continue;
        }
        let receipt = SweepReceipt { payout_id: sweep.payout_id.clone(), bank_line: Some(hash.clone()) };
        if run.of.writer.receive_sweep(&receipt).await?.is_ok() {
            taken.insert(hash.clone());
            figures.add("sweeps", 1);
        }
    }
    Ok(lines.into_iter().filter(|(hash, _)| !taken.contains(hash)).collect())
}

fn shows(line: &BankLine, sweep: &PayoutRecord) -> bool {
    let named = PSP_LABELS.into_iter().chain([DESCRIPTION]).any(|label| line.label.contains(label));
    let left = sweep.sent_at.map(Day::of);
    let last = sweep.ended_at.map(|at| (0..SHOWN_WITHIN_DAYS).fold(Day::of(at), |day, _| day.next()));
    let in_time = left.is_some_and(|left| left <= line.day) && last.is_some_and(|last| line.day <= last);
    named && in_time && line.amount == Flow::In(sweep.amount)
}
