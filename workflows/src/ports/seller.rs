//! What sellers hand through the ports. None of it holds a name, a contact or an account number.

use domain::id::{PspSellerId, SellerAccount};
pub use domain::seller::{
    AccountCheck, AccountChecked, HoldAnswer, LiftedHold, NewHold,
    registration::{RegistrationChange, RegistrationState, SellerAnswer, SellerSending},
};
use domain::{Timestamp, seller::Approval};
use serde::{Deserialize, Serialize};
use temporalio_workflow::common::ActivityDefinition;

ports! {
    /// The name of every port of sellers.
    list OF_SELLERS:
    /// Reads what the registration of a seller rests on.
    ReadSeller = "seller.read": SellerName => RegistrationState;
    /// Registers a seller at the PSP, with the details as they are now. Safe to repeat: our name for the registration
    /// is its key.
    RegisterSeller = "seller.register": SellerSending => SellerAnswer;
    /// Sends the PSP the details of a registered seller as they are now. Safe to repeat.
    ChangeSeller = "seller.change": SellerSending => SellerAnswer;
    /// Asks the PSP how far a seller is.
    LookUpSeller = "seller.look_up": SellerQuestion => SellerReport;
    /// Deletes a registration at the PSP. Safe to repeat.
    DeleteSeller = "seller.delete": SellerQuestion => ();
    /// Writes what happened to a registration. Safe to repeat: what stands there already changes nothing.
    RecordSeller = "seller.record": RegistrationChange => ();
    /// Holds an amount of a seller's money back. Safe to repeat: the hold's id is its key.
    PlaceSellerHold = "seller_hold.place": PlaceHold => HoldAnswer;
    /// Gives an amount that was held back free again. Safe to repeat: the hold's id is its key.
    LiftSellerHold = "seller_hold.lift": LiftHold => HoldAnswer;
    /// Writes that a principal calls a bank account verified. Safe to repeat: seller and account are the key.
    CheckSellerAccount = "seller.check_account": CheckAccount => AccountChecked;
}

/// A seller of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerName {
    /// The seller.
    pub seller: SellerAccount,
}

/// A seller at the PSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerQuestion {
    /// The seller.
    pub seller: SellerAccount,
    /// The PSP's id.
    pub psp_seller_id: PspSellerId,
}

/// What the PSP reports of a seller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SellerReport {
    /// How far the seller is.
    Known(Approval),
    /// It does not have the seller.
    Gone,
}

/// A hold to place in the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceHold {
    /// The hold.
    pub hold: NewHold,
    /// When.
    pub at: Timestamp,
}

/// A bank account that a principal calls verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckAccount {
    /// Whose account, and who says so.
    pub check: AccountCheck,
    /// When.
    pub at: Timestamp,
}

/// A hold to lift in the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiftHold {
    /// The hold.
    pub hold: LiftedHold,
    /// When.
    pub at: Timestamp,
}
