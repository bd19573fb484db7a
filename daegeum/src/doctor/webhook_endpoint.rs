//! Whether events reach the webhook endpoints.

use domain::webhook_endpoint::EndpointStatus;
use store::{Reader, webhook_endpoint::WebhookHealth};

use super::result::CheckResult;
use crate::values::now;

/// How old an event may be that an enabled endpoint does not have, in seconds: a retry of the schedule takes hours.
const MOST_AGE_S: u64 = 10 * 60;

pub(super) async fn look(reader: &Reader) -> CheckResult {
    match reader.webhook_health().await {
        Ok(endpoints) => judge(&endpoints),
        Err(error) => CheckResult::ill(error.to_string(), "see whether the database is well"),
    }
}

fn judge(endpoints: &[WebhookHealth]) -> CheckResult {
    let enabled = endpoints.iter().filter(|endpoint| endpoint.status == EndpointStatus::Enabled);
    let disabled = endpoints.len() - enabled.clone().count();
    let age_s = |endpoint: &WebhookHealth| endpoint.oldest_at.map_or(0, |oldest| now().ms_since(oldest) / 1_000);
    let late = enabled.clone().map(|endpoint| (age_s(endpoint), endpoint)).max_by_key(|(age_s, _)| *age_s);
    match late {
        Some((age_s, endpoint)) if age_s > MOST_AGE_S => {
            let id = &endpoint.endpoint_id;
            let what =
                format!("the endpoint {id} does not have an event that is {age_s} s old; {} wait", endpoint.waiting);
            CheckResult::ill(
                what,
                format!("see `daegeum webhooks deliveries {id} --status FAILED`, and whether a worker runs"),
            )
        }
        Some(_) | None => CheckResult::Well(format!("endpoints: {} enabled, {disabled} disabled", enabled.count())),
    }
}
