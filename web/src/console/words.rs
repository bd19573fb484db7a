//! What the console says, in Korean and in English.

use domain::{
    cash_receipt::{ReceiptEntry, ReceiptPurpose, ReceiptStanding, ReceiptStatus},
    checkout::Status,
    dead_letter::{DeclaredOutcome, LetterRefusal, LetterStatus},
    refund::RefundStatus,
};
use service::system::Part;
use store::{ApprovalStanding, Decision, console::Role};

use super::place::{Place, Tab};
use crate::language::Language;

/// Declares words, each in both languages.
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis $all:ident; $($name:ident: $korean:literal, $english:literal;)+) => {
        $(#[$doc])*
        #[derive(Debug)]
        $vis struct $all {
            $(pub(in crate::console) $name: &'static str),+,
            language: Language,
        }

        impl $all {
            const KOREAN: Self = Self { $($name: $korean),+, language: Language::Korean };
            const ENGLISH: Self = Self { $($name: $english),+, language: Language::English };

            /// The words of a language.
            pub(in crate::console) const fn of(language: Language) -> &'static Self {
                match language {
                    Language::Korean => &Self::KOREAN,
                    Language::English => &Self::ENGLISH,
                }
            }

            const fn pick(&self, korean: &'static str, english: &'static str) -> &'static str {
                match self.language {
                    Language::Korean => korean,
                    Language::English => english,
                }
            }
        }
    };
}
pub(super) use words;

