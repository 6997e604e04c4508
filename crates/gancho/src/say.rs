//! Output of commands. Neither a closed pipe nor a full disk is an error.

use std::{fmt, io::Write};

/// Prints a line. If the reader has closed the pipe (`| head`), the command ends.
macro_rules! say {
    ($($part:tt)*) => { $crate::say::print_line(format_args!($($part)*)) };
}

/// See `say!`.
pub fn print_line(line: fmt::Arguments<'_>) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Prints a line on standard error, if there is one.
macro_rules! complain {
    ($($part:tt)*) => { $crate::say::complain_line(format_args!($($part)*)) };
}

/// See `complain!`.
pub fn complain_line(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
