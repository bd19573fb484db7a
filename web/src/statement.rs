//! The page of a settlement statement, in Korean and English. It prints on A4.

use domain::{
    calendar::{Day, KoreanTime},
    id::PayoutId,
    payout::statement::{Line, LineKind, Statement},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{amount::grouped, language::Language, policy::Policy};

/// How a paper looks, on the screen and on A4.
pub(crate) const STYLE: &str = "\
body{font:15px/1.5 system-ui,'Apple SD Gothic Neo','Noto Sans KR',sans-serif;color:#1a1a1a;\
margin:2rem auto;max-width:60rem;padding:0 1rem}\
h1{font-size:1.5rem;margin:0}p{margin:.25rem 0}table{border-collapse:collapse;width:100%;margin:1.25rem 0}\
th,td{padding:.35rem .5rem;border-bottom:1px solid #d4d4d4;text-align:left;vertical-align:top}\
td.won,th.won{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
tr.sum td{font-weight:600;border-top:2px solid #1a1a1a}.quiet{color:#595959;font-size:.85rem;overflow-wrap:anywhere}\
@media print{body{margin:0;max-width:none;font-size:11px}thead{display:table-header-group}tr{break-inside:avoid}}\
@page{size:A4;margin:15mm}";

/// The words of a page.
struct Words {
    language: &'static str,
    title: &'static str,
    seller: &'static str,
    period: &'static str,
    made: &'static str,
    number: &'static str,
    columns: [&'static str; 7],
    opening: &'static str,
    payout: &'static str,
    closing: &'static str,
    pending: &'static str,
    carried_over: &'static str,
    held: &'static str,
    debt: &'static str,
    debt_recovered: &'static str,
    no_lines: &'static str,
    hash: &'static str,
}

const KOREAN: Words = Words {
    language: "ko",
    title: "정산서",
    seller: "판매자",
    period: "정산일",
    made: "작성",
    number: "지급 번호",
    columns: ["구분", "일자", "주문", "판매·환불 금액", "수수료", "(부가세)", "정산 금액"],
    opening: "이월 잔액",
    payout: "지급액",
    closing: "남은 잔액",
    pending: "정산 예정 (미확정)",
    carried_over: "다음 정산으로 이월",
    held: "지급 보류",
    debt: "판매자 미수금",
    debt_recovered: "이번 기간에 상환된 미수금 (위 잔액에 포함)",
    no_lines: "이번 기간의 내역이 없습니다.",
    hash: "정산서 해시 (SHA-256)",
};

const ENGLISH: Words = Words {
    language: "en",
    title: "Settlement statement",
    seller: "Seller",
    period: "Settlement day",
    made: "Made",
    number: "Payout",
    columns: ["Kind", "Day", "Order", "Gross", "Commission", "(VAT)", "Amount"],
    opening: "Opening balance",
    payout: "Payout",
    closing: "Closing balance",
    pending: "Not released yet",
    carried_over: "Carried over",
    held: "Held",
    debt: "Owed by the seller",
    debt_recovered: "Debt recovered in this period (within the balances above)",
    no_lines: "Nothing happened in this period.",
    hash: "Hash of the statement (SHA-256)",
};

/// What a page shows, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The payout.
    pub payout_id: &'a PayoutId,
    /// The hash of the statement.
    pub sha256: &'a str,
    /// The statement.
    pub statement: &'a Statement,
    /// The header `Accept-Language`.
    pub accept_language: &'a str,
}

/// The page of a statement, in the language that a browser prefers; Korean where it says neither.
pub fn page(shown: &Shown<'_>, policy: &Policy) -> String {
    let Shown { payout_id, sha256, statement, accept_language } = *shown;
    let words = words(Language::accepted(accept_language));
    let fields = statement.fields();
    let page = html! {
        (DOCTYPE)
        html lang=(words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (words.title) " " (fields.period.0) }
                style nonce=(policy.nonce()) { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (words.title) }
                p { (words.seller) ": " b { (fields.seller) } }
                p { (words.period) ": " (fields.period.0) " · " (words.made) ": " (KoreanTime(fields.to)) }
                p.quiet { (words.number) ": " (payout_id) }
                (lines(words, statement))
                (summary(words, statement))
                p.quiet { (words.hash) ": " (sha256) }
            }
        }
    };
    page.into_string()
}

fn lines(words: &Words, statement: &Statement) -> Markup {
    let [kind, day, order, gross, commission, vat, amount] = words.columns;
    let fields = statement.fields();
    html! {
        table {
            thead {
                tr {
                    th scope="col" { (kind) }
                    th scope="col" { (day) }
                    th scope="col" { (order) }
                    @for column in [gross, commission, vat, amount] { th.won scope="col" { (column) } }
                }
            }
            tbody {
                tr { td colspan="6" { (words.opening) } td.won { (signed(fields.opening.minor())) } }
                @if fields.lines.is_empty() { tr { td colspan="7" { (words.no_lines) } } }
                @for line in &fields.lines { (row(words, line)) }
            }
        }
    }
}

fn row(words: &Words, line: &Line) -> Markup {
    html! {
        tr {
            td { (kind(words, line.kind)) }
            td { (Day::of(line.occurred_at)) }
            td { @if let Some(order) = &line.order { (order) } }
            td.won { (signed(line.gross.minor())) }
            td.won { (signed(line.commission.minor())) }
            td.won { (signed(line.commission_vat.minor())) }
            td.won { (signed(line.amount.minor())) }
        }
    }
}

fn summary(words: &Words, statement: &Statement) -> Markup {
    let fields = statement.fields();
    let won = |money: domain::Money| grouped(&money.minor().to_string());
    let stays = &fields.remainder;
    html! {
        table {
            tbody {
                tr.sum { td { (words.payout) } td.won { (won(fields.payout)) } }
                tr { td { (words.pending) } td.won { (won(stays.pending)) } }
                tr { td { (words.carried_over) } td.won { (won(stays.carried_over)) } }
                tr { td { (words.held) } td.won { (won(stays.held)) } }
                tr { td { (words.debt) } td.won { (won(stays.debt)) } }
                tr.sum { td { (words.closing) } td.won { (signed(fields.closing.minor())) } }
                tr { td { (words.debt_recovered) } td.won { (won(fields.debt_recovered)) } }
            }
        }
    }
}

fn kind(words: &Words, kind: LineKind) -> &'static str {
    let [korean, english] = match kind {
        LineKind::Sale => ["판매", "Sale"],
        LineKind::Refund => ["환불", "Refund"],
        LineKind::PayoutNotMade => ["미지급 반환", "Payout not made"],
        LineKind::PayoutAgain => ["재지급", "Payout again"],
        LineKind::Adjustment => ["조정", "Adjustment"],
    };
    if words.language == KOREAN.language { korean } else { english }
}

const fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Korean => &KOREAN,
    }
}

/// Won with commas: `-1,234,567`.
fn signed(amount: i64) -> String {
    let digits = grouped(&amount.unsigned_abs().to_string());
    if amount < 0 { format!("-{digits}") } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn won_are_grouped() {
        for (amount, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(signed(amount), expected);
        }
    }
}
