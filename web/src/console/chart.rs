//! The chart of a day: how many checkouts each hour had, and how many of them were paid.

use maud::{Markup, html};

/// The size of the chart, in its own units.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 160;
/// The room for the names of the hours.
const FOOT: u64 = 20;
/// The room between two bars.
const GAP: u64 = 4;
/// Every which hour has its name below.
const NAMED_EVERY: usize = 3;

/// One hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hour {
    pub(super) paid: u64,
    pub(super) other: u64,
}

/// Stacked bars, from left to right. `label` says in words what the bars show.
pub(super) fn hours(hours: &[Hour], label: &str) -> Markup {
    let highest = hours.iter().map(|hour| hour.paid + hour.other).max().unwrap_or(0).max(1);
    let step = WIDTH / (hours.len() as u64).max(1);
    let height = |number: u64| number * (HEIGHT - FOOT) / highest;
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            line.axis x1="0" x2=(WIDTH) y1=(HEIGHT - FOOT) y2=(HEIGHT - FOOT) {}
            @for (number, hour) in hours.iter().enumerate() {
                @let x = number as u64 * step;
                @let (paid, other) = (height(hour.paid), height(hour.other));
                g {
                    title { (format!("{number:02}:00 · {} / {}", hour.paid, hour.paid + hour.other)) }
                    rect.paid x=(x) width=(step - GAP) y=(HEIGHT - FOOT - paid) height=(paid) {}
                    rect.rest x=(x) width=(step - GAP) y=(HEIGHT - FOOT - paid - other) height=(other) {}
                }
                @if number % NAMED_EVERY == 0 { text x=(x) y=(HEIGHT - 6) { (format!("{number:02}")) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_hour_fills_the_chart() {
        let day = [Hour { paid: 3, other: 1 }, Hour { paid: 0, other: 2 }];
        let chart = hours(&day, "two hours").into_string();
        assert!(chart.contains("aria-label=\"two hours\""), "{chart}");
        assert!(chart.contains("y=\"35\" height=\"105\"") && chart.contains("y=\"0\" height=\"35\""), "{chart}");
        assert!(chart.contains("y=\"70\" height=\"70\""), "{chart}");
        assert!(hours(&[Hour::default(); 24], "nothing").into_string().contains("height=\"0\""));
    }
}
