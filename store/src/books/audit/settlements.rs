//! Settlement rows and the entries that booked them: one entry books many rows, and comes to what they come to.

use domain::ledger::Account;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::{
    StoreError,
    books::audit::findings::{Check, Findings, MAX_NAMED},
};

#[derive(FromQueryResult)]
struct Row {
    entry_id: String,
}

/// Compares the rows under each entry with its postings, payout, fee and tax by themselves.
pub(super) async fn compare(connection: &impl ConnectionTrait, findings: &mut Findings) -> Result<(), StoreError> {
    let moved = |accounts: &[Account]| {
        let names: Vec<String> = accounts.iter().map(|account| format!("'{account}'")).collect();
        let names = names.join(", ");
        format!(
            "SUM(CASE WHEN p.debit_account IN ({names}) THEN p.amount WHEN p.credit_account IN ({names}) THEN \
             -p.amount ELSE 0 END)"
        )
    };
    // What is exchanged goes to another account than what is paid out.
    let pay_out = moved(&[Account::PspPayoutBalance, Account::FxTrading]);
    let [supply, vat] = [Account::PspFees, Account::InputVat].map(|account| moved(&[account]));
    let sql = format!(
        "WITH kept AS (
             SELECT entry_id, SUM(pay_out) AS pay_out, SUM(supply) AS supply, SUM(vat) AS vat
             FROM settlement_rows WHERE entry_id IS NOT NULL GROUP BY entry_id),
         booked AS (
             SELECT e.entry_id, {pay_out} AS pay_out, {supply} AS supply, {vat} AS vat
             FROM kept JOIN ledger_entries e ON e.entry_id = kept.entry_id
             JOIN ledger_postings p ON p.sequence = e.sequence GROUP BY e.entry_id)
         SELECT kept.entry_id FROM kept LEFT JOIN booked ON booked.entry_id = kept.entry_id
         WHERE booked.entry_id IS NULL OR kept.pay_out <> booked.pay_out OR kept.supply <> booked.supply
             OR kept.vat <> booked.vat
         ORDER BY kept.entry_id LIMIT {MAX_NAMED}"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    for Row { entry_id } in Row::find_by_statement(statement).all(connection).await? {
        findings.add(Check::Settlements, entry_id, "the settlement rows under it come to other sums than its postings");
    }
    Ok(())
}
