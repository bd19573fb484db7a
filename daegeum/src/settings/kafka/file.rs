//! The settings of the sink as the file and the environment have them.

#[cfg(not(feature = "kafka"))]
use anyhow::bail;
use serde::Deserialize;

/// Where the first brokers are; setting it turns the sink on.
pub(super) const BROKERS_VARIABLE: &str = "DAEGEUM_KAFKA_BROKERS";
pub(super) const TOPIC_VARIABLE: &str = "DAEGEUM_KAFKA_TOPIC";
pub(super) const SECURITY_VARIABLE: &str = "DAEGEUM_KAFKA_SECURITY";
pub(super) const CA_FILE_VARIABLE: &str = "DAEGEUM_KAFKA_CA_FILE";
pub(super) const SASL_MECHANISM_VARIABLE: &str = "DAEGEUM_KAFKA_SASL_MECHANISM";
pub(super) const USERNAME_VARIABLE: &str = "DAEGEUM_KAFKA_USERNAME";
/// The variable of the password, which is no flag.
pub(super) const PASSWORD_VARIABLE: &str = "DAEGEUM_KAFKA_PASSWORD";

/// Every variable of the sink.
pub(crate) const VARIABLES: [&str; 7] = [
    BROKERS_VARIABLE,
    TOPIC_VARIABLE,
    SECURITY_VARIABLE,
    CA_FILE_VARIABLE,
    SASL_MECHANISM_VARIABLE,
    USERNAME_VARIABLE,
    PASSWORD_VARIABLE,
];

/// `[kafka]` in the file.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct KafkaFile {
    pub(super) brokers: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) security: Option<String>,
    pub(super) ca_file: Option<String>,
    pub(super) sasl_mechanism: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
}

impl KafkaFile {
    /// The settings of the file, each replaced by its variable where that is set.
    pub(super) fn with_environment(self) -> Self {
        let read = |name: &str, of_file: Option<String>| std::env::var(name).ok().or(of_file);
        Self {
            brokers: read(BROKERS_VARIABLE, self.brokers),
            topic: read(TOPIC_VARIABLE, self.topic),
            security: read(SECURITY_VARIABLE, self.security),
            ca_file: read(CA_FILE_VARIABLE, self.ca_file),
            sasl_mechanism: read(SASL_MECHANISM_VARIABLE, self.sasl_mechanism),
            username: read(USERNAME_VARIABLE, self.username),
            password: read(PASSWORD_VARIABLE, self.password),
        }
    }

    /// The first setting besides the brokers that is set.
    pub(super) fn beside_brokers(&self) -> Option<&'static str> {
        let set = [
            (TOPIC_VARIABLE, &self.topic),
            (SECURITY_VARIABLE, &self.security),
            (CA_FILE_VARIABLE, &self.ca_file),
            (SASL_MECHANISM_VARIABLE, &self.sasl_mechanism),
            (USERNAME_VARIABLE, &self.username),
            (PASSWORD_VARIABLE, &self.password),
        ];
        set.into_iter().find_map(|(name, value)| value.is_some().then_some(name))
    }
}

/// Refuses the settings of a sink that this build does not have.
#[cfg(not(feature = "kafka"))]
pub(crate) fn refuse(file: KafkaFile) -> anyhow::Result<()> {
    let file = file.with_environment();
    let set = file.brokers.as_ref().map(|_| BROKERS_VARIABLE).or_else(|| file.beside_brokers());
    if let Some(name) = set {
        bail!(
            "the setting {name} is of the Kafka sink, which this build does not have; build with `--features kafka`, \
             or remove the setting"
        );
    }
    Ok(())
}

#[cfg(all(test, not(feature = "kafka")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_sink_refuses_its_settings_by_name() {
        let brokers = KafkaFile { brokers: Some("kafka.example:9092".to_owned()), ..KafkaFile::default() };
        let topic = KafkaFile { topic: Some("events".to_owned()), ..KafkaFile::default() };
        for (file, named) in [(brokers, BROKERS_VARIABLE), (topic, TOPIC_VARIABLE)] {
            let told = refuse(file).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains(named) && told.contains("--features kafka"), "{told}");
        }
        assert!(refuse(KafkaFile::default()).is_ok());
    }
}
