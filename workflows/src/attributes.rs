//! Search attributes: what an operator can filter and sort by in the Temporal UI.

use temporalio_workflow::common::search_attributes::SearchAttributeKey;

/// Where the checkout stands: `NOT_STARTED`, `SUCCESS` …
pub const PAYMENT_STATUS: SearchAttributeKey<String> = SearchAttributeKey::keyword("PaymentStatus");
/// The checkout id, which is the order number that the buyer and the PSP see.
pub const ORDER_ID: SearchAttributeKey<String> = SearchAttributeKey::keyword("OrderId");
/// Every seller account of the checkout.
pub const SELLER_ACCOUNTS: SearchAttributeKey<Vec<String>> = SearchAttributeKey::keyword_list("SellerAccounts");
/// What the buyer pays, in minor units of its currency.
pub const AMOUNT: SearchAttributeKey<i64> = SearchAttributeKey::int("Amount");

/// Name and type of each, in the words of Temporal's command line and its operator service.
pub const ALL: [(&str, &str); 4] =
    [("PaymentStatus", "Keyword"), ("OrderId", "Keyword"), ("SellerAccounts", "KeywordList"), ("Amount", "Int")];
