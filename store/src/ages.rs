//! How long things wait that nothing should keep waiting, in buckets of age.

use domain::{Timestamp, calendar::Day, checkout::Status, reconciliation::BreakStatus};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect,
    sea_query::{Alias, CaseStatement, Expr, Query},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_status, to_column_time},
    entities::{breaks, payment_events},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// The ages, in days, at which the second bucket and those after it begin.
pub const AGES_FROM_DAYS: [u64; 3] = [1, 3, 7];
/// How many buckets of age there are.
pub const AGE_BUCKETS: usize = AGES_FROM_DAYS.len() + 1;

/// How many things wait, by age: the youngest first.
pub type Ages = [u64; AGE_BUCKETS];

/// What waits, by age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingAges {
    /// Checkouts whose outcome is not known, by when they came to that.
    pub unknown: Ages,
    /// Checkouts that wait for a person.
    pub stuck: Ages,
    /// Open breaks, by the day on which their money was expected.
    pub breaks: Ages,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    bucket: i64,
    status: String,
    number: i64,
}

fn bucket_of(days: u64) -> usize {
    AGES_FROM_DAYS.iter().filter(|from| days >= **from).count()
}

impl Reader {
    /// What waits at an instant, by age.
    pub async fn waiting_ages(&self, now: Timestamp) -> Result<WaitingAges, StoreError> {
        let mut ages = WaitingAges { breaks: self.ages_of_breaks(Day::of(now)).await?, ..WaitingAges::default() };
        for row in self.ages_of_checkouts(now).await? {
            let bucket = usize::try_from(row.bucket).map_err(|_| corrupt("an age", row.bucket))?;
            let number = u64::try_from(row.number).map_err(|_| corrupt("a number", row.number))?;
            let status = from_column_status(&row.status)?;
            let of_status = if status == Status::Stuck { &mut ages.stuck } else { &mut ages.unknown };
            let count = of_status.get_mut(bucket).ok_or_else(|| corrupt("an age", row.bucket))?;
            *count += number;
        }
        Ok(ages)
    }

    async fn ages_of_checkouts(&self, now: Timestamp) -> Result<Vec<Row>, StoreError> {
        use payment_events::Column;
        let younger = AGES_FROM_DAYS.iter().enumerate().fold(CaseStatement::new(), |case, (bucket, days)| {
            let from = to_column_time(now.minus_ms(days * DAY_MS));
            case.case(Column::UpdatedAt.gt(from), Expr::cust(bucket.to_string()))
        });
        let bucket = younger.finally(Expr::cust(AGES_FROM_DAYS.len().to_string()));
        let statement = Query::select()
            .expr_as(Expr::Case(Box::new(bucket)).cast_as("bigint"), Alias::new("bucket"))
            .column(Column::Status)
            .expr_as(Column::CheckoutId.count(), Alias::new("number"))
            .from(payment_events::Entity)
            .and_where(Column::Status.is_in([Status::Unknown.as_str(), Status::Stuck.as_str()]))
            .add_group_by([Expr::cust("1"), Expr::cust("2")])
            .to_owned();
        let statement = self.connection().backend().build(&statement);
        Ok(Row::find_by_statement(statement).all(self.connection()).await?)
    }

    async fn ages_of_breaks(&self, today: Day) -> Result<Ages, StoreError> {
        use breaks::Column;
        let rows: Vec<(String, i64)> = breaks::Entity::find()
            .select_only()
            .column(Column::Day)
            .column_as(Column::BreakId.count(), "number")
            .filter(Column::Status.eq(BreakStatus::Open.as_str()))
            .group_by(Column::Day)
            .into_tuple()
            .all(self.connection())
            .await?;
        let mut ages = Ages::default();
        for (day, number) in rows {
            let day: Day = day.parse().map_err(|_| corrupt("a day", day))?;
            let days = today.start().ms_since(day.start()) / DAY_MS;
            ages[bucket_of(days)] += u64::try_from(number).map_err(|_| corrupt("a number", number))?;
        }
        Ok(ages)
    }
}

#[cfg(test)]
mod tests {
    use super::bucket_of;

    #[test]
    fn an_age_is_in_the_last_bucket_that_it_has_come_to() {
        assert_eq!([0, 1, 2, 3, 6, 7, 400].map(bucket_of), [0, 1, 1, 2, 2, 3, 3]);
    }
}
