//! How long a key lasts, and how long a key goes on that is replaced, as forms offer it.

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long a key lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    Days30,
    Days90,
    Year,
    Endless,
}

/// How long a key goes on that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    None,
    Hour,
    Day,
    Week,
}

impl Lifetime {
    pub(super) const ALL: [Self; 4] = [Self::Days30, Self::Days90, Self::Year, Self::Endless];

    /// The lifetime as a form writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Year => "365d",
            Self::Endless => "endless",
        }
    }

    /// Reads what a form wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lifetime| lifetime.as_str() == text)
    }

    /// In milliseconds, where the key ends.
    pub const fn ms(self) -> Option<u64> {
        match self {
            Self::Days30 => Some(30 * DAY_MS),
            Self::Days90 => Some(90 * DAY_MS),
            Self::Year => Some(365 * DAY_MS),
            Self::Endless => None,
        }
    }
}

impl Overlap {
    pub(super) const ALL: [Self; 4] = [Self::None, Self::Hour, Self::Day, Self::Week];

    /// The overlap as a form writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "0h",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// Reads what a form wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.as_str() == text)
    }

    /// In milliseconds.
    pub const fn ms(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Hour => DAY_MS / 24,
            Self::Day => DAY_MS,
            Self::Week => 7 * DAY_MS,
        }
    }
}
