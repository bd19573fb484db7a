//! The parameters of an address. Unknown and repeated ones were refused by `route_rules`; a value that is not
//! understood is refused here: passed over in silence it would give another answer than the one asked for.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};

use crate::http::{
    fields::{FieldErrors, ParameterForm},
    problem::{Code, FieldCode, Problem},
};

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
    /// The value of a parameter, if it is given; adds what is wrong with the value.
    pub(crate) fn read<F: ParameterForm>(&self, name: &str, errors: &mut FieldErrors) -> Option<F::Value> {
        let value = F::of_parameter(self.0.get(name)?);
        value.map_err(|detail| errors.add(name.to_owned(), FieldCode::Invalid, detail)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::forms::{Border, Number};

    crate::http::table::parameters! {
        /// Parameters of two forms, the second by a keyword of the language.
        struct Chosen {
            limit: Number<1, 9>,
            r#type: Border,
        }
    }

    fn read(pairs: &[(&str, &str)]) -> Result<(Option<u64>, bool), Vec<String>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let chosen = Chosen::of(&Parameters(pairs.collect()));
        chosen
            .map(|chosen| (chosen.limit, chosen.r#type.is_some()))
            .map_err(|problem| problem.fields().iter().map(|error| error.field.clone()).collect())
    }

    #[test]
    fn every_parameter_that_is_wrong_is_named_at_once() {
        assert_eq!(read(&[]), Ok((None, false)));
        assert_eq!(read(&[("limit", "7"), ("type", "2026-11-21T00:00:00Z")]), Ok((Some(7), true)));
        assert_eq!(read(&[("limit", "10"), ("type", "now")]), Err(vec!["limit".to_owned(), "type".to_owned()]));
    }
}
