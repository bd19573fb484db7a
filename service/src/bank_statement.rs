//! Reading a bank statement: CSV with a header line.
//!
//! Columns, in any order: `date` (2026-11-21), `amount` (a decimal; below zero is money that left), `description`, and,
//! where wanted, `account` and `currency` (KRW by default). Other columns are ignored, and so are lines above the
//! header. `거래일자`, `금액`, `적요` and `계좌` stand for the first four; `입금액` and `출금액` in two columns stand for
//! `amount`.

use std::collections::HashMap;

use domain::{Currency, Money, calendar::Day, settlement::Flow};
use store::BankLine;

use crate::table::{self, Columns, Line, TableError};

/// The most lines of one statement.
pub const MAX_LINES: usize = 10_000;
/// The most characters of a text beside a line; more is cut off.
const MAX_TEXT_CHARS: usize = 200;
/// What a statement is called whose lines name no account.
const ONLY_ACCOUNT: &str = "default";

/// What a column of a statement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Date,
    Amount,
    Deposit,
    Withdrawal,
    Description,
    Account,
    Currency,
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        let name: String = name.chars().filter(|one| !one.is_whitespace()).collect();
        Some(match name.trim_end_matches("(원)") {
            "date" | "거래일자" | "거래일" | "거래일시" => Self::Date,
            "amount" | "금액" | "거래금액" => Self::Amount,
            "deposit" | "입금액" | "입금" | "입금금액" => Self::Deposit,
            "withdrawal" | "출금액" | "출금" | "출금금액" => Self::Withdrawal,
            "description" | "text" | "적요" | "내용" | "거래내용" => Self::Description,
            "account" | "계좌" | "계좌번호" => Self::Account,
            "currency" | "통화" => Self::Currency,
            _ => return None,
        })
    }
}

/// Reads a statement. Equal lines of one statement are counted, so that each is kept and a second import adds none.
pub fn read(csv: &str) -> Result<Vec<BankLine>, TableError> {
    let (header, rows) = table::lines(csv, MAX_LINES, |line| lacks(&Columns::of(line, Column::named)).is_none())?;
    let columns = Columns::of(&header, Column::named);
    if let Some(lacking) = lacks(&columns) {
        return Err(TableError::new(header.number, lacking));
    }
    let (mut lines, mut seen): (Vec<BankLine>, HashMap<String, u32>) = (Vec::new(), HashMap::new());
    for row in &rows {
        if let Some(mut line) = line(row, &columns).map_err(|problem| TableError::new(row.number, problem))? {
            let same = seen.entry(line.hash()).or_default();
            *same += 1;
            line.occurrence = *same;
            lines.push(line);
        }
    }
    Ok(lines)
}

/// What a header lacks, in words.
fn lacks(columns: &Columns<Column>) -> Option<&'static str> {
    if !columns.has(&Column::Date) {
        return Some("the header names no day: call its column `date`, 거래일자, 거래일 or 거래일시");
    }
    let has_amount = columns.has(&Column::Amount) || columns.has(&Column::Deposit);
    (!has_amount).then_some(
        "the header names no amount: call its column `amount` or 금액, or two columns `deposit` and `withdrawal`, or \
         입금액 and 출금액",
    )
}

/// A line; nothing where no money moved.
fn line(row: &Line, columns: &Columns<Column>) -> Result<Option<BankLine>, String> {
    let cell = |column| columns.cell(row, &column);
    let date = cell(Column::Date).replace(['.', '/'], "-");
    let day: Day =
        date.get(..10).unwrap_or(&date).parse().map_err(|_| "the date is none, such as 2026-11-21".to_owned())?;
    let currency = match cell(Column::Currency) {
        "" => Currency::Krw,
        code => code.parse().map_err(|_| "the currency is none of KRW, USD, JPY".to_owned())?,
    };
    let amount = if columns.has(&Column::Amount) {
        flow(cell(Column::Amount), currency)?
    } else {
        let deposit = flow(cell(Column::Deposit), currency)?;
        if deposit.amount().is_zero() { flow(cell(Column::Withdrawal), currency)?.reversed() } else { deposit }
    };
    if amount.amount().is_zero() {
        return Ok(None);
    }
    let short = |text: &str| text.chars().filter(|one| !one.is_control()).take(MAX_TEXT_CHARS).collect::<String>();
    let account = match cell(Column::Account) {
        "" => ONLY_ACCOUNT.to_owned(),
        text => short(text),
    };
    Ok(Some(BankLine { account, day, amount, label: short(cell(Column::Description)), occurrence: 1 }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(csv: &str) -> Vec<(String, i64, String, u32)> {
        let lines = read(csv).unwrap().into_iter();
        lines.map(|line| (line.day.to_string(), line.amount.signed(), line.label, line.occurrence)).collect()
    }

    #[test]
    fn a_file_of_a_bank_is_read_as_the_bank_writes_it() {
        let file = "입출금 거래내역,,,\n조회기간,2026-11-01 ~ 2026-11-30,,\n\n\
                    거래일시,거래내용,출금액(원),입금액(원)\n2026-11-21 09:00:11,토스페이먼츠,0,\"1,900\"\n";
        let lines = [("2026-11-21".to_owned(), 1_900, "토스페이먼츠".to_owned(), 1)];
        assert_eq!(told(file), lines);
        let (cp949, _, _) = encoding_rs::EUC_KR.encode(file);
        for bytes in [cp949.as_ref(), &[&b"\xEF\xBB\xBF"[..], file.as_bytes()].concat()] {
            assert_eq!(told(&table::text(bytes).unwrap()), lines);
        }
        assert_eq!(table::text(b"\xff\xfe\x00").unwrap_err().problem, "the file is neither UTF-8 nor CP949");
    }

    #[test]
    fn what_the_header_lacks_is_said() {
        for (csv, lacking) in [("금액,적요\n1,a\n", "거래일시"), ("거래일,적요\n2026-11-21,a\n", "입금액")]
        {
            let TableError { line, problem } = read(csv).unwrap_err();
            assert!(line == 1 && problem.contains(lacking), "{line} {problem}");
        }
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
        let marked = told("\u{feff}\"date\",amount,description\n2026-11-21,1,\"two\nlines, and \"\"quotes\"\"\"\n");
        assert_eq!(marked, [("2026-11-21".to_owned(), 1, "twolines, and \"quotes\"".to_owned(), 1)]);
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
        assert_eq!(line("date,amount,description\n\n2026-11-21,1,\"a\nb\"\n2026-11-21,x,\n"), 5);
        let most = format!("date,amount\n{}", "2026-11-21,1\n".repeat(MAX_LINES));
        assert_eq!((read(&most).unwrap().len(), line(&format!("{most}2026-11-21,1\n"))), (MAX_LINES, MAX_LINES + 2));
    }
}
