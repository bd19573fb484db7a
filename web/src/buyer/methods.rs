//! The methods of payment that a page offers.

use domain::payment_method::PaymentMethod;
use maud::{Markup, html};

use super::words::Words;

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
