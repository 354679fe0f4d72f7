//! Runs jobs that find out while running which other jobs they need, on several
//! threads, each job once. Unaware of what the jobs do.
//!
//! Results do not depend on the number of threads: a job sees only its own key and the
//! results it asked for.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard};

use crate::reader::locked;

/// Stack of a worker, in bytes: room for the deepest chain of calls the limits allow.
const STACK: usize = 64 << 20;

/// What a job has come to.
pub(crate) enum Step<W: Work + ?Sized> {
    /// It is done.
    Done(W::Output),
    /// It goes on with `rest` when the results of all these are known.
    Wait(Vec<W::Key>, W::Rest),
}

/// The work of all jobs.
pub(crate) trait Work: Sync {
    /// What names a job.
    type Key: Clone + Ord + Send;
    /// What a job comes to.
    type Output: Clone + Send;
    /// What a waiting job keeps.
    type Rest: Send;

    /// Begins a job.
    fn start(&self, key: &Self::Key) -> Step<Self>;

    /// Goes on with a job; `results` are those waited for, in the same order.
    fn resume(&self, key: &Self::Key, rest: Self::Rest, results: Vec<Self::Output>) -> Step<Self>;

    /// The result of every job in a circle of jobs that wait for each other: each
    /// needs the next, the last needs the first, and the first is the smallest.
    fn cycle(&self, chain: &[Self::Key]) -> Self::Output;
}

/// Runs `roots` and all they need.
pub(crate) fn run<W: Work>(work: &W, roots: Vec<W::Key>, threads: NonZeroUsize) {
    let board = Board { state: Mutex::new(State::new()), changed: Condvar::new() };
    {
        let mut state = locked(&board.state);
        for root in roots {
            state.demand(&root);
        }
    }
    std::thread::scope(|scope| {
        for index in 0..threads.get() {
            let worker = || board.work(work);
            let builder = std::thread::Builder::new().name(format!("load-{index}")).stack_size(STACK);
            // Fewer threads than asked for are slower, not wrong; with none, this one works.
            if builder.spawn_scoped(scope, worker).is_err() && index == 0 {
                board.work(work);
            }
        }
    });
}

struct Board<W: Work> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W: Work> {
    ids: BTreeMap<W::Key, usize>,
    jobs: Vec<Job<W>>,
    ready: VecDeque<usize>,
    running: usize,
    finished: usize,
    /// A job panicked; the panic goes on when all threads have stopped.
    abandoned: bool,
}

struct Job<W: Work> {
    key: W::Key,
    phase: Phase<W>,
    dependants: Vec<usize>,
}

/// What a waiting job goes on with: what it kept, and the results it waited for.
type Resumed<W> = (<W as Work>::Rest, Vec<<W as Work>::Output>);

enum Phase<W: Work> {
    New,
    Running,
    Waiting { needs: Vec<usize>, missing: usize, rest: W::Rest },
    Done(W::Output),
}

/// Dropped only by a panic: nobody is to wait for the job any more.
struct Alarm<'b, W: Work>(&'b Board<W>);

impl<W: Work> Drop for Alarm<'_, W> {
    fn drop(&mut self) {
        locked(&self.0.state).abandoned = true;
        self.0.changed.notify_all();
    }
}

impl<W: Work> Board<W> {
    fn work(&self, work: &W) {
        let mut state = locked(&self.state);
        loop {
            if state.abandoned {
                return;
            }
            let Some(id) = state.ready.pop_front() else {
                if state.running > 0 {
                    state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
                } else if state.finished == state.jobs.len() {
                    self.changed.notify_all();
                    return;
                } else {
                    state.break_cycle(work);
                }
                continue;
            };
            state.running += 1;
            let (key, resumed) = state.take(id);
            drop(state);
            let alarm = Alarm(self);
            let step = match resumed {
                None => work.start(&key),
                Some((rest, results)) => work.resume(&key, rest, results),
            };
            std::mem::forget(alarm);
            state = locked(&self.state);
            state.running -= 1;
            state.record(id, step);
            self.wake(&state);
        }
    }

    fn wake(&self, state: &MutexGuard<'_, State<W>>) {
        if state.ready.len() > 1 || state.running == 0 {
            self.changed.notify_all();
        } else {
            self.changed.notify_one();
        }
    }
}

impl<W: Work> State<W> {
    fn new() -> Self {
        Self {
            ids: BTreeMap::new(),
            jobs: Vec::new(),
            ready: VecDeque::new(),
            running: 0,
            finished: 0,
            abandoned: false,
        }
    }

    fn demand(&mut self, key: &W::Key) -> usize {
        if let Some(&id) = self.ids.get(key) {
            return id;
        }
        let id = self.jobs.len();
        self.ids.insert(key.clone(), id);
        self.jobs.push(Job { key: key.clone(), phase: Phase::New, dependants: Vec::new() });
        self.ready.push_back(id);
        id
    }

    fn take(&mut self, id: usize) -> (W::Key, Option<Resumed<W>>) {
        let key = self.jobs[id].key.clone();
        match std::mem::replace(&mut self.jobs[id].phase, Phase::Running) {
            Phase::Waiting { needs, rest, .. } => {
                let results = needs.iter().map(|&need| self.output(need)).collect();
                (key, Some((rest, results)))
            }
            _ => (key, None),
        }
    }

    fn output(&self, id: usize) -> W::Output {
        match &self.jobs[id].phase {
            Phase::Done(output) => output.clone(),
            _ => unreachable!("a job resumes when all it needs is done"),
        }
    }

