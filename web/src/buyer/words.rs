//! What the pages say, in Korean and in English.

use domain::payment_method::PaymentMethod;

pub(super) use crate::language::Language;

impl Language {
    /// Its words.
    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::Korean => &KOREAN,
            Self::English => &ENGLISH,
        }
    }
}

/// A title and a sentence.
pub(super) type TitleAndText = (&'static str, &'static str);

/// Everything that a page can say. What is said of a state: what happened, whether the buyer was charged, what to do.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) pay_title: &'static str,
    pub(super) failed_title: &'static str,
    pub(super) nothing_taken: &'static str,
    pub(super) test_mode: &'static str,
    pub(super) lines: &'static str,
    pub(super) seller: &'static str,
    pub(super) total: &'static str,
    pub(super) amount_refunded: &'static str,
    pub(super) order_number: &'static str,
    pub(super) time_left: &'static str,
    pub(super) last_minute: &'static str,
    pub(super) time_over: &'static str,
    /// What the button says; `{amount}` stands for the amount.
    pub(super) pay: &'static str,
    /// The same after a payment that was declined.
    pub(super) pay_again: &'static str,
    pub(super) choose_method: &'static str,
    pub(super) escrow: &'static str,
    /// What buyers call each method.
    pub(super) methods: MethodWords,
    pub(super) opening: &'static str,
    pub(super) pay_hint: &'static str,
    pub(super) needs_script: &'static str,
    pub(super) reload_by_hand: &'static str,
    pub(super) trouble: &'static str,
    pub(super) offline: &'static str,
    pub(super) stopped: &'static str,
    pub(super) look_again: &'static str,
    pub(super) code: &'static str,
    pub(super) receipt: &'static str,
    pub(super) statement: &'static str,
    pub(super) cash_receipt: &'static str,
    pub(super) cash_receipt_in_progress: &'static str,
    pub(super) cash_receipt_page: &'static str,
    pub(super) back_to_shop: &'static str,
    pub(super) back_to_pay: &'static str,
    pub(super) back_to_checkout: &'static str,
    /// When the same way of paying may succeed; `{time}` stands for the time.
    pub(super) come_back: &'static str,
    pub(super) bank: &'static str,
    pub(super) account_number: &'static str,
    pub(super) account_holder: &'static str,
    pub(super) deposit_amount: &'static str,
    pub(super) due_date: &'static str,
    pub(super) copy: &'static str,
    pub(super) copied: &'static str,
    pub(super) selected: &'static str,
    pub(super) unknown: TitleAndText,
    /// What is said of a checkout that waits for a payment, where the address is not whole.
    pub(super) incomplete: TitleAndText,
    /// Why the order is not shown.
    pub(super) hidden_without_address: &'static str,
    pub(super) hidden_after_a_while: &'static str,
    pub(super) confirming: TitleAndText,
    pub(super) unreachable: TitleAndText,
    pub(super) late: TitleAndText,
    pub(super) stuck: TitleAndText,
    pub(super) review: TitleAndText,
    pub(super) refused: TitleAndText,
    pub(super) already_paid: TitleAndText,
    pub(super) other_window: TitleAndText,
    pub(super) paid: TitleAndText,
    pub(super) waiting_for_deposit: TitleAndText,
    pub(super) declined: TitleAndText,
    pub(super) retry: TitleAndText,
    pub(super) expired: TitleAndText,
    pub(super) canceled: TitleAndText,
    pub(super) partially_refunded: TitleAndText,
    pub(super) refunded: TitleAndText,
    /// Why the payment window closed, for the codes that it is known to give.
    reasons: &'static [TitleAndText],
    some_reason: &'static str,
    /// Why a payment was not made: for the codes that are ours, and for those that the PSP has no words for in this
    /// language.
    pub(super) failures: &'static [TitleAndText],
}

/// What buyers call each method of payment.
#[derive(Debug)]
pub(super) struct MethodWords {
    card: &'static str,
    virtual_account: &'static str,
    transfer: &'static str,
    mobile_phone: &'static str,
    culture_gift_certificate: &'static str,
    book_gift_certificate: &'static str,
    game_gift_certificate: &'static str,
    foreign_easy_pay: &'static str,
}

