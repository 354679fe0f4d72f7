//! Worker threads in lanes, each lane with its own limit: look-ups, work, and
//! transfers do not wait for each other. Unaware of why a job is to be done.

use std::collections::{BTreeMap, BinaryHeap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Scope;

use crossbeam_channel::{Receiver, Sender};
use wiz_base::reapi::ActionResult;
use wiz_graph::artifact::Artifact;
use wiz_graph::key::{Inputs, Prepared};
use wiz_graph::{Action, ActionGraph, ActionId, ActionKind};

use crate::cancel::CancelToken;
use crate::event::{BuildEvent, Events};
use crate::executor::{Execution, Executor, Hit, Lookup, Probe, Setback};
use crate::failure::{ActionFailure, FailureKind};

/// The results of an action's dependencies.
pub(crate) type Results = BTreeMap<ActionId, ActionResult>;

/// Something for a worker to do.
pub(crate) enum Job<'g> {
    /// Resolve inputs, compute the key, look for a result.
    Look { id: ActionId, lookup: Lookup, results: Results },
    /// Carry out.
    Execute { id: ActionId, prepared: Box<Prepared>, inputs: Inputs<'g> },
    /// Make a requested result usable.
    Deliver { id: ActionId, result: ActionResult },
    /// Find out which of its inputs the store has lost.
    Examine { id: ActionId, results: Results },
}

/// What can happen to the scheduler: all of it.
pub(crate) enum Event<'g> {
    /// A look-up ended.
    Looked { id: ActionId, found: Result<Look<'g>, Setback> },
    /// An action was carried out, or not.
    Executed { id: ActionId, result: Result<ActionResult, Setback> },
    /// A result was made usable, or not.
    Delivered { id: ActionId, result: Result<(), Setback> },
    /// These dependencies have lost their results.
    Examined { id: ActionId, broken: Vec<ActionId> },
    /// Somebody asked to stop.
    Cancelled,
}

/// What a look-up gave.
pub(crate) enum Look<'g> {
    /// A result.
    Hit(ActionResult, Hit),
    /// What is needed to carry the action out.
    Miss(Box<Prepared>, Inputs<'g>),
}

/// What all workers share.
pub(crate) struct Shared<'g> {
    pub(crate) graph: &'g ActionGraph,
    pub(crate) executor: &'g dyn Executor,
    pub(crate) events: &'g dyn Events,
    pub(crate) cancel: &'g CancelToken,
}

/// What the machine has for actions that say what they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Cores.
    pub(crate) cores: usize,
    /// Memory in bytes.
    pub(crate) memory: u64,
}

impl Pool {
    /// What `action` needs, at most all there is, so that everything can run alone.
    fn needed_by(&self, action: &Action) -> Self {
        let stated = match &action.kind {
            ActionKind::Run(run) => (run.limits.cores, run.limits.memory),
            _ => (None, None),
        };
        let cores = stated.0.map_or(1, |cores| usize::try_from(cores).unwrap_or(usize::MAX));
        Self { cores: cores.min(self.cores), memory: stated.1.unwrap_or(0).min(self.memory) }
    }

    /// What is left once `need` is taken, if there is enough.
    fn without(&self, need: &Self) -> Option<Self> {
        let cores = self.cores.checked_sub(need.cores)?;
        Some(Self { cores, memory: self.memory.checked_sub(need.memory)? })
    }
}

/// A job and how urgent it is: the longer the chain behind it the more, then the
/// earlier its place the more.
struct Ready<'g> {
    urgency: u64,
    id: ActionId,
    job: Job<'g>,
}

/// Threads for one sort of job.
pub(crate) struct Lane<'g> {
    queue: BinaryHeap<Ready<'g>>,
    threads: usize,
    /// How many jobs may be with the threads; more than one each where jobs are tiny.
    most: usize,
    spawned: usize,
    pub(crate) busy: usize,
    /// All there is, and what is left of it; none where jobs need next to nothing.
    pool: Option<(Pool, Pool)>,
    sender: Sender<Job<'g>>,
    receiver: Receiver<Job<'g>>,
}

impl<'g> Lane<'g> {
    pub(crate) fn new(threads: usize, jobs_per_thread: usize) -> Self {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let most = threads * jobs_per_thread;
        Self { queue: BinaryHeap::new(), threads, most, spawned: 0, busy: 0, pool: None, sender, receiver }
    }

    /// A lane with a thread for each core of a pool that its jobs share.
    pub(crate) fn sharing(pool: Pool) -> Self {
        Self { pool: Some((pool, pool)), ..Self::new(pool.cores, 1) }
    }

    pub(crate) fn push(&mut self, urgency: u64, id: ActionId, job: Job<'g>) {
        self.queue.push(Ready { urgency, id, job });
    }

    /// Takes note that a job ended, and of what is free again.
    pub(crate) fn end(&mut self, action: &Action) {
        self.busy -= 1;
        if let Some((all, left)) = &mut self.pool {
            let need = all.needed_by(action);
            left.cores += need.cores;
            left.memory += need.memory;
        }
    }

