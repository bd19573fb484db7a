//! The readiness answers of running processes. Only a process itself knows the state of its single tasks, such as the
//! bookkeeper.

use serde::Deserialize;

use crate::{
    doctor::result::{ANSWER_TIME, CheckResult},
    settings::Settings,
};

/// The code of a process that answers, and cannot do its work.
const NOT_READY: &str = "not_ready";
/// What a process that can do its work answers.
const READY: &str = "ready";
/// What to do about a part of a process that stands still.
const MEND: &str = "mend what it names; where something of the process stands still although database and Temporal are \
                    well, see its log and start it anew";

/// The answer of `/readyz`, or the problem.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Readiness {
    status: serde_json::Value,
    code: String,
    detail: String,
}

/// What came of asking a process.
enum Answer {
    Ready,
    /// It says why not.
    NotReady(String),
    /// It is no process of ours, or does not want to say.
    Other(u16),
    Unreachable(String),
}

/// The API, where the settings say that one listens.
pub(super) async fn api(settings: &Settings) -> CheckResult {
    let Some(address) = &settings.api_url else {
        let why = "neither public_url nor listen is set; set here what the API has, and its readiness is told";
        return CheckResult::Unasked(why.to_owned());
    };
    let mend = "see that `daegeum serve` or `daegeum api` runs and is reachable from here, and that public_url or \
                listen is its address; a proxy before it has to let /readyz through";
    match ask(address).await {
        Answer::Ready => CheckResult::Well(format!("{address} says that it can do its work")),
        Answer::NotReady(detail) => CheckResult::ill(format!("{address} says: {detail}"), MEND),
        Answer::Other(status) => {
            CheckResult::ill(format!("{address}/readyz answers {status}, and not as daegeum does"), mend)
        }
        Answer::Unreachable(error) => CheckResult::ill(format!("{address} does not answer: {error}"), mend),
    }
}

/// A worker that tells its metrics on this machine. Workers run on other machines too, so none here is no fault.
pub(super) async fn worker(address: &str) -> CheckResult {
    match ask(address).await {
        Answer::Ready => CheckResult::Well(format!("{address} says that it can do its work")),
        Answer::NotReady(detail) => CheckResult::ill(format!("{address} says: {detail}"), MEND),
        Answer::Other(status) => CheckResult::ill(
            format!("{address}/readyz answers {status}, and not as daegeum does"),
            "set metrics_listen to the address of the worker of this machine",
        ),
        Answer::Unreachable(error) => CheckResult::Unasked(format!(
            "no worker answers at {address} (metrics_listen): {error}; run it beside a worker"
        )),
    }
}

async fn ask(address: &str) -> Answer {
    let answered = reqwest::Client::new().get(format!("{address}/readyz")).timeout(ANSWER_TIME).send().await;
    let answer = match answered {
        Ok(answer) => answer,
        Err(error) => return Answer::Unreachable(format!("{:#}", anyhow::Error::from(error.without_url()))),
    };
    let status = answer.status();
    let told: Readiness = answer.json().await.unwrap_or_default();
    match (status.as_u16(), told.code.as_str()) {
        (200, _) if told.status == READY => Answer::Ready,
        (_, NOT_READY) => Answer::NotReady(told.detail),
        (status, _) => Answer::Other(status),
    }
}
