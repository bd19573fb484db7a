//! Card companies and easy pays, by the names that a request may give them.
//!
//! Source: Toss Payments reference, `/codes/org-codes`.

use serde::{Deserialize, Serialize};

use crate::codes::Language;

/// `(code, Korean name, English name)` of each card company of Korea.
const CARD_COMPANIES: &[(&str, &str, &str)] = &[
    ("3K", "기업비씨", "IBK_BC"),
    ("46", "광주", "GWANGJUBANK"),
    ("71", "롯데", "LOTTE"),
    ("30", "산업", "KDBBANK"),
    ("31", "비씨", "BC"),
    ("51", "삼성", "SAMSUNG"),
    ("38", "새마을", "SAEMAUL"),
    ("41", "신한", "SHINHAN"),
    ("62", "신협", "SHINHYEOP"),
    ("36", "씨티", "CITI"),
    ("W1", "우리", "WOORI"),
    ("33", "우리비씨", "WOORI_BC"),
    ("37", "우체국", "POST"),
    ("39", "저축", "SAVINGBANK"),
    ("35", "전북", "JEONBUKBANK"),
    ("42", "제주", "JEJUBANK"),
    ("15", "카카오뱅크", "KAKAOBANK"),
    ("3A", "케이뱅크", "KBANK"),
    ("24", "토스뱅크", "TOSSBANK"),
    ("21", "하나", "HANA"),
    ("61", "현대", "HYUNDAI"),
    ("11", "국민", "KOOKMIN"),
    ("91", "농협", "NONGHYEOP"),
    ("34", "수협", "SUHYEOP"),
];

/// The issuer of a card unless the shop or the buyer names another.
pub(crate) const DEFAULT_ISSUER: &str = "61";
/// The acquirer of that issuer in the example of the reference. Every other issuer acquires its cards itself.
const DEFAULT_ACQUIRER: &str = "31";

/// The code of the card company that a request names.
pub(crate) fn card_company(named: &str) -> Option<&'static str> {
    let found = CARD_COMPANIES.iter().find(|(code, korean, english)| [*code, *korean, *english].contains(&named));
    found.map(|(code, ..)| *code)
}

/// What a buyer calls the card company of a code.
pub(crate) fn card_company_name(code: &str) -> &str {
    CARD_COMPANIES.iter().find(|(known, ..)| *known == code).map_or(code, |(_, korean, _)| korean)
}

/// The company that collects what an issuer's card is charged.
pub(crate) fn acquirer(issuer: &str) -> &str {
    if issuer == DEFAULT_ISSUER { DEFAULT_ACQUIRER } else { issuer }
}

/// 해외간편결제사. Source: Toss Payments, `foreignEasyPay.provider` of the browser script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ForeignEasyPay {
    PayPal,
    Alipay,
}

impl ForeignEasyPay {
    /// The one that a shop names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "PAYPAL" => Some(Self::PayPal),
            "ALIPAY" => Some(Self::Alipay),
            _ => None,
        }
    }

    /// As a payment names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PayPal => "PayPal",
            Self::Alipay => "Alipay",
        }
    }
}

/// 간편결제사.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EasyPay {
    #[default]
    TossPay,
    NaverPay,
    SamsungPay,
    LPay,
    KakaoPay,
    PinPay,
    Payco,
    Ssg,
    ApplePay,
}

impl EasyPay {
    /// Every easy pay, in the order in which a window offers them.
    pub(crate) const ALL: [Self; 9] = [
        Self::TossPay,
        Self::NaverPay,
        Self::KakaoPay,
        Self::Payco,
        Self::SamsungPay,
        Self::ApplePay,
        Self::LPay,
        Self::Ssg,
        Self::PinPay,
    ];

    pub(crate) fn name(self, language: Language) -> &'static str {
        let (korean, english) = match self {
            Self::TossPay => ("토스페이", "TOSSPAY"),
            Self::NaverPay => ("네이버페이", "NAVERPAY"),
            Self::SamsungPay => ("삼성페이", "SAMSUNGPAY"),
            Self::LPay => ("엘페이", "LPAY"),
            Self::KakaoPay => ("카카오페이", "KAKAOPAY"),
            Self::PinPay => ("핀페이", "PINPAY"),
            Self::Payco => ("페이코", "PAYCO"),
            Self::Ssg => ("SSG페이", "SSG"),
            Self::ApplePay => ("애플페이", "APPLEPAY"),
        };
        match language {
            Language::Korean => korean,
            Language::English => english,
        }
    }

    /// The easy pay of a Korean or English name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| name == one.name(Language::Korean) || name == one.name(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use super::{EasyPay, card_company};

    #[test]
    fn a_company_and_an_easy_pay_are_found_by_every_name() {
        for (named, code) in [("41", Some("41")), ("신한", Some("41")), ("SHINHAN", Some("41")), ("NOBODY", None)] {
            assert_eq!(card_company(named), code, "{named}");
        }
        assert_eq!(EasyPay::named("KAKAOPAY"), EasyPay::named("카카오페이"));
        assert_eq!(EasyPay::named("NOBODY"), None);
    }
}
