//! Text below the options in the help of a command.

/// The examples of a command, one a line.
macro_rules! example {
    ($($line:literal),+) => { concat!("Example:" $(, "\n  ", $line)+) };
}

/// The examples of a command that needs a Temporal server, and the variables that name the server.
macro_rules! example_with_temporal {
    ($($line:literal),+) => {
        concat!(
            example!($($line),+),
            "\n\nThe Temporal server, as for all of Temporal's own tools:
  TEMPORAL_ADDRESS     HOST:PORT [default: 127.0.0.1:7233]
  TEMPORAL_NAMESPACE   [default: default]
  TEMPORAL_API_KEY     for Temporal Cloud; turns TLS on
  TEMPORAL_TLS         true for TLS without a client certificate
  TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_CA_CERT_PATH,
  TEMPORAL_TLS_SERVER_NAME
                       and the other TEMPORAL_TLS_… settings; or a profile of the file TEMPORAL_CONFIG_FILE
TOSS_SECRET_KEY is Toss's secret key. daegeum.example.toml lists every key of daegeum.toml."
        )
    };
}
