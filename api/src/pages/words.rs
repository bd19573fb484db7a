//! What the pages say, in Korean and in English.

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Korean,
    English,
}

impl Language {
    /// The language that an `Accept-Language` header prefers; Korean when it names neither.
    pub(super) fn accepted(header: &str) -> Self {
        let rank = |wanted: Self| {
            let weights = header.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let primary = parts.next()?.split('-').next()?;
                primary.eq_ignore_ascii_case(wanted.tag()).then(|| thousandths(parts.next()))
            });
            weights.max().unwrap_or(0)
        };
        if rank(Self::English) > rank(Self::Korean) { Self::English } else { Self::Korean }
    }

    /// The language tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Korean => "ko",
            Self::English => "en",
        }
    }

    /// Its words.
    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::Korean => &KOREAN,
            Self::English => &ENGLISH,
        }
    }
}

/// A weight such as `q=0.8` in thousandths; 1000 when there is none. Source: RFC 9110, section 12.4.2.
fn thousandths(parameter: Option<&str>) -> u32 {
    let Some(weight) = parameter.and_then(|parameter| parameter.strip_prefix("q=")) else { return 1000 };
    match weight.split_once('.') {
        None => weight.parse::<u32>().map_or(0, |whole| whole.min(1) * 1000),
        Some(("0", decimals)) => format!("{decimals:0<3}").get(..3).and_then(|text| text.parse().ok()).unwrap_or(0),
        Some(_) => 1000,
    }
}

/// A title and a sentence.
type Said = (&'static str, &'static str);

/// Everything that a page can say.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) pay_title: &'static str,
    pub(super) confirming_title: &'static str,
    pub(super) failed_title: &'static str,
    pub(super) unknown_title: &'static str,
    pub(super) unknown: &'static str,
    pub(super) test_mode: &'static str,
    pub(super) lines: &'static str,
    pub(super) total: &'static str,
    pub(super) time_left: &'static str,
    pub(super) pay: &'static str,
    pub(super) pay_again: &'static str,
    pub(super) pay_hint: &'static str,
    pub(super) needs_script: &'static str,
    pub(super) trouble: &'static str,
    pub(super) code: &'static str,
    pub(super) back_to_shop: &'static str,
    pub(super) back_to_checkout: &'static str,
    /// When the same way of paying may succeed; `{time}` stands for the time.
    pub(super) come_back: &'static str,
    pub(super) bank: &'static str,
    pub(super) account_number: &'static str,
    pub(super) due_date: &'static str,
    pub(super) confirming: Said,
    pub(super) late: Said,
    pub(super) refused: Said,
    pub(super) paid: Said,
    pub(super) waiting_for_deposit: Said,
    pub(super) declined: Said,
    pub(super) retry: Said,
    pub(super) expired: Said,
    pub(super) canceled: Said,
    pub(super) partially_refunded: Said,
    pub(super) refunded: Said,
    /// Why the payment window closed, for the codes that it is known to give.
    reasons: &'static [Said],
    some_reason: &'static str,
    /// Why a payment was not made, for the codes that are ours and not the PSP's.
    pub(super) failures: &'static [Said],
}

const KOREAN: Words = Words {
    pay_title: "결제하기",
    confirming_title: "결제 확인",
    failed_title: "결제가 완료되지 않았습니다",
    unknown_title: "주문을 찾을 수 없습니다",
    unknown: "주소를 다시 확인해 주세요.",
    test_mode: "테스트 결제 · 실제로 출금되지 않습니다",
    lines: "주문 내역",
    total: "총 결제 금액",
    time_left: "남은 결제 시간",
    pay: "결제하기",
    pay_again: "다시 결제하기",
    pay_hint: "카드 정보는 결제사의 창에서만 입력하며 이 페이지에는 저장되지 않습니다.",
    needs_script: "결제하려면 브라우저에서 자바스크립트를 켜 주세요.",
    trouble: "결제창을 열지 못했습니다. 잠시 후 다시 시도해 주세요.",
    code: "코드",
    back_to_shop: "쇼핑몰로 돌아가기",
    back_to_checkout: "결제 페이지로 돌아가기",
    come_back: "{time} 이후에 다시 시도하거나 다른 결제 수단을 선택해 주세요.",
    bank: "은행",
    account_number: "계좌번호",
    due_date: "입금 기한",
    confirming: ("결제를 확인하고 있습니다", "확인이 끝날 때까지 이 창을 닫지 말고 잠시만 기다려 주세요."),
    late: (
        "확인이 늦어지고 있습니다",
        "결제 결과를 계속 확인하고 있습니다. 다시 결제하지 말고 잠시 후 이 페이지를 새로 고쳐 주세요.",
    ),
    refused: (
        "결제를 진행할 수 없습니다",
        "이 결제는 주문과 맞지 않거나, 결제를 더 받지 않는 주문입니다. 결제 페이지에서 주문 상태를 확인해 주세요.",
    ),
    paid: ("결제가 완료되었습니다", "이용해 주셔서 감사합니다."),
    waiting_for_deposit: ("입금을 기다리고 있습니다", "안내받은 가상계좌로 기한 안에 입금해 주세요."),
    declined: (
        "결제가 승인되지 않았습니다",
        "이 주문으로 결제된 금액은 없습니다. 다른 결제 수단으로 새로 주문해 주세요.",
    ),
    retry: (
        "결제가 승인되지 않았습니다",
        "출금된 금액은 없습니다. 같은 주문으로 다시 시도하거나 다른 결제 수단을 선택해 주세요.",
    ),
    expired: ("결제 시간이 지났습니다", "이 주문으로 결제된 금액은 없습니다. 새로 주문해 주세요."),
    canceled: ("취소된 주문입니다", "이 주문으로 결제된 금액은 없습니다."),
    partially_refunded: ("일부 금액이 환불되었습니다", "나머지 금액은 결제된 상태입니다."),
    refunded: ("환불되었습니다", "결제 금액이 모두 환불되었습니다."),
    reasons: &[
        ("PAY_PROCESS_CANCELED", "결제를 취소하셨습니다."),
        ("USER_CANCEL", "결제를 취소하셨습니다."),
        ("PAY_PROCESS_ABORTED", "결제가 진행 중에 중단되었습니다."),
        ("REJECT_CARD_COMPANY", "카드사에서 결제를 승인하지 않았습니다."),
        ("EXPIRED_PAYMENT", "결제창의 시간이 지났습니다."),
    ],
    some_reason: "결제가 완료되지 않았습니다. 출금된 금액은 없습니다.",
    failures: &[
        ("psp_amount_mismatch", "결제 금액이 주문 금액과 달라 결제를 취소했습니다."),
        ("canceled", "주문이 취소되어 결제를 취소했습니다."),
        ("returned_at_psp", "결제사에서 결제가 취소되었습니다."),
        ("payment_not_found", "결제사에서 이 결제를 찾을 수 없습니다."),
        ("not_sent", "결제사에 결제를 요청하지 못했습니다."),
        ("risk_denied", "이 결제를 진행할 수 없습니다. 다른 결제 수단을 선택해 주세요."),
        ("review_expired", "결제 확인이 제때 끝나지 않았습니다. 다시 시도해 주세요."),
        ("deposit_expired", "가상계좌의 입금 기한이 지났습니다."),
    ],
};

