//! The PSP's list of payouts and its payout balance against our payouts and the books.
//!
//! Payouts are matched by name. What the PSP took from its balance for payouts that have not arrived explains the
//! balance; what then is left is a payout that came back, or a break of its own.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Currency,
    calendar::Day,
    payout::{PaidBy, status::PspPayoutStatus},
    reconciliation::{
        BreakType, Evidence, Finding, Layer,
        payouts::{AskedPayout, JudgedBy, ListedPayout, PayoutMatch, Residue, taken_at_psp_alone},
    },
    settlement::Flow,
};
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use store::{PayoutBooks, PayoutBooksQuestion};
use toss::{Class, Meaning};
use workflows::payout_run;

use super::{
    balances::blank,
    source::{READINGS, StepError, incomplete, paged, patiently},
    step::{Figures, StepRun},
};
use crate::{
    failure::evidence,
    payout::words::{day as toss_day, report},
    psp::to_timestamp,
};

/// How many days before its day a run reads the PSP's list: a bank may take days to send money back.
const LOOK_BACK_DAYS: u32 = 14;
/// After how many rows of the list the step says that it lives.
const ALIVE_EVERY: usize = 500;
/// How many payouts that the list leaves out are asked about by name.
const MOST_ASKED: usize = 100;
/// From this HTTP status on, the PSP has a fault of its own.
const SERVER_ERROR: u16 = 500;
/// What a difference of the whole balance is about.
const WHOLE_BALANCE: &str = "KRW";

/// A payout as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Received {
    listed: ListedPayout,
    psp_payout_id: String,
    shown: Value,
}

/// The PSP's list, with the balance of the same moment.
#[derive(Debug)]
struct AtPsp {
    payouts: Vec<Received>,
    available: i64,
}

/// Whether the PSP tells its balance and its payouts.
pub(super) async fn readable(run: &StepRun<'_>) -> Result<Figures, StepError> {
    of_psp(run)?;
    patiently(|| run.of.toss.balance()).await.map_err(not_offered)?;
    let since = toss_day(since(run).await?).ok_or_else(|| incomplete("the day of the list is no date"))?;
    patiently(|| async { std::pin::pin!(run.of.toss.payouts_since(since)).try_next().await }).await?;
    Ok(Figures::default())
}

/// Without a payout contract, the PSP has no balance and no payouts of ours.
fn of_psp(run: &StepRun<'_>) -> Result<(), StepError> {
    match run.of.rules.paid_by {
        PaidBy::Psp => Ok(()),
        PaidBy::BankFile => Err(StepError::LeftOut("sellers are paid by bank file".to_owned())),
    }
}

/// Compares payouts name by name, and then what is left of the balance.
pub(super) async fn compare(run: &StepRun<'_>) -> Result<Figures, StepError> {
    of_psp(run)?;
    let since = since(run).await?;
    let AtPsp { payouts, available } = at_psp(run, since).await?;
    let by = JudgedBy { settled_by: run.request.run.settled_by, as_of: run.as_of()? };
    let mut by_name: BTreeMap<String, Vec<Received>> = BTreeMap::new();
    for payout in payouts {
        by_name.entry(payout.listed.ref_payout_id.clone()).or_default().push(payout);
    }
    let names: Vec<String> = by_name.keys().cloned().collect();
    // The PSP's clock may be behind ours: what left on the first day of the list may be dated before it.
    let question = PayoutBooksQuestion { since: since.next(), as_of: by.as_of, listed: &names };
    let books = run.of.reader.payout_books(question).await?;
    holds_what_it_knows(run, since, &books, &by_name).await?;
    let mut tally = Tally { figures: Figures::default(), findings: Vec::new(), agreeing: BTreeSet::new(), taken: 0 };
    for name in by_name.keys().chain(books.asked.keys()).collect::<BTreeSet<_>>() {
        let listed = by_name.get(name).map_or(&[][..], Vec::as_slice);
        tally.add(name, books.asked.get(name), listed, by);
    }
    let Tally { mut figures, mut findings, agreeing, taken } = tally;
    let expected = books.booked - books.not_paid_yet - taken;
    for (figure, amount) in [
        ("available", available),
        ("booked", books.booked),
        ("not_paid_yet", books.not_paid_yet),
        ("in_transit", taken),
        ("expected", expected),
    ] {
        figures.add(figure, amount);
    }
    findings.extend(of_balance(&books, &agreeing, Balance { available, expected, taken, as_of: by.as_of }));
    run.note(&findings).await?;
    Ok(figures)
}

/// The first day of the list that is read.
async fn since(run: &StepRun<'_>) -> Result<Day, StepError> {
    let usual = (0..LOOK_BACK_DAYS).fold(run.day()?, |day, _| day.before());
    let open = run.of.reader.first_open_payout().await?;
    Ok(open.map_or(usual, |open| open.before().before().min(usual)))
}

