//! Every step of a payment goes wrong once, in every way; at the end the money is where it should be.
//!
//! The steps are counted from the ports table: one that no story here reaches makes the test fail.

use std::{
    collections::{BTreeSet, HashMap},
    str::FromStr,
    sync::{Arc, Mutex},
};

use serde_json::json;
use store::{Database, DatabaseUrl, Writer};
use temporalio_client::{Client, ClientOptions, ConnectionOptions, Url};
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
}

const FAULTS: [Fault; 4] = [Fault::FailsBefore, Fault::FailsAfter, Fault::StallsBefore, Fault::StallsAfter];

/// Makes the first try of a step go wrong, per checkout.
#[derive(Clone, Default)]
struct Faults {
    planned: Arc<Mutex<HashMap<(String, &'static str), Fault>>>,
    struck: Arc<Mutex<BTreeSet<(&'static str, Fault)>>>,
}

impl Faults {
    fn plan(&self, checkout_id: &str, step: &'static str, fault: Fault) {
        self.planned.lock().unwrap().insert((checkout_id.to_owned(), step), fault);
    }

    fn strike(&self, input: &ExecuteActivityInput) -> Option<Fault> {
        let (checkout_id, step) = (checkout_of(input)?, input.activity_info().activity_type.as_str());
        let ((_, step), fault) = self
            .planned
            .lock()
            .unwrap()
            .extract_if(|(planned, planned_step), _| *planned == checkout_id && *planned_step == step)
            .next()?;
        self.struck.lock().unwrap().insert((step, fault));
        Some(fault)
    }
}

fn checkout_of(input: &ExecuteActivityInput) -> Option<String> {
    let record = input.args_ref::<ports::RecordCheckout>().map(|input| input.plan.checkout_id());
    let advance = || input.args_ref::<ports::Change>().map(|input| &input.checkout_id);
    let post = || input.args_ref::<ports::Posted>().map(|input| &input.change.checkout_id);
    let confirm = || input.args_ref::<ports::ConfirmCharge>().map(|input| &input.checkout_id);
    let look_up = || input.args_ref::<ports::LookUpCharge>().map(|input| &input.checkout_id);
    let cancel = || input.args_ref::<ports::CancelCharge>().map(|input| &input.checkout_id);
    let id = record.or_else(advance).or_else(post).or_else(confirm).or_else(look_up).or_else(cancel)?;
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
            Some(fault @ (Fault::FailsAfter | Fault::StallsAfter)) => {
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
}

impl Story {
    fn reaching(step: &str) -> Self {
        match step {
            "psp.look_up" => Self::AnswerLost,
            "psp.cancel" => Self::WrongAmount,
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
        };
        if let Some(kind) = mischief {
            let mischief = json!({ "on": "confirm", "kind": kind, "orderId": checkout_id });
            shop.simulate("mischief", &mischief).await;
        }
        let (answer, body) = shop.confirm(checkout_id, &key, "23000").await;
        let expected: &[u16] = if matches!(self, Self::WrongAmount) { &[402, 202] } else { &[200, 202] };
        assert!(expected.contains(&answer), "{checkout_id} was answered {answer}: {body}");
        let end = if matches!(self, Self::WrongAmount) { "FAILED" } else { "SUCCESS" };
        until(&format!("{checkout_id} is {end}"), || async { shop.status(checkout_id).await == end }).await;
    }
}

/// The real worker with the faults around its activities.
async fn worker(roles: &Roles, faults: Faults) -> Worker {
    let target: Url = format!("http://{}", roles.temporal).parse().unwrap();
    let client = Client::connect(ConnectionOptions::new(target).build(), ClientOptions::new("default").build());
    let writer = Writer::new(Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap());
    let toss = toss::Config::new(roles.shop.simulator.clone(), toss_sim::DEFAULT_SECRET_KEY);
    let options = WorkerOptions::new(workflows::TASK_QUEUE)
        .register_workflow::<CheckoutWorkflow>()
        .unwrap()
        .register_activities(activities::checkout::Checkouts { writer: writer.clone() })
        .register_activities(activities::ledger::Ledger { writer, release_rule: Default::default() })
        .register_activities(activities::psp::Psp { toss: toss::Client::try_new(toss).unwrap() })
        .activity_inbound_interceptor(faults)
        .build();
    let runtime = Runtime::from_current_tokio(Default::default()).unwrap();
    Worker::new(&runtime, client.await.unwrap(), options).unwrap()
}

async fn whatever_step_fails_the_money_is_where_it_should_be(database: Kind) {
    let roles = Roles::start(database).await;
    let faults = Faults::default();
    let mut worker = worker(&roles, faults.clone()).await;
    let stories = async {
        let mut stories = tokio::task::JoinSet::new();
        for step in ports::ALL {
            for fault in FAULTS {
                let id = format!("{}-{fault:?}", step.replace('.', "-"));
                faults.plan(&id, step, fault);
                let shop = roles.shop.clone();
                stories.spawn(async move { Story::reaching(step).tell(&shop, &id).await });
            }
        }
        stories.join_all().await;
    };
    tokio::select! {
        () = stories => {}
        ended = worker.run() => panic!("the worker ended: {ended:?}"),
    }

    let every: BTreeSet<_> = ports::ALL.iter().flat_map(|step| FAULTS.map(|fault| (*step, fault))).collect();
    assert_eq!(*faults.struck.lock().unwrap(), every, "every fault happened");
    let paid = 23_000 * ports::ALL.iter().filter(|step| **step != "psp.cancel").count() as u64 * FAULTS.len() as u64;
    assert_eq!(roles.shop.charged().await, (paid, 0), "what Toss holds, and what it charged twice");
    assert_eq!(roles.shop.receivable().await, paid);
}
