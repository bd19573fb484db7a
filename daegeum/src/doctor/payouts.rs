//! Whether payouts go on: nothing waits for a person or for an answer for too long, and the payout service answers.

use domain::{
    Timestamp,
    calendar::{Day, Holidays},
    payout::{PaidBy, PayoutStatus, RunStatus},
};
use store::{MoneyCounts, Reader, StoreError, TransfersAtBank};

use super::result::{CheckResult, SERVER_ERROR};
use crate::{cli::output::counted, compose, settings::Settings, values::now};

/// For how many business days a run may wait for its approval.
const APPROVAL_DAYS: u32 = 3;
/// For how many business days an approved run may wait until its first payout leaves.
const LEAVING_DAYS: u32 = 1;
/// For how many business days the outcome of a payout may be unknown.
const ANSWER_DAYS: u32 = 1;
/// For how many business days a transfer may be at our bank before anything shows what came of it.
const BANK_DAYS: u32 = 3;

/// What waits.
struct Waiting<'a> {
    counts: &'a MoneyCounts,
    at_bank: Option<TransfersAtBank>,
    holidays: &'a Holidays,
    now: Timestamp,
}

/// Something that is not as it should be, and what mends it.
struct Trouble {
    what: String,
    mend: &'static str,
}

pub(super) async fn look(settings: &Settings, reader: &Reader) -> CheckResult {
    match figures(reader).await {
        Ok((counts, at_bank)) => {
            let holidays = &settings.release_rule.holidays;
            judge(&Waiting { counts: &counts, at_bank, holidays, now: now() })
        }
        Err(error) => CheckResult::ill(error.to_string(), "see whether the database is well"),
    }
}

async fn figures(reader: &Reader) -> Result<(MoneyCounts, Option<TransfersAtBank>), StoreError> {
    Ok((reader.money_counts().await?, reader.transfers_at_bank().await?))
}

fn judge(waiting: &Waiting<'_>) -> CheckResult {
    let troubles: Vec<Trouble> = [
        waiting.stopped(),
        waiting.stuck(),
        waiting.run(RunStatus::Frozen),
        waiting.run(RunStatus::Approved),
        waiting.unanswered(PayoutStatus::Sending),
        waiting.unanswered(PayoutStatus::Unknown),
        waiting.transfers(),
    ]
    .into_iter()
    .flatten()
    .collect();
    if troubles.is_empty() {
        return CheckResult::Well("no run and no payout waits for too long".to_owned());
    }
    let what: Vec<_> = troubles.iter().map(|trouble| trouble.what.as_str()).collect();
    let mend: Vec<_> = troubles.iter().map(|trouble| trouble.mend).collect();
    CheckResult::ill(what.join("\n"), mend.join("\n"))
}

impl Waiting<'_> {
    /// Whether more than so many business days have passed since then.
    fn is_late(&self, since: Timestamp, days: u32) -> bool {
        self.holidays.business_days_between(Day::of(since), Day::of(self.now)) > days
    }

    fn stopped(&self) -> Option<Trouble> {
        self.counts.are_payouts_stopped.then(|| Trouble {
            what: "payouts are stopped: Toss lists a payout that nobody here asked for".to_owned(),
            mend: "find its author, and resolve the break: `daegeum breaks list --type payout_unknown_at_home`",
        })
    }

    fn stuck(&self) -> Option<Trouble> {
        let stuck = self.counts.payouts.iter().find(|(status, _)| *status == PayoutStatus::Stuck);
        stuck.map(|(_, number)| Trouble {
            what: format!("{} STUCK: the outcome is unknown", counted(*number, "payout")),
            mend: "look for them in Toss's shop manager, and answer their dead letters: `daegeum dead-letters list`",
        })
    }

    fn run(&self, status: RunStatus) -> Option<Trouble> {
        let (_, since) = self.counts.oldest_runs.iter().find(|(of, _)| *of == status)?;
        let day = Day::of(*since);
        match status {
            RunStatus::Frozen => self.is_late(*since, APPROVAL_DAYS).then(|| Trouble {
                what: format!("a run that was frozen on {day} waits for its approval"),
                mend: "a second principal approves or rejects it: `daegeum payouts list`",
            }),
            RunStatus::Approved => self.is_late(*since, LEAVING_DAYS).then(|| Trouble {
                what: format!("a run that was frozen on {day} is approved, and nothing of it has left"),
                mend: "see that a worker runs; of a run by bank file, take the file: `daegeum payouts file`",
            }),
            RunStatus::Sending | RunStatus::Completed | RunStatus::Rejected | RunStatus::Canceled => None,
        }
    }

    fn unanswered(&self, status: PayoutStatus) -> Option<Trouble> {
        let (_, since) = self.counts.oldest_payouts.iter().find(|(of, _)| *of == status)?;
        self.is_late(*since, ANSWER_DAYS).then(|| Trouble {
            what: format!("a payout that was sent on {} is {status} still", Day::of(*since)),
            mend: "see that a worker runs and that Toss answers; the run's workflow asks Toss by itself",
        })
    }

    fn transfers(&self) -> Option<Trouble> {
        let TransfersAtBank { number, oldest } = self.at_bank?;
        self.is_late(oldest, BANK_DAYS).then(|| Trouble {
            what: format!(
                "no line shows what came of {}; the oldest left on {}",
                counted(number, "transfer"),
                Day::of(oldest)
            ),
            mend: "import the bank statement and reconcile, or say what the bank answered: `daegeum payouts paid`",
        })
    }
}

