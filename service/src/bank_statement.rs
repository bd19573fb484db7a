//! Reading a bank statement: CSV with a header line.
//!
//! Columns, in any order: `date` (2026-11-21), `amount` (a decimal; below zero is money that left), `description`, and,
//! where wanted, `account` and `currency` (KRW by default). Other columns are ignored. `거래일자`, `금액`, `적요` and
//! `계좌` stand for the first four; `입금액` and `출금액` in two columns stand for `amount`.

use std::collections::HashMap;

use domain::{Currency, Money, calendar::Day, settlement::Flow};
use store::BankLine;

/// The most lines of one statement.
pub const MAX_LINES: usize = 10_000;
/// The most characters of a text beside a line; more is cut off.
const MAX_TEXT_CHARS: usize = 200;
/// What a statement is called whose lines name no account.
const ONLY_ACCOUNT: &str = "default";

/// Why a statement was not read. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct StatementError {
    /// From 1; the header is line 1.
    pub line: usize,
    pub problem: String,
}

/// The columns of a statement, by their places.
#[derive(Debug, Default)]
struct Columns {
    date: Option<usize>,
    amount: Option<usize>,
    deposit: Option<usize>,
    withdrawal: Option<usize>,
    description: Option<usize>,
    account: Option<usize>,
    currency: Option<usize>,
}

impl Columns {
    fn of(header: &[String]) -> Self {
        let mut columns = Self::default();
        for (place, name) in header.iter().enumerate() {
            let place = Some(place);
            match name.trim().trim_start_matches('\u{feff}').to_lowercase().as_str() {
                "date" | "거래일자" | "거래일" => columns.date = place,
                "amount" | "금액" => columns.amount = place,
                "deposit" | "입금액" | "입금" => columns.deposit = place,
                "withdrawal" | "출금액" | "출금" => columns.withdrawal = place,
                "description" | "text" | "적요" | "내용" => columns.description = place,
                "account" | "계좌" | "계좌번호" => columns.account = place,
                "currency" | "통화" => columns.currency = place,
                _ => {}
            }
        }
        columns
    }
}

/// Reads a statement. Equal lines of one statement are counted, so that each is kept and a second import adds none.
pub fn read(csv: &str) -> Result<Vec<BankLine>, StatementError> {
    let mut rows = records(csv).into_iter();
    let problem = |line: usize, problem: &str| StatementError { line, problem: problem.to_owned() };
    let header = rows.next().ok_or_else(|| problem(1, "the statement has no header line"))?;
    let columns = Columns::of(&header);
    if columns.date.is_none() || (columns.amount.is_none() && columns.deposit.is_none()) {
        return Err(problem(1, "the header names no `date` or no `amount`"));
    }
    let (mut lines, mut seen): (Vec<BankLine>, HashMap<String, u32>) = (Vec::new(), HashMap::new());
    for (index, row) in rows.enumerate() {
        let number = index + 2;
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if lines.len() == MAX_LINES {
            return Err(problem(number, "a statement has at most 10,000 lines; send it in parts"));
        }
        if let Some(mut line) = line(&row, &columns).map_err(|text| problem(number, &text))? {
            let same = seen.entry(line.hash()).or_default();
            *same += 1;
            line.occurrence = *same;
            lines.push(line);
        }
    }
    Ok(lines)
}

/// A line; nothing where no money moved.
fn line(row: &[String], columns: &Columns) -> Result<Option<BankLine>, String> {
    let cell =
        |place: Option<usize>| place.and_then(|place| row.get(place)).map(|text| text.trim()).unwrap_or_default();
    let date = cell(columns.date).replace(['.', '/'], "-");
    let day: Day =
        date.get(..10).unwrap_or(&date).parse().map_err(|_| "the date is none, such as 2026-11-21".to_owned())?;
    let currency = match cell(columns.currency) {
        "" => Currency::Krw,
        code => code.parse().map_err(|_| "the currency is none of KRW, USD, JPY".to_owned())?,
    };
    let amount = if columns.amount.is_some() {
        flow(cell(columns.amount), currency)?
    } else {
        let deposit = flow(cell(columns.deposit), currency)?;
        if deposit.amount().is_zero() { flow(cell(columns.withdrawal), currency)?.reversed() } else { deposit }
    };
    if amount.amount().is_zero() {
        return Ok(None);
    }
    let short = |text: &str| text.chars().filter(|one| !one.is_control()).take(MAX_TEXT_CHARS).collect::<String>();
    let account = match cell(columns.account) {
        "" => ONLY_ACCOUNT.to_owned(),
        text => short(text),
    };
    Ok(Some(BankLine { account, day, amount, label: short(cell(columns.description)), occurrence: 1 }))
}

fn flow(text: &str, currency: Currency) -> Result<Flow, String> {
    let plain: String = text.chars().filter(|one| !matches!(one, ',' | ' ' | '+' | '₩' | '원')).collect();
    if plain.is_empty() {
        return Ok(Flow::In(Money::zero(currency)));
    }
    let (is_out, digits) = plain.strip_prefix('-').map_or((false, plain.as_str()), |digits| (true, digits));
    let amount = Money::parse(digits, currency).map_err(|error| error.to_string())?;
    Ok(if is_out { Flow::Out(amount) } else { Flow::In(amount) })
}

/// The cells of each record of RFC 4180: quoted cells may hold commas, quotes and line ends.
fn records(csv: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut letters, mut is_quoted) = (csv.chars().peekable(), false);
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut cell)),
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            '\r' if !is_quoted => {}
            letter => cell.push(letter),
        }
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(cell);
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(csv: &str) -> Vec<(String, i64, String, u32)> {
        let lines = read(csv).unwrap().into_iter();
        lines.map(|line| (line.day.to_string(), line.amount.signed(), line.label, line.occurrence)).collect()
    }

    #[test]
    fn lines_are_read_by_their_columns() {
        let lines =
            told("date,amount,description\n2026-11-21,\"22,317\",\"토스페이먼츠, 정산\"\r\n2026-11-21,-500,fee\n\n");
        let deposit = ("2026-11-21".to_owned(), 22_317, "토스페이먼츠, 정산".to_owned(), 1);
        assert_eq!(lines, [deposit, ("2026-11-21".to_owned(), -500, "fee".to_owned(), 1)]);
        let korean = told("거래일자,적요,출금액,입금액\n2026.11.21 09:00,임대료,\"1,000\",0\n2026/11/22,토스,,900\n");
        assert_eq!(korean[0], ("2026-11-21".to_owned(), -1_000, "임대료".to_owned(), 1));
        assert_eq!(korean[1], ("2026-11-22".to_owned(), 900, "토스".to_owned(), 1));
    }

    #[test]
    fn equal_lines_are_two_lines_and_each_has_its_own_hash() {
        let csv = "date,amount,description\n2026-11-21,900,a\n2026-11-21,900,a\n";
        let lines = read(csv).unwrap();
        assert_eq!((lines[0].occurrence, lines[1].occurrence), (1, 2));
        assert_ne!(lines[0].hash(), lines[1].hash());
        assert_eq!(read(csv).unwrap(), lines);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let line = |csv: &str| read(csv).map_err(|error| error.line).unwrap_err();
        assert_eq!(line(""), 1);
        assert_eq!(line("a,b\n1,2\n"), 1);
        assert_eq!(line("date,amount\n2026-11-21,1\n2026-02-30,1\n"), 3);
        assert_eq!(line("date,amount\n2026-11-21,1.5\n"), 2);
    }
}
