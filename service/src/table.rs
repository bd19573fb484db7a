//! Tables that people hand in: CSV with a header line, by the names of the columns.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::EUC_KR;

/// Among how many lines the header is looked for: titles may stand above it.
const MAX_LINES_TO_HEADER: usize = 20;

/// Why a table was not read. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TableError {
    /// From 1; the header is line 1.
    pub line: usize,
    pub problem: String,
}

impl TableError {
    pub(crate) fn new(line: usize, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}

/// The text of a file: UTF-8, with a mark of that before it or without one, or CP949, in which programs in Korea write.
pub fn text(bytes: &[u8]) -> Result<Cow<'_, str>, TableError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.into());
    }
    // What the standards of the web call EUC-KR is CP949.
    let read = EUC_KR.decode_without_bom_handling_and_without_replacement(bytes);
    read.ok_or_else(|| TableError::new(1, "the file is neither UTF-8 nor CP949"))
}

/// A line with something in it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The line of the file on which it begins, from 1.
    pub(crate) number: usize,
    cells: StringRecord,
}

/// What the columns of a table mean, by their places.
#[derive(Debug)]
pub(crate) struct Columns<C>(Vec<Option<C>>);

impl<C: PartialEq> Columns<C> {
    /// Of a header. `meaning` knows a column by its name in lower case; others are ignored.
    pub(crate) fn of(header: &Line, meaning: impl Fn(&str) -> Option<C>) -> Self {
        Self(header.cells.iter().map(|name| meaning(&name.trim().to_lowercase())).collect())
    }

    pub(crate) fn has(&self, column: &C) -> bool {
        self.0.iter().flatten().any(|known| known == column)
    }

    /// What stands in a column; nothing where there is no such column or cell. Of two columns of one meaning, the last.
    pub(crate) fn cell<'l>(&self, line: &'l Line, column: &C) -> &'l str {
        let place = self.0.iter().rposition(|known| known.as_ref() == Some(column));
        place.and_then(|place| line.cells.get(place)).map(str::trim).unwrap_or_default()
    }
}

/// A place in a text, and the number of its line.
struct Place {
    byte: usize,
    line: usize,
}

impl Place {
    /// Goes on to the first text at or after a byte. The reader's own number of a line is that of the empty lines
    /// before it.
    fn go_to(&mut self, text: &str, byte: u64) {
        let from = usize::try_from(byte).unwrap_or(text.len()).min(text.len());
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let empty = text.as_bytes()[from..].iter().take_while(|byte| is_end(byte)).count();
        let ends = |part: &[u8]| part.iter().filter(|byte| **byte == b'\n').count();
        self.line += ends(&text.as_bytes()[self.byte.min(from + empty)..from + empty]);
        self.byte = from + empty;
    }
}

/// The header and the lines of a table, without those that are empty. Cells are as RFC 4180 has them: quoted ones may
/// hold commas, quotes and line ends. The header is the first line that looks like one, or else the first of all.
pub(crate) fn lines(
    csv: &str,
    most: usize,
    is_header: impl Fn(&Line) -> bool,
) -> Result<(Line, Vec<Line>), TableError> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv.as_bytes());
    let (mut lines, mut place) = (Vec::new(), Place { byte: 0, line: 1 });
    for record in reader.records() {
        // Text was read before, and lines may have any number of cells: nothing is left to go wrong.
        let cells = record.map_err(|error| TableError::new(lines.len() + 1, error.to_string()))?;
        place.go_to(csv, cells.position().map_or(0, csv::Position::byte));
        let line = Line { number: place.line, cells };
        if line.cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if lines.len() > most {
            return Err(TableError::new(line.number, format!("a file has at most {most} lines; send it in parts")));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err(TableError::new(1, "the file has no header line"));
    }
    let place = lines.iter().take(MAX_LINES_TO_HEADER).position(is_header).unwrap_or(0);
    let rows = lines.split_off(place + 1);
    let header = lines.swap_remove(place);
    Ok((header, rows))
}
