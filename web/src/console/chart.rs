//! Charts that are drawn on the server. Each says in words what it shows, and a table beside it gives the figures.

use maud::{Markup, html};

/// The size of the chart, in its own units.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 160;
/// The room for the names of the hours.
const FOOT: u64 = 20;
/// The room above a line of shares.
const HEAD: u64 = 8;
/// The height of a bar of parts.
const PARTS_HEIGHT: u64 = 24;
/// The size of a chart of several days: a phone shows it as it is, so its names can be read.
const DAYS_WIDTH: u64 = 364;
const DAYS_HEIGHT: u64 = 120;
/// The most names below a chart.
const MOST_NAMES: usize = 7;
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

/// A value with its name below the chart, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) name: String,
    /// Nothing where there is nothing to measure.
    pub(super) value: Option<u64>,
    /// The value as a person reads it.
    pub(super) told: String,
}

/// How the values of a chart are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawn {
    /// As bars. The highest one fills the chart, unless it is lower than this value, which would fill it then.
    Bars { at_least: u64 },
    /// As a line of shares, in thousandths. The whole fills the chart.
    Shares,
}

/// Values from left to right. `label` says in words what they show.
pub(super) fn points(points: &[Point], drawn: Drawn, label: &str) -> Markup {
    let step = DAYS_WIDTH / (points.len() as u64).max(1);
    let most = match drawn {
        Drawn::Bars { at_least } => points.iter().filter_map(|point| point.value).max().unwrap_or(0).max(at_least),
        Drawn::Shares => 1_000,
    };
    let height = |value: u64| {
        let height = u128::from(value) * u128::from(DAYS_HEIGHT - FOOT - HEAD) / u128::from(most);
        u64::try_from(height).unwrap_or(DAYS_HEIGHT)
    };
    let named_every = points.len().div_ceil(MOST_NAMES).max(1);
    html! {
        svg.chart viewBox=(format!("0 0 {DAYS_WIDTH} {DAYS_HEIGHT}")) role="img" aria-label=(label) {
            line.axis x1="0" x2=(DAYS_WIDTH) y1=(DAYS_HEIGHT - FOOT) y2=(DAYS_HEIGHT - FOOT) {}
            @if drawn == Drawn::Shares {
                line.axis x1="0" x2=(DAYS_WIDTH) y1=(HEAD) y2=(HEAD) {}
                polyline.shares points=(corners(points, step, height)) {}
            }
            @for (number, point) in points.iter().enumerate() {
                @let x = number as u64 * step;
                @if let Some(value) = point.value {
                    g {
                        title { (point.name) " · " (point.told) }
                        @match drawn {
                            Drawn::Bars { .. } => {
                                rect.paid x=(x) width=(step - GAP) y=(DAYS_HEIGHT - FOOT - height(value))
                                    height=(height(value)) {}
                            }
                            Drawn::Shares => {
                                circle.share cx=(x + step / 2) cy=(DAYS_HEIGHT - FOOT - height(value)) r="4" {}
                            }
                        }
                    }
                }
                @if number % named_every == 0 { text x=(x) y=(DAYS_HEIGHT - 6) { (point.name) } }
            }
        }
    }
}

/// The corners of a line through the values that there are.
fn corners(points: &[Point], step: u64, height: impl Fn(u64) -> u64) -> String {
    let corner = |(number, point): (usize, &Point)| {
        point.value.map(|value| format!("{},{}", number as u64 * step + step / 2, DAYS_HEIGHT - FOOT - height(value)))
    };
    points.iter().enumerate().filter_map(corner).collect::<Vec<_>>().join(" ")
}

/// A bar whose parts lie side by side, as wide as their share of `most`.
pub(super) fn parts(parts: &[u64], most: u64, label: &str) -> Markup {
    let width = |number: u64| number * WIDTH / most.max(1);
    let starts = parts.iter().scan(0, |start, number| {
        let begins = *start;
        *start += width(*number);
        Some(begins)
    });
    html! {
        svg.chart.bar-of-parts viewBox=(format!("0 0 {WIDTH} {PARTS_HEIGHT}")) preserveAspectRatio="none" role="img"
            aria-label=(label) {
            @for (number, (start, part)) in starts.zip(parts).enumerate() {
                rect class=(format!("age-{number}")) x=(start) width=(width(*part)) y="0" height=(PARTS_HEIGHT) {}
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

    fn point(name: &str, value: Option<u64>) -> Point {
        Point { name: name.to_owned(), value, told: "told".to_owned() }
    }

    #[test]
    fn the_highest_bar_fills_the_chart_and_a_day_without_a_value_has_none() {
        let days = [point("1", Some(u64::MAX)), point("2", None), point("3", Some(0))];
        let chart = points(&days, Drawn::Bars { at_least: 1 }, "three days").into_string();
        assert_eq!(chart.matches("<rect").count(), 2, "{chart}");
        assert!(chart.contains("y=\"8\" height=\"92\"") && chart.contains("height=\"0\""), "{chart}");
        let low = points(&[point("1", Some(1))], Drawn::Bars { at_least: 4 }, "one day").into_string();
        assert!(low.contains("height=\"23\""), "a quarter of the chart: {low}");
        let line = points(&[point("1", Some(1_000)), point("2", Some(500))], Drawn::Shares, "two").into_string();
        assert!(line.contains("points=\"91,8 273,54\""), "{line}");
    }

    #[test]
    fn the_parts_of_a_bar_lie_side_by_side() {
        let bar = parts(&[1, 0, 3], 4, "four").into_string();
        assert!(
            bar.contains("age-0\" x=\"0\" width=\"180\"") && bar.contains("age-2\" x=\"180\" width=\"540\""),
            "{bar}"
        );
        assert!(parts(&[0], 0, "none").into_string().contains("width=\"0\""));
    }
}
