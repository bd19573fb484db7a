//! Freezing a payout run: what would be in it, and the confirmation.

use domain::payout::plan::{Plan, PlannedPayout};
use maud::{Markup, html};

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page,
    parts::{Field, number, seller_link, table},
    payouts::{FREEZING, carried_over},
    sheet::{Wrong, reason_field, said},
};

/// The most payouts that a preview lists. Its sum counts all.
const MOST_LISTED: usize = 200;

/// The run that a person asks for, word for word.
#[derive(Debug, Clone, Copy, Default)]
pub struct TypedRun<'a> {
    /// The day in Korea; today where it is empty.
    pub date: &'a str,
    /// The sellers, whatever their calendars say; those that are due where it is empty.
    pub sellers: &'a str,
    pub reason: &'a str,
}

/// The page that plans a run and asks for its freeze.
#[derive(Debug, Clone, Copy)]
pub struct FreezeForm<'a> {
    pub asked: TypedRun<'a>,
    /// What would be frozen now; nothing where what was typed cannot be read.
    pub plan: Option<&'a Plan>,
    /// Names the run: however often the form is sent, it is one.
    pub key: &'a str,
    pub wrong: Option<Wrong>,
}

impl FreezeForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, finance) = (frame.words(), frame.finance());
        let field = |name, label, value, kind| Field { name, label, value, kind }.show();
        Page::new(
            finance.freeze,
            html! {
                section.card {
                    p { (finance.freeze_hint) }
                    form.search method="get" action=(FREEZING) {
                        (field("date", finance.run_date, self.asked.date, "date"))
                        (field("sellers", finance.freeze_sellers, self.asked.sellers, "text"))
                        div.field { button.button #preview { (words.preview) } }
                    }
                    @if let Some(wrong) = self.wrong { p.notice.bad role="alert" { (said(frame, wrong)) } }
                }
                @if let Some(plan) = self.plan { (self.planned(frame, plan)) }
            },
        )
    }

    fn planned(&self, frame: &Frame<'_>, plan: &Plan) -> Markup {
        let (words, finance) = (frame.words(), frame.finance());
        html! {
            section.card {
                h2 { (words.preview) }
                @if plan.payouts.is_empty() {
                    p.notice.waiting role="status" #nothing-due { (finance.nothing_due) }
                } @else {
                    dl.facts {
                        dt { (finance.total) } dd #total { strong { (frame.money(plan.total())) } }
                        dt { (finance.payouts_count) } dd { (number(plan.payouts.len() as u64)) }
                    }
                    (list(frame, &plan.payouts))
                    form.stack method="post" action=(FREEZING) {
                        (frame.form_token())
                        input type="hidden" name="key" value=(self.key);
                        input type="hidden" name="date" value=(self.asked.date);
                        input type="hidden" name="sellers" value=(self.asked.sellers);
                        (reason_field(frame, self.asked.reason, MAX_ACT_REASON_CHARS))
                        p { strong { (words.confirm_question) } }
                        div.acts {
                            button.button.heavy #confirm { (finance.do_freeze) }
                            a.button.second href="/console/payout-runs" { (words.not_yet) }
                        }
                    }
                }
            }
            @if !plan.carried_over.is_empty() {
                section.card { h2 { (finance.carried_over) } (carried_over(frame, &plan.carried_over)) }
            }
        }
    }
}

fn list(frame: &Frame<'_>, payouts: &[PlannedPayout]) -> Markup {
    let words = frame.words();
    html! {
        (table(frame.finance().payouts_count, &html! {
            thead { tr { th { (words.seller) } th.number { (words.amount) } } }
            tbody {
                @for payout in payouts.iter().take(MOST_LISTED) {
                    tr {
                        td { (seller_link(payout.seller.as_str())) }
                        td.number { (frame.money(payout.amount)) }
                    }
                }
            }
        }))
        @if payouts.len() > MOST_LISTED { p.quiet { (words.story_cut) } }
    }
}
