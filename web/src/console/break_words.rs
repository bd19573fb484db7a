//! What the pages about reconciliations and breaks say, in Korean and in English.

use domain::reconciliation::{BreakClass, BreakStatus, BreakType, Layer, RunStatus, Template};

use super::words::words;
use crate::language::Language;

words! {
    /// What the pages about reconciliations and breaks say besides.
    pub(super) BreakWords;
    days: "대사 실행", "Reconciled days";
    day: "날짜", "Day";
    number: "실행", "Run";
    as_of: "기준일", "As of";
    verdict: "결과", "Verdict";
    open_breaks: "불일치", "Breaks";
    began: "시작", "Began";
    ended: "종료 일시", "Ended";
    step: "지금 하는 일", "Now";
    no_verdict: "판정하지 못한 이유", "Why there is no verdict";
    layers: "비교한 것", "Layers";
    layer: "비교", "Layer";
    figures: "건수와 합계", "Counts and sums";
    left_out: "비교하지 않음:", "Not compared:";
    breaks_of_day: "이 실행에서 마지막으로 확인한 불일치", "Breaks that this run saw last";
    cut: "처음 200건만 보입니다. 나머지는 불일치 목록에 있습니다.",
        "The first 200 are shown. The list of breaks holds the rest.";
    run_again: "이 날을 다시 대사", "Reconcile the day again";
    run_hint: "그날의 장부를 토스와 다시 비교합니다. 돈은 움직이지 않습니다.",
        "Compares the books of the day with Toss again. No money moves.";
    do_run: "대사 시작", "Start now";
    begun: "시작했습니다. 결과는 이 날의 페이지에 나타납니다.", "It has begun. The page of the day shows how it goes.";

    breaks: "불일치", "Breaks";
    a_break: "불일치", "Break";
    class: "처리 주체", "Class";
    any_class: "모든 주체", "Any class";
    kind: "종류", "Type";
    any_kind: "모든 종류", "Any type";
    assignee: "담당자", "Assignee";
    older_than: "영업일 기준 이보다 오래된 것", "Older than, in business days";
    subject: "대상", "Subject";
    age: "경과일", "Age";
    business_days: "영업일", "business days";
    due: "처리 기한", "Due";
    overdue: "기한 지남", "overdue";
    escalated: "상위 보고", "escalated";
    expected: "예정일", "Expected on";
    ours: "우리 장부", "Our books";
    theirs: "상대 기록", "Their record";
    suspense: "미결 계정", "In suspense";
    evidence: "증거", "Evidence";
    no_evidence: "이쪽에는 기록이 없습니다.", "This side has no record.";
    usual_reason: "일반적인 사유 코드", "Usual reason code";
    reason_code: "이유 코드", "Reason code";
    wait_until: "기다리는 날", "Waits until";
    proposal: "두 번째 사람을 기다리는 처리", "Waits for a second principal";
    resolved_by: "처리한 사람", "Resolved by";
    template: "처리 방법", "Template";
    choose: "고르세요", "Choose";
    history: "지금까지 일어난 일", "What happened to it";
    opened_at: "발생 일시", "Opened";
    last_seen: "마지막 확인", "Last seen";
    is_missing: "없음", "none";

    assign: "담당자 지정", "Assign";
    assign_hint: "이 불일치를 볼 사람을 정합니다.", "Names the person that sees to the break.";
    person: "담당자", "Person";
    do_assign: "지정", "Assign now";
    wait: "기다리기", "Wait";
    wait_hint: "고른 날까지 이 불일치를 대기로 둡니다.", "Nothing is done about the break until the day.";
    until: "기다릴 날", "Until";
    do_wait: "대기로 두기", "Wait now";
    resolve: "처리", "Resolve";
    resolve_hint: "미결 계정에 있는 금액이 고른 방법의 계정으로 옮겨집니다. 한도보다 크면 두 번째 사람이 같은 방법으로 승인해야 합니다.",
        "What is in suspense moves to the account of the template. Above the limit a second principal confirms it.";
    do_resolve: "처리 실행", "Resolve now";
    undo: "되돌리기", "Undo";
    undo_hint: "마지막 처리를 그 분개와 함께 되돌립니다.", "Takes the last act back, with the entry that it booked.";
    do_undo: "되돌리기 실행", "Undo now";
    comment: "의견", "Comment";
    comment_hint: "이 불일치의 기록에 남습니다. 개인정보는 적지 마세요.",
        "It joins the history of the break. Put no personal data into it.";
    do_comment: "의견 남기기", "Add the comment";
    moved: "그사이 다른 사람이 이 불일치를 처리했습니다. 아래 내용을 확인하고 다시 보내 주세요.",
        "Somebody acted on the break meanwhile. Look at what is shown now, and send the comment again.";
    acted: "기록했습니다.", "It is written down.";
    proposed: "제안으로 기록했습니다. 다른 사람이 같은 방법으로 처리해야 끝납니다.",
        "It is written down as a proposal. Another principal has to resolve the break in the same way.";

    calendar: "정산 달력", "Settlement calendar";
    by: "기준", "By";
    by_sold: "판매한 날", "Day of the sale";
    by_paid_out: "토스가 지급하는 날", "Day on which Toss pays";
    rows: "건수", "Rows";
    gross: "거래 금액", "Gross";
    fee: "수수료", "Fee";
    vat: "그중 부가세", "VAT in it";
    exchanged: "환전", "Exchanged";
    exchanges: "환전 손익", "Exchange gain or loss";
    exchanges_hint: "토스가 원화로 정산한 외화 매출의 환전 내역입니다. 음수는 토스가 가져간 통화, 양수는 토스가 준 통화입니다.",
        "Sales in other currencies that Toss settles in won. Below zero is what Toss took; above zero is what it gave.";
    end_of_day: "기준일 (하루의 끝)", "At the end of";
    as_csv: "CSV로 받기", "As CSV";
    currency: "통화", "Currency";
    position: "잔액", "Balance";
    in_won: "원화 환산", "In won";
    rate: "환율", "Rate";
    rate_as_of: "환율 기준 시각", "Rate as of";
    rate_source: "환율 출처", "Source";
    realized_gain: "손익 (실현)", "Gain or loss (realized)";
    open_gain: "손익 (미결제 잔액 포함)", "Gain or loss (with open balances)";
    no_rate: "환율 없음", "No rate";
    net: "정산 금액", "Net";
    booked: "장부 반영", "Booked";
    received: "입금", "Received";
    by_books: "장부 예상", "Expected";
    sum: "합계", "Sum";
    wrong_days: "날짜를 읽을 수 없거나 92일보다 깁니다. 최근 7일을 보여 줍니다.",
        "The days cannot be read, or are more than 92. The last 7 days are shown.";
}

