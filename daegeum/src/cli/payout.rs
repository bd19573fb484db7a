//! Payouts on the command line: each command is a request to a running API, by an API key, which is the principal.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    cli::{
        api_request::{ApiOptions, ApiRequest, with_query},
        output::{counted, print_json},
    },
    private,
    settings::Settings,
};

/// What to do with payouts. All of it goes through the API, with a key of scope `finance`, or `read` to look.
#[derive(Debug, Subcommand)]
pub(crate) enum PayoutsAction {
    /// Show what a run would pay, and write nothing
    #[command(after_help = example!("daegeum payouts plan --date 2026-12-01"))]
    Plan {
        #[command(flatten)]
        wanted: RunOptions,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Freeze a run: reserve what each seller is paid, and make the statements
    #[command(after_help = example!("daegeum payouts freeze --seller seller-a"))]
    Freeze {
        #[command(flatten)]
        wanted: RunOptions,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Approve a run that another principal froze; approval sends the payouts
    #[command(after_help = example!("daegeum payouts approve RUN --digest DIGEST"))]
    Approve {
        /// The run
        id: String,
        /// The digest that `payouts show` prints
        #[arg(long)]
        digest: String,
        /// The reason, which is stored with the run
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Reject a run that another principal froze
    #[command(after_help = example!("daegeum payouts reject RUN --reason 'one seller is disputed'"))]
    Reject(Reasoned),
    /// Cancel a run that nobody has approved, or a payout while the PSP still allows it
    #[command(after_help = example!("daegeum payouts cancel PAYOUT --reason 'wrong account'"))]
    Cancel(Reasoned),
    /// Begin a new attempt of a payout that failed
    #[command(after_help = example!("daegeum payouts retry PAYOUT --reason 'the bank was closed'"))]
    Retry(Reasoned),
    /// Say that the bank sent a paid payout back; a second principal has to say the same, and the money is held
    #[command(after_help = example!("daegeum payouts returned PAYOUT --reason 'the account is closed'"))]
    Returned(Reasoned),
    /// Write the bank file of an approved run; its payouts are in progress from then on
    #[command(after_help = example!("daegeum payouts file RUN --digest DIGEST --reason 'the transfers of 1 December'"))]
    File {
        /// The run
        id: String,
        /// The digest that was approved, which `payouts show` prints
        #[arg(long)]
        digest: String,
        /// The reason, which is stored and written into the audit log
        #[arg(long)]
        reason: String,
        /// The number of the file [default: 1]
        #[arg(long)]
        number: Option<u64>,
        /// Where the file is written; it has account numbers [default: RUN-NUMBER.csv]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Say that our bank paid a transfer; a second principal has to say the same
    #[command(after_help = example!("daegeum payouts paid PAYOUT --attempt 1 --reason 'the list of the bank'"))]
    Paid(Answered),
    /// Say that our bank did not pay a transfer; a second principal has to say the same
    #[command(after_help = example!("daegeum payouts failed PAYOUT --attempt 1 --reason 'the bank: no such account'"))]
    Failed(Answered),
    /// Freeze a sweep: our own money at Toss, to be paid to our own bank; a run of one payout
    #[command(after_help = example!("daegeum payouts sweep --amount 1000000"))]
    Sweep {
        /// How much, in won [default: all that is free]
        #[arg(long, value_name = "WON")]
        amount: Option<String>,
        /// Show what is free, and write nothing
        #[arg(long, conflicts_with = "amount")]
        preview: bool,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Say that a paid sweep is in our bank account; a second principal has to say the same
    #[command(after_help = example!("daegeum payouts received PAYOUT --reason 'the statement of 1 December'"))]
    Received(Reasoned),
    /// Explain how a run is sent: its approval sends it
    #[command(after_help = example!("daegeum payouts send RUN"))]
    Send {
        /// The run
        id: String,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// List runs, or payouts
    #[command(after_help = example!("daegeum payouts list --status FAILED"))]
    List {
        /// Payouts of this status instead of runs, such as FAILED
        #[arg(long)]
        status: Option<String>,
        /// Payouts of this seller instead of runs
        #[arg(long)]
        seller: Option<String>,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Show a run with its payouts, or a payout
    #[command(after_help = example!("daegeum payouts show RUN"))]
    Show {
        /// The run, or the payout
        id: String,
        #[command(flatten)]
        api: ApiOptions,
    },
    /// Print the statement of a payout
    #[command(after_help = example!("daegeum payouts statement PAYOUT --format csv"))]
    Statement {
        /// The payout
        id: String,
        /// The form
        #[arg(long, value_enum, default_value_t = StatementFormat::Csv)]
        format: StatementFormat,
        #[command(flatten)]
        api: ApiOptions,
    },
}

/// A run, by its day and sellers.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// The day of the run in Korea [default: today]
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// A seller, whatever the seller's calendar says; may be given several times [default: those that are due]
    #[arg(long)]
    seller: Vec<String>,
}

/// A run or a payout, and why somebody acts on it.
#[derive(Debug, Args)]
pub(crate) struct Reasoned {
    /// The run, or the payout
    id: String,
    /// The reason, which is stored
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    api: ApiOptions,
}

/// What the bank made of a transfer, and why somebody says so.
#[derive(Debug, Args)]
pub(crate) struct Answered {
    #[command(flatten)]
    reasoned: Reasoned,
    /// The attempt whose transfer is meant, which `payouts show` prints
    #[arg(long)]
    attempt: u32,
}

/// The form of a statement.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StatementFormat {
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// A page to print.
    Html,
}

impl StatementFormat {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Html => "text/html",
        }
    }
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: PayoutsAction) -> anyhow::Result<()> {
    match action {
        PayoutsAction::Plan { wanted, api } => {
            show(&api, &post(settings, &api, "/v1/payout-runs?preview=true".to_owned(), wanted.body()).await?)
        }
        PayoutsAction::Freeze { wanted, api } => {
            show(&api, &post(settings, &api, "/v1/payout-runs".to_owned(), wanted.body()).await?)
        }
        PayoutsAction::Approve { id, digest, reason, api } => {
            let mut body = Map::from_iter([("digest".to_owned(), json!(digest))]);
            body.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
            show(&api, &post(settings, &api, format!("/v1/payout-runs/{id}/approve"), body.into()).await?)
        }
        PayoutsAction::Reject(asked) => asked.post(settings, "payout-runs", "reject").await,
        PayoutsAction::Cancel(asked) => asked.post(settings, kind(&asked.id), "cancel").await,
        PayoutsAction::Retry(asked) => asked.post(settings, "payouts", "retry").await,
        PayoutsAction::Returned(asked) => asked.post(settings, "payouts", "returned").await,
        PayoutsAction::Received(asked) => asked.post(settings, "payouts", "received").await,
        PayoutsAction::Paid(asked) => asked.post(settings, "paid").await,
        PayoutsAction::Failed(asked) => asked.post(settings, "failed").await,
        PayoutsAction::File { id, digest, reason, number, output, api } => {
            let number = number.unwrap_or(1);
            let wanted = json!({ "digest": digest, "reason": reason, "number": number });
            let output = output.unwrap_or_else(|| PathBuf::from(format!("{id}-{number}.csv")));
            write_file(settings, &api, &id, wanted, &output).await
        }
        PayoutsAction::Sweep { preview: true, api, .. } => {
            let found = api.get(settings, "/v1/sweeps/free".to_owned()).await?;
            if api.output.json {
                return print_json(&found);
            }
            print_funds(&found);
            Ok(())
        }
        PayoutsAction::Sweep { amount, preview: false, api } => {
            let body: Map<String, Value> =
                amount.map(|amount| ("amount".to_owned(), json!(amount))).into_iter().collect();
            let key = uuid::Uuid::new_v4().to_string();
            let request = ApiRequest::new(Method::POST, "/v1/sweeps".to_owned()).with_body(body.into());
            show(&api, &api.json(settings, request.under_key(&key)).await?)
        }
        PayoutsAction::Send { id, api } => {
            let run = api.get(settings, format!("/v1/payout-runs/{id}")).await?;
            if run["status"] == "FROZEN" {
                eprintln!("A run is sent by its approval: `daegeum payouts approve {id} --digest …` by another key.");
            }
            show(&api, &run)
        }
        PayoutsAction::List { status, seller, api } => {
            let filters = [("status", status), ("seller_account", seller)];
            let is_filtered = filters.iter().any(|(_, value)| value.is_some());
            let path = if is_filtered { "/v1/payouts" } else { "/v1/payout-runs" };
            list(&api, &api.get(settings, with_query(path, &filters)).await?)
        }
        PayoutsAction::Show { id, api } => {
            let found = api.get(settings, format!("/v1/{}/{id}", kind(&id))).await?;
            show(&api, &found)
        }
        PayoutsAction::Statement { id, format, api } => {
            let request = ApiRequest::new(Method::GET, format!("/v1/payouts/{id}/statement"));
            let answer = api.send(settings, request.accepting(format.media_type())).await?;
            print!("{}", answer.text().await?);
            Ok(())
        }
    }
}

/// Whether an id is of a payout or of a run.
fn kind(id: &str) -> &'static str {
    if id.starts_with("po_") { "payouts" } else { "payout-runs" }
}

impl RunOptions {
    fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(date) = &self.date {
            body.insert("date".to_owned(), json!(date));
        }
        if !self.seller.is_empty() {
            body.insert("seller_accounts".to_owned(), json!(self.seller));
        }
        body.into()
    }
}

impl Reasoned {
    async fn post(&self, settings: &Settings, of: &str, act: &str) -> anyhow::Result<()> {
        let path = format!("/v1/{of}/{}/{act}", self.id);
        show(&self.api, &post(settings, &self.api, path, json!({ "reason": self.reason })).await?)
    }
}

impl Answered {
    async fn post(&self, settings: &Settings, act: &str) -> anyhow::Result<()> {
        let Reasoned { id, reason, api } = &self.reasoned;
        let body = json!({ "reason": reason, "attempt": self.attempt });
        show(api, &post(settings, api, format!("/v1/payouts/{id}/{act}"), body).await?)
    }
}

/// Writes the bytes of a bank file. Nobody else on this machine may read them.
async fn write_file(
    settings: &Settings,
    api: &ApiOptions,
    id: &str,
    wanted: Value,
    output: &Path,
) -> anyhow::Result<()> {
    let request = ApiRequest::new(Method::POST, format!("/v1/payout-runs/{id}/bank-file")).with_body(wanted);
    let answer = api.send(settings, request.accepting("text/csv")).await?;
    let sha256 = answer.headers().get("etag").and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    let sha256 = sha256.trim_matches('"').to_owned();
    let content = answer.bytes().await?;
    private::write_bytes(output, &content).with_context(|| format!("could not write {}", output.display()))?;
    if api.output.json {
        return print_json(&json!({ "file": output.display().to_string(), "sha256": sha256 }));
    }
    println!("{} with SHA-256 {sha256}", output.display());
    Ok(())
}

async fn post(settings: &Settings, api: &ApiOptions, path: String, body: Value) -> anyhow::Result<Value> {
    api.json(settings, ApiRequest::new(Method::POST, path).with_body(body)).await
}

fn list(api: &ApiOptions, page: &Value) -> anyhow::Result<()> {
    if api.output.json {
        return print_json(&page["data"]);
    }
    for item in page["data"].as_array().into_iter().flatten() {
        println!("{}", line(item));
    }
    Ok(())
}

fn show(api: &ApiOptions, found: &Value) -> anyhow::Result<()> {
    if api.output.json {
        return print_json(found);
    }
    if found["preview"].is_boolean() {
        let is_nothing = found["payouts"].as_array().is_none_or(Vec::is_empty);
        println!("{}", if is_nothing { "nothing is due; no run is made" } else { "a run would be:" });
    }
    println!("{}", line(found));
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or("-").to_owned();
    if found["digest"].is_string() {
        println!("  digest {}", text(found, "digest"));
        println!("  frozen by {}, decided by {}", text(found, "frozen_by"), text(found, "decided_by"));
        if let Some(missing @ 1..) = found["approvals_missing"].as_u64() {
            println!("  approvals missing: {missing}, each by another principal");
        }
        print_files(found);
    }
    for payout in found["payouts"].as_array().into_iter().flatten() {
        println!("  {}", line(payout));
    }
    for carried in found["carried_over"].as_array().into_iter().flatten() {
        let (seller, amount) = (text(carried, "seller_account"), text(carried, "amount"));
        let (currency, reason) = (text(carried, "currency"), text(carried, "reason"));
        println!("  {seller} {amount} {currency} carried over: {reason}");
    }
    for idle in found["not_due"].as_array().into_iter().flatten() {
        let (seller, amount) = (text(idle, "seller_account"), text(idle, "amount"));
        println!("  {seller} {amount} {}; next payout: {}", text(idle, "reason"), text(idle, "next_payout"));
    }
    Ok(())
}

/// The bank files of a run, and whether payouts wait for another one.
fn print_files(run: &Value) {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or("-").to_owned();
    for file in run["bank_files"].as_array().into_iter().flatten() {
        let number = &file["number"];
        let transfers = counted(file["transfers"].as_u64().unwrap_or_default(), "transfer");
        let (total, sha256, by) = (text(file, "total"), text(file, "sha256"), text(file, "taken_by"));
        println!("  file {number}: {transfers}, {total} won, SHA-256 {sha256}, first taken by {by}");
    }
    let mut payouts = run["payouts"].as_array().into_iter().flatten();
    if run["paid_by"] == "bank_file" && payouts.any(|payout| payout["status"] == "APPROVED") {
        let next = run["bank_files"].as_array().map_or(1, |files| files.len() + 1);
        let (run_id, digest) = (text(run, "payout_run_id"), text(run, "digest"));
        println!("  payouts wait for file {next}:");
        println!("  daegeum payouts file {run_id} --digest {digest} --number {next} --reason …");
    }
}

/// What may be swept, sum by sum.
fn print_funds(found: &Value) {
    let sums = found["sums"].as_object().into_iter().flatten();
    for (name, amount) in sums {
        println!("  {name} {}", amount.as_str().unwrap_or("-"));
    }
    println!("free {} {}", found["free"].as_str().unwrap_or("-"), found["currency"].as_str().unwrap_or("-"));
    if let Some(refusal) = found["refusal"].as_str() {
        println!("nothing is swept: {refusal}");
    }
}

/// A word on what the bank made of a payout that nobody confirmed yet.
fn noted(answer: &Value) -> Option<String> {
    let (word, by) = (answer["answer"].as_str()?, answer["answered_by"].as_str()?);
    answer["confirmed_by"].is_null().then(|| format!("{by} says {word}; another principal has to say the same"))
}

/// A run or a payout in one line.
fn line(item: &Value) -> String {
    let parts = ["payout_id", "payout_run_id", "seller_account", "period", "date", "status", "total", "amount"];
    let is_payout = item["payout_id"].is_string();
    let shown = parts.into_iter().filter(|name| !(is_payout && *name == "payout_run_id"));
    let mut texts: Vec<String> = shown.filter_map(|name| item[name].as_str()).map(str::to_owned).collect();
    if item["kind"] == "sweep" {
        texts.push("sweep".to_owned());
    }
    if !is_payout && item["paid_by"] == "bank_file" {
        texts.push("by bank file".to_owned());
    }
    texts.extend(item["pays_on"].as_str().map(|day| format!("pays on {day}")));
    texts.extend(item["attempt"].as_u64().filter(|_| item["paid_by"] == "bank_file").map(|it| format!("attempt {it}")));
    texts.extend(item["received_at"].as_str().map(|at| format!("received at {at}")));
    texts.extend(noted(&item["bank_answer"]));
    let failure = item["failure"]["code"].as_str().map_or_else(String::new, |code| format!("  ({code})"));
    format!("{}{failure}", texts.join("  "))
}
