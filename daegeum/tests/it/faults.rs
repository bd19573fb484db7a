//! Every step of a payment goes wrong once, in every way; at the end the money is where it should be.
//!
//! The steps are counted from the ports table: one that no story here reaches makes the test fail. At the end it prints
//! a table of what came of each step and fault; `docs/explanation/reliability.md` says how to see it.

mod payouts;
mod reconciliation;
mod saved_cards;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    str::FromStr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use activities::{
    payout::{PayoutRules, PayoutTiming},
    reconciliation::{ReconciliationRules, Reconciliations},
};
use domain::{
    Currency, Money,
    checkout::Status,
    id::CheckoutId,
    risk::{AmountLimit, RiskVerdict, Rules},
};
use serde_json::{Value, json};
use service::{
    Histories,
    recovery::{Recoverer, Restarted},
};
use store::{Database, DatabaseUrl, Keyring, Reader, Writer};
use temporalio_client::{Client, WorkflowCancelOptions, WorkflowTerminateOptions};
use temporalio_sdk::{
    Runtime, Worker, WorkerOptions,
    activities::ActivityError,
    interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next},
};
use tokio::sync::Semaphore;
use workflows::{
    checkout::{CheckoutWorkflow, Ended},
    payout_run::PayoutRunWorkflow,
    ports,
    reconciliation::{BreakAct, BreakActWorkflow, Conclusion, ReconciliationWorkflow, Run, StepRequest},
    refund::RefundWorkflow,
    refunds::RefundsWorkflow,
    reversal::{ReversalAct, ReversalActWorkflow},
    saved_card::{SavedCardDeletionWorkflow, SavedCardRegistrationWorkflow},
};

use crate::{
    database::Kind,
    events, on_both_databases,
    roles::Roles,
    stack::{Shop, insist, until},
    virtual_accounts::stands_at,
};

on_both_databases!(
    whatever_step_fails_the_money_is_where_it_should_be,
    what_is_booked_is_not_given_back_for_a_cancellation_that_came_later,
    what_is_written_stands_when_a_cancellation_comes_later,
);

/// How many stories are told at once: what a busy machine serves before their time is up.
const STORIES_AT_ONCE: usize = 12;
/// What happens to one activity, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// It fails before it did anything.
    FailsBefore,
    /// It does its work, and its answer is lost.
    FailsAfter,
    /// It never begins, until its time is up.
    StallsBefore,
    /// It does its work, and does not answer until its time is up.
    StallsAfter,
    /// It does its work, its answer is lost, and then the same again.
    WorksTwice,
    /// It does its work, and in that moment its worker is gone, with all that it was doing.
    WorkerDies,
}

const FAULTS: [Fault; 6] = [
    Fault::FailsBefore,
    Fault::FailsAfter,
    Fault::StallsBefore,
    Fault::StallsAfter,
    Fault::WorksTwice,
    Fault::WorkerDies,
];

/// How often those whose fault did not happen are told again.
const ROUNDS: usize = 4;

impl Fault {
    /// How many tries of a step go wrong.
    const fn tries(self) -> u32 {
        match self {
            Self::FailsBefore | Self::FailsAfter | Self::StallsBefore | Self::StallsAfter | Self::WorkerDies => 1,
            Self::WorksTwice => 2,
        }
    }
}

/// Where in a story a step goes wrong: the first time that it is asked for, or the second.
#[derive(Debug, Clone, Copy)]
struct Case {
    story: Story,
    step: &'static str,
    time: usize,
}

impl Case {
    /// Every step once, and what else the stories ask for: the writes of an unknown outcome and of a
    /// failure, and the question that an undo begins with.
    fn all() -> Vec<Self> {
        let more = [
            Self { story: Story::AnswerLost, step: "checkout.advance", time: 1 },
            Self { story: Story::WrongAmount, step: "checkout.advance", time: 1 },
            Self { story: Story::WrongAmount, step: "psp.look_up", time: 0 },
        ];
        let once = ports::ALL.iter().map(|step| Self { story: Story::reaching(step), step, time: 0 });
        once.chain(more).collect()
    }
}

/// The stories that are told at one time.
///
/// A refusal of a refund that is lost with its worker is proved by nothing but [`domain::refund::SETTLING_MS`] without
/// the refund, which is longer than a test waits. So no worker of another story dies while one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All that another story's dead worker may hold up for a while.
    Hardy,
    /// A refund is refused, and no worker dies.
    Refused,
    /// A refund is refused, and the worker dies that writes it.
    RefusedAndDies,
}

