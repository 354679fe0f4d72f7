//! Events kept as short lines, so that a rebuild is asserted on as text.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wiz_scheduler::{ActionEnd, ActionName, BuildEvent, Clock, Events, How};

/// Listens and remembers.
#[derive(Debug, Default)]
pub struct EventLog {
    events: Mutex<Vec<BuildEvent>>,
}

impl EventLog {
    /// All events so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<BuildEvent> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One line per action that ended, `//:name how`, ordered by name: the same however
    /// many threads took part.
    #[must_use]
    pub fn ends(&self) -> String {
        let mut lines: Vec<_> = self.events().iter().filter_map(end_line).collect();
        lines.sort();
        lines.concat()
    }

    /// The names of the actions carried out, in the order they were started.
    #[must_use]
    pub fn started(&self) -> Vec<String> {
        let name = |event: &BuildEvent| match event {
            BuildEvent::ActionStarted { action, .. } => Some(short(action)),
            _ => None,
        };
        self.events().iter().filter_map(name).collect()
    }
}

fn end_line(event: &BuildEvent) -> Option<String> {
    match event {
        BuildEvent::ActionFinished { action, end, .. } => {
            let end = match end {
                ActionEnd::Done { how: How::Executed, .. } => "executed".to_owned(),
                ActionEnd::Done { how: How::CutOff, .. } => "cut off".to_owned(),
                ActionEnd::Done { how: How::LocalHit, .. } => "local hit".to_owned(),
                ActionEnd::Done { how: How::RemoteHit, .. } => "remote hit".to_owned(),
                ActionEnd::Failed { failure } => format!("failed: {failure}"),
                ActionEnd::Stopped => "stopped".to_owned(),
            };
            Some(format!("{} {end}\n", short(action)))
        }
        BuildEvent::ActionRewound { action } => Some(format!("{} rewound\n", short(action))),
        _ => None,
    }
}

fn short(action: &ActionName) -> String {
    action.label.to_string()
}

impl Events for EventLog {
    fn emit(&self, event: BuildEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

/// A clock that stands still.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandingClock;

impl Clock for StandingClock {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
