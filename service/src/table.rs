//! Tables that people hand in: CSV with a header line, by the names of the columns.

use csv::{ReaderBuilder, StringRecord};

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
/// hold commas, quotes and line ends.
pub(crate) fn lines(csv: &str, most: usize) -> Result<(Line, Vec<Line>), TableError> {
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
    let header = lines.remove(0);
    Ok((header, lines))
}
