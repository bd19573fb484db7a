//! What is counted of the calls to Toss, for Prometheus.

use api::Exposition;
use toss::OperationMetrics;

/// Writes the calls to Toss since the process began.
pub(crate) fn of_toss(operations: &[OperationMetrics], text: &mut Exposition) {
    text.begin("daegeum_toss_calls_total", "counter", "Calls to Toss, by what became of them.");
    for operation in operations {
        let name = operation.operation.name();
        for (outcome, calls) in [
            ("succeeded", operation.succeeded),
            ("refused", operation.refused),
            ("not_connected", operation.not_connected),
            ("no_answer", operation.no_answer),
            ("unreadable", operation.unreadable),
            ("abandoned", operation.abandoned),
            ("turned_away_by_breaker", operation.turned_away_by_breaker),
            ("turned_away_by_crowd", operation.turned_away_by_crowd),
        ] {
            text.value("daegeum_toss_calls_total", &[("operation", name), ("outcome", outcome)], calls);
        }
    }
    text.begin("daegeum_toss_call_seconds_total", "counter", "Time spent in calls to Toss that ended.");
    for operation in operations {
        let labels = [("operation", operation.operation.name())];
        text.value("daegeum_toss_call_seconds_total", &labels, operation.time_spent.as_secs_f64());
    }
    text.begin("daegeum_toss_calls_in_flight", "gauge", "Calls to Toss that are under way.");
    for operation in operations {
        let labels = [("operation", operation.operation.name())];
        text.value("daegeum_toss_calls_in_flight", &labels, operation.in_flight);
    }
}
