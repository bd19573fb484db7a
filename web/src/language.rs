//! The languages of all pages.

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Korean,
    English,
}

impl Language {
    /// The language that an `Accept-Language` header prefers; Korean when it names neither.
    pub fn accepted(header: &str) -> Self {
        let rank = |wanted: Self| {
            let weights = header.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let primary = parts.next()?.split('-').next()?;
                primary.eq_ignore_ascii_case(wanted.tag()).then(|| thousandths(parts.next()))
            });
            weights.max().unwrap_or(0)
        };
        if rank(Self::English) > rank(Self::Korean) { Self::English } else { Self::Korean }
    }

    /// The language tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Korean => "ko",
            Self::English => "en",
        }
    }

    /// Reads a language tag.
    pub fn parse(tag: &str) -> Option<Self> {
        [Self::Korean, Self::English].into_iter().find(|language| language.tag() == tag)
    }
}

/// A weight such as `q=0.8` in thousandths; 1000 when there is none. Source: RFC 9110, section 12.4.2.
fn thousandths(parameter: Option<&str>) -> u32 {
    let Some(weight) = parameter.and_then(|parameter| parameter.strip_prefix("q=")) else { return 1000 };
    match weight.split_once('.') {
        None => weight.parse::<u32>().map_or(0, |whole| whole.min(1) * 1000),
        Some(("0", decimals)) => format!("{decimals:0<3}").get(..3).and_then(|text| text.parse().ok()).unwrap_or(0),
        Some(_) => 1000,
    }
}
