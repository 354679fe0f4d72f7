//! Why actions were carried out: each is compared with the nearest earlier result of the
//! same action, and what differs is followed to where it comes from.
//!
//! What goes into a key lies beside its result, so neither a log nor the earlier definitions
//! are needed, and it does not matter which machine made the result. Unaware of how the
//! answer is shown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wiz_base::{Digest, RelPath, TargetPattern};
use wiz_cas::{Selected, Store};
use wiz_exec::LocalExecutor;
use wiz_graph::key::Key;
use wiz_graph::key::difference::{Difference, differences};
use wiz_graph::key::manifest::{Manifest, Part, folder_digest, node_text};
use wiz_graph::{ActionGraph, ActionId, Artifact, ConfiguredTarget};
use wiz_scheduler::Executor as _;

use super::Session;
use super::folders::changed_paths;
use super::look::{Keys, look_up};
use crate::commands::build::default_outputs;
use crate::error::CliError;

/// How many earlier results of an action are compared with it.
const MOST_EARLIER: usize = 16;

/// Why a target's actions were, or will be, carried out.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Explanation {
    /// The target.
    pub(crate) label: String,
    /// Its platform.
    pub(crate) platform: String,
    /// Whether everything has a result now.
    pub(crate) built: bool,
    /// The actions that differ from their earlier results, the target's own first.
    pub(crate) actions: Vec<Explained>,
}

/// One action beside the nearest earlier result of it.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Explained {
    /// Its name to people.
    pub(crate) action: String,
    /// What it was compared with.
    pub(crate) compared: Compared,
    /// What differs and comes from nowhere else.
    pub(crate) causes: Vec<Cause>,
    /// What differs because another action made it.
    pub(crate) followed: Vec<Followed>,
}

/// What an action was compared with.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "with")]
pub(crate) enum Compared {
    /// An earlier result.
    Earlier {
        /// Its key.
        key: String,
        /// Nanoseconds since 1970 at which it was made.
        made: i64,
    },
    /// A result that was made after the present one: something was set back.
    Later {
        /// Its key.
        key: String,
        /// Nanoseconds since 1970 at which it was made.
        made: i64,
    },
    /// Nothing: no other result of it is in the cache.
    Nothing,
    /// Nothing: its key is not known before what it needs is built.
    Unknown,
}

/// A difference that comes from nowhere else.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Cause {
    /// What differs.
    #[serde(flatten)]
    pub(crate) difference: Difference,
    /// Whether it is a file or folder of the workspace.
    pub(crate) source: bool,
    /// What differs in it, if it is a folder whose content is known.
    pub(crate) paths: Vec<String>,
}

/// A difference that another action made.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Followed {
    /// What differs.
    pub(crate) input: String,
    /// Who made it.
    pub(crate) producer: String,
}

impl Session<'_> {
    /// Why the default outputs of `target` were made again, or will be.
    ///
    /// # Errors
    /// If definitions are wrong, or the store cannot be opened.
    pub(crate) fn explain(&self, target: &ConfiguredTarget) -> Result<Explanation, CliError> {
        let built = self.analyse(&[TargetPattern::Single(target.label.clone())])?;
        let (store, executor) = self.executor()?;
        let graph = &built.graph;
        let mut roots = Vec::new();
        for artifact in built.requested().flat_map(default_outputs) {
            roots.extend(graph.producer(&artifact).filter(|id| !roots.contains(id)));
        }
        let (outcome, keys) = look_up(&executor, graph, &roots);
        let earlier = Earlier::find(&store, graph, &roots);
        let search = Search { store: &store, executor: &executor, graph, keys: &keys, earlier: &earlier };
        Ok(Explanation {
            label: target.label.to_string(),
            platform: target.platform.to_string(),
            built: roots.iter().all(|root| outcome.result(*root).is_some()),
            actions: search.answers(&roots),
        })
    }
}

/// Results in the cache, newest first, by the lasting name of the action they are of.
struct Earlier(BTreeMap<String, Vec<Selected<Manifest>>>);