impl Part {
    const ALL: [Self; 3] = [Self::Hardy, Self::Refused, Self::RefusedAndDies];

    const fn of(story: Story, fault: Fault) -> Self {
        match (story, fault) {
            (Story::RefundRefused, Fault::WorkerDies) => Self::RefusedAndDies,
            (Story::RefundRefused, _) => Self::Refused,
            _ => Self::Hardy,
        }
    }
}

/// A step, and whether it goes wrong the first time that it is asked for, or the second.
#[derive(Debug, Clone, Copy)]
struct Place {
    step: &'static str,
    time: usize,
}

/// A step that is to go wrong, of one checkout or of one seller's payout.
struct Plan {
    subject: String,
    place: Place,
    fault: Fault,
    /// The activities of that step so far; each of their tries has the same id.
    activities: Vec<String>,
    tries_left: u32,
}

/// Makes a step go wrong, per subject.
#[derive(Clone, Default)]
struct Faults {
    plans: Arc<Mutex<Vec<Plan>>>,
    /// The subject of a run, a payout or a saved card.
    subjects: Arc<Mutex<HashMap<String, String>>>,
    /// The runner of the worker is told to let the worker die.
    deaths: Arc<tokio::sync::Notify>,
    /// The keys of the worker; without them no saved card has a key.
    keyring: Option<Arc<Keyring>>,
    /// Whether the worker seals histories under these keys.
    seals: bool,
}

impl Faults {
    fn plan(&self, subject: &str, place: Place, fault: Fault) {
        let tries_left = fault.tries();
        let plan = Plan { subject: subject.to_owned(), place, fault, activities: Vec::new(), tries_left };
        self.plans.lock().unwrap().push(plan);
    }

    /// Every answer of a step is lost, besides what goes wrong by plan.
    fn plan_lost(&self, subject: &str, step: &'static str) {
        let (fault, place, tries_left) = (Fault::FailsAfter, Place { step, time: 0 }, u32::MAX);
        let plan = Plan { subject: subject.to_owned(), place, fault, activities: Vec::new(), tries_left };
        self.plans.lock().unwrap().push(plan);
    }

    /// A run or a payout is about a seller, a saved card is of a story.
    fn name(&self, id: &str, subject: &str) {
        self.subjects.lock().unwrap().insert(id.to_owned(), subject.to_owned());
    }

    /// The checkout, or the seller of the payout, that an activity is about.
    fn subject_of(&self, input: &ExecuteActivityInput) -> Option<String> {
        if let Some(freeze) = input.args_ref::<ports::FreezeRun>() {
            let seller = freeze.request.sellers.as_ref()?.first()?;
            self.name(freeze.run_id.as_str(), seller.as_str());
        }
        if let Some(subject) = reconciliation_of(input) {
            return Some(subject);
        }
        let Some(id) = payout_of(input).or_else(|| card_of(input)) else { return checkout_of(input) };
        self.subjects.lock().unwrap().get(&id).cloned()
    }

    fn strike(&self, input: &ExecuteActivityInput) -> Option<Fault> {
        let (subject, info) = (self.subject_of(input)?, input.activity_info());
        let mut plans = self.plans.lock().unwrap();
        let plan = plans.iter_mut().find(|plan| plan.subject == subject && plan.place.step == info.activity_type)?;
        if !plan.activities.contains(&info.activity_id) {
            plan.activities.push(info.activity_id.clone());
        }
        // A question is not repeated by Temporal but asked again, so a later activity is its second try.
        let time = plan.activities.iter().position(|id| *id == info.activity_id)?;
        let is_meant = time >= plan.place.time && plan.tries_left > 0;
        plan.tries_left -= u32::from(is_meant);
        is_meant.then_some(plan.fault)
    }

    /// The subjects of which what was to go wrong did not. The second try of a charge may find its time up on a busy
    /// machine.
    fn spared(&self) -> BTreeSet<String> {
        let plans = self.plans.lock().unwrap();
        let spared = plans.iter().filter(|plan| plan.tries_left == plan.fault.tries());
        spared.map(|plan| plan.subject.clone()).collect()
    }

    fn forget(&self) {
        self.plans.lock().unwrap().clear();
    }
}

