//! The seller's corner: own wallet, own payouts, and what comes next.

use maud::html;
use store::{Page as Records, PayoutRecord};

use super::{
    Frame, Page,
    parts::time,
    payouts,
    sellers::{SellerFacts, next_days, releases, status},
    wallets,
};

/// The wallet, what becomes available when, and the last payouts.
pub fn own(frame: &Frame<'_>, view: &SellerFacts) -> Page {
    let (words, finance, record) = (frame.words(), frame.finance(), &view.record);
    Page::new(
        format!("{} {}", finance.wallet, record.seller),
        html! {
            section.card {
                dl.facts {
                    dt { (finance.payout_status) } dd { (status(frame, frame.seller_status(record))) }
                    @if let Some(profile) = &record.profile {
                        dt { (words.name) } dd { (profile.name) }
                        dt { (finance.bank_account) }
                        dd {
                            span.code { (profile.account_masked) }
                            @if let Some(until) = view.cools_down_until {
                                p.waiting { (finance.cools_down) " " (time(until)) }
                            }
                        }
                        dt { (finance.schedule) } dd { (finance.schedule_of(&profile.schedule)) }
                    }
                }
                p.quiet { (finance.seller_hint) }
            }
            section.card { h2 { (finance.wallet) } (wallets::of_seller(frame, record.seller.as_str(), &view.wallets)) }
            section.card { h2 { (finance.becomes_available) } (releases(frame, &view.releases)) }
            section.card { h2 { (finance.next_payouts) } (next_days(frame, &view.next_payouts)) }
            section.card {
                h2 { (finance.recent_payouts) }
                (payouts::list(frame, &view.payouts, payouts::SELLER))
                @if !view.payouts.is_empty() { p { a href="/console/own/payouts" { (finance.all_payouts) } } }
            }
        },
    )
}

/// All payouts of the seller, the newest first. `next` is the address of the rest.
pub fn own_payouts(frame: &Frame<'_>, found: &Records<PayoutRecord>, next: Option<&str>) -> Page {
    Page::new(
        frame.finance().recent_payouts,
        html! {
            section.card {
                (payouts::list(frame, &found.items, payouts::SELLER))
                (frame.pages(next))
            }
        },
    )
}
