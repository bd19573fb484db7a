//! Exchange rates: each that was published is kept once, and never changes.

use std::collections::BTreeMap;

use chrono::Utc;
use domain::{
    Currency, Timestamp,
    rate::{Pair, Rate, RateKind, RateValue, Rates},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::{
    Imported, Journal, Page, Reader, StoreError, Window, Writer,
    convert::{corrupt, from_column_currency, from_column_time, to_column_time},
    entities::exchange_rates::{ActiveModel, Column, Entity, Model},
};

/// How many rates are written by one statement.
const BATCH: usize = 500;
/// What names a rate, in the order of its list.
const KEY: [Column; 5] = [Column::AsOf, Column::Base, Column::Quote, Column::Kind, Column::Source];

/// A rate that is published otherwise than it is kept. A source corrects it by a rate of a later time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rate is kept as {kept}, of the same time and kind; a rate that was published is not changed")]
pub struct RateTaken {
    /// The rate that was to be kept, by its place among those of the import.
    pub index: usize,
    /// What is kept.
    pub kept: Rate,
}

/// Which rates are listed. Of nothing named, all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateFilter {
    pub base: Option<Currency>,
    pub quote: Option<Currency>,
    pub kind: Option<RateKind>,
    pub source: Option<String>,
}

/// A place in the list of rates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RatePosition {
    pub as_of: Timestamp,
    pub pair: Pair,
    pub kind: RateKind,
    pub source: String,
}

/// A rate, and how it came here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateRecord {
    pub rate: Rate,
    /// The principal who imported it.
    pub imported_by: String,
    pub imported_at: Timestamp,
}

impl RatePosition {
    /// The place of a rate.
    pub fn of(rate: &Rate) -> Self {
        Self { as_of: rate.as_of, pair: rate.pair, kind: rate.kind, source: rate.source.clone() }
    }
}

impl Journal {
    /// Keeps rates, each once: all of them, or none where one is kept otherwise. Safe to repeat, also at once.
    pub async fn import_rates(&self, rates: &[Rate], by: &str) -> Result<Result<Imported, RateTaken>, StoreError> {
        let transaction = self.begin().await?;
        let (mut fresh, now) = (0, Utc::now());
        for batch in rates.chunks(BATCH) {
            let rows = batch.iter().map(|rate| ActiveModel {
                base: Set(rate.pair.base().code().to_owned()),
                quote: Set(rate.pair.quote().code().to_owned()),
                kind: Set(rate.kind.as_str().to_owned()),
                as_of: Set(to_column_time(rate.as_of)),
                source: Set(rate.source.clone()),
                value: Set(rate.value.parts().cast_signed()),
                imported_by: Set(by.to_owned()),
                imported_at: Set(now),
            });
            fresh += Entity::insert_many(rows)
                .on_conflict(OnConflict::columns(KEY).do_nothing().to_owned())
                .exec_without_returning(&transaction)
                .await?;
            // Read back rather than looked up before: another import may have come in between.
            if let Some(taken) = taken(&transaction, batch).await? {
                let index = rates.iter().position(|rate| RatePosition::of(rate) == RatePosition::of(&taken));
                return Ok(Err(RateTaken { index: index.unwrap_or_default(), kept: taken }));
            }
        }
        transaction.commit().await?;
        Ok(Ok(Imported { fresh, known: rates.len() as u64 - fresh }))
    }
}

/// A kept rate that has another value than the one of the batch.
async fn taken(connection: &impl ConnectionTrait, batch: &[Rate]) -> Result<Option<Rate>, StoreError> {
    let of_batch = batch.iter().fold(Condition::any(), |any, rate| {
        any.add(
            Condition::all()
                .add(Column::AsOf.eq(to_column_time(rate.as_of)))
                .add(Column::Base.eq(rate.pair.base().code()))
                .add(Column::Quote.eq(rate.pair.quote().code()))
                .add(Column::Kind.eq(rate.kind.as_str()))
                .add(Column::Source.eq(rate.source.as_str())),
        )
    });
    let wanted: BTreeMap<RatePosition, RateValue> =
        batch.iter().map(|rate| (RatePosition::of(rate), rate.value)).collect();
    for row in Entity::find().filter(of_batch).all(connection).await? {
        let kept = record(row)?.rate;
        if wanted.get(&RatePosition::of(&kept)) != Some(&kept.value) {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

impl Reader {
    /// The rates that hold at an instant.
    pub async fn rates_at(&self, at: Timestamp) -> Result<Rates, StoreError> {
        rates_at(self.connection(), at).await
    }

    /// Rates, the newest first.
    pub async fn rates(
        &self,
        filter: &RateFilter,
        window: &Window<RatePosition>,
    ) -> Result<Page<RateRecord>, StoreError> {
        let mut query = Entity::find().limit(window.rows());
        for column in KEY {
            query = query.order_by_desc(column);
        }
        let RateFilter { base, quote, kind, source } = filter;
        let texts = [
            (Column::Base, base.map(Currency::code)),
            (Column::Quote, quote.map(Currency::code)),
            (Column::Kind, kind.map(RateKind::as_str)),
            (Column::Source, source.as_deref()),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                query = query.filter(column.eq(text));
            }
        }
        if let Some(RatePosition { as_of, pair, kind, source }) = &window.after {
            let place = [
                Expr::value(to_column_time(*as_of)),
                Expr::value(pair.base().code()),
                Expr::value(pair.quote().code()),
                Expr::value(kind.as_str()),
                Expr::value(source.as_str()),
            ];
            query = query.filter(Expr::tuple(KEY.map(Expr::col)).lt(Expr::tuple(place)));
        }
        window.page(query.all(self.connection()).await?, record)
    }
}

impl Writer {
    /// The rates that hold at an instant.
    pub async fn rates_at(&self, at: Timestamp) -> Result<Rates, StoreError> {
        rates_at(self.connection(), at).await
    }
}

/// The newest rate of each pair in the middle of its two sides.
async fn rates_at(connection: &impl ConnectionTrait, at: Timestamp) -> Result<Rates, StoreError> {
    let mut newest = Vec::new();
    for pair in Pair::all() {
        let row = Entity::find()
            .filter(Column::Base.eq(pair.base().code()))
            .filter(Column::Quote.eq(pair.quote().code()))
            .filter(Column::Kind.eq(RateKind::Mid.as_str()))
            .filter(Column::AsOf.lte(to_column_time(at)))
            .order_by_desc(Column::AsOf)
            // Of two sources at one time, always the same one.
            .order_by_asc(Column::Source)
            .one(connection)
            .await?;
        newest.extend(row.map(record).transpose()?.map(|record| record.rate));
    }
    Ok(Rates::new(newest))
}

fn record(row: Model) -> Result<RateRecord, StoreError> {
    let (base, quote) = (from_column_currency(&row.base)?, from_column_currency(&row.quote)?);
    let value = u64::try_from(row.value).ok().and_then(|parts| RateValue::try_from_parts(parts).ok());
    let rate = Rate {
        pair: Pair::try_new(base, quote).map_err(|_| corrupt("a rate of", &row.base))?,
        kind: row.kind.parse().map_err(|_| corrupt("a kind of rate", &row.kind))?,
        value: value.ok_or_else(|| corrupt("a rate", row.value))?,
        as_of: from_column_time(row.as_of),
        source: row.source,
    };
    Ok(RateRecord { rate, imported_by: row.imported_by, imported_at: from_column_time(row.imported_at) })
}