/// The checkout that an activity is about. Each row names a type of input and the place of the id in it.
fn checkout_of(input: &ExecuteActivityInput) -> Option<String> {
    macro_rules! first_of {
        ($($port:ident: |$it:ident| $id:expr),+ $(,)?) => {
            None::<&CheckoutId>$(.or_else(|| input.args_ref::<ports::$port>().and_then(|$it| $id)))+
        };
    }
    let id = first_of! {
        NewCheckout: |new| Some(new.plan.checkout_id()),
        AssessRisk: |asked| Some(asked.plan.checkout_id()),
        Change: |change| Some(&change.checkout_id),
        Payment: |payment| Some(&payment.change.checkout_id),
        ConfirmCharge: |charge| Some(&charge.checkout_id),
        LookUpCharge: |charge| Some(&charge.checkout_id),
        FindCharge: |charge| Some(&charge.checkout_id),
        RecallCheckout: |asked| Some(&asked.checkout_id),
        CancelCharge: |charge| Some(&charge.checkout_id),
        SavedCardCharge: |charge| Some(&charge.checkout_id),
        DepositReturn: |returned| Some(&returned.change.checkout_id),
        DepositSeen: |seen| Some(&seen.checkout_id),
        Letter: |letter| letter.checkout_id.as_ref(),
        CloseLetter: |letter| letter.checkout_id.as_ref(),
        NewRefund: |refund| Some(&refund.checkout_id),
        RefundPromise: |refund| Some(&refund.checkout_id),
        RefundChange: |refund| Some(&refund.checkout_id),
        RefundExecution: |refund| Some(&refund.checkout_id),
        RefundFailure: |refund| Some(&refund.checkout_id),
        RefundCharge: |refund| Some(&refund.checkout_id),
        RefundQuestion: |refund| Some(&refund.checkout_id),
    };
    id.map(ToString::to_string)
}

/// The run or the payout that an activity is about.
fn payout_of(input: &ExecuteActivityInput) -> Option<String> {
    macro_rules! first_of {
        ($($port:ident: |$it:ident| $id:expr),+ $(,)?) => {
            None::<String>$(.or_else(|| input.args_ref::<ports::$port>().map(|$it| $id)))+
        };
    }
    first_of! {
        FreezeRun: |run| run.run_id.to_string(),
        DecideOnRun: |run| run.run_id.to_string(),
        RunToFollow: |run| run.run_id.to_string(),
        NextPayouts: |run| run.run_id.to_string(),
        PayoutChanges: |run| run.run_id.to_string(),
        ActOnPayout: |asked| asked.payout_id.to_string(),
        BatchToSend: |sent| sent.batch.items[0].ref_payout_id.clone(),
        PayoutsQuestion: |asked| asked.ref_payout_ids[0].clone(),
    }
}

/// The saved card that an activity registers or deletes.
fn card_of(input: &ExecuteActivityInput) -> Option<String> {
    let card = input.args_ref::<ports::Registration>().map(|registration| &registration.saved_card_id);
    let card = card.or_else(|| input.args_ref::<ports::RegisteredCard>().map(|card| &card.saved_card_id));
    let card = card.or_else(|| input.args_ref::<ports::RevokedKey>().map(|key| &key.saved_card_id));
    let card = card.or_else(|| input.args_ref::<ports::DeletedCard>().map(|card| &card.saved_card_id));
    card.map(ToString::to_string)
}

/// The day of a run, the break of an act, or the entry that somebody takes back.
fn reconciliation_of(input: &ExecuteActivityInput) -> Option<String> {
    let run = input.args_ref::<Run>();
    let run = run.or_else(|| input.args_ref::<StepRequest>().map(|step| &step.run));
    let run = run.or_else(|| input.args_ref::<Conclusion>().map(|conclusion| &conclusion.run));
    let act = || input.args_ref::<BreakAct>().map(|act| act.break_id.to_string());
    let reversal = || input.args_ref::<ReversalAct>().map(|act| act.entry_key.clone());
    run.map(|run| run.day.clone()).or_else(act).or_else(reversal)
}

impl ActivityInboundInterceptor for Faults {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        match self.strike(&input) {
            None => next.run(input),
            Some(Fault::FailsBefore) => Box::pin(async { Err(broken()) }),
            Some(Fault::StallsBefore) => Box::pin(std::future::pending()),
            Some(fault @ (Fault::FailsAfter | Fault::StallsAfter | Fault::WorksTwice | Fault::WorkerDies)) => {
                let running = next.run(input);
                let deaths = Arc::clone(&self.deaths);
                Box::pin(async move {
                    let _lost = running.await;
                    if fault == Fault::WorkerDies {
                        deaths.notify_one();
                    }
                    if matches!(fault, Fault::StallsAfter | Fault::WorkerDies) {
                        std::future::pending::<()>().await;
                    }
                    Err(broken())
                })
            }
        }
    }
}

fn broken() -> ActivityError {
    std::io::Error::other("broken by the test").into()
}

