//! What the PSP exchanged, and the gain or the loss of it.

use domain::{Currency, settlement::Flow};
use maud::{Markup, html};
use service::fx_trading::{FxPosition, FxTrading};

use super::{
    Frame, Page,
    parts::{Field, table, time},
};

/// The report of a day. `is_wrong` where the day that was asked for cannot be read.
pub fn exchanges(frame: &Frame<'_>, trading: &FxTrading, is_wrong: bool) -> Page {
    let words = frame.reconciling();
    let day = trading.day.to_string();
    Page::new(
        words.exchanges,
        html! {
            section.card {
                form.search method="get" action="/console/fx-trading" {
                    (Field { name: "date", label: words.end_of_day, value: &day, kind: "date" }.show())
                    div.field { button.button { (frame.words().search) } }
                    div.field {
                        a.button.second #csv href=(format!("/console/fx-trading/export?date={day}")) { (words.as_csv) }
                    }
                }
                p.quiet { (words.exchanges_hint) }
            }
            @if is_wrong { p.notice.waiting role="status" { (words.wrong_days) } }
            section.card {
                @if trading.positions.is_empty() { (frame.nothing()) } @else { (positions(frame, trading)) }
            }
        },
    )
}

fn positions(frame: &Frame<'_>, trading: &FxTrading) -> Markup {
    let words = frame.reconciling();
    table(
        words.exchanges,
        &html! {
            thead {
                tr {
                    th { (words.currency) } th.number { (words.position) } th.number { (words.in_won) }
                    th.number { (words.rate) } th { (words.rate_as_of) } th { (words.rate_source) }
                }
            }
            tbody {
                @for position in &trading.positions { (line(frame, position)) }
                tr.sum #gain data-realized=(trading.is_realized()) {
                    td colspan="2" { (if trading.is_realized() { words.realized_gain } else { words.open_gain }) }
                    td.number {
                        @match trading.gain() {
                            Some(gain) => { (flow(frame, gain, Currency::Krw)) }
                            None => { (words.no_rate) }
                        }
                    }
                    td colspan="3" {}
                }
            }
        },
    )
}

fn line(frame: &Frame<'_>, position: &FxPosition) -> Markup {
    let words = frame.reconciling();
    html! {
        tr {
            td { (position.currency.code()) }
            td.number { (flow(frame, position.minor, position.currency)) }
            td.number {
                @match position.won {
                    Some(won) => { (flow(frame, won, Currency::Krw)) }
                    None => { (words.no_rate) }
                }
            }
            @match &position.rate {
                Some(rate) => {
                    td.number { (rate.value) } td { (time(rate.as_of)) } td { (rate.source) }
                }
                None => { td.number { "–" } td { "–" } td { "–" } }
            }
        }
    }
}

fn flow(frame: &Frame<'_>, minor: i64, currency: Currency) -> String {
    Flow::of_signed(minor, currency).map_or_else(|_| minor.to_string(), |flow| frame.flow(flow))
}

#[cfg(test)]
mod tests {
    use domain::{
        Timestamp,
        payout::PaidBy,
        rate::{Pair, Rate, RateKind},
    };

    use super::*;
    use crate::language::Language;

    fn shown(language: Language, positions: Vec<FxPosition>) -> String {
        let frame = Frame {
            language,
            session: None,
            form_token: "",
            here: None,
            address: "/console/fx-trading",
            now: Timestamp::from_epoch_ms(0),
            paid_by: PaidBy::Psp,
        };
        let trading = FxTrading { day: "2026-11-21".parse().unwrap(), positions };
        exchanges(&frame, &trading, false).body.into_string()
    }

    fn position(currency: Currency, minor: i64, won: Option<i64>) -> FxPosition {
        let rate = Rate {
            pair: Pair::try_new(Currency::Usd, Currency::Krw).unwrap(),
            kind: RateKind::Mid,
            value: "1410".parse().unwrap(),
            as_of: Timestamp::from_epoch_ms(0),
            source: "한국은행".to_owned(),
        };
        FxPosition { currency, minor, won, rate: won.filter(|_| currency != Currency::Krw).map(|_| rate) }
    }

    #[test]
    fn a_loss_is_told_with_its_rate_and_whether_it_is_realized() {
        let dollars = position(Currency::Usd, -7_500, Some(-105_750));
        let page = shown(Language::English, vec![position(Currency::Krw, 104_150, Some(104_150)), dollars.clone()]);
        for told in ["-75.00 USD", "-105,750 KRW", "1410", "한국은행", "-1,600 KRW", "data-realized=\"false\"", "open"]
        {
            assert!(page.contains(told), "{told}: {page}");
        }
        let page = shown(Language::Korean, vec![position(Currency::Krw, 3_000, Some(3_000))]);
        for told in ["3,000원", "data-realized=\"true\"", "손익 (실현)", "date=2026-11-21"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        let unknown = shown(Language::Korean, vec![position(Currency::Usd, -7_500, None)]);
        assert_eq!(unknown.matches("환율 없음").count(), 2, "{unknown}");
    }
}