words! {
    /// What most pages of the console say.
    pub Words;
    skip: "본문으로 건너뛰기", "Skip to the content";
    navigation: "주요 메뉴", "Main";
    sign_in: "로그인", "Sign in";
    sign_out: "로그아웃", "Sign out";
    sign_in_hint: "회사 계정으로 로그인하세요. 세션은 최대 8시간, 30분 동안 사용하지 않으면 끝납니다.",
        "Sign in with your company account. A session ends after 8 hours, or after 30 minutes without a request.";
    sign_in_button: "회사 계정으로 로그인", "Sign in with the company account";
    link_hint: "개발 모드: 터미널에 출력된 로그인 링크를 여세요. 링크는 한 번만 쓸 수 있습니다.",
        "Development: open the sign-in link that the terminal shows. A link works once.";
    signed_out: "로그아웃했습니다", "You are signed out";
    signed_out_hint: "이 콘솔의 세션이 끝났습니다. 회사 계정의 로그인은 그대로일 수 있습니다.",
        "The session of this console has ended. Your company account may still be signed in.";
    not_set_up: "콘솔이 아직 설정되지 않았습니다", "The console is not set up yet";
    not_set_up_hint: "콘솔에 로그인하려면 OpenID Connect 제공자가 필요합니다. 다음 설정을 지정하고 다시 시작하세요.",
        "Signing in to the console needs an OpenID Connect provider. Give these settings and start again.";
    setting_issuer: "제공자의 주소", "The address of the provider";
    setting_client_id: "제공자에 등록한 클라이언트 이름", "The name of the client at the provider";
    setting_client_secret: "클라이언트의 비밀 값", "The secret of the client";
    setting_callback: "제공자에 등록할 리디렉션 주소", "The redirect address to register at the provider";
    no_role: "콘솔을 쓸 권한이 없습니다", "You may not use the console";
    no_role_hint: "로그인은 되었지만 역할이 없습니다. 관리자에게 support, operations, finance, admin, seller 가운데 하나를 요청하세요.",
        "You signed in without a role. Ask an administrator for support, operations, finance, admin or seller.";
    refused: "요청을 처리하지 않았습니다", "The request was not carried out";
    forbidden: "이 페이지를 볼 권한이 없습니다", "You may not see or do this";
    not_found: "찾을 수 없습니다", "There is nothing here";
    try_again: "잠시 후 다시 시도하세요", "Try again in a moment";
    back: "돌아가기", "Back";
    to_overview: "요약으로", "To the overview";

    overview: "요약", "Overview";
    payments: "결제", "Payments";
    dead_letters: "데드 레터", "Dead letters";
    wallets: "판매자 지갑", "Wallets";
    ledger: "원장", "Ledger";
    events: "이벤트", "Events";
    endpoints: "웹훅", "Webhooks";
    api_keys: "API 키", "API keys";
    audit: "감사 로그", "Audit log";
    sessions: "세션", "Sessions";

    volume_today: "오늘 결제 금액", "Paid today";
    approval_today: "오늘 승인율", "Approval rate today";
    time_to_paid: "결제까지 걸린 시간", "Time to paid";
    time_to_paid_hint: "오늘 최근 결제 1,000건의 중앙값", "Median of the last 1,000 of today";
    slowest_tenth: "90%는 이 안에", "9 of 10 within";
    approval_hint: "오늘 만들어진 결제 가운데 결과가 난 것 기준", "Of today's checkouts whose payment has an outcome";
    needs_a_person: "확인이 필요한 결제", "Payments that need a person";
    outcome_unknown: "결과를 모르는 결제", "Outcome not known";
    executing_now: "처리 중", "Under way";
    open_letters: "열린 데드 레터", "Open dead letters";
    event_lag: "이벤트 지연", "Event lag";
    event_lag_hint: "가장 느린 구독자가 뒤처진 이벤트 수", "Events that the slowest reader has not read";
    unsequenced: "순번을 기다리는 이벤트", "Events without a position";
    endpoints_disabled: "꺼진 웹훅", "Disabled webhooks";
    endpoints_failing: "실패 중인 웹훅", "Failing webhooks";
    oldest: "가장 오래된 것", "Oldest";
    none: "없음", "None";
    today_by_hour: "오늘, 시간별 결제 수", "Checkouts of today, by hour";
    paid: "결제됨", "Paid";
    other: "그 밖", "Other";
    all_by_status: "전체 결제, 상태별", "All checkouts, by status";
    refunds_by_status: "전체 환불, 상태별", "All refunds, by status";
    schedules: "예약 작업", "Scheduled work";
    schedule: "일정", "Schedule";
    last_acted: "마지막 실행", "Last acted";
    acts_next: "다음 실행", "Acts next";
    paused: "일시 정지", "Paused";
    schedules_unknown: "지금 Temporal에서 읽을 수 없습니다.", "Temporal does not say at the moment.";
    as_of: "기준 시각", "As of";
    korea_time: "모든 시각은 한국 표준시입니다.", "All times are Korea Standard Time.";

    search: "검색", "Search";
    search_anything: "결제·주문 번호, 주문명, 구매자 ID·이름·이메일·전화, 판매자, 승인번호·현금영수증 번호, 결제 키 끝 4자리 이상",
        "Checkout or order id, order name, buyer's id, name, e-mail or phone, seller, receipt, payment key's last 4+";
    from_day: "시작 날짜", "From";
    to_day: "끝 날짜", "To";
    any_status: "모든 상태", "Any status";
    any_method: "모든 결제 수단", "Any method";
    clear: "조건 지우기", "Clear";
    meant_buyer: "구매자 ID로 검색했습니다.", "Found by the id of a buyer.";
    meant_order_name: "주문명으로 검색했습니다.", "Found by the name of an order.";
    meant_seller: "판매자 계정으로 검색했습니다.", "Found by a seller account.";
    meant_buyer_name: "구매자 이름으로 검색했습니다.", "Found by the name of a buyer.";
    meant_buyer_email: "구매자 이메일로 검색했습니다.", "Found by the e-mail address of a buyer.";
    meant_buyer_phone: "구매자 전화번호로 검색했습니다.", "Found by the telephone number of a buyer.";
    meant_receipt_number: "영수증의 승인번호로 검색했습니다.", "Found by the number of a receipt.";
    meant_key_end: "결제 키의 끝자리로 검색했습니다.", "Found by the end of a payment key.";
    wrong_amount: "금액을 읽을 수 없어 무시했습니다.", "The amount cannot be read and was left out.";
    wrong_day: "날짜를 읽을 수 없어 무시했습니다.", "A date cannot be read and was left out.";
    nothing_found: "찾은 것이 없습니다.", "Nothing was found.";
    next_page: "다음", "Next";
    first_page: "처음", "First page";
    newer: "더 새로운 것", "Newer";
    older: "더 오래된 것", "Older";

    checkout: "결제 번호", "Checkout";
    order: "주문", "Order";
    order_name: "주문명", "Order name";
    buyer: "구매자", "Buyer";
    seller: "판매자", "Seller";
    amount: "금액", "Amount";
    status: "상태", "Status";
    created: "생성", "Created";
    method: "결제 수단", "Method";
    payment_key: "결제 키", "Payment key";
    approval_number: "승인번호", "Approval number";
    cash_receipt_number: "현금영수증 번호", "Cash receipt number";
    cash_receipts: "현금영수증", "Cash receipts";
    cash_receipt_entry: "구분", "Kind";
    cash_receipt_requested: "신청 시각", "Requested";
    cash_receipts_seen: "토스 확인:", "As Toss told at";
    tax_free: "면세 금액", "Tax-free";
    escrow: "에스크로", "Escrow";
    approved: "승인", "Approved";
    expires: "만료", "Expires";
    refunded: "환불됨", "Refunded";
    workflow: "워크플로", "Workflow";
    open_in_temporal: "Temporal에서 열기", "Open in Temporal";
    orders: "주문 내역", "Payment orders";
    in_books: "장부 반영", "In the books";
    yes: "예", "Yes";
    no: "아니요", "No";
    story: "결제 이력", "The story of this payment";
    story_cut: "일부만 보여 줍니다. 나머지는 API로 읽으세요.", "Only a part is shown. Read the rest by the API.";
    waits_for: "지금 기다리는 것", "What it waits for now";
    waits_buyer: "구매자의 결제를 기다립니다. 기한:", "The buyer has to pay. Deadline:";
    waits_retry: "거절되었습니다. 구매자가 다시 결제할 수 있습니다. 기한:",
        "It was declined, and the buyer may try again. Deadline:";
    waits_psp: "토스의 결과를 알아내는 중입니다.", "The outcome is being found out at Toss.";
    waits_deposit: "구매자의 입금을 기다립니다. 기한:", "The buyer has to pay into the account. Deadline:";
    waits_person: "사람의 결정을 기다립니다.", "A person has to decide.";
    waits_nothing: "기다리는 것이 없습니다. 끝난 결제입니다.", "Nothing. This payment is at rest.";
    next_question: "토스에 다시 묻는 시각:", "Toss is asked again at:";

    kind_status: "상태", "Status";
    kind_attempt: "시도", "Attempt";
    kind_webhook: "토스 웹훅", "Toss webhook";
    kind_risk: "위험 판정", "Risk";
    kind_refund: "환불", "Refund";
    kind_ledger: "원장", "Ledger";
    kind_event: "이벤트", "Event";
    kind_delivery: "전송", "Delivery";
    kind_letter: "데드 레터", "Dead letter";
    kind_act: "처리", "Act";
    kind_audit: "감사", "Audit";
    kind_note: "메모", "Note";
    declined: "거절됨", "Declined";
    by_rules: "규칙", "rules";
    opened: "발생", "opened";
    requested: "요청됨", "requested";
    waits_approval: "두 번째 승인을 기다립니다", "waits for a second principal";

    acts: "할 수 있는 일", "What you can do";
    ask_toss: "지금 토스에 묻기", "Ask Toss now";
    ask_toss_hint: "워크플로가 예정된 시각을 기다리지 않고 바로 토스에 묻습니다. 돈은 움직이지 않습니다.",
        "The workflow asks Toss at once and does not wait for its next question. No money moves.";
    asked: "토스에 물었습니다. 잠시 뒤 이 결제를 다시 보세요.", "Toss is being asked. Look at the payment again in a moment.";
    note: "메모", "Note";
    note_hint: "이 결제의 이력에 메모를 남깁니다. 메모는 지우거나 고칠 수 없습니다. 개인정보를 적지 마세요.",
        "Adds a note to the story of this payment. It cannot be changed or removed. Write no personal data.";
    do_note: "메모 남기기", "Write the note";
    noted: "메모를 남겼습니다.", "The note is in the story of the payment.";
    fill_note: "메모를 1자에서 500자로 적어 주세요. 카드 번호는 쓸 수 없습니다.",
        "Write a note of 1 to 500 characters, without a card number.";
    psp_view: "토스의 기록", "Toss's own view";
    psp_view_hint: "토스에 이 결제를 조회해 우리 기록과 나란히 보여 줍니다. 아무것도 바꾸지 않으며, 조회한 사람이 감사 로그에 남습니다.",
        "Reads this payment at Toss and shows it beside ours. Nothing is changed; the audit log names you.";
    psp_look: "토스에서 조회", "Read it at Toss";
    psp_look_again: "다시 조회", "Read it again";
    psp_unknown: "토스에 이 결제가 없습니다.", "Toss knows no such payment.";
    psp_unreadable: "토스의 답을 읽을 수 없습니다.", "Toss did not answer, or its answer cannot be read.";
    psp_not_asked: "이 프로세스에는 토스의 시크릿 키가 없습니다. TOSS_SECRET_KEY를 설정하세요.",
        "This process has no secret key of Toss. Set TOSS_SECRET_KEY.";
    psp_same: "우리 기록과 토스의 기록이 같습니다.", "Toss and we say the same.";
    psp_differs: "우리 기록과 토스의 기록이 다릅니다!", "Toss and we differ!";
    psp_held: "토스가 보관 중인 금액", "Money that Toss holds";
    psp_cancels: "토스의 취소 내역", "What Toss gave back";
    ours: "우리 기록", "Ours";
    theirs: "토스", "Toss";
    compared: "비교", "Compared";
    same: "같음", "Same";
    different: "다름", "Different";
    not_known_yet: "아직 모름", "Not known yet";
    cancel: "결제 취소", "Cancel";
    cancel_hint: "아직 결제되지 않은 이 건을 끝냅니다. 구매자는 더 이상 결제할 수 없습니다.",
        "Ends this checkout before it is paid. The buyer cannot pay it any more.";
    refund: "환불", "Refund";
    refund_hint: "구매자에게 돈을 돌려줍니다. 되돌릴 수 없습니다.", "Gives money back to the buyer. This cannot be undone.";
    refund_of: "환불 대상", "Refund of";
    whole_checkout: "결제 전체", "The whole checkout";
    left: "환불 가능", "left";
    amount_or_all: "금액 (비우면 남은 전액)", "Amount (empty: all that is left)";
    all_that_is_left: "남은 전액", "All that is left";
    reason: "사유", "Reason";
    reason_for_buyer: "사유 (구매자가 봅니다)", "Reason (the buyer reads it)";
    reason_for_log: "사유 (기록에 남습니다)", "Reason (it stays in the record)";
    review: "확인으로", "Review";
    confirm_question: "이대로 진행할까요?", "Go on with this?";
    do_refund: "환불 실행", "Refund now";
    do_cancel: "취소 실행", "Cancel now";
    do_ask: "토스에 묻기", "Ask now";
    do_retry: "다시 시도", "Retry now";
    do_discard: "버리기", "Discard now";
    do_redeliver: "다시 전송", "Deliver again";
    not_yet: "그만두기", "Go back";
    what_came: "결과", "What came of it";
    refund_done: "환불되었습니다.", "The money went back.";
    refund_before: "같은 요청이 이미 처리되었습니다. 돈은 한 번만 환불되었습니다.",
        "The same request was carried out before. The money went back once.";
    refund_goes_on: "환불이 진행 중입니다. 결과는 아직 모릅니다. 결제를 다시 확인하세요.",
        "The refund goes on, and its outcome is not known yet. Look at the payment again.";
    refund_waits: "두 번째 사람의 승인을 기다립니다. 아직 토스에 요청하지 않았습니다.",
        "The refund waits for a second principal. Nothing was asked of Toss yet.";
    refund_waits_for: "두 번째 사람을 기다리는 환불", "A refund waits for a second person";
    another_decides: "요청한 사람이 아닌, 환불 권한이 있는 다른 사람이 결정합니다.",
        "Another person than the one who asked decides, with the right to refund.";
    approve_refund: "환불 승인", "Approve the refund";
    approve_refund_hint: "승인하면 바로 환불합니다. 되돌릴 수 없습니다.",
        "The approval carries the refund out. This cannot be undone.";
    do_approve_refund: "승인하고 환불", "Approve and refund";
    reject_refund: "환불 반려", "Reject the refund";
    reject_refund_hint: "환불하지 않습니다. 필요하면 새로 요청합니다.", "No money goes back. The refund can be asked for anew.";
    do_reject_refund: "반려 실행", "Reject now";
    refund_rejected: "반려했습니다. 돈은 움직이지 않았습니다.", "Rejected. No money has moved.";
    refund_account: "환불 계좌", "Account";
    named_by_sender: "요청한 사람이 지정한 계좌", "An account that the sender of the request named";
    stays_closed: "암호화 키가 없어 읽을 수 없습니다.", "It cannot be read: its encryption key is missing.";
    given_up: "결제가 끝났습니다. 구매자에게서 받은 돈은 없습니다.", "The checkout has ended. No money is held.";
    not_given_up: "취소가 진행 중입니다. 결제를 다시 확인하세요.", "The cancellation goes on. Look at the payment again.";
    to_payment: "결제로 돌아가기", "To the payment";
    needs_account: "가상계좌로 입금된 결제입니다. 환불 계좌가 필요하므로 API로 환불하세요.",
        "The buyer paid into a virtual account. The refund needs an account of the buyer: send it by the API.";
    fill_reason: "사유를 1자에서 200자로 적어 주세요. 카드 번호는 쓸 수 없습니다.",
        "Give a reason of 1 to 200 characters, without a card number.";
    wrong_refund_amount: "금액을 읽을 수 없거나 0입니다.", "The amount cannot be read, or is zero.";

    letter: "데드 레터", "Dead letter";
    step: "단계", "Step";
    code_word: "코드", "Code";
    message: "내용", "Message";
    input: "입력", "Input";
    awaits: "필요한 것", "Awaits";
    awaits_person: "사람의 결정", "a decision of a person";
    awaits_mending: "원인 해결", "its cause to be fixed";
    updated: "변경 일시", "Updated";
    done_about_it: "지금까지 한 일", "What was done about it";
    retry: "다시 시도", "Retry";
    retry_hint: "원인을 고친 뒤 단계를 다시 실행합니다. 같은 멱등 키를 쓰므로 두 번 결제되지 않습니다.",
        "Runs the step again after its cause is fixed. The idempotency key is the same, so nothing is charged twice.";
    discard: "버리기", "Discard";
    discard_hint: "워크플로가 이미 끝난 데드 레터를 목록에서 치웁니다. 돈은 움직이지 않습니다.",
        "Puts away a dead letter whose workflow has ended. No money moves.";
    resolve: "결론 내리기", "Resolve";
    resolve_hint: "확인한 결과를 고르면 워크플로가 그 결과로 이어집니다. 돈이 들어왔는지는 다시 시도가 토스에 묻습니다.",
        "The workflow goes on with the outcome that you declare. Whether money came is what a retry asks Toss.";
    choose_outcome: "결과를 골라 주세요.", "Choose an outcome.";
    do_resolve: "결론 실행", "Resolve now";
    bulk: "여러 데드 레터에 실행", "Act on many dead letters";
    bulk_hint: "열린 데드 레터 가운데 오래된 것부터 100건까지 고릅니다. 먼저 미리 보고, 사유를 적어 실행합니다.",
        "Chooses up to 100 open dead letters, the oldest first. Look at the preview, give a reason, then act.";
    preview: "미리 보기", "Preview";
    would: "실행할 수 있는지", "Takes it";
    other_letters: "미리 본 것과 다른 데드 레터가 골라졌습니다. 아래를 확인하고 다시 실행하세요.",
        "Other dead letters are chosen now than you saw. Look at these, and act again.";
    letter_proposal: "두 번째 사람을 기다리는 결론", "Waits for a second principal";
    letter_proposed: "제안으로 기록했습니다. 돈을 움직이는 결론이므로 다른 사람이 같은 결론을 내려야 합니다.",
        "It is written down as a proposal. It is about money: another person has to resolve it in the same way.";
    letter_acted: "기록하고 워크플로에 알렸습니다.", "It is written down, and the workflow was told.";
    action: "행위", "Action";

    volume_by_day: "날짜별 결제 금액 (원)", "Paid by day, in won";
    approval_by_day: "날짜별 승인율", "Approval rate by day";
    figures_of_days: "날짜별 수치 표", "The figures by day";
    together: "합계", "Together";
    lag_by_hour: "시간별 이벤트 지연", "Event lag by hour";
    lag_by_day: "날짜별 이벤트 지연", "Event lag by day";
    lag_hint: "작업자가 1분마다 잰 값 가운데 가장 큰 것입니다. 순번이나 가장 느린 구독자를 기다린 시간이며, 재지 못한 때는 비어 있습니다.",
        "The worst that workers measured, once a minute: how long an event waited for a position or for the slowest \
         reader. Nothing is shown where no worker measured.";
    longest: "가장 긴 지연", "At most";
    not_measured: "재지 않음", "Not measured";
    figures_of_lag: "이벤트 지연 수치 표", "The figures of event lag";
    events_behind: "밀린 이벤트", "Events behind";
    refunds_wait: "승인을 기다리는 환불", "Refunds that wait for approval";
    keys_wait: "승인을 기다리는 키 요청", "API keys that wait for approval";
    waits_by_age: "기다린 시간별 처리 대기", "What waits, by age";
    share_of_ages: "비율", "By age";
    age_day: "하루 미만", "Under a day";
    age_days: "1~3일", "1 to 3 days";
    age_week: "3~7일", "3 to 7 days";
    age_older: "7일 이상", "A week or more";
    currency: "통화", "Currency";
    pending: "정산 대기", "Pending";
    available: "지급 가능", "Available";
    held: "보류", "Held";
    in_transit: "지급 중", "In transit";
    paid_out: "지급 완료", "Paid out";
    debt: "갚을 금액", "Debt";
    movements: "변동 내역", "Movements";
    account: "계정", "Account";
    counter: "상대 계정", "Counter account";
    debits: "차변", "Debits";
    credits: "대변", "Credits";
    balance: "잔액", "Balance";
    trial_balance: "시산표", "Trial balance";
    balanced: "차변과 대변이 같습니다.", "Debits equal credits.";
    not_balanced: "차변과 대변이 다릅니다!", "Debits differ from credits!";
    entry: "분개", "Entry";
    entries: "분개 목록", "Entries";
    any_reason: "모든 사유", "Any reason";
    proofs: "증명과 내보내기", "Proofs and exports";
    chain: "해시 체인", "The chain of hashes";
    last_entry: "마지막 분개 번호", "Last entry";
    closed_before: "이 시각 전은 마감됨", "Closed before";
    checkpoint: "체크포인트", "Checkpoint";
    no_checkpoint: "아직 없습니다. daegeum ledger checkpoint 명령이 만듭니다.",
        "There is none yet. The command `daegeum ledger checkpoint` makes one.";
    signature_good: "서명 맞음", "Signature fits";
    signature_bad: "서명 틀림", "Signature does not fit";
    merkle_root: "머클 루트", "Merkle root";
    public_key: "공개 키", "Public key";
    verification: "검증", "Verification";
    verification_hint: "모든 잔액, 지갑, 주문, 해시를 분개에서 다시 계산해 비교합니다. 아무것도 바꾸지 않습니다.",
        "Recomputes every balance, wallet, order and hash from the postings and compares. Nothing is changed.";
    do_verify: "지금 검증", "Verify now";
    verifying: "다른 검증이 진행 중입니다. 잠시 후 다시 시도하세요.", "Another verification runs. Try again in a moment.";
    books_agree: "장부가 맞습니다.", "The books agree.";
    books_disagree: "장부가 맞지 않습니다! 다른 것:", "The books do not agree! Disagreements:";
    books_too_large: "장부가 커서 이 페이지에서는 끝나지 않습니다. daegeum ledger verify 명령을 쓰세요.",
        "The books are too large for this page. Run `daegeum ledger verify`.";
    export: "내보내기", "Export";
    export_hint: "두 날짜 사이(한국 시각)의 전기를 CSV로 받습니다. 감사 로그에 남습니다. 분개 50,000건까지입니다.",
        "The postings of these days in Korea as CSV, up to 50,000 entries. The audit log names you.";
    do_export: "CSV 받기", "Get the CSV";
    too_many_entries: "분개가 50,000건보다 많습니다. 기간을 줄이거나 daegeum ledger export 명령을 쓰세요.",
        "These are more than 50,000 entries. Choose fewer days, or run `daegeum ledger export`.";
    occurred: "발생", "Occurred";
    booked: "기장", "Booked";
    hash: "해시", "Hash";
    previous_hash: "이전 해시", "Previous hash";
    reverses: "취소 대상", "Takes back";
    reversed_by: "취소한 분개", "Taken back by";
    postings: "전기", "Postings";
    debit: "차변", "Debit";
    credit: "대변", "Credit";

    position: "순번", "Position";
    type_word: "종류", "Type";
    object: "대상", "Object";
    last_position: "마지막 순번", "Last position";
    kept_from: "보관 시작 순번", "Kept from";
    url: "주소", "URL";
    lag: "지연", "Lag";
    waiting_events: "재시도 대기", "Waiting";
    failing_since: "실패 시작", "Failing since";
    deliveries: "전송 시도", "Deliveries";
    attempt: "시도", "Attempt";
    answered: "응답", "Answer";
    took: "걸린 시간", "Took";
    outcome: "결과", "Outcome";
    redeliver: "다시 전송", "Deliver again";
    redeliver_hint: "같은 webhook-id로 이 이벤트를 한 번 더 보냅니다.", "Sends the event once more, under the same webhook-id.";
    redelivered: "곧 다시 보냅니다.", "It is sent again soon.";
    enabled: "켜짐", "Enabled";
    disabled: "꺼짐", "Disabled";

    name: "이름", "Name";
    scopes: "권한", "Scopes";
    last_used: "마지막 사용", "Last used";
    good: "유효", "Good";
    revoked: "폐기됨", "Revoked";
    expired: "만료됨", "Expired";
    keys_hint: "비밀 값은 키를 만들 때 한 번만 보입니다. ops와 finance 권한의 키는 daegeum keys 명령으로 만들고 교체합니다.",
        "A secret is shown once, when its key is made. Keys with `ops` or `finance` are made and rotated by \
         `daegeum keys`.";
    revoke: "키 폐기", "Revoke";
    revoke_hint: "이 키로는 다음 요청부터 아무것도 할 수 없습니다. 되돌릴 수 없습니다.",
        "With the next request the key opens nothing. This cannot be undone.";
    do_revoke: "폐기 실행", "Revoke now";
    key_revoked: "키를 폐기했습니다.", "The key is revoked.";
    when: "언제", "When";
    who: "누가", "Who";
    result: "결과", "Result";
    address: "접속 주소", "Address";
    person: "사람", "Person";
    actor_key: "API 키", "API key";
    actor_operator: "명령줄", "Command line";
    roles: "역할", "Roles";
    began: "시작", "Began";
    seen: "마지막 요청", "Last request";
    session_ends: "만료 일시", "Ends";
    goes_on: "사용 중", "Open";
    ended: "끝남", "Ended";
    end_session: "끝내기", "End";
    this_session: "이 세션", "This session";

    system: "시스템", "System";
    all_is_well: "모든 점검이 정상입니다.", "Every check is well.";
    not_well: "정상이 아닌 점검:", "Checks that are not well:";
    checks: "점검", "Checks";
    checks_hint: "daegeum doctor와 같은 점검을 이 API 프로세스에서 지금 실행한 결과입니다. 내용은 명령줄과 같은 영어입니다.",
        "The checks of `daegeum doctor`, made now by this API process.";
    part: "대상", "Part";
    found: "확인한 내용", "Found";
    well: "정상", "Well";
    ill: "이상", "Ill";
    unseen: "확인 불가", "Not seen";
    unasked: "점검 안 함", "Not checked";
    unseen_without: "먼저 필요한 것:", "It could not be looked at without:";
    mend: "고치는 방법", "To mend it";
    workers: "작업자", "Workers";
    no_worker_polls: "작업을 가져가는 작업자가 없습니다. 결제가 진행되지 않습니다.", "No worker polls, so no payment goes on.";
    process: "프로세스", "Process";
    task_queue: "작업 큐", "Task queue";
    tasks: "작업 종류", "Tasks";
    workflow_tasks: "워크플로", "Workflows";
    activity_tasks: "액티비티", "Activities";
    build: "빌드", "Build";
    gets_tasks: "작업 받음", "Gets tasks";
    gets_none: "작업 없음", "Gets none";
    polled: "마지막 요청", "Last asked";
    version_here: "이 프로세스의 버전:", "The version of this process:";
}

