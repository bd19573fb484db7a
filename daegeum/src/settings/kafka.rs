//! The settings of the Kafka sink. A build without the sink refuses them, so that nobody waits for events in vain.

#[cfg(feature = "kafka")]
mod configured;
mod file;

#[cfg(feature = "kafka")]
pub(super) use configured::kafka;
#[cfg(feature = "kafka")]
pub(crate) use configured::{Kafka, SaslMechanism, Security};
#[cfg(not(feature = "kafka"))]
pub(super) use file::refuse;
pub(super) use file::{KafkaFile, VARIABLES};
