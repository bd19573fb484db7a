//! What several pages show: times, badges, lists that go on, fields of forms.

use domain::{
    Money, Timestamp,
    calendar::Day,
    checkout::{Phase, Status},
    dead_letter::LetterStatus,
    refund::RefundStatus,
    settlement::Flow,
};
use maud::{Markup, Render, html};

use super::frame::Frame;
use crate::amount::{amount, grouped};

/// How far Korea is ahead of UTC, in milliseconds.
const KOREA_MS: i64 = 9 * 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How many characters of a payment key are shown: enough to tell two attempts apart, too few to pay with.
const KEY_SUFFIX_CHARS: usize = 4;

/// How good a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Waiting,
    Plain,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Waiting => "waiting",
            Self::Plain => "quiet",
        }
    }

    pub(super) const fn of_status(status: Status) -> Self {
        match status.phase() {
            Phase::Paid => Self::Good,
            Phase::Declined | Phase::Held => Self::Bad,
            Phase::Moving | Phase::Deposit => Self::Waiting,
            Phase::Open | Phase::Closed => Self::Plain,
        }
    }

    pub(super) const fn of_refund(status: RefundStatus) -> Self {
        match status {
            RefundStatus::Succeeded => Self::Good,
            RefundStatus::Stuck | RefundStatus::Failed => Self::Bad,
            RefundStatus::Requested | RefundStatus::Executing | RefundStatus::Unknown => Self::Waiting,
        }
    }

    pub(super) const fn of_letter(status: LetterStatus) -> Self {
        match status {
            LetterStatus::Open => Self::Bad,
            LetterStatus::Retrying => Self::Waiting,
            LetterStatus::Resolved => Self::Good,
            LetterStatus::Discarded | LetterStatus::Closed => Self::Plain,
        }
    }
}

/// The hour that a clock in Korea shows, in two digits.
pub(super) fn hour(at: Timestamp) -> String {
    format!("{:02}", seconds_of_day(at) / 3_600)
}

/// How many seconds of its day in Korea have passed at an instant.
const fn seconds_of_day(at: Timestamp) -> i64 {
    at.epoch_ms().saturating_add(KOREA_MS).rem_euclid(DAY_MS) / 1_000
}

/// An instant as a clock in Korea shows it, to the second.
pub(super) fn time(at: Timestamp) -> Markup {
    let seconds = seconds_of_day(at);
    let (day, hour, minute, second) = (Day::of(at), seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    html! { time datetime=(format!("{day}T{clock}+09:00")) { (day) " " (clock) } }
}

/// The end of a payment key.
pub(super) fn key_end(key: &str) -> String {
    let chars = key.chars().count();
    format!("…{}", key.chars().skip(chars.saturating_sub(KEY_SUFFIX_CHARS)).collect::<String>())
}

/// A number with a comma before every third digit.
pub(super) fn number(number: u64) -> String {
    grouped(&number.to_string())
}

/// An id of a payment, as a link to its story.
pub(super) fn payment_link(id: &str) -> Markup {
    html! { a.code href=(format!("/console/payments/{id}")) { (id) } }
}

/// A seller, as a link to its page.
pub(super) fn seller_link(seller: &str) -> Markup {
    html! { a href=(seller_address(seller)) { (seller) } }
}

/// The address of a seller's page.
pub(super) fn seller_address(seller: &str) -> String {
    format!("/console/sellers/{seller}")
}

impl Frame<'_> {
    /// An amount as a person reads it.
    pub(super) fn money(&self, money: Money) -> String {
        amount(money, self.language)
    }

    /// An amount with a minus sign where it moves away from us.
    pub(super) fn flow(&self, flow: Flow) -> String {
        let sign = if flow.signed() < 0 { "-" } else { "" };
        format!("{sign}{}", self.money(flow.amount()))
    }

    pub(super) fn status(&self, status: Status) -> Markup {
        badge(Tone::of_status(status), self.words().status_of(status), status.as_str())
    }

    pub(super) fn refund_status(&self, status: RefundStatus) -> Markup {
        badge(Tone::of_refund(status), self.words().refund_status(status), status.as_str())
    }

    pub(super) fn letter_status(&self, status: LetterStatus) -> Markup {
        badge(Tone::of_letter(status), self.words().letter_status(status), status.as_str())
    }

    /// How long ago.
    pub(super) fn ago(&self, at: Timestamp) -> String {
        self.words().age(self.now.ms_since(at))
    }

    /// The way to the rest of a list.
    pub(super) fn pages(&self, next: Option<&str>) -> Markup {
        let is_first = !self.address.contains("cursor=");
        let path = self.address.split_once('?').map_or(self.address, |(path, _)| path);
        html! {
            @if next.is_some() || !is_first {
                nav.pages aria-label=(self.words().next_page) {
                    @if !is_first { a.button.second href=(path) { (self.words().first_page) } }
                    @if let Some(next) = next { a.button.second rel="next" href=(next) { (self.words().next_page) } }
                }
            }
        }
    }

    /// What stands in the place of an empty list.
    pub(super) fn nothing(&self) -> Markup {
        html! { p.empty { (self.words().nothing_found) } }
    }
}

/// A state in a word; the code stands in its title.
pub(super) fn badge(tone: Tone, word: &str, code: &str) -> Markup {
    html! { span class=(format!("badge {}", tone.class())) title=(code) data-code=(code) { (word) } }
}

/// A table that a narrow screen moves sideways. It takes the keyboard, so that it can be moved without a pointer.
pub(super) fn table(label: &str, content: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(label) { table { (content) } } }
}

/// A field of a form.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) value: &'a str,
    pub(super) kind: &'a str,
}

impl Field<'_> {
    pub(super) fn show(&self) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                input id=(self.name) name=(self.name) type=(self.kind) value=(self.value) autocomplete="off";
            }
        }
    }
}

/// A list of which one value is chosen.
pub(super) struct Choice<'a, T> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    /// The words for no value.
    pub(super) any: &'a str,
    pub(super) chosen: Option<T>,
    pub(super) is_required: bool,
}

impl<T: Copy + PartialEq> Choice<'_, T> {
    /// The list of all values: how one is written, and what a person reads.
    pub(super) fn show<R: Render>(&self, all: &[T], written: fn(T) -> &'static str, read: impl Fn(T) -> R) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                select id=(self.name) name=(self.name) required[self.is_required] {
                    option value="" { (self.any) }
                    @for value in all {
                        option value=(written(*value)) selected[self.chosen == Some(*value)] { (read(*value)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_clock_in_korea() {
        let shown = time(Timestamp::from_epoch_ms(1_795_737_600_000)).into_string();
        assert_eq!(shown, "<time datetime=\"2026-11-27T09:00:00+09:00\">2026-11-27 09:00:00</time>");
    }

    #[test]
    fn of_a_payment_key_the_end_is_shown() {
        assert_eq!(key_end("tgen_20261127abcd"), "…abcd");
        assert_eq!(key_end("abc"), "…abc");
    }
}
