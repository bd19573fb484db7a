//! The settings of a sink that this build has.

use std::{fmt, path::PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::file::{
    BROKERS_VARIABLE, CA_FILE_VARIABLE, KafkaFile, PASSWORD_VARIABLE, SASL_MECHANISM_VARIABLE, SECURITY_VARIABLE,
    TOPIC_VARIABLE, USERNAME_VARIABLE,
};

/// The topic, unless it is set.
const TOPIC: &str = "daegeum.events";
/// The most characters of the name of a topic. Source: Apache Kafka, `Topic.MAX_NAME_LENGTH`.
const MAX_TOPIC_CHARS: usize = 249;

/// Where events go.
#[derive(Debug, Clone)]
pub(crate) struct Kafka {
    /// `host:port`, with commas between them.
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) security: Security,
}

/// How brokers are spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Security {
    /// Whether the connection is encrypted, and by whose certificate; the roots of the machine where no file is
    /// named.
    pub(crate) tls: Option<Tls>,
    /// How this side proves who it is.
    pub(crate) sasl: Option<Sasl>,
}

/// An encrypted connection.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) ca_file: Option<PathBuf>,
}

/// A name and a password.
#[derive(Clone)]
pub(crate) struct Sasl {
    pub(crate) mechanism: SaslMechanism,
    pub(crate) username: String,
    pub(crate) password: String,
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// How the password is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SaslMechanism {
    /// The password itself.
    Plain,
    /// By SCRAM with SHA-256.
    ScramSha256,
    /// By SCRAM with SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// The mechanism in SASL's words.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Reads the settings; nothing where no brokers are named.
pub(crate) fn kafka(file: KafkaFile) -> anyhow::Result<Option<Kafka>> {
    let file = file.with_environment();
    let beside_brokers = file.beside_brokers();
    let Some(brokers) = file.brokers else {
        if let Some(name) = beside_brokers {
            bail!("the setting {name} is of the Kafka sink, and {BROKERS_VARIABLE} is not set");
        }
        return Ok(None);
    };
    let brokers = brokers.trim().to_owned();
    ensure!(
        brokers.split(',').all(is_broker),
        "the setting {BROKERS_VARIABLE} must be HOST:PORT, or several with commas between them"
    );
    let topic = file.topic.unwrap_or_else(|| TOPIC.to_owned());
    ensure!(
        is_topic(&topic),
        "the setting {TOPIC_VARIABLE} must be 1 to {MAX_TOPIC_CHARS} of a-z A-Z 0-9 . _ -, and not {topic:?}"
    );
    let is_tls = file.security.as_deref().map(is_tls).transpose()?.unwrap_or(false);
    ensure!(is_tls || file.ca_file.is_none(), "the setting {CA_FILE_VARIABLE} needs {SECURITY_VARIABLE}=tls");
    let tls = is_tls.then(|| Tls { ca_file: file.ca_file.map(PathBuf::from) });
    let sasl = sasl(file.sasl_mechanism.as_deref(), file.username, file.password)?;
    let needs_openssl = is_tls || sasl.as_ref().is_some_and(|sasl| sasl.mechanism != SaslMechanism::Plain);
    ensure!(
        !needs_openssl || cfg!(feature = "kafka-tls"),
        "TLS and SCRAM towards Kafka need a build with `--features kafka-tls`; see {SECURITY_VARIABLE} and \
         {SASL_MECHANISM_VARIABLE}"
    );
    Ok(Some(Kafka { brokers, topic, security: Security { tls, sasl } }))
}

fn is_broker(text: &str) -> bool {
    let parts = text.trim().rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        let is_host = !host.is_empty() && !host.contains(|char: char| char.is_whitespace() || char == '/');
        is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn is_topic(text: &str) -> bool {
    let is_char = |char: char| char.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&char);
    (1..=MAX_TOPIC_CHARS).contains(&text.len()) && text.chars().all(is_char) && ![".", ".."].contains(&text)
}

fn is_tls(text: &str) -> anyhow::Result<bool> {
    match text {
        "plaintext" => Ok(false),
        "tls" => Ok(true),
        _ => bail!("the setting {SECURITY_VARIABLE} must be plaintext or tls, not {text:?}"),
    }
}

fn sasl(mechanism: Option<&str>, username: Option<String>, password: Option<String>) -> anyhow::Result<Option<Sasl>> {
    let Some(mechanism) = mechanism else {
        ensure!(
            username.is_none() && password.is_none(),
            "the settings {USERNAME_VARIABLE} and {PASSWORD_VARIABLE} need {SASL_MECHANISM_VARIABLE}"
        );
        return Ok(None);
    };
    let known = SaslMechanism::ALL.into_iter().find(|known| known.as_str() == mechanism);
    let mechanism = known.with_context(|| {
        let names = SaslMechanism::ALL.map(SaslMechanism::as_str).join(", ");
        format!("the setting {SASL_MECHANISM_VARIABLE} must be one of {names}, not {mechanism:?}")
    })?;
    let username = username.with_context(|| format!("the setting {USERNAME_VARIABLE} is missing"))?;
    let password = password.with_context(|| format!("the setting {PASSWORD_VARIABLE} is missing"))?;
    Ok(Some(Sasl { mechanism, username, password }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn read(text: &str) -> anyhow::Result<Option<Kafka>> {
        kafka(toml::from_str(text)?)
    }

    #[test]
    fn without_brokers_there_is_no_sink_and_the_topic_has_a_default() {
        assert!(read("").unwrap().is_none());
        let kafka = read("brokers = \"a.example:9092,b.example:9092\"").unwrap().unwrap();
        assert_eq!(kafka.topic, "daegeum.events");
        assert!(kafka.security.tls.is_none() && kafka.security.sasl.is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name_and_a_password_is_never_shown() {
        let with = |rest: &str| format!("brokers = \"kafka.example:9092\"\n{rest}");
        for (text, named) in [
            ("topic = \"events\"".to_owned(), "DAEGEUM_KAFKA_BROKERS"),
            ("brokers = \"kafka.example\"".to_owned(), "DAEGEUM_KAFKA_BROKERS"),
            ("brokers = \"http://kafka.example:9092\"".to_owned(), "DAEGEUM_KAFKA_BROKERS"),
            (with("topic = \"a b\""), "DAEGEUM_KAFKA_TOPIC"),
            (with("security = \"ssl\""), "DAEGEUM_KAFKA_SECURITY"),
            (with("ca_file = \"/etc/ca.pem\""), "DAEGEUM_KAFKA_CA_FILE"),
            (with("sasl_mechanism = \"GSSAPI\""), "DAEGEUM_KAFKA_SASL_MECHANISM"),
            (with("username = \"u\"\npassword = \"hidden\""), "DAEGEUM_KAFKA_SASL_MECHANISM"),
            (with("sasl_mechanism = \"PLAIN\"\npassword = \"hidden\""), "DAEGEUM_KAFKA_USERNAME"),
            (with("acks = 1"), "acks"),
        ] {
            let error = format!("{:#}", read(&text).unwrap_err());
            assert!(error.contains(named) && !error.contains("hidden"), "{text}: {error}");
        }
        let plain = with("sasl_mechanism = \"PLAIN\"\nusername = \"u\"\npassword = \"hidden\"");
        assert!(!format!("{:?}", read(&plain).unwrap()).contains("hidden"));
    }
}
