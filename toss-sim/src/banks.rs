//! Banks by their two-character code. A request may name one by code, Korean name or English name;
//! an answer always carries the code (API version 2022-11-16).

use serde::{Deserialize, Serialize};

/// `(code, Korean name, English name)`, from the organisation code page of the Toss reference.
const BANKS: &[(&str, &str, &str)] = &[
    ("39", "경남", "KYONGNAMBANK"),
    ("34", "광주", "GWANGJUBANK"),
    ("12", "단위농협", "LOCALNONGHYEOP"),
    ("32", "부산", "BUSANBANK"),
    ("45", "새마을", "SAEMAUL"),
    ("64", "산림", "SANLIM"),
    ("88", "신한", "SHINHAN"),
    ("48", "신협", "SHINHYEOP"),
    ("27", "씨티", "CITI"),
    ("20", "우리", "WOORI"),
    ("71", "우체국", "POST"),
    ("50", "저축", "SAVINGBANK"),
    ("37", "전북", "JEONBUKBANK"),
    ("35", "제주", "JEJUBANK"),
    ("90", "카카오", "KAKAOBANK"),
    ("89", "케이", "KBANK"),
    ("92", "토스", "TOSSBANK"),
    ("81", "하나", "HANA"),
    ("54", "홍콩상하이", "HSBC"),
    ("03", "기업", "IBK"),
    ("06", "국민", "KOOKMIN"),
    ("31", "대구", "DAEGUBANK"),
    ("02", "산업", "KDBBANK"),
    ("11", "농협", "NONGHYEOP"),
    ("23", "SC제일", "SC"),
    ("07", "수협", "SUHYEOP"),
];

/// The bank of virtual accounts unless the request names a bank.
pub(crate) const DEFAULT_BANK: &str = "20";

/// The code of the bank a request names; Korean names may end in `은행` or `뱅크`.
pub(crate) fn bank_code(named: &str) -> Option<&'static str> {
    let short = named.strip_suffix("은행").or_else(|| named.strip_suffix("뱅크")).unwrap_or(named);
    BANKS
        .iter()
        .find(|(code, korean, english)| *code == named || *korean == short || *english == named)
        .map(|(code, ..)| *code)
}

/// Where a deposited virtual account is refunded to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefundAccount {
    pub(crate) bank_code: String,
    pub(crate) number: String,
    pub(crate) holder: String,
}

#[cfg(test)]
mod tests {
    use super::bank_code;

    #[test]
    fn a_bank_is_found_by_code_korean_or_english() {
        let cases = [
            ("88", Some("88")),
            ("신한", Some("88")),
            ("신한은행", Some("88")),
            ("토스뱅크", Some("92")),
            ("KOOKMIN", Some("06")),
            ("가짜은행", None),
            ("", None),
        ];
        for (named, code) in cases {
            assert_eq!(bank_code(named), code, "{named}");
        }
    }
}
