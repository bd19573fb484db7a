//! What the pages about sellers, payouts and reconciliation say, in Korean and in English.

use domain::{
    payout::{
        PayoutStatus, RunStatus,
        plan::CarryReason,
        schedule::{Cycle, Schedule},
    },
    seller::{BusinessType, PayoutStatus as SellerStatus},
};
use store::SellerHoldStatus;

use super::words::words;
use crate::language::Language;

words! {
    /// What the pages about sellers, payouts and reconciliation say besides.
    pub(super) FinanceWords;
    runs_wait: "승인을 기다리는 지급 묶음", "Payout runs that wait for approval";
    payouts_stuck: "확인이 필요한 지급", "Payouts that need a person";
    wrong_person: "담당자를 1자에서 64자로 적어 주세요.", "Name a person in 1 to 64 characters.";
    wrong_day: "오늘보다 뒤의 날짜를 골라 주세요.", "Choose a day after today.";
    wrong_template: "처리 방법을 골라 주세요.", "Choose how it is resolved.";

    search_seller: "판매자 계정 또는 이름의 일부", "A part of the account or the name";
    payout_status: "지급 상태", "Payout status";
    business: "사업자 유형", "Business";
    bank_account: "계좌", "Bank account";
    verified: "확인됨", "verified";
    not_verified: "확인 안 됨", "not verified";
    cools_down: "계좌가 바뀌어 지급을 미루는 기한:", "Changed lately; nothing is paid to it until:";
    email: "이메일", "E-mail";
    phone: "전화", "Phone";
    registration_number: "사업자등록번호", "Business registration number";
    representative: "대표자", "Representative";
    holder: "예금주", "Account holder";
    bank_code: "은행 코드", "Bank code";
    account_number: "계좌번호", "Account number";
    schedule: "지급 주기", "Payout schedule";
    minimum: "최소 지급액", "Minimum payout";
    registration: "토스 등록", "Registration at Toss";
    registered: "등록됨", "registered";
    not_registered: "등록 전", "not registered yet";
    refused_by_toss: "토스의 거절 코드", "Toss refused with";
    asked_last: "마지막 확인", "Asked last";
    no_profile: "결제에서만 나타난 판매자입니다. 등록 정보가 없습니다.",
        "This seller appeared in payments only. Nothing else is known.";
    wallet: "지갑", "Wallet";
    to_movements: "변동 내역", "Movements";
    becomes_available: "지급 가능해지는 날", "What becomes available when";
    nothing_pending: "기다리는 금액이 없습니다.", "Nothing waits to become available.";
    waits_for_purchase: "구매 확정을 기다림", "Waits for the buyer to confirm the purchase";
    orders: "주문 수", "Orders";
    day: "날짜", "Day";
    next_payouts: "다음 지급일", "Next payouts";
    no_next_payouts: "정해진 지급일이 없습니다.", "No payout is due by a calendar.";
    recent_payouts: "지급 내역", "Payouts";
    all_payouts: "모든 지급 보기", "All payouts";
    holds: "보류", "Holds";
    hold: "보류하기", "Hold back";
    hold_hint: "지급 가능한 금액의 일부, 또는 모든 지급을 막습니다. 언제든 해제할 수 있습니다.",
        "Holds a part of what is available back, or all payouts. The hold can be lifted at any time.";
    hold_amount: "금액 (비우면 모든 지급을 막음)", "Amount (empty: all payouts)";
    all_held: "모든 지급", "All payouts";
    do_hold: "보류 실행", "Hold now";
    held_now: "보류했습니다.", "It is held back.";
    until: "기한", "Until";
    no_end: "기한 없음", "No end";
    placed: "건 사람", "Placed by";
    lift: "해제", "Lift";
    lift_hint: "보류를 풀면 금액이 다시 지급 가능해집니다.", "The amount is available again, or payouts go on.";
    do_lift: "해제 실행", "Lift now";
    lifted: "보류가 풀렸습니다.", "The hold is lifted.";
    reveal: "가린 정보 보기", "Show what is masked";
    reveal_hint: "연락처와 계좌번호를 그대로 보여 줍니다. 누가 왜 보았는지 감사 로그에 먼저 기록됩니다.",
        "Shows contact and bank account in the clear. The audit log names you and the reason before that.";
    do_reveal: "보기", "Show now";
    verify: "계좌 확인", "Verify the bank account";
    verify_hint: "통장 사본 같은 증빙으로 예금주를 확인했음을 기록합니다. 계좌를 등록한 사람과 다른 사람만 할 수 있습니다. \
                  확인된 계좌로 지급이 나갑니다.",
        "Says that you looked at a proof of the holder, such as a copy of the bank book. It is another person than the \
         one who set the account. Payouts go to an account that is verified.";
    do_verify: "확인 완료", "Verified";
    account_verified: "계좌가 확인되었습니다.", "The bank account is verified.";
    revealed: "가린 정보", "In the clear";
    revealed_hint: "이 열람은 감사 로그에 기록되었습니다.", "This reading stands in the audit log.";

    run: "지급 묶음", "Payout run";
    runs: "지급 묶음", "Payout runs";
    run_date: "지급일", "Day";
    total: "합계", "Total";
    payouts_count: "건수", "Payouts";
    digest: "다이제스트", "Digest";
    digest_hint: "모든 정산서의 모든 줄을 덮습니다. 승인은 이 값에 묶입니다.",
        "It runs over every line of every statement. An approval is bound to it.";
    frozen_by: "동결한 사람", "Frozen by";
    frozen_at: "동결", "Frozen";
    decided_by: "결정한 사람", "Decided by";
    first_approval_by: "먼저 승인한 사람", "First approved by";
    approvals_missing: "남은 승인", "Approvals missing";
    completed_at: "완료", "Completed";
    carried_over: "다음으로 이월", "Carried over";
    freeze: "지급 묶음 동결", "Freeze a run";
    freeze_hint: "지급할 금액을 잡아 두고 판매자마다 정산서를 만듭니다. 다른 사람이 승인해야 보냅니다.",
        "Reserves what each seller is paid and makes statements. Nothing is sent before another person approves.";
    freeze_sellers: "판매자 (비우면 지급일인 판매자 전체)", "Sellers (empty: all that are due)";
    nothing_due: "지급할 금액이 있는 판매자가 없습니다.", "No seller is due.";
    do_freeze: "동결 실행", "Freeze now";
    run_frozen: "지급 묶음을 동결했습니다. 다른 사람의 승인을 기다립니다.", "The run is frozen. It waits for another person.";
    wrong_run_day: "날짜를 읽을 수 없습니다.", "The day cannot be read.";
    wrong_sellers: "판매자를 읽을 수 없습니다. 100명까지 쉼표로 나누어 적으세요.",
        "The sellers cannot be read. Give up to 100, with commas.";
    waits_second: "두 번째 사람의 승인을 기다립니다.", "The run waits for a second principal.";
    own_run: "직접 동결한 묶음은 승인하거나 반려할 수 없습니다. 다른 사람이 결정해야 합니다.",
        "You froze this run. Another principal approves or rejects it; you can take it back.";
    approve: "승인", "Approve";
    approve_hint: "이 다이제스트의 지급을 모두 토스로 보냅니다. 그동안 내용이 바뀌었다면 승인되지 않습니다.",
        "Sends the payouts of this digest to Toss. If the run changed meanwhile, nothing is approved.";
    do_approve: "승인하고 보내기", "Approve and send";
    reject: "반려", "Reject";
    reject_hint: "아무것도 지급하지 않습니다. 금액은 다시 지급 가능해지고 정산서는 무효가 됩니다.",
        "Pays nothing of it. The money is available again, and the statements are void.";
    do_reject: "반려 실행", "Reject now";
    take_back: "거두기", "Take back";
    take_back_hint: "아무도 승인하지 않은 묶음을 거둡니다. 아무것도 지급되지 않습니다.",
        "Takes a run back that nobody has approved. Nothing of it is paid.";
    do_take_back: "거두기 실행", "Take back now";
    run_approved: "승인했습니다. 지급을 보내고 있습니다.", "It is approved, and being sent.";
    run_noted: "승인을 기록했습니다. 다른 사람이 한 번 더 승인해야 보냅니다.",
        "Your approval is noted. Another principal has to approve the run before anything is sent.";
    run_rejected: "반려했습니다. 아무것도 지급하지 않습니다.", "It is rejected. Nothing of it is paid.";
    run_taken_back: "거두었습니다. 아무것도 지급하지 않습니다.", "It is taken back. Nothing of it is paid.";

    payout: "지급", "Payout";
    attempt: "시도", "Attempt";
    pays_on: "토스 지급일", "Toss pays on";
    sent_at: "보냄", "Sent";
    ended_at: "종료 일시", "Ended";
    reference: "토스에서의 이름", "Name at Toss";
    statement: "정산서", "Statement";
    void: "무효", "void";
    failure: "실패 이유", "Why it is not paid";
    retry_payout: "다시 지급", "Pay again";
    retry_payout_hint: "토스가 이전 시도를 지급하지 않았다고 답한 뒤에만 새로 시도합니다.",
        "A new attempt begins only after Toss said that the last one was not paid.";
    do_retry_payout: "다시 지급", "Pay again now";
    cancel_payout: "지급 취소", "Cancel";
    cancel_payout_hint: "아직 나가지 않은 지급을 멈춥니다. 금액은 다시 지급 가능해집니다.",
        "Stops a payout that Toss has not paid yet. The money is available again.";
    do_cancel_payout: "취소 실행", "Cancel now";
    sweep: "자사 수수료 인출", "Sweep of our own money";
    received_at: "입금 확인", "Received";
    received: "입금 기록", "Book as received";
    received_hint: "우리 은행 계좌에 들어온 인출을 기록합니다. 은행 내역의 금액을 적습니다. 다른 사람이 같은 답을 기록해야 반영합니다.",
        "For a sweep that is in our bank account: enter the sum of the bank. Another principal has to say the same.";
    do_received: "입금으로 기록", "Book as received";
    bank_paid: "이체됨", "The bank paid it";
    bank_paid_hint: "은행이 이체했다는 답을 기록합니다. 다른 사람이 같은 답을 기록해야 지급이 끝납니다.",
        "Notes that our bank paid the transfer. The payout is paid once another principal says the same.";
    do_bank_paid: "이체됨으로 기록", "The bank paid it";
    bank_failed: "이체 안 됨", "The bank did not pay it";
    bank_failed_hint: "은행이 이체하지 않았다는 답을 기록합니다. 다른 사람이 같은 답을 기록하면 금액은 다시 지급 가능해집니다.",
        "Notes that our bank did not pay it. Once another principal says the same, the money is available again.";
    do_bank_failed: "이체 안 됨으로 기록", "The bank did not pay it";
    bank_sum: "은행 내역의 금액(원)", "Sum that the bank shows, in won";
    bank_answer: "은행의 답", "Answer of the bank";
    paid_by: "지급 방법", "Paid by";
    by_toss: "토스 지급대행", "Toss";
    by_bank_file: "은행 이체 파일", "Bank file";
    bank_files: "은행 이체 파일", "Bank files";
    file: "이체 파일 받기", "Take the bank file";
    file_hint: "계좌번호가 그대로 들어 있는 파일을 받습니다. 누가 왜 받았는지 감사 로그에 먼저 기록되고, 파일의 지급은 지급 중이 됩니다.",
        "The file shows account numbers. The audit log names you and the reason; its payouts are in progress then.";
    do_file: "파일 받기", "Take the file";
    transfers: "이체 수", "Transfers";
    taken_by: "받은 사람", "Taken by";
    returned: "반송 기록", "Book as returned";
    returned_hint: "은행이 돈을 돌려보낸 지급을 기록합니다. 다른 사람이 같은 답을 기록하면 금액은 보류됩니다.",
        "The bank sent the money back. Once another principal says the same, it is held until the hold is lifted.";
    do_returned: "반송으로 기록", "Book as returned";
    payout_acted: "지급에 반영했습니다.", "The payout was changed.";
    wrong_sum: "적은 금액이 지급 금액과 다릅니다. 은행 내역을 다시 보세요.",
        "The sum is not that of the payout. Look at the statement of the bank again.";
    payout_noted: "답을 기록했습니다. 다른 사람이 같은 답을 기록해야 반영합니다.",
        "Your word is noted. Another principal has to say the same before anything is booked.";
    seller_hint: "판매자 본인의 자료만 보입니다.", "Only your own data is shown.";
}

