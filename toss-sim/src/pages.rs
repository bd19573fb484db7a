//! What a person sees: the payment window, a receipt, and the simulator's front page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use serde_json::Value;

use crate::banks::DEFAULT_BANK;
use crate::cash_receipt::ReceiptKind;
use crate::codes::{Code, Language};
use crate::currency::Currency;
use crate::method::Method;
use crate::payment::Payment;
use crate::terms::Offer;
use crate::time::{with_offset, without_offset};
use crate::wallets::{DEFAULT_ISSUER, card_company_name};

/// The banks a buyer chooses from, the one that is chosen unless the buyer chooses among them.
const OFFERED_BANKS: [(&str, &str); 6] = [
    ("20", "우리은행"),
    ("88", "신한은행"),
    ("06", "국민은행"),
    ("81", "하나은행"),
    ("90", "카카오뱅크"),
    ("92", "토스뱅크"),
];

fn bank_name(code: &str) -> &str {
    OFFERED_BANKS.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

const STYLE: &str = include_str!("window.css");

fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="ko" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div class="notice" role="note" { "테스트 결제창 · 시뮬레이터입니다. 실제로 결제되지 않습니다." }
                main { (content) }
            }
        }
    }
}

/// What a buyer reads under the name of a method.
pub(crate) fn hint(method: Method) -> &'static str {
    match method {
        Method::Card => "신용·체크카드, 일시불",
        Method::EasyPay => "간편결제 앱으로 결제",
        Method::Transfer => "은행 계좌에서 바로 출금",
        Method::VirtualAccount => "발급된 계좌로 입금하면 결제 완료",
        Method::MobilePhone => "통신요금에 더해 결제",
        Method::CultureGiftCertificate => "컬쳐랜드",
        Method::BookGiftCertificate => "북앤라이프",
        Method::GameGiftCertificate => "게임문화상품권",
        Method::ForeignEasyPay => "PayPal 등 해외 간편결제",
    }
}

/// The payment window of a payment that is READY. A payment that no script opened offers every method.
pub(crate) fn payment_window(payment: &Payment, merchant_name: &str, offer: Option<&Offer>) -> Markup {
    let base = format!("/_window/{}", payment.key);
    let total = payment.currency.shown(payment.total);
    let of_contract = Method::ALL.into_iter().filter(|method| method.is_offered_in(payment.currency));
    let offered = offer.map_or_else(|| of_contract.collect(), |offer| offer.methods.clone());
    let content = html! {
        p class="merchant" { (merchant_name) }
        h1 { (payment.order_name) }
        p class="amount" id="amount" { (total) }
        p class="order" { "주문번호 " (payment.order_id) }
        (agreed(payment))
        form method="post" action=(format!("{base}/pay")) {
            fieldset class="methods" {
                legend { "결제수단" }
                @for (index, method) in offered.iter().copied().enumerate() {
                    label class="method" {
                        input type="radio" name="method" value=(method.name(Language::English))
                            checked[index == 0];
                        span { (method.name(Language::Korean)) small { (hint(method)) } }
                    }
                }
            }
            @if let Some(offer) = offer { (choices(payment, offer)) }
            label class="choice bank" {
                span { "은행" }
                select name="bank" {
                    @for (code, name) in OFFERED_BANKS {
                        option value=(code) selected[code == DEFAULT_BANK] { (name) }
                    }
                }
            }
            (bench())
            div class="actions" {
                button type="submit" id="pay" { (total) " 결제하기" }
                (other_ends(&base))
            }
        }
    };
    page("테스트 결제창", &content)
}

/// What the shop has settled already, where a buyer wants to know.
fn agreed(payment: &Payment) -> Markup {
    let terms = &payment.terms;
    html! {
        @if terms.tax_free > 0 { p class="order" id="tax-free" { "면세 금액 " (payment.currency.shown(terms.tax_free)) } }
        @if terms.use_escrow { p class="order" id="escrow" { "에스크로(구매안전) 결제" } }
    }
}

/// What the buyer chooses besides the method: the wallet, the months, the receipt.
fn choices(payment: &Payment, offer: &Offer) -> Markup {
    let issuer = payment.terms.card.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    html! {
        @if offer.methods.contains(&Method::EasyPay) {
            label class="choice wallet" {
                span { "간편결제" }
                select name="easy_pay" {
                    @for wallet in &offer.easy_pays {
                        option value=(wallet.name(Language::English)) { (wallet.name(Language::Korean)) }
                    }
                }
            }
        }
        @if offer.methods.contains(&Method::Card) {
            label class="choice plan" {
                span { (card_company_name(issuer)) " 카드" }
                select name="installment" {
                    @for months in &offer.months {
                        option value=(months) { (plan_name(*months)) @if offer.is_free(issuer, *months) { " 무이자" } }
                    }
                }
            }
        }
        @if offer.methods.iter().any(|method| method.is_cash()) {
            label class="choice receipt" {
                span { "현금영수증" }
                select name="cash_receipt" {
                    option value="" selected[offer.receipt.is_none()] { "신청 안 함" }
                    @for kind in ReceiptKind::ALL {
                        option value=(kind.name()) selected[offer.receipt == Some(kind)] { (kind.name()) }
                    }
                }
            }
            label class="choice number" {
                span { "발급 번호" }
                input name="receipt_number" inputmode="numeric" autocomplete="off" placeholder="휴대폰·사업자번호";
            }
        }
    }
}

fn plan_name(months: u8) -> String {
    if months == 0 { "일시불".to_owned() } else { format!("{months}개월") }
}