impl Earlier {
    fn find(store: &Store, graph: &ActionGraph, roots: &[ActionId]) -> Self {
        let closure = graph.closure(roots.iter().copied());
        let wanted: BTreeSet<String> = closure.iter().map(|id| graph.action(*id).lasting_name()).collect();
        let found = store.select_results(|stored| {
            let manifest: Manifest = serde_json::from_slice(&stored.manifest).ok()?;
            wanted.contains(&manifest.action).then_some(manifest)
        });
        let mut all: BTreeMap<String, Vec<Selected<Manifest>>> = BTreeMap::new();
        for result in found {
            all.entry(result.what.action.clone()).or_default().push(result);
        }
        Self(all)
    }

    fn of(&self, name: &str) -> &[Selected<Manifest>] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// An input as an earlier result saw it: where it is, and its value.
type Before = Option<(Artifact, String)>;

/// What is to be explained next, and what a reader saw of it before.
type Next = Vec<(ActionId, Before)>;

/// A result that an action is compared with, and what differs.
type Near<'a> = (&'a Selected<Manifest>, Vec<Difference>);

struct Search<'a> {
    store: &'a Store,
    executor: &'a LocalExecutor,
    graph: &'a ActionGraph,
    keys: &'a Keys,
    earlier: &'a Earlier,
}

