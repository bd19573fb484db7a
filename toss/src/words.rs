//! The enumerations of Toss's objects.
//!
//! Toss writes some of them in Korean. Asking for English changes the values themselves, so this
//! client never sends `Accept-Language`.

use crate::open_enum::open_enum;

open_enum! {
    /// Where a payment stands. `Done` is not final: a deposit found faulty goes back to waiting.
    PaymentStatus {
        /// The window is open, and the buyer has not authenticated yet.
        Ready = "READY",
        /// The buyer has authenticated; confirm within 10 minutes.
        InProgress = "IN_PROGRESS",
        /// A virtual account was issued and no money has arrived.
        WaitingForDeposit = "WAITING_FOR_DEPOSIT",
        /// The money is taken.
        Done = "DONE",
        /// Cancelled in one piece.
        Canceled = "CANCELED",
        /// Cancelled in pieces. It stays so when the last piece is gone: see the balance.
        PartialCanceled = "PARTIAL_CANCELED",
        /// The confirmation failed.
        Aborted = "ABORTED",
        /// The buyer did not authenticate within 30 minutes, or the shop did not confirm within 10 minutes.
        Expired = "EXPIRED",
    }
}

open_enum! {
    /// How a payment was started.
    PaymentType {
        /// In the payment window.
        Normal = "NORMAL",
        /// With a billing key.
        Billing = "BILLING",
        /// Through BrandPay.
        BrandPay = "BRANDPAY",
    }
}

open_enum! {
    /// What the buyer paid with.
    Method {
        /// Card.
        Card = "카드",
        /// Virtual account.
        VirtualAccount = "가상계좌",
        /// A wallet, which may itself have charged a card.
        EasyPay = "간편결제",
        /// Mobile phone bill.
        MobilePhone = "휴대폰",
        /// Bank transfer.
        Transfer = "계좌이체",
        /// Culture voucher.
        CultureGiftCertificate = "문화상품권",
        /// Book voucher.
        BookGiftCertificate = "도서문화상품권",
        /// Game voucher.
        GameGiftCertificate = "게임문화상품권",
        /// A foreign wallet, as older versions write it.
        ForeignEasyPay = "해외간편결제",
    }
}

open_enum! {
    /// What kind of card it is.
    CardType {
        /// Credit.
        Credit = "신용",
        /// Debit.
        Debit = "체크",
        /// Prepaid.
        Gift = "기프트",
        /// Not known to the acquirer.
        Unconfirmed = "미확인",
    }
}

open_enum! {
    /// Whose card it is.
    OwnerType {
        /// A person's.
        Person = "개인",
        /// A company's.
        Company = "법인",
        /// Not known to the acquirer.
        Unconfirmed = "미확인",
    }
}

open_enum! {
    /// How far the acquirer has come with collecting a card payment.
    AcquireStatus {
        /// Not asked yet.
        Ready = "READY",
        /// Asked.
        Requested = "REQUESTED",
        /// Collected.
        Completed = "COMPLETED",
        /// Asked to give it back.
        CancelRequested = "CANCEL_REQUESTED",
        /// Given back.
        Canceled = "CANCELED",
    }
}

open_enum! {
    /// The payer of an instalment plan's interest.
    InterestPayer {
        /// The buyer.
        Buyer = "BUYER",
        /// The card company.
        CardCompany = "CARD_COMPANY",
        /// The merchant.
        Merchant = "MERCHANT",
    }
}

open_enum! {
    /// Whether a virtual account serves one order or many.
    AccountType {
        /// One order.
        Ordinary = "일반",
        /// A fixed number reused for a customer.
        Fixed = "고정",
    }
}

open_enum! {
    /// How a refund into the buyer's bank account stands.
    RefundStatus {
        /// None was asked for.
        None = "NONE",
        /// On its way.
        Pending = "PENDING",
        /// Failed.
        Failed = "FAILED",
        /// Failed in part.
        PartialFailed = "PARTIAL_FAILED",
        /// Paid.
        Completed = "COMPLETED",
    }
}

open_enum! {
    /// Whether Toss has paid the merchant for it.
    SettlementStatus {
        /// Not yet.
        Incompleted = "INCOMPLETED",
        /// Paid.
        Completed = "COMPLETED",
    }
}

open_enum! {
    /// How a cancellation stands. Only foreign wallets cancel asynchronously.
    CancelStatus {
        /// On its way.
        InProgress = "IN_PROGRESS",
        /// Cancelled.
        Done = "DONE",
        /// Failed.
        Aborted = "ABORTED",
    }
}

open_enum! {
    /// What a cash receipt is used for.
    CashReceiptType {
        /// A person's income deduction.
        IncomeDeduction = "소득공제",
        /// Proof of a business expense.
        ProofOfExpense = "지출증빙",
        /// None is issued; only a request for a virtual account says so.
        NotIssued = "미발행",
    }
}

open_enum! {
    /// How the issue of a cash receipt stands; final after one or two days.
    IssueStatus {
        /// At the tax office.
        InProgress = "IN_PROGRESS",
        /// Issued.
        Completed = "COMPLETED",
        /// Refused.
        Failed = "FAILED",
    }
}

open_enum! {
    /// Whether a cash receipt records a payment or takes one back.
    TransactionType {
        /// A payment.
        Confirm = "CONFIRM",
        /// A cancellation.
        Cancel = "CANCEL",
    }
}

open_enum! {
    /// What a part of Toss's fee is for.
    FeeType {
        /// The fee of every payment.
        Base = "BASE",
        /// Discount of an instalment plan, borne by the merchant.
        InstallmentDiscount = "INSTALLMENT_DISCOUNT",
        /// An instalment plan.
        Installment = "INSTALLMENT",
        /// Points the buyer earned.
        PointSaving = "POINT_SAVING",
        /// Anything else.
        Etc = "ETC",
    }
}

open_enum! {
    /// What kind of business a seller is.
    BusinessType {
        /// A person without a registered business.
        Individual = "INDIVIDUAL",
        /// A person with a registered business.
        IndividualBusiness = "INDIVIDUAL_BUSINESS",
        /// A corporation.
        Corporate = "CORPORATE",
    }
}

open_enum! {
    /// How far Toss lets a seller be paid.
    SellerStatus {
        /// The person must prove who they are first.
        ApprovalRequired = "APPROVAL_REQUIRED",
        /// Payouts below 10 million won.
        PartiallyApproved = "PARTIALLY_APPROVED",
        /// The seller must be known better first; asked for again every one or three years.
        KycRequired = "KYC_REQUIRED",
        /// Any payout.
        Approved = "APPROVED",
    }
}

open_enum! {
    /// When a payout is made.
    ScheduleType {
        /// At once, on weekdays from 8 to 15 o'clock in Korea.
        Express = "EXPRESS",
        /// On a business day to come.
        Scheduled = "SCHEDULED",
    }
}

open_enum! {
    /// How a payout stands.
    PayoutStatus {
        /// Waiting for its day; it can still be cancelled.
        Requested = "REQUESTED",
        /// On its way.
        InProgress = "IN_PROGRESS",
        /// Paid.
        Completed = "COMPLETED",
        /// Not paid; see the payout's error.
        Failed = "FAILED",
        /// Cancelled before it left.
        Canceled = "CANCELED",
    }
}