/// What brings a checkout to a step.
#[derive(Debug, Clone, Copy)]
enum Story {
    /// The buyer pays.
    Paid,
    /// Toss charges and its answer is garbage: the workflow asks.
    AnswerLost,
    /// Toss charges a wrong amount: the workflow gives it back.
    WrongAmount,
    /// The buyer pays, and gets a part back.
    Refunded,
    /// Toss gives it back and its answer is garbage: the workflow asks.
    RefundLost,
    /// Toss does not give it back.
    RefundRefused,
    /// A deposit is booked, the bank takes it back, and the buyer pays once more.
    DepositTakenBack,
    /// A deposit is booked and watched.
    DepositWatched,
    /// The checkout is deleted while it is charged.
    GivenUp,
    /// Toss does not take our key: a person mends that and says so.
    Stuck,
    /// The workflow is ended by hand before the buyer pays, and started again from the record.
    Recovered,
}

impl Story {
    fn reaching(step: &str) -> Self {
        match step {
            "checkout.advance" | "psp.look_up" => Self::AnswerLost,
            "psp.cancel" => Self::WrongAmount,
            "refund.record" | "refund.promise" | "refund.execute" | "psp.refund" => Self::Refunded,
            "refund.advance" | "psp.look_up_refund" => Self::RefundLost,
            "refund.fail" => Self::RefundRefused,
            "ledger.take_back" => Self::DepositTakenBack,
            "ledger.see_deposit" => Self::DepositWatched,
            "checkout.withdraw" => Self::GivenUp,
            "dead_letter.open" | "dead_letter.close" => Self::Stuck,
            "checkout.recall" | "psp.find" => Self::Recovered,
            _ => Self::Paid,
        }
    }

    /// Answers where it came to rest.
    async fn tell(self, shop: &Shop, rescue: &Rescue, checkout_id: &str) -> &'static str {
        shop.create(checkout_id).await;
        if matches!(self, Self::Recovered) {
            rescue.lose_and_recover(shop, checkout_id).await;
        }
        if matches!(self, Self::DepositTakenBack) {
            return deposit_taken_back(shop, checkout_id).await;
        }
        if matches!(self, Self::DepositWatched) {
            return deposit_watched(shop, checkout_id).await;
        }
        let key = shop.authorize(checkout_id).await;
        if matches!(self, Self::GivenUp) {
            return given_up(shop, checkout_id, &key).await;
        }
        let mischief = match self {
            Self::Paid
            | Self::Refunded
            | Self::RefundLost
            | Self::RefundRefused
            | Self::DepositTakenBack
            | Self::DepositWatched
            | Self::GivenUp
            | Self::Recovered => None,
            Self::AnswerLost => Some("garbage_after"),
            Self::WrongAmount => Some("wrong_amount"),
            Self::Stuck => {
                shop.lock_out(checkout_id, 3).await;
                None
            }
        };
        if let Some(kind) = mischief {
            let mischief = json!({ "on": "confirm", "kind": kind, "orderId": checkout_id });
            shop.simulate("mischief", &mischief).await;
        }
        let (answer, body) = confirm(shop, checkout_id, &key).await;
        let expected: &[u16] = if matches!(self, Self::WrongAmount) { &[402, 202] } else { &[200, 202] };
        assert!(expected.contains(&answer), "{checkout_id} was answered {answer}: {body}");
        if matches!(self, Self::Stuck) {
            shop.letter_of(checkout_id).await;
        }
        let end = if matches!(self, Self::WrongAmount) { "FAILED" } else { "SUCCESS" };
        until(&format!("{checkout_id} is {end}"), || async {
            // A worker that died may have left Toss locked for one question more: the person comes back to it.
            let open = format!("/v1/dead-letters?status=OPEN&checkout_id={checkout_id}");
            for letter in shop.get(&open).await["data"].as_array().into_iter().flatten() {
                let id = letter["dead_letter_id"].as_str().unwrap();
                let (answer, body) = shop.act(id, "retry", &json!({ "reason": "mended" })).await;
                assert!([200, 409].contains(&answer), "{checkout_id}: {body}");
            }
            shop.status(checkout_id).await == end
        })
        .await;
        self.refund(shop, checkout_id).await.unwrap_or(end)
    }

    /// What goes back to the buyer in the end, in won.
    const fn refunded(self) -> u64 {
        match self {
            Self::Paid
            | Self::AnswerLost
            | Self::WrongAmount
            | Self::RefundRefused
            | Self::DepositTakenBack
            | Self::DepositWatched
            | Self::GivenUp
            | Self::Stuck
            | Self::Recovered => 0,
            Self::Refunded | Self::RefundLost => 5_000,
        }
    }

    /// Answers where the refund came to rest, if there was one.
    async fn refund(self, shop: &Shop, checkout_id: &str) -> Option<&'static str> {
        let (mischief, end) = match self {
            Self::Paid
            | Self::AnswerLost
            | Self::WrongAmount
            | Self::DepositTakenBack
            | Self::DepositWatched
            | Self::GivenUp
            | Self::Stuck
            | Self::Recovered => return None,
            Self::Refunded => (None, "SUCCEEDED"),
            Self::RefundLost => (Some(json!({ "kind": "garbage_after" })), "SUCCEEDED"),
            Self::RefundRefused => (Some(json!({ "kind": "error_before", "code": "EXCEED_MAX_REFUND_DUE" })), "FAILED"),
        };
        if let Some(mut mischief) = mischief {
            (mischief["on"], mischief["orderId"]) = ("cancel".into(), checkout_id.into());
            shop.simulate("mischief", &mischief).await;
        }
        // A refund that nobody has recorded yet is asked for again, as the API says.
        until(&format!("the refund of {checkout_id} is {end}"), || async {
            let body = json!({ "amount": "5000", "reason": "단순 변심" });
            let answer = shop.cancel(checkout_id, &format!("{checkout_id}-refund"), &body).await;
            assert!([200, 202, 409, 429, 503].contains(&answer.status), "{checkout_id}: {}", answer.body);
            let checkout = shop.get(&format!("/v1/payments/{checkout_id}")).await;
            checkout["refunds"][0]["status"] == end
        })
        .await;
        Some(end)
    }
}

