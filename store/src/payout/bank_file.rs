//! Files of transfers: what an approved run pays by our own bank.
//!
//! A file is made once, in the transaction in which its payouts leave: whoever takes it again gets the same bytes. An
//! attempt of a payout is in one file, which the primary key of its transfer promises.

use std::collections::{HashMap, HashSet};

use domain::{
    Currency, Money, Timestamp,
    failure::{Failure, OurCode},
    id::{PayoutId, PayoutRunId, SellerAccount},
    payout::{
        PaidBy, PayoutStatus, RunStatus,
        bank_file::{self, MAX_TRANSFERS, Transfer},
        digest::sha256,
        plan::PlanRules,
        status::MoneyAt,
    },
    principal::Principal,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    bank_money::{at_bank, sum_at},
    change::{self, Change, is_same_seller},
    frozen::run_of,
    parts::are_as_approved,
    record::{self, PayoutRecord, RunRecord},
    send::{Leaving, write_sending, write_status},
    stop,
};
use crate::{
    Journal, Keyring, KeyringError, Reader, Sealed, StoreError, Writer,
    books::open::Books,
    convert::{
        corrupt, from_column_amount, from_column_revision, from_column_time, to_column_amount, to_column_revision,
        to_column_time,
    },
    entities::{payout_files, payout_transfers, payouts, sellers},
    seller::{open_details, payout_terms},
    transaction::Transaction,
};

/// How many references one statement asks for.
const REFERENCES: usize = 1_000;
/// How many references are tried for one attempt: the second try is as good as never needed.
const REFERENCE_TRIES: u32 = 8;

/// A file that a principal takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeBankFile {
    /// The run.
    pub run_id: PayoutRunId,
    /// The number of the file among those of the run, from 1.
    pub number: u32,
    /// The digest that was approved.
    pub digest: String,
    /// The author.
    pub by: Principal,
    /// Why.
    pub reason: String,
}

/// A file, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankFileRecord {
    /// The run.
    pub run_id: PayoutRunId,
    /// The number among the files of the run, from 1.
    pub number: u32,
    /// SHA-256 of the bytes, in lower-case hex.
    pub sha256: String,
    /// How many transfers it has.
    pub transfers: u32,
    /// Their sum.
    pub total: Money,
    /// The principal who took it first.
    pub taken_by: Principal,
    /// When.
    pub taken_at: Timestamp,
}

/// A transfer of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRecord {
    /// Our name of the attempt.
    pub ref_payout_id: String,
    /// What the line of our bank has in its text.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// The payout as it is now; the attempt of the transfer may be a former one.
    pub payout: PayoutRecord,
}

/// Why no file is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BankFileRefusal {
    /// There is no such run.
    #[error("there is no such payout run")]
    UnknownRun,
    /// The run is paid by the PSP.
    #[error("the run is not paid by bank file")]
    NotByBankFile,
    /// The run was not approved, or was taken back.
    #[error("the run is {0}, and not approved")]
    NotApproved(RunStatus),
    /// The digest is another one, or the rows are not those that were approved.
    #[error("the digest is not that of the run as it was approved")]
    DigestMismatch,
    /// The PSP lists a payout that nobody here asked for.
    #[error("payouts are stopped until somebody resolves the break of a payout that nobody asked for")]
    Stopped,
    /// There is no file of that number, and no payout waits for one.
    #[error("there is no file {0} of the run, and no payout waits for one")]
    NoSuchFile(u32),
    /// Our bank account has less by the books.
    #[error(
        "our bank account has {} won for payouts by the books, and the file takes {}",
        .left.to_decimal_string(),
        .wanted.to_decimal_string()
    )]
    BankShort {
        /// What is left.
        left: Money,
        /// What the file takes.
        wanted: Money,
    },
}

/// A file that is made: its transfers, and its bytes.
struct Made {
    transfers: Vec<payout_transfers::ActiveModel>,
    content: String,
    total: Money,
}

