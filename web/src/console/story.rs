//! The story of a payment: everything that is known of it, on one time line.

mod items;
mod page;
mod records;

pub use page::story;
pub use records::{Acts, Standing, Story};
