//! What a second principal said of what another one asked for.

/// What a second principal said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// What was asked for is carried out.
    Approved,
    /// Nothing is done.
    Rejected,
}

impl Decision {
    /// The decision as it is written: `APPROVED`, `REJECTED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Approved, Self::Rejected].into_iter().find(|decision| decision.as_str() == text)
    }
}
