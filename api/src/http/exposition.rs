//! The text that Prometheus reads.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use domain::Timestamp;
use service::now;

/// The media type of the text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text that Prometheus reads, as it grows.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// The text so far.
    #[cfg(test)]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Begins a metric: its name, its kind (`counter`, `gauge` or `histogram`) and what it says.
    pub fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Adds a value. Labels are texts of ours, without quotes and backslashes.
    pub fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// Adds the lines of a histogram: how many took at most so many milliseconds, less those of the end before; how
    /// many there were, and how long all of them took.
    pub fn histogram<'a>(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        in_bucket: impl IntoIterator<Item = (&'a u64, &'a u64)>,
        (number, spent): (u64, Duration),
    ) {
        let (bucket, mut so_far) = (format!("{name}_bucket"), 0);
        for (end_ms, number) in in_bucket {
            so_far += number;
            let end = Duration::from_millis(*end_ms).as_secs_f64().to_string();
            self.value(&bucket, &[labels, &[("le", &end)]].concat(), so_far);
        }
        self.value(&bucket, &[labels, &[("le", "+Inf")]].concat(), number);
        self.value(&format!("{name}_sum"), labels, spent.as_secs_f64());
        self.value(&format!("{name}_count"), labels, number);
    }

    /// Adds since how many seconds the oldest stands at each of some statuses.
    pub(crate) fn ages<S: Copy + PartialEq>(
        &mut self,
        name: &str,
        watched: &[S],
        text: fn(S) -> &'static str,
        oldest: &[(S, Timestamp)],
    ) {
        let now = now();
        for status in watched {
            let since = oldest.iter().find(|(known, _)| known == status).map(|(_, since)| *since);
            let seconds = since.map_or(0, |since| now.ms_since(since) / 1_000);
            self.value(name, &[("status", text(*status))], seconds);
        }
    }

    /// Adds how many stand at each of all statuses.
    pub(crate) fn by_status<S: Copy + PartialEq>(
        &mut self,
        name: &str,
        all: &[S],
        text: fn(S) -> &'static str,
        counts: &[(S, u64)],
    ) {
        for status in all {
            let number = counts.iter().find(|(known, _)| known == status).map_or(0, |(_, number)| *number);
            self.value(name, &[("status", text(*status))], number);
        }
    }
}

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, TEXT_FORMAT)], self.0).into_response()
    }
}