impl MethodWords {
    /// What buyers call a method.
    pub(super) const fn of(&self, method: PaymentMethod) -> &'static str {
        match method {
            PaymentMethod::Card => self.card,
            PaymentMethod::VirtualAccount => self.virtual_account,
            PaymentMethod::Transfer => self.transfer,
            PaymentMethod::MobilePhone => self.mobile_phone,
            PaymentMethod::CultureGiftCertificate => self.culture_gift_certificate,
            PaymentMethod::BookGiftCertificate => self.book_gift_certificate,
            PaymentMethod::GameGiftCertificate => self.game_gift_certificate,
            PaymentMethod::ForeignEasyPay => self.foreign_easy_pay,
        }
    }
}

const KOREAN: Words = Words {
    pay_title: "결제하기",
    failed_title: "결제가 완료되지 않았습니다",
    nothing_taken: "출금된 금액은 없습니다. 같은 주문으로 다시 결제하실 수 있습니다.",
    test_mode: "테스트 결제 · 실제로 출금되지 않습니다",
    lines: "주문 내역",
    seller: "판매자",
    total: "총 결제 금액",
    amount_refunded: "환불된 금액",
    order_number: "주문 번호",
    time_left: "남은 결제 시간",
    last_minute: "결제 시간이 1분 남았습니다.",
    time_over: "결제 시간이 지났습니다. 주문 상태를 확인하고 있습니다.",
    pay: "{amount} 결제하기",
    pay_again: "{amount} 다시 결제하기",
    choose_method: "결제 수단",
    escrow: "구매 안전 서비스(에스크로)로 결제합니다. 구매를 확정할 때까지 은행이 대금을 보관합니다.",
    methods: MethodWords {
        card: "카드 · 간편결제",
        virtual_account: "가상계좌 (무통장입금)",
        transfer: "계좌이체",
        mobile_phone: "휴대폰 결제",
        culture_gift_certificate: "문화상품권",
        book_gift_certificate: "도서문화상품권",
        game_gift_certificate: "게임문화상품권",
        foreign_easy_pay: "해외 간편결제 (PayPal 등)",
    },
    opening: "결제창을 여는 중…",
    pay_hint: "카드 정보는 결제사의 창에서만 입력하며 이 페이지에는 저장되지 않습니다.",
    needs_script: "결제하려면 브라우저에서 자바스크립트를 켜 주세요.",
    reload_by_hand: "결과를 보려면 잠시 후 이 페이지를 새로 고쳐 주세요.",
    trouble: "결제창을 열지 못했습니다. 출금된 금액은 없습니다. 인터넷 연결을 확인하고 다시 시도해 주세요.",
    offline: "연결이 원활하지 않습니다. 다시 연결되면 이어서 확인합니다.",
    stopped: "자동 확인을 멈췄습니다. 아래 버튼을 누르면 다시 확인합니다.",
    look_again: "지금 확인하기",
    code: "코드",
    receipt: "영수증 보기",
    statement: "거래명세서 보기",
    cash_receipt: "현금영수증",
    cash_receipt_in_progress: "국세청 확인 중(1~2일 소요)",
    cash_receipt_page: "현금영수증 보기",
    back_to_shop: "쇼핑몰로 돌아가기",
    back_to_pay: "다시 결제하러 가기",
    back_to_checkout: "주문 상태 보기",
    come_back: "{time} 이후에 다시 시도하거나 다른 결제 수단을 선택해 주세요.",
    bank: "은행",
    account_number: "계좌번호",
    account_holder: "예금주",
    deposit_amount: "입금할 금액",
    due_date: "입금 기한",
    copy: "계좌번호 복사",
    copied: "계좌번호를 복사했습니다.",
    selected: "계좌번호를 선택했습니다. 복사해서 사용해 주세요.",
    unknown: ("주문을 찾을 수 없습니다", "주소가 잘못되었을 수 있습니다. 쇼핑몰에서 받은 주소를 다시 확인해 주세요."),
    incomplete: (
        "주소가 완전하지 않습니다",
        "이 주소로는 결제할 수 없습니다. 쇼핑몰에서 받은 결제 페이지 주소 전체로 다시 열어 주세요. 출금된 금액은 없습니다.",
    ),
    hidden_without_address: "주문 내용은 쇼핑몰에서 받은 결제 페이지 주소 전체로 열어야 볼 수 있습니다.",
    hidden_after_a_while: "시간이 지나 주문 내용을 더 이상 표시하지 않습니다. 쇼핑몰에서 확인해 주세요.",
    confirming: (
        "결제를 확인하고 있습니다",
        "보통 몇 초면 끝납니다. 확인이 끝날 때까지 이 창을 닫지 말고 잠시만 기다려 주세요.",
    ),
    unreachable: (
        "결제를 아직 확인하지 못했습니다",
        "연결이 원활하지 않아 자동으로 다시 시도하고 있습니다. 다시 결제하거나 이 창을 닫지 말고 기다려 주세요.",
    ),
    late: (
        "결제 확인이 늦어지고 있습니다",
        "결제사의 답을 아직 받지 못했습니다. 다시 결제하지 마세요. 결과가 나오면 이 페이지에 바로 표시되며, \
         창을 닫아도 같은 주소에서 다시 보실 수 있습니다.",
    ),
    stuck: (
        "담당자가 결제를 확인하고 있습니다",
        "결제 결과를 자동으로 확인하지 못해 담당자가 직접 확인하고 있습니다. 다시 결제하지 마세요. \
         확인이 끝나면 이 페이지에 결과가 표시됩니다.",
    ),
    review: (
        "결제를 검토하고 있습니다",
        "안전한 거래를 위해 담당자가 확인하고 있습니다. 아직 출금되지 않았습니다. 다시 결제하지 말고 기다려 주세요. \
         결과는 이 페이지에 표시됩니다.",
    ),
    refused: (
        "결제를 진행하지 않았습니다",
        "주문과 맞지 않는 결제입니다. 이 결제로 출금된 금액은 없습니다. 주문 상태를 확인하고 다시 결제해 주세요.",
    ),
    already_paid: ("이미 결제된 주문입니다", "이번 결제는 진행하지 않았으며, 두 번 출금되지 않았습니다."),
    other_window: (
        "다른 창에서 결제하고 있습니다",
        "이 창의 결제는 진행하지 않았으며, 두 번 출금되지 않습니다. 주문 상태를 확인해 주세요.",
    ),
    paid: ("결제가 완료되었습니다", "이용해 주셔서 감사합니다."),
    waiting_for_deposit: (
        "입금을 기다리고 있습니다",
        "아직 결제되지 않았습니다. 아래 계좌로 기한 안에 정확한 금액을 입금해 주세요. \
         입금이 확인되면 이 페이지에 바로 표시됩니다.",
    ),
    declined: (
        "결제가 승인되지 않았습니다",
        "이 주문으로 결제된 금액은 없습니다. 구매하시려면 쇼핑몰에서 새로 주문해 주세요.",
    ),
    retry: (
        "결제가 승인되지 않았습니다",
        "출금된 금액은 없습니다. 같은 주문으로 다시 시도하거나 다른 결제 수단을 선택해 주세요.",
    ),
    expired: (
        "결제 시간이 지났습니다",
        "이 주문으로 결제된 금액은 없습니다. 구매하시려면 쇼핑몰에서 새로 주문해 주세요.",
    ),
    canceled: ("취소된 주문입니다", "이 주문으로 결제된 금액은 없습니다."),
    partially_refunded: (
        "일부 금액이 환불되었습니다",
        "나머지 금액은 결제된 상태입니다. 환불이 계좌나 카드에 반영되기까지 며칠 걸릴 수 있습니다.",
    ),
    refunded: ("환불되었습니다", "결제 금액이 모두 환불되었습니다. 계좌나 카드에 반영되기까지 며칠 걸릴 수 있습니다."),
    reasons: &[
        ("PAY_PROCESS_CANCELED", "결제를 취소하셨습니다."),
        ("USER_CANCEL", "결제를 취소하셨습니다."),
        ("PAY_PROCESS_ABORTED", "결제가 진행 중에 중단되었습니다."),
        ("REJECT_CARD_COMPANY", "카드사에서 결제를 승인하지 않았습니다."),
        ("EXPIRED_PAYMENT", "결제창의 시간이 지났습니다."),
        ("NOT_SUPPORTED_METHOD", "사용할 수 없는 결제 수단입니다. 다른 결제 수단을 선택해 주세요."),
    ],
    some_reason: "결제창에서 결제를 마치지 못했습니다.",
    failures: &[
        ("psp_amount_mismatch", "결제 금액이 주문 금액과 달라 결제를 취소했습니다."),
        ("canceled", "주문이 취소되어 결제를 취소했습니다."),
        ("returned_at_psp", "결제사에서 결제가 취소되었습니다."),
        ("payment_not_found", "결제사에서 이 결제를 찾을 수 없습니다."),
        ("not_sent", "결제사에 결제를 요청하지 못했습니다."),
        ("risk_denied", "이 결제를 진행할 수 없습니다. 다른 결제 수단을 선택해 주세요."),
        ("review_expired", "결제 검토가 제때 끝나지 않았습니다. 다시 시도해 주세요."),
        ("resolved_by_operator", "확인 결과 결제가 이루어지지 않았습니다."),
        ("deposit_expired", "가상계좌의 입금 기한이 지났습니다."),
        ("unconfirmed_payment", "결제창은 마쳤지만 결제가 확정되지 않았습니다. 결제된 금액은 없습니다."),
    ],
};

