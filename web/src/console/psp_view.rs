//! Toss's own view of a payment beside ours, with what differs.

use domain::{charge::Charge, psp_payment::PspPayment, psp_payment::believed_held};
use maud::{Markup, html};
use service::psp_view::PspAnswer;
use store::CheckoutRecord;

use super::{
    Frame, Page,
    parts::{Tone, badge, key_end, table, time},
};

/// A line of the comparison.
struct Line {
    code: &'static str,
    name: &'static str,
    ours: Markup,
    theirs: Markup,
    /// Whether both sides say the same; nothing where they cannot be compared.
    agrees: Option<bool>,
}

/// The page that asks Toss, and shows the answer once there is one.
pub fn psp_view(frame: &Frame<'_>, record: &CheckoutRecord, answer: Option<&PspAnswer>) -> Page {
    let words = frame.words();
    let back = format!("/console/payments/{}", record.checkout_id);
    Page::new(
        words.psp_view,
        html! {
            section.card.stack {
                @match answer {
                    None => { p { (words.psp_view_hint) } }
                    Some(PspAnswer::Known(payment)) => { (beside(frame, record, payment)) }
                    Some(PspAnswer::Unknown) => {
                        p.notice.waiting role="status" data-psp="unknown" { (words.psp_unknown) }
                    }
                    Some(PspAnswer::Unreadable(why)) => {
                        p.notice.bad role="status" data-psp="unreadable" { (words.psp_unreadable) }
                        p.code lang="en" { (why) }
                    }
                    Some(PspAnswer::NotAsked) => {
                        p.notice.waiting role="status" data-psp="not-asked" { (words.psp_not_asked) }
                    }
                }
                form method="post" action=(format!("{back}/toss")) {
                    (frame.form_token())
                    div.acts {
                        button.button #ask {
                            @if answer.is_none() { (words.psp_look) } @else { (words.psp_look_again) }
                        }
                        a.button.second href=(back) { (words.to_payment) }
                    }
                }
            }
        },
    )
}

fn beside(frame: &Frame<'_>, record: &CheckoutRecord, payment: &PspPayment) -> Markup {
    let words = frame.words();
    let lines = lines(frame, record, payment);
    let differs = lines.iter().any(|line| line.agrees == Some(false));
    html! {
        @if differs {
            p.notice.bad role="status" data-psp="differs" { (words.psp_differs) }
        } @else {
            p.notice.good role="status" data-psp="same" { (words.psp_same) }
        }
        (table(words.psp_view, &html! {
            thead { tr { th {} th { (words.ours) } th { (words.theirs) } th { (words.compared) } } }
            tbody {
                @for line in &lines {
                    tr data-line=(line.code) {
                        th scope="row" { (line.name) }
                        td { (line.ours) }
                        td { (line.theirs) }
                        td {
                            @match line.agrees {
                                Some(true) => { (badge(Tone::Good, words.same, "SAME")) }
                                Some(false) => { (badge(Tone::Bad, words.different, "DIFFERENT")) }
                                None => { span.quiet { "–" } }
                            }
                        }
                    }
                }
            }
        }))
        @if !payment.cancels.is_empty() {
            h2 { (words.psp_cancels) }
            ul {
                @for cancel in &payment.cancels {
                    li { (frame.money(cancel.amount)) @if let Some(at) = cancel.at { " · " (time(at)) } }
                }
            }
        }
        p.quiet { (words.as_of) " " (time(frame.now)) }
    }
}

fn lines(frame: &Frame<'_>, record: &CheckoutRecord, payment: &PspPayment) -> Vec<Line> {
    let words = frame.words();
    let refunded: Vec<_> = record.orders.iter().map(|order| order.refunded).collect();
    let held = believed_held(record.status.phase(), record.total, &refunded);
    let psp = record.psp.as_ref();
    let text =
        |value: Option<&str>| html! { @match value { Some(value) => { (value) } None => { span.quiet { "–" } } } };
    let at = |value| html! { @match value { Some(at) => { (time(at)) } None => { span.quiet { "–" } } } };
    let mut lines = vec![
        Line {
            code: "status",
            name: words.status,
            ours: frame.status(record.status),
            theirs: html! { span.code { (payment.status) } },
            agrees: None,
        },
        Line {
            code: "total",
            name: words.amount,
            ours: html! { (frame.money(record.total)) },
            theirs: html! { (frame.money(payment.total)) },
            agrees: Some(record.total == payment.total),
        },
        Line {
            code: "held",
            name: words.psp_held,
            ours: html! { @match held { Some(held) => { (frame.money(held)) } None => { (words.not_known_yet) } } },
            theirs: html! { (frame.money(payment.held())) },
            agrees: held.map(|held| held == payment.held()),
        },
        Line {
            code: "payment-key",
            name: words.payment_key,
            ours: html! { span.code { @if let Some(psp) = psp { (key_end(psp.payment_key.as_str())) } @else { "–" } } },
            theirs: html! { span.code { (key_end(payment.payment_key.as_str())) } },
            agrees: psp.map(|psp| psp.payment_key == payment.payment_key),
        },
    ];
    // Toss tells these of a payment that holds money.
    if let (Charge::Captured(capture), Some(psp)) = (&payment.charge, psp) {
        let (ours, theirs) = (&psp.receipt_numbers, &capture.receipt_numbers);
        let number = |code, name, ours: &Option<String>, theirs: &Option<String>| Line {
            code,
            name,
            ours: text(ours.as_deref()),
            theirs: text(theirs.as_deref()),
            agrees: Some(ours == theirs),
        };
        lines.extend([
            number("method", words.method, &psp.method, &capture.method),
            Line {
                code: "approved-at",
                name: words.approved,
                ours: at(psp.approved_at),
                theirs: at(Some(capture.captured_at)),
                agrees: Some(psp.approved_at == Some(capture.captured_at)),
            },
            number("approval-number", words.approval_number, &ours.approval, &theirs.approval),
            number("cash-receipt", words.cash_receipt_number, &ours.cash_receipt, &theirs.cash_receipt),
        ]);
    }
    lines
}
