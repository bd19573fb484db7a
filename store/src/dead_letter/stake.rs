//! The money that a resolution decides about: that of the refund or of the checkout that a letter is about.

use domain::Money;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{
    Reader, StoreError,
    convert::{from_column_amount, from_column_currency},
    dead_letter::record::LetterRecord,
    entities::{payment_events, refunds},
};

impl Reader {
    /// The money that a letter is about; nothing where it is not known.
    pub async fn money_of_letter(&self, letter: &LetterRecord) -> Result<Option<Money>, StoreError> {
        money(self.connection(), letter).await
    }
}

/// A refund whose amount is not known yet gives back no more than its checkout.
pub(super) async fn money(
    connection: &impl ConnectionTrait,
    letter: &LetterRecord,
) -> Result<Option<Money>, StoreError> {
    let Some(checkout_id) = &letter.checkout_id else { return Ok(None) };
    let refund = refunds::Entity::find()
        .filter(refunds::Column::CheckoutId.eq(checkout_id.as_str()))
        .filter(refunds::Column::WorkflowId.eq(letter.workflow_id.as_str()))
        .one(connection)
        .await?;
    if let Some(refund) = refund
        && let Some(amount) = refund.amount
    {
        return Ok(Some(from_column_amount(amount, from_column_currency(&refund.currency)?)?));
    }
    let checkout = payment_events::Entity::find_by_id(checkout_id.as_str()).one(connection).await?;
    let money = checkout.map(|row| from_column_amount(row.amount, from_column_currency(&row.currency)?));
    money.transpose()
}
