//! The figures of days that are over. A large shop has a million payments in each of them, and many persons look.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::calendar::Day;
use store::{CheckoutFigure, Parts, Reader, StoreError};
use tokio::time::Instant;

/// How long figures are kept: payments of a day that is over still end, or are given back.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// A day, in milliseconds.
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The figures of days, and when they were read. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct PastDays(Arc<Mutex<HashMap<Day, Read>>>);

#[derive(Debug)]
struct Read {
    at: Instant,
    figures: Vec<CheckoutFigure>,
}

impl PastDays {
    /// The figures of so many days from one on, all of which are over; the part of each is the number of its day. Each
    /// day is a statement of its own, so that those which were read stay when time is up.
    pub(super) async fn read(
        &self,
        reader: &Reader,
        first: Day,
        count: u32,
    ) -> Result<Vec<CheckoutFigure>, StoreError> {
        self.forget_old(Instant::now());
        let (mut all, mut day) = (Vec::new(), first);
        for part in 0..count {
            let figures = match self.kept(day) {
                Some(figures) => figures,
                None => {
                    let of_day = Parts { from: day.start(), length_ms: DAY_MS, count: 1 };
                    let figures = reader.checkout_figures(of_day).await?;
                    self.keep(day, figures.clone());
                    figures
                }
            };
            all.extend(figures.into_iter().map(|figure| CheckoutFigure { part, ..figure }));
            day = day.next();
        }
        Ok(all)
    }

    fn kept(&self, day: Day) -> Option<Vec<CheckoutFigure>> {
        let days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.get(&day).map(|read| read.figures.clone())
    }

    fn keep(&self, day: Day, figures: Vec<CheckoutFigure>) {
        let read = Read { at: Instant::now(), figures };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(day, read);
    }

    fn forget_old(&self, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, read| now.duration_since(read.at) < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_for_an_hour() {
        let (days, day) = (PastDays::default(), "2026-11-27".parse().unwrap());
        let began = Instant::now();
        days.keep(day, Vec::new());
        days.forget_old(began + KEPT.saturating_sub(Duration::from_millis(1)));
        assert_eq!(days.kept(day), Some(Vec::new()));
        days.forget_old(Instant::now() + KEPT);
        assert_eq!(days.kept(day), None);
    }
}
