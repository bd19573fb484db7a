//! Test set-up that several crates need: fresh databases, a browser, sellers whom Toss pays.
//!
//! # What this crate does not do
//!
//! It holds no test and no rule of the product. Only tests depend on it.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "database")]
pub mod database;
#[cfg(feature = "payees")]
pub mod payees;
#[cfg(feature = "database")]
pub mod server;
#[cfg(feature = "database")]
pub mod settlement;
