//! Sums against sums: our own books, and lines of bank statements.

use domain::{
    Currency,
    calendar::{Day, KoreanTime},
    cash_receipt::{CashReceipt, ReceiptStanding, WRONG_PATIENCE_MS},
    payout::PaidBy,
    reconciliation::{BreakType, Evidence, Expectation, Fact, Finding, Layer, match_all},
    settlement::Flow,
};
use serde_json::json;
use store::{BankLine, InternalDifference, InternalQuestion, WrongReceipts};

use super::{
    source::{StepError, machine_time},
    step::{Figures, StepRun},
    sweeps::{self, PSP_LABELS},
    transfers::{self, Apart, Transfers},
};

/// The most payments with wrong cash receipts that become findings of one run.
const MOST_WRONG_RECEIPTS: u64 = 1_000;
/// The group of the PSP's deposits.
const DEPOSITS: &str = "psp";

/// Our books against each other.
pub(super) async fn internal(run: &StepRun<'_>) -> Result<Figures, StepError> {
    let question = InternalQuestion { since: run.day()?.start(), now: machine_time() };
    let differences = run.of.reader.internal_differences(&question).await?;
    let as_of = run.as_of()?;
    let finding = |difference: &InternalDifference| {
        let flow = |minor: Option<i64>| minor.and_then(|minor| Flow::of_signed(minor, difference.currency).ok());
        let row = |name: &str, amount: Option<i64>, says: &Option<String>| {
            let mut row = serde_json::Map::new();
            row.extend(amount.map(|amount| (name.to_owned(), json!(amount))));
            row.extend(says.as_ref().map(|says| ("says".to_owned(), json!(says))));
            serde_json::Value::Object(row).to_string()
        };
        Finding {
            ours: flow(difference.ledger),
            theirs: flow(difference.beside),
            checkout_id: difference.checkout_id.clone(),
            workflow_id: difference.workflow_id.clone(),
            evidence: Evidence {
                ours: row("ledger", difference.ledger, &difference.ledger_says),
                theirs: row("beside", difference.beside, &difference.beside_says),
            },
            ..blank(Layer::Internal, BreakType::InternalDiffers, &difference.subject, as_of, difference.currency)
        }
    };
    run.note(&differences.iter().map(finding).collect::<Vec<_>>()).await?;
    let mut figures = Figures::default();
    figures.add("wrong_cash_receipts", wrong_receipts(run).await?);
    figures.add("differences", i64::try_from(differences.len()).unwrap_or(i64::MAX));
    Ok(figures)
}

/// Cash receipts that say something else than what was paid. The tax office's refusal is seen at once; a difference may
/// be one that the PSP mends within a day. Answers how many there are.
async fn wrong_receipts(run: &StepRun<'_>) -> Result<i64, StepError> {
    let now = machine_time();
    let mut findings = Vec::new();
    for wrong in run.of.reader.wrong_receipts(now, MOST_WRONG_RECEIPTS).await? {
        if wrong.standing != ReceiptStanding::Failed && now.ms_since(wrong.since) < WRONG_PATIENCE_MS {
            continue;
        }
        let WrongReceipts { checkout_id, workflow_id, standing, since, receipts } = wrong;
        let Some(payment) = run.of.reader.checkout(&checkout_id).await? else { continue };
        let refunded = payment.orders.iter().map(|order| order.refunded.minor()).sum();
        let currency = payment.total.currency();
        let shown = |receipt: &CashReceipt| {
            json!({
                "key": receipt.key,
                "entry": receipt.entry.as_str(),
                "status": receipt.status.as_str(),
                "amount": receipt.amount.minor(),
                "failure": receipt.failure.as_ref().map(|failure| &failure.message),
            })
        };
        let held = payment.total.minor().saturating_sub(refunded);
        let theirs = json!({
            "cash_receipts": receipts.receipts.iter().map(shown).collect::<Vec<_>>(),
            "standing": standing.as_str(),
            "since": KoreanTime(since).to_string(),
        });
        findings.push(Finding {
            checkout_id: Some(checkout_id.clone()),
            workflow_id: Some(workflow_id.to_string()),
            evidence: Evidence { ours: json!({ "held": held }).to_string(), theirs: theirs.to_string() },
            ..blank(
                Layer::Internal,
                BreakType::AttributeDiffers,
                &format!("cash receipt {checkout_id}"),
                Day::of(since),
                currency,
            )
        });
    }
    run.note(&findings).await?;
    Ok(i64::try_from(findings.len()).unwrap_or(i64::MAX))
}

