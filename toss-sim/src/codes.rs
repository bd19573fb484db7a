//! Toss's error codes: name, HTTP status, and what the buyer or the merchant reads.
//!
//! Source: the error tables of the Toss Payments reference (`/reference/error-codes`) and the tables of
//! each API. One row is one code; the table is the only place that knows a status or a message.

use serde::{Deserialize, Serialize};

/// In which language Toss answers: Korean, unless the request says `Accept-Language: en-US`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
}

/// What a code means for the payment it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// The issuer or the bank said no: on confirm the payment becomes ABORTED.
    Decline,
    /// Anything else: the payment is as it was.
    Fault,
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $nature:ident, $korean:literal, $english:expr;)*) => {
        /// An error code of Toss Payments, v1.
        #[expect(clippy::enum_variant_names, reason = "INVALID_TEST_CODE is Toss's name, not ours")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub(crate) enum Code { $(#[serde(rename = $name)] $variant),* }

        impl Code {
            /// Every code, in the order of the table.
            const ALL: &[Code] = &[$(Code::$variant),*];

            /// The name on the wire.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Code::$variant => $name),* }
            }

            /// The HTTP status of the table: business refusals may be 400 or 403 and say nothing about retrying.
            pub(crate) fn status(self) -> u16 {
                match self { $(Code::$variant => $status),* }
            }

            fn nature(self) -> Nature {
                match self { $(Code::$variant => Nature::$nature),* }
            }

            fn korean(self) -> &'static str {
                match self { $(Code::$variant => $korean),* }
            }

            fn english(self) -> Option<&'static str> {
                match self { $(Code::$variant => $english),* }
            }
        }
    };
}

impl Code {
    /// The code of that wire name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// The message; Korean where no English text is known.
    pub(crate) fn message(self, language: Language) -> &'static str {
        match language {
            Language::Korean => self.korean(),
            Language::English => self.english().unwrap_or(self.korean()),
        }
    }

    /// Whether a confirm that ends so has been declined, rather than not carried out.
    pub(crate) fn is_decline(self) -> bool {
        self.nature() == Nature::Decline
    }
}

