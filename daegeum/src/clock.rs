//! The clock of this machine beside that of Toss, which dates its answers.

use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{AGE, DATE, HeaderMap, HeaderName};
use store::{CLOCK_LIMIT, DatabaseUrl, Writer};

/// How long Toss may take to tell the time.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// By how much the clock of this machine is ahead of Toss's (more than zero) or behind it; nothing where Toss does not
/// say. Toss tells seconds, so less than one counts as none.
pub(crate) async fn ahead_of_toss(base_url: &str) -> Option<TimeDelta> {
    let asked = Utc::now();
    let answer = reqwest::Client::new().head(base_url).timeout(ANSWER_TIME).send().await.ok()?;
    let answered = Utc::now();
    let dated = dated(answer.headers())?;
    // Between question and answer it was that second there, if our clocks agree.
    let (ahead, behind) = (asked - dated - TimeDelta::seconds(1), dated - answered);
    Some(if ahead > TimeDelta::zero() { ahead } else { -behind.max(TimeDelta::zero()) })
}

/// When an answer was sent: a cache tells for how long it has kept the answer.
fn dated(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let dated = DateTime::parse_from_rfc2822(text(DATE)?).ok()?.with_timezone(&Utc);
    let kept_s = text(AGE).and_then(|age| age.parse().ok()).and_then(TimeDelta::try_seconds).unwrap_or_default();
    dated.checked_add_signed(kept_s)
}

/// SQLite has no clock of its own, so a process that moves money there asks Toss before it begins. Where Toss does not
/// answer, the newest entry of the books is the only witness.
pub(crate) async fn check(database: &DatabaseUrl, toss_url: &str, writer: &Writer) -> anyhow::Result<()> {
    if !database.is_sqlite() {
        return Ok(());
    }
    let Some(ahead) = ahead_of_toss(toss_url).await else {
        tracing::warn!(
            "Toss did not tell the time at the start, so a clock of this machine that is ahead is not noticed"
        );
        return Ok(());
    };
    if ahead.abs().to_std()? > CLOCK_LIMIT {
        let direction = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
        bail!(
            "the clock of this machine is {} s {direction} Toss's ({toss_url}), and at most {} s are allowed: \
             money would be released at a wrong time; set the clock, by NTP say, and start anew",
            ahead.num_seconds().abs(),
            CLOCK_LIMIT.as_secs()
        );
    }
    writer.confirm_clock();
    Ok(())
}
