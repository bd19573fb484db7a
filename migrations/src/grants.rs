//! What each process may do in a PostgreSQL database, table by table: the one list behind `daegeum migrate grants`.
//!
//! The role that owns the tables migrates and does nothing else; nobody serves under it.

use std::fmt;

/// A process, or a person, with a database role of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grantee {
    /// `daegeum api`. It moves no money.
    Api,
    /// `daegeum worker`.
    Worker,
    /// `daegeum serve`: both in one process.
    Serve,
    /// The commands of an operator: `keys`, `ledger`, `commissions`, `encryption`, `buyers`, `dead-letters`.
    Operator,
}

/// A name that no role is given here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is called 1 to {MAX_NAME_CHARS} of a-z 0-9 _, and does not begin with a digit; not {0:?}")]
pub struct RoleNameError(String);

/// The name of a role, which stands in SQL as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName(String);

/// The most characters of a name. Source: PostgreSQL's NAMEDATALEN.
const MAX_NAME_CHARS: usize = 63;

/// The privileges on a table, as SQL lists them.
struct Rights {
    table: &'static str,
    api: &'static str,
    worker: &'static str,
    /// Besides all of the former.
    operator: &'static str,
}

const RIGHTS: [Rights; 71] = [
    // The keys that administrators ask for. None is removed, so each names the two persons behind a key.
    Rights {
        table: "api_key_requests",
        api: "SELECT, INSERT, UPDATE (decision, decided_by, decided_at, decision_mac, shown_at)",
        worker: "",
        operator: "",
    },
    // The API makes the keys that two administrators agreed on, and widens none. Without the pepper its rows open
    // nothing.
    Rights {
        table: "api_keys",
        api: "SELECT, INSERT, UPDATE (last_used_at, expires_at, revoked_at, row_mac)",
        worker: "",
        operator: "INSERT, UPDATE",
    },
    Rights { table: "audit_log", api: "SELECT, INSERT", worker: "", operator: "" },
    Rights { table: "bank_lines", api: "SELECT, INSERT", worker: "SELECT", operator: "" },
    // What people decide about breaks goes through a workflow: it may book.
    Rights { table: "break_history", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights {
        table: "break_repairs",
        api: "SELECT",
        worker: "SELECT, INSERT, UPDATE (undone_at, undone_by)",
        operator: "",
    },
    Rights { table: "breaks", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights {
        table: "buyer_details",
        api: "SELECT, INSERT, UPDATE (sealed, key_name, erased_at, is_digested, name_digest, email_digest, \
              phone_digest)",
        worker: "SELECT, DELETE",
        operator: "",
    },
    // The API writes down what is asked for, and erases whom it is for.
    Rights {
        table: "cash_receipt_requests",
        api: "SELECT, INSERT, UPDATE (sealed_number)",
        worker: "SELECT, INSERT, UPDATE",
        operator: "",
    },
    Rights { table: "cash_receipt_watches", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "cash_receipts", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "checkout_requests", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights { table: "commission_rates", api: "SELECT", worker: "SELECT", operator: "INSERT" },
    Rights {
        table: "console_sessions",
        api: "SELECT, INSERT, UPDATE (seen_at, ended_at), DELETE",
        worker: "",
        operator: "",
    },
    Rights { table: "dead_letter_actions", api: "SELECT, INSERT", worker: "", operator: "" },
    Rights {
        table: "dead_letters",
        api: "SELECT, UPDATE (status, updated_at, proposed_by, proposed_outcome, proposed_reason, proposed_at)",
        worker: "SELECT, INSERT, UPDATE",
        operator: "",
    },
    Rights { table: "declined_payments", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    // The API registers and removes webhook endpoints; a worker begins the cursor of a sink, and moves every cursor on.
    Rights {
        table: "event_cursors",
        api: "SELECT, INSERT, UPDATE, DELETE",
        worker: "SELECT, INSERT, UPDATE",
        operator: "",
    },
    Rights { table: "event_lag", api: "SELECT", worker: "SELECT, INSERT, UPDATE, DELETE", operator: "" },
    Rights { table: "event_log", api: "SELECT", worker: "SELECT, UPDATE (last_position, floor)", operator: "" },
    Rights {
        table: "events",
        api: "SELECT, INSERT",
        worker: "SELECT, INSERT, UPDATE (position), DELETE",
        operator: "",
    },
    Rights { table: "exchange_rates", api: "SELECT, INSERT", worker: "SELECT", operator: "" },
    Rights { table: "ledger_balances", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "ledger_checkpoints", api: "SELECT", worker: "", operator: "INSERT" },
    Rights { table: "ledger_entries", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights { table: "ledger_head", api: "SELECT", worker: "SELECT, UPDATE", operator: "" },
    Rights { table: "ledger_postings", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    // Entries are taken back at the command line alone.
    Rights { table: "ledger_reversals", api: "SELECT", worker: "", operator: "INSERT, UPDATE" },
    // The name on a virtual account is erased with what else is kept of a buyer.
    Rights {
        table: "payment_events",
        api: "SELECT, UPDATE (account_holder)",
        worker: "SELECT, INSERT, UPDATE",
        operator: "",
    },
    Rights { table: "payment_ids", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights { table: "payment_notes", api: "SELECT, INSERT", worker: "", operator: "" },
    Rights { table: "payment_orders", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "payment_status_history", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights { table: "payout_attempts", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    // The content is sealed. Another key seals it anew.
    Rights { table: "payout_files", api: "SELECT", worker: "SELECT, INSERT", operator: "UPDATE (content)" },
    Rights { table: "payout_run_parts", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "payout_runs", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "payout_transfers", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights { table: "payouts", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    // A principal's word, before any money moves. What is due by it, the worker releases.
    Rights {
        table: "purchase_confirmations",
        api: "SELECT, INSERT, UPDATE",
        worker: "SELECT, UPDATE (adopted_at)",
        operator: "",
    },
    // A write to it shows that the database takes writes.
    Rights { table: "readiness_probe", api: "SELECT, UPDATE", worker: "SELECT, UPDATE", operator: "" },
    Rights { table: "reconciliation_findings", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights { table: "reconciliations", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    // A refund that waits for its approval keeps the earnings back, which the worker releases.
    Rights {
        table: "refund_approvals",
        api: "SELECT, INSERT, UPDATE",
        worker: "SELECT (checkout_id, decision)",
        operator: "",
    },
    Rights { table: "refund_days", api: "SELECT, INSERT, UPDATE", worker: "", operator: "" },
    Rights { table: "refund_orders", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    Rights { table: "refund_reservations", api: "SELECT, INSERT", worker: "", operator: "" },
    Rights { table: "refunds", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "risk_decisions", api: "SELECT, UPDATE (card)", worker: "SELECT, INSERT", operator: "" },
    // The API begins registrations, and a worker keeps the keys of the cards. Another encryption key seals them anew.
    Rights {
        table: "saved_cards",
        api: "SELECT, INSERT",
        worker: "SELECT, UPDATE",
        operator: "UPDATE (sealed_key, key_digest)",
    },
    Rights { table: "seaql_migrations", api: "SELECT", worker: "SELECT", operator: "" },
    // What a principal or a returned transfer says of an account: no API process can call an account verified.
    Rights { table: "seller_account_checks", api: "SELECT", worker: "SELECT, INSERT", operator: "" },
    // A hold on all payouts is written by the API; one of an amount by the worker, with the wallet.
    Rights {
        table: "seller_holds",
        api: "SELECT, INSERT, UPDATE",
        worker: "SELECT, INSERT, UPDATE (lifted_by, lifted_at)",
        operator: "",
    },
    Rights { table: "seller_links", api: "SELECT, INSERT, UPDATE (used_at), DELETE", worker: "", operator: "" },
    // What the PSP said of a seller and its account: no API process can call an account verified.
    Rights { table: "seller_registrations", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights {
        table: "sellers",
        api: "SELECT, INSERT, UPDATE",
        worker: "SELECT, UPDATE (version, updated_at)",
        operator: "",
    },
    Rights { table: "server_secrets", api: "SELECT", worker: "", operator: "" },
    Rights { table: "settlement_rows", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "settlement_totals", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    // The lines of a statement that became void are in the next one.
    Rights { table: "statement_lines", api: "SELECT", worker: "SELECT, INSERT, DELETE", operator: "" },
    Rights { table: "statements", api: "SELECT", worker: "SELECT, INSERT, UPDATE (voided_at)", operator: "" },
    Rights { table: "wallet_holds", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "wallets", api: "SELECT", worker: "SELECT, INSERT, UPDATE", operator: "" },
    Rights { table: "webhook_deliveries", api: "SELECT", worker: "SELECT, INSERT, DELETE", operator: "" },
    Rights {
        table: "webhook_endpoints",
        api: "SELECT, INSERT, UPDATE, DELETE",
        worker: "SELECT, UPDATE",
        operator: "",
    },
    Rights { table: "webhook_inbox", api: "SELECT, INSERT", worker: "", operator: "" },
    Rights { table: "webhook_requests", api: "SELECT, INSERT, DELETE", worker: "SELECT, DELETE", operator: "" },
    Rights {
        table: "webhook_retries",
        api: "SELECT, UPDATE (woken), DELETE",
        worker: "SELECT, INSERT, UPDATE, DELETE",
        operator: "",
    },
    // The number of a line of the audit log.
    Rights { table: "SEQUENCE audit_log_sequence_seq", api: "USAGE", worker: "", operator: "" },
    // The number of an attempt to deliver.
    Rights { table: "SEQUENCE webhook_deliveries_number_seq", api: "", worker: "USAGE", operator: "" },
    // The order in which events were written.
    Rights { table: "SEQUENCE events_append_id_seq", api: "USAGE", worker: "USAGE", operator: "" },
];

impl TryFrom<&str> for RoleName {
    type Error = RoleNameError;

    fn try_from(text: &str) -> Result<Self, RoleNameError> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_well = text.bytes().next().is_some_and(|first| !first.is_ascii_digit());
        if begins_well && text.len() <= MAX_NAME_CHARS && text.bytes().all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RoleNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SQL that gives a role the rights of a process, and takes all others from it. The owner of the tables runs it,
/// again after each migration.
pub fn sql(grantee: Grantee, role: &RoleName) -> String {
    let mut sql = format!(
        "BEGIN;\n\
         REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};\n\
         REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role};\n\
         GRANT USAGE ON SCHEMA public TO {role};\n"
    );
    for Rights { table, api, worker, operator } in &RIGHTS {
        let privileges: &[&str] = match grantee {
            Grantee::Api => &[api],
            Grantee::Worker => &[worker],
            Grantee::Serve => &[api, worker],
            Grantee::Operator => &[api, worker, operator],
        };
        for privileges in privileges.iter().filter(|privileges| !privileges.is_empty()) {
            sql += &format!("GRANT {privileges} ON {table} TO {role};\n");
        }
    }
    sql + "COMMIT;\n"
}

/// Every table that the list knows.
pub fn tables() -> impl Iterator<Item = &'static str> {
    RIGHTS.iter().map(|rights| rights.table).filter(|table| !table.starts_with("SEQUENCE "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_name_cannot_be_sql() {
        for wrong in ["", "1a", "a b", "a;", "A", "\"a\"", &"a".repeat(64)] {
            assert_eq!(RoleName::try_from(wrong), Err(RoleNameError(wrong.to_owned())));
        }
        assert!(RoleName::try_from("daegeum_api").is_ok());
    }

    #[test]
    fn the_api_writes_no_table_of_money() {
        for rights in &RIGHTS {
            let of_money = ["ledger_", "wallet", "payment_", "refund", "commission", "payout", "statement"];
            // What is asked for and allowed, before any money moves, and what people write about a payment.
            let of_requests = ["payment_notes", "refund_approvals", "refund_days", "refund_reservations"];
            let is_of_money = of_money.iter().any(|beginning| rights.table.starts_with(beginning));
            if is_of_money && !of_requests.contains(&rights.table) {
                let erasable = if rights.table == "payment_events" { ", UPDATE (account_holder)" } else { "" };
                assert_eq!(rights.api, format!("SELECT{erasable}"), "{}", rights.table);
            }
        }
    }
}
