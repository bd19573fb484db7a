//! Where a run and a payout stand, and how they go on.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have permanent texts.
macro_rules! written {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The text of the API and the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// Reads what [`Self::as_str`] writes.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use written;

written! {
    /// Where a run stands.
    RunStatus {
        /// Its payouts are reserved and wait for a second principal.
        Frozen = "FROZEN",
        /// A second principal approved it; nothing has left yet.
        Approved = "APPROVED",
        /// Its payouts are being sent and followed.
        Sending = "SENDING",
        /// Every payout has ended.
        Completed = "COMPLETED",
        /// A second principal rejected it.
        Rejected = "REJECTED",
        /// Somebody took it back before its approval.
        Canceled = "CANCELED",
    }
}

impl RunStatus {
    /// Whether a decision that leads to `decided` led here.
    pub(super) const fn follows(self, decided: Self) -> bool {
        match decided {
            Self::Approved => matches!(self, Self::Approved | Self::Sending | Self::Completed),
            Self::Rejected => matches!(self, Self::Rejected),
            Self::Canceled => matches!(self, Self::Canceled),
            Self::Frozen | Self::Sending | Self::Completed => false,
        }
    }

    /// Whether the run itself is over; a payout of it may be tried again after that.
    pub const fn is_end(self) -> bool {
        match self {
            Self::Frozen | Self::Approved | Self::Sending => false,
            Self::Completed | Self::Rejected | Self::Canceled => true,
        }
    }

    /// Whether payouts of the run may leave.
    pub const fn is_approved(self) -> bool {
        match self {
            Self::Approved | Self::Sending | Self::Completed => true,
            Self::Frozen | Self::Rejected | Self::Canceled => false,
        }
    }
}

written! {
    /// Where a payout stands.
    PayoutStatus {
        /// Reserved; waits for a second principal.
        Frozen = "FROZEN",
        /// Approved; waits to be sent.
        Approved = "APPROVED",
        /// The request may have left us.
        Sending = "SENDING",
        /// No answer came, and the PSP is asked what happened.
        Unknown = "UNKNOWN",
        /// The PSP took it and waits for its day.
        Requested = "REQUESTED",
        /// The PSP pays it.
        InProgress = "IN_PROGRESS",
        /// The seller's bank has the money.
        Paid = "PAID",
        /// The PSP did not pay it.
        Failed = "FAILED",
        /// It was paid, and the bank sent the money back.
        Returned = "RETURNED",
        /// It is not paid, because somebody or a rule took it back.
        Canceled = "CANCELED",
        /// Its outcome is unknown for a day: a person is needed.
        Stuck = "STUCK",
    }
}

/// Where the money of a payout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyAt {
    /// In the seller's held part.
    Held,
    /// On its way.
    InTransit,
    /// At the seller's bank.
    SellerBank,
    /// Wherever the seller's other money is.
    Free,
}

impl PayoutStatus {
    /// Where the money is.
    pub const fn money(self) -> MoneyAt {
        match self {
            Self::Frozen | Self::Approved | Self::Sending | Self::Unknown | Self::Stuck => MoneyAt::Held,
            Self::Requested | Self::InProgress => MoneyAt::InTransit,
            Self::Paid => MoneyAt::SellerBank,
            Self::Failed | Self::Canceled | Self::Returned => MoneyAt::Free,
        }
    }

    /// Whether nothing more happens to it by itself.
    pub const fn is_end(self) -> bool {
        match self.money() {
            MoneyAt::SellerBank | MoneyAt::Free => true,
            MoneyAt::Held | MoneyAt::InTransit => false,
        }
    }

    /// Whether the request may be at the PSP, and its end is not known.
    pub const fn is_followed(self) -> bool {
        match self {
            Self::Sending | Self::Unknown | Self::Stuck | Self::Requested | Self::InProgress => true,
            Self::Frozen | Self::Approved | Self::Paid | Self::Failed | Self::Returned | Self::Canceled => false,
        }
    }

    /// Whether a payout may go on from here to `next`. This is the whole state machine.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Frozen => matches!(next, Self::Approved | Self::Canceled),
            Self::Approved => matches!(next, Self::Sending | Self::Canceled),
            Self::Sending | Self::Unknown | Self::Stuck => match next {
                Self::Unknown | Self::Stuck => (self as u8) != (next as u8),
                Self::Requested | Self::InProgress | Self::Paid | Self::Failed | Self::Canceled => true,
                Self::Frozen | Self::Approved | Self::Sending | Self::Returned => false,
            },
            Self::Requested => matches!(next, Self::InProgress | Self::Paid | Self::Failed | Self::Canceled),
            Self::InProgress => matches!(next, Self::Paid | Self::Failed | Self::Canceled),
            Self::Paid => matches!(next, Self::Returned),
            // A new attempt, which the PSP's own word on the last one allows.
            Self::Failed | Self::Canceled => matches!(next, Self::Approved),
            Self::Returned => false,
        }
    }
}

written! {
    /// What the PSP says of a payout.
    PspPayoutStatus {
        /// It waits for its day.
        Requested = "REQUESTED",
        /// It is being paid.
        InProgress = "IN_PROGRESS",
        /// The bank has the money.
        Completed = "COMPLETED",
        /// It was not paid.
        Failed = "FAILED",
        /// It was canceled.
        Canceled = "CANCELED",
    }
}

impl PspPayoutStatus {
    /// The status of a payout of which the PSP says this.
    pub const fn payout(self) -> PayoutStatus {
        match self {
            Self::Requested => PayoutStatus::Requested,
            Self::InProgress => PayoutStatus::InProgress,
            Self::Completed => PayoutStatus::Paid,
            Self::Failed => PayoutStatus::Failed,
            Self::Canceled => PayoutStatus::Canceled,
        }
    }

    /// Whether the PSP took the money from its balance, and keeps or kept it for the seller.
    pub const fn takes_money(self) -> bool {
        match self {
            Self::Requested | Self::InProgress | Self::Completed => true,
            Self::Failed | Self::Canceled => false,
        }
    }
}
