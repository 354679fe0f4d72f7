//! The view that is redrawn in place: a summary line and one line for each of the
//! actions that have run longest.

use std::io::Write as _;

use unicode_width::UnicodeWidthChar;

use super::{Running, State};
use crate::config::terminal_width;

/// How many running actions are shown.
const SHOWN: usize = 8;

/// What stands on the screen now.
#[derive(Debug, Default)]
pub(super) struct LiveView {
    drawn: usize,
}

impl LiveView {
    /// Replaces what stands on the screen.
    pub(super) fn redraw(&mut self, lines: &[String]) {
        let mut text = self.erase();
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = lines.len();
        write(&text);
    }

    /// Prints text where the view stands; the next redraw puts it below.
    pub(super) fn print(&mut self, text: &str) {
        let erased = self.erase();
        self.drawn = 0;
        write(&(erased + text));
    }

    fn erase(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\x1b[{}A\x1b[J", self.drawn) }
    }
}

/// Progress that cannot be written is not worth stopping for.
fn write(text: &str) {
    if !text.is_empty() {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// The lines for a state, none longer than the terminal is wide.
pub(super) fn lines(state: &State) -> Vec<String> {
    let width = terminal_width().saturating_sub(1);
    if state.total == 0 {
        return Vec::new();
    }
    let left = state.total.saturating_sub(state.finished);
    let summary = format!(
        "[{}/{}] {} running, {} executed, {left} left",
        state.finished,
        state.total,
        state.running.len(),
        state.executed
    );
    let mut lines = vec![cut(&summary, width)];
    let mut running: Vec<&Running> = state.running.values().collect();
    running.sort_by_key(|running| running.since);
    for running in running.iter().take(SHOWN) {
        lines.push(running_line(running, width));
    }
    if running.len() > SHOWN {
        lines.push(cut(&format!("  and {} more", running.len() - SHOWN), width));
    }
    lines
}

fn running_line(running: &Running, width: usize) -> String {
    let seconds = running.since.elapsed().as_secs();
    let time = format!("{:>3}:{:02}", seconds / 60, seconds % 60);
    let bytes = match running.bytes {
        Some((done, Some(total))) if total > 0 => {
            format!("  {} of {} MB", done / 1_000_000, total.div_ceil(1_000_000))
        }
        Some((done, _)) => format!("  {} MB", done / 1_000_000),
        None => String::new(),
    };
    cut(&format!("{time}  {}{bytes}", running.name), width)
}

/// Text cut to a number of columns.
fn cut(text: &str, width: usize) -> String {
    let mut columns = 0;
    let fits = |c: &char| {
        columns += c.width().unwrap_or(0);
        columns <= width
    };
    text.chars().take_while(fits).collect()
}
