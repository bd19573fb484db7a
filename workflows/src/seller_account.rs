//! A principal calls a seller's bank account verified: one write, carried out once however often it is asked for.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use temporalio_workflow::{
    ActivityOptions, RetryPolicy, WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult,
    workflow, workflow_methods,
};

use crate::{
    ports::{AccountCheck, AccountChecked, CheckAccount, CheckSellerAccount},
    task::readable,
    time::now,
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "seller_account";
/// How long one write may take.
const WRITING_TIME: Duration = Duration::from_secs(30);
/// The longest pause after a write that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The id of the workflow that writes it.
pub fn workflow_id(check: &AccountCheck) -> String {
    format!("seller_account.{}.{}", check.seller, check.account)
}

/// One account of a seller.
#[workflow]
pub struct SellerAccountWorkflow {
    check: AccountCheck,
}

#[workflow_methods]
impl SellerAccountWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, check: AccountCheck) -> Self {
        Self { check }
    }

    /// Writes it, and answers what came of it.
    #[run(name = "seller_account")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<AccountChecked> {
        let options = ActivityOptions::with_start_to_close_timeout(WRITING_TIME)
            .retry_policy(RetryPolicy::builder().maximum_interval(LONGEST_PAUSE).build())
            .cancellation_token(WorkflowCancellationToken::new())
            .summary("write that the account is verified")
            .build();
        let check = CheckAccount { check: ctx.state(|account| account.check.clone()), at: now(ctx) };
        Ok(readable(ctx.execute_activity(CheckSellerAccount, check, options).await)?)
    }
}