const ENGLISH: Words = Words {
    pay_title: "Pay",
    failed_title: "The payment did not go through",
    nothing_taken: "No money was taken. You can try again for the same order.",
    test_mode: "Test payment · no money will be taken",
    lines: "Your order",
    seller: "Seller",
    total: "Total",
    amount_refunded: "Refunded",
    order_number: "Order number",
    time_left: "Time left to pay",
    last_minute: "One minute left to pay.",
    time_over: "The time to pay has run out. Checking where your order stands.",
    pay: "Pay {amount}",
    pay_again: "Try again: {amount}",
    choose_method: "How to pay",
    escrow: "This payment is protected: a bank keeps it until you have confirmed the purchase (escrow).",
    methods: MethodWords {
        card: "Card or easy pay",
        virtual_account: "Deposit into an account",
        transfer: "Bank transfer",
        mobile_phone: "Phone bill",
        culture_gift_certificate: "Culture voucher",
        book_gift_certificate: "Book voucher",
        game_gift_certificate: "Game voucher",
        foreign_easy_pay: "PayPal and other foreign wallets",
    },
    opening: "Opening the payment window…",
    pay_hint: "You enter your card at the payment provider only; nothing of it is stored here.",
    needs_script: "Please enable JavaScript in your browser to pay.",
    reload_by_hand: "Please reload this page in a while to see the result.",
    trouble: "The payment window did not open. No money was taken. Please check your connection and try again.",
    offline: "The connection is unstable. We go on checking as soon as it is back.",
    stopped: "Checking has paused. Press the button to check again.",
    look_again: "Check now",
    code: "Code",
    receipt: "See the receipt",
    statement: "See the statement of purchase",
    cash_receipt: "Cash receipt",
    cash_receipt_in_progress: "The tax office confirms it in a day or two.",
    cash_receipt_page: "See the cash receipt",
    back_to_shop: "Back to the shop",
    back_to_pay: "Back to pay",
    back_to_checkout: "See where the order stands",
    come_back: "Please come back after {time}, or choose another way to pay.",
    bank: "Bank",
    account_number: "Account number",
    account_holder: "Account holder",
    deposit_amount: "Amount to deposit",
    due_date: "Pay by",
    copy: "Copy the account number",
    copied: "The account number is copied.",
    selected: "The account number is selected; please copy it.",
    unknown: ("There is no such order", "The address may be wrong. Please check the one that you got from the shop."),
    incomplete: (
        "This address is not complete",
        "Nothing can be paid here. Please open the whole address of the payment page that you got from the shop. No \
         money was taken.",
    ),
    hidden_without_address: "Your order is shown at the whole address of the payment page that you got from the shop.",
    hidden_after_a_while: "Your order is not shown here any more. Please ask the shop.",
    confirming: (
        "Confirming your payment",
        "This usually takes a few seconds. Please keep this window open until it is confirmed.",
    ),
    unreachable: (
        "Your payment is not confirmed yet",
        "The connection is unstable, and we keep trying. Please do not pay again, and keep this window open.",
    ),
    late: (
        "This is taking longer than usual",
        "The payment provider has not answered yet. Please do not pay again. The result will appear on this page; if \
         you close it, you will find it at the same address.",
    ),
    stuck: (
        "A person is checking your payment",
        "The result could not be found out automatically, so a person is looking into it. Please do not pay again; \
         the result will appear on this page.",
    ),
    review: (
        "Your payment is being reviewed",
        "For your safety, a person looks at this payment first. No money has been taken yet. Please wait and do not \
         pay again; the result will appear on this page.",
    ),
    refused: (
        "This payment was not taken",
        "It does not match the order. No money was taken by it. Please see where the order stands, and try again.",
    ),
    already_paid: ("This order is already paid", "This other payment was not taken: you are not charged twice."),
    other_window: (
        "This order is being paid in another window",
        "The payment of this window was not taken: you are not charged twice. Please see where the order stands.",
    ),
    paid: ("Paid", "Thank you for your order."),
    waiting_for_deposit: (
        "Waiting for your deposit",
        "Nothing is paid yet. Please pay the exact amount into the account below in time. This page will show when \
         your deposit has arrived.",
    ),
    declined: (
        "The payment was declined",
        "Nothing is paid for this order. If you still want it, please order again at the shop.",
    ),
    retry: (
        "The payment was declined",
        "No money was taken. Try again, or choose another way to pay, for the same order.",
    ),
    expired: (
        "The time to pay has run out",
        "Nothing is paid for this order. If you still want it, please order again at the shop.",
    ),
    canceled: ("This order was canceled", "Nothing is paid for this order."),
    partially_refunded: (
        "Partly refunded",
        "The rest stays paid. It may take a few days until you see the refund on your card or account.",
    ),
    refunded: (
        "Refunded",
        "The whole payment was given back. It may take a few days until you see it on your card or account.",
    ),
    reasons: &[
        ("PAY_PROCESS_CANCELED", "You canceled the payment."),
        ("USER_CANCEL", "You canceled the payment."),
        ("PAY_PROCESS_ABORTED", "The payment was interrupted."),
        ("REJECT_CARD_COMPANY", "The card company declined the payment."),
        ("EXPIRED_PAYMENT", "The payment window timed out."),
        ("NOT_SUPPORTED_METHOD", "This way of paying is not available. Please choose another one."),
    ],
    some_reason: "The payment was not finished in the payment window.",
    failures: &[
        ("psp_amount_mismatch", "The amount paid was not the amount of the order, so the payment was canceled."),
        ("canceled", "The order was canceled, and the payment with it."),
        ("returned_at_psp", "The payment was canceled at the payment provider."),
        ("payment_not_found", "The payment provider does not know this payment."),
        ("not_sent", "The payment provider could not be asked for the payment."),
        ("risk_denied", "This payment cannot be taken. Please choose another way to pay."),
        ("review_expired", "The payment was not reviewed in time. Please try again."),
        ("resolved_by_operator", "It was found that the payment did not take place."),
        ("deposit_expired", "The time to pay into the account ran out."),
        (
            "unconfirmed_payment",
            "The payment window was finished, but the payment was never confirmed. Nothing was taken.",
        ),
        // The PSP tells these in Korean only.
        ("REJECT_CARD_PAYMENT", "The card's limit is exceeded, or its balance is too low."),
        ("REJECT_CARD_COMPANY", "The card company declined the payment."),
        ("REJECT_ACCOUNT_PAYMENT", "The balance of the account is too low."),
        ("EXCEED_MAX_AUTH_COUNT", "The card was tried too often. Please ask the card company."),
        ("EXCEED_MAX_ONE_DAY_AMOUNT", "The daily limit is exceeded."),
        ("EXCEED_MAX_DAILY_PAYMENT_COUNT", "No more payments are allowed today."),
        ("EXCEED_MAX_PAYMENT_AMOUNT", "The amount allowed for a day is exceeded."),
        ("EXCEED_MAX_AMOUNT", "The amount is over the limit."),
        ("INVALID_REJECT_CARD", "The card was refused. Please ask the card company."),
        ("INVALID_STOPPED_CARD", "The card is suspended."),
        ("INVALID_CARD_LOST_OR_STOLEN", "The card was reported lost or stolen."),
        ("INVALID_CARD_NUMBER", "Please check the number of the card."),
        ("INVALID_CARD_EXPIRATION", "Please check when the card expires."),
        ("NOT_AVAILABLE_BANK", "The bank does not work at this time of day."),
        ("NOT_AVAILABLE_PAYMENT", "Payments are not possible at this time of day."),
        ("MAINTAINED_METHOD", "This way of paying is under maintenance."),
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
