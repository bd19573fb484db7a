//! Standard output and standard error that may close: `daegeum keys list | head -1`.
//!
//! The macros of the standard library end the process where nobody reads any more, which may be in the middle of an
//! act. These forget what nobody reads, and [`ended_early`] says so at the end.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Write as _},
    sync::Mutex,
};

/// Why standard output took no more.
static FAILED: Mutex<Option<ErrorKind>> = Mutex::new(None);

/// Prints a line to standard output.
macro_rules! println {
    () => { $crate::cli::out::line(format_args!("")) };
    ($($text:tt)*) => { $crate::cli::out::line(format_args!($($text)*)) };
}

/// Prints to standard output, without an end of the line.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::out::text(format_args!($($text)*)) };
}

/// Prints a line to standard error.
macro_rules! eprintln {
    () => { $crate::cli::out::error_line(format_args!("")) };
    ($($text:tt)*) => { $crate::cli::out::error_line(format_args!($($text)*)) };
}

pub(crate) fn line(text: Arguments<'_>) {
    self::text(format_args!("{text}\n"));
}

pub(crate) fn text(text: Arguments<'_>) {
    let Ok(mut failed) = FAILED.lock() else { return };
    if failed.is_some() {
        return;
    }
    let mut out = std::io::stdout().lock();
    if let Err(error) = write!(out, "{text}").and_then(|()| out.flush()) {
        *failed = Some(error.kind());
    }
}

pub(crate) fn error_line(text: Arguments<'_>) {
    // Where standard error is closed, there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// How standard output ended, if it did not take everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its reader has read enough.
    Closed,
    /// It could not be written, to a full disk say.
    Failed,
}

/// Whether standard output took less than everything.
pub(crate) fn ended_early() -> Option<Ended> {
    match *FAILED.lock().ok()? {
        None => None,
        Some(ErrorKind::BrokenPipe) => Some(Ended::Closed),
        Some(_) => Some(Ended::Failed),
    }
}
