//! The arguments of `daegeum webhooks`.

use clap::{Args, Subcommand};

/// What to do with webhook endpoints.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksAction {
    /// List endpoints, the oldest first
    #[command(after_help = example!("daegeum webhooks list --json"))]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Create an endpoint; its secret is printed alone on the last line
    #[command(after_help = example!("daegeum webhooks create https://shop.example/webhooks --type checkout.paid"))]
    Create {
        /// Where events are sent, such as `https://shop.example/webhooks`
        url: String,
        /// A type that is sent; may be given several times [default: all types]
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// What people call it
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Show an endpoint
    #[command(after_help = example!("daegeum webhooks show we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7"))]
    Show(OneEndpoint),
    /// Change an endpoint
    #[command(after_help = example!("daegeum webhooks update we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7 --status ENABLED"))]
    Update {
        /// The endpoint
        id: String,
        /// Where events are sent
        #[arg(long)]
        url: Option<String>,
        /// A type that is sent; may be given several times
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// Send all types
        #[arg(long, conflicts_with = "types")]
        all_types: bool,
        /// What people call it
        #[arg(long)]
        description: Option<String>,
        /// ENABLED or DISABLED
        #[arg(long)]
        status: Option<String>,
    },
    /// Remove an endpoint with the events that wait there
    #[command(after_help = example!("daegeum webhooks delete we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7"))]
    Delete {
        /// The endpoint
        id: String,
    },
    /// Give an endpoint a new secret, which is printed alone on the last line; the current one signs along for 24 hours
    #[command(after_help = example!("daegeum webhooks rotate-secret we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7"))]
    RotateSecret {
        /// The endpoint
        id: String,
    },
    /// Send a test event
    #[command(after_help = example!("daegeum webhooks test we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7"))]
    Test {
        /// The endpoint
        id: String,
    },
    /// Send a part of the log again
    #[command(after_help = example!("daegeum webhooks replay we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7 --from 1"))]
    Replay {
        /// The endpoint
        id: String,
        /// The first position
        #[arg(long = "from", value_name = "POSITION")]
        from: u64,
        /// The last position [default: the end of the log]
        #[arg(long = "to", value_name = "POSITION")]
        to: Option<u64>,
    },
    /// List attempts to deliver, the newest first
    #[command(after_help = example!("daegeum webhooks deliveries we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7 --status FAILED"))]
    Deliveries {
        /// The endpoint
        id: String,
        /// DELIVERED, FAILED or UNDELIVERED
        #[arg(long)]
        status: Option<String>,
        /// The most that are listed
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver the event of an attempt once more
    #[command(after_help = example!("daegeum webhooks redeliver we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7 17"))]
    Redeliver {
        /// The endpoint
        id: String,
        /// The number of the attempt
        delivery: u64,
    },
    /// Receive events on this machine: verify each and print it
    #[command(
        after_help = example!("daegeum webhooks listen --port 3000 --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    )]
    Listen(ListenOptions),
}

/// An endpoint to show.
#[derive(Debug, Args)]
pub(crate) struct OneEndpoint {
    /// The endpoint
    pub(crate) id: String,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a receiver listens.
#[derive(Debug, Args)]
pub(crate) struct ListenOptions {
    /// Its port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 3000)]
    pub(crate) port: u16,
    /// The secret of the endpoint, whsec_…
    #[arg(long, env = "WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) secret: String,
}
