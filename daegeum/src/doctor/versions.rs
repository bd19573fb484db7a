//! Which builds of a Worker Deployment get tasks, and whether each of these has workers.

use temporal::{DeploymentVersion, Polling, Routing};

use crate::doctor::result::CheckResult;

/// Judges who polls against who gets tasks.
pub(super) fn judge(polling: &Polling) -> CheckResult {
    let Polling { pollers, routing } = polling;
    let is_versioned = routing.current.is_some() || pollers.iter().any(|poller| poller.version().is_some());
    if !is_versioned && routing.ramping.is_none() {
        return CheckResult::Well("no worker is versioned, and all get tasks".to_owned());
    }
    let told = told(polling);
    let targets = [Some(routing.current.as_ref()), routing.ramping.as_ref().map(|ramp| ramp.version.as_ref())];
    let lacking = targets.into_iter().flatten().find(|version| count(polling, *version) == 0);
    match lacking {
        None => CheckResult::Well(told),
        Some(version) => CheckResult::ill(
            format!("{told}; {} gets tasks and no worker of it polls", name(version)),
            mend(polling, version),
        ),
    }
}

/// What an operator does so that tasks reach a worker.
fn mend(polling: &Polling, lacking: Option<&DeploymentVersion>) -> String {
    let start = match lacking {
        Some(version) => format!("start workers of {version}"),
        None => "start workers without TEMPORAL_DEPLOYMENT_NAME".to_owned(),
    };
    let polls = polling.pollers.iter().find_map(|poller| poller.version());
    match polls {
        Some(version) => format!(
            "{start}, or make the version that polls current: `temporal worker deployment set-current-version \
             --deployment-name {} --build-id {}`",
            version.deployment_name(),
            version.build_id()
        ),
        None => start,
    }
}

fn told(polling: &Polling) -> String {
    let Routing { current, ramping } = &polling.routing;
    let mut told = format!("{} is current ({} poll)", name(current.as_ref()), count(polling, current.as_ref()));
    if let Some(ramp) = ramping {
        let version = ramp.version.as_ref();
        let (share, name, polls) = (&ramp.percentage, name(version), count(polling, version));
        told.push_str(&format!("; {name} gets {share} % of the tasks ({polls} poll)"));
    }
    let mut idle: Vec<_> = polling
        .pollers
        .iter()
        .map(|poller| poller.version())
        .filter(|version| !polling.routing.reaches(*version))
        .map(name)
        .collect();
    idle.sort_unstable();
    idle.dedup();
    if !idle.is_empty() {
        told.push_str(&format!("; polls and gets no tasks: {}", idle.join(", ")));
    }
    told
}

fn count(polling: &Polling, version: Option<&DeploymentVersion>) -> usize {
    polling.pollers.iter().filter(|poller| poller.version() == version).count()
}

fn name(version: Option<&DeploymentVersion>) -> String {
    version.map_or_else(|| "the group of workers without a version".to_owned(), DeploymentVersion::to_string)
}
