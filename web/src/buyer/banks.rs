//! The banks that a virtual account may be at, by the PSP's codes.

use super::words::Language;

/// Code, Korean name, English name. Source: Toss Payments, bank codes.
const BANKS: [(&str, &str, &str); 26] = [
    ("39", "경남", "Kyongnambank"),
    ("34", "광주", "Gwangjubank"),
    ("12", "단위농협", "Localnonghyeop"),
    ("32", "부산", "Busanbank"),
    ("45", "새마을", "Saemaul"),
    ("64", "산림", "Sanlim"),
    ("88", "신한", "Shinhan"),
    ("48", "신협", "Shinhyeop"),
    ("27", "씨티", "Citi"),
    ("20", "우리", "Woori"),
    ("71", "우체국", "Post"),
    ("50", "저축", "Savingbank"),
    ("37", "전북", "Jeonbukbank"),
    ("35", "제주", "Jejubank"),
    ("90", "카카오", "Kakaobank"),
    ("89", "케이", "Kbank"),
    ("92", "토스", "Tossbank"),
    ("81", "하나", "Hana"),
    ("54", "홍콩상하이", "Hsbc"),
    ("03", "기업", "Ibk"),
    ("06", "국민", "Kookmin"),
    ("31", "대구", "Daegubank"),
    ("02", "산업", "Kdbbank"),
    ("11", "농협", "Nonghyeop"),
    ("23", "SC제일", "Sc"),
    ("07", "수협", "Suhyeop"),
];

/// What a bank is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BankNames {
    /// In Korean.
    pub korean: &'static str,
    /// In English.
    pub english: &'static str,
}

/// The names of a bank by its code, if we know it.
pub fn names(code: &str) -> Option<BankNames> {
    let (_, korean, english) = *BANKS.iter().find(|(known, _, _)| *known == code)?;
    Some(BankNames { korean, english })
}

/// What a buyer calls a bank; its code where we do not know it.
pub(super) fn name(code: &str, language: Language) -> &str {
    match (names(code), language) {
        (Some(names), Language::Korean) => names.korean,
        (Some(names), Language::English) => names.english,
        (None, Language::Korean | Language::English) => code,
    }
}
