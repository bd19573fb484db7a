//! The list of checkouts.

use std::collections::HashMap;

use domain::{
    Money, Timestamp,
    checkout::Status,
    id::{BuyerId, CheckoutId, SellerAccount},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, Query, SimpleExpr},
};

use crate::{
    BuyerField, CheckoutRecord, DigestedDetail, OrderRecord, Page, Reader, StoreError, Window,
    checkout::read::{checkout_record, order_record},
    convert::{to_column_amount, to_column_time},
    entities::{buyer_details, checkout_requests, payment_events, payment_orders},
};

/// Which checkouts are wanted; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct CheckoutFilter {
    /// Only with this status.
    pub status: Option<Status>,
    /// Those with an order of a seller.
    pub seller: Option<SellerAccount>,
    /// Those of a buyer.
    pub buyer: Option<BuyerId>,
    /// Those created at this instant or later.
    pub created_from: Option<Timestamp>,
    /// Those created before this instant.
    pub created_to: Option<Timestamp>,
    /// Those with this name of the order, letter by letter.
    pub order_name: Option<String>,
    /// Those paid by this method, as the PSP calls it.
    pub method: Option<String>,
    /// Those over this amount.
    pub amount: Option<Money>,
    /// Those whose last payment key ends so; [`KEY_END_CHARS`] or more characters, or nothing is found.
    pub payment_key_end: Option<String>,
    /// Those with this number on a receipt, letter by letter.
    pub receipt_number: Option<String>,
    /// Those whose buyer gave this detail.
    pub buyer_detail: Option<DigestedDetail>,
}

/// The fewest characters of the end of a payment key that payments are found by.
pub const KEY_END_CHARS: usize = 4;

/// A place in the list of checkouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutPosition {
    /// When the checkout was created.
    pub created_at: Timestamp,
    /// The checkout, for many may be created at one instant.
    pub checkout_id: CheckoutId,
}

impl Reader {
    /// Checkouts with their orders, the newest first. Neither instant nor id of a checkout ever changes, so each
    /// keeps its place. Read from the newest, by creation or by buyer; what the other filters leave out has to be
    /// passed over on the way, so for a rare status give a time as well.
    pub async fn checkouts(
        &self,
        filter: &CheckoutFilter,
        window: &Window<CheckoutPosition>,
    ) -> Result<Page<CheckoutRecord>, StoreError> {
        let rows = payment_events::Entity::find()
            .filter(filter.condition()?)
            .filter(Condition::all().add_option(window.after.as_ref().map(behind)))
            .order_by_desc(payment_events::Column::CreatedAt)
            .order_by_desc(payment_events::Column::CheckoutId)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        let orders = self.orders_of(&rows).await?;
        window.page(rows, |event| {
            let orders = orders.get(&event.checkout_id).cloned().unwrap_or_default();
            checkout_record(event, orders)
        })
    }

    async fn orders_of(
        &self,
        events: &[payment_events::Model],
    ) -> Result<HashMap<String, Vec<OrderRecord>>, StoreError> {
        if events.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = payment_orders::Entity::find()
            .filter(payment_orders::Column::CheckoutId.is_in(events.iter().map(|event| event.checkout_id.as_str())))
            .order_by_asc(payment_orders::Column::Line)
            .all(self.connection())
            .await?;
        let mut orders: HashMap<String, Vec<OrderRecord>> = HashMap::new();
        for row in rows {
            orders.entry(row.checkout_id.clone()).or_default().push(order_record(row)?);
        }
        Ok(orders)
    }
}

impl CheckoutFilter {
    fn condition(&self) -> Result<Condition, StoreError> {
        use payment_events::Column;
        let of_seller = self.seller.as_ref().map(|seller| {
            let orders = payment_orders::Entity::find()
                .select_only()
                .column(payment_orders::Column::CheckoutId)
                .filter(payment_orders::Column::SellerAccount.eq(seller.as_str()));
            Column::CheckoutId.in_subquery(orders.into_query())
        });
        let minor = self.amount.map(to_column_amount).transpose()?;
        let condition = Condition::all()
            .add_option(self.status.map(|status| Column::Status.eq(status.as_str())))
            .add_option(of_seller)
            .add_option(self.buyer.as_ref().map(|buyer| Column::BuyerId.eq(buyer.as_str())))
            .add_option(self.created_from.map(|from| Column::CreatedAt.gte(to_column_time(from))))
            .add_option(self.created_to.map(|to| Column::CreatedAt.lt(to_column_time(to))))
            .add_option(self.order_name.as_ref().map(|name| Column::OrderName.eq(name.as_str())))
            .add_option(self.buyer_detail.as_ref().map(of_buyer_with))
            .add_option(self.receipt_number.as_deref().map(on_a_receipt))
            .add_option(self.method.as_ref().map(|method| Column::PspMethod.eq(method.as_str())))
            .add_option(minor.map(|minor| Column::Amount.eq(minor)))
            .add_option(self.amount.map(|amount| Column::Currency.eq(amount.currency().code())));
        Ok(match &self.payment_key_end {
            Some(end) => condition.add(ends_with(end)),
            None => condition,
        })
    }
}

/// The checkouts whose accepted request came with a detail of the buyer.
fn of_buyer_with(detail: &DigestedDetail) -> SimpleExpr {
    use buyer_details::Column;
    let column = match detail.field {
        BuyerField::Name => Column::NameDigest,
        BuyerField::Email => Column::EmailDigest,
        BuyerField::Phone => Column::PhoneDigest,
    };
    let request = |column| Expr::col((checkout_requests::Entity, column));
    let accepted = Query::select()
        .column((buyer_details::Entity, Column::WorkflowId))
        .from(buyer_details::Entity)
        .inner_join(
            checkout_requests::Entity,
            request(checkout_requests::Column::WorkflowId).equals((buyer_details::Entity, Column::WorkflowId)).and(
                request(checkout_requests::Column::Fingerprint).equals((buyer_details::Entity, Column::Fingerprint)),
            ),
        )
        .and_where(Expr::col((buyer_details::Entity, column)).is_in(detail.digests.iter().map(String::as_str)))
        .to_owned();
    payment_events::Column::WorkflowId.in_subquery(accepted)
}

/// The checkouts with a number on one of their receipts: each column has an index of its own.
fn on_a_receipt(number: &str) -> Condition {
    use payment_events::Column;
    Condition::any().add(Column::ApprovalNumber.eq(number)).add(Column::CashReceiptNumber.eq(number))
}

/// The payment keys with an end. The index is on the last [`KEY_END_CHARS`] characters.
fn ends_with(end: &str) -> Condition {
    let chars = end.chars().count();
    let last: String = end.chars().skip(chars.saturating_sub(KEY_END_CHARS)).collect();
    let key = Expr::col(payment_events::Column::PaymentKey);
    let known = key.is_not_null();
    let by_index = Expr::cust("substr(payment_key, length(payment_key) - 3)").eq(last);
    let whole = Expr::cust(format!("substr(payment_key, length(payment_key) - {})", chars.saturating_sub(1))).eq(end);
    Condition::all().add(known).add(by_index).add(whole)
}

/// Older than a place in the list; of one instant, with a smaller id.
fn behind(position: &CheckoutPosition) -> Condition {
    use payment_events::Column;
    let at = to_column_time(position.created_at);
    let same_instant =
        Condition::all().add(Column::CreatedAt.eq(at)).add(Column::CheckoutId.lt(position.checkout_id.as_str()));
    Condition::all()
        .add(Column::CreatedAt.lte(at))
        .add(Condition::any().add(Column::CreatedAt.lt(at)).add(same_instant))
}
