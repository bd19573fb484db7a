//! Lines of bank statements that show transfers to sellers, and their returns: the reference in the text names the
//! attempt.

use std::collections::HashMap;

use domain::{payout::bank_file::references_in, reconciliation::BreakType, settlement::Flow};
use serde_json::json;
use store::{BankLine, TransferRecord, TransferShown};

use super::{
    source::StepError,
    step::{Figures, StepRun},
};

/// What is left of the lines of a day once those of transfers are taken out.
pub(super) struct Transfers {
    /// Lines that name a transfer and do not end its payout.
    pub(super) apart: Vec<Apart>,
    /// Lines that name no transfer.
    pub(super) others: Vec<(String, BankLine)>,
}

/// A line that names a transfer and does not end its payout.
pub(super) struct Apart {
    pub(super) break_type: BreakType,
    pub(super) hash: String,
    pub(super) line: BankLine,
    /// What the transfer is.
    pub(super) expected: Flow,
    /// The evidence of our side.
    pub(super) ours: String,
}

/// Ends each payout whose transfer exactly one line shows, by reference and amount. Where two lines show one transfer,
/// or a line another amount or a former attempt, a person decides. A line of money that came back is known once two
/// principals have said so.
pub(super) async fn ended(
    run: &StepRun<'_>,
    lines: Vec<(String, BankLine)>,
    figures: &mut Figures,
) -> Result<Transfers, StepError> {
    let named: Vec<String> = lines.iter().flat_map(|(_, line)| references_in(&line.label)).collect();
    let known = run.of.reader.transfers_called(&named).await?;
    let known: HashMap<&str, &TransferRecord> =
        known.iter().map(|transfer| (transfer.reference.as_str(), transfer)).collect();
    let (mut of_transfers, mut others) = (Vec::new(), Vec::new());
    for (hash, line) in lines {
        match only(&references_in(&line.label), &known) {
            Some(transfer) => of_transfers.push((hash, line, transfer)),
            None => others.push((hash, line)),
        }
    }
    let mut apart = Vec::new();
    for (hash, line, transfer) in &of_transfers {
        let is_same = |(_, other, of): &&(String, BankLine, &TransferRecord)| {
            of.ref_payout_id == transfer.ref_payout_id && leaves(other) == leaves(line)
        };
        if of_transfers.iter().filter(is_same).count() > 1 {
            apart.push(of_transfer(BreakType::Ambiguous, hash, line, transfer));
        } else if !end(run, hash, line, transfer).await? {
            apart.push(of_transfer(BreakType::BankLineUnknown, hash, line, transfer));
        } else {
            figures.add("transfers", 1);
        }
    }
    Ok(Transfers { apart, others })
}

/// The one transfer that a line names.
fn only<'a>(references: &[String], known: &HashMap<&str, &'a TransferRecord>) -> Option<&'a TransferRecord> {
    let mut named = references.iter().filter_map(|reference| known.get(reference.as_str()).copied());
    let first = named.next()?;
    named.all(|other| other.ref_payout_id == first.ref_payout_id).then_some(first)
}

/// Whether the money of a line leaves our account.
const fn leaves(line: &BankLine) -> bool {
    match line.amount {
        Flow::Out(_) => true,
        Flow::In(_) => false,
    }
}

/// Ends the payout of a transfer, or keeps the line of its return. Answers whether the line is known by that.
async fn end(run: &StepRun<'_>, hash: &str, line: &BankLine, transfer: &TransferRecord) -> Result<bool, StepError> {
    let TransferRecord { payout, ref_payout_id, amount, .. } = transfer;
    let shown = TransferShown {
        payout_id: payout.payout_id.clone(),
        ref_payout_id: ref_payout_id.clone(),
        bank_line: hash.to_owned(),
    };
    Ok(match line.amount {
        Flow::Out(paid) => paid == *amount && run.of.writer.show_transfer(&shown).await?.is_ok(),
        Flow::In(back) => back == *amount && run.of.writer.show_return(&shown).await?.is_ok(),
    })
}

fn of_transfer(break_type: BreakType, hash: &str, line: &BankLine, transfer: &TransferRecord) -> Apart {
    let TransferRecord { payout, ref_payout_id, reference, amount } = transfer;
    let ours = json!({
        "payout_id": payout.payout_id.to_string(),
        "ref_payout_id": ref_payout_id,
        "reference": reference,
        "amount": amount.minor(),
        "status": payout.status.as_str(),
        "has_later_attempt": payout.ref_payout_id != *ref_payout_id,
    });
    Apart {
        break_type,
        hash: hash.to_owned(),
        line: line.clone(),
        expected: Flow::Out(*amount),
        ours: ours.to_string(),
    }
}
