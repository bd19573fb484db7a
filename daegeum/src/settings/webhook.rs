//! The settings of what is pushed to webhook endpoints.

use activities::delivery::DeliveryRules;
use anyhow::Context as _;
use domain::webhook_endpoint::{Permitted, Schedule};
use serde::Deserialize;

/// `[webhooks]` in the file.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct WebhooksFile {
    allow_private: Option<bool>,
    allow_http: Option<bool>,
    retry_pauses_s: Option<Vec<u32>>,
}

/// Where events may be pushed to, and how often.
#[derive(Debug, Clone, Default)]
pub(crate) struct Webhooks {
    allow_private: Option<bool>,
    allow_http: Option<bool>,
    schedule: Schedule,
}

/// Reads the table.
pub(super) fn webhooks(file: WebhooksFile) -> anyhow::Result<Webhooks> {
    let schedule = file.retry_pauses_s.map(Schedule::try_new).transpose();
    let schedule = schedule.context("the setting webhooks.retry_pauses_s is malformed")?.unwrap_or_default();
    Ok(Webhooks { allow_private: file.allow_private, allow_http: file.allow_http, schedule })
}

impl Webhooks {
    /// What is permitted where nothing is set: public addresses over HTTPS.
    pub(crate) fn permitted(&self) -> Permitted {
        Permitted { private: self.allow_private.unwrap_or(false), http: self.allow_http.unwrap_or(false) }
    }

    /// The rules of a worker.
    pub(crate) fn rules(&self) -> DeliveryRules {
        DeliveryRules { permitted: self.permitted(), schedule: self.schedule.clone() }
    }

    /// The same for `dev` and `demo`: a shop that is being built runs on the same machine and speaks plain HTTP.
    pub(crate) fn for_dev(&self) -> Self {
        Self {
            allow_private: self.allow_private.or(Some(true)),
            allow_http: self.allow_http.or(Some(true)),
            schedule: self.schedule.clone(),
        }
    }
}