/// Lines of bank statements of the last days.
pub(super) async fn bank(run: &StepRun<'_>) -> Result<Figures, StepError> {
    let mut figures = Figures::default();
    let mut days = Vec::new();
    for day in run.request.run.settled_days(run.day()?) {
        let lines = run.of.reader.bank_lines(day).await?;
        figures.add("lines", i64::try_from(lines.len()).unwrap_or(i64::MAX));
        let lines = sweeps::without_sweeps(run, lines, &mut figures).await?;
        days.push((day, lines));
    }
    let was_paid_to_bank = run.of.rules.paid_by == PaidBy::BankFile || is_settled_to_bank(run).await?;
    for (day, lines) in days {
        let (deposits, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(_, line)| is_deposit_of_psp(line));
        let Transfers { apart, others } = transfers::ended(run, others, &mut figures).await?;
        let mut findings: Vec<Finding> = apart.into_iter().map(of_apart).collect();
        findings.extend(others.iter().map(|(hash, line)| of_line(BreakType::BankLineUnknown, hash, line, None)));
        if was_paid_to_bank {
            findings.extend(compare_deposits(run, day, &deposits).await?);
        }
        run.note(&findings).await?;
    }
    Ok(figures)
}

/// With payouts through the PSP, sales never come to the bank. Where a deposit of the PSP was ever seen, they do.
async fn is_settled_to_bank(run: &StepRun<'_>) -> Result<bool, StepError> {
    for label in PSP_LABELS {
        if run.of.reader.has_bank_line(label).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn compare_deposits(
    run: &StepRun<'_>,
    day: Day,
    deposits: &[(String, BankLine)],
) -> Result<Vec<Finding>, StepError> {
    let currency = Currency::Krw;
    let (rows, net) = run.of.reader.paid_out_on(day, currency).await?;
    // A sum at or below zero is carried over: no deposit is expected.
    let expected: Vec<Expectation> =
        (net > 0).then(|| Expectation { key: None, group: DEPOSITS.to_owned(), amount: net }).into_iter().collect();
    let facts: Vec<Fact> = deposits
        .iter()
        .map(|(hash, line)| Fact { key: hash.clone(), group: DEPOSITS.to_owned(), amount: line.amount.signed() })
        .collect();
    let matching = match_all(&expected, &facts);
    book_deposit(run, &expected, &facts, deposits).await?;
    let ours = Flow::of_signed(net, currency).ok().filter(|_| net > 0);
    let mut findings = Vec::new();
    for index in matching.surplus {
        let Some((hash, line)) = deposits.get(index) else { continue };
        findings.push(of_line(BreakType::DepositDiffers, hash, line, ours));
    }
    for (_, candidates) in matching.ambiguous {
        let lines = candidates.into_iter().filter_map(|index| deposits.get(index));
        findings.extend(lines.map(|(hash, line)| of_line(BreakType::Ambiguous, hash, line, ours)));
    }
    let is_due = run.as_of()? > run.of.rules.holidays.business_days_after(day, 1);
    if !matching.missing.is_empty() && deposits.is_empty() && is_due {
        findings.push(Finding {
            ours,
            evidence: Evidence { ours: json!({ "rows": rows, "net": net }).to_string(), theirs: "{}".to_owned() },
            ..blank(Layer::Bank, BreakType::DepositMissing, &format!("{day} {currency}"), day, currency)
        });
    }
    Ok(findings)
}

/// Books the one deposit that is what the PSP settled for the day, where it comes to our bank. The line is the key.
async fn book_deposit(
    run: &StepRun<'_>,
    expected: &[Expectation],
    facts: &[Fact],
    deposits: &[(String, BankLine)],
) -> Result<(), StepError> {
    let ([expected], [fact], [(hash, line)]) = (expected, facts, deposits) else { return Ok(()) };
    if run.of.rules.paid_by == PaidBy::BankFile && expected.amount == fact.amount {
        run.of.writer.book_deposit(hash, line.amount.amount()).await?;
    }
    Ok(())
}

fn is_deposit_of_psp(line: &BankLine) -> bool {
    matches!(line.amount, Flow::In(_)) && PSP_LABELS.iter().any(|label| line.label.contains(label))
}

fn of_apart(apart: Apart) -> Finding {
    let Apart { break_type, hash, line, expected, ours } = apart;
    let found = of_line(break_type, &hash, &line, Some(expected));
    Finding { evidence: Evidence { ours, ..found.evidence.clone() }, ..found }
}

fn of_line(break_type: BreakType, hash: &str, line: &BankLine, ours: Option<Flow>) -> Finding {
    let theirs = json!({
        "account": line.account,
        "day": line.day.to_string(),
        "amount": line.amount.signed(),
        "label": line.label,
    });
    Finding {
        ours,
        theirs: Some(line.amount),
        evidence: Evidence { ours: "{}".to_owned(), theirs: theirs.to_string() },
        ..blank(Layer::Bank, break_type, hash, line.day, line.amount.amount().currency())
    }
}

pub(super) fn blank(layer: Layer, break_type: BreakType, key: &str, day: Day, currency: Currency) -> Finding {
    Finding {
        layer,
        break_type,
        class: break_type.class(),
        key: key.to_owned(),
        day,
        currency,
        ours: None,
        theirs: None,
        suspense: None,
        checkout_id: None,
        workflow_id: None,
        evidence: Evidence::default(),
    }
}
