//! Every activity, run twice, with a real database and a real simulator of the PSP.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

mod charges;
mod dead_letters;
mod deliveries;
mod failure;
mod refunds;
mod risk;
mod simulator;
mod writing;

use temporalio_common::{
    data_converters::{DataConverter, SerializationContextData},
    error::{ApplicationFailure, IncomingError, OutgoingActivityError},
};
use temporalio_sdk::{activities::ActivityError, testing::ActivityEnvironmentError};

/// The failure of an activity as its workflow gets it: written to the history and read from there.
fn as_workflow_sees<T: std::fmt::Debug>(result: Result<T, ActivityEnvironmentError>) -> ApplicationFailure {
    let failure = match result {
        Err(ActivityEnvironmentError::Activity(ActivityError::Application(failure))) => failure,
        other => panic!("not a failure of the activity: {other:?}"),
    };
    let (converter, context) = (DataConverter::default(), SerializationContextData::None);
    let written = converter.to_failure(&context, OutgoingActivityError::Application(failure).into());
    match converter.failure_converter().to_error(written, converter.payload_converter(), &context).unwrap() {
        IncomingError::Application(failure) => failure,
        other => panic!("another failure was read than was written: {other:?}"),
    }
}