/// A bank account as it is written, with its number.
struct Payee {
    account: u32,
    details: domain::seller::Details,
}

impl Writer {
    /// Gives the file of a number, or makes the next one: the next payouts of the approved run leave with it. A payout
    /// whose seller or account changed since the freeze is taken back. Run and number are the key.
    pub async fn take_bank_file(
        &self,
        take: &TakeBankFile,
        keys: &Keyring,
        rules: &PlanRules,
    ) -> Result<Result<BankFileRecord, BankFileRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(run) = run_of(&transaction, &take.run_id).await? else { return Ok(Err(BankFileRefusal::UnknownRun)) };
        if let Err(refusal) = may_leave(&run, &take.digest) {
            return Ok(Err(refusal));
        }
        let files = files_of(&transaction, &run.run_id).await?;
        if let Some(file) = files.iter().find(|file| file.number == take.number) {
            return Ok(Ok(file.clone()));
        }
        let next = files.last().map_or(1, |file| file.number.saturating_add(1));
        if take.number != next {
            return Ok(Err(BankFileRefusal::NoSuchFile(take.number)));
        }
        if stop::is_stopped(&transaction).await? {
            return Ok(Err(BankFileRefusal::Stopped));
        }
        let approved = next_approved(&transaction, &run.run_id).await?;
        let ids: Vec<PayoutId> = approved.iter().map(|payout| payout.payout_id.clone()).collect();
        if !are_as_approved(&transaction, &run, &ids).await? {
            return Ok(Err(BankFileRefusal::DigestMismatch));
        }
        let (leaving, taken_back) = sorted(&books, keys, approved, rules).await?;
        let is_changed = !taken_back.is_empty();
        change::carry_out(&mut books, taken_back).await?;
        if leaving.is_empty() {
            books.close().await?;
            if is_changed {
                transaction.commit().await?;
            }
            return Ok(Err(BankFileRefusal::NoSuchFile(take.number)));
        }
        let made = make(&transaction, take, &leaving).await?;
        if let Some(short) = short(&transaction, made.total).await? {
            return Ok(Err(short));
        }
        write_file(&books, take, made, keys).await?;
        leave(&mut books, leaving, take).await?;
        books.close().await?;
        if run.status != RunStatus::Sending {
            write_status(&transaction, run, RunStatus::Sending).await?;
        }
        let file = files_of(&transaction, &take.run_id).await?.pop();
        let file = file.ok_or_else(|| corrupt("no file that was just made", &take.run_id))?;
        transaction.commit().await?;
        Ok(Ok(file))
    }
}

impl Reader {
    /// The files of a run, in the order of their numbers.
    pub async fn bank_files(&self, run_id: &PayoutRunId) -> Result<Vec<BankFileRecord>, StoreError> {
        files_of(self.connection(), run_id).await
    }

    /// The bytes of a file. The caller writes a line of the audit log before they are shown.
    pub async fn bank_file_content(
        &self,
        run_id: &PayoutRunId,
        number: u32,
        keys: &Keyring,
    ) -> Result<Option<String>, StoreError> {
        let key = (run_id.to_string(), to_column_revision(number)?);
        let Some(row) = payout_files::Entity::find_by_id(key).one(self.connection()).await? else { return Ok(None) };
        let content = open(keys, run_id, number, &row.content).map_err(|error| corrupt("a bank file", error))?;
        if sha256(content.as_bytes()) != row.sha256 {
            return Err(corrupt("a bank file of another hash", run_id));
        }
        Ok(Some(content))
    }

