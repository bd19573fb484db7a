//! What each problem is in Korean, for people at the console. Clients of the API read English.

use super::Code;

impl Code {
    /// The problem in a Korean sentence. The details of a problem are English: a Korean page does not show them.
    pub(crate) const fn in_korean(self) -> &'static str {
        match self {
            Self::AccountNotVerifiable => "은행 계좌를 확인 처리할 수 없습니다.",
            Self::AddressMalformed => "주소를 읽을 수 없습니다.",
            Self::AddressTooLong => "주소가 너무 깁니다.",
            Self::AmbiguousId => "이 번호는 두 가지를 가리킵니다.",
            Self::AmountMismatch => "금액이 다릅니다.",
            Self::BankFileNotFound => "그런 은행 파일이 없습니다.",
            Self::BankFileRefused => "은행 파일을 만들 수 없는 상태입니다.",
            Self::BodyMalformed => "보낸 내용을 읽을 수 없습니다. 페이지를 다시 열어 주세요.",
            Self::BodyNotExpected => "이 주소는 내용을 받지 않습니다.",
            Self::BodyTimeout => "보낸 내용이 제때 도착하지 않았습니다.",
            Self::BodyTooLarge => "보낸 내용이 너무 큽니다.",
            Self::BreakNotActionable => "지금 상태의 불일치에는 할 수 없는 일입니다. 불일치를 다시 열어 보세요.",
            Self::BreakNotFound => "그런 불일치가 없습니다.",
            Self::CancelNotAccepted => "취소 요청이 아직 접수되지 않았습니다. 잠시 후 다시 시도하세요.",
            Self::CardNumberRefused => "카드 번호는 쓸 수 없습니다.",
            Self::CashReceiptRefused => "이 결제에는 현금영수증을 신청할 수 없습니다.",
            Self::CheckoutExists => "같은 번호의 결제가 이미 있습니다.",
            Self::CheckoutNotFound => "그런 결제가 없습니다.",
            Self::ConfirmNotAccepted => "승인 요청이 아직 접수되지 않았습니다. 잠시 후 다시 시도하세요.",
            Self::ConfirmTokenInvalid => "승인 토큰이 없거나 틀립니다.",
            Self::ConfirmationUnderWay => "이 주문의 다른 결제를 승인하는 중입니다.",
            Self::CursorUnknown => "이 이벤트 로그에 없는 순번입니다.",
            Self::DatabaseUnavailable => "데이터베이스에 연결할 수 없습니다.",
            Self::DeadLetterNotActionable => {
                "지금 상태의 데드 레터에는 할 수 없는 일입니다. 데드 레터를 다시 열어 보세요."
            }
            Self::DeadLetterNotFound => "그런 데드 레터가 없습니다.",
            Self::DeadlineExceeded => "응답이 너무 오래 걸렸습니다.",
            Self::DeliveryNotFound => "그런 전송 기록이 없습니다.",
            Self::DigestMismatch => "화면에서 본 것과 내용이 달라졌습니다. 다시 열어 확인하세요.",
            Self::EncryptionKeysMissing => "암호화 키가 설정되지 않았습니다.",
            Self::EntryNotReversible => "이 분개는 취소할 수 없습니다.",
            Self::EventsExpired => "보관 기간이 지난 이벤트입니다.",
            Self::Forbidden => {
                "이 작업에 필요한 권한이 없거나, 이 세션에서 연 화면이 아닙니다. 페이지를 다시 열어 주세요."
            }
            Self::FourEyes => "두 사람이 필요한 일입니다. 요청한 사람이 아닌 다른 사람이 결정해야 합니다.",
            Self::HeaderRepeated => "같은 헤더가 두 번 이상 있습니다.",
            Self::HeadersTooLarge => "헤더가 너무 큽니다.",
            Self::HoldNotFound => "그런 보류가 없습니다.",
            Self::HoldRefused => "장부가 이 보류를 받지 않습니다. 지갑의 잔액을 확인하세요.",
            Self::IdempotencyKeyInvalid => "요청을 구분하는 키가 올바르지 않습니다. 페이지를 다시 열어 주세요.",
            Self::IdempotencyKeyMissing => "요청을 구분하는 키가 없습니다. 페이지를 다시 열어 주세요.",
            Self::IdempotencyKeyReused => "다른 내용으로 이미 보낸 요청입니다. 페이지를 다시 열어 주세요.",
            Self::Internal => "시스템 내부 오류입니다.",
            Self::MethodNotAllowed => "이 주소에서 할 수 없는 방식의 요청입니다.",
            Self::NoWorker => "작업을 처리할 작업자가 없습니다.",
            Self::NotCancelable => "취소할 것이 없습니다. 이미 끝났거나 결제된 건입니다.",
            Self::NotConfirmable => "이 주문은 결제를 받지 않습니다.",
            Self::NotDecodable => "내용을 열 수 없습니다.",
            Self::NotFound => "이 주소에는 아무것도 없습니다.",
            Self::NotPaid => "결제되지 않은 건입니다. 돌려줄 돈이 없습니다.",
            Self::NotReady => "아직 일을 받을 준비가 되지 않았습니다.",
            Self::NothingToAsk => "진행 중인 것이 없어 토스에 물을 것이 없습니다.",
            Self::OrderMismatch => "주문이 다릅니다.",
            Self::Overloaded => "지금 처리 중인 요청이 너무 많습니다.",
            Self::PaymentDeclined => "결제가 거절되었습니다.",
            Self::PayoutNotActionable => "지금 상태의 지급 건에는 할 수 없는 일입니다. 지급 건을 다시 열어 보세요.",
            Self::PayoutNotFound => "그런 지급 건이 없습니다.",
            Self::PayoutRunDecided => "이미 결정된 지급 묶음입니다.",
            Self::PayoutRunNotFound => "그런 지급 묶음이 없습니다.",
            Self::PayoutsStopped => "지급이 중단되어 있습니다. 열린 불일치를 먼저 확인하세요.",
            Self::PreviewOutdated => "미리 본 것과 대상이 달라졌습니다.",
            Self::RateLimited => "요청이 너무 많습니다.",
            Self::ReconciliationNotFound => "그날은 대사를 한 적이 없습니다.",
            Self::RefundAccountRequired => "환불하려면 구매자의 계좌가 필요합니다.",
            Self::RefundDecided => "이미 결정된 환불입니다. 먼저 내린 결정이 남습니다.",
            Self::RefundExceedsPayment => "환불할 수 있는 금액보다 큽니다.",
            Self::RefundLimitExceeded => "오늘 환불할 수 있는 한도를 넘습니다.",
            Self::RefundNotFound => "그런 환불이 없습니다.",
            Self::RefundRefused => "환불이 거절되었습니다.",
            Self::RequestInProgress => "먼저 보낸 요청을 처리하는 중입니다.",
            Self::SavedCardNotActive => {
                "지금 결제할 수 없는 등록 카드입니다. 등록이 끝나지 않았거나 삭제된 카드입니다."
            }
            Self::SavedCardNotFound => "그런 등록 카드가 없습니다.",
            Self::SellerNotFound => "그런 판매자가 없습니다.",
            Self::SweepRefused => "지금은 옮길 수 있는 돈이 없습니다.",
            Self::TemporalUnavailable => "Temporal에 연결할 수 없습니다.",
            Self::TooManySignals => "이 결제의 워크플로가 더 이상 신호를 받지 않습니다.",
            Self::TooManyWebhookEndpoints => "웹훅 주소가 너무 많습니다.",
            Self::Unauthorized => "유효한 인증이 필요합니다.",
            Self::UnsupportedMediaType => "내용의 형식을 받을 수 없습니다. 페이지를 다시 열어 주세요.",
            Self::ValidationFailed => "값이 올바르지 않은 항목이 있습니다.",
            Self::WebhookEndpointDisabled => "꺼져 있는 웹훅 주소입니다.",
            Self::WebhookEndpointNotFound => "그런 웹훅 주소가 없습니다.",
        }
    }
}