impl Search<'_> {
    /// Explains actions, and those that made what differs in them.
    fn answers(&self, roots: &[ActionId]) -> Vec<Explained> {
        let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
        for root in roots {
            for (id, explained) in self.answer(*root) {
                if seen.insert(id) {
                    all.push(explained);
                }
            }
        }
        all
    }

    /// Explains an action against each of its nearest earlier results, and takes the answer
    /// with the fewest causes.
    fn answer(&self, root: ActionId) -> Vec<(ActionId, Explained)> {
        let Some((key, manifest)) = self.keys.get(&root) else {
            return self.follow(root, self.unknown(root));
        };
        let nearest = self.nearest(&key.0, manifest, None);
        if nearest.is_empty() {
            return vec![(root, self.alone(root))];
        }
        let causes = |all: &Vec<(ActionId, Explained)>| -> usize {
            all.iter().map(|(_, explained)| explained.causes.len()).sum()
        };
        let answers = nearest.into_iter().map(|near| self.follow(root, self.compare(root, key, near)));
        answers.min_by_key(causes).unwrap_or_default()
    }

    /// Goes on from an explained action to those that made what differs in it.
    fn follow(&self, root: ActionId, (explained, next): (Explained, Next)) -> Vec<(ActionId, Explained)> {
        let (mut all, mut seen) = (vec![(root, explained)], BTreeSet::from([root]));
        let mut pending: VecDeque<(ActionId, Before)> = next.into();
        while let Some((id, before)) = pending.pop_front() {
            if seen.insert(id) {
                let (explained, next) = self.explain(id, before.as_ref());
                all.push((id, explained));
                pending.extend(next);
            }
        }
        all
    }

    fn explain(&self, id: ActionId, before: Option<&(Artifact, String)>) -> (Explained, Next) {
        let Some((key, manifest)) = self.keys.get(&id) else { return self.unknown(id) };
        match self.nearest(&key.0, manifest, before).into_iter().next() {
            Some(near) => self.compare(id, key, near),
            None => (self.alone(id), Vec::new()),
        }
    }

    /// An action of which there is no other result.
    fn alone(&self, id: ActionId) -> Explained {
        let action = self.graph.action(id).display_name();
        Explained { action, compared: Compared::Nothing, causes: Vec::new(), followed: Vec::new() }
    }

    fn compare(&self, id: ActionId, key: &Key, (near, found): Near<'_>) -> (Explained, Next) {
        let action = self.graph.action(id);
        let present = self.earlier.of(&action.lasting_name()).iter().find(|result| result.key == key.0);
        let (near, made) = (near.key.hex(), near.made);
        let compared = if present.is_some_and(|present| present.made < made) {
            Compared::Later { key: near, made }
        } else {
            Compared::Earlier { key: near, made }
        };
        let texts: Vec<&Difference> = found.iter().filter(|found| found.part == Part::Text).collect();
        let (mut causes, mut followed, mut next) = (Vec::new(), Vec::new(), Vec::new());
        for difference in found.iter().filter(|found| !found.follows_from_text(&texts)) {
            match self.made_by(id, difference) {
                Some((producer, artifact)) => {
                    let name = self.graph.action(producer).display_name();
                    followed.push(Followed { input: difference.name.clone(), producer: name });
                    next.push((producer, difference.before.clone().map(|value| (artifact, value))));
                }
                None => causes.push(self.cause(id, difference)),
            }
        }
        (Explained { action: action.display_name(), compared, causes, followed }, next)
    }

    /// An action that waits for others: those without results are why.
    fn unknown(&self, id: ActionId) -> (Explained, Next) {
        let action = self.graph.action(id).display_name();
        let (mut followed, mut next) = (Vec::new(), Vec::new());
        for artifact in self.graph.action(id).inputs() {
            let Some(producer) = self.graph.producer(artifact) else { continue };
            let has_result =
                self.keys.get(&producer).is_some_and(|(key, _)| self.store.peek_result(&key.0).is_some());
            if !has_result {
                let name = self.graph.action(producer).display_name();
                followed.push(Followed { input: artifact.to_string(), producer: name });
                next.push((producer, None));
            }
        }
        (Explained { action, compared: Compared::Unknown, causes: Vec::new(), followed }, next)
    }

    /// The results that an action is to be compared with, newest first: of those that made what
    /// a reader saw before, else of those made before the present one, else of all, those with
    /// the fewest differences.
    fn nearest(
        &self,
        key: &Digest,
        manifest: &Manifest,
        before: Option<&(Artifact, String)>,
    ) -> Vec<Near<'_>> {
        let all = self.earlier.of(&manifest.action);
        let present = all.iter().find(|result| result.key == *key).map(|result| result.made);
        let others = || all.iter().filter(|result| result.key != *key);
        let made_it =
            |result: &&Selected<Manifest>| before.is_some_and(|before| self.made(&result.key, before));
        let is_earlier = |result: &&Selected<Manifest>| present.is_none_or(|present| result.made < present);
        let found = nearest(others().filter(made_it), manifest);
        let found = if found.is_empty() { nearest(others().filter(is_earlier), manifest) } else { found };
        if found.is_empty() { nearest(others(), manifest) } else { found }
    }

    /// Whether the result under `key` made an input as its reader saw it.
    fn made(&self, key: &Digest, (artifact, value): &(Artifact, String)) -> bool {
        let Artifact::Output { path, inner, .. } = artifact else { return false };
        let Some(stored) = self.store.peek_result(key) else { return false };
        let node = self.executor.output_node(&stored.result, path, inner);
        node.is_ok_and(|node| node_text(&node) == *value)
    }

    /// The action that made what differs, if one did.
    fn made_by(&self, id: ActionId, difference: &Difference) -> Option<(ActionId, Artifact)> {
        let is_made = matches!(difference.part, Part::Root | Part::Input | Part::Text);
        if !is_made || difference.before.is_none() || difference.after.is_none() {
            return None;
        }
        let artifact = self.artifact(id, &difference.name)?;
        Some((self.graph.producer(artifact)?, artifact.clone()))
    }

    fn artifact(&self, id: ActionId, name: &str) -> Option<&Artifact> {
        self.graph.action(id).inputs().into_iter().find(|artifact| artifact.to_string() == name)
    }

    fn cause(&self, id: ActionId, difference: &Difference) -> Cause {
        let is_input = matches!(difference.part, Part::Root | Part::Input | Part::Text);
        let artifact = if is_input { self.artifact(id, &difference.name) } else { None };
        let folder = |value: &Option<String>| folder_digest(value.as_deref()?);
        let mut paths = Vec::new();
        if let (Some(before), Some(after)) = (folder(&difference.before), folder(&difference.after)) {
            changed_paths(self.store, (&before, &after), &RelPath::root(), &mut paths);
        }
        let source = matches!(artifact, Some(Artifact::Source { .. }));
        Cause { difference: difference.clone(), source, paths }
    }
}

/// Of some results those with the fewest differences from a manifest.
fn nearest<'a>(results: impl Iterator<Item = &'a Selected<Manifest>>, manifest: &Manifest) -> Vec<Near<'a>> {
    let compared = results.take(MOST_EARLIER).map(|result| (result, differences(&result.what, manifest)));
    let mut compared: Vec<Near<'_>> = compared.collect();
    let fewest = compared.iter().map(|(_, found)| found.len()).min();
    compared.retain(|(_, found)| Some(found.len()) == fewest);
    compared
}
