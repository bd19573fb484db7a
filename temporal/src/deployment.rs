//! The version of a Worker Deployment that a worker belongs to, and the versions that Temporal gives tasks to.

use std::fmt;

use temporalio_common::{
    protos::temporal::api::{
        deployment::v1::{WorkerDeploymentOptions as PolledOptions, WorkerDeploymentVersion as WireVersion},
        enums::v1::WorkerVersioningMode,
        taskqueue::v1::TaskQueueVersioningInfo,
    },
    worker::{VersioningBehavior, WorkerDeploymentOptions, WorkerDeploymentVersion},
};
use temporalio_sdk::WorkerOptions;

/// The variable that names the deployment. Temporal's Worker Controller sets it.
pub const DEPLOYMENT_NAME: &str = "TEMPORAL_DEPLOYMENT_NAME";
/// The variable that names the build within the deployment. Temporal's Worker Controller sets it.
pub const BUILD_ID: &str = "TEMPORAL_WORKER_BUILD_ID";
/// How many characters a deployment's name, or a build id, has at most.
const MOST_CHARACTERS: usize = 200;
/// What Temporal writes between the two names.
const SEPARATOR: char = ':';

/// A build of a Worker Deployment: Temporal gives tasks to the builds that an operator made current or ramps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentVersion {
    deployment_name: String,
    build_id: String,
}

/// The two variables do not name a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeploymentVersionError {
    /// One of the two is missing.
    #[error("{set} is set and {missing} is not; a versioned worker needs both")]
    Half {
        /// The variable that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A name that Temporal does not take.
    #[error(
        "{variable} must have 1 to {MOST_CHARACTERS} visible characters without `{SEPARATOR}`, and a deployment's \
         name none of `.`; not {value:?}"
    )]
    Malformed {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
}

impl DeploymentVersion {
    /// Reads the values of [`DEPLOYMENT_NAME`] and [`BUILD_ID`]: none is no version. An empty value is none.
    ///
    /// # Errors
    /// One is missing, or a name is malformed.
    pub fn of_variables(
        deployment_name: Option<String>,
        build_id: Option<String>,
    ) -> Result<Option<Self>, DeploymentVersionError> {
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let half = |set, missing| Err(DeploymentVersionError::Half { set, missing });
        let (deployment_name, build_id) = match (given(deployment_name), given(build_id)) {
            (None, None) => return Ok(None),
            (Some(_), None) => return half(DEPLOYMENT_NAME, BUILD_ID),
            (None, Some(_)) => return half(BUILD_ID, DEPLOYMENT_NAME),
            (Some(deployment_name), Some(build_id)) => (deployment_name, build_id),
        };
        check(DEPLOYMENT_NAME, &deployment_name, &[SEPARATOR, '.'])?;
        check(BUILD_ID, &build_id, &[SEPARATOR])?;
        Ok(Some(Self { deployment_name, build_id }))
    }

    /// The name of the deployment.
    #[must_use]
    pub fn deployment_name(&self) -> &str {
        &self.deployment_name
    }

    /// The build within the deployment.
    #[must_use]
    pub fn build_id(&self) -> &str {
        &self.build_id
    }

    /// How a worker of this version introduces itself. Running workflows move to the current build with their next
    /// task: patches keep their replay right, and a deposit may take 90 days.
    fn options(&self) -> WorkerDeploymentOptions {
        let version = WorkerDeploymentVersion::builder()
            .deployment_name(self.deployment_name.clone())
            .build_id(self.build_id.clone())
            .build();
        WorkerDeploymentOptions::new(version)
            .use_worker_versioning(true)
            .default_versioning_behavior(VersioningBehavior::AutoUpgrade)
            .build()
    }

    fn of_wire(version: WireVersion) -> Self {
        Self { deployment_name: version.deployment_name, build_id: version.build_id }
    }

