//! Long lists, a page at a time.
//!
//! A page ends at a position in the order of the list, never at a count. The books grow at their new end only,
//! one entry after the other, so a list from new to old that goes on below a position neither skips nor repeats
//! what stood there when it began.

use sea_orm::sea_query::{Query, SelectStatement, UnionType};

use crate::StoreError;

/// Which part of a list is wanted.
#[derive(Debug, Clone)]
pub struct Window<P> {
    /// Where the page before ended; `None` for the first page.
    pub after: Option<P>,
    /// The most items; at least one.
    pub limit: u64,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Whether there are more after the last one.
    pub more: bool,
}

impl<P> Window<P> {
    /// The same part of a list that names its places otherwise.
    pub fn map<Q>(self, place: impl FnOnce(P) -> Q) -> Window<Q> {
        Window { after: self.after.map(place), limit: self.limit }
    }

    /// One row more than the page has tells whether it is the last one.
    pub(crate) const fn rows(&self) -> u64 {
        self.limit.saturating_add(1)
    }

    /// The page, from at most [`Self::rows`] rows.
    pub(crate) fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        read: impl Fn(R) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Page { items: rows.into_iter().map(read).collect::<Result<_, _>>()?, more })
    }
}

/// All rows of several statements with the same columns. Each becomes a table of its own first, because SQLite
/// takes no ORDER BY and no LIMIT inside of a UNION.
pub(super) fn all_of(statements: impl IntoIterator<Item = SelectStatement>) -> SelectStatement {
    let rows_of =
        |statement| Query::select().column(sea_orm::sea_query::Asterisk).from_subquery(statement, "part").to_owned();
    let mut statements = statements.into_iter().map(rows_of);
    let mut all = statements.next().unwrap_or_default();
    all.unions(statements.map(|statement| (UnionType::All, statement)));
    all
}