/// Ends workflows and starts them again from the record.
struct Rescue {
    client: Client,
    reader: Reader,
}

impl Rescue {
    async fn lose_and_recover(&self, shop: &Shop, id: &str) {
        let workflow = shop.get(&format!("/v1/payments/{id}")).await["workflow"]["id"].as_str().unwrap().to_owned();
        let handle = self.client.get_workflow_handle::<CheckoutWorkflow>(workflow.as_str());
        handle.terminate(WorkflowTerminateOptions::default()).await.unwrap();
        let recoverer = Recoverer { client: &self.client, reader: &self.reader, histories: Histories::InTheClear };
        let lost = recoverer.find(service::now()).await.unwrap();
        let lost = lost.into_iter().find(|lost| lost.workflow_id == workflow).unwrap();
        assert_eq!(recoverer.restart(&lost, service::now()).await.unwrap(), Restarted::Now);
    }
}

/// Confirms, and again where nobody took it up in time, as the answer says to.
async fn confirm(shop: &Shop, id: &str, key: &str) -> (u16, Value) {
    insist(shop.confirmation(id, key, "23000")).await
}

/// Toss charges and does not answer; meanwhile the marketplace deletes the checkout.
async fn given_up(shop: &Shop, id: &str, key: &str) -> &'static str {
    let silent = json!({ "on": "confirm", "kind": "execute_and_stall", "orderId": id, "times": 0 });
    shop.simulate("mischief", &silent).await;
    let deleted = async {
        until(&format!("{id} is charged"), || async { shop.at_toss(id).await["charges"] == 1 }).await;
        until(&format!("nothing is held of {id}"), || async {
            let answer = shop.delete(id).await;
            assert!([200, 202, 409, 503].contains(&answer.status), "{id} was answered {}", answer.body);
            ["FAILED", "REFUNDED"].contains(&&*shop.status(id).await)
        })
        .await;
    };
    let (_, ()) = tokio::join!(confirm(shop, id, key), deleted);
    // Where a worker died, the word may have come when it was paid.
    if shop.status(id).await == "FAILED" { "FAILED" } else { "REFUNDED" }
}

async fn deposit_taken_back(shop: &Shop, id: &str) -> &'static str {
    let key = shop.authorize_by(id, "가상계좌").await;
    let (answer, body) = confirm(shop, id, &key).await;
    assert!([200, 202].contains(&answer), "{id} was answered {answer}: {body}");
    let order = json!({ "orderId": id });
    stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
    shop.simulate("deposit", &order).await;
    stands_at(shop, id, "SUCCESS").await;
    shop.simulate("deposit-error", &order).await;
    stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
    shop.simulate("deposit", &order).await;
    stands_at(shop, id, "SUCCESS").await;
    "SUCCESS"
}

