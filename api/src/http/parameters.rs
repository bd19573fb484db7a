//! The parameters of an address. Unknown and repeated ones were refused by `route_rules`; a value that is not
//! understood is refused here: passed over in silence it would give another answer than the one asked for.

use std::{collections::BTreeMap, fmt::Display};

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};
use chrono::{DateTime, Datelike, FixedOffset, Utc};
use domain::Timestamp;

use crate::http::problem::{Code, FieldCode, Problem};

/// What stands behind the question mark, each name once.
#[derive(Debug, Default)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(pairs(&parts.uri)?.into_iter().collect()))
    }
}

/// What stands behind the question mark of an address, in its order.
pub(crate) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
    query.map(|Query(pairs)| pairs).map_err(|_| Problem::new(Code::AddressMalformed, "The query cannot be read."))
}

impl Parameters {
    /// The value of a parameter, if it is given.
    pub(crate) fn read<'p, T, E: Display>(
        &'p self,
        name: &str,
        parse: impl FnOnce(&'p str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let value = self.0.get(name).map(|text| parse(text)).transpose();
        value.map_err(|error| Problem::of_field(name, FieldCode::Invalid, error))
    }

    /// An instant to include: the last millisecond that is not later than it.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let time = self.read(name, time)?;
        Ok(time.map(|time| Timestamp::from_epoch_ms(time.timestamp_millis())))
    }

    /// An instant at which a period begins or ends: the first millisecond that is not earlier than it.
    pub(crate) fn border(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.read(name, border)
    }
}

/// Reads an instant at which a period begins or ends, as [`Parameters::border`] does.
pub(crate) fn border(text: &str) -> Result<Timestamp, &'static str> {
    let time = time(text)?;
    let begun = time.timestamp_subsec_nanos() % 1_000_000 != 0;
    Ok(Timestamp::from_epoch_ms(time.timestamp_millis()).plus_ms(begun.into()))
}

fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let time: DateTime<FixedOffset> = DateTime::parse_from_rfc3339(text)
        .map_err(|_| "is no time of RFC 3339, such as 2026-11-21T00:00:00Z; a `+` in an address is written `%2B`")?;
    let time = time.to_utc();
    if (0..=9999).contains(&time.year()) { Ok(time) } else { Err("is outside of the years 0 to 9999 in UTC") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The field that is refused.
    fn refused<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        let problem = result.unwrap_err();
        assert_eq!(problem.code(), Code::ValidationFailed);
        problem.fields()[0].field.clone()
    }

    #[test]
    fn times_are_rfc_3339_and_round_to_the_side_that_loses_nothing() {
        let read = |text| {
            let parameters = parameters(&[("at", text)]);
            let ms = |time: Option<Timestamp>| time.unwrap().epoch_ms();
            (ms(parameters.instant("at").unwrap()), ms(parameters.border("at").unwrap()))
        };
        assert_eq!(read("1970-01-01T09:00:01+09:00"), (1_000, 1_000));
        assert_eq!(read("1970-01-01T00:00:00.0015Z"), (1, 2));
        assert_eq!(read("1969-12-31T23:59:59.9985Z"), (-2, -1));
        for wrong in
            ["", "2026-11-21", "2026-11-21T09:00:00 09:00", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-10:00"]
        {
            assert_eq!(refused(parameters(&[("at", wrong)]).instant("at")), "at", "{wrong}");
        }
        assert_eq!(Parameters::default().instant("at").unwrap(), None);
    }
}
