//! Exchange rates: each is kept once, and the newest of an instant counts.

use domain::{
    Currency::{Jpy, Krw, Usd},
    Timestamp,
    rate::{Pair, Rate, RateKind},
};
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use store::{Imported, RateFilter, RatePosition, Window};

use crate::{database::Fresh, on_both_databases};

on_both_databases!(
    a_rate_is_kept_once_and_never_changes,
    the_newest_rate_of_an_instant_counts,
    rates_are_listed_a_page_at_a_time,
);

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn rate(value: &str, day: i64, source: &str) -> Rate {
    Rate {
        pair: Pair::try_new(Usd, Krw).unwrap(),
        kind: RateKind::Mid,
        value: value.parse().unwrap(),
        as_of: Timestamp::from_epoch_ms(day * DAY_MS),
        source: source.to_owned(),
    }
}

async fn listed(fresh: &Fresh, limit: u64, after: Option<RatePosition>) -> (Vec<Rate>, bool) {
    let page = fresh.reader.rates(&RateFilter::default(), &Window { after, limit }).await.unwrap();
    (page.items.into_iter().map(|record| record.rate).collect(), page.more)
}

async fn a_rate_is_kept_once_and_never_changes(fresh: Fresh) {
    let journal = fresh.writer.journal();
    let many: Vec<Rate> = (0..1_200).map(|day| rate("1391.5", day, "bank")).collect();
    let import = || journal.import_rates(&many, "api_key:1");
    let at_once = join_all([import(), import(), import()]).await;
    let imported = at_once.into_iter().map(|one| one.unwrap().unwrap()).fold((0, 0), |(fresh, known), one| {
        let Imported { fresh: new, known: old } = one;
        (fresh + new, known + old)
    });
    assert_eq!(imported, (1_200, 2_400));

    // One of the file is kept otherwise: nothing of the file is kept.
    let other = [rate("1400", 2_000, "bank"), rate("1391.50000001", 7, "bank"), rate("1400", 2_001, "bank")];
    let taken = journal.import_rates(&other, "api_key:2").await.unwrap().unwrap_err();
    assert_eq!((taken.index, &taken.kept), (1, &many[7]));
    assert!(taken.to_string().contains("1391.5 KRW per USD by bank"), "{taken}");
    // So it is with two lines of one file that contradict each other.
    let twice = [rate("1400", 3_000, "bank"), rate("1401", 3_000, "bank")];
    assert!(journal.import_rates(&twice, "api_key:2").await.unwrap().is_err());
    assert_eq!(listed(&fresh, 1, None).await, (vec![many[1_199].clone()], true));
    assert_eq!(journal.import_rates(&[], "api_key:2").await.unwrap().unwrap(), Imported::default());

    for sql in ["UPDATE exchange_rates SET value = 1", "DELETE FROM exchange_rates"] {
        assert!(fresh.database.connection().execute_unprepared(sql).await.is_err(), "{sql}");
    }
}

async fn the_newest_rate_of_an_instant_counts(fresh: Fresh) {
    let ask = Rate { kind: RateKind::Ask, ..rate("9999", 3, "bank") };
    let inverse = Rate { pair: Pair::try_new(Krw, Usd).unwrap(), ..rate("0.0007", 2, "bank") };
    let of = [rate("1300", 1, "b"), rate("1301", 1, "a"), rate("1302", 4, "a"), ask, inverse.clone()];
    fresh.writer.journal().import_rates(&of, "api_key:1").await.unwrap().unwrap();
    let at = async |ms: i64| fresh.reader.rates_at(Timestamp::from_epoch_ms(ms)).await.unwrap();
    let between = async |ms: i64| at(ms).await.between(Usd, Krw).cloned();
    assert_eq!(between(DAY_MS - 1).await, None);
    assert_eq!(between(DAY_MS).await, Some(of[1].clone()), "of two sources, always the same one");
    assert_eq!(between(2 * DAY_MS).await, Some(inverse.clone()));
    assert_eq!(between(3 * DAY_MS).await, Some(inverse), "what a bank asks is not the middle");
    assert_eq!(between(4 * DAY_MS).await, Some(of[2].clone()));
    assert_eq!(at(4 * DAY_MS).await.between(Usd, Jpy), None);
    assert_eq!(fresh.writer.rates_at(Timestamp::from_epoch_ms(DAY_MS)).await.unwrap(), at(DAY_MS).await);
}

async fn rates_are_listed_a_page_at_a_time(fresh: Fresh) {
    let mut rates = Vec::new();
    for day in 0..3 {
        for source in ["a", "b", "은행"] {
            rates.push(rate("1391.5", day, source));
            rates.push(Rate { pair: Pair::try_new(Jpy, Krw).unwrap(), ..rate("9.1", day, source) });
            rates.push(Rate { kind: RateKind::Bid, ..rate("1390", day, source) });
        }
    }
    fresh.writer.journal().import_rates(&rates, "api_key:1").await.unwrap().unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (page, more) = listed(&fresh, 4, after).await;
        after = page.last().map(RatePosition::of);
        seen.extend(page);
        if !more {
            break;
        }
    }
    assert!(seen.is_sorted_by(|one, next| one.as_of >= next.as_of));
    let places = |rates: &[Rate]| {
        let mut places: Vec<RatePosition> = rates.iter().map(RatePosition::of).collect();
        places.sort();
        places
    };
    assert_eq!(places(&seen), places(&rates));

    let filter =
        RateFilter { base: Some(Usd), quote: Some(Krw), kind: Some(RateKind::Bid), source: Some("은행".to_owned()) };
    let page = fresh.reader.rates(&filter, &Window { after: None, limit: 100 }).await.unwrap();
    let days: Vec<i64> = page.items.iter().map(|record| record.rate.as_of.epoch_ms() / DAY_MS).collect();
    assert_eq!((days, page.items[0].imported_by.as_str()), (vec![2, 1, 0], "api_key:1"));
}