impl Words {
    pub(super) const fn place(&self, place: Place) -> &'static str {
        match place {
            Place::Overview => self.overview,
            Place::Payments => self.payments,
            Place::DeadLetters => self.dead_letters,
            Place::Sellers => self.pick("판매자", "Sellers"),
            Place::Payouts => self.pick("지급", "Payouts"),
            Place::Reconciliation => self.pick("대사", "Reconciliation"),
            Place::Ledger => self.ledger,
            Place::Events => self.events,
            Place::Endpoints => self.endpoints,
            Place::ApiKeys => self.api_keys,
            Place::Audit => self.audit,
            Place::Sessions => self.sessions,
            Place::System => self.system,
            Place::Own => self.pick("내 지갑", "My wallet"),
            Place::OwnPayouts => self.pick("내 지급 내역", "My payouts"),
        }
    }

    pub(super) const fn tab(&self, tab: Tab) -> &'static str {
        match tab {
            Tab::Payments => self.payments,
            Tab::Approvals => self.pick("환불 승인", "Refund approvals"),
            Tab::Sellers => self.pick("판매자", "Sellers"),
            Tab::Wallets => self.wallets,
            Tab::Runs => self.pick("지급 묶음", "Payout runs"),
            Tab::Payouts => self.pick("지급 건", "Payouts"),
            Tab::Accounts => self.trial_balance,
            Tab::Entries => self.entries,
            Tab::Proofs => self.proofs,
            Tab::Days => self.pick("대사 실행", "Days"),
            Tab::Breaks => self.pick("불일치", "Breaks"),
            Tab::Settlements => self.pick("정산 달력", "Settlement calendar"),
            Tab::Exchanges => self.pick("환전 손익", "Exchange gain or loss"),
        }
    }

    pub(super) const fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Support => self.pick("고객 지원", "Support"),
            Role::Operations => self.pick("운영", "Operations"),
            Role::Finance => self.pick("재무", "Finance"),
            Role::Admin => self.pick("관리자", "Admin"),
            Role::Seller => self.pick("판매자", "Seller"),
        }
    }

    pub(super) const fn cash_receipt_standing_of(&self, standing: ReceiptStanding) -> &'static str {
        match standing {
            ReceiptStanding::Missing => self.pick("발급되지 않았습니다.", "No receipt was issued."),
            ReceiptStanding::InProgress => self.pick("국세청 확인 중입니다.", "The tax office has not answered yet."),
            ReceiptStanding::Issued => self.pick("발급되었습니다.", "Issued."),
            ReceiptStanding::TakenBack => self.pick("모두 취소되었습니다.", "All of it was canceled."),
            ReceiptStanding::Failed => {
                self.pick("국세청이 거절했습니다. 확인이 필요합니다.", "The tax office refused it. A person is needed.")
            }
            ReceiptStanding::Differs => self.pick(
                "현금영수증 금액이 결제 잔액과 다릅니다. 확인이 필요합니다.",
                "The receipts do not say what is held. A person is needed.",
            ),
        }
    }

    pub(super) const fn cash_receipt_entry_of(&self, entry: ReceiptEntry) -> &'static str {
        match entry {
            ReceiptEntry::Issue => self.pick("발급", "Issue"),
            ReceiptEntry::Cancel => self.pick("취소", "Cancellation"),
        }
    }

    pub(super) const fn cash_receipt_purpose_of(&self, purpose: ReceiptPurpose) -> &'static str {
        match purpose {
            ReceiptPurpose::IncomeDeduction => self.pick("소득공제", "Income deduction"),
            ReceiptPurpose::ExpenseProof => self.pick("지출증빙", "Expense proof"),
        }
    }

    pub(super) const fn cash_receipt_status_of(&self, status: ReceiptStatus) -> &'static str {
        match status {
            ReceiptStatus::InProgress => self.pick("처리 중", "In progress"),
            ReceiptStatus::Completed => self.pick("완료", "Completed"),
            ReceiptStatus::Failed => self.pick("실패", "Failed"),
        }
    }

    pub(super) const fn status_of(&self, status: Status) -> &'static str {
        match status {
            Status::NotStarted => self.pick("결제 전", "Not started"),
            Status::Executing => self.pick("처리 중", "Executing"),
            Status::Unknown => self.pick("결과 모름", "Unknown"),
            Status::WaitingForDeposit => self.pick("입금 대기", "Waiting for deposit"),
            Status::Success => self.pick("결제됨", "Paid"),
            Status::Failed => self.pick("실패", "Failed"),
            Status::Expired => self.pick("만료", "Expired"),
            Status::Canceled => self.pick("취소", "Canceled"),
            Status::PartiallyRefunded => self.pick("일부 환불", "Partially refunded"),
            Status::Refunded => self.pick("환불", "Refunded"),
            Status::Stuck => self.pick("확인 필요", "Stuck"),
        }
    }

    pub(super) const fn approval(&self, standing: ApprovalStanding) -> &'static str {
        match standing {
            ApprovalStanding::Waiting => self.pick("승인 대기", "Waits for approval"),
            ApprovalStanding::Decided(Decision::Approved) => self.pick("승인됨", "Approved"),
            ApprovalStanding::Decided(Decision::Rejected) => self.pick("반려됨", "Rejected"),
        }
    }

    pub(super) const fn refund_status(&self, status: RefundStatus) -> &'static str {
        match status {
            RefundStatus::Requested => self.pick("요청됨", "Requested"),
            RefundStatus::Executing => self.pick("처리 중", "Executing"),
            RefundStatus::Unknown => self.pick("결과 모름", "Unknown"),
            RefundStatus::Stuck => self.pick("확인 필요", "Stuck"),
            RefundStatus::Succeeded => self.pick("환불됨", "Succeeded"),
            RefundStatus::Failed => self.pick("실패", "Failed"),
        }
    }

    pub(super) const fn part_of(&self, part: Part) -> &'static str {
        match part {
            Part::Configuration => self.pick("설정", "Configuration"),
            Part::Database => self.pick("데이터베이스", "Database"),
            Part::ApiKeys => self.api_keys,
            Part::EventLog => self.pick("이벤트 로그", "Event log"),
            Part::WebhookEndpoints => self.pick("웹훅 주소", "Webhook endpoints"),
            Part::Payouts => self.pick("지급", "Payouts"),
            Part::DeadLetters => self.dead_letters,
            Part::Kafka => "Kafka",
            Part::Temporal => "Temporal",
            Part::SearchAttributes => self.pick("검색 속성", "Search attributes"),
            Part::Worker => self.pick("작업자", "Worker"),
            Part::WorkerVersions => self.pick("작업자 버전", "Worker versions"),
            Part::WorkflowTasks => self.pick("워크플로 작업", "Workflow tasks"),
            Part::Schedules => self.schedules,
            Part::ApiProcess => self.pick("API 프로세스", "API process"),
            Part::WorkerProcess => self.pick("작업자 프로세스", "Worker process"),
            Part::Toss => self.pick("토스", "Toss"),
            Part::PayoutService => self.pick("지급대행", "Payout service"),
            Part::Clock => self.pick("시계", "Clock"),
            Part::Holidays => self.pick("공휴일", "Holidays"),
            Part::Agreement => self.pick("데이터베이스와 Temporal", "Database and Temporal"),
        }
    }

    pub(super) const fn outcome_of(&self, outcome: DeclaredOutcome) -> &'static str {
        match outcome {
            DeclaredOutcome::NotPaid => self.pick("구매자의 돈을 받지 않았음", "No money of the buyer is held"),
            DeclaredOutcome::Approved => self.pick("검토 승인: 결제해도 됨", "Review approved: it may be charged"),
            DeclaredOutcome::Denied => self.pick("검토 거절: 결제하지 않음", "Review denied: it is not charged"),
            DeclaredOutcome::Refunded => self.pick("구매자가 돌려받았음", "The buyer has the money back"),
            DeclaredOutcome::NotRefunded => self.pick("구매자에게 돌려주지 않음", "The buyer does not get it back"),
        }
    }

    pub(super) const fn refusal_of(&self, refusal: LetterRefusal) -> &'static str {
        match refusal {
            LetterRefusal::TakenUp => self.pick("이미 처리됨", "No: it is no longer open"),
            LetterRefusal::Awaited => self.pick("워크플로가 기다리고 있음", "No: its workflow waits for it"),
            LetterRefusal::Ended => self.pick("워크플로가 끝났음", "No: its workflow has ended"),
            LetterRefusal::RepeatsItself => {
                self.pick("워크플로가 스스로 다시 시도함", "No: its workflow repeats the step itself")
            }
            LetterRefusal::OtherOutcome => {
                self.pick("이 결과를 받지 않음", "No: its workflow does not take this outcome")
            }
            LetterRefusal::FourEyes => self.pick("다른 사람이 결정해야 함", "No: another principal has to decide"),
        }
    }

    pub(super) const fn letter_status(&self, status: LetterStatus) -> &'static str {
        match status {
            LetterStatus::Open => self.pick("미해결", "Open"),
            LetterStatus::Retrying => self.pick("다시 시도 중", "Retrying"),
            LetterStatus::Resolved => self.pick("해결됨", "Resolved"),
            LetterStatus::Discarded => self.pick("버림", "Discarded"),
            LetterStatus::Closed => self.pick("닫힘", "Closed"),
        }
    }

    /// How long, in the largest unit that fits: `3 min`.
    pub(super) fn age(&self, ms: u64) -> String {
        const SECOND: u64 = 1_000;
        const MINUTE: u64 = 60 * SECOND;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        match ms {
            0..MINUTE => format!("{}{}", ms / SECOND, self.pick("초", " s")),
            MINUTE..HOUR => format!("{}{}", ms / MINUTE, self.pick("분", " min")),
            HOUR..DAY => format!("{}{}", ms / HOUR, self.pick("시간", " h")),
            DAY.. => format!("{}{}", ms / DAY, self.pick("일", " d")),
        }
    }
}
