//! What is around every route: who calls, how much comes in, how a request is read and a problem is written.

pub(crate) mod audit;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod card_numbers;
pub(crate) mod exposition;
pub(crate) mod fields;
pub(crate) mod forms;
pub(crate) mod key_use;
pub(crate) mod leftover_body;
pub(crate) mod lifecycle;
pub(crate) mod limits;
pub(crate) mod marks;
pub(crate) mod metrics;
pub(crate) mod paging;
pub(crate) mod parameters;
pub(crate) mod problem;
pub(crate) mod reading;
pub(crate) mod replay;
pub(crate) mod request;
pub(crate) mod route_rules;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod trace;
pub(crate) mod values;
