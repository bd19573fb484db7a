//! Test set-up that several crates need: fresh databases and a browser.
//!
//! # What this crate does not do
//!
//! It holds no test and no rule of the product. Only tests depend on it.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "database")]
pub mod database;
#[cfg(feature = "database")]
pub mod server;
#[cfg(feature = "database")]
pub mod settlement;
