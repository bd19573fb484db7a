//! Reading exchange rates: CSV with a header line.
//!
//! Columns, in any order: `as_of` (2026-11-27T09:00:00+09:00, or a day, whose begin in Korea counts), `base`, `quote`,
//! `rate` (how much of `quote` one unit of `base` is), `source`, and where wanted `kind` (`bid`, `mid` or `ask`; `mid`
//! by default). Other columns are ignored.

use chrono::DateTime;
use domain::{
    Currency, Timestamp,
    calendar::Day,
    rate::{Pair, Rate, RateKind},
};

use crate::table::{Columns, Line, TableError, lines};

/// The most rates of one file.
pub const MAX_RATES: usize = 10_000;
const COLUMNS: [&str; 6] = ["as_of", "base", "quote", "rate", "source", "kind"];
/// Those that may be missing.
const OPTIONAL: [&str; 1] = ["kind"];

/// A rate, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLine {
    /// From 1; the header is line 1.
    pub line: usize,
    pub rate: Rate,
}

/// Reads a file of rates.
pub fn read(csv: &str) -> Result<Vec<RateLine>, TableError> {
    let of = |line: &Line| Columns::of(line, |name| COLUMNS.into_iter().find(|column| *column == name));
    let lacks = |line: &Line| {
        let columns = of(line);
        COLUMNS.into_iter().find(|name| !OPTIONAL.contains(name) && !columns.has(name))
    };
    let (header, lines) = lines(csv, MAX_RATES, |line| lacks(line).is_none())?;
    if let Some(missing) = lacks(&header) {
        return Err(TableError::new(header.number, format!("the header names no `{missing}`")));
    }
    let columns = of(&header);
    let read = |line: &Line| match rate(line, &columns) {
        Ok(rate) => Ok(RateLine { line: line.number, rate }),
        Err(problem) => Err(TableError::new(line.number, problem)),
    };
    lines.iter().map(read).collect()
}

fn rate(line: &Line, columns: &Columns<&'static str>) -> Result<Rate, String> {
    let cell = |name: &'static str| columns.cell(line, &name);
    let currency = |name| cell(name).parse::<Currency>().map_err(|error| format!("`{name}`: {error}"));
    let told = |error: domain::rate::RateError| error.to_string();
    let kind = cell("kind");
    let rate = Rate {
        pair: Pair::try_new(currency("base")?, currency("quote")?).map_err(told)?,
        kind: if kind.is_empty() { RateKind::Mid } else { kind.parse().map_err(told)? },
        value: cell("rate").replace(',', "").parse().map_err(told)?,
        as_of: time(cell("as_of"))?,
        source: cell("source").to_owned(),
    };
    Rate::check_source(&rate.source).map_err(told)?;
    Ok(rate)
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(day.start());
    }
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| "`as_of` is no time, such as 2026-11-27T09:00:00+09:00, and no day".to_owned())?;
    Ok(Timestamp::from_epoch_ms(time.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_by_their_columns() {
        let csv = "source,rate,base,quote,as_of,note\n한국은행,\"1,391.5\",USD,KRW,2026-11-27,x\n\n\
                   ECB,0.00000001,JPY,USD,2026-11-27T09:00:00.5+09:00,\n";
        let read = read(csv).unwrap();
        let told: Vec<_> = read.iter().map(|line| (line.line, line.rate.to_string(), line.rate.kind)).collect();
        let first = (2, "1391.5 KRW per USD by 한국은행".to_owned(), RateKind::Mid);
        assert_eq!(told, [first, (4, "0.00000001 USD per JPY by ECB".to_owned(), RateKind::Mid)]);
        assert_eq!(read[0].rate.as_of, "2026-11-27".parse::<Day>().unwrap().start());
        assert_eq!(read[1].rate.as_of, read[0].rate.as_of.plus_ms(9 * 60 * 60 * 1_000 + 500));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let header = "as_of,base,quote,kind,rate,source\n";
        for (line, named) in [
            ("2026-11-27,USD,USD,mid,1,a", "two different"),
            ("2026-11-27,EUR,KRW,mid,1,a", "`base`"),
            ("2026-11-27,USD,KRW,middle,1,a", "bid, mid, ask"),
            ("2026-11-27,USD,KRW,mid,0,a", "above 0"),
            ("2026-11-27,USD,KRW,mid,-1,a", "above 0"),
            ("2026-11-27,USD,KRW,mid,1e3,a", "above 0"),
            ("2026-11-27,USD,KRW,mid,0.000000001,a", "8 decimals"),
            ("2026-11-27,USD,KRW,mid,1000000000,a", "above 0"),
            ("2026-11-27,USD,KRW,mid,1,", "source"),
            ("27.11.2026,USD,KRW,mid,1,a", "`as_of`"),
        ] {
            let error = read(&format!("{header}2026-11-26,USD,KRW,bid,1,a\n{line}\n")).unwrap_err();
            assert!(error.line == 3 && error.problem.contains(named), "{line}: {error}");
        }
        assert_eq!(read("as_of,base,quote,rate\n").unwrap_err().to_string(), "line 1: the header names no `source`");
    }
}
