//! Assessing the risk of an attempt to pay: the rules first, then the external risk service, if one is set.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::{sync::Arc, time::Duration};

use domain::{
    checkout::Plan,
    rate::Rates,
    risk::{Assessment, RiskVerdict, Rules},
};
use reqwest::header::{HeaderName, HeaderValue};
use serde::Serialize;
use store::{CardNames, Keyring, RiskDecision, StoreError, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ports::{Assess, AssessRisk};

use crate::{failure::store_failure, words::plain};

/// The header that carries the secret that both sides share.
const SECRET: HeaderName = HeaderName::from_static("x-daegeum-risk-secret");
/// Bytes of a service's answer that are read before it counts as none.
const ANSWER_LIMIT_BYTES: usize = 16 * 1024;

/// The activity that assesses risk.
#[derive(Debug, Clone)]
pub struct Risk {
    /// Where decisions are written, and counted.
    pub writer: Writer,
    /// The marketplace's rules.
    pub rules: Rules,
    /// An external service that assesses the payments that the rules do not deny.
    pub hook: Option<Hook>,
    /// The keys under which cards are named in the database; without them, by the hash of their token.
    pub keyring: Option<Arc<Keyring>>,
}

/// A service that assesses risk over HTTP.
#[derive(Debug, Clone)]
pub struct Hook {
    client: reqwest::Client,
    url: String,
    secret: HeaderValue,
    when_down: RiskVerdict,
}

/// Why something is no [`Hook`].
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The secret cannot stand in a header.
    #[error("the secret of the risk service holds characters that no header takes")]
    Secret,
    /// A service that is away must not let everything through.
    #[error("while the risk service is down, a payment is reviewed or denied, never allowed")]
    AllowsWhenDown,
    /// No client could be made.
    #[error("no client for the risk service could be made")]
    Client(#[source] reqwest::Error),
}

impl Hook {
    /// A service at an address, which answers within a deadline or counts as down.
    pub fn try_new(url: String, secret: &str, deadline: Duration, when_down: RiskVerdict) -> Result<Self, HookError> {
        if when_down == RiskVerdict::Allow {
            return Err(HookError::AllowsWhenDown);
        }
        let mut secret = HeaderValue::from_str(secret).map_err(|_| HookError::Secret)?;
        secret.set_sensitive(true);
        let client = reqwest::Client::builder()
            .timeout(deadline)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(HookError::Client)?;
        Ok(Self { client, url, secret, when_down })
    }

    async fn ask(&self, plan: &Plan, attempt: u32, so_far: &Assessment) -> Assessment {
        match self.answer(plan, attempt, so_far).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(
                    checkout.id = %plan.checkout_id(),
                    error = &error as &dyn std::error::Error,
                    "the risk service did not answer about {}",
                    plan.checkout_id()
                );
                Assessment { verdict: self.when_down, reasons: vec!["the risk service did not answer".to_owned()] }
            }
        }
    }

    async fn answer(&self, plan: &Plan, attempt: u32, so_far: &Assessment) -> Result<Assessment, NoAnswer> {
        let question = Question::of(plan, attempt, so_far);
        let sent = self.client.post(&self.url).header(SECRET, self.secret.clone()).json(&question).send();
        let mut response = sent.await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_LIMIT_BYTES {
                return Err(NoAnswer::TooLarge);
            }
        }
        let answer: Assessment = serde_json::from_slice(&body)?;
        Ok(Assessment { reasons: answer.reasons.iter().map(|reason| plain(reason)).collect(), ..answer })
    }
}

/// Why a service has not answered.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("it could not be asked, or said no")]
    Http(#[from] reqwest::Error),
    #[error("its answer is none that we know")]
    Unreadable(#[from] serde_json::Error),
    #[error("its answer is too large")]
    TooLarge,
}

/// What a service is asked. It answers `{"verdict": "allow" | "review" | "deny", "reasons": ["…"]}`.
#[derive(Debug, Serialize)]
struct Question<'a> {
    checkout_id: &'a str,
    attempt: u32,
    buyer_id: &'a str,
    /// SHA-256 of the card's token, if the marketplace named one.
    card: Option<&'a str>,
    amount: String,
    currency: &'static str,
    seller_accounts: Vec<&'a str>,
    /// What the rules say.
    verdict: RiskVerdict,
}

impl<'a> Question<'a> {
    fn of(plan: &'a Plan, attempt: u32, so_far: &Assessment) -> Self {
        let fields = plan.fields();
        Self {
            checkout_id: plan.checkout_id().as_str(),
            attempt,
            buyer_id: fields.buyer_id.as_str(),
            card: fields.card.as_ref().map(|card| card.as_str()),
            amount: plan.total().to_decimal_string(),
            currency: plan.total().currency().code(),
            seller_accounts: plan.orders().iter().map(|order| order.seller.as_str()).collect(),
            verdict: so_far.verdict,
        }
    }
}

#[activities]
impl Risk {
    /// Assesses an attempt to pay, once: asked again it answers what it answered first. Without rules and without a
    /// service there is nothing to decide, so nothing is written.
    #[activity(definition = Assess)]
    pub async fn assess(
        self: Arc<Self>,
        _ctx: ActivityContext,
        asked: AssessRisk,
    ) -> Result<Assessment, ActivityError> {
        if self.rules.is_empty() && self.hook.is_none() && asked.decided.is_none() {
            return Ok(Assessment::allowed());
        }
        self.decide(&asked).await.map_err(store_failure)
    }
}

impl Risk {
    async fn decide(&self, asked: &AssessRisk) -> Result<Assessment, StoreError> {
        let (plan, attempt) = (&asked.plan, asked.attempt);
        let card = plan.fields().card.as_ref().map(|card| CardNames::of(card, self.keyring.as_deref())).transpose()?;
        let card = card.as_ref();
        if let Some(decided) = &asked.decided {
            let (by, assessment) = (Some(decided.by.as_str()), &decided.assessment);
            let decision = RiskDecision { plan, attempt, card, by, assessment, decided_at: asked.at };
            self.writer.record_risk(decision).await?;
            return Ok(decided.assessment.clone());
        }
        if let Some(before) = self.writer.assessed(plan, attempt).await? {
            return Ok(before);
        }
        let mut counted = Vec::with_capacity(self.rules.velocities.len());
        for velocity in &self.rules.velocities {
            counted.push(self.writer.counted(velocity, plan, card, asked.at).await?);
        }
        let rates = match self.rules.compares_currencies(plan.total().currency()) {
            true => self.writer.rates_at(asked.at).await?,
            false => Rates::default(),
        };
        let mut assessment = self.rules.assess(plan, &counted, &rates);
        if let Some(hook) = self.hook.as_ref().filter(|_| assessment.verdict != RiskVerdict::Deny) {
            assessment.join(hook.ask(plan, attempt, &assessment).await);
        }
        let decision = RiskDecision { plan, attempt, card, by: None, assessment: &assessment, decided_at: asked.at };
        self.writer.record_risk(decision).await?;
        Ok(self.writer.assessed(plan, attempt).await?.unwrap_or(assessment))
    }
}