impl FinanceWords {
    pub(super) const fn seller_status(&self, status: SellerStatus) -> &'static str {
        match status {
            SellerStatus::Unregistered => self.pick("미등록", "Unregistered"),
            SellerStatus::PendingApproval => self.pick("승인 대기", "Pending approval"),
            SellerStatus::Limited => self.pick("한도 내 지급", "Limited"),
            SellerStatus::Approved => self.pick("지급 가능", "Approved"),
            SellerStatus::KycRequired => self.pick("고객 확인 필요", "KYC required"),
            SellerStatus::AccountUnverified => self.pick("계좌 미확인", "Account unverified"),
            SellerStatus::Suspended => self.pick("지급 중지", "Suspended"),
        }
    }

    pub(super) const fn run_status(&self, status: RunStatus) -> &'static str {
        match status {
            RunStatus::Frozen => self.pick("승인 대기", "Waits for approval"),
            RunStatus::Approved => self.pick("승인됨", "Approved"),
            RunStatus::Sending => self.pick("보내는 중", "Sending"),
            RunStatus::Completed => self.pick("완료", "Completed"),
            RunStatus::Rejected => self.pick("반려", "Rejected"),
            RunStatus::Canceled => self.pick("거둠", "Taken back"),
        }
    }

    pub(super) const fn payout_status_of(&self, status: PayoutStatus) -> &'static str {
        match status {
            PayoutStatus::Frozen => self.pick("승인 대기", "Waits for approval"),
            PayoutStatus::Approved => self.pick("승인됨", "Approved"),
            PayoutStatus::Sending => self.pick("보내는 중", "Sending"),
            PayoutStatus::Unknown => self.pick("결과 모름", "Unknown"),
            PayoutStatus::Requested => self.pick("토스 접수", "Requested"),
            PayoutStatus::InProgress => self.pick("지급 중", "In progress"),
            PayoutStatus::Paid => self.pick("지급됨", "Paid"),
            PayoutStatus::Failed => self.pick("실패", "Failed"),
            PayoutStatus::Returned => self.pick("반송", "Returned"),
            PayoutStatus::Canceled => self.pick("취소", "Canceled"),
            PayoutStatus::Stuck => self.pick("확인 필요", "Stuck"),
        }
    }

    pub(super) const fn hold_status(&self, status: SellerHoldStatus) -> &'static str {
        match status {
            SellerHoldStatus::Pending => self.pick("처리 중", "Pending"),
            SellerHoldStatus::Active => self.pick("보류 중", "Active"),
            SellerHoldStatus::Lifted => self.pick("해제됨", "Lifted"),
            SellerHoldStatus::Expired => self.pick("기한 끝", "Expired"),
        }
    }

    pub(super) const fn business_type(&self, kind: BusinessType) -> &'static str {
        match kind {
            BusinessType::Individual => self.pick("개인", "Individual"),
            BusinessType::IndividualBusiness => self.pick("개인사업자", "Individual business"),
            BusinessType::Corporate => self.pick("법인", "Company"),
        }
    }

    pub(super) const fn carry_reason(&self, reason: CarryReason) -> &'static str {
        match reason {
            CarryReason::BelowMinimum => self.pick("최소 지급액 미만", "Below the minimum"),
            CarryReason::NotPayable => self.pick("토스가 지급하지 않는 판매자", "Toss does not pay the seller"),
            CarryReason::CoolingDown => self.pick("계좌 변경 직후", "The account was changed lately"),
            CarryReason::Blocked => self.pick("지급이 보류됨", "Payouts are held back"),
            CarryReason::WeeklyLimit => self.pick("주간 한도", "Weekly limit"),
            CarryReason::AmountBound => self.pick("1회 한도", "Bound of one payout"),
            CarryReason::Debt => self.pick("갚을 금액", "The seller owes as much"),
            CarryReason::ReleasedLate => self.pick("늦게 지급 가능해짐", "Released too late"),
            CarryReason::PaidAlready => self.pick("이미 지급된 기간", "The period is paid already"),
            CarryReason::StatementOff => self.pick("정산서가 맞지 않음", "The statement does not add up"),
            CarryReason::BankShort => self.pick("은행 잔액 부족", "Our bank account has less"),
            CarryReason::OtherCurrency => self.pick("원화가 아니어서 지급할 수 없음", "Payouts are in won alone"),
            CarryReason::RunFull => self.pick("묶음이 가득 참", "The run is full"),
        }
    }

    /// When a seller is paid out: `monthly: 15, 31`.
    pub(super) fn schedule_of(&self, schedule: &Schedule) -> String {
        let (cycle, days) = match schedule.cycle() {
            Cycle::Daily => (self.pick("매일", "daily"), String::new()),
            Cycle::Weekly { days } => (self.pick("매주", "weekly"), self.listed(days, Self::weekday)),
            Cycle::Monthly { days } => (self.pick("매월", "monthly"), self.listed(days, Self::day_of_month)),
            Cycle::Manual => (self.pick("직접", "by hand"), String::new()),
        };
        if days.is_empty() { cycle.to_owned() } else { format!("{cycle}: {days}") }
    }

    fn listed<'d>(&self, days: impl IntoIterator<Item = &'d u8>, name: fn(&Self, u8) -> String) -> String {
        days.into_iter().map(|day| name(self, *day)).collect::<Vec<_>>().join(", ")
    }

    fn weekday(&self, day: u8) -> String {
        const NAMES: [[&str; 2]; 7] =
            [["월", "Mon"], ["화", "Tue"], ["수", "Wed"], ["목", "Thu"], ["금", "Fri"], ["토", "Sat"], ["일", "Sun"]];
        let [korean, english] = NAMES.get(usize::from(day).saturating_sub(1)).copied().unwrap_or(["–", "–"]);
        self.pick(korean, english).to_owned()
    }

    fn day_of_month(&self, day: u8) -> String {
        const LAST: u8 = 31;
        if day == LAST {
            return self.pick("말일", "last day").to_owned();
        }
        format!("{day}{}", self.pick("일", ""))
    }
}
