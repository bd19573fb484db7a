//! Whether what is done at a time is done: the schedules are there, act, and are not paused.

use temporal::needed_schedules;
use temporalio_client::Client;

use crate::{
    cli::schedules::{are_as_needed, is_any_paused, told},
    doctor::result::CheckResult,
};

pub(super) async fn look(client: &Client) -> CheckResult {
    let needed = match needed_schedules(client).await.map_err(anyhow::Error::from) {
        Ok(needed) => needed,
        Err(error) => return CheckResult::ill(format!("{error:#}"), "let the key describe schedules"),
    };
    if !are_as_needed(&needed) {
        let mend = "run `daegeum cluster apply`; a worker that starts creates what is missing, too";
        return CheckResult::ill(told(&needed), mend);
    }
    if is_any_paused(&needed) {
        let mend = "`temporal schedule toggle --unpause --schedule-id NAME --reason …`; mornings that were missed \
                    meanwhile: `temporal schedule backfill`";
        return CheckResult::ill(told(&needed), mend);
    }
    CheckResult::Well(told(&needed))
}
