//! How far a long reading has come.

use std::time::{Duration, Instant};

use store::ReadProgress;

/// How long a command may read before it says how far it is, and then how often it does.
const SILENCE: Duration = Duration::from_secs(2);

/// Says on standard error how far a long reading has come.
pub(crate) fn progress() -> impl FnMut(ReadProgress) + Send {
    let (began, mut of, mut said) = (Instant::now(), "", Instant::now());
    let mut since = began;
    move |step| {
        if step.of != of {
            (of, since) = (step.of, Instant::now());
        }
        if said.elapsed() < SILENCE {
            return;
        }
        said = Instant::now();
        let rate = u128::from(step.done) * 1000 / Ord::max(since.elapsed().as_millis(), 1);
        eprintln!("{} of {} {}, {rate} a second", step.done, step.total, step.of);
    }
}
