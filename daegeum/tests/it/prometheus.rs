//! Every alert fires on what it is for: real processes, a real Prometheus, and a cause that really happens.
//!
//! The rules are those of `deploy/`, with two changes that [`hasten`] makes. An alert waits for no longer than a
//! second. An age or a number that takes hours to come is a few seconds or a few pieces.

mod database;
mod events;
mod money;
mod payments;
mod processes;
mod server;

use std::collections::BTreeSet;

use self::server::{OF_KAFKA, Prometheus, ROOT, RULES, SOONER, hasten};
use crate::{roles::Roles, stack::Process};

/// The names of all alerts.
fn alerts() -> BTreeSet<String> {
    let names = RULES.iter().flat_map(|file| {
        let text = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ").map(str::to_owned));
        lines.collect::<Vec<_>>()
    });
    names.collect()
}

#[test]
fn every_alert_is_caused_by_a_test() {
    let caused = [payments::CAUSED, processes::CAUSED, database::CAUSED, events::CAUSED, money::CAUSED, &OF_KAFKA];
    let caused: BTreeSet<String> = caused.into_iter().flatten().map(|name| (*name).to_owned()).collect();
    assert_eq!(caused, alerts());
}

#[test]
fn every_threshold_that_is_hastened_is_one_of_the_rules() {
    for (alert, from, to) in SOONER {
        let text = RULES.map(hasten).concat();
        let rule = text.split("- alert: ").find(|rule| rule.starts_with(&format!("{alert}\n"))).unwrap();
        assert!(rule.contains(to) && !rule.contains(&format!("{from}\n")), "{rule}");
    }
}

/// A worker that tells its metrics, with more settings.
pub(super) async fn measured_worker(roles: &Roles, name: &str, settings: &str) -> (Process, String) {
    let file = roles.place().join(format!("{name}.toml"));
    std::fs::write(&file, format!("metrics_listen = \"127.0.0.1:0\"\n{settings}")).unwrap();
    roles.worker_with_metrics(&["--config", file.to_str().unwrap()]).await
}