codes! {
    // Every API.
    UnauthorizedKey = "UNAUTHORIZED_KEY", 401, Fault,
        "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.", Some("Unauthorized secretKey or clientKey.");
    InvalidApiKey = "INVALID_API_KEY", 400, Fault, "잘못된 시크릿키 연동 정보 입니다.", Some("Incorrect secret key.");
    IncorrectBasicAuthFormat = "INCORRECT_BASIC_AUTH_FORMAT", 403, Fault,
        "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요.", Some("Invalid request. Please encode including ':'.");
    ForbiddenRequest = "FORBIDDEN_REQUEST", 403, Fault, "허용되지 않은 요청입니다.", Some("Not allowed request.");
    ForbiddenConsecutiveRequest = "FORBIDDEN_CONSECUTIVE_REQUEST", 403, Fault,
        "반복적인 요청은 허용되지 않습니다. 잠시 후 다시 시도해주세요.",
        Some("Repetitive requests are not allowed. Please try again in a few minutes.");
    InvalidRequest = "INVALID_REQUEST", 400, Fault, "잘못된 요청입니다.", Some("The bad request.");
    InvalidIdempotencyKey = "INVALID_IDEMPOTENCY_KEY", 400, Fault,
        "멱등키는 300자 이하여야 합니다.", Some("The idempotency key must be 300 characters or less.");
    IdempotentRequestProcessing = "IDEMPOTENT_REQUEST_PROCESSING", 409, Fault,
        "이전 멱등 요청이 처리중입니다.", Some("The previous idempotent request is being processed.");
    InvalidTestCode = "INVALID_TEST_CODE", 400, Fault, "유효하지 않은 테스트 코드입니다.", Some("Invalid test code.");
    // The body of a 429 is not documented; the name is this simulator's.
    TooManyRequests = "TOO_MANY_REQUESTS", 429, Fault,
        "요청이 너무 많습니다. 잠시 후 다시 시도해주세요.", Some("Too many requests. Please try again in a few minutes.");
    NotFound = "NOT_FOUND", 404, Fault, "존재하지 않는 정보 입니다.", Some("Not found.");
    NotFoundMerchant = "NOT_FOUND_MERCHANT", 404, Fault, "존재하지 않는 상점 정보 입니다.", Some("Not found merchant.");
    NotFoundHttpMethod = "NOT_FOUND_HTTP_METHOD", 404, Fault, "존재하지 않는 HTTP 메소드 접근입니다.", Some("Not found HTTP method.");
    NotFoundMethod = "NOT_FOUND_METHOD", 404, Fault, "존재하지 않는 결제수단 입니다.", Some("Not found payment method.");
    // What the real Toss does and the simulator does not; the name is this simulator's.
    NotSimulated = "NOT_SIMULATED", 501, Fault,
        "toss-sim(시뮬레이터)이 흉내 내지 않는 기능입니다.", Some("The simulator (toss-sim) does not simulate this part of Toss.");
    ProviderError = "PROVIDER_ERROR", 400, Fault,
        "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.", Some("Temporary error occurred. Please try again in a few minutes.");
    CommonError = "COMMON_ERROR", 500, Fault,
        "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.", Some("Temporary error occurred. Please try again in a few minutes.");
    FailedInternalSystemProcessing = "FAILED_INTERNAL_SYSTEM_PROCESSING", 500, Fault,
        "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요.",
        Some("Internal system processing operation has failed. Please try again in a few minutes.");
    FailedPaymentInternalSystemProcessing = "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, Fault,
        "결제가 완료되지 않았어요. 다시 시도해주세요.", Some("Payment has not been completed. Please try again.");
    UnknownPaymentError = "UNKNOWN_PAYMENT_ERROR", 500, Fault,
        "결제에 실패했어요. 같은 문제가 반복된다면 은행이나 카드사로 문의해주세요.",
        Some("Payment failed. If the same problem occurs again, please contact your bank or credit card company.");
    UnknownError = "UNKNOWN_ERROR", 500, Fault,
        "확인되지 않은 오류입니다. 잠시 후 다시 시도해주세요.", Some("Unknown error. Please try again in a few minutes.");
    FailedDbProcessing = "FAILED_DB_PROCESSING", 500, Fault, "잘못된 요청 값으로 처리 중 DB 에러가 발생했습니다.", None;
    FailedCardCompanyResponse = "FAILED_CARD_COMPANY_RESPONSE", 500, Fault, "카드사에서 에러가 발생했습니다. 잠시 후 다시 시도해 주세요.", None;
    CardProcessingError = "CARD_PROCESSING_ERROR", 400, Fault,
        "카드사에서 오류가 발생했습니다.", Some("Error occurred at the card company.");
    MaintainedMethod = "MAINTAINED_METHOD", 400, Fault, "현재 점검 중 입니다.", Some("Under maintenance.");
    NotAvailableBank = "NOT_AVAILABLE_BANK", 403, Fault, "은행 서비스 시간이 아닙니다.", Some("Not available bank service hours.");
    NotAvailablePayment = "NOT_AVAILABLE_PAYMENT", 400, Fault,
        "결제가 불가능한 시간대입니다", Some("Payment is not available at this time.");

    // Confirm.
    AlreadyProcessedPayment = "ALREADY_PROCESSED_PAYMENT", 400, Fault,
        "이미 처리된 결제 입니다.", Some("This is a payment that has already been processed.");
    AlreadyCompletedPayment = "ALREADY_COMPLETED_PAYMENT", 400, Fault,
        "이미 완료된 결제 입니다.", Some("This is a payment that has already been completed.");
    DuplicatedOrderId = "DUPLICATED_ORDER_ID", 400, Fault,
        "이미 승인 및 취소가 진행된 중복된 주문번호 입니다. 다른 주문번호로 진행해주세요.",
        Some("Duplicated orderId that has already been approved or canceled. Please use another orderId.");
    DuplicatedRequest = "DUPLICATED_REQUEST", 400, Fault, "중복된 요청입니다.", Some("Duplicated request.");
    NotFoundPayment = "NOT_FOUND_PAYMENT", 404, Fault, "존재하지 않는 결제 정보 입니다.", Some("Not found payment.");
    NotFoundPaymentSession = "NOT_FOUND_PAYMENT_SESSION", 404, Fault,
        "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.",
        Some("Payment session does not exist because the session time has expired.");
    InvalidPaymentKey = "INVALID_PAYMENT_KEY", 400, Fault, "잘못된 결제 키 입니다.", Some("Invalid paymentKey.");
    PayProcessAborted = "PAY_PROCESS_ABORTED", 400, Fault,
        "결제가 취소되었거나 진행되지 않았습니다.", Some("Payment was canceled or not processed.");
    PayProcessCanceled = "PAY_PROCESS_CANCELED", 400, Fault,
        "결제가 사용자에 의해 취소되었습니다.", Some("Payment was canceled by the user.");
    ExpiredPayment = "EXPIRED_PAYMENT", 400, Fault,
        "결제가 만료되었습니다. 다시 시도해주세요.", Some("The payment has expired. Please try again.");
    RejectCardPayment = "REJECT_CARD_PAYMENT", 403, Decline,
        "한도초과 혹은 잔액부족으로 결제에 실패했습니다.",
        Some("Payment failed because the limit was exceeded or the balance is insufficient.");
    RejectCardCompany = "REJECT_CARD_COMPANY", 403, Decline, "결제 승인이 거절되었습니다.", Some("Payment confirm is rejected.");
    RejectAccountPayment = "REJECT_ACCOUNT_PAYMENT", 403, Decline,
        "잔액부족으로 결제에 실패했습니다.", Some("Payment failed due to insufficient balance.");
    RejectTosspayInvalidAccount = "REJECT_TOSSPAY_INVALID_ACCOUNT", 403, Decline,
        "선택하신 출금 계좌가 출금이체 등록이 되어 있지 않아요. 계좌를 다시 등록해 주세요.", None;
    InvalidPassword = "INVALID_PASSWORD", 403, Decline, "결제 비밀번호가 일치하지 않습니다.", Some("Payment password does not match.");
    FdsError = "FDS_ERROR", 403, Decline,
        "[토스페이먼츠] 위험거래가 감지되어 결제가 제한됩니다. 발송된 문자에 포함된 링크를 통해 본인인증 후 결제가 가능합니다. (고객센터: 1644-8051)",
        Some("Payment is restricted because a risky transaction has been detected.");
    ExceedMaxAuthCount = "EXCEED_MAX_AUTH_COUNT", 403, Decline,
        "최대 인증 횟수를 초과했습니다. 카드사로 문의해주세요.",
        Some("The maximum number of authentications has been exceeded. Please contact the card company.");
    ExceedMaxOneDayAmount = "EXCEED_MAX_ONE_DAY_AMOUNT", 403, Decline,
        "일일 한도를 초과했습니다.", Some("The daily limit has been exceeded.");
    ExceedMaxDailyPaymentCount = "EXCEED_MAX_DAILY_PAYMENT_COUNT", 400, Decline,
        "하루 결제 가능 횟수를 초과했습니다.", Some("The number of payments allowed per day has been exceeded.");
    ExceedMaxPaymentAmount = "EXCEED_MAX_PAYMENT_AMOUNT", 400, Decline,
        "하루 결제 가능 금액을 초과했습니다.", Some("The amount allowed per day has been exceeded.");
    ExceedMaxMonthlyPaymentAmount = "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", 400, Decline,
        "당월 결제 가능금액인 1,000,000원을 초과 하셨습니다.", None;
    ExceedMaxAmount = "EXCEED_MAX_AMOUNT", 400, Decline,
        "거래금액 한도를 초과했습니다.", Some("The transaction amount limit has been exceeded.");
    ExceedMaxOneDayWithdrawAmount = "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", 400, Decline, "1일 출금 한도를 초과했습니다.", None;
    ExceedMaxOneTimeWithdrawAmount = "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", 400, Decline, "1회 출금 한도를 초과했습니다.", None;
    ExceedsTransferAmountMaximum = "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM", 400, Decline,
        "계좌이체는 한 번에 1,000만 원 이하로만 결제하실 수 있어요.", None;
    InvalidRejectCard = "INVALID_REJECT_CARD", 400, Decline,
        "카드 사용이 거절되었습니다. 카드사 문의가 필요합니다.", Some("The card was refused. Please contact the card company.");
    InvalidStoppedCard = "INVALID_STOPPED_CARD", 400, Decline, "정지된 카드 입니다.", Some("The card has been suspended.");
    InvalidCardLostOrStolen = "INVALID_CARD_LOST_OR_STOLEN", 400, Decline,
        "분실 혹은 도난 카드입니다.", Some("The card has been lost or stolen.");
    InvalidCardNumber = "INVALID_CARD_NUMBER", 400, Decline,
        "카드번호를 다시 확인해주세요.", Some("Please check the card number again.");
    InvalidCardExpiration = "INVALID_CARD_EXPIRATION", 400, Decline,
        "카드 정보를 다시 확인해주세요.(유효기간)", Some("Please check the card expiration date again.");
    InvalidCardPassword = "INVALID_CARD_PASSWORD", 400, Decline, "카드 정보를 다시 확인해주세요.(비밀번호)", None;
    InvalidCardIdentity = "INVALID_CARD_IDENTITY", 400, Decline, "입력하신 주민번호/사업자번호가 카드 소유주 정보와 일치하지 않습니다.", None;
    NotSupportedCardType = "NOT_SUPPORTED_CARD_TYPE", 400, Decline,
        "지원되지 않는 카드 종류입니다.", Some("Not supported card type.");
    NotRegisteredCardCompany = "NOT_REGISTERED_CARD_COMPANY", 400, Decline, "카드를 사용 등록 후 이용해주세요.", None;
    ExceedMaxCardInstallmentPlan = "EXCEED_MAX_CARD_INSTALLMENT_PLAN", 400, Decline, "설정 가능한 최대 할부 개월 수를 초과했습니다.", None;
    NotSupportedInstallmentPlanCardOrMerchant = "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", 400, Decline,
        "할부가 지원되지 않는 카드 또는 가맹점 입니다.", None;
    InvalidCardInstallmentPlan = "INVALID_CARD_INSTALLMENT_PLAN", 400, Decline, "할부 개월 정보가 잘못되었습니다.", None;
    NotSupportedMonthlyInstallmentPlan = "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", 400, Decline,
        "할부가 지원되지 않는 카드입니다.", None;
    NotAllowedPointUse = "NOT_ALLOWED_POINT_USE", 400, Decline, "포인트 사용이 불가한 카드로 카드 포인트 결제에 실패했습니다.", None;
    BelowMinimumAmount = "BELOW_MINIMUM_AMOUNT", 400, Fault,
        "신용카드는 결제금액이 100원 이상, 계좌는 200원이상부터 결제가 가능합니다.",
        Some("Payment is possible from 100 won for cards and from 200 won for accounts.");
    RestrictedTransferAccount = "RESTRICTED_TRANSFER_ACCOUNT", 400, Decline, "계좌는 등록 후 12시간 뒤부터 결제할 수 있습니다.", None;
    InvalidAccountInfoReRegister = "INVALID_ACCOUNT_INFO_RE_REGISTER", 400, Decline,
        "유효하지 않은 계좌입니다. 계좌 재등록 후 시도해주세요.", None;
    NotFoundTerminalId = "NOT_FOUND_TERMINAL_ID", 400, Fault, "단말기번호(Terminal Id)가 없습니다. 토스페이먼츠로 문의 바랍니다.", None;
    InvalidAuthorizeAuth = "INVALID_AUTHORIZE_AUTH", 400, Fault, "유효하지 않은 인증 방식입니다.", None;
    InvalidUnregisteredSubmall = "INVALID_UNREGISTERED_SUBMALL", 400, Fault, "등록되지 않은 서브몰입니다.", None;
    NotRegisteredBusiness = "NOT_REGISTERED_BUSINESS", 400, Fault, "등록되지 않은 사업자 번호입니다.", None;
    UnapprovedOrderId = "UNAPPROVED_ORDER_ID", 400, Fault, "아직 승인되지 않은 주문번호입니다.", None;

    // The payment window and its script.
    InvalidClientKey = "INVALID_CLIENT_KEY", 400, Fault, "잘못된 클라이언트 연동 정보 입니다.", Some("Incorrect client key.");
    InvalidOrderId = "INVALID_ORDER_ID", 400, Fault,
        "`orderId`는 영문 대소문자, 숫자, 특수문자(-, _) 만 허용합니다. 6자 이상 64자 이하여야 합니다.",
        Some("`orderId` must be 6 to 64 letters, digits, - or _.");
    InvalidOrderName = "INVALID_ORDER_NAME", 400, Fault,
        "주문 이름은 100자 이하여야 합니다.", Some("The order name must be 100 characters or less.");
    InvalidCurrency = "INVALID_CURRENCY", 400, Fault, "잘못된 통화 값입니다.", Some("Invalid currency.");
    RequiredAmount = "REQUIRED_AMOUNT", 400, Fault, "금액 값이 필수입니다.", Some("The amount is required.");
    BelowZeroAmount = "BELOW_ZERO_AMOUNT", 400, Fault, "금액은 0보다 커야 합니다.", Some("The amount must be greater than 0.");
    InvalidRequiredParam = "INVALID_REQUIRED_PARAM", 400, Fault,
        "필수 파라미터가 누락되었습니다.", Some("A required parameter is missing.");
    InvalidEmail = "INVALID_EMAIL", 400, Fault, "이메일 주소 형식에 맞지 않습니다.", Some("Invalid email.");
    IncorrectSuccessUrlFormat = "INCORRECT_SUCCESS_URL_FORMAT", 400, Fault,
        "잘못된 successUrl 입니다.", Some("Incorrect successUrl.");
    IncorrectFailUrlFormat = "INCORRECT_FAIL_URL_FORMAT", 400, Fault, "잘못된 failUrl 입니다.", Some("Incorrect failUrl.");

    // Cancel.
    AlreadyCanceledPayment = "ALREADY_CANCELED_PAYMENT", 400, Fault,
        "이미 취소된 결제 입니다.", Some("This is a payment that has already been canceled.");
    AlreadyRefundPayment = "ALREADY_REFUND_PAYMENT", 400, Fault,
        "이미 환불된 결제입니다.", Some("This is a payment that has already been refunded.");
    AlreadyRefundingPayment = "ALREADY_REFUNDING_PAYMENT", 400, Fault, "이미 환불 중인 결제입니다.", None;
    NotCancelableAmount = "NOT_CANCELABLE_AMOUNT", 403, Fault,
        "취소 할 수 없는 금액 입니다.", Some("This amount is not cancelable.");
    NotMatchesRefundableAmount = "NOT_MATCHES_REFUNDABLE_AMOUNT", 400, Fault,
        "잔액 결과가 일치하지 않습니다.", Some("The refundable amount does not match.");
    NotCancelablePayment = "NOT_CANCELABLE_PAYMENT", 403, Fault,
        "취소 할 수 없는 결제 입니다.", Some("This payment is not cancelable.");
    NotCancelablePaymentForDormantUser = "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", 403, Fault,
        "휴면 처리된 회원의 결제는 취소할 수 없습니다.", None;
    ExceedMaxRefundDue = "EXCEED_MAX_REFUND_DUE", 403, Fault,
        "환불 가능한 기간이 지났습니다.", Some("The refund period has passed.");
    NotAllowedPartialRefund = "NOT_ALLOWED_PARTIAL_REFUND", 403, Fault, "에스크로 주문, 현금 카드 결제일 때는 부분 환불이 불가합니다.", None;
    NotAllowedPartialRefundWaitingDeposit = "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", 403, Fault,
        "입금 대기중인 결제는 부분 환불이 불가합니다.", Some("Partial refund is not allowed while waiting for the deposit.");
    ExceedCancelAmountDiscountAmount = "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", 400, Fault,
        "즉시할인금액보다 적은 금액은 부분취소가 불가능합니다.", None;
    ExceedCancelLimit = "EXCEED_CANCEL_LIMIT", 403, Fault, "취소 한도 금액을 초과 하였습니다.", None;
    ExceedMaxRefundAmount = "EXCEED_MAX_REFUND_AMOUNT", 403, Fault, "하루 또는 한달 환불 가능한 금액을 초과했습니다.", None;
    InvalidRefundAccountInfo = "INVALID_REFUND_ACCOUNT_INFO", 400, Fault,
        "환불 계좌번호와 예금주명이 일치하지 않습니다.", Some("The refund account number and the holder name do not match.");
    InvalidRefundAccountNumber = "INVALID_REFUND_ACCOUNT_NUMBER", 400, Fault,
        "잘못된 환불 계좌번호입니다.", Some("Invalid refund account number.");
    InvalidBank = "INVALID_BANK", 400, Fault, "유효하지 않은 은행입니다.", Some("Invalid bank.");
    ForbiddenBankRefundRequest = "FORBIDDEN_BANK_REFUND_REQUEST", 400, Fault, "고객 계좌가 입금이 되지 않는 상태입니다.", None;
    RefundRejected = "REFUND_REJECTED", 400, Fault, "환불이 거절됐습니다. 결제사에 문의 부탁드립니다.", None;
    FailedRefundProcess = "FAILED_REFUND_PROCESS", 500, Fault,
        "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.",
        Some("The refund request failed because of a delayed bank response or a temporary error.");
    FailedPartialRefund = "FAILED_PARTIAL_REFUND", 500, Fault, "부분 환불이 실패했습니다.", None;
    FailedMethodHandlingCancel = "FAILED_METHOD_HANDLING_CANCEL", 500, Fault,
        "취소 중 결제 시 사용한 결제 수단 처리과정에서 일시적인 오류가 발생했습니다.", None;

    // Virtual accounts and queries.
    ExceedMaxDueDate = "EXCEED_MAX_DUE_DATE", 400, Fault, "가상 계좌의 최대 유효만료 기간을 초과했습니다.", None;
    ExceedMaxValidHours = "EXCEED_MAX_VALID_HOURS", 400, Fault, "가상 계좌의 최대 유효시간을 초과했습니다.", None;
    InvalidValidHoursWithDueDateAndSingle = "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE", 400, Fault,
        "validHours와 dueDate는 동시에 사용할 수 없습니다.", None;
    NtsError = "NTS_ERROR", 400, Fault, "국세청에서 오류를 전달했습니다.", None;
    InvalidDate = "INVALID_DATE", 400, Fault, "날짜 데이터가 잘못 되었습니다.", Some("Invalid date.");
    ExceedMaxQueryLimit = "EXCEED_MAX_QUERY_LIMIT", 400, Fault, "최대 조회 개수를 초과했습니다.", None;
    InvalidPagingKey = "INVALID_PAGING_KEY", 400, Fault, "잘못된 페이징 키 입니다.", None;
    // Named in the reference without their own table.
    ApiVersionUpdateNeeded = "API_VERSION_UPDATE_NEEDED", 400, Fault,
        "이 API를 사용하려면 더 높은 버전을 사용해야 합니다.", Some("This API needs a newer version.");
    NotFoundBilling = "NOT_FOUND_BILLING", 404, Fault, "존재하지 않는 빌링 결제 인증 정보 입니다.", Some("Not found billing.");
    InvalidBirthDayFormat = "INVALID_BIRTH_DAY_FORMAT", 400, Decline,
        "생년월일 정보는 6자리의 yyMMdd 형식이어야 합니다. 사업자등록번호는 10자리의 숫자여야 합니다.", None;
    NotSupportedMonthlyInstallmentPlanBelowAmount = "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT", 400, Decline,
        "5만원 이하의 결제는 할부가 불가능해서 결제에 실패했습니다.", None;
    InvalidRefundAmount = "INVALID_REFUND_AMOUNT", 400, Fault, "잘못된 환불 금액입니다.", None;
    NotAllowedRefundBank = "NOT_ALLOWED_REFUND_BANK", 403, Fault, "환불이 허용되지 않는 은행입니다.", None;
    NotSupportedRefund = "NOT_SUPPORTED_REFUND", 403, Fault, "환불이 지원되지 않습니다.", None;
    InvalidRegistrationNumberType = "INVALID_REGISTRATION_NUMBER_TYPE", 400, Fault, "유효하지 않은 등록 번호 타입입니다.", None;
    InvalidVirtualAccountType = "INVALID_VIRTUAL_ACCOUNT_TYPE", 400, Fault, "유효하지 않은 가상계좌 타입입니다.", None;
    RequiredAccountKey = "REQUIRED_ACCOUNT_KEY", 400, Fault, "accountKey는 필수 파라미터입니다.", None;
    DuplicatedCashReceipt = "DUPLICATED_CASH_RECEIPT", 400, Fault, "이미 현금영수증이 발급된 주문입니다.", None;

    // Billing.
    NotMatchesCustomerKey = "NOT_MATCHES_CUSTOMER_KEY", 400, Fault,
        "빌링 인증 고객키와 결제 요청 고객키가 일치하지 않습니다.", Some("The customerKey does not match.");
    AlreadyRemovedBillingKey = "ALREADY_REMOVED_BILLING_KEY", 400, Fault,
        "이미 삭제된 빌링키입니다.", Some("The billing key has already been removed.");
    InvalidBillKeyRequest = "INVALID_BILL_KEY_REQUEST", 400, Fault, "빌링키 인증이 완료되지 않았거나 유효하지 않은 빌링 거래 건입니다.", None;
    InvalidBillingAuth = "INVALID_BILLING_AUTH", 400, Fault, "유효하지 않은 빌링 인증입니다.", None;
    NotSupportedMethod = "NOT_SUPPORTED_METHOD", 400, Fault, "지원되지 않는 결제수단입니다.", None;
    FailedBillKeyAuthCreation = "FAILED_BILL_KEY_AUTH_CREATION", 500, Fault, "빌링 결제 인증 중 키 생성에 실패했습니다.", None;
    FailedBillingAutoCancel = "FAILED_BILLING_AUTO_CANCEL", 500, Fault, "빌링 자동결제 취소에 일시적인 오류가 발생했습니다.", None;

    // Payouts. No table of v2 was found: the names are those of v1 but for the last, seen in a live answer.
    AccountOwnerCheckFailed = "ACCOUNT_OWNER_CHECK_FAILED", 400, Fault,
        "계좌 소유주를 가져오는데 실패했습니다. 은행코드, 계좌번호를 확인해주세요.", None;
    NotEnoughAmount = "NOT_ENOUGH_AMOUNT", 400, Fault, "지급가능한 금액을 초과했습니다.", None;
    NotAllowedHoliday = "NOT_ALLOWED_HOLIDAY", 400, Fault, "공휴일은 지급일로 선택할 수 없습니다.", None;
    InvalidPayableDate = "INVALID_PAYABLE_DATE", 400, Fault, "지급일자가 올바르지 않습니다.", None;
    NotMatchPayeeName = "NOT_MATCH_PAYEE_NAME", 400, Fault, "수취인 성명이 불일치 합니다.", None;
    InvalidAccountNumber = "INVALID_ACCOUNT_NUMBER", 400, Fault, "계좌번호가 올바르지 않습니다.", None;
    InvalidBusinessNumber = "INVALID_BUSINESS_NUMBER", 400, Fault, "사업자 등록번호가 잘못되었습니다.", None;
    AlreadyExistSubmall = "ALREADY_EXIST_SUBMALL", 400, Fault, "이미 존재하는 서브몰입니다.", None;
    InvalidSubmallId = "INVALID_SUBMALL_ID", 400, Fault, "서브몰 아이디가 올바르지 않습니다.", None;
    NotFoundSubmall = "NOT_FOUND_SUBMALL", 404, Fault, "존재하지 않는 서브몰입니다.", None;
    PayoutNotFound = "PAYOUT_NOT_FOUND", 404, Fault, "존재하지 않는 지급대행 입니다.", None;
    ForbiddenSellerPayout = "FORBIDDEN_SELLER_PAYOUT", 403, Fault,
        "지급이 제한된 셀러입니다.", Some("The payout to this seller is not allowed.");

    InvalidIsoDateFormat = "INVALID_ISO_DATE_FORMAT", 400, Fault, "시간 일시 형식이 잘못되었습니다.", None;
}

#[cfg(test)]
mod tests {
    use super::{Code, Language};

    #[test]
    fn names_are_unique_and_statuses_are_those_toss_uses() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert_eq!(Code::named(code.name()), Some(*code), "a later row repeats {}", code.name());
            assert!([400, 401, 403, 404, 409, 429, 500, 501].contains(&code.status()), "row {index}");
            assert!(!code.message(Language::English).is_empty());
        }
    }

    #[test]
    fn transient_400s_are_not_declines() {
        for code in [Code::ProviderError, Code::CardProcessingError, Code::NotFoundPaymentSession] {
            assert!(!code.is_decline(), "{}", code.name());
        }
        assert!(Code::RejectCardPayment.is_decline());
    }
}
