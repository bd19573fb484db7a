//! Every step of a payment goes wrong once, in every way; at the end the money is where it should be.
//!
//! The steps are counted from the ports table: one that no story here reaches makes the test fail.

use std::{
    collections::BTreeSet,
    str::FromStr,
    sync::{Arc, Mutex},
};

use serde_json::json;
use store::{Database, DatabaseUrl, Writer};
use temporalio_sdk::{
    Runtime, Worker, WorkerOptions,
    activities::ActivityError,
    interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next},
};
use workflows::{checkout::CheckoutWorkflow, ports};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(whatever_step_fails_the_money_is_where_it_should_be);

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
}

const FAULTS: [Fault; 5] =
    [Fault::FailsBefore, Fault::FailsAfter, Fault::StallsBefore, Fault::StallsAfter, Fault::WorksTwice];

impl Fault {
    /// How many tries of a step go wrong.
    const fn tries(self) -> u32 {
        match self {
            Self::FailsBefore | Self::FailsAfter | Self::StallsBefore | Self::StallsAfter => 1,
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

/// A step of one checkout that is to go wrong.
struct Plan {
    checkout_id: String,
    case: Case,
    fault: Fault,
    /// The activities of that step so far; each of their tries has the same id.
    activities: Vec<String>,
    tries_left: u32,
}

/// Makes a step go wrong, per checkout.
#[derive(Clone, Default)]
struct Faults {
    plans: Arc<Mutex<Vec<Plan>>>,
}

impl Faults {
    fn plan(&self, checkout_id: &str, case: Case, fault: Fault) {
        let plan = Plan {
            checkout_id: checkout_id.to_owned(),
            case,
            fault,
            activities: Vec::new(),
            tries_left: fault.tries(),
        };
        self.plans.lock().unwrap().push(plan);
    }

    fn strike(&self, input: &ExecuteActivityInput) -> Option<Fault> {
        let (checkout_id, info) = (checkout_of(input)?, input.activity_info());
        let mut plans = self.plans.lock().unwrap();
        let plan =
            plans.iter_mut().find(|plan| plan.checkout_id == checkout_id && plan.case.step == info.activity_type)?;
        if !plan.activities.contains(&info.activity_id) {
            plan.activities.push(info.activity_id.clone());
        }
        // A question is not repeated by Temporal but asked again, so a later activity is its second try.
        let time = plan.activities.iter().position(|id| *id == info.activity_id)?;
        let is_meant = time >= plan.case.time && plan.tries_left > 0;
        plan.tries_left -= u32::from(is_meant);
        is_meant.then_some(plan.fault)
    }

    /// What was to go wrong and did not. The second try of a charge may find its time up on a busy machine.
    fn spared(&self) -> Vec<String> {
        let plans = self.plans.lock().unwrap();
        plans.iter().filter(|plan| plan.tries_left == plan.fault.tries()).map(|plan| plan.checkout_id.clone()).collect()
    }
}

fn checkout_of(input: &ExecuteActivityInput) -> Option<String> {
    let record = input.args_ref::<ports::RecordCheckout>().map(|input| input.plan.checkout_id());
    let advance = || input.args_ref::<ports::Change>().map(|input| &input.checkout_id);
    let post = || input.args_ref::<ports::Posted>().map(|input| &input.change.checkout_id);
    let confirm = || input.args_ref::<ports::ConfirmCharge>().map(|input| &input.checkout_id);
    let look_up = || input.args_ref::<ports::LookUpCharge>().map(|input| &input.checkout_id);
    let cancel = || input.args_ref::<ports::CancelCharge>().map(|input| &input.checkout_id);
    let open = || input.args_ref::<ports::OpenLetter>().and_then(|input| input.checkout_id.as_ref());
    let close = || input.args_ref::<ports::CloseLetter>().and_then(|input| input.checkout_id.as_ref());
    let id = record
        .or_else(advance)
        .or_else(post)
        .or_else(confirm)
        .or_else(look_up)
        .or_else(cancel)
        .or_else(open)
        .or_else(close)?;
    Some(id.to_string())
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
            Some(fault @ (Fault::FailsAfter | Fault::StallsAfter | Fault::WorksTwice)) => {
                let running = next.run(input);
                Box::pin(async move {
                    let _lost = running.await;
                    if fault == Fault::StallsAfter {
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
    /// Toss does not take our key: a person mends that and says so.
    Stuck,
}

impl Story {
    fn reaching(step: &str) -> Self {
        match step {
            "psp.look_up" => Self::AnswerLost,
            "psp.cancel" => Self::WrongAmount,
            "dead_letter.open" | "dead_letter.close" => Self::Stuck,
            _ => Self::Paid,
        }
    }

    async fn tell(self, shop: &Shop, checkout_id: &str) {
        shop.create(checkout_id).await;
        let key = shop.authorize(checkout_id).await;
        let mischief = match self {
            Self::Paid => None,
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
        let (mut answer, mut body) = shop.confirm(checkout_id, &key, "23000").await;
        // On a busy machine nothing may be written in time; who is told to send it again does.
        while answer == 503 && body["code"] == "confirm_not_accepted" {
            (answer, body) = shop.confirm(checkout_id, &key, "23000").await;
        }
        let expected: &[u16] = if matches!(self, Self::WrongAmount) { &[402, 202] } else { &[200, 202] };
        assert!(expected.contains(&answer), "{checkout_id} was answered {answer}: {body}");
        if matches!(self, Self::Stuck) {
            let letter = shop.letter_of(checkout_id).await;
            let (answer, body) = shop.act(&letter, "retry", &json!({ "reason": "mended" })).await;
            assert_eq!(answer, 200, "{checkout_id}: {body}");
        }
        let end = if matches!(self, Self::WrongAmount) { "FAILED" } else { "SUCCESS" };
        until(&format!("{checkout_id} is {end}"), || async { shop.status(checkout_id).await == end }).await;
    }
}

/// The real worker with the faults around its activities.
async fn worker(roles: &Roles, faults: Faults) -> Worker {
    let writer = Writer::new(Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap());
    let toss = toss::Config::new(roles.shop.simulator.clone(), toss_sim::DEFAULT_SECRET_KEY);
    let options = WorkerOptions::new(workflows::TASK_QUEUE)
        .register_workflow::<CheckoutWorkflow>()
        .unwrap()
        .register_activities(activities::checkout::Checkouts { writer: writer.clone() })
        .register_activities(activities::dead_letter::DeadLetters { writer: writer.clone() })
        .register_activities(activities::ledger::Ledger { writer, release_rule: Default::default() })
        .register_activities(activities::psp::Psp { toss: toss::Client::try_new(toss).unwrap() })
        .activity_inbound_interceptor(faults)
        .build();
    let runtime = Runtime::from_current_tokio(Default::default()).unwrap();
    Worker::new(&runtime, roles.temporal().await, options).unwrap()
}

async fn whatever_step_fails_the_money_is_where_it_should_be(database: Kind) {
    let roles = Roles::start(database).await;
    let faults = Faults::default();
    let mut worker = worker(&roles, faults.clone()).await;
    let stories = async {
        let mut stories = tokio::task::JoinSet::new();
        for (case, fault) in Case::all().into_iter().flat_map(|case| FAULTS.map(|fault| (case, fault))) {
            let id = format!("{}-{}-{:?}-{fault:?}", case.step.replace('.', "-"), case.time, case.story);
            faults.plan(&id, case, fault);
            let shop = roles.shop.clone();
            stories.spawn(async move { case.story.tell(&shop, &id).await });
        }
        stories.join_all().await;
    };
    tokio::select! {
        () = stories => {}
        ended = worker.run() => panic!("the worker ended: {ended:?}"),
    }

    assert_eq!(faults.spared(), Vec::<String>::new(), "every fault happened");
    let reached: BTreeSet<_> = Case::all().iter().map(|case| case.step).collect();
    assert_eq!(reached, ports::ALL.iter().copied().collect());
    let paid = Case::all().iter().filter(|case| !matches!(case.story, Story::WrongAmount)).count() * FAULTS.len();
    let paid = 23_000 * paid as u64;
    assert_eq!(roles.shop.charged().await, (paid, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, paid);
}
