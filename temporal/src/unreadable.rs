//! Signals that a worker cannot read: each is logged with its workflow and counted, and the workflow ignores it.

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::id::CheckoutId;
use temporalio_sdk::{
    SimplePlugin, WorkflowContextView,
    workflow_interceptors::{
        HandleSignalInput, HandleSignalResult, InitializeWorkflowInput, InitializeWorkflowOutput, WorkflowInterceptor,
        WorkflowInterceptorConstructor, WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
    },
};
use workflows::{
    checkout::{CheckoutInput, Nudge, Review},
    dead_letter::{AskPsp, Resolve, Resume},
    ports::RefundRequest,
    refunds::RefundsInput,
    signal::Received,
};

/// How many signals could not be read since the process began.
#[derive(Debug, Clone, Default)]
pub struct UnreadableSignals(Arc<AtomicU64>);

impl UnreadableSignals {
    /// The number since the process began.
    pub fn counted(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The plugin of a worker that notices them.
    pub(crate) fn plugin(&self) -> SimplePlugin {
        let signals = self.clone();
        let constructor = WorkflowInterceptorConstructor::new(move |_| Notice {
            signals: signals.clone(),
            checkout_id: OnceCell::new(),
        });
        SimplePlugin::builder("unreadable-signals").workflow_interceptors(vec![constructor]).build()
    }
}

/// Of one workflow.
struct Notice {
    signals: UnreadableSignals,
    /// The checkout that the workflow is about, if it is about one.
    checkout_id: OnceCell<CheckoutId>,
}

impl WorkflowInterceptor for Notice {
    fn initialize_workflow(
        &self,
        _ctx: WorkflowContextView,
        input: InitializeWorkflowInput,
        next: WorkflowNext<'_, InitializeWorkflowInput, InitializeWorkflowOutput>,
    ) -> InitializeWorkflowOutput {
        if let Some(checkout_id) = checkout_of(&input) {
            // A workflow is initialized once.
            let _ = self.checkout_id.set(checkout_id.clone());
        }
        next.run(input)
    }

    fn handle_signal<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        input: HandleSignalInput,
        next: WorkflowNext<'a, HandleSignalInput, WorkflowInterceptorFuture<'a, HandleSignalResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleSignalResult> {
        if !ctx.is_replaying() && is_unreadable(&input) {
            self.signals.0.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                workflow.id = ctx.workflow_id(),
                checkout.id = self.checkout_id.get().map(CheckoutId::as_str),
                signal = input.name(),
                "a signal of {} cannot be read and is ignored: its sender has other encryption keys, or sent something \
                 else",
                ctx.workflow_id()
            );
        }
        next.run(input)
    }
}

fn checkout_of(input: &InitializeWorkflowInput) -> Option<&CheckoutId> {
    let of_checkout = input.input_ref::<CheckoutInput>().map(|input| input.plan.checkout_id());
    let of_refund = || input.input_ref::<RefundRequest>().map(|request| &request.checkout_id);
    let of_queue = || input.input_ref::<RefundsInput>().map(|input| &input.checkout_id);
    of_checkout.or_else(of_refund).or_else(of_queue)
}

fn is_unreadable(input: &HandleSignalInput) -> bool {
    fn holds<T: 'static>(input: &HandleSignalInput) -> bool {
        matches!(input.input_ref::<Received<T>>(), Some(Received::Unreadable))
    }
    holds::<Nudge>(input)
        || holds::<AskPsp>(input)
        || holds::<Resume>(input)
        || holds::<Resolve>(input)
        || holds::<Review>(input)
        || holds::<RefundRequest>(input)
}
