//! The event loop: brings the actions a build needs up to date. It alone changes
//! states; workers only report.
//!
//! An action is looked up when everything it reads has a result, so keys come from
//! the leaves up and an unchanged output leaves its readers' keys as they were. What
//! the store turns out to have lost is made again, its reader waiting meanwhile.
//! Unaware of how anything is carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::Scope;

use crossbeam_channel::{Receiver, Sender, select};
use wiz_base::reapi::ActionResult;
use wiz_graph::key::{Inputs, Key, Prepared};
use wiz_graph::{ActionGraph, ActionId, ActionKind};

use crate::cancel::CancelToken;
use crate::event::{ActionEnd, ActionName, BuildEvent, Clock, Events};
use crate::executor::{Executor, History, Hit, Lookup, Past, Setback};
use crate::failure::{ActionFailure, FailureKind};
use crate::outcome::{BuildOutcome, How};
use crate::priority::critical_paths;
use crate::slot::{Slot, State};
use crate::workers::{Event, Job, Lane, Look, Pool, Results, Shared};

/// How a build is done; nothing of it changes what is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many actions may run at once, and how many cores they may say they need together; at
    /// least 1.
    pub jobs: usize,
    /// How many results may be looked up at once; never fewer than jobs.
    pub lookups: usize,
    /// Memory in bytes for all actions that say how much they need.
    pub memory: u64,
    /// How many files may be fetched at once, beside the jobs; at least 1.
    pub transfers: usize,
    /// Whether a failure leaves what does not depend on it running.
    pub keep_going: bool,
    /// Actions that are carried out whatever is stored for them.
    pub distrust: BTreeSet<ActionId>,
    /// Actions whose results are known from an earlier build. They are not looked up, and
    /// cannot be carried out: if the store has lost one of them, the build ends as
    /// [stale](BuildOutcome::stale).
    pub settled: BTreeMap<ActionId, ActionResult>,
    /// How many actions are left out of the graph because their results are known; they
    /// are counted as found.
    pub omitted: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 1,
            lookups: 1,
            memory: u64::MAX,
            transfers: 4,
            keep_going: false,
            distrust: BTreeSet::new(),
            settled: BTreeMap::new(),
            omitted: 0,
        }
    }
}

/// Everybody who takes part in a build.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a bundle of trait objects for one call")]
pub struct Parties<'a> {
    /// Carries actions out.
    pub executor: &'a dyn Executor,
    /// Is told what happens.
    pub events: &'a dyn Events,
    /// Knows how late it is.
    pub clock: &'a dyn Clock,
    /// Knows earlier builds.
    pub history: &'a dyn History,
    /// Asks to stop.
    pub cancel: &'a CancelToken,
}

/// Jobs that may wait with each thread that looks up: look-ups take microseconds, so a
/// thread should not have to ask for each.
const LOOKUPS_PER_THREAD: usize = 16;

/// How often an action is started again because the store lost something, before the
/// store is taken for unusable.
const MOST_REWINDS: u32 = 3;

/// Brings `roots` and all they need up to date.
///
/// Always returns, whatever fails and whenever it is cancelled, once everything that
/// was started has ended.
#[must_use]
pub fn build(
    graph: &ActionGraph,
    roots: &[ActionId],
    parties: &Parties<'_>,
    options: &Options,
) -> BuildOutcome {
    let shared = Shared { graph, executor: parties.executor, events: parties.events, cancel: parties.cancel };
    let outcome = std::thread::scope(|scope| Run::new(&shared, scope, parties, roots, options).run());
    let at_ms = now(parties.clock);
    parties.events.emit(BuildEvent::BuildFinished { counts: outcome.counts, at_ms });
    outcome
}

fn now(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// One build in progress.
struct Run<'scope, 'env, 'g> {
    shared: &'scope Shared<'g>,
    scope: &'scope Scope<'scope, 'env>,
    clock: &'g dyn Clock,
    history: &'g dyn History,
    /// All actions of this build, ordered.
    ids: Vec<ActionId>,
    /// By place in the graph; none for actions this build does not need.
    slots: Vec<Option<Slot>>,
    lookups: Lane<'g>,
    work: Lane<'g>,
    transfers: Lane<'g>,
    sender: Sender<Event<'g>>,
    receiver: Receiver<Event<'g>>,
    /// What is being carried out, and who waits for the same key.
    running: BTreeMap<Key, Vec<ActionId>>,
    /// Recalled when the first action has to be carried out.
    past: Option<BTreeMap<ActionId, Past>>,
    urgency: BTreeMap<ActionId, u64>,
    keep_going: bool,
    /// Nothing new is started any more.
    stopping: bool,
    /// A settled result is lost.
    stale: bool,
    omitted: usize,
}

