//! Signals that a worker cannot read: each is logged with its workflow and counted, and the workflow ignores it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use temporalio_sdk::{
    SimplePlugin,
    workflow_interceptors::{
        HandleSignalInput, HandleSignalResult, WorkflowInterceptor, WorkflowInterceptorConstructor,
        WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
    },
};
use workflows::{
    checkout::{Nudge, Review},
    dead_letter::{AskPsp, Resolve, Resume},
    ports::RefundRequest,
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
        let constructor = WorkflowInterceptorConstructor::new(move |_| Notice(signals.clone()));
        SimplePlugin::builder("unreadable-signals").workflow_interceptors(vec![constructor]).build()
    }
}

struct Notice(UnreadableSignals);

impl WorkflowInterceptor for Notice {
    fn handle_signal<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        input: HandleSignalInput,
        next: WorkflowNext<'a, HandleSignalInput, WorkflowInterceptorFuture<'a, HandleSignalResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleSignalResult> {
        if !ctx.is_replaying() && is_unreadable(&input) {
            self.0.0.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                workflow.id = ctx.workflow_id(),
                signal = input.name(),
                "a signal of {} cannot be read and is ignored: its sender has other encryption keys, or sent something \
                 else",
                ctx.workflow_id()
            );
        }
        next.run(input)
    }
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
