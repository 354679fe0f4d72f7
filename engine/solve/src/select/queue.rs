//! The names that are to be looked at again, and those that are to be settled.

use std::collections::{BTreeSet, VecDeque};

use super::state::NameState;
use crate::pool::NameId;

/// The queues of a choice in progress. A name is in each at most once.
#[derive(Debug, Default)]
pub(super) struct Queues {
    changed: VecDeque<NameId>,
    /// Names with one candidate and no dependant left undecided, as they come.
    certain: VecDeque<NameId>,
    /// Names with a candidate that may be chosen by itself.
    eligible: BTreeSet<((bool, bool, u32), NameId)>,
    others: BTreeSet<((bool, bool, u32), NameId)>,
}

/// In which queue a name waits to be settled. Earlier ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Certain,
    Eligible,
    Other,
}

/// What happens to the place of a name that waits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// It keeps it, unless it has become certain.
    Kept,
    /// It is found anew.
    Renewed,
}

impl Queues {
    /// The name is to be looked at again, if it is needed and not settled.
    pub(super) fn change(&mut self, names: &mut [NameState], name: NameId) {
        let state = &mut names[name.index()];
        let is_needed = state.requirers > 0 || state.recheck_install_if;
        if !state.is_changed && !state.is_settled && is_needed {
            state.is_changed = true;
            self.changed.push_back(name);
        }
    }

    pub(super) fn next_changed(&mut self, names: &mut [NameState]) -> Option<NameId> {
        loop {
            let name = self.changed.pop_front()?;
            // A name that was settled meanwhile has lost its mark.
            if std::mem::take(&mut names[name.index()].is_changed) {
                return Some(name);
            }
        }
    }

    /// The name is to be settled, if anything needs it.
    pub(super) fn open(&mut self, names: &mut [NameState], name: NameId, order: Order) {
        let state = &mut names[name.index()];
        let is_certain = state.is_free && state.requirers > 0 && state.is_eligible && !state.has_options;
        match state.place {
            _ if state.is_settled => return,
            Some(Place::Certain) => return,
            Some(_) if !is_certain && order == Order::Kept => return,
            Some(_) => self.take_out(state, name),
            None if state.requirers == 0 && !state.is_triggered && !state.is_awaited => return,
            None => {}
        }
        let place = match (is_certain, state.is_eligible) {
            (true, _) => Place::Certain,
            (false, true) => Place::Eligible,
            (false, false) => Place::Other,
        };
        state.place = Some(place);
        match place {
            Place::Certain => self.certain.push_back(name),
            Place::Eligible => drop(self.eligible.insert((state.order, name))),
            Place::Other => drop(self.others.insert((state.order, name))),
        }
    }

    pub(super) fn next_open(&mut self, names: &mut [NameState]) -> Option<NameId> {
        let sorted = |queue: &mut BTreeSet<_>| queue.pop_last().map(|(_, name)| name);
        let name = self
            .certain
            .pop_front()
            .or_else(|| sorted(&mut self.eligible))
            .or_else(|| sorted(&mut self.others))?;
        names[name.index()].place = None;
        Some(name)
    }

    /// The name is settled and leaves every queue.
    pub(super) fn close(&mut self, names: &mut [NameState], name: NameId) {
        let state = &mut names[name.index()];
        self.take_out(state, name);
        state.is_changed = false;
    }

    fn take_out(&mut self, state: &mut NameState, name: NameId) {
        match state.place.take() {
            Some(Place::Certain) => self.certain.retain(|other| *other != name),
            Some(Place::Eligible) => drop(self.eligible.remove(&(state.order, name))),
            Some(Place::Other) => drop(self.others.remove(&(state.order, name))),
            None => {}
        }
    }
}