/// The PSP is asked about the deposit by itself, and says that it holds it; then the next question has its time.
async fn deposit_watched(shop: &Shop, id: &str) -> &'static str {
    let key = shop.authorize_by(id, "가상계좌").await;
    let (answer, body) = confirm(shop, id, &key).await;
    assert!([200, 202].contains(&answer), "{id} was answered {answer}: {body}");
    stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
    shop.simulate("deposit", &json!({ "orderId": id })).await;
    stands_at(shop, id, "SUCCESS").await;
    let asked = shop.look_ups(id).await;
    until(&format!("{id} is watched"), || async {
        let is_waiting = shop.get(&format!("/v1/payments/{id}")).await["workflow"]["next_question_at"].is_string();
        is_waiting && shop.look_ups(id).await > asked
    })
    .await;
    "SUCCESS"
}

/// A rule that lets every story pass, so that a decision is written.
fn rules() -> Rules {
    let above = Money::try_from_minor(1_000_000, Currency::Krw).unwrap();
    Rules { amounts: vec![AmountLimit { above, verdict: RiskVerdict::Deny }], ..Rules::default() }
}

/// The real worker with the faults around its activities.
async fn worker(database_url: &str, temporal: &str, simulator: &str, faults: Faults) -> Worker {
    let url = DatabaseUrl::from_str(database_url).unwrap();
    let writer = Writer::new(Database::connect(&url).await.unwrap());
    let reader = Reader::new(Database::connect_read_only(&url).await.unwrap());
    let toss = toss::Config {
        security_key: Some(toss_sim::DEFAULT_SECURITY_KEY.into()),
        ..toss::Config::new(simulator.to_owned(), toss_sim::DEFAULT_SECRET_KEY)
    };
    let toss = toss::Client::try_new(toss).unwrap();
    let at_once = PayoutRules { timing: PayoutTiming::Express, ..PayoutRules::default() };
    let risk_writer = writer.clone();
    let options = WorkerOptions::new(workflows::TASK_QUEUE)
        .register_workflow::<CheckoutWorkflow>()
        .unwrap()
        .register_workflow::<RefundsWorkflow>()
        .unwrap()
        .register_workflow::<RefundWorkflow>()
        .unwrap()
        .register_workflow::<PayoutRunWorkflow>()
        .unwrap()
        .register_workflow::<ReconciliationWorkflow>()
        .unwrap()
        .register_workflow::<BreakActWorkflow>()
        .unwrap()
        .register_workflow::<ReversalActWorkflow>()
        .unwrap()
        .register_workflow::<SavedCardRegistrationWorkflow>()
        .unwrap()
        .register_workflow::<SavedCardDeletionWorkflow>()
        .unwrap()
        .register_activities(Reconciliations {
            writer: writer.clone(),
            reader: reader.clone(),
            toss: toss.clone(),
            rules: ReconciliationRules::default(),
        })
        .register_activities(activities::checkout::Checkouts { writer: writer.clone(), reader })
        .register_activities(activities::dead_letter::DeadLetters { writer: writer.clone() })
        .register_activities(activities::ledger::Ledger {
            writer: writer.clone(),
            release_rule: Default::default(),
            paid: Default::default(),
        })
        .register_activities(activities::payout::Payouts {
            writer: writer.clone(),
            toss: toss.clone(),
            rules: at_once,
            keyring: None,
        })
        .register_activities(activities::saved_card::SavedCards {
            writer: writer.clone(),
            toss: toss.clone(),
            keyring: faults.keyring.clone(),
        })
        .register_activities(activities::refund::Refunds { writer })
        .register_activities(activities::psp_refund::PspRefunds { toss: toss.clone() })
        .register_activities(activities::risk::Risk { writer: risk_writer, rules: rules(), hook: None, keyring: None })
        .register_activities(activities::psp::Psp { toss, keyring: None })
        .activity_inbound_interceptor(faults.clone())
        .build();
    let runtime = Runtime::from_current_tokio(Default::default()).unwrap();
    let place = temporal::Place::Dev { address: temporal.to_owned(), namespace: "default".to_owned() };
    let parts = temporal::ClientParts { keys: faults.keyring.filter(|_| faults.seals), ..Default::default() };
    Worker::new(&runtime, temporal::connect(&place, parts).await.unwrap(), options).unwrap()
}

/// Runs one worker after another, until the returned half is dropped. Each has a runtime of its own, so that when it
/// dies nothing of it goes on: no poll, no activity, no booking.
fn workers(roles: &Roles, faults: &Faults) -> tokio::sync::oneshot::Sender<()> {
    let (on, mut off) = tokio::sync::oneshot::channel::<()>();
    let (url, temporal, simulator) = (roles.database_url(), roles.temporal.clone(), roles.shop.simulator.clone());
    let faults = faults.clone();
    std::thread::spawn(move || while live((&url, &temporal, &simulator), &faults, &mut off) {});
    on
}

