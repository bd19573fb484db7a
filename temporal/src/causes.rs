//! The trace to which the work of a workflow belongs.
//!
//! A workflow's span hangs from the request that started it, and so would all that the workflow does. But the work
//! that a person waits for was asked for by an update: a payment is confirmed by another request than the one that
//! made the checkout. So while an update is open, what the workflow begins hangs from the update's span.

use std::cell::RefCell;

use opentelemetry::{Context, ContextGuard};
use temporalio_sdk::{
    SimplePlugin,
    workflow_interceptors::{
        CancellableWorkflowOutboundFuture, HandleUpdateInput, HandleUpdateResult, ScheduleActivityInput,
        ScheduleActivityResult, ScheduleLocalActivityInput, StartChildWorkflowInput, StartChildWorkflowResult,
        WorkflowInterceptor, WorkflowInterceptorConstructor, WorkflowInterceptorContext, WorkflowInterceptorFuture,
        WorkflowNext,
    },
};

/// The plugin of a client that puts the work of a workflow into the trace of its open update. It comes after the plugin
/// that makes the spans.
pub fn plugin() -> SimplePlugin {
    let constructor = WorkflowInterceptorConstructor::new(|_| Causes::default());
    SimplePlugin::builder("causes").workflow_interceptors(vec![constructor]).build()
}

/// The open updates of one workflow. Replay opens them again in the same order.
#[derive(Default)]
struct Causes {
    open: RefCell<Vec<(String, Context)>>,
}

impl Causes {
    /// Makes the newest open update the parent of what begins.
    fn enter(&self) -> Option<ContextGuard> {
        self.open.borrow().last().map(|(_, cause)| cause.clone().attach())
    }
}

impl WorkflowInterceptor for Causes {
    fn handle_update<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: HandleUpdateInput,
        next: WorkflowNext<'a, HandleUpdateInput, WorkflowInterceptorFuture<'a, HandleUpdateResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleUpdateResult> {
        let id = input.id().to_owned();
        // The SDK's plugin has entered the update's span before it called this.
        self.open.borrow_mut().push((id.clone(), Context::current()));
        WorkflowInterceptorFuture::new(async move {
            let result = next.run(input).await;
            self.open.borrow_mut().retain(|(open, _)| *open != id);
            result
        })
    }

    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleActivityInput,
        next: WorkflowNext<'static, ScheduleActivityInput, CancellableWorkflowOutboundFuture<ScheduleActivityResult>>,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        let _cause = self.enter();
        next.run(input)
    }

    fn schedule_local_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleLocalActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleLocalActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        let _cause = self.enter();
        next.run(input)
    }

    fn start_child_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: StartChildWorkflowInput,
        next: WorkflowNext<
            'static,
            StartChildWorkflowInput,
            CancellableWorkflowOutboundFuture<StartChildWorkflowResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<StartChildWorkflowResult> {
        let _cause = self.enter();
        next.run(input)
    }
}
