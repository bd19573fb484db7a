//! What each page shows.

use domain::{
    Money, calendar::KoreanTime, checkout::Status, failure::Failure, payment_method::PaymentMethod, plan::tax_free_of,
};
use maud::{Markup, html};
use serde_json::{Value, json};
use service::{IsForBuyer, now};
use store::{CheckoutRecord, OrderRecord};

use super::{
    Page,
    access::{Access, Made},
    methods,
    parts::{Heading, Weight, return_address},
    states::{self, State, Watch},
    words::Reason,
};

impl Page {
    /// The title of the page of a checkout.
    pub(super) fn checkout_title(&self, record: &CheckoutRecord) -> &'static str {
        if record.status == Status::NotStarted {
            self.words.pay_title
        } else if record.takes_retry(now()) {
            State::retry(self.words).title()
        } else {
            State::of(record, self.words).title()
        }
    }

    /// The page of a checkout: the button that pays, or where it stands.
    pub(super) fn checkout(&self, record: &CheckoutRecord, made: Made<'_>) -> Markup {
        let settings = made.settings;
        let again = record.takes_retry(now());
        let is_new = record.status == Status::NotStarted;
        // A buyer who has to pay into an account first is not sent away.
        let weight = if record.status == Status::WaitingForDeposit { Weight::Light } else { Weight::Heavy };
        html! {
            main data-status=(record.status)
                data-watch=[Watch::of(record.status).told()]
                data-standing=(standing_address(record))
                data-revision=(record.revision)
                data-offline=(self.words.offline)
                data-stopped=(self.words.stopped)
                data-client-key=(settings.client_key(record.total.currency()))
                data-script=(settings.psp_script_url)
                data-order=(record.checkout_id)
                data-order-name=(record.order_name)
                data-amount=(record.total.to_decimal_string())
                data-currency=(record.total.currency())
                data-tax-free=[tax_free(record)]
                data-success=(made.address(record, "/success"))
                data-fail=(made.address(record, "/fail"))
                data-escrow=[escrow_products(record)]
                data-cash-receipt=[record.window.cash_receipt.map(methods::receipt_name)]
                data-email=[made.contact.email.as_deref()]
                data-phone=[made.contact.phone.as_deref()]
                data-left-ms=(record.expires_at.ms_since(now()))
                data-opening=(self.words.opening)
                data-trouble=(self.words.trouble)
                data-last-minute=(self.words.last_minute)
                data-time-over=(self.words.time_over)
            {
                (self.test_badge(settings.client_key(record.total.currency())))
                @if is_new || again {
                    @if again { (self.declined(record, made.is_for_buyer)) }
                    (self.order(record, if is_new { Heading::First } else { Heading::Second }))
                    (self.payment(record, again, &methods::offered(record, &settings.methods)))
                } @else {
                    div role="status" { (State::of(record, self.words).show()) }
                    (self.cause(record, made.is_for_buyer))
                    (self.account(record, made.holder))
                    (self.connection(record))
                    (self.order(record, Heading::Second))
                    (self.receipt(record))
                    (self.statement(record, made))
                    (self.cash_receipt(made.cash_receipt))
                    (self.way_out(record, weight))
                    @if Watch::of(record.status) == Watch::Always {
                        noscript { p.notice { (self.words.reload_by_hand) } }
                    }
                }
            }
        }
    }

    /// The button that opens the payment window, and how long it does.
    fn payment(&self, record: &CheckoutRecord, again: bool, offered: &[PaymentMethod]) -> Markup {
        let label = if again { self.words.pay_again } else { self.words.pay };
        html! {
            @if record.window.use_escrow { p.quiet #escrow { (self.words.escrow) } }
            (methods::choice(offered, self.words))
            div.payment {
                p.left { span { (self.words.time_left) } " " strong #countdown role="timer" { "–" } }
                p #notice role="alert" {}
                button.button #pay type="button" { (label.replace("{amount}", &self.money(record.total))) }
                noscript { p.notice { (self.words.needs_script) } }
            }
            p.quiet { (self.words.pay_hint) }
            (self.way_out(record, Weight::Light))
        }
    }

    /// Why the last payment did not succeed, and that another may.
    fn declined(&self, record: &CheckoutRecord, is_for_buyer: IsForBuyer) -> Markup {
        let retry_at = record.failure.as_ref().and_then(|failure| failure.retry_at);
        html! {
            div role="status" { (State::retry(self.words).show()) }
            (self.cause(record, is_for_buyer))
            @if let Some(retry_at) = retry_at.filter(|retry_at| *retry_at > now()) {
                p.advice #come-back { (self.words.come_back.replace("{time}", &KoreanTime(retry_at).to_string())) }
            }
        }
    }

    /// Why it went wrong, where that is meant for the buyer.
    fn cause(&self, record: &CheckoutRecord, is_for_buyer: IsForBuyer) -> Markup {
        let failure: Option<&Failure> = record.failure.as_ref().filter(|_| record.status == Status::Failed);
        html! {
            @if let Some(reason) = failure.and_then(|failure| self.reason(failure, is_for_buyer)) {
                p.advice #reason lang=(reason.language) { (reason.text) }
            }
        }
    }

    /// The page that the buyer is back on from the payment window.
    pub(super) fn returned(&self, record: &CheckoutRecord, made: Made<'_>) -> Markup {
        let shown = states::on_return(record.status);
        let failure: Option<&Failure> = record.failure.as_ref().filter(|_| record.status == Status::Failed);
        let reason = failure.and_then(|failure| self.reason(failure, made.is_for_buyer));
        html! {
            main data-status=(shown)
                data-phases=(states::phases())
                data-confirm=(format!("/v1/payments/{}/confirm", record.checkout_id))
                data-success=[record.success_url.as_deref().map(|url| return_address(url, record))]
                data-fail=[record.fail_url.as_deref().map(|url| return_address(url, record))]
            {
                (self.test_badge(made.settings.client_key(record.total.currency())))
                div role="status" { (states::sections(shown, self.words)) }
                p.advice #reason lang=[reason.map(|reason| reason.language)] {
                    @if let Some(reason) = reason { (reason.text) }
                }
                (self.order(record, Heading::Second))
                a.button #next hidden { (self.words.back_to_shop) }
                (self.receipt(record))
                (self.statement(record, made))
                a.button #again hidden href=(made.path(record, "")) {
                    (self.words.back_to_checkout)
                }
                button.button #look type="button" hidden { (self.words.look_again) }
                noscript { p.notice { (self.words.needs_script) } }
            }
        }
    }

    /// The page that the buyer is on when the payment window closed without a payment.
    pub(super) fn failed(&self, record: &CheckoutRecord, reason: Reason, made: Made<'_>) -> Markup {
        let open = record.status == Status::NotStarted || record.takes_retry(now());
        html! {
            main data-status=(record.status)
                data-code=[reason.code]
                data-watch=[Watch::of(record.status).told()]
                data-standing=(standing_address(record))
                data-revision=(record.revision)
                data-offline=(self.words.offline)
                data-stopped=(self.words.stopped)
            {
                (self.test_badge(made.settings.client_key(record.total.currency())))
                @if open {
                    (states::closed_window(reason, self.words))
                } @else {
                    // Nothing that the checkout itself knows better: another tab may have paid.
                    div role="status" { (State::of(record, self.words).show()) }
                }
                (self.connection(record))
                (self.order(record, Heading::Second))
                a.button href=(made.path(record, "")) {
                    (if open { self.words.back_to_pay } else { self.words.back_to_checkout })
                }
                (self.way_out(record, Weight::Light))
            }
        }
    }

    /// The title and the page of a checkout of which the status alone is shown.
    pub(super) fn bare(&self, record: &CheckoutRecord, made: Made<'_>, access: Access) -> (&'static str, Markup) {
        let takes_payment = record.status == Status::NotStarted || record.takes_retry(now());
        let state = match access {
            Access::Unproved if takes_payment => State::incomplete(self.words),
            Access::Whole | Access::Unproved | Access::Over => State::of(record, self.words),
        };
        let why = match access {
            Access::Whole | Access::Unproved => self.words.hidden_without_address,
            Access::Over => self.words.hidden_after_a_while,
        };
        let page = html! {
            main data-status=(record.status)
                data-watch=[Watch::of(record.status).told()]
                data-standing=(standing_address(record))
                data-revision=(record.revision)
                data-offline=(self.words.offline)
                data-stopped=(self.words.stopped)
            {
                (self.test_badge(made.settings.client_key(record.total.currency())))
                div role="status" { (state.show()) }
                (self.connection(record))
                p.quiet #hidden-why { (why) }
            }
        };
        (state.title(), page)
    }

    /// There is no such checkout.
    pub(super) fn unknown(&self) -> Markup {
        html! {
            main data-status="NOT_FOUND" {
                section.state { h1 { (self.words.unknown.0) } p { (self.words.unknown.1) } }
            }
        }
    }
}

/// The part of the total without tax, where the marketplace named one.
fn tax_free(record: &CheckoutRecord) -> Option<String> {
    tax_free_of(record.orders.iter().map(|order| &order.order)).map(Money::to_decimal_string)
}

/// The products of a payment in escrow, as the payment window takes them: each order is one.
fn escrow_products(record: &CheckoutRecord) -> Option<String> {
    let product = |line: &OrderRecord| {
        let order = &line.order;
        json!({
            "id": order.id,
            "name": order.name.as_deref().unwrap_or(&record.order_name),
            "code": order.seller,
            // Escrow is for won alone, whose minor unit is the won.
            "unitPrice": order.amount.minor(),
            "quantity": 1,
        })
    };
    record.window.use_escrow.then(|| record.orders.iter().map(product).collect::<Value>().to_string())
}

fn standing_address(record: &CheckoutRecord) -> String {
    format!("/checkout/{}/status", record.checkout_id)
}