/// The list as it was before and after the balance was read.
async fn at_psp(run: &StepRun<'_>, since: Day) -> Result<AtPsp, StepError> {
    let mut before = listed(run, &run.of.toss, since).await?;
    for reading in 1..READINGS {
        let balance = patiently(|| run.of.toss.balance()).await.map_err(not_offered)?;
        let payouts = listed(run, &paged(&run.of.toss, reading, before.len() as u64), since).await?;
        if payouts.iter().map(taken).eq(before.iter().map(taken)) {
            let available = i64::try_from(balance.available_amount.minor);
            let available = available.map_err(|_| incomplete("the balance is too large"))?;
            return Ok(AtPsp { payouts, available });
        }
        before = payouts;
    }
    Err(incomplete("the PSP's list of payouts was another one at each reading"))
}

/// A payout that the PSP knows by name and leaves out of its list says that the list is not whole.
async fn holds_what_it_knows(
    run: &StepRun<'_>,
    since: Day,
    books: &PayoutBooks,
    listed: &BTreeMap<String, Vec<Received>>,
) -> Result<(), StepError> {
    let unlisted = books.psp_payout_ids.iter().filter(|(name, _)| !listed.contains_key(*name));
    for (name, psp_payout_id) in unlisted.take(MOST_ASKED) {
        let payout = match patiently(|| run.of.toss.payout(psp_payout_id)).await {
            Ok(payout) => payout,
            Err(error) if is_refused(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        run.alive().await;
        if due_on(&payout).is_some_and(|day| day >= since) {
            return Err(incomplete(format!("the PSP's list of payouts lacks {name}, which the PSP knows by name")));
        }
    }
    Ok(())
}

/// What the balance depends on.
fn taken(payout: &Received) -> (&str, u64, bool) {
    let Received { listed, psp_payout_id, .. } = payout;
    (psp_payout_id, listed.amount.minor(), listed.status.takes_money())
}

async fn listed(run: &StepRun<'_>, toss: &toss::Client, since: Day) -> Result<Vec<Received>, StepError> {
    let day = toss_day(since).ok_or_else(|| incomplete("the day of the list is no date"))?;
    let read = patiently(|| async {
        let mut read = Vec::new();
        let mut payouts = std::pin::pin!(toss.payouts_since(day));
        while let Some(payout) = payouts.try_next().await? {
            read.push(payout);
            if read.len().is_multiple_of(ALIVE_EVERY) {
                run.alive().await;
            }
        }
        Ok(read)
    });
    let mut payouts = read.await?.iter().map(received).collect::<Result<Vec<_>, _>>()?;
    payouts.sort_by(|one, other| one.psp_payout_id.cmp(&other.psp_payout_id));
    run.alive().await;
    run.report("payouts".to_owned(), payouts.len() as u64);
    Ok(payouts)
}

fn received(payout: &toss::Payout) -> Result<Received, StepError> {
    let known = report(payout).ok_or_else(|| incomplete("the PSP names a payout in a way that we do not know"))?;
    let shown = json!({
        "psp_payout_id": payout.id,
        "name": payout.ref_payout_id,
        "status": payout.status.as_str(),
        "amount": payout.amount.minor,
        "seller": payout.destination,
        "pays_on": payout.payout_date.map(|date| date.to_string()),
        "requested_at": payout.requested_at.map(|at| at.to_rfc3339()),
        "error": payout.error.as_ref().and_then(|error| error.code.clone()),
    });
    let listed = ListedPayout {
        ref_payout_id: known.ref_payout_id,
        status: known.status,
        amount: known.amount,
        due_on: due_on(payout),
    };
    Ok(Received { listed, psp_payout_id: known.psp_payout_id, shown })
}

/// The day on which the PSP pays, or else of the request.
fn due_on(payout: &toss::Payout) -> Option<Day> {
    let named = payout.payout_date.and_then(|date| date.to_string().parse().ok());
    named.or_else(|| payout.requested_at.map(|at| Day::of(to_timestamp(at))))
}

/// What comes together, payout by payout.
struct Tally {
    figures: Figures,
    findings: Vec<Finding>,
    /// The names of which both sides say the same.
    agreeing: BTreeSet<String>,
    /// What the PSP took for payouts and the books did not.
    taken: i64,
}

impl Tally {
    fn add(&mut self, name: &str, asked: Option<&AskedPayout>, listed: &[Received], by: JudgedBy) {
        if !listed.is_empty() {
            self.figures.add("payouts", 1);
        }
        let first = listed.first();
        self.taken = self.taken.saturating_add(taken_at_psp_alone(asked, first.map(|one| &one.listed)));
        for more in listed.iter().skip(1) {
            self.taken = self.taken.saturating_add(taken_at_psp_alone(None, Some(&more.listed)));
        }
        let matched = if listed.len() > 1 {
            PayoutMatch::Break(BreakType::Ambiguous)
        } else {
            PayoutMatch::of(asked, first.map(|one| &one.listed), by)
        };
        match matched {
            PayoutMatch::Agrees => {
                self.agreeing.insert(name.to_owned());
            }
            PayoutMatch::UnderWay => self.figures.add("payouts_under_way", 1),
            PayoutMatch::Break(break_type) => self.findings.push(finding(break_type, name, asked, listed, by.as_of)),
        }
    }
}

fn finding(break_type: BreakType, name: &str, asked: Option<&AskedPayout>, listed: &[Received], as_of: Day) -> Finding {
    let due_on = asked.map(|asked| asked.due_on).or_else(|| listed.first().and_then(|one| one.listed.due_on));
    let paid = |status: PspPayoutStatus| status.takes_money();
    let theirs: i64 =
        listed.iter().filter(|one| paid(one.listed.status)).map(|one| one.listed.amount.minor().cast_signed()).sum();
    let ours = asked.filter(|asked| asked.counts_as_paid()).map(|asked| Flow::Out(asked.amount));
    Finding {
        ours,
        theirs: Flow::of_signed(-theirs, Currency::Krw).ok().filter(|_| theirs != 0),
        workflow_id: asked.map(|asked| payout_run::workflow_id(&asked.run_id)),
        evidence: Evidence {
            ours: asked.map_or_else(|| json!({}), of_asked).to_string(),
            theirs: Value::from(listed.iter().map(|one| one.shown.clone()).collect::<Vec<_>>()).to_string(),
        },
        ..blank(Layer::PayoutBalance, break_type, name, due_on.unwrap_or(as_of), Currency::Krw)
    }
}

fn of_asked(asked: &AskedPayout) -> Value {
    json!({
        "name": asked.ref_payout_id,
        "payout_run_id": asked.run_id.to_string(),
        "status": asked.status.as_str(),
        "has_later_attempt": asked.is_former,
        "was_sent": asked.was_sent,
        "amount": asked.amount.minor(),
        "pays_on": asked.due_on.to_string(),
    })
}

/// The balance after all payouts are matched.
struct Balance {
    available: i64,
    expected: i64,
    taken: i64,
    as_of: Day,
}

fn of_balance(books: &PayoutBooks, agreeing: &BTreeSet<String>, balance: Balance) -> Option<Finding> {
    let Balance { available, expected, taken, as_of } = balance;
    let candidates = agreeing.iter().filter_map(|name| books.asked.get(name));
    let ours = json!({ "booked": books.booked, "not_paid_yet": books.not_paid_yet, "in_transit": taken });
    let theirs = json!({ "available": available });
    let blank = |break_type, key: &str| blank(Layer::PayoutBalance, break_type, key, as_of, Currency::Krw);
    let whole = |break_type, ours: Value| Finding {
        ours: Flow::of_signed(expected, Currency::Krw).ok(),
        theirs: Flow::of_signed(available, Currency::Krw).ok(),
        evidence: Evidence { ours: ours.to_string(), theirs: theirs.to_string() },
        ..blank(break_type, WHOLE_BALANCE)
    };
    match Residue::of(available.saturating_sub(expected), candidates) {
        Residue::Nothing => None,
        Residue::Returned(asked) => Some(Finding {
            day: asked.due_on,
            ours: Some(Flow::Out(asked.amount)),
            workflow_id: Some(payout_run::workflow_id(&asked.run_id)),
            evidence: Evidence {
                ours: of_asked(asked).to_string(),
                theirs: json!({ "available": available, "expected": expected }).to_string(),
            },
            ..blank(BreakType::PayoutReturned, &asked.ref_payout_id)
        }),
        Residue::Ambiguous(several) => {
            let candidates: Vec<Value> = several.into_iter().map(of_asked).collect();
            Some(whole(BreakType::Ambiguous, json!({ "expected": expected, "candidates": candidates })))
        }
        Residue::Unexplained => Some(whole(BreakType::PayoutBalanceDiffers, ours)),
    }
}

/// A merchant without a contract for payouts has no such balance. A key that is refused proves nothing.
fn not_offered(error: toss::Error) -> StepError {
    if is_refused(&error) { StepError::LeftOut(evidence(&error)) } else { error.into() }
}

/// Whether the PSP says no to the question, and not to our key.
fn is_refused(error: &toss::Error) -> bool {
    let is_refusal = matches!(error, toss::Error::Refused { status, .. } if *status < SERVER_ERROR);
    is_refusal && error.class() == Class::Permanent && error.meaning() != Some(Meaning::Denied)
}
