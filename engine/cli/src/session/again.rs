//! A request answered from the stored graph: only what a change reaches is evaluated,
//! analysed and looked up; the rest is as the last build left it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use wiz_base::{RelPath, TargetPattern};
use wiz_cas::Stamp;
use wiz_graph::{ActionGraph, ActionId, AnalyzedTarget, ConfiguredTarget, Standing};
use wiz_recall::{
    ActionName, Change, Known, Look, NewGraph, ReceiptTarget, Sight, StoredGraph, TargetActions, record,
};
use wiz_star::{Analysis, Earlier, WORKSPACE_FILE, analyze_again};

use super::receipt::{Kept, changed, program};
use super::watched::ignore_file;
use super::{Built, Session, Work};
use crate::commands::build::{Goal, default_outputs, test_results, wanted_of};
use crate::error::{CliError, Kind};

/// The graph that a build goes on from.
#[derive(Debug)]
pub(crate) struct Before {
    stored: StoredGraph,
    changed: BTreeSet<RelPath>,
}

impl Session<'_> {
    /// What patterns name, from the stored graph; `None` if there is none to go on from.
    ///
    /// # Errors
    /// If definitions are wrong, with every fault.
    pub(crate) fn again(
        &self,
        patterns: &[TargetPattern],
        goal: Goal,
        kept: Option<Kept>,
    ) -> Result<Option<Built>, CliError> {
        let Some(before) = self.before() else { return Ok(None) };
        let Some(mut analysis) = self.analyze_again(&before, patterns) else { return Ok(None) };
        if goal == Goal::Tests && analysis.is_sound() {
            let requested = analysis.requested.clone();
            let Some(tests) = self.tests(&before, &analysis, &requested) else { return Ok(None) };
            if !tests.is_empty() {
                let all: Vec<_> = patterns.iter().cloned().chain(tests).collect();
                let Some(again) = self.analyze_again(&before, &all) else { return Ok(None) };
                analysis = again;
            }
        }
        if !analysis.is_sound() {
            return Err(CliError::definitions(analysis.diagnostics));
        }
        self.warn(&analysis.diagnostics);
        self.narrowed(before, analysis, goal, kept)
    }

    fn before(&self) -> Option<Before> {
        let stored = StoredGraph::load(&self.state(), program()?)?;
        if stored.function != self.digest_function().name() {
            return None;
        }
        // What is taken over is looked up nowhere, so it is published by nobody.
        if let Some(remote) = &self.remote_cache
            && stored.shared != Some(remote.to_string())
        {
            return None;
        }
        let unproved = Look::below(&self.root).ok()?.unproved(&stored.sights);
        let changed = changed(self.config, &self.root, &stored.function, &stored.sights, &unproved)?;
        // These decide what everything else means.
        let fundamental = [RelPath::new(WORKSPACE_FILE).ok()?, ignore_file()];
        let rebuild = fundamental.iter().any(|path| changed.contains(path));
        (!rebuild).then_some(Before { stored, changed })
    }

    fn analyze_again(&self, before: &Before, patterns: &[TargetPattern]) -> Option<Analysis> {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let earlier =
            Earlier { memory: &before.stored.memory, bodies: &before.stored, changed: &before.changed };
        analyze_again(&self.sources, &self.workspace, patterns, &self.platform, threads, &earlier)
    }

    /// Patterns for the targets that test the requested ones.
    fn tests(
        &self,
        before: &Before,
        analysis: &Analysis,
        requested: &[ConfiguredTarget],
    ) -> Option<Vec<TargetPattern>> {
        let mut tests = Vec::new();
        for id in requested {
            let stored;
            let target = match analysis.targets.get(id) {
                Some(target) => target,
                None => {
                    stored = before.stored.target(id)?;
                    &*stored
                }
            };
            tests.extend(super::tests_of(target).into_iter().map(TargetPattern::Single));
        }
        Some(tests)
    }

    /// The part of the graph that has to be looked at.
    fn narrowed(
        &self,
        before: Before,
        analysis: Analysis,
        goal: Goal,
        kept: Option<Kept>,
    ) -> Result<Option<Built>, CliError> {
        let fresh = analysis.targets.into_iter().map(|(id, target)| (id, Arc::new(target)));
        let fresh: BTreeMap<_, _> = fresh.collect();
        let change = Change { stored: &before.stored, fresh: &fresh, changed: &before.changed };
        let mut standing = kept.map(Kept::standing).unwrap_or_default();
        let stored_roots = |actions: &TargetActions| match goal {
            Goal::Outputs => actions.outputs.clone(),
            Goal::Tests => actions.tests.clone(),
        };
        let mut roots = Vec::new();
        for id in &analysis.requested {
            let Some(own) = change.roots(id, stored_roots, |target| wanted_of(target, goal)) else {
                return Ok(None);
            };
            roots.push(own);
        }
        let all: Vec<ActionName> = roots.iter().flatten().cloned().collect();
        let Some(decided) = change.decide(&all) else { return Ok(None) };
        let (mut reused, mut deliver, mut targets) = (BTreeMap::new(), Vec::new(), fresh.clone());
        for (id, own) in analysis.requested.iter().zip(roots) {
            let is_same = !fresh.contains_key(id) && !own.iter().any(|root| decided.is_doubtful(root));
            // The receipt may be of an earlier or a later build than the graph.
            let is_made_of = |target: &ReceiptTarget| change.made(&own).as_ref() == Some(&target.made);
            match standing.remove(&id.label.to_string()).filter(|target| is_same && is_made_of(target)) {
                Some(target) => drop(reused.insert(id.clone(), target)),
                None => {
                    let Some(target) = change.target(id) else { return Ok(None) };
                    targets.insert(id.clone(), target);
                    deliver.extend(own);
                }
            }
        }
        let Some(plan) = decided.plan(deliver) else { return Ok(None) };
        let names: Vec<ActionName> = plan.actions.iter().map(|(name, _)| name.clone()).collect();
        let actions = plan.actions.into_iter().map(|(name, action)| {
            let is_settled = plan.settled.contains_key(&name);
            (action, if is_settled { Standing::Settled } else { Standing::Open })
        });
        let graph = ActionGraph::build_upon(actions)
            .map_err(|error| CliError::new(Kind::User, "WIZ2042", error.to_string()))?;
        let ids = graph.ids().zip(&names);
        let settled = ids.filter_map(|(id, name)| Some((id, plan.settled.get(name)?.clone()))).collect();
        Ok(Some(Built {
            targets,
            requested: analysis.requested,
            files: analysis.files,
            memory: analysis.memory,
            graph,
            names,
            settled,
            omitted: plan.omitted,
            reused,
            fresh: fresh.into_keys().collect(),
            before: Some(before),
        }))
    }

    /// Stores what this build found out of the graph.
    pub(super) fn keep_graph(
        &self,
        program: Stamp,
        built: &Built,
        work: &Work,
        sights: Vec<Sight>,
    ) -> std::io::Result<()> {
        let stored = built.before.as_ref().map(|before| &before.stored);
        let looked: BTreeSet<&ConfiguredTarget> = built.names.iter().map(|name| &name.target).collect();
        let known = Findings::new(built, work);
        let mut actions = BTreeMap::new();
        for id in built.memory.targets.keys() {
            let before = stored.and_then(|stored| stored.actions.get(id));
            let own = match before.filter(|_| !built.fresh.contains(id) && !looked.contains(id)) {
                Some(before) => before.clone(),
                None => match known.target(id) {
                    Some(target) => {
                        record(&target, &default_outputs(&target), &test_results(&target), &known)
                    }
                    None => continue,
                },
            };
            actions.insert(id.clone(), own);
        }
        known.forget_what_may_differ(&mut actions);
        let fresh = built.fresh.iter().filter_map(|id| built.targets.get(id)).map(|target| &**target);
        let new = NewGraph {
            program,
            function: self.digest_function().name(),
            shared: work.shared.clone(),
            sights,
            memory: &built.memory,
            actions: &actions,
            fresh: fresh.collect(),
        };
        StoredGraph::save(&self.state(), new, stored)
    }
}