    /// The transfers of these references, with their payouts as they are now.
    pub async fn transfers_called(&self, references: &[String]) -> Result<Vec<TransferRecord>, StoreError> {
        let mut found = Vec::new();
        for references in references.chunks(REFERENCES) {
            let named = payout_transfers::Column::Reference.is_in(references.iter().map(String::as_str));
            let rows = payout_transfers::Entity::find().filter(named).all(self.connection()).await?;
            let ids = rows.iter().map(|row| row.payout_id.as_str());
            let payouts = payouts::Entity::find().filter(payouts::Column::PayoutId.is_in(ids));
            let payouts = payouts.all(self.connection()).await?.into_iter().map(record::payout);
            let payouts: HashMap<String, PayoutRecord> = payouts
                .map(|payout| payout.map(|payout| (payout.payout_id.to_string(), payout)))
                .collect::<Result<_, _>>()?;
            for row in rows {
                let payout = payouts.get(&row.payout_id).cloned();
                let payout = payout.ok_or_else(|| corrupt("no payout of a transfer", &row.payout_id))?;
                let payout_transfers::Model { ref_payout_id, reference, amount, .. } = row;
                found.push(TransferRecord { ref_payout_id, reference, amount: record::won(amount)?, payout });
            }
        }
        Ok(found)
    }
}

impl Journal {
    /// Seals up to `limit` files anew that are not under the newest key. Answers how many there were.
    pub async fn reseal_bank_files(&self, keys: &Keyring, limit: u64) -> Result<usize, StoreError> {
        use payout_files::Column;
        let newest = keys.names().next().unwrap_or_default();
        let rows = payout_files::Entity::find()
            .filter(Column::Content.not_like(format!("{newest}:%")))
            .order_by_asc(Column::RunId)
            .order_by_asc(Column::Number)
            .limit(limit)
            .all(self.connection())
            .await?;
        let found = rows.len();
        for row in rows {
            let run_id = PayoutRunId::parse(row.run_id.clone()).map_err(|error| corrupt("an id of a run", error))?;
            let number = from_column_revision(row.number)?;
            let content = open(keys, &run_id, number, &row.content).map_err(|error| corrupt("a bank file", error))?;
            payout_files::Entity::update_many()
                .col_expr(Column::Content, Expr::value(seal(keys, &run_id, number, &content)?))
                .filter(Column::RunId.eq(row.run_id))
                .filter(Column::Number.eq(row.number))
                .exec(self.connection())
                .await?;
        }
        Ok(found)
    }
}

/// Whether payouts of a run may leave, and the digest is of what was approved.
fn may_leave(run: &RunRecord, digest: &str) -> Result<(), BankFileRefusal> {
    if run.paid_by != PaidBy::BankFile {
        return Err(BankFileRefusal::NotByBankFile);
    }
    if !run.status.is_approved() {
        return Err(BankFileRefusal::NotApproved(run.status));
    }
    if run.digest != digest {
        return Err(BankFileRefusal::DigestMismatch);
    }
    Ok(())
}

async fn files_of(connection: &impl ConnectionTrait, run_id: &PayoutRunId) -> Result<Vec<BankFileRecord>, StoreError> {
    let rows = payout_files::Entity::find()
        .filter(payout_files::Column::RunId.eq(run_id.as_str()))
        .order_by_asc(payout_files::Column::Number)
        .all(connection)
        .await?;
    let file = |row: payout_files::Model| {
        Ok(BankFileRecord {
            run_id: run_id.clone(),
            number: from_column_revision(row.number)?,
            sha256: row.sha256,
            transfers: from_column_revision(row.transfers)?,
            total: from_column_amount(row.total, Currency::Krw)?,
            taken_by: Principal::parse(&row.taken_by).map_err(|error| corrupt("a principal of a file", error))?,
            taken_at: from_column_time(row.taken_at),
        })
    };
    rows.into_iter().map(file).collect()
}

/// A payout that leaves, and where to.
struct Outgoing {
    payout: PayoutRecord,
    account: domain::seller::BankAccount,
}

/// The payouts of a run that wait for the next file.
async fn next_approved(transaction: &Transaction, run_id: &PayoutRunId) -> Result<Vec<PayoutRecord>, StoreError> {
    let rows = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(run_id.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Approved.as_str()))
        .order_by(payouts::Column::SellerAccount, Order::Asc)
        .limit(u64::try_from(MAX_TRANSFERS).unwrap_or(u64::MAX))
        .all(transaction)
        .await?;
    rows.into_iter().map(record::payout).collect()
}

