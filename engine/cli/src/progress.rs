//! What the user sees while a build runs: a live view on a terminal, else plain
//! lines. Listens to events; unaware of what they mean for the build.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wiz_base::Span;
use wiz_graph::{AnalyzedTarget, ConfiguredTarget};
use wiz_scheduler::{ActionEnd, ActionName, BuildEvent, Clock, Events, How};

mod live;
mod plain;
mod profile;

use live::LiveView;
use profile::Profile;

/// Time since the process began to work.
#[derive(Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Stopwatch {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Redrawn in place.
    Live,
    /// A line for each finished action.
    Plain,
}

/// Passes events of one build on, and knows where its targets are defined.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    /// Who shows them.
    pub(crate) progress: &'a Progress,
    /// What is being built.
    pub(crate) targets: &'a BTreeMap<ConfiguredTarget, Arc<AnalyzedTarget>>,
}

/// Shows progress, and writes the event file.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<State>,
    view: View,
}

/// What is known of the build so far.
#[derive(Debug, Default)]
struct State {
    total: usize,
    finished: usize,
    executed: usize,
    running: BTreeMap<usize, Running>,
    events: Option<File>,
    profile: Option<Profile>,
    live: LiveView,
}

/// An action under way.
#[derive(Debug)]
struct Running {
    name: String,
    since: Instant,
    bytes: Option<(u64, Option<u64>)>,
}

impl Progress {
    /// Progress on stderr; events and a profile to files if there are any.
    pub(crate) fn new(view: View, events: Option<File>, profile: Option<File>) -> Self {
        let profile = profile.map(Profile::begin);
        Self { state: Mutex::new(State { events, profile, ..State::default() }), view }
    }

    /// Draws the live view until `done` answers yes; returns at once for a plain one.
    pub(crate) fn draw_until(&self, done: std::sync::mpsc::Receiver<()>) {
        if self.view == View::Plain {
            return;
        }
        while done.recv_timeout(Duration::from_millis(100)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            self.with_state(|state| {
                let lines = live::lines(state);
                state.live.redraw(&lines);
            });
        }
        self.clear();
    }

    /// Removes the live view, so that something else can be printed.
    pub(crate) fn clear(&self) {
        self.with_state(|state| state.live.redraw(&[]));
    }

    /// Takes note of an event that concerns what is defined at `place`.
    fn tell(&self, event: BuildEvent, place: Option<&Span>) {
        self.with_state(|state| {
            state.record(&event);
            if let Some(text) = state.apply(event, self.view, place) {
                state.live.print(&text);
            }
        });
    }

    fn with_state<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Events for Progress {
    fn emit(&self, event: BuildEvent) {
        self.tell(event, None);
    }
}

impl Events for Placed<'_> {
    fn emit(&self, event: BuildEvent) {
        let place = match &event {
            BuildEvent::ActionFinished { action, end: ActionEnd::Failed { .. }, .. } => self.place(action),
            _ => None,
        };
        self.progress.tell(event, place);
    }
}

impl Placed<'_> {
    /// Where the target of an action is defined.
    fn place(&self, action: &ActionName) -> Option<&Span> {
        let (label, platform) = (action.label.clone(), action.platform.clone());
        self.targets.get(&ConfiguredTarget { label, platform })?.span.as_ref()
    }
}

impl State {
    fn record(&mut self, event: &BuildEvent) {
        if let Some(profile) = &mut self.profile {
            profile.record(event);
        }
        let Some(file) = &mut self.events else { return };
        let line = serde_json::to_string(event).unwrap_or_default() + "\n";
        if file.write_all(line.as_bytes()).is_err() {
            self.events = None;
        }
    }

    /// Takes note of an event; returns what is to be printed for it.
    fn apply(&mut self, event: BuildEvent, view: View, place: Option<&Span>) -> Option<String> {
        match event {
            BuildEvent::BuildStarted { total, .. } => self.total = total,
            BuildEvent::ActionStarted { action, .. } => {
                let running = Running { name: name(&action), since: Instant::now(), bytes: None };
                self.running.insert(action.id, running);
            }
            BuildEvent::ActionProgress { id, done, total } => {
                if let Some(running) = self.running.get_mut(&id) {
                    running.bytes = Some((done, total));
                }
            }
            BuildEvent::ActionRewound { .. } => self.finished = self.finished.saturating_sub(1),
            BuildEvent::ActionFinished { action, end, duration_ms, .. } => {
                self.running.remove(&action.id);
                self.finished += 1;
                if let ActionEnd::Failed { failure } = &end {
                    return Some(plain::failed(&action, failure, place));
                }
                return self.finish(&action, &end, duration_ms, view);
            }
            BuildEvent::PhaseStarted { .. }
            | BuildEvent::PhaseFinished { .. }
            | BuildEvent::BuildFinished { .. } => {}
        }
        None
    }

    fn finish(&mut self, action: &ActionName, end: &ActionEnd, millis: u64, view: View) -> Option<String> {
        match end {
            ActionEnd::Done { how: How::Executed | How::CutOff, .. } => {
                self.executed += 1;
                let counts = (self.finished, self.total);
                (view == View::Plain).then(|| plain::finished(counts, &name(action), millis))
            }
            ActionEnd::Done { .. } | ActionEnd::Stopped | ActionEnd::Failed { .. } => None,
        }
    }
}

/// An action as it is named to people.
fn name(action: &ActionName) -> String {
    match &action.identifier {
        Some(identifier) => format!("{} {} ({identifier})", action.label, action.category),
        None => format!("{} {}", action.label, action.category),
    }
}

/// A duration as people read it.
pub(crate) fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} min {:02} s", millis / 60_000, millis / 1000 % 60),
    }
}
