//! The Payment object, every documented field of it.
//!
//! Required are the six fields without which nobody can say what happened to whose money, and of a
//! cancellation its amount, its reason and its status. Every other field is optional even where Toss
//! promises it, and may be of another type than documented: a charge that succeeded must not become an
//! unreadable answer over a decoration.

use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value};

use crate::amounts::Currency;
use crate::object::{self, object};
use crate::private::Private;
use crate::shape::{self, ShapeError};
use crate::words::{
    AccountType, AcquireStatus, CancelStatus, CardType, CashReceiptType, InterestPayer, IssueStatus, Method, OwnerType,
    PaymentStatus, PaymentType, RefundStatus, SettlementStatus, TransactionType,
};

object! {
    /// A payment as Toss knows it. Amounts are minor units of [`Payment::currency`].
    ///
    /// Source: docs.tosspayments.com/reference, "Payment 객체".
    Payment {
        /// Toss's name for the payment, at most 200 characters.
        payment_key: String = required "paymentKey",
        /// The merchant's name for the order, 6 to 64 characters.
        order_id: String = required "orderId",
        /// Where the payment stands.
        status: PaymentStatus = required "status",
        /// The currency of every amount here.
        currency: Currency = required "currency",
        /// What was asked for; it never changes.
        total_amount: u64 = required "totalAmount",
        /// What could still be cancelled.
        balance_amount: u64 = required "balanceAmount",
        /// API version that wrote the object, e.g. `2022-11-16`.
        version: Option<String> = loose "version",
        /// How the payment was started.
        payment_type: Option<PaymentType> = loose "type",
        /// What the buyer sees, at most 100 characters.
        order_name: Option<String> = loose "orderName",
        /// Merchant id, at most 14 characters.
        m_id: Option<String> = loose "mId",
        /// What the buyer paid with; null until chosen.
        method: Option<Method> = loose "method",
        /// When the payment was started.
        requested_at: Option<DateTime<FixedOffset>> = loose "requestedAt",
        /// When the money was taken.
        approved_at: Option<DateTime<FixedOffset>> = loose "approvedAt",
        /// Whether escrow was used.
        use_escrow: Option<bool> = loose "useEscrow",
        /// Key of the last approval or cancellation.
        last_transaction_key: Option<String> = loose "lastTransactionKey",
        /// Key of the approval, in the versions that write it.
        transaction_key: Option<String> = loose "transactionKey",
        /// The supply value; it falls with cancellations.
        supplied_amount: Option<u64> = loose "suppliedAmount",
        /// Value added tax.
        vat: Option<u64> = loose "vat",
        /// Whether it counts as a cultural expense; always false for a card.
        culture_expense: Option<bool> = loose "cultureExpense",
        /// The part without tax.
        tax_free_amount: Option<u64> = loose "taxFreeAmount",
        /// The part exempt from tax.
        tax_exemption_amount: Option<u64> = loose "taxExemptionAmount",
        /// Cancellations, empty when there are none.
        cancels: Vec<Cancel> = exact "cancels",
        /// Whether a part may be cancelled.
        is_partial_cancelable: Option<bool> = loose "isPartialCancelable",
        /// Card details, also behind a wallet that charged a card.
        card: Option<Card> = loose "card",
        /// Virtual account details.
        virtual_account: Option<VirtualAccount> = loose "virtualAccount",
        /// Compares with the `secret` of webhooks. Store it at confirm: a later look-up may lack it.
        secret: Option<Private> = loose "secret",
        /// Mobile phone details.
        mobile_phone: Option<MobilePhone> = loose "mobilePhone",
        /// Voucher details.
        gift_certificate: Option<GiftCertificate> = loose "giftCertificate",
        /// Bank transfer details.
        transfer: Option<Transfer> = loose "transfer",
        /// The merchant's own pairs, at most five.
        metadata: Option<Private<Map<String, Value>>> = loose "metadata",
        /// The receipt page.
        receipt: Option<Receipt> = loose "receipt",
        /// The payment window page.
        checkout: Option<Checkout> = loose "checkout",
        /// Wallet details.
        easy_pay: Option<EasyPay> = loose "easyPay",
        /// The part paid from the wallet itself, in the newest versions.
        easy_pay_amount: Option<u64> = loose "easyPayAmount",
        /// The part the wallet forgave, in the newest versions.
        easy_pay_discount_amount: Option<u64> = loose "easyPayDiscountAmount",
        /// ISO 3166 country of the payment, e.g. `KR`.
        country: Option<String> = loose "country",
        /// Why it failed.
        failure: Option<Failure> = loose "failure",
        /// The cash receipt.
        cash_receipt: Option<CashReceipt> = loose "cashReceipt",
        /// Every issue and cancellation of cash receipts, in no promised order.
        cash_receipts: Vec<CashReceiptRecord> = loose "cashReceipts",
        /// Discount by a promotion.
        discount: Option<Discount> = loose "discount",
    }
}

