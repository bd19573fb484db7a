//! The page of the statement of a purchase, in Korean and English. It prints on A4.

use domain::{
    Money,
    calendar::KoreanTime,
    cash_receipt::{CashReceipt, ReceiptEntry, ReceiptStatus},
    tax::TaxParts,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use service::purchase_statement::PurchaseStatement;
use store::{OrderRecord, RefundRecord};

use crate::{amount::amount, buyer::Shop, language::Language, policy::Policy, statement::STYLE};

/// The words of a page.
struct Words {
    title: &'static str,
    order: &'static str,
    buyer: &'static str,
    paid_at: &'static str,
    method: &'static str,
    escrow: &'static str,
    items: [&'static str; 7],
    paid: &'static str,
    refunds: &'static str,
    refund_columns: [&'static str; 4],
    refunded: &'static str,
    left: &'static str,
    receipt: &'static str,
    cash_receipts: &'static str,
    cash_receipt_columns: [&'static str; 4],
    issued: &'static str,
    taken_back: &'static str,
    in_progress: &'static str,
    see: &'static str,
    shop: &'static str,
    representative: &'static str,
    business_number: &'static str,
    mail_order_number: &'static str,
    address: &'static str,
    phone: &'static str,
    email: &'static str,
    note: &'static str,
}

const KOREAN: Words = Words {
    title: "거래명세서",
    order: "주문번호",
    buyer: "구매자",
    paid_at: "결제 일시",
    method: "결제 수단",
    escrow: "에스크로(구매 안전) 결제",
    items: ["상품", "판매자", "공급가액", "부가세", "면세 금액", "환불 금액", "결제 금액"],
    paid: "결제 합계",
    refunds: "환불 내역",
    refund_columns: ["환불 일시", "사유", "상품", "환불 금액"],
    refunded: "환불 합계",
    left: "환불 후 금액",
    receipt: "결제 영수증 보기",
    cash_receipts: "현금영수증",
    cash_receipt_columns: ["구분", "번호", "상태", "금액"],
    issued: "발급",
    taken_back: "취소",
    in_progress: "국세청 확인 중",
    see: "보기",
    shop: "쇼핑몰",
    representative: "대표자",
    business_number: "사업자등록번호",
    mail_order_number: "통신판매업 신고번호",
    address: "주소",
    phone: "전화",
    email: "이메일",
    note: "이 명세서는 세금계산서가 아닙니다. 세금 증빙은 신용카드 매출전표나 현금영수증을 이용해 주세요.",
};

const ENGLISH: Words = Words {
    title: "Statement of purchase",
    order: "Order number",
    buyer: "Buyer",
    paid_at: "Paid",
    method: "Paid by",
    escrow: "Paid in escrow",
    items: ["Item", "Seller", "Supply", "VAT", "Tax-free", "Refunded", "Paid"],
    paid: "Paid in all",
    refunds: "Refunds",
    refund_columns: ["Refunded at", "Reason", "Items", "Amount"],
    refunded: "Refunded in all",
    left: "After refunds",
    receipt: "See the receipt of the payment",
    cash_receipts: "Cash receipts",
    cash_receipt_columns: ["Kind", "Number", "Status", "Amount"],
    issued: "Issued",
    taken_back: "Taken back",
    in_progress: "The tax office confirms it",
    see: "See it",
    shop: "Shop",
    representative: "Representative",
    business_number: "Business registration number",
    mail_order_number: "Mail-order business number",
    address: "Address",
    phone: "Phone",
    email: "E-mail",
    note: "This statement is no tax invoice. The receipt of the card or the cash receipt proves a business expense.",
};

/// What a page is made with.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The statement.
    pub statement: &'a PurchaseStatement,
    /// The shop.
    pub shop: &'a Shop,
    /// The header `Accept-Language`.
    pub accept_language: &'a str,
}

/// The page of a statement, in the language that a browser prefers.
pub fn page(shown: &Shown<'_>, policy: &Policy) -> String {
    let Shown { statement, shop, accept_language } = *shown;
    let language = Language::accepted(accept_language);
    let paper = Paper { words: words(language), language, statement };
    let record = &statement.record;
    let words = paper.words;
    let page = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (words.title) " " (record.checkout_id) }
                style nonce=(policy.nonce()) { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (words.title) }
                p { b { (record.order_name) } }
                p { (words.order) ": " (record.checkout_id) " · " (words.buyer) ": " (record.buyer_id) }
                (paper.payment())
                (paper.items())
                (paper.refunds())
                (paper.receipts())
                (paper.shop(shop))
                p.quiet { (words.note) }
            }
        }
    };
    page.into_string()
}

const fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Korean => &KOREAN,
    }
}

/// A statement in a language.
struct Paper<'a> {
    words: &'static Words,
    language: Language,
    statement: &'a PurchaseStatement,
}

