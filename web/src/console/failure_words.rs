//! What a failure is, in the language of the page. Codes of the PSP come with the PSP's own words.

use domain::failure::{Failure, FailureCode, OurCode};
use maud::{Markup, html};

use super::frame::Frame;
use crate::language::Language;

/// The code of a failure, and what it says.
pub(super) fn failure(frame: &Frame<'_>, failure: &Failure) -> Markup {
    html! { span.code { (failure.code.as_str()) } " " (said(frame, failure)) }
}

/// What a failure says.
pub(super) fn said<'a>(frame: &Frame<'_>, failure: &'a Failure) -> &'a str {
    match (frame.language, &failure.code) {
        (Language::Korean, FailureCode::Ours(code)) => in_korean(*code),
        (Language::Korean, FailureCode::Psp(_)) | (Language::English, _) => &failure.message,
    }
}

const fn in_korean(code: OurCode) -> &'static str {
    match code {
        OurCode::Canceled => "결제가 취소되었습니다.",
        OurCode::PspAmountMismatch => "토스에서 결제되거나 환불된 금액이 다릅니다.",
        OurCode::DepositExpired => "가상계좌 입금 기한이 지났습니다.",
        OurCode::UnconfirmedPayment => "구매자가 결제창을 마쳤지만 아무도 결제를 승인하지 않았습니다.",
        OurCode::ReturnedAtPsp => "토스에서 결제가 취소되었습니다.",
        OurCode::PspAccessDenied => "토스가 우리 키나 설정을 받지 않습니다. 구매자의 잘못이 아닙니다.",
        OurCode::OutcomeUnknown => "결제가 되었는지 알아내지 못했습니다.",
        OurCode::DepositUnresolved => "기한이 지나도록 입금 결과를 알 수 없습니다.",
        OurCode::UndoRefused => "돌려주어야 할 결제를 토스가 취소해 주지 않습니다.",
        OurCode::UndoUnfinished => "돌려주어야 할 결제를 제때 취소하지 못했습니다.",
        OurCode::DepositTakenBack => "은행이 입금을 되가져갔지만 장부에서는 되돌릴 수 없습니다.",
        OurCode::ResolvedByOperator => "담당자가 결제되지 않은 것으로 결론 내렸습니다.",
        OurCode::SavedCardDeleted => "결제하기 전에 등록 카드가 삭제되었습니다.",
        OurCode::RiskReview => "위험 검토를 기다립니다.",
        OurCode::RiskDenied => "위험 때문에 결제하지 않았습니다.",
        OurCode::ReviewExpired => "위험 검토가 제때 이루어지지 않았습니다.",
        OurCode::NotSent => "요청을 보내지 못했습니다.",
        OurCode::RefundLookalike => "같은 금액이 우리 표시 없이 토스에서 환불되었습니다.",
        OurCode::CanceledAtPsp => "이 환불과 별도로 토스에서 결제가 취소되었습니다.",
        OurCode::PspBalanceTooSmall => "토스에 남은 결제 금액이 환불할 금액보다 적습니다.",
        OurCode::RefundUnresolved => "환불되었는지 알아내지 못했습니다.",
        OurCode::ResolvedNotRefunded => "담당자가 환불되지 않은 것으로 결론 내렸습니다.",
        OurCode::RefundExceedsPayment => "남은 금액보다 많이 환불하려 했습니다.",
        OurCode::NothingLeftToRefund => "전액이 이미 환불되었거나 환불 중입니다.",
        OurCode::NotRefundable => "장부가 이 환불을 받지 않습니다.",
        OurCode::PayoutUnresolved => "지급되었는지 알아내지 못했습니다.",
        OurCode::PayoutWithdrawn => "지급 건이나 지급 묶음을 취소했습니다.",
        OurCode::PayoutSellerChanged => "지급을 확정한 뒤 판매자나 계좌가 바뀌었습니다.",
        OurCode::PayoutsStopped => "우리가 요청하지 않은 지급이 토스에 있어 지급을 멈췄습니다.",
        OurCode::PayoutReturned => "지급된 돈이 되돌아왔습니다.",
        OurCode::PayoutRefusedByBank => "두 사람의 확인에 따르면 은행이 이체하지 않았습니다.",
        OurCode::SweepTooLarge => "토스에 있는 우리 돈이 옮길 금액보다 적습니다.",
        OurCode::WriteFailed => "기록하지 못했습니다.",
        OurCode::StoreDatabase => "데이터베이스 오류입니다.",
        OurCode::StoreCorrupt => "서로 맞지 않는 기록이 있습니다.",
        OurCode::StoreOutOfStep => "다른 변경이 같은 번호로 먼저 기록되었습니다.",
        OurCode::StoreRefused => "장부가 기록을 받지 않습니다.",
        OurCode::StoreStopped => "저장소를 멈추는 중입니다.",
        OurCode::StoreAmount => "저장할 수 있는 금액의 범위를 넘습니다.",
        OurCode::StoreClockOff => "이 프로세스의 시계가 맞지 않습니다.",
        OurCode::StoreLocked => "스키마 변경이 잠금을 너무 오래 기다렸습니다.",
    }
}
