//! The auditor's commands: check the books, sign them, prove an entry, export, close, reverse.

mod entries;
mod export;
mod proof;
mod reversal;
mod signing;
mod verify;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use domain::calendar::Day;
use store::{PublicKey, Reader};

use crate::{
    cli::{
        audit_log,
        ledger::{
            export::ExportFormat,
            reversal::{Step, Word},
            signing::SigningKeyFile,
        },
        output::Output,
        principal::PrincipalOptions,
    },
    compose,
    settings::Settings,
    values::now,
};
pub(crate) use verify::agrees;

/// What to do with the books. All of it works beside a running system.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerAction {
    /// Recompute every balance from the postings and list disagreements; exit 1 if there is one
    ///
    /// The command compares the hash chain and its end, signed checkpoints, debits and credits, the balances of
    /// accounts, wallets and holds, and checkouts and payment orders with the booked payments. It reads one snapshot in
    /// pages; memory grows with the number of accounts and wallets, not of entries. It names the first 100
    /// disagreements and counts all.
    #[command(after_help = example!("daegeum ledger verify --json"))]
    Verify {
        #[command(flatten)]
        output: Output,
        /// Accept only checkpoints signed by this key, which you kept elsewhere; may be given several times
        /// [default: the key that is stored with the checkpoint]
        #[arg(long, value_name = "HEX")]
        public_key: Vec<PublicKey>,
    },
    /// Recompute the hash chain and sign its end
    ///
    /// Keep the output, or the public key, in a place that writers of the database cannot change. Only a signed
    /// checkpoint shows that the end of the books was cut off or that all entries were rewritten.
    #[command(after_help = example!("daegeum ledger checkpoint"))]
    Checkpoint {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        key: SigningKeyFile,
    },
    /// Print the public key that checks checkpoints and proofs
    #[command(after_help = example!("daegeum ledger public-key"))]
    PublicKey {
        #[command(flatten)]
        key: SigningKeyFile,
    },
    /// Print a proof, as JSON, that a signed checkpoint covers an entry
    #[command(after_help = example!("daegeum ledger prove payment_captured:checkout-1 > proof.json"))]
    Prove {
        /// The key of the entry, such as payment_captured:CHECKOUT
        entry_key: String,
        /// The number of the checkpoint's last entry [default: the newest checkpoint]
        #[arg(long, value_name = "SEQUENCE")]
        checkpoint: Option<u64>,
    },
    /// Check a proof without database and settings; exit 1 with the reason if the proof is wrong
    #[command(after_help = example!("daegeum ledger check-proof proof.json --public-key HEX"))]
    CheckProof {
        /// The output of `prove`; - is standard input
        file: PathBuf,
        /// The public key, as `public-key` printed it
        #[arg(long, value_name = "HEX")]
        public_key: PublicKey,
    },
    /// Write the books to standard output for another program
    ///
    /// hledger and Beancount accounts are named like Liabilities:Seller-NAME:Pending. The characters _ . Z of a
    /// seller's name become Zu Zd Zz. Dates are days in Korea. In CSV, a cell that a spreadsheet would read as a
    /// formula begins with an apostrophe.
    #[command(after_help = example!("daegeum ledger export --format hledger --from 2026-12-01 > books.journal"))]
    Export {
        /// The program that reads the output
        #[arg(long)]
        format: ExportFormat,
        /// The first day in Korea; earlier entries and balances are left out [default: the first entry]
        #[arg(long, value_name = "DATE")]
        from: Option<Day>,
        /// The last day in Korea [default: the last entry]
        #[arg(long, value_name = "DATE")]
        to: Option<Day>,
    },
    /// Close all days before a day, for good: nothing is booked with an earlier date any more
    #[command(after_help = example!("daegeum ledger close --before 2026-12-01"))]
    Close {
        /// The first day that stays open, in Korea; at the latest today
        #[arg(long, value_name = "DATE")]
        before: Day,
    },
    /// Preview the reversal of an entry; with its digest and a reason, ask for it
    ///
    /// A second principal approves what was asked for (`ledger approve`). People at the command line count as one
    /// principal, so one of the two is an API key. The entry of a payment is taken back only when the workflow of its
    /// checkout has ended; the status goes on to say paid, and `ledger verify` names the order until the reversal is
    /// undone (`ledger undo`).
    #[command(after_help = example!(
        "daegeum ledger reverse psp_settled:2026-11-21",
        "daegeum ledger reverse psp_settled:2026-11-21 --digest DIGEST --reason 'the row of another shop'"
    ))]
    Reverse {
        /// The key of the entry, such as psp_settled:2026-11-21
        entry_key: String,
        /// Ask for the reversal whose preview printed this digest [default: show the preview]
        #[arg(long, requires = "reason")]
        digest: Option<String>,
        /// The reason, which is stored with the reversal
        #[arg(long, requires = "digest")]
        reason: Option<String>,
        #[command(flatten)]
        principal: PrincipalOptions,
        #[command(flatten)]
        output: Output,
    },
    /// Book a reversal that another principal asked for
    #[command(after_help = example!(
        "daegeum ledger approve psp_settled:2026-11-21 --digest DIGEST --reason 'seen' --api-key-file finance.key"
    ))]
    Approve {
        /// The digest of the preview, which must still be the same
        #[arg(long)]
        digest: String,
        #[command(flatten)]
        word: Word,
    },
    /// Drop a reversal that waits for a second principal
    #[command(after_help = example!("daegeum ledger reject psp_settled:2026-11-21 --reason 'the row is ours'"))]
    Reject(Word),
    /// Undo a reversal: book the entry again, under a key of its own
    #[command(after_help = example!("daegeum ledger undo psp_settled:2026-11-21 --reason 'the row was ours'"))]
    Undo(Word),
    /// List reversals that were asked for, with who approved and who undid each
    #[command(after_help = example!("daegeum ledger reversals --json"))]
    Reversals {
        #[command(flatten)]
        output: Output,
    },
}

