//! What ran when, in the Trace Event Format that Chrome's trace viewer and Perfetto read: a
//! JSON array of events, times in microseconds. Unaware of what the actions are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wiz_scheduler::{ActionEnd, BuildEvent, Phase};

/// The row of phases and of results that were found; each action under way has a row above.
const MAIN_ROW: usize = 0;

/// A profile that is being written. Ends when it is dropped; what a killed process leaves is
/// read by the viewers all the same.
#[derive(Debug)]
pub(super) struct Profile {
    file: BufWriter<File>,
    began: Instant,
    /// What is under way: its row, and since when.
    running: BTreeMap<usize, (usize, Duration)>,
    /// Since when phases go on.
    phases: BTreeMap<Phase, Duration>,
    /// Which rows have been given a name.
    named_rows: usize,
}

impl Profile {
    /// A profile in an empty file.
    pub(super) fn begin(file: File) -> Self {
        let mut profile = Self {
            file: BufWriter::new(file),
            began: Instant::now(),
            running: BTreeMap::new(),
            phases: BTreeMap::new(),
            named_rows: 0,
        };
        let name = json!({"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "wiz"}});
        profile.put(format_args!("[\n{name}"));
        profile.name_row(MAIN_ROW);
        profile
    }

    /// Takes note of an event at the time it comes in.
    pub(super) fn record(&mut self, event: &BuildEvent) {
        let now = self.began.elapsed();
        match event {
            BuildEvent::PhaseStarted { phase, .. } => drop(self.phases.insert(*phase, now)),
            BuildEvent::PhaseFinished { phase, .. } => {
                let since = self.phases.remove(phase).unwrap_or(now);
                let name = serde_json::to_value(phase).unwrap_or_default();
                self.span(&name, "phase", MAIN_ROW, (since, now), &json!({}));
            }
            BuildEvent::ActionStarted { action, .. } => {
                let taken: Vec<usize> = self.running.values().map(|(row, _)| *row).collect();
                let row = (MAIN_ROW + 1..).find(|row| !taken.contains(row)).unwrap_or(MAIN_ROW);
                self.name_row(row);
                self.running.insert(action.id, (row, now));
                self.count(now);
            }
            BuildEvent::ActionFinished { action, end, .. } => {
                let name = json!(super::name(action));
                let (how, output) = match end {
                    ActionEnd::Done { how, output, .. } => (json!(how), json!(output.to_string())),
                    ActionEnd::Failed { failure } => (json!("failed"), json!(failure.code)),
                    ActionEnd::Stopped => (json!("stopped"), Value::Null),
                };
                let args = json!({"platform": action.platform.as_str(), "how": how, "output": output});
                match self.running.remove(&action.id) {
                    Some((row, since)) => {
                        self.span(&name, &action.category, row, (since, now), &args);
                        self.count(now);
                    }
                    None => self.moment(&name, &action.category, now, &args),
                }
            }
            BuildEvent::ActionRewound { action } => {
                self.moment(&json!(super::name(action)), "rewound", now, &json!({}));
            }
            BuildEvent::ActionProgress { .. }
            | BuildEvent::BuildStarted { .. }
            | BuildEvent::BuildFinished { .. } => {}
        }
    }

    fn span(
        &mut self,
        name: &Value,
        sort: &str,
        row: usize,
        (since, now): (Duration, Duration),
        args: &Value,
    ) {
        let (at, length) = (micros(since), micros(now.saturating_sub(since)));
        let event = json!({
            "ph": "X", "pid": 1, "tid": row, "ts": at, "dur": length,
            "name": name, "cat": sort, "args": args,
        });
        self.put(format_args!(",\n{event}"));
    }

    fn moment(&mut self, name: &Value, sort: &str, now: Duration, args: &Value) {
        let event = json!({
            "ph": "i", "s": "t", "pid": 1, "tid": MAIN_ROW, "ts": micros(now),
            "name": name, "cat": sort, "args": args,
        });
        self.put(format_args!(",\n{event}"));
    }

    fn count(&mut self, now: Duration) {
        let running = self.running.len();
        let event = json!({
            "ph": "C", "pid": 1, "ts": micros(now), "name": "actions", "args": {"running": running},
        });
        self.put(format_args!(",\n{event}"));
    }

    fn name_row(&mut self, row: usize) {
        if row < self.named_rows {
            return;
        }
        self.named_rows = row + 1;
        let name = if row == MAIN_ROW { "wiz".to_owned() } else { format!("action {row}") };
        let event = json!({"ph": "M", "pid": 1, "tid": row, "name": "thread_name", "args": {"name": name}});
        self.put(format_args!(",\n{event}"));
    }

    /// A profile that cannot be written is not worth stopping for.
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.file.write_fmt(text);
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        self.put(format_args!("\n]\n"));
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
