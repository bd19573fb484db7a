//! The methods of payment that a page offers.

use domain::{cash_receipt::ReceiptPreset, payment_method::PaymentMethod};
use maud::{Markup, html};
use store::CheckoutRecord;

use super::words::Words;

/// The methods that the page of a checkout offers. Where the settings took every method with escrow away after the
/// checkout was created, those of the settings: the payment window refuses what it does not have.
pub(super) fn offered(record: &CheckoutRecord, listed: &[PaymentMethod]) -> Vec<PaymentMethod> {
    let in_escrow = PaymentMethod::taking_in_escrow(listed, record.total);
    if record.window.use_escrow && !in_escrow.is_empty() {
        in_escrow
    } else {
        PaymentMethod::taking(listed, record.total)
    }
}

/// The buyer's choice of a method, or the one method that there is.
pub(super) fn choice(offered: &[PaymentMethod], words: &Words) -> Markup {
    html! {
        @match offered {
            [only] => { input type="hidden" name="method" value=(window_name(*only)); }
            _ => {
                fieldset.methods {
                    legend { (words.choose_method) }
                    @for (index, method) in offered.iter().enumerate() {
                        label {
                            input type="radio" name="method" value=(window_name(*method)) checked[index == 0];
                            span { (words.methods.of(*method)) }
                        }
                    }
                }
            }
        }
    }
}

/// What the PSP's script calls a method. Source: Toss Payments, browser script, version 2, `requestPayment`.
const fn window_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "CARD",
        PaymentMethod::VirtualAccount => "VIRTUAL_ACCOUNT",
        PaymentMethod::Transfer => "TRANSFER",
        PaymentMethod::MobilePhone => "MOBILE_PHONE",
        PaymentMethod::CultureGiftCertificate => "CULTURE_GIFT_CERTIFICATE",
        PaymentMethod::BookGiftCertificate => "BOOK_GIFT_CERTIFICATE",
        PaymentMethod::GameGiftCertificate => "GAME_GIFT_CERTIFICATE",
        PaymentMethod::ForeignEasyPay => "FOREIGN_EASY_PAY",
    }
}

/// What the PSP's script calls the cash receipt that is chosen. Source: as above, `cashReceipt.type`.
pub(super) const fn receipt_name(preset: ReceiptPreset) -> &'static str {
    match preset {
        ReceiptPreset::IncomeDeduction => "소득공제",
        ReceiptPreset::ExpenseProof => "지출증빙",
        ReceiptPreset::None => "미발행",
    }
}