impl Payment {
    /// Reads a Payment document.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, names a currency whose minor unit is unknown, lacks a required field, or the
    /// total, the balance or the amount of a cancellation is no whole number of minor units.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        Self::from_value(shape::json(bytes)?)
    }

    pub(crate) fn from_value(document: Value) -> Result<Self, ShapeError> {
        object::in_its_currency(&document)
    }

    /// Whether everything has been given back.
    ///
    /// The balance decides, not the status: a payment cancelled in pieces stays
    /// `PARTIAL_CANCELED` after the last piece.
    pub fn is_fully_canceled(&self) -> bool {
        let canceled = matches!(self.status, PaymentStatus::Canceled | PaymentStatus::PartialCanceled);
        canceled && self.balance_amount == 0
    }
}

object! {
    /// One cancellation.
    Cancel {
        /// How much was given back.
        cancel_amount: u64 = required "cancelAmount",
        /// Why, at most 200 characters.
        cancel_reason: Option<String> = exact "cancelReason",
        /// Its part without tax.
        tax_free_amount: Option<u64> = loose "taxFreeAmount",
        /// Its part exempt from tax.
        tax_exemption_amount: Option<u64> = loose "taxExemptionAmount",
        /// What could still be cancelled after it.
        refundable_amount: Option<u64> = loose "refundableAmount",
        /// Its part of a card promotion.
        card_discount_amount: Option<u64> = loose "cardDiscountAmount",
        /// Its part of a bank transfer promotion.
        transfer_discount_amount: Option<u64> = loose "transferDiscountAmount",
        /// Its part of a wallet promotion.
        easy_pay_discount_amount: Option<u64> = loose "easyPayDiscountAmount",
        /// When.
        canceled_at: Option<DateTime<FixedOffset>> = loose "canceledAt",
        /// Its own key, at most 64 characters.
        transaction_key: Option<String> = loose "transactionKey",
        /// Key of the cash receipt it cancelled.
        receipt_key: Option<String> = loose "receiptKey",
        /// How it stands; only foreign wallets know more than `DONE`.
        cancel_status: Option<CancelStatus> = exact "cancelStatus",
        /// The merchant's name for an asynchronous cancellation.
        cancel_request_id: Option<String> = loose "cancelRequestId",
    }
}

object! {
    /// Card details.
    Card {
        /// What the card was charged.
        amount: Option<u64> = loose "amount",
        /// Issuer's code (two characters).
        issuer_code: Option<String> = loose "issuerCode",
        /// Acquirer's code (two characters).
        acquirer_code: Option<String> = loose "acquirerCode",
        /// Masked number, at most 20 characters.
        number: Option<String> = loose "number",
        /// Months of the instalment plan; 0 is a single payment.
        installment_plan_months: Option<u32> = loose "installmentPlanMonths",
        /// Approval number, at most 8 characters.
        approve_no: Option<String> = loose "approveNo",
        /// Whether card points were used.
        use_card_point: Option<bool> = loose "useCardPoint",
        /// What kind of card.
        card_type: Option<CardType> = loose "cardType",
        /// Whose card.
        owner_type: Option<OwnerType> = loose "ownerType",
        /// How far collecting has come.
        acquire_status: Option<AcquireStatus> = loose "acquireStatus",
        /// Whether the plan is free of interest for the buyer.
        is_interest_free: Option<bool> = loose "isInterestFree",
        /// The payer of the interest of a free plan.
        interest_payer: Option<InterestPayer> = loose "interestPayer",
    }
}

object! {
    /// Virtual account details.
    VirtualAccount {
        /// For one order or fixed.
        account_type: Option<AccountType> = loose "accountType",
        /// Number to deposit to, at most 20 characters.
        account_number: Option<Private> = loose "accountNumber",
        /// Bank's code (two characters).
        bank_code: Option<String> = loose "bankCode",
        /// The person to whom the account was issued.
        customer_name: Option<Private> = loose "customerName",
        /// The depositor.
        depositor_name: Option<Private> = loose "depositorName",
        /// Until when. Toss writes it in Korean time, with an offset or without; older versions write a day alone,
        /// which is kept among the unknown fields.
        due_date: Option<DateTime<FixedOffset>> = loose "dueDate",
        /// How a refund stands.
        refund_status: Option<RefundStatus> = loose "refundStatus",
        /// Whether the due date has passed.
        expired: Option<bool> = loose "expired",
        /// Whether Toss has paid the merchant.
        settlement_status: Option<SettlementStatus> = loose "settlementStatus",
        /// The buyer's refund account, shown only for 30 minutes after the window opened.
        refund_receive_account: Option<RefundReceiveAccount> = loose "refundReceiveAccount",
    }
}