/// Of approved payouts those that leave, and those whose seller or account is another one by now.
async fn sorted(
    books: &Books<'_>,
    keys: &Keyring,
    approved: Vec<PayoutRecord>,
    rules: &PlanRules,
) -> Result<(Vec<Outgoing>, Vec<(PayoutRecord, Change)>), StoreError> {
    let transaction = books.transaction;
    let names: Vec<SellerAccount> = approved.iter().map(|payout| payout.seller.clone()).collect();
    let terms = payout_terms(transaction, &names, books.now()).await?;
    let mut payees = payees(transaction, keys, &names).await?;
    let (mut leaving, mut taken_back) = (Vec::new(), Vec::new());
    for payout in approved {
        let is_same = is_same_seller(&payout, terms.get(&payout.seller), books.now(), rules);
        // The details and the number of the account come from one row, so the account is the one that was approved.
        let payee =
            payees.remove(&payout.seller).filter(|payee| bank_file::destination(payee.account) == payout.destination);
        match payee {
            Some(Payee { details, .. }) if is_same => leaving.push(Outgoing { payout, account: details.account }),
            Some(_) | None => {
                let failure = Failure::new(OurCode::PayoutSellerChanged, "The seller changed since the approval.");
                taken_back.push((payout, Change { failure: Some(failure), ..Change::to(PayoutStatus::Canceled) }));
            }
        }
    }
    Ok((leaving, taken_back))
}

async fn payees(
    transaction: &Transaction,
    keys: &Keyring,
    names: &[SellerAccount],
) -> Result<HashMap<SellerAccount, Payee>, StoreError> {
    let named = sellers::Column::SellerAccount.is_in(names.iter().map(SellerAccount::as_str));
    let mut payees = HashMap::new();
    for row in sellers::Entity::find().filter(named).all(transaction).await? {
        let Some(sealed) = &row.details else { continue };
        let seller = record::seller(row.seller_account)?;
        let details = open_details(keys, &seller, sealed).map_err(|error| corrupt("details of a seller", error))?;
        payees.insert(seller, Payee { account: from_column_revision(row.account)?, details });
    }
    Ok(payees)
}

async fn make(transaction: &Transaction, take: &TakeBankFile, leaving: &[Outgoing]) -> Result<Made, StoreError> {
    let mut total = Money::zero(Currency::Krw);
    let (mut transfers, mut lines) = (Vec::with_capacity(leaving.len()), Vec::with_capacity(leaving.len()));
    let references = references(transaction, leaving).await?;
    for (Outgoing { payout, account }, reference) in leaving.iter().zip(&references) {
        total = total.plus(payout.amount).map_err(|error| corrupt("the total of a file", error))?;
        transfers.push(payout_transfers::ActiveModel {
            ref_payout_id: Set(payout.ref_payout_id.clone()),
            payout_id: Set(payout.payout_id.to_string()),
            run_id: Set(take.run_id.to_string()),
            number: Set(to_column_revision(take.number)?),
            reference: Set(reference.clone()),
            amount: Set(to_column_amount(payout.amount)?),
        });
        lines.push(Transfer {
            bank_code: account.bank_code(),
            account_number: account.account_number(),
            holder_name: account.holder_name(),
            amount: payout.amount,
            reference,
            ref_payout_id: &payout.ref_payout_id,
        });
    }
    Ok(Made { transfers, content: bank_file::csv(lines), total })
}

/// References that no other attempt has.
async fn references(transaction: &Transaction, leaving: &[Outgoing]) -> Result<Vec<String>, StoreError> {
    let wanted = leaving.iter().map(|outgoing| bank_file::reference(&outgoing.payout.ref_payout_id, 0));
    let wanted: Vec<String> = wanted.collect();
    let mut taken = taken_of(transaction, &wanted).await?;
    let mut references = Vec::with_capacity(wanted.len());
    for (Outgoing { payout, .. }, mut reference) in leaving.iter().zip(wanted) {
        let mut clash = 0;
        while taken.contains(&reference) {
            clash += 1;
            if clash == REFERENCE_TRIES {
                return Err(corrupt("no free reference of a transfer", &payout.ref_payout_id));
            }
            reference = bank_file::reference(&payout.ref_payout_id, clash);
            taken.extend(taken_of(transaction, std::slice::from_ref(&reference)).await?);
        }
        taken.insert(reference.clone());
        references.push(reference);
    }
    Ok(references)
}