/// Whether sellers can be paid on the way that is set.
pub(super) async fn service(settings: &Settings) -> CheckResult {
    match settings.payouts.by {
        PaidBy::BankFile if settings.encryption_keys.is_none() => CheckResult::ill(
            "sellers are paid by bank file, and there are no encryption keys",
            "set DAEGEUM_ENCRYPTION_KEYS: bank accounts and bank files are kept sealed",
        ),
        PaidBy::BankFile => CheckResult::Well("sellers are paid by bank file".to_owned()),
        PaidBy::Psp if settings.toss.security_key.is_none() => {
            CheckResult::Unasked("TOSS_SECURITY_KEY is not set, so nobody is paid out through Toss".to_owned())
        }
        PaidBy::Psp => of_toss(settings).await,
    }
}

async fn of_toss(settings: &Settings) -> CheckResult {
    let client = match compose::toss_client(&settings.toss) {
        Ok(client) => client,
        Err(error) => return CheckResult::ill(format!("{error:#}"), "set TOSS_SECRET_KEY and TOSS_BASE_URL"),
    };
    match client.balance().await {
        Ok(_) => CheckResult::Well("Toss tells the payout balance".to_owned()),
        Err(error @ toss::Error::Refused { status, .. })
            if status < SERVER_ERROR && error.class() == toss::Class::Permanent =>
        {
            CheckResult::ill(
                format!("Toss does not tell the payout balance: {error}"),
                "ask Toss for the payout contract (지급대행) and the security key of this merchant, or set payouts.by to \
                 bank_file",
            )
        }
        Err(error) => CheckResult::ill(
            format!("Toss does not tell the payout balance: {:#}", anyhow::Error::from(error)),
            "ask again in a minute; if it stays, ask Toss (its status page, its support)",
        ),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    /// On Friday, 4 December 2026.
    fn told(counts: &MoneyCounts, at_bank: Option<TransfersAtBank>) -> String {
        let holidays = Holidays::default();
        match judge(&Waiting { counts, at_bank, holidays: &holidays, now: at("2026-12-04") }) {
            CheckResult::Well(_) => String::new(),
            CheckResult::Ill { what, mend } => {
                assert_eq!(what.lines().count(), mend.lines().count(), "each has its mend: {what} {mend}");
                what
            }
            CheckResult::Unseen(_) | CheckResult::Unasked(_) => "not looked at".to_owned(),
        }
    }

    fn at(day: &str) -> Timestamp {
        day.parse::<Day>().unwrap().start()
    }

    #[test]
    fn what_waits_for_too_long_is_ill_and_days_without_business_do_not_count() {
        let run = |status, day| MoneyCounts { oldest_runs: vec![(status, at(day))], ..MoneyCounts::default() };
        let sent = |status, day| MoneyCounts { oldest_payouts: vec![(status, at(day))], ..MoneyCounts::default() };
        let at_bank = |day| Some(TransfersAtBank { number: 2, oldest: at(day) });
        let none = MoneyCounts::default();
        for (counts, at_bank, part) in [
            (none.clone(), None, ""),
            (run(RunStatus::Frozen, "2026-12-01"), None, ""),
            // Monday is the fourth business day before.
            (run(RunStatus::Frozen, "2026-11-30"), None, "waits for its approval"),
            (run(RunStatus::Approved, "2026-12-03"), None, ""),
            (run(RunStatus::Approved, "2026-12-02"), None, "nothing of it has left"),
            (sent(PayoutStatus::Unknown, "2026-12-03"), None, ""),
            (sent(PayoutStatus::Unknown, "2026-12-02"), None, "is UNKNOWN still"),
            (none.clone(), at_bank("2026-12-01"), ""),
            (none.clone(), at_bank("2026-11-28"), "what came of 2 transfers; the oldest left on 2026-11-28"),
            (MoneyCounts { payouts: vec![(PayoutStatus::Stuck, 3)], ..none.clone() }, None, "3 payouts STUCK"),
            (MoneyCounts { are_payouts_stopped: true, ..none.clone() }, None, "payouts are stopped"),
        ] {
            let told = told(&counts, at_bank);
            assert!(told.contains(part) && told.is_empty() == part.is_empty(), "{part}: {told}");
        }
        let all = MoneyCounts { are_payouts_stopped: true, ..run(RunStatus::Frozen, "2026-11-02") };
        assert_eq!(told(&all, None).lines().count(), 2);
    }
}
