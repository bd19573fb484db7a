//! The client against servers that misbehave on purpose, and the tables against their sources.

mod answers;
mod codes;
mod doubts;
mod gates;
mod issues;
mod leniency;
mod parsers;
mod payouts;
mod pinning;
mod reports;
mod requests;
mod server;
mod webhooks;

/// The card example of the Payment object, as the API reference prints it.
const CARD: &str = r#"{"mId":"tosspayments","version":"2022-11-16",
 "paymentKey":"5zJ4xY7m0kODnyRpQWGrN2xqGlNvLrKwv1M9ENjbeoPaZdL6","status":"DONE",
 "lastTransactionKey":"B7103F204998813B889C77C043D09502","transactionKey":null,
 "orderId":"a4CWyWY5m89PNh7xJwhk1","orderName":"토스 티셔츠 외 2건",
 "requestedAt":"2022-06-08T15:40:09+09:00","approvedAt":"2022-06-08T15:40:49+09:00",
 "useEscrow":false,"cultureExpense":false,"card":{"issuerCode":"61","acquirerCode":"31","number":"43301234****123*",
 "installmentPlanMonths":0,"isInterestFree":false,
 "interestPayer":null,"approveNo":"00000000","useCardPoint":false,
 "cardType":"신용","ownerType":"개인","acquireStatus":"READY","amount":15000},
 "virtualAccount":null,"transfer":null,"mobilePhone":null,"giftCertificate":null,"cashReceipt":null,"cashReceipts":null,
 "discount":null,"cancels":null,"secret":null,
 "type":"NORMAL","easyPay":null,"country":"KR","failure":null,"isPartialCancelable":true,
 "receipt":{"url":"https://dashboard.tosspayments.com/receipt"},
 "checkout":{"url":"https://api.tosspayments.com/v1/payments/x/checkout"},
 "currency":"KRW","totalAmount":15000,"balanceAmount":15000,"suppliedAmount":13636,"vat":1364,
 "taxFreeAmount":0,"taxExemptionAmount":0,"metadata":null,"method":"카드"}"#;