/// Carries out one action. The code says whether the books agree.
pub(crate) async fn run(settings: &Settings, action: LedgerAction) -> anyhow::Result<ExitCode> {
    match action {
        LedgerAction::Verify { output, public_key } => {
            return verify::run(&read(settings).await?, &public_key, output).await;
        }
        LedgerAction::Checkpoint { output, key } => return signing::checkpoint(settings, &key, output).await,
        LedgerAction::PublicKey { key } => signing::print_public_key(settings, &key)?,
        LedgerAction::Prove { entry_key, checkpoint } => {
            proof::prove(&read(settings).await?, &entry_key, checkpoint).await?;
        }
        LedgerAction::CheckProof { file, public_key } => return check_proof(&file, &public_key),
        LedgerAction::Export { format, from, to } => {
            export::run(&read(settings).await?, format, export::Days { from, to }).await?;
        }
        LedgerAction::Close { before } => close(settings, before).await?,
        LedgerAction::Reverse { entry_key, digest: None, output, .. } => {
            return reversal::preview(settings, &entry_key, output).await;
        }
        LedgerAction::Reverse { entry_key, digest: Some(digest), reason, principal, output } => {
            let reason = reason.unwrap_or_default();
            reversal::act(settings, Step::Propose { digest }, Word { entry_key, reason, principal, output }).await?;
        }
        LedgerAction::Approve { digest, word } => reversal::act(settings, Step::Approve { digest }, word).await?,
        LedgerAction::Reject(word) => reversal::act(settings, Step::Reject, word).await?,
        LedgerAction::Undo(word) => reversal::act(settings, Step::Undo, word).await?,
        LedgerAction::Reversals { output } => reversal::list(settings, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks a proof in a file. It needs nothing else.
pub(crate) fn check_proof(file: &Path, public_key: &PublicKey) -> anyhow::Result<ExitCode> {
    proof::check(file, public_key).map(|()| ExitCode::SUCCESS)
}

async fn read(settings: &Settings) -> anyhow::Result<Reader> {
    let reader = compose::open_to_read(&settings.database()?).await?;
    reader.books_state().await.context("could not read the books; is the schema there? run `daegeum migrate up`")?;
    Ok(reader)
}

async fn close(settings: &Settings, before: Day) -> anyhow::Result<()> {
    let today = Day::of(now());
    ensure!(before <= today, "{before} has not begun; the last day that can be closed is the one before {today}");
    let (writer, reader) = compose::open(&settings.database()?).await?;
    writer.close_books_before(before.start()).await?;
    audit_log::record(&writer.journal(), "ledger close", &before.to_string(), "ok").await?;
    let open_from = reader.books_state().await?.closed_before.map_or(before, Day::of);
    println!("The books are closed before {open_from}, in Korea: nothing is booked any more as having happened then.");
    Ok(())
}