impl Paper<'_> {
    fn money(&self, money: Money) -> String {
        amount(money, self.language)
    }

    fn payment(&self) -> Markup {
        let (words, record) = (self.words, &self.statement.record);
        let psp = record.psp.as_ref();
        let receipt = psp.and_then(|psp| psp.receipt_url.as_deref()).filter(|url| is_web_address(url));
        html! {
            p {
                @if let Some(at) = psp.and_then(|psp| psp.approved_at) { (words.paid_at) ": " (KoreanTime(at)) }
                @if let Some(method) = psp.and_then(|psp| psp.method.as_deref()) {
                    " · " (words.method) ": " (method)
                }
                @if record.window.use_escrow { " · " (words.escrow) }
            }
            @if let Some(url) = receipt { p { a #receipt href=(url) rel="noopener noreferrer" { (words.receipt) } } }
        }
    }

    fn items(&self) -> Markup {
        let [item, seller, amounts @ ..] = self.words.items;
        let sums = &self.statement.sums;
        html! {
            table #items {
                thead {
                    tr {
                        th scope="col" { (item) }
                        th scope="col" { (seller) }
                        @for column in amounts { th.won scope="col" { (column) } }
                    }
                }
                tbody {
                    @for line in &self.statement.record.orders { (self.item(line)) }
                    tr.sum #paid {
                        td colspan="2" { (self.words.paid) }
                        (self.parts(&sums.tax))
                        td.won { (self.money(sums.refunded)) }
                        td.won { (self.money(sums.paid)) }
                    }
                    @if !sums.refunded.is_zero() {
                        tr.sum #left {
                            td colspan="2" { (self.words.left) }
                            (self.parts(&sums.tax_left))
                            td.won {}
                            td.won { (self.money(sums.left)) }
                        }
                    }
                }
            }
        }
    }

    fn item(&self, line: &OrderRecord) -> Markup {
        let order = &line.order;
        let seller = self.statement.sellers.get(&order.seller).map_or(order.seller.as_str(), String::as_str);
        html! {
            tr {
                td { (order.name.as_deref().unwrap_or(&self.statement.record.order_name)) }
                td { (seller) }
                (self.parts(&order.tax_parts()))
                td.won { (self.money(line.refunded)) }
                td.won { (self.money(order.amount)) }
            }
        }
    }

    fn parts(&self, parts: &TaxParts) -> Markup {
        let TaxParts { supply, vat, tax_free } = *parts;
        html! { @for part in [supply, vat, tax_free] { td.won { (self.money(part)) } } }
    }

    fn refunds(&self) -> Markup {
        let [at, reason, items, given] = self.words.refund_columns;
        let refunds = &self.statement.refunds;
        html! {
            @if !refunds.is_empty() {
                h2 { (self.words.refunds) }
                table #refunds {
                    thead {
                        tr {
                            @for column in [at, reason, items] { th scope="col" { (column) } }
                            th.won scope="col" { (given) }
                        }
                    }
                    tbody {
                        @for refund in refunds { (self.refund(refund)) }
                        tr.sum {
                            td colspan="3" { (self.words.refunded) }
                            td.won { (self.money(self.statement.sums.refunded)) }
                        }
                    }
                }
            }
        }
    }

    fn refund(&self, refund: &RefundRecord) -> Markup {
        let record = &self.statement.record;
        let is_of = |line: &&OrderRecord| refund.parts.iter().any(|part| part.order == line.order.id);
        let names: Vec<&str> = record
            .orders
            .iter()
            .filter(is_of)
            .map(|line| line.order.name.as_deref().unwrap_or(line.order.id.as_str()))
            .collect();
        html! {
            tr {
                td { @if let Some(at) = refund.executed_at { (KoreanTime(at)) } }
                td { (refund.reason) }
                td { (names.join(", ")) }
                td.won { @if let Some(given) = refund.amount { (self.money(given)) } }
            }
        }
    }

    fn receipts(&self) -> Markup {
        let receipts = self.statement.receipts.receipts.iter();
        let receipts: Vec<&CashReceipt> = receipts.filter(|receipt| receipt.status != ReceiptStatus::Failed).collect();
        let [kind, number, status, recorded] = self.words.cash_receipt_columns;
        html! {
            @if !receipts.is_empty() {
                h2 { (self.words.cash_receipts) }
                table #cash-receipts {
                    thead {
                        tr {
                            @for column in [kind, number, status] { th scope="col" { (column) } }
                            th.won scope="col" { (recorded) }
                        }
                    }
                    tbody { @for receipt in receipts { (self.cash_receipt(receipt)) } }
                }
            }
        }
    }

    fn cash_receipt(&self, receipt: &CashReceipt) -> Markup {
        let words = self.words;
        let kind = match receipt.entry {
            ReceiptEntry::Issue => words.issued,
            ReceiptEntry::Cancel => words.taken_back,
        };
        html! {
            tr {
                td { (kind) }
                td { @if let Some(number) = &receipt.number { (number) } }
                td {
                    @if receipt.status == ReceiptStatus::InProgress { (words.in_progress) " " }
                    @if let Some(url) = receipt.url.as_deref().filter(|url| is_web_address(url)) {
                        a href=(url) rel="noopener noreferrer" { (words.see) }
                    }
                }
                td.won { (self.money(receipt.amount)) }
            }
        }
    }

    fn shop(&self, shop: &Shop) -> Markup {
        let words = self.words;
        let told = [
            (words.shop, &shop.name),
            (words.representative, &shop.representative),
            (words.business_number, &shop.business_number),
            (words.mail_order_number, &shop.mail_order_number),
            (words.address, &shop.address),
            (words.phone, &shop.phone),
            (words.email, &shop.email),
        ];
        let told = told.into_iter().filter_map(|(word, text)| Some((word, text.as_deref()?)));
        html! {
            table #shop { tbody { @for (word, text) in told { tr { th scope="row" { (word) } td { (text) } } } } }
        }
    }
}

fn is_web_address(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}