    /// Sets aside what the most urgent job needs. While there is not enough, nothing less
    /// urgent starts either: what needs much would wait for ever.
    fn set_aside(&mut self, graph: &ActionGraph) -> Option<()> {
        let next = self.queue.peek()?;
        if let Some((all, left)) = &mut self.pool {
            *left = left.without(&all.needed_by(graph.action(next.id)))?;
        }
        Some(())
    }

    /// Hands the most urgent job to a thread, if one more may run; returns its action.
    pub(crate) fn start<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        shared: &'scope Shared<'g>,
        events: &Sender<Event<'g>>,
    ) -> Option<ActionId>
    where
        'g: 'scope,
    {
        if self.busy >= self.most {
            return None;
        }
        self.set_aside(shared.graph)?;
        let ready = self.queue.pop()?;
        if self.spawned < self.threads && self.busy >= self.spawned {
            let (receiver, events) = (self.receiver.clone(), events.clone());
            scope.spawn(move || {
                for job in receiver {
                    // The loop may have ended already; then nobody wants to know.
                    let _ = events.send(work(shared, job));
                }
            });
            self.spawned += 1;
        }
        self.busy += 1;
        self.sender.send(ready.job).expect("this lane holds a receiver");
        Some(ready.id)
    }
}

/// Does one job. A panic becomes a failure of the action it happened in.
fn work<'g>(shared: &Shared<'g>, job: Job<'g>) -> Event<'g> {
    match job {
        Job::Look { id, lookup, results } => {
            Event::Looked { id, found: guard(|| look(shared, id, lookup, &results)) }
        }
        Job::Execute { id, prepared, inputs } => {
            Event::Executed { id, result: guard(|| execute(shared, id, &prepared, &inputs)) }
        }
        Job::Deliver { id, result } => {
            Event::Delivered { id, result: guard(|| shared.executor.deliver(shared.graph, id, &result)) }
        }
        Job::Examine { id, results } => {
            let broken = |result| guard(|| Ok(shared.executor.is_intact(result))) != Ok(true);
            let broken = results.iter().filter(|(_, result)| broken(result)).map(|(id, _)| *id);
            Event::Examined { id, broken: broken.collect() }
        }
    }
}

fn look<'g>(
    shared: &Shared<'g>,
    id: ActionId,
    lookup: Lookup,
    results: &Results,
) -> Result<Look<'g>, Setback> {
    let mut inputs = Inputs::new();
    for artifact in shared.graph.action(id).inputs() {
        let node = match artifact {
            Artifact::Source { path } => shared.executor.source_node(path)?,
            Artifact::Output { path, inner, .. } => {
                let producer = shared.graph.producer(artifact);
                let result = producer
                    .and_then(|producer| results.get(&producer))
                    .expect("every producer is a dependency, and all of them have results");
                shared.executor.output_node(result, path, inner)?
            }
        };
        inputs.insert(artifact, node);
    }
    Ok(match shared.executor.probe(shared.graph, id, &inputs, lookup)? {
        Probe::Hit(result, hit) => Look::Hit(result, hit),
        Probe::Miss(prepared) => Look::Miss(prepared, inputs),
    })
}

fn execute(
    shared: &Shared<'_>,
    id: ActionId,
    prepared: &Prepared,
    inputs: &Inputs<'_>,
) -> Result<ActionResult, Setback> {
    if shared.cancel.is_cancelled() {
        return Err(Setback::Cancelled);
    }
    let progress = |done, total| {
        shared.events.emit(BuildEvent::ActionProgress { id: id.index(), done, total });
    };
    let (graph, cancel) = (shared.graph, shared.cancel);
    shared.executor.execute(&Execution { graph, id, prepared, inputs, cancel, progress: &progress })
}

fn guard<T>(work: impl FnOnce() -> Result<T, Setback>) -> Result<T, Setback> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let message = format!("the engine panicked: {said}");
        Err(ActionFailure::new(FailureKind::Bug, "WIZ1099", message).into())
    })
}

impl Ready<'_> {
    fn rank(&self) -> (u64, std::cmp::Reverse<ActionId>) {
        (self.urgency, std::cmp::Reverse(self.id))
    }
}

impl PartialEq for Ready<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Ready<'_> {}

impl PartialOrd for Ready<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ready<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

#[cfg(test)]
mod tests {
    use wiz_testkit::fixture::command;

    use super::*;

    #[test]
    fn the_most_urgent_goes_first_and_ties_go_by_place() {
        let graph = ActionGraph::build(["a", "b", "c"].map(|name| command(name, &["const"], &[]))).unwrap();
        let mut lane = Lane::new(1, 1);
        for (id, urgency) in graph.ids().zip([1, 2, 2]) {
            lane.push(urgency, id, Job::Examine { id, results: Results::new() });
        }
        let order: Vec<_> = std::iter::from_fn(|| lane.queue.pop()).map(|ready| ready.id.index()).collect();
        assert_eq!(order, [1, 2, 0]);
    }
}