const ENGLISH: Words = Words {
    pay_title: "Pay",
    confirming_title: "Confirming your payment",
    failed_title: "The payment did not go through",
    unknown_title: "There is no such order",
    unknown: "Please check the address.",
    test_mode: "Test payment · no money will be taken",
    lines: "Your order",
    total: "Total",
    time_left: "Time left to pay",
    pay: "Pay",
    pay_again: "Try again:",
    pay_hint: "You enter your card at the payment provider only; nothing of it is stored here.",
    needs_script: "Please enable JavaScript in your browser to pay.",
    trouble: "The payment window did not open. Please try again in a moment.",
    code: "Code",
    back_to_shop: "Back to the shop",
    back_to_checkout: "Back to the checkout",
    come_back: "Please come back after {time}, or choose another way to pay.",
    bank: "Bank",
    account_number: "Account number",
    due_date: "Pay by",
    confirming: ("Confirming your payment", "One moment, please. Keep this window open until it is confirmed."),
    late: ("This is taking longer", "We are still finding out. Please do not pay again; reload this page in a while."),
    refused: (
        "This payment cannot be taken",
        "It does not match the order, or the order takes no payment any more. The checkout shows where the order stands.",
    ),
    paid: ("Paid", "Thank you for your order."),
    waiting_for_deposit: ("Waiting for your deposit", "Please pay into the account you were given before it expires."),
    declined: (
        "The payment was declined",
        "Nothing is paid for this order. Please order again and pay in another way.",
    ),
    retry: (
        "The payment was declined",
        "No money was taken. Try again, or choose another way to pay, for the same order.",
    ),
    expired: ("The time to pay has run out", "Nothing is paid for this order. Please order again."),
    canceled: ("This order was canceled", "Nothing is paid for this order."),
    partially_refunded: ("Partly refunded", "A part of the payment was given back; the rest is paid."),
    refunded: ("Refunded", "The whole payment was given back."),
    reasons: &[
        ("PAY_PROCESS_CANCELED", "You canceled the payment."),
        ("USER_CANCEL", "You canceled the payment."),
        ("PAY_PROCESS_ABORTED", "The payment was interrupted."),
        ("REJECT_CARD_COMPANY", "The card company declined the payment."),
        ("EXPIRED_PAYMENT", "The payment window timed out."),
    ],
    some_reason: "The payment did not go through. No money was taken.",
    failures: &[
        ("psp_amount_mismatch", "The amount paid was not the amount of the order, so the payment was canceled."),
        ("canceled", "The order was canceled, and the payment with it."),
        ("returned_at_psp", "The payment was canceled at the payment provider."),
        ("payment_not_found", "The payment provider does not know this payment."),
        ("not_sent", "The payment provider could not be asked for the payment."),
        ("risk_denied", "This payment cannot be taken. Please choose another way to pay."),
        ("review_expired", "The payment was not reviewed in time. Please try again."),
        ("deposit_expired", "The time to pay into the account ran out."),
    ],
};

/// Why the payment window closed, in our words. An address can be made by anybody, so nothing in it but a code
/// that we know is shown.
pub(super) fn reason(code: &str, words: &Words) -> Reason {
    match words.reasons.iter().find(|(known, _)| *known == code) {
        Some((code, text)) => Reason { code: Some(code), text },
        None => Reason { code: None, text: words.some_reason },
    }
}

/// A reason with its code, if it is one that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) code: Option<&'static str>,
    pub(super) text: &'static str,
}