impl Built {
    /// What an earlier build looked at and is still as it was.
    pub(super) fn earlier_sights(&self) -> impl Iterator<Item = &Sight> {
        let before = self.before.iter();
        before.flat_map(|before| {
            before.stored.sights.iter().filter(|sight| !before.changed.contains(&sight.path))
        })
    }
}

/// Targets and results of a build and of the one before.
struct Findings<'a> {
    built: &'a Built,
    work: &'a Work,
    ids: BTreeMap<&'a ActionName, ActionId>,
}

impl<'a> Findings<'a> {
    fn new(built: &'a Built, work: &'a Work) -> Self {
        Self { built, work, ids: built.names.iter().zip(built.graph.ids()).collect() }
    }

    /// Takes away the earlier results of actions that this build did not look at, although
    /// something they read has changed. What depends on them is doubtful with them.
    fn forget_what_may_differ(&self, actions: &mut BTreeMap<ConfiguredTarget, TargetActions>) {
        let Some(before) = &self.built.before else { return };
        let earlier = |name: &ActionName| {
            let action = before.stored.actions.get(&name.target)?.actions.get(name.place as usize)?;
            Some(action.result.as_ref()?.output_root)
        };
        let now = |id: &ActionId| self.work.outcome.result(*id).map(|result| result.output_root);
        let differs = |(name, id): &(&&ActionName, &ActionId)| {
            self.built.fresh.contains(&name.target) || earlier(name) != now(id)
        };
        let differing: BTreeSet<&ActionName> =
            self.ids.iter().filter(differs).map(|(name, _)| *name).collect();
        if differing.is_empty() && before.changed.is_empty() {
            return;
        }
        let touched = |source: &RelPath| before.changed.iter().any(|path| path.starts_with(source));
        for (id, target) in actions {
            for (action, place) in target.actions.iter_mut().zip(0..) {
                let name = ActionName { target: id.clone(), place };
                let differs = action.producers.iter().any(|producer| {
                    differing.contains(producer) || self.built.fresh.contains(&producer.target)
                });
                if (differs || action.sources.iter().any(touched)) && !self.ids.contains_key(&name) {
                    action.result = None;
                }
            }
        }
    }

    fn target(&self, id: &ConfiguredTarget) -> Option<Arc<AnalyzedTarget>> {
        let now = self.built.targets.get(id).cloned();
        now.or_else(|| self.built.before.as_ref()?.stored.target(id))
    }
}

impl Known for Findings<'_> {
    fn place(&self, target: &ConfiguredTarget, path: &RelPath) -> Option<u32> {
        let target = self.target(target)?;
        let place = target.actions.iter().position(|action| action.outputs.contains_key(path))?;
        u32::try_from(place).ok()
    }

    fn result(&self, name: &ActionName) -> Option<wiz_base::reapi::ActionResult> {
        if let Some(result) = self.ids.get(name).and_then(|id| self.work.outcome.result(*id)) {
            return Some(result.clone());
        }
        // An action of a target that came to something else has no earlier result.
        let stored = &self.built.before.as_ref().filter(|_| !self.built.fresh.contains(&name.target))?.stored;
        let action = stored.actions.get(&name.target)?.actions.get(name.place as usize)?;
        action.result.as_ref().map(Into::into)
    }
}