    fn record(&mut self, id: usize, step: Step<W>) {
        match step {
            Step::Done(output) => self.finish(id, output),
            Step::Wait(keys, rest) => {
                let needs: Vec<_> = keys.iter().map(|key| self.demand(key)).collect();
                let mut missing = 0;
                for &need in &needs {
                    if !matches!(self.jobs[need].phase, Phase::Done(_)) {
                        self.jobs[need].dependants.push(id);
                        missing += 1;
                    }
                }
                self.jobs[id].phase = Phase::Waiting { needs, missing, rest };
                if missing == 0 {
                    self.ready.push_back(id);
                }
            }
        }
    }

    fn finish(&mut self, id: usize, output: W::Output) {
        self.jobs[id].phase = Phase::Done(output);
        self.finished += 1;
        self.release_dependants(id);
    }

    fn release_dependants(&mut self, id: usize) {
        for dependant in std::mem::take(&mut self.jobs[id].dependants) {
            if let Phase::Waiting { missing, .. } = &mut self.jobs[dependant].phase {
                *missing -= 1;
                if *missing == 0 {
                    self.ready.push_back(dependant);
                }
            }
        }
    }

    /// Nothing runs and nothing is ready: some of the waiting jobs wait for each other.
    fn break_cycle(&mut self, work: &W) {
        let chain = self.find_cycle();
        let keys: Vec<_> = chain.iter().map(|&id| self.jobs[id].key.clone()).collect();
        let output = work.cycle(&keys);
        for &id in &chain {
            self.jobs[id].phase = Phase::Done(output.clone());
        }
        self.finished += chain.len();
        for id in chain {
            self.release_dependants(id);
        }
    }

    /// The circle reached from the smallest waiting job by smallest needs, smallest first.
    fn find_cycle(&self) -> Vec<usize> {
        let waiting = |&id: &usize| matches!(self.jobs[id].phase, Phase::Waiting { .. });
        let mut current = self.ids.values().copied().find(waiting).expect("an unfinished job waits");
        let mut path: Vec<usize> = Vec::new();
        while !path.contains(&current) {
            path.push(current);
            let Phase::Waiting { needs, .. } = &self.jobs[current].phase else {
                unreachable!("only waiting jobs are followed")
            };
            let smallest = needs.iter().copied().filter(waiting).min_by_key(|&id| &self.jobs[id].key);
            current = smallest.expect("a waiting job needs an unfinished one, and those all wait");
        }
        let start = path.iter().position(|&id| id == current).unwrap_or_default();
        let mut chain = path.split_off(start);
        let least = (0..chain.len()).min_by_key(|&place| &self.jobs[chain[place]].key).unwrap_or_default();
        chain.rotate_left(least);
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Adds up the numbers reachable from a number; in a circle, the result is 0.
    struct Sums {
        needs: BTreeMap<u32, Vec<u32>>,
        results: Mutex<BTreeMap<u32, u64>>,
        cycles: Mutex<Vec<Vec<u32>>>,
    }

    impl Sums {
        fn done(&self, key: u32, sum: u64) -> Step<Self> {
            assert_eq!(locked(&self.results).insert(key, sum), None, "{key} ran twice");
            Step::Done(sum)
        }
    }

    impl Work for Sums {
        type Key = u32;
        type Output = u64;
        type Rest = u64;

        fn start(&self, key: &u32) -> Step<Self> {
            Step::Wait(self.needs.get(key).cloned().unwrap_or_default(), u64::from(*key))
        }

        fn resume(&self, key: &u32, rest: u64, results: Vec<u64>) -> Step<Self> {
            self.done(*key, rest + results.iter().sum::<u64>())
        }

        fn cycle(&self, chain: &[u32]) -> u64 {
            locked(&self.cycles).push(chain.to_vec());
            0
        }
    }

    fn sums(needs: &[(u32, &[u32])], threads: usize) -> (BTreeMap<u32, u64>, Vec<Vec<u32>>) {
        let needs = needs.iter().map(|(key, needs)| (*key, needs.to_vec())).collect();
        let work = Sums { needs, results: Mutex::default(), cycles: Mutex::default() };
        run(&work, vec![1], NonZeroUsize::new(threads).unwrap());
        (work.results.into_inner().unwrap(), work.cycles.into_inner().unwrap())
    }

    #[test]
    fn needs_come_first_and_run_once() {
        let (results, cycles) = sums(&[(1, &[2, 3]), (2, &[4]), (3, &[4])], 3);
        assert_eq!(results, BTreeMap::from([(4, 4), (2, 6), (3, 7), (1, 14)]));
        assert!(cycles.is_empty());
    }

    #[test]
    fn a_circle_is_reported_from_its_smallest_member_and_the_rest_goes_on() {
        let (results, cycles) = sums(&[(1, &[5, 2]), (5, &[4]), (4, &[3]), (3, &[5])], 2);
        assert_eq!(cycles, [[3, 5, 4]]);
        assert_eq!(results, BTreeMap::from([(2, 2), (1, 3)]));
    }

    proptest! {
        #[test]
        fn the_number_of_threads_changes_nothing(edges in prop::collection::vec((1u32..30, 1u32..30), 0..80)) {
            let mut needs = BTreeMap::<u32, Vec<u32>>::new();
            for (from, to) in edges {
                needs.entry(from).or_default().push(to);
            }
            let needs: Vec<_> = needs.iter().map(|(key, needs)| (*key, needs.as_slice())).collect();
            prop_assert_eq!(sums(&needs, 1), sums(&needs, 4));
        }
    }
}
