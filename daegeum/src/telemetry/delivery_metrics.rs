//! What is counted of deliveries to webhook endpoints. There are at most a hundred endpoints, so each may be a label.

use activities::delivery::DeliveryCounts;
use api::Exposition;
use domain::webhook_endpoint::EndpointStatus;

/// Writes the counts of this process, and the state of each endpoint.
pub(crate) fn of_deliveries(counts: &DeliveryCounts, text: &mut Exposition) {
    const ATTEMPTS: &str = "daegeum_webhook_attempts_total";
    text.begin(ATTEMPTS, "counter", "Attempts to deliver events to webhook endpoints, by what they came to.");
    for (outcome, attempts) in counts.attempts() {
        text.value(ATTEMPTS, &[("outcome", outcome.as_str())], attempts);
    }
    const UNDELIVERED: &str = "daegeum_webhook_undelivered_events_total";
    text.begin(UNDELIVERED, "counter", "Events that were given up after the last attempt.");
    text.value(UNDELIVERED, &[], counts.undelivered());
    const EXPIRED: &str = "daegeum_webhook_expired_events_total";
    text.begin(EXPIRED, "counter", "Positions of the log that were gone before an endpoint had read them.");
    text.value(EXPIRED, &[], counts.expired());
    const DISABLED: &str = "daegeum_webhook_endpoints_disabled_total";
    text.begin(DISABLED, "counter", "Webhook endpoints that were disabled by their receivers or by failures.");
    for (reason, endpoints) in counts.disablings() {
        text.value(DISABLED, &[("reason", reason.as_str())], endpoints);
    }
    of_endpoints(counts, text);
}

fn of_endpoints(counts: &DeliveryCounts, text: &mut Exposition) {
    let gauges = counts.gauges();
    const ENDPOINTS: &str = "daegeum_webhook_endpoints";
    text.begin(ENDPOINTS, "gauge", "Webhook endpoints by status.");
    for status in EndpointStatus::ALL {
        let number = gauges.iter().filter(|gauge| gauge.status == status).count();
        text.value(ENDPOINTS, &[("status", status.as_str())], number);
    }
    const LAG: &str = "daegeum_webhook_lag_positions";
    text.begin(LAG, "gauge", "Positions between the cursor of an endpoint and the end of the log.");
    for gauge in &gauges {
        text.value(LAG, &[("endpoint", gauge.endpoint_id.as_str())], gauge.lag);
    }
    const WAITING: &str = "daegeum_webhook_waiting_events";
    text.begin(
        WAITING,
        "gauge",
        "Events that wait at an endpoint for another attempt, or for an earlier event of their object.",
    );
    for gauge in &gauges {
        text.value(WAITING, &[("endpoint", gauge.endpoint_id.as_str())], gauge.waiting);
    }
    const OLDEST: &str = "daegeum_webhook_oldest_undelivered_seconds";
    text.begin(OLDEST, "gauge", "Age of the oldest event that an endpoint does not have.");
    for gauge in &gauges {
        text.value(OLDEST, &[("endpoint", gauge.endpoint_id.as_str())], gauge.oldest_s);
    }
}