/// Which of these references other attempts have.
async fn taken_of(transaction: &Transaction, references: &[String]) -> Result<HashSet<String>, StoreError> {
    let named = payout_transfers::Column::Reference.is_in(references.iter().map(String::as_str));
    let rows: Vec<String> = payout_transfers::Entity::find()
        .select_only()
        .column(payout_transfers::Column::Reference)
        .filter(named)
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(rows.into_iter().collect())
}

/// What our bank account lacks, where a file takes more than is there and on its way out.
async fn short(transaction: &Transaction, wanted: Money) -> Result<Option<BankFileRefusal>, StoreError> {
    let left = at_bank(transaction).await?.saturating_sub(sum_at(transaction, &[MoneyAt::InTransit]).await?);
    let left = record::won(Ord::max(left, 0))?;
    Ok((left.minor() < wanted.minor()).then_some(BankFileRefusal::BankShort { left, wanted }))
}

async fn write_file(books: &Books<'_>, take: &TakeBankFile, made: Made, keys: &Keyring) -> Result<(), StoreError> {
    let Made { transfers, content, total } = made;
    let count = i32::try_from(transfers.len()).map_err(|_| corrupt("a count of transfers", transfers.len()))?;
    let file = payout_files::ActiveModel {
        run_id: Set(take.run_id.to_string()),
        number: Set(to_column_revision(take.number)?),
        digest: Set(take.digest.clone()),
        sha256: Set(sha256(content.as_bytes())),
        content: Set(seal(keys, &take.run_id, take.number, &content)?),
        transfers: Set(count),
        total: Set(to_column_amount(total)?),
        taken_by: Set(take.by.to_string()),
        reason: Set(take.reason.clone()),
        taken_at: Set(to_column_time(books.now())),
    };
    payout_files::Entity::insert(file).exec_without_returning(books.transaction).await?;
    payout_transfers::Entity::insert_many(transfers).exec_without_returning(books.transaction).await?;
    Ok(())
}

/// The payouts of a file leave, and their money with them.
async fn leave(books: &mut Books<'_>, leaving: Vec<Outgoing>, take: &TakeBankFile) -> Result<(), StoreError> {
    let mut payouts: Vec<PayoutRecord> = leaving.into_iter().map(|outgoing| outgoing.payout).collect();
    write_sending(books, &payouts, Leaving { number: take.number, pays_on: None }).await?;
    for payout in &mut payouts {
        payout.status = PayoutStatus::Sending;
    }
    let changes = payouts.into_iter().map(|payout| (payout, Change::to(PayoutStatus::InProgress))).collect();
    change::carry_out(books, changes).await.map(|_| ())
}

fn seal(keys: &Keyring, run_id: &PayoutRunId, number: u32, content: &str) -> Result<String, StoreError> {
    let sealed = keys.seal(content.as_bytes(), &place(run_id, number));
    Ok(sealed.map_err(|error| corrupt("an encryption key", error))?.to_text())
}

fn open(keys: &Keyring, run_id: &PayoutRunId, number: u32, sealed: &str) -> Result<String, KeyringError> {
    let sealed = Sealed::of_text(sealed)?;
    let bytes = keys.open(&sealed, &place(run_id, number))?;
    String::from_utf8(bytes).map_err(|_| KeyringError::Tampered(sealed.key_name))
}

fn place(run_id: &PayoutRunId, number: u32) -> Vec<u8> {
    format!("bank file\n{run_id}\n{number}").into_bytes()
}
