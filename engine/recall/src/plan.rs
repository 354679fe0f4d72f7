//! What of the action graph has to be looked at after a change: the actions that may come to
//! something else, and, as settled, those whose outputs they read. Everything else is left
//! in the stored graph. Unaware of how actions are carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, RelPath};
use wiz_graph::{Action, AnalyzedTarget, Artifact, ConfiguredTarget};

use crate::stored::{ActionName, StoredGraph, TargetActions};

/// What has changed since a graph was stored.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The graph.
    pub stored: &'a StoredGraph,
    /// Targets that came to something else.
    pub fresh: &'a BTreeMap<ConfiguredTarget, Arc<AnalyzedTarget>>,
    /// Paths at which something else is seen than before.
    pub changed: &'a BTreeSet<RelPath>,
}

/// Which of the actions that a request needs may come to something else.
#[derive(Debug)]
pub struct Decided<'c, 'a> {
    change: &'c Change<'a>,
    states: BTreeMap<ActionName, State>,
}

/// What has to be looked at.
#[derive(Debug, Default)]
pub struct Plan {
    /// The actions, those that are settled included.
    pub actions: Vec<(ActionName, Action)>,
    /// What is known already.
    pub settled: BTreeMap<ActionName, ActionResult>,
    /// How many actions that the request needs are left out.
    pub omitted: usize,
}

/// Where an action stands while it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its producers are being decided.
    Open,
    /// It comes to what it came to.
    Settled,
    /// It may come to something else.
    Doubtful,
}

impl Change<'_> {
    /// The target's actions that make what is wanted of it, as `wanted` chooses; `None` if
    /// something stored cannot be read back.
    #[must_use]
    pub fn roots(
        &self,
        id: &ConfiguredTarget,
        stored: impl Fn(&TargetActions) -> Vec<ActionName>,
        wanted: impl Fn(&AnalyzedTarget) -> Vec<Artifact>,
    ) -> Option<Vec<ActionName>> {
        if let Some(actions) = self.stored.actions.get(id).filter(|_| !self.fresh.contains_key(id)) {
            let roots = stored(actions);
            if roots.iter().all(|root| !self.fresh.contains_key(&root.target)) {
                return Some(roots);
            }
        }
        let target = self.target(id)?;
        self.producers(wanted(&target).iter())
    }

    /// The target as it is now.
    #[must_use]
    pub fn target(&self, id: &ConfiguredTarget) -> Option<Arc<AnalyzedTarget>> {
        match self.fresh.get(id) {
            Some(target) => Some(Arc::clone(target)),
            None => self.stored.target(id),
        }
    }

    /// Decides which of the actions that `roots` need may come to something else; `None` if
    /// something stored cannot be read back.
    #[must_use]
    pub fn decide(&self, roots: &[ActionName]) -> Option<Decided<'_, '_>> {
        let mut states: BTreeMap<ActionName, State> = BTreeMap::new();
        let mut pending: Vec<ActionName> = roots.to_vec();
        while let Some(name) = pending.last().cloned() {
            match states.get(&name) {
                None => {
                    states.insert(name.clone(), State::Open);
                    pending.extend(self.producers_of(&name)?);
                }
                Some(State::Open) => {
                    pending.pop();
                    let settled = |producer| states.get(producer) == Some(&State::Settled);
                    let settled = self.is_as_it_was(&name) && self.producers_of(&name)?.iter().all(settled);
                    states.insert(name, if settled { State::Settled } else { State::Doubtful });
                }
                Some(_) => drop(pending.pop()),
            }
        }
        Some(Decided { change: self, states })
    }

    /// Whether the action is stored with a result, and nothing it reads of the workspace
    /// has changed.
    fn is_as_it_was(&self, name: &ActionName) -> bool {
        let sources = |sources: &[RelPath]| {
            sources.iter().any(|source| self.changed.iter().any(|changed| changed.starts_with(source)))
        };
        !self.fresh.contains_key(&name.target)
            && self.stored.actions.get(&name.target).is_some_and(|target| {
                let action = target.actions.get(name.place as usize);
                action.is_some_and(|action| action.result.is_some() && !sources(&action.sources))
            })
    }

    /// What stored actions came to, if all of them have results: the digests of their output
    /// folders.
    #[must_use]
    pub fn made(&self, names: &[ActionName]) -> Option<Vec<Digest>> {
        names.iter().map(|name| Some(self.result(name)?.output_root)).collect()
    }

    fn result(&self, name: &ActionName) -> Option<ActionResult> {
        let action = self.stored.actions.get(&name.target)?.actions.get(name.place as usize)?;
        action.result.as_ref().map(ActionResult::from)
    }

    /// The actions whose outputs an action reads.
    fn producers_of(&self, name: &ActionName) -> Option<Vec<ActionName>> {
        if !self.fresh.contains_key(&name.target) {
            let target = self.stored.actions.get(&name.target)?;
            let producers = &target.actions.get(name.place as usize)?.producers;
            if producers.iter().all(|producer| !self.fresh.contains_key(&producer.target)) {
                return Some(producers.clone());
            }
        }
        let target = self.target(&name.target)?;
        self.producers(target.actions.get(name.place as usize)?.inputs().into_iter())
    }

    /// Who makes these artifacts.
    fn producers<'a>(&self, artifacts: impl Iterator<Item = &'a Artifact>) -> Option<Vec<ActionName>> {
        let mut producers = BTreeSet::new();
        for artifact in artifacts {
            let Artifact::Output { target, path, .. } = artifact else { continue };
            let owner = self.target(target)?;
            let place = owner.actions.iter().position(|action| action.outputs.contains_key(path))?;
            producers.insert(ActionName { target: target.clone(), place: u32::try_from(place).ok()? });
        }
        Some(producers.into_iter().collect())
    }
}

impl Decided<'_, '_> {
    /// Whether the action may come to something else.
    #[must_use]
    pub fn is_doubtful(&self, name: &ActionName) -> bool {
        self.states.get(name) == Some(&State::Doubtful)
    }

    /// The doubtful actions, with those whose outputs they read and those in `deliver`;
    /// `None` if something stored cannot be read back.
    #[must_use]
    pub fn plan(&self, deliver: impl IntoIterator<Item = ActionName>) -> Option<Plan> {
        let mut wanted: BTreeSet<ActionName> = deliver.into_iter().collect();
        for name in self.states.keys().filter(|name| self.is_doubtful(name)) {
            wanted.extend(self.change.producers_of(name)?);
            wanted.insert(name.clone());
        }
        let mut plan = Plan { omitted: self.states.len().saturating_sub(wanted.len()), ..Plan::default() };
        for name in wanted {
            if !self.is_doubtful(&name) {
                plan.settled.insert(name.clone(), self.change.result(&name)?);
            }
            let target = self.change.target(&name.target)?;
            let action = target.actions.get(name.place as usize)?.clone();
            plan.actions.push((name, action));
        }
        Some(plan)
    }
}