object! {
    /// The buyer's refund account, as typed into the window.
    RefundReceiveAccount {
        /// Bank's code (two characters).
        bank_code: Option<String> = loose "bankCode",
        /// Its number.
        account_number: Option<Private> = loose "accountNumber",
        /// Its holder.
        holder_name: Option<Private> = loose "holderName",
    }
}

object! {
    /// Mobile phone details.
    MobilePhone {
        /// The phone that was billed; some versions mask it, some write an object.
        customer_mobile_phone: Option<Private<Value>> = loose "customerMobilePhone",
        /// Whether Toss has paid the merchant.
        settlement_status: Option<SettlementStatus> = loose "settlementStatus",
        /// The receipt page.
        receipt_url: Option<String> = loose "receiptUrl",
    }
}

object! {
    /// Voucher details.
    GiftCertificate {
        /// Approval number, at most 8 characters.
        approve_no: Option<String> = loose "approveNo",
        /// Whether Toss has paid the merchant.
        settlement_status: Option<SettlementStatus> = loose "settlementStatus",
    }
}

object! {
    /// Bank transfer details.
    Transfer {
        /// Bank's code (two characters).
        bank_code: Option<String> = loose "bankCode",
        /// Whether Toss has paid the merchant.
        settlement_status: Option<SettlementStatus> = loose "settlementStatus",
    }
}

object! {
    /// The receipt page.
    Receipt {
        /// Its address.
        url: Option<String> = loose "url",
    }
}

object! {
    /// The payment window page.
    Checkout {
        /// Its address.
        url: Option<String> = loose "url",
    }
}

object! {
    /// Wallet details. `totalAmount = card.amount + easyPay.amount + easyPay.discountAmount`.
    EasyPay {
        /// The wallet's Korean name.
        provider: Option<String> = loose "provider",
        /// What came from the wallet's own money.
        amount: Option<u64> = loose "amount",
        /// What the wallet forgave.
        discount_amount: Option<u64> = loose "discountAmount",
    }
}

object! {
    /// Why a payment, or the issue of a receipt, failed.
    Failure {
        /// An error code, as in [`crate::codes`].
        code: Option<String> = loose "code",
        /// A sentence for people, at most 510 characters.
        message: Option<String> = loose "message",
    }
}

object! {
    /// The cash receipt of a payment.
    CashReceipt {
        /// What it is used for.
        receipt_type: Option<CashReceiptType> = loose "type",
        /// Its key, at most 200 characters.
        receipt_key: Option<String> = loose "receiptKey",
        /// Its number at the tax office, at most 9 characters.
        issue_number: Option<String> = loose "issueNumber",
        /// The receipt page.
        receipt_url: Option<String> = loose "receiptUrl",
        /// Its amount.
        amount: Option<u64> = loose "amount",
        /// Its part without tax.
        tax_free_amount: Option<u64> = loose "taxFreeAmount",
    }
}

object! {
    /// One issue or cancellation of a cash receipt.
    CashReceiptRecord {
        /// Its key, at most 200 characters.
        receipt_key: Option<String> = exact "receiptKey",
        /// The order it belongs to.
        order_id: Option<String> = loose "orderId",
        /// What the buyer sees.
        order_name: Option<String> = loose "orderName",
        /// What it is used for.
        receipt_type: Option<CashReceiptType> = loose "type",
        /// Its number at the tax office, at most 9 characters.
        issue_number: Option<String> = loose "issueNumber",
        /// The receipt page.
        receipt_url: Option<String> = loose "receiptUrl",
        /// The merchant's business number, 10 digits.
        business_number: Option<String> = loose "businessNumber",
        /// A payment or its cancellation.
        transaction_type: Option<TransactionType> = exact "transactionType",
        /// Its amount.
        amount: Option<u64> = exact "amount",
        /// Its part without tax.
        tax_free_amount: Option<u64> = loose "taxFreeAmount",
        /// How its issue stands.
        issue_status: Option<IssueStatus> = exact "issueStatus",
        /// Why its issue failed.
        failure: Option<Failure> = loose "failure",
        /// The buyer's identity number, at most 30 characters.
        customer_identity_number: Option<Private> = loose "customerIdentityNumber",
        /// When it was asked for.
        requested_at: Option<DateTime<FixedOffset>> = loose "requestedAt",
        /// Approval number; only the cash receipt API writes it.
        approval_number: Option<String> = loose "approvalNumber",
        /// When it was issued; only the cash receipt API writes it.
        approved_at: Option<DateTime<FixedOffset>> = loose "approvedAt",
        /// When it was taken back; only the cash receipt API writes it.
        canceled_at: Option<DateTime<FixedOffset>> = loose "canceledAt",
    }
}

object! {
    /// Discount by a promotion of a card company or bank.
    Discount {
        /// How much.
        amount: Option<u64> = loose "amount",
    }
}
