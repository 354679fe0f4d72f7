//! What apk says: messages, errors and warnings, and words set within the width of the
//! terminal.

use std::io::{self, IsTerminal as _, Write as _};

/// Columns where there is no terminal.
const WIDTH: usize = 50;

/// Where messages go, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// 0: nothing but errors and what was asked for; 1: what is done; 2 and more: details.
    pub(crate) verbosity: usize,
    width: usize,
}

/// The two places a line can go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Output {
    pub(crate) fn new(verbosity: usize) -> Self {
        let stdout = io::stdout();
        let columns = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten();
        let width = columns.map_or(WIDTH, |size| usize::from(size.ws_col));
        Self { verbosity, width: if width > 25 { width } else { WIDTH } }
    }

    /// Says what is done, unless to be quiet.
    pub(crate) fn message(&self, text: &str) {
        if self.verbosity >= 1 {
            self.line(text);
        }
    }

    /// Says what was asked for.
    pub(crate) fn line(&self, text: &str) {
        write(Stream::Out, &format!("{text}\n"));
    }

    /// Says what is wrong.
    pub(crate) fn error(&self, text: &str) {
        write(Stream::Err, &format!("ERROR: {text}\n"));
    }

    /// Says what is worth knowing.
    pub(crate) fn warning(&self, text: &str) {
        write(Stream::Err, &format!("WARNING: {text}\n"));
    }

    /// Starts a group of words; `head` stands in front of the first.
    pub(crate) fn words(&self, head: &str, indent: Indent) -> Words {
        let (column, text) = match indent {
            Indent::BehindHead => (head.chars().count(), head.to_owned()),
            Indent::Columns(_) => (0, format!("{head}\n")),
        };
        let indent = match indent {
            Indent::BehindHead => column + 1,
            Indent::Columns(columns) => columns,
        };
        Words { text, column, indent, width: self.width }
    }
}

/// Where the words of a group begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Indent {
    /// Behind the head, in its line.
    BehindHead,
    /// In lines of their own, so far to the right.
    Columns(usize),
}

/// Words set in lines.
#[derive(Debug)]
pub(crate) struct Words {
    text: String,
    column: usize,
    indent: usize,
    width: usize,
}

impl Words {
    /// Adds a word, in the next line if this one is full.
    pub(crate) fn add(&mut self, word: &str) {
        let length = word.chars().count();
        if self.column <= self.indent {
            let padding = self.indent - self.column;
            self.text.push_str(&format!("{:padding$}{word}", ""));
            self.column += padding + length;
        } else if self.column + length + 1 >= self.width {
            self.text.push_str(&format!("\n{:indent$}{word}", "", indent = self.indent));
            self.column = self.indent + length;
        } else {
            self.text.push_str(&format!(" {word}"));
            self.column += 1 + length;
        }
    }

    /// Writes the group with a line break behind.
    pub(crate) fn end(self, stream: Stream) {
        let ending = if self.column > 0 { "\n" } else { "" };
        write(stream, &format!("{}{ending}", self.text));
    }
}

/// Writes at once. That nobody reads is no reason to stop: packages are being changed.
pub(crate) fn write(stream: Stream, text: &str) {
    let _ = match stream {
        Stream::Out => io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
        Stream::Err => io::stderr().lock().write_all(text.as_bytes()),
    };
}

/// A number of bytes as apk shows it: whole up to kibibytes, then with one digit.
pub(crate) fn human_size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    let mut whole = bytes;
    while unit < UNITS.len() - 1 && value >= 10_000.0 {
        value /= 1024.0;
        whole /= 1024;
        unit += 1;
    }
    if unit < 2 { format!("{whole} {}", UNITS[unit]) } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Like [`human_size`], always whole.
pub(crate) fn whole_size(bytes: u64) -> String {
    let (mut whole, mut unit) = (bytes, 0);
    while unit < UNITS.len() - 1 && whole >= 10_000 {
        whole /= 1024;
        unit += 1;
    }
    format!("{whole} {}", UNITS[unit])
}

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_four_digits() {
        let sizes = [0, 9999, 10_000, 10_240_000, 123_456_789].map(human_size);
        assert_eq!(sizes, ["0 B", "9999 B", "9 KiB", "9.8 MiB", "117.7 MiB"]);
        assert_eq!(whole_size(123_456_789), "117 MiB");
    }

    #[test]
    fn words_keep_within_the_width() {
        let output = Output { verbosity: 1, width: 20 };
        let mut words = output.words("  head:", Indent::BehindHead);
        ["one", "two", "three", "four"].into_iter().for_each(|word| words.add(word));
        assert_eq!(words.text, "  head: one two\n        three four");
        let mut words = output.words("head:", Indent::Columns(2));
        ["one", "two"].into_iter().for_each(|word| words.add(word));
        assert_eq!(words.text, "head:\n  one two");
    }
}
