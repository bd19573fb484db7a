//! What goes wrong on our side, whatever was asked for.

use std::error::Error;

use store::StoreError;
use temporalio_client::errors::{WorkflowInteractionError, WorkflowStartError, WorkflowUpdateError};
use tokio::time::error::Elapsed;

use crate::temporal::is_signal_limit;

/// Why a use case did not come to its end. The caller may send the same request again.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database answered with an error.
    #[error("the database did not do it")]
    Store(#[from] StoreError),
    /// The database did not answer in time.
    #[error("the database did not answer in time")]
    DatabaseSlow(#[source] Elapsed),
    /// Temporal could not be reached, or refused.
    #[error("Temporal did not take the request")]
    Temporal(#[source] Box<dyn Error + Send + Sync>),
    /// The workflow takes no more signals.
    #[error("the workflow has taken as many signals as Temporal allows")]
    TooManySignals(#[source] Box<dyn Error + Send + Sync>),
    /// A defect of ours.
    #[error("a defect in daegeum")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl Fault {
    /// An error of a call to Temporal.
    pub(crate) fn temporal(error: impl Error + Send + Sync + 'static) -> Self {
        if is_signal_limit(&error) { Self::TooManySignals(error.into()) } else { Self::Temporal(error.into()) }
    }

    /// A defect of ours.
    pub(crate) fn internal(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Internal(error.into())
    }
}

impl From<WorkflowStartError> for Fault {
    fn from(error: WorkflowStartError) -> Self {
        if matches!(error, WorkflowStartError::PayloadConversion(_)) {
            Self::internal(error)
        } else {
            Self::temporal(error)
        }
    }
}

impl From<WorkflowUpdateError> for Fault {
    fn from(error: WorkflowUpdateError) -> Self {
        if matches!(error, WorkflowUpdateError::PayloadConversion(_)) {
            Self::internal(error)
        } else {
            Self::temporal(error)
        }
    }
}

impl From<WorkflowInteractionError> for Fault {
    fn from(error: WorkflowInteractionError) -> Self {
        Self::temporal(error)
    }
}