impl<'scope, 'env, 'g: 'scope> Run<'scope, 'env, 'g> {
    fn new(
        shared: &'scope Shared<'g>,
        scope: &'scope Scope<'scope, 'env>,
        parties: &Parties<'g>,
        roots: &[ActionId],
        options: &Options,
    ) -> Self {
        let closure = shared.graph.closure(roots.iter().copied());
        let requested: BTreeSet<_> = roots.iter().collect();
        let mut slots: Vec<Option<Slot>> = (0..shared.graph.len()).map(|_| None).collect();
        for id in &closure {
            if let Some(result) = options.settled.get(id) {
                slots[id.index()] = Some(Slot::settled(result.clone(), requested.contains(id)));
                continue;
            }
            let open = |dependency: &ActionId| !options.settled.contains_key(dependency);
            let missing = shared.graph.dependencies(*id).filter(open).count();
            let distrust = options.distrust.contains(id);
            let lookup = if distrust { Lookup::Distrust } else { Lookup::Believe };
            slots[id.index()] = Some(Slot::new(missing, lookup, requested.contains(id)));
        }
        let (sender, receiver) = crossbeam_channel::unbounded();
        let jobs = options.jobs.max(1);
        Self {
            shared,
            scope,
            clock: parties.clock,
            history: parties.history,
            ids: closure.into_iter().collect(),
            slots,
            lookups: Lane::new(options.lookups.max(jobs), LOOKUPS_PER_THREAD),
            work: Lane::sharing(Pool { cores: jobs, memory: options.memory }),
            transfers: Lane::new(options.transfers.max(1), 1),
            sender,
            receiver,
            running: BTreeMap::new(),
            past: None,
            urgency: BTreeMap::new(),
            keep_going: options.keep_going,
            stopping: false,
            stale: false,
            omitted: options.omitted,
        }
    }

    fn run(mut self) -> BuildOutcome {
        let at_ms = now(self.clock);
        self.shared.events.emit(BuildEvent::BuildStarted { total: self.ids.len() - self.settled(), at_ms });
        for id in self.ids.clone() {
            let slot = self.slot(id);
            match (&slot.state, &slot.result) {
                (State::Waiting { missing: 0 }, _) => self.look(id),
                (State::Done(_), Some(result)) if slot.requested => {
                    let result = result.clone();
                    self.lookups.push(0, id, Job::Deliver { id, result });
                }
                _ => {}
            }
        }
        let mut cancelled = false;
        loop {
            self.start_what_may_run();
            if self.lookups.busy + self.work.busy + self.transfers.busy == 0 {
                break;
            }
            match self.next_event(cancelled) {
                Event::Cancelled => {
                    cancelled = true;
                    self.stopping = true;
                }
                event => self.handle(event),
            }
        }
        let cancelled = cancelled || self.shared.cancel.is_cancelled();
        let outcome = |id: &ActionId| Some((*id, self.slots[id.index()].take()?.into_outcome()));
        let actions = self.ids.iter().filter_map(outcome).collect();
        let mut outcome = BuildOutcome::new(actions, cancelled);
        outcome.stale = self.stale;
        outcome.counts.total += self.omitted;
        outcome.counts.local_hits += self.omitted;
        outcome
    }

    fn settled(&self) -> usize {
        self.slots.iter().flatten().filter(|slot| slot.settled).count()
    }

    /// Waits for a worker, and for cancellation while that has not happened.
    fn next_event(&self, cancelled: bool) -> Event<'g> {
        let holds = "this loop holds a sender";
        if cancelled {
            return self.receiver.recv().expect(holds);
        }
        select! {
            recv(self.receiver) -> event => event.expect(holds),
            recv(self.shared.cancel.receiver()) -> _ => Event::Cancelled,
        }
    }

    fn handle(&mut self, event: Event<'g>) {
        match event {
            Event::Looked { id, found } => {
                self.lookups.busy -= 1;
                match found {
                    Ok(Look::Hit(result, Hit::Local)) => self.finish(id, result, How::LocalHit),
                    Ok(Look::Hit(result, Hit::Remote)) => self.finish(id, result, How::RemoteHit),
                    Ok(Look::Miss(prepared, inputs)) => self.enqueue(id, prepared, inputs),
                    Err(setback) => self.set_back(id, setback),
                }
            }
            Event::Executed { id, result } => {
                let action = self.shared.graph.action(id);
                self.lane_of(id).end(action);
                let key = match &self.slot(id).state {
                    State::Executing { key, .. } => Some(*key),
                    _ => None,
                };
                match result {
                    Ok(result) => {
                        let how = self.how_executed(id, &result);
                        self.finish(id, result, how);
                    }
                    Err(setback) => self.set_back(id, setback),
                }
                for follower in key.and_then(|key| self.running.remove(&key)).unwrap_or_default() {
                    self.look(follower);
                }
            }
            Event::Delivered { id, result } => {
                self.lookups.busy -= 1;
                match result {
                    Ok(()) => {}
                    Err(Setback::Lost { digest }) => self.rewind(id, &digest.to_string()),
                    Err(setback) => self.set_back(id, setback),
                }
            }
            Event::Examined { id, broken } => {
                self.lookups.busy -= 1;
                self.wait_for_rewound(id, broken);
            }
            Event::Cancelled => {}
        }
    }

    /// Hands out jobs as far as limits allow.
    fn start_what_may_run(&mut self) {
        if self.stopping || self.shared.cancel.is_cancelled() {
            return;
        }
        let at_ms = now(self.clock);
        for lane in [&mut self.lookups, &mut self.work, &mut self.transfers] {
            while let Some(id) = lane.start(self.scope, self.shared, &self.sender) {
                let slot = self.slots[id.index()].as_mut().expect("only this build's actions are queued");
                if let State::Executing { started, .. } = &mut slot.state {
                    *started = Some(at_ms);
                    let action = ActionName::of(self.shared.graph, id);
                    self.shared.events.emit(BuildEvent::ActionStarted { action, at_ms });
                }
            }
        }
    }

    /// Queues a look-up of an action all of whose dependencies have results.
    fn look(&mut self, id: ActionId) {
        let results = self.results_for(id);
        let slot = self.slot_mut(id);
        slot.state = State::Looking;
        let lookup = slot.lookup;
        self.lookups.push(0, id, Job::Look { id, lookup, results });
    }

    fn results_for(&self, id: ActionId) -> Results {
        let result = |id| Some((id, self.slot(id).result.clone()?));
        self.shared.graph.dependencies(id).filter_map(result).collect()
    }

    /// Queues an action that has to be carried out, unless one with the same key runs.
    fn enqueue(&mut self, id: ActionId, prepared: Box<Prepared>, inputs: Inputs<'g>) {
        self.recall();
        let key = prepared.key;
        if let Some(followers) = self.running.get_mut(&key) {
            followers.push(id);
            self.slot_mut(id).state = State::Following;
            return;
        }
        self.running.insert(key, Vec::new());
        self.slot_mut(id).state = State::Executing { key, started: None };
        let urgency = self.urgency.get(&id).copied().unwrap_or(0);
        self.lane_of(id).push(urgency, id, Job::Execute { id, prepared, inputs });
    }

    /// Asks once what is known of earlier builds.
    fn recall(&mut self) {
        if self.past.is_none() {
            let past = self.history.recall(self.shared.graph, &self.ids);
            self.urgency = critical_paths(self.shared.graph, &self.ids, &past);
            self.past = Some(past);
        }
    }

    fn how_executed(&self, id: ActionId, result: &ActionResult) -> How {
        let before = self.past.as_ref().and_then(|past| past.get(&id)).and_then(|past| past.output);
        if before == Some(result.output_root) { How::CutOff } else { How::Executed }
    }

    /// An action has a result: tells whoever waits for it.
    fn finish(&mut self, id: ActionId, result: ActionResult, how: How) {
        let end = ActionEnd::Done { how, output: result.output_root, log: result.log };
        self.tell_finished(id, end);
        let slot = self.slot_mut(id);
        slot.state = State::Done(how);
        slot.lookup = Lookup::Believe;
        slot.result = Some(result.clone());
        let first = !std::mem::replace(&mut slot.announced, true);
        let waiters = std::mem::take(&mut slot.waiters);
        if slot.requested {
            self.lookups.push(0, id, Job::Deliver { id, result });
        }
        if first {
            let dependants: Vec<_> = self.shared.graph.dependants(id).collect();
            dependants.into_iter().for_each(|dependant| self.one_less(dependant));
        }
        waiters.into_iter().for_each(|waiter| self.one_less(waiter));
    }

    /// One of the results that an action waits for is there.
    fn one_less(&mut self, id: ActionId) {
        let Some(slot) = &mut self.slots[id.index()] else { return };
        if let State::Waiting { missing } = &mut slot.state {
            *missing -= 1;
            if *missing == 0 {
                self.look(id);
            }
        }
    }

    fn set_back(&mut self, id: ActionId, setback: Setback) {
        match setback {
            Setback::Failed(failure) => self.fail(id, failure),
            Setback::Lost { digest } if self.slot(id).rewinds >= MOST_REWINDS => {
                self.fail(id, lost_for_good(&digest.to_string()));
            }
            Setback::Lost { .. } => {
                let results = self.results_for(id);
                let slot = self.slot_mut(id);
                slot.rewinds += 1;
                slot.state = State::Looking;
                self.lookups.push(0, id, Job::Examine { id, results });
            }
            Setback::Cancelled => {
                self.tell_finished(id, ActionEnd::Stopped);
                self.slot_mut(id).state = State::Stopped;
                self.stopping = true;
            }
        }
    }

    /// Carries an action out again whose result the store has lost.
    fn rewind(&mut self, id: ActionId, lost: &str) {
        let slot = self.slot_mut(id);
        if !matches!(slot.state, State::Done(_)) {
            return;
        }
        if slot.settled {
            self.stale = true;
            self.stopping = true;
            return;
        }
        if slot.rewinds >= MOST_REWINDS {
            self.fail(id, lost_for_good(lost));
            return;
        }
        slot.rewinds += 1;
        slot.lookup = Lookup::Distrust;
        let action = ActionName::of(self.shared.graph, id);
        self.shared.events.emit(BuildEvent::ActionRewound { action });
        self.look(id);
    }

    /// Has `broken` carried out again and lets `id` wait for them.
    fn wait_for_rewound(&mut self, id: ActionId, broken: Vec<ActionId>) {
        for dependency in &broken {
            self.rewind(*dependency, "an input");
        }
        let failed = broken.iter().find_map(|id| match self.slot(*id).state {
            State::Failed(_) => Some(*id),
            State::Skipped(because) => Some(because),
            _ => None,
        });
        if let Some(failed) = failed {
            self.slot_mut(id).state = State::Skipped(failed);
            self.skip_dependants(id, failed);
            return;
        }
        let missing = broken.into_iter().filter(|id| !matches!(self.slot(*id).state, State::Done(_)));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            self.look(id);
            return;
        }
        self.slot_mut(id).state = State::Waiting { missing: missing.len() };
        for dependency in missing {
            self.slot_mut(dependency).waiters.push(id);
        }
    }

    fn fail(&mut self, id: ActionId, failure: Box<ActionFailure>) {
        self.tell_finished(id, ActionEnd::Failed { failure: failure.clone() });
        self.slot_mut(id).state = State::Failed(failure);
        self.stopping |= !self.keep_going;
        self.skip_dependants(id, id);
    }

    /// Gives up everything that waits for `id`, directly or not.
    fn skip_dependants(&mut self, id: ActionId, because: ActionId) {
        let mut pending: Vec<_> = self.shared.graph.dependants(id).collect();
        while let Some(dependant) = pending.pop() {
            let Some(slot) = &mut self.slots[dependant.index()] else { continue };
            if let State::Waiting { .. } = slot.state {
                slot.state = State::Skipped(because);
                pending.extend(self.shared.graph.dependants(dependant));
            }
        }
    }

    fn tell_finished(&self, id: ActionId, end: ActionEnd) {
        let at_ms = now(self.clock);
        let started = match self.slot(id).state {
            State::Executing { started, .. } => started,
            _ => None,
        };
        let duration_ms = started.map_or(0, |started| at_ms.saturating_sub(started));
        let action = ActionName::of(self.shared.graph, id);
        self.shared.events.emit(BuildEvent::ActionFinished { action, end, duration_ms, at_ms });
    }

    /// Where an action is carried out: text is written as quickly as a result is found,
    /// so it does not wait for a job to end.
    fn lane_of(&mut self, id: ActionId) -> &mut Lane<'g> {
        match self.shared.graph.action(id).kind {
            ActionKind::Fetch { .. } => &mut self.transfers,
            ActionKind::Write { .. } => &mut self.lookups,
            ActionKind::Run(_) | ActionKind::Native(_) => &mut self.work,
        }
    }

    fn slot(&self, id: ActionId) -> &Slot {
        self.slots[id.index()].as_ref().expect("the build is closed under dependencies")
    }

    fn slot_mut(&mut self, id: ActionId) -> &mut Slot {
        self.slots[id.index()].as_mut().expect("the build is closed under dependencies")
    }
}

fn lost_for_good(digest: &str) -> Box<ActionFailure> {
    let message = format!("the cache has lost `{digest}` again and again");
    let mut failure = ActionFailure::new(FailureKind::Surroundings, "WIZ1090", message);
    failure
        .hints
        .push("check the disk under the cache, or whether something else deletes from it".to_owned());
    Box::new(failure)
}