impl BreakWords {
    pub(super) const fn status(&self, status: BreakStatus) -> &'static str {
        match status {
            BreakStatus::Open => self.pick("미해결", "Open"),
            BreakStatus::Waiting => self.pick("대기", "Waiting"),
            BreakStatus::Resolved => self.pick("처리됨", "Resolved"),
        }
    }

    pub(super) const fn run_status(&self, status: RunStatus) -> &'static str {
        match status {
            RunStatus::Running => self.pick("실행 중", "Running"),
            RunStatus::Clean => self.pick("일치", "Clean"),
            RunStatus::Breaks => self.pick("불일치", "Breaks"),
            RunStatus::NoVerdict => self.pick("판정 못 함", "No verdict"),
        }
    }

    pub(super) const fn class_of(&self, class: BreakClass) -> &'static str {
        match class {
            BreakClass::Automatic => self.pick("자동", "Automatic"),
            BreakClass::Finance => self.pick("재무", "Finance"),
            BreakClass::Investigation => self.pick("조사", "Investigation"),
        }
    }

    pub(super) const fn layer_of(&self, layer: Layer) -> &'static str {
        match layer {
            Layer::Internal => self.pick("장부 안", "Our own books"),
            Layer::Transactions => self.pick("장부와 토스 거래", "Books and Toss's transactions"),
            Layer::Settlements => self.pick("토스 정산", "Toss's settlements"),
            Layer::PayoutBalance => self.pick("토스 지급 잔액", "Payout balance at Toss"),
            Layer::Bank => self.pick("은행", "Bank"),
        }
    }

    pub(super) const fn template_of(&self, template: Template) -> &'static str {
        match template {
            Template::Accept => self.pick("설명됨 (분개 없음)", "Explained (books nothing)"),
            Template::PspFee => self.pick("토스 수수료 정정", "A correction of Toss's fees"),
            Template::PlatformIncome => self.pick("우리 수익", "Income of ours"),
            Template::Receivable => self.pick("그사이 반영된 결제의 금액", "Money of a payment booked meanwhile"),
        }
    }

    pub(super) const fn type_of(&self, kind: BreakType) -> &'static str {
        match kind {
            BreakType::CutOff => self.pick("마감 시차", "Cut-off"),
            BreakType::SettlementUnbooked => self.pick("정산 미반영", "Settlement not booked"),
            BreakType::CaptureUnbooked => self.pick("결제 미반영", "Payment not booked"),
            BreakType::RefundUnbookedOurs => self.pick("우리 환불 미반영", "Own refund not booked"),
            BreakType::MissingAtPsp => self.pick("토스에 없음", "Missing at Toss"),
            BreakType::SettlementOverdue => self.pick("정산 지연", "Settlement overdue"),
            BreakType::RoundingResidue => self.pick("반올림 잔액", "Rounding"),
            BreakType::FeeDiffers => self.pick("수수료 다름", "Fee differs"),
            BreakType::FeeNotReturned => self.pick("수수료 미반환", "Fee not returned"),
            BreakType::LumpWithoutPayment => self.pick("결제 없는 금액", "Lump without a payment"),
            BreakType::RefundAtConsole => self.pick("토스에서 직접 취소", "Canceled at Toss by hand"),
            BreakType::Chargeback => self.pick("분쟁·은행 회수", "Chargeback or bank take-back"),
            BreakType::AmountsDiffer => self.pick("금액 다름", "Amounts differ"),
            BreakType::UnknownPayment => self.pick("모르는 결제", "Unknown payment"),
            BreakType::DuplicatePayment => self.pick("중복 결제", "Duplicate payment"),
            BreakType::PayoutAnswerLost => self.pick("지급 응답 유실", "Payout answer lost"),
            BreakType::PayoutReturned => self.pick("지급 반송", "Payout returned"),
            BreakType::PayoutUnknownAtHome => self.pick("미확인 지급", "Unknown payout"),
            BreakType::PayoutOverdue => self.pick("지급 지연", "Payout overdue"),
            BreakType::PayoutBalanceDiffers => self.pick("지급 잔액 다름", "Payout balance differs"),
            BreakType::DepositDiffers => self.pick("입금액 다름", "Deposit differs"),
            BreakType::DepositMissing => self.pick("입금 없음", "Deposit missing"),
            BreakType::BankLineUnknown => self.pick("미확인 입출금", "Unknown bank line"),
            BreakType::Ambiguous => self.pick("후보가 여럿", "Several candidates"),
            BreakType::WrongCurrency => self.pick("다른 통화", "Wrong currency"),
            BreakType::AttributeDiffers => self.pick("속성 다름", "Attribute differs"),
            BreakType::DateDiffers => self.pick("날짜 다름", "Dates differ"),
            BreakType::InternalDiffers => self.pick("장부 내부 불일치", "Our books disagree"),
            BreakType::SourceIncomplete => self.pick("상대 자료 불완전", "Source incomplete"),
            BreakType::LateRow => self.pick("늦은 자료", "Late row"),
        }
    }
}