/// Runs one worker. Answers whether it died; otherwise it was told to stop.
fn live(
    (url, temporal, simulator): (&str, &str, &str),
    faults: &Faults,
    off: &mut tokio::sync::oneshot::Receiver<()>,
) -> bool {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let has_died = runtime.block_on(async {
        let mut worker = worker(url, temporal, simulator, faults.clone()).await;
        tokio::select! {
            ended = worker.run() => panic!("the worker ended: {ended:?}"),
            () = faults.deaths.notified() => true,
            _ = off => false,
        }
    });
    runtime.shutdown_background();
    has_died
}

/// A local activity is carried out before the task that decided it is in the history. When its worker dies with the
/// task, a cancellation that came meanwhile is seen before it.
async fn what_is_booked_is_not_given_back_for_a_cancellation_that_came_later(database: Kind) {
    let roles = Roles::start(database).await;
    let (faults, shop, id) = (Faults::default(), roles.shop.clone(), "booked-and-canceled");
    faults.plan(id, Place { step: "ledger.post", time: 0 }, Fault::WorkerDies);
    let (url, temporal, simulator) = (roles.database_url(), roles.temporal.clone(), roles.shop.simulator.clone());
    let first = faults.clone();
    let (_on, mut off) = tokio::sync::oneshot::channel::<()>();
    let dies = tokio::task::spawn_blocking(move || live((&url, &temporal, &simulator), &first, &mut off));
    shop.create(id).await;
    let key = shop.authorize(id).await;
    let confirming = tokio::spawn({
        let shop = shop.clone();
        async move { confirm(&shop, id, &key).await }
    });
    assert!(dies.await.unwrap(), "the worker died when it had booked");
    assert_eq!(shop.status(id).await, "SUCCESS");
    let workflow = shop.get(&format!("/v1/payments/{id}")).await["workflow"]["id"].as_str().unwrap().to_owned();
    let client = roles.temporal().await;
    let workflow = client.get_workflow_handle::<CheckoutWorkflow>(workflow);
    workflow.cancel(WorkflowCancelOptions::default()).await.unwrap();

    let _on = workers(&roles, &faults);
    let ended = tokio::time::timeout(Duration::from_secs(60), workflow.get_result(Default::default())).await;
    assert_eq!(ended.unwrap().unwrap(), Ended::At(Status::Success));
    assert_eq!(shop.status(id).await, "SUCCESS");
    assert_eq!((roles.shop.charged().await, roles.shop.receivable().await), ((23_000, 0), 23_000));
    assert_eq!(confirming.await.unwrap().0, 200);
    roles.verify_books();
}

/// What was written, and its worker died, is what the next worker goes on from.
async fn what_is_written_stands_when_a_cancellation_comes_later(database: Kind) {
    let roles = Roles::start(database).await;
    let (shop, client) = (roles.shop.clone(), roles.temporal().await);
    for (id, method, written, end) in [
        ("awaited-and-canceled", "가상계좌", "WAITING_FOR_DEPOSIT", "EXPIRED"),
        ("declined-and-canceled", "카드", "FAILED", "FAILED"),
    ] {
        let faults = Faults::default();
        // The first is the beginning of the attempt.
        faults.plan(id, Place { step: "checkout.advance", time: 1 }, Fault::WorkerDies);
        let (url, temporal, simulator) = (roles.database_url(), roles.temporal.clone(), shop.simulator.clone());
        let first = faults.clone();
        let (_on, mut off) = tokio::sync::oneshot::channel::<()>();
        let dies = tokio::task::spawn_blocking(move || live((&url, &temporal, &simulator), &first, &mut off));
        shop.create(id).await;
        let key = shop.authorize_by(id, method).await;
        if written == "FAILED" {
            let declined =
                json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT", "orderId": id });
            shop.simulate("mischief", &declined).await;
        }
        let confirming = tokio::spawn({
            let shop = shop.clone();
            async move { confirm(&shop, id, &key).await }
        });
        assert!(dies.await.unwrap(), "the worker died when it had written {written}");
        let checkout = shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(checkout["status"], written);
        let workflow = client.get_workflow_handle::<CheckoutWorkflow>(checkout["workflow"]["id"].as_str().unwrap());
        workflow.cancel(WorkflowCancelOptions::default()).await.unwrap();

        let _on = workers(&roles, &faults);
        let ended = tokio::time::timeout(Duration::from_secs(60), workflow.get_result(Default::default())).await;
        assert!(ended.unwrap().is_err(), "{id} ended as canceled");
        let checkout = shop.get(&format!("/v1/payments/{id}")).await;
        assert_eq!((&checkout["status"], &checkout["failure"]["code"]), (&json!(end), &json!("canceled")), "{id}");
        confirming.await.unwrap();
    }
    assert_eq!((shop.charged().await, shop.receivable().await), ((0, 0), 0));
    roles.verify_books();
}

