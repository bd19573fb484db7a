//! Where a running `dev` listens.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::{Currency, payment_method::PaymentMethod};

use crate::{
    private,
    settings::{DataDir, KeySet, Toss},
};

/// The file in the data directory that says where everything listens.
const ADDRESSES_FILE: &str = "addresses.json";

/// Where everything listens. The commands beside a running `dev` read it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Addresses {
    pub(crate) api: String,
    pub(crate) temporal: String,
    pub(crate) namespace: String,
    pub(crate) temporal_ui: String,
    pub(crate) toss_simulator: String,
    pub(crate) data_dir: PathBuf,
    /// Whether workflow histories are sealed under the encryption keys that are set.
    pub(crate) seals_histories: bool,
}

/// What the payment page of `dev` offers.
const SIMULATED_METHODS: [PaymentMethod; 5] = [
    PaymentMethod::Card,
    PaymentMethod::VirtualAccount,
    PaymentMethod::Transfer,
    PaymentMethod::MobilePhone,
    PaymentMethod::ForeignEasyPay,
];

/// The simulator's contracts in other currencies than won.
fn simulated_key_sets() -> Vec<KeySet> {
    let of = |currency, simulated| {
        let merchant = toss_sim::Merchant::default_in(simulated);
        KeySet { currency, client_key: merchant.client_key, secret_key: Some(merchant.secret_key.into()) }
    };
    vec![of(Currency::Usd, toss_sim::Currency::Usd), of(Currency::Jpy, toss_sim::Currency::Jpy)]
}

impl Addresses {
    /// Where a `dev` listens that runs in a data directory, if one does.
    pub(crate) fn of_running(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let file = data_dir.join(ADDRESSES_FILE);
        // A `dev` that was killed leaves its file behind, and no lock.
        if !file.exists() || !DataDir::is_taken(data_dir)? {
            return Ok(None);
        }
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
        };
        let read = serde_json::from_slice(&text);
        read.map(Some).with_context(|| format!("{} is not what this version writes; start `dev` anew", file.display()))
    }

    /// The simulator, with the keys that it knows.
    pub(crate) fn simulated_toss(&self) -> Toss {
        Toss {
            base_url: self.toss_simulator.clone(),
            script_url: format!("{}/v2/standard", self.toss_simulator),
            client_key: Some(toss_sim::DEFAULT_CLIENT_KEY.to_owned()),
            others: simulated_key_sets(),
            concurrent_calls: None,
            secret_key: Some(toss_sim::DEFAULT_SECRET_KEY.to_owned().into()),
            security_key: Some(toss_sim::DEFAULT_SECURITY_KEY.into()),
            methods: Some(SIMULATED_METHODS.to_vec()),
            currency: Currency::Krw,
            set: Vec::new(),
        }
    }

    /// The Temporal server.
    pub(crate) fn temporal(&self) -> temporal::Place {
        temporal::Place::Dev { address: self.temporal.clone(), namespace: self.namespace.clone() }
    }

    pub(crate) fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        let (file, whole) = (data_dir.join(ADDRESSES_FILE), data_dir.join(format!("{ADDRESSES_FILE}.new")));
        private::write(&whole, &serde_json::to_string_pretty(self)?)?;
        std::fs::rename(&whole, &file).with_context(|| format!("could not write {}", file.display()))
    }

    pub(crate) fn remove(data_dir: &Path) {
        // It may never have been written.
        let _ = std::fs::remove_file(data_dir.join(ADDRESSES_FILE));
    }
}
