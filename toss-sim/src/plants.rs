//! Wrong settlement rows, planted by the control plane so that a reconciliation has something to find.

use serde::{Deserialize, Serialize};

use crate::file::{Change, File, FileError};
use crate::shelf::{Saved, Shelf};
use crate::time::Instant;

/// Most wrong rows that may be planted.
pub(crate) const MAX_PLANTS: usize = 1_000;

/// What is wrong with a row of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlantKind {
    /// The fee of the order's row is higher than by contract.
    WrongFee,
    /// The order's row never appears, and its money is not paid.
    MissingRow,
    /// The order's row appears [`crate::reconciliation::LATE_DAYS`] days late, with the dates that it should have had.
    LateRow,
    /// The order's row is listed twice. Its money is paid once.
    RowTwice,
    /// The fee of the order's cancels does not come back.
    FeeKept,
    /// The order's row has a higher amount than was paid, with the fee of that amount.
    WrongAmount,
    /// The list of transactions names another method than the payment does.
    OtherMethod,
    /// The list of transactions says of the order's payment that it is in escrow.
    Escrow,
    /// The list of transactions dates the order's approval a day earlier.
    OtherDay,
    /// A row without a payment, such as a fee that is given back.
    Lump,
    /// A payment that the merchant's other system made under the same keys.
    ForeignPayment,
}

impl PlantKind {
    /// Whether it is about the row of an order.
    pub(crate) fn concerns_an_order(self) -> bool {
        match self {
            Self::WrongFee
            | Self::MissingRow
            | Self::LateRow
            | Self::RowTwice
            | Self::FeeKept
            | Self::WrongAmount
            | Self::OtherMethod
            | Self::Escrow
            | Self::OtherDay => true,
            Self::Lump | Self::ForeignPayment => false,
        }
    }
}

/// One wrong row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plant {
    pub(crate) kind: PlantKind,
    /// The order whose row is wrong; of a lump, the order id that its row has.
    pub(crate) order_id: String,
    /// In won: what a fee is too high by, or what a lump is.
    pub(crate) amount: u64,
    /// The transactionKey of a lump.
    pub(crate) key: String,
    pub(crate) planted_at: Instant,
}

/// The wrong rows there are.
#[derive(Debug)]
pub(crate) struct Plants {
    planted: Shelf<u64, Plant>,
}

impl Default for Plants {
    fn default() -> Self {
        Self { planted: Shelf::new("plant") }
    }
}

impl Saved for Plants {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.planted.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.planted.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.planted.restore(file)
    }
}

impl Plants {
    /// Adds one; says whether there was room.
    pub(crate) fn add(&mut self, plant: Plant) -> bool {
        let has_room = self.planted.len() < MAX_PLANTS;
        if has_room {
            let number = self.planted.last_id().map_or(1, |last| last + 1);
            self.planted.insert(number, plant);
        }
        has_room
    }

    /// What is wrong with the row of an order, if anything; the first that was planted.
    pub(crate) fn of_order(&self, order_id: &str) -> Option<&Plant> {
        let planted = self.planted.iter().map(|(_, plant)| plant);
        planted.filter(|plant| plant.kind.concerns_an_order()).find(|plant| plant.order_id == order_id)
    }

    /// The rows without a payment.
    pub(crate) fn lumps(&self) -> impl Iterator<Item = &Plant> {
        self.planted.iter().map(|(_, plant)| plant).filter(|plant| plant.kind == PlantKind::Lump)
    }
}