async fn whatever_step_fails_the_money_is_where_it_should_be(database: Kind) {
    let roles = Roles::start(database).await;
    let faults = Faults::default();
    let _on = workers(&roles, &faults);
    let url = DatabaseUrl::from_str(&roles.database_url()).unwrap();
    let reader = Reader::new(Database::connect_read_only(&url).await.unwrap());
    let rescue = Arc::new(Rescue { client: roles.temporal().await, reader });
    let mut left: Vec<_> = Case::all().into_iter().flat_map(|case| FAULTS.map(|fault| (case, fault))).collect();
    let mut outcomes = Vec::new();
    // A worker that dies takes with it what others were at, and their stories may then go another way.
    for round in 0..ROUNDS {
        let mut told = Vec::new();
        for part in Part::ALL {
            let mut stories = tokio::task::JoinSet::new();
            let room = Arc::new(Semaphore::new(STORIES_AT_ONCE));
            for (case, fault) in left.extract_if(.., |(case, fault)| Part::of(case.story, *fault) == part) {
                let step = case.step.replace('.', "-");
                let id = format!("{step}-{}-{:?}-{fault:?}-{round}", case.time, case.story);
                faults.plan(&id, Place { step: case.step, time: case.time }, fault);
                let (shop, room, rescue) = (roles.shop.clone(), room.clone(), rescue.clone());
                stories.spawn(async move {
                    let _place = room.acquire().await.unwrap();
                    let began = Instant::now();
                    let end = case.story.tell(&shop, &rescue, &id).await;
                    (id, (case, fault), (end, began.elapsed()))
                });
            }
            told.extend(stories.join_all().await);
        }
        let spared = faults.spared();
        left.extend(told.iter().filter(|(id, ..)| spared.contains(id)).map(|(_, told, _)| *told));
        outcomes.extend(told.into_iter().map(|(_, case, outcome)| (case, outcome)));
        faults.forget();
    }

    assert!(left.is_empty(), "every fault happened, but for {left:?}");
    let reached: BTreeSet<_> = Case::all().iter().map(|case| case.step).collect();
    assert_eq!(reached, ports::ALL.iter().copied().collect());
    let is_undone = |case: &Case| matches!(case.story, Story::WrongAmount | Story::GivenUp);
    let paid = |case: &Case| if is_undone(case) { 0 } else { 23_000 - case.story.refunded() };
    let paid = outcomes.iter().map(|((case, _), _)| paid(case)).sum::<u64>();
    assert_eq!(roles.shop.charged().await, (paid, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, paid);
    // No process of this test gives positions until now.
    let writer = Writer::new(Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap());
    writer.sequencer(store::EventRetention(Duration::from_secs(24 * 60 * 60))).run(async {}).await;
    events::tells_every_history(&roles.shop).await;
    let title = format!("checkouts on {database:?}: where each checkout came to rest");
    print(&title, outcomes.into_iter().map(cell).collect());
}

/// What came of a step under a fault: the row, the fault, and the cell of the table.
type Cell = (String, Fault, String);

fn cell(((case, fault), (end, took)): ((Case, Fault), (&'static str, Duration))) -> Cell {
    let row = format!("{} {} ({:?})", case.step, if case.time == 0 { "first" } else { "second" }, case.story);
    (row, fault, format!("{end} {:.0} s", took.as_secs_f64()))
}

/// The matrix: what came of each step under each fault, and how long it took.
fn print(title: &str, outcomes: Vec<Cell>) {
    let mut rows: BTreeMap<String, BTreeMap<Fault, String>> = BTreeMap::new();
    for (row, fault, told) in outcomes {
        rows.entry(row).or_default().insert(fault, told);
    }
    let heads: Vec<_> = FAULTS.iter().map(|fault| format!("{:>13}", format!("{fault:?}"))).collect();
    println!("fault matrix of {title}\n{:<40}{}", "", heads.join(""));
    for (step, cells) in rows {
        let cells: Vec<_> = cells.values().map(|cell| format!("{cell:>13}")).collect();
        println!("{step:<40}{}", cells.join(""));
    }
}
