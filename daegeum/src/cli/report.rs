//! `daegeum reports`: the reports of finance, through the API.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::Value;

use crate::{
    cli::{
        api_request::{ApiOptions, ApiRequest, with_query},
        output::print_json,
    },
    settings::Settings,
};

/// The columns of the settlement calendar as CSV, which the API answers as JSON alone.
const SETTLEMENT_COLUMNS: [&str; 11] =
    ["date", "currency", "rows", "gross", "fee", "vat", "exchanged", "net", "expected", "booked", "received"];

/// A report. All of them go through the API, with a key of scope `read`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportsAction {
    /// Show what Toss settles, day by day
    #[command(after_help = example!("daegeum reports settlements --from 2026-11-01 --to 2026-11-30 --by paid_out"))]
    Settlements {
        /// The first day [default: seven days before --to]
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The last day [default: today]
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
        /// The day that counts
        #[arg(long, value_enum, default_value_t = Calendar::Sold)]
        by: Calendar,
        #[command(flatten)]
        form: Form,
    },
    /// Show Toss's fees of a month against the contract
    #[command(after_help = example!("daegeum reports psp-fees --month 2026-11"))]
    PspFees {
        /// The month of the sales [default: this month]
        #[arg(long, value_name = "MONTH")]
        month: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Show what Toss exchanged into won, and the gain or the loss of it, at the end of a day
    #[command(after_help = example!("daegeum reports fx-trading --date 2026-11-21"))]
    FxTrading(OfDay),
    /// Show what the books owe each seller at the end of a day
    #[command(after_help = example!("daegeum reports owed-to-sellers --date 2026-11-21"))]
    OwedToSellers(OfDay),
    /// Show refunds with the day on which each is due, and the interest of those that are late
    #[command(after_help = example!("daegeum reports refund-deadlines --format json"))]
    RefundDeadlines(OfDay),
    /// Show sales like cash of the last days, which may need a cash receipt
    #[command(after_help = example!("daegeum reports cash-receipts"))]
    CashReceipts(OfDay),
    /// Show the sales of a quarter by seller
    #[command(after_help = example!("daegeum reports seller-sales --quarter 2026-Q4"))]
    SellerSales {
        /// The quarter [default: this quarter]
        #[arg(long, value_name = "QUARTER")]
        quarter: Option<String>,
        #[command(flatten)]
        form: Form,
    },
}

/// A report of one day.
#[derive(Debug, Args)]
pub(crate) struct OfDay {
    /// The day in Korea [default: today]
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// How a report is printed, and the API.
#[derive(Debug, Args)]
pub(crate) struct Form {
    /// The form; --json is the same as json
    #[arg(long, value_enum, default_value_t = ReportFormat::Csv)]
    format: ReportFormat,
    #[command(flatten)]
    api: ApiOptions,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Which day of a settlement row counts.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Calendar {
    /// The day of the sale.
    Sold,
    /// The day on which Toss pays.
    PaidOut,
}

impl Calendar {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sold => "sold",
            Self::PaidOut => "paid_out",
        }
    }
}

/// Prints a report.
pub(crate) async fn run(settings: &Settings, action: ReportsAction) -> anyhow::Result<()> {
    match action {
        ReportsAction::Settlements { from, to, by, form } => {
            let parameters = [("from", from), ("to", to), ("by", Some(by.as_str().to_owned()))];
            let report = form.api.get(settings, with_query("/v1/settlements", &parameters)).await?;
            if form.is_json() {
                return print_json(&report);
            }
            println!("{}", SETTLEMENT_COLUMNS.join(","));
            for day in report["data"].as_array().into_iter().flatten() {
                println!("{}", SETTLEMENT_COLUMNS.map(|column| cell(&day[column])).join(","));
            }
            Ok(())
        }
        ReportsAction::PspFees { month, form } => print(settings, &form, "psp-fees", ("month", month)).await,
        ReportsAction::FxTrading(OfDay { date, form }) => print(settings, &form, "fx-trading", ("date", date)).await,
        ReportsAction::OwedToSellers(OfDay { date, form }) => {
            print(settings, &form, "owed-to-sellers", ("date", date)).await
        }
        ReportsAction::RefundDeadlines(OfDay { date, form }) => {
            print(settings, &form, "refund-deadlines", ("date", date)).await
        }
        ReportsAction::CashReceipts(OfDay { date, form }) => {
            print(settings, &form, "cash-receipts", ("date", date)).await
        }
        ReportsAction::SellerSales { quarter, form } => {
            print(settings, &form, "seller-sales", ("quarter", quarter)).await
        }
    }
}

impl Form {
    fn is_json(&self) -> bool {
        self.format == ReportFormat::Json || self.api.output.json
    }
}

async fn print(
    settings: &Settings,
    form: &Form,
    report: &str,
    parameter: (&str, Option<String>),
) -> anyhow::Result<()> {
    let format = if form.is_json() { "json" } else { "csv" };
    let path = with_query(&format!("/v1/reports/{report}"), &[parameter, ("format", Some(format.to_owned()))]);
    if form.is_json() {
        return print_json(&form.api.get(settings, path).await?);
    }
    let answer = form.api.send(settings, ApiRequest::new(Method::GET, path).accepting("text/csv")).await?;
    print!("{}", answer.text().await?);
    Ok(())
}

/// A cell: no figure of the calendar holds a comma or a quote.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