    /// The version of a worker that polls; none of a worker that is not versioned.
    pub(crate) fn of_poller(options: &PolledOptions) -> Option<Self> {
        let is_versioned = options.worker_versioning_mode() == WorkerVersioningMode::Versioned;
        is_versioned
            .then(|| Self { deployment_name: options.deployment_name.clone(), build_id: options.build_id.clone() })
    }
}

impl fmt::Display for DeploymentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.deployment_name, self.build_id)
    }
}

/// Makes a worker one of its version, where it has one. Every worker of a process goes through here.
pub(crate) fn join(options: &mut WorkerOptions, version: Option<&DeploymentVersion>) {
    if let Some(version) = version {
        options.deployment_options = version.options();
    }
}

fn check(variable: &'static str, value: &str, reserved: &[char]) -> Result<(), DeploymentVersionError> {
    let is_well = value.chars().count() <= MOST_CHARACTERS
        && value.chars().all(|character| character.is_ascii_graphic() && !reserved.contains(&character));
    if is_well { Ok(()) } else { Err(DeploymentVersionError::Malformed { variable, value: value.to_owned() }) }
}

/// Which versions Temporal gives the tasks of a task queue to. No version stands for all workers without one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// The version that gets the tasks.
    pub current: Option<DeploymentVersion>,
    /// The version that gets a share of them instead.
    pub ramping: Option<Ramp>,
}

/// A version that gets a share of the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ramp {
    /// The version.
    pub version: Option<DeploymentVersion>,
    /// Its share, as Temporal writes it, in percent.
    pub percentage: String,
}

impl Routing {
    pub(crate) fn of_wire(info: Option<TaskQueueVersioningInfo>) -> Self {
        let Some(info) = info else { return Self::default() };
        let current = info.current_deployment_version.map(DeploymentVersion::of_wire);
        let ramping = (info.ramping_version_percentage > 0.0).then(|| Ramp {
            version: info.ramping_deployment_version.map(DeploymentVersion::of_wire),
            percentage: info.ramping_version_percentage.to_string(),
        });
        Self { current, ramping }
    }

    /// Whether a worker of this version gets tasks.
    #[must_use]
    pub fn reaches(&self, version: Option<&DeploymentVersion>) -> bool {
        self.current.as_ref() == version || self.ramping.as_ref().is_some_and(|ramp| ramp.version.as_ref() == version)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn version(name: &str, build: &str) -> Result<Option<DeploymentVersion>, DeploymentVersionError> {
        DeploymentVersion::of_variables(Some(name.to_owned()), Some(build.to_owned()))
    }

    #[test]
    fn both_variables_name_a_version_or_none_does() {
        assert_eq!(DeploymentVersion::of_variables(None, None), Ok(None));
        assert_eq!(version("", ""), Ok(None));
        assert_eq!(version("shop/daegeum", "0.2.0-abc").unwrap().unwrap().to_string(), "shop/daegeum:0.2.0-abc");
        let half = DeploymentVersion::of_variables(Some("daegeum".to_owned()), None).unwrap_err().to_string();
        assert!(half.contains("TEMPORAL_WORKER_BUILD_ID is not"), "{half}");
        for (name, build) in [("a:b", "1"), ("a.b", "1"), ("a", "1:2"), ("a", "1 2"), ("a", &"1".repeat(201))] {
            assert!(matches!(version(name, build), Err(DeploymentVersionError::Malformed { .. })), "{name} {build}");
        }
    }

    #[test]
    fn tasks_reach_the_current_and_the_ramping_version_alone() {
        let [old, new, other] = ["1", "2", "3"].map(|build| version("daegeum", build).unwrap());
        let ramp = Ramp { version: new.clone(), percentage: "5".to_owned() };
        let routing = Routing { current: old.clone(), ramping: Some(ramp) };
        assert!(routing.reaches(old.as_ref()) && routing.reaches(new.as_ref()));
        assert!(!routing.reaches(other.as_ref()) && !routing.reaches(None));
        assert!(Routing::default().reaches(None) && !Routing::default().reaches(old.as_ref()));
    }
}
