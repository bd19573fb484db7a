//! Whether anything waits for a person's decision on a dead letter.

use domain::dead_letter::LetterStatus;
use store::{LetterFilter, LetterRecord, Reader, Window};

use super::result::{CheckResult, MOST_NAMED};
use crate::cli::output::counted;

/// The most open letters that are counted.
const MOST_COUNTED: u64 = 100;

pub(super) async fn look(reader: &Reader) -> CheckResult {
    let filter = LetterFilter { status: Some(LetterStatus::Open), ..LetterFilter::default() };
    match reader.dead_letters(&filter, &Window { after: None, limit: MOST_COUNTED }).await {
        Ok(page) => judge(&page.items, page.more),
        Err(error) => CheckResult::ill(error.to_string(), "see whether the database is well"),
    }
}

fn judge(open: &[LetterRecord], are_more: bool) -> CheckResult {
    if open.is_empty() {
        return CheckResult::Well("none is open".to_owned());
    }
    let number = open.len() as u64;
    let number = if are_more { format!("more than {number} dead letters") } else { counted(number, "dead letter") };
    let named = open.iter().take(MOST_NAMED).map(|letter| {
        let about = letter.checkout_id.as_ref().map_or_else(String::new, |id| format!(" of {id}"));
        format!("{}: {}{about}, {}", letter.letter_id, letter.step, letter.failure.code)
    });
    let what = format!("{number} open:\n{}", named.collect::<Vec<_>>().join("\n"));
    CheckResult::ill(
        what,
        "decide about each at the console, or by `daegeum dead-letters list`, `retry` and `resolve`; what waits for \
         its cause to be fixed goes on after a retry",
    )
}