fn bench() -> Markup {
    html! {
        div class="bench" {
            strong { "시뮬레이터 설정" }
            label {
                input type="checkbox" id="decline-on-confirm" name="decline_on_confirm"
                    value=(Code::RejectCardPayment.name());
                span {
                    "승인할 때 카드사가 거절합니다" br;
                    code { (Code::RejectCardPayment.name()) }
                }
            }
        }
    }
}

fn other_ends(base: &str) -> Markup {
    html! {
        div class="others" {
            button type="submit" id="decline" formaction=(format!("{base}/decline")) { "인증 실패" }
            button type="submit" id="close" formaction=(format!("{base}/close")) { "창 닫기" }
        }
    }
}

/// The window in which a buyer registers a card or an account, to be charged without the buyer.
pub(crate) fn billing_window(id: &str, merchant_name: &str, method: Method) -> Markup {
    let base = format!("/_window/billing/{id}");
    let content = html! {
        p class="merchant" { (merchant_name) }
        h1 { "자동결제 등록" }
        p class="text" id="billing-method" { (method.name(Language::Korean)) "을(를) 등록하면 상점이 자동으로 결제합니다." }
        form method="post" action=(format!("{base}/agree")) {
            div class="actions" {
                button type="submit" id="agree" { "동의하고 등록하기" }
                (other_ends(&base))
            }
        }
    };
    page("테스트 자동결제 등록", &content)
}

/// A cash receipt, or the cancellation of one, as its JSON says it.
pub(crate) fn cash_receipt(receipt: &Value) -> Markup {
    let text = |name: &str| receipt[name].as_str().unwrap_or_default().to_owned();
    let content = html! {
        p class="merchant" { "테스트 현금영수증 · " (text("type")) }
        h1 { (text("orderName")) }
        p class="amount" { (Currency::Krw.shown(receipt["amount"].as_u64().unwrap_or_default())) }
        dl {
            dt { "거래" } dd { (text("transactionType")) }
            dt { "주문번호" } dd { (text("orderId")) }
            dt { "발급 상태" } dd { (text("issueStatus")) }
            dt { "승인번호" } dd { (text("approvalNumber")) }
            dt { "거래일시" } dd { (text("requestedAt")) }
        }
    };
    page("테스트 현금영수증", &content)
}

/// The last page of a framed window: it has nothing to show, the shop's page is about to remove it.
pub(crate) fn finish(opener: &str, message: &Value) -> Markup {
    let content = html! {
        p class="text" id="told" data-opener=(opener) data-message=(message.to_string()) { "상점으로 돌아갑니다." }
        script src="/_window/finish.js" {}
    };
    page("테스트 결제창", &content)
}

/// A page that says what stands in the way.
pub(crate) fn refusal(code: Code) -> Markup {
    let content = html! {
        h1 id="refusal" { (code.message(Language::Korean)) }
        p class="order" { code id="refusal-code" { (code.name()) } }
        p class="text" { "결제창을 열 수 없습니다. 상점으로 돌아가 다시 시도해주세요." }
    };
    page("결제를 진행할 수 없습니다", &content)
}

/// The receipt of a payment.
pub(crate) fn receipt(payment: &Payment, merchant_name: &str) -> Markup {
    let method = payment.method.map_or("-", |method| method.name(Language::Korean));
    let content = html! {
        p class="merchant" { (merchant_name) " · 테스트 영수증" }
        h1 { (payment.order_name) }
        p class="amount" { (payment.currency.shown(payment.total)) }
        dl {
            dt { "상태" } dd { (payment.status.name()) }
            dt { "결제수단" } dd { (method) }
            dt { "주문번호" } dd { (payment.order_id) }
            @if let Some(account) = &payment.virtual_account {
                dt { "입금계좌" } dd id="account" { (bank_name(&account.bank_code)) " " (account.number) }
                dt { "입금기한" } dd { (without_offset(account.due).replace('T', " ")) }
            }
            dt { "승인일시" } dd { (payment.approved_at.map_or_else(|| "-".to_owned(), with_offset)) }
            dt { "남은 금액" } dd { (payment.currency.shown(payment.balance)) }
            @for cancel in &payment.cancels {
                dt { "취소" } dd { "−" (payment.currency.shown(cancel.amount)) " · " (cancel.reason) }
            }
        }
    };
    page("테스트 영수증", &content)
}

/// The front page: what this is and where to look.
pub(crate) fn front() -> Markup {
    let content = html! {
        h1 { "토스페이먼츠 시뮬레이터" }
        p class="text" { "테스트와 개발을 위한 가짜 결제 서버입니다. 결제 API는 이 주소의 " code { "/v1" } " 아래에 있습니다." }
        dl {
            dt { "결제 목록" } dd { a href="/_sim/payments" { "/_sim/payments" } }
            dt { "합계" } dd { a href="/_sim/totals" { "/_sim/totals" } }
            dt { "받은 요청" } dd { a href="/_sim/calls" { "/_sim/calls" } }
            dt { "웹훅" } dd { a href="/_sim/webhooks" { "/_sim/webhooks" } }
            dt { "대기 중인 장난" } dd { a href="/_sim/mischief" { "/_sim/mischief" } }
            dt { "스크립트" } dd { a href="/v2/standard" { "/v2/standard" } }
        }
        pre { "curl -d '{\"orderId\":\"order-0001\",\"amount\":15000}' \\\n  <이 주소>/_sim/authorize" }
    };
    page("토스페이먼츠 시뮬레이터", &content)
}
