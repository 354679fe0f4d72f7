//! The sandbox of an action that is not about to run: what it needs is built first.

use std::collections::{BTreeSet, VecDeque};

use wiz_base::TargetPattern;
use wiz_cas::Scratch;
use wiz_graph::{ActionGraph, ActionId, ActionKind, ConfiguredTarget};
use wiz_sandbox::Spec;
use wiz_scheduler::{FailureKind, Setback};

use super::{Built, Session, store_error};
use crate::commands::build::{summarize, view};
use crate::error::{CliError, Kind};
use crate::progress::{Progress, Stopwatch};

/// A sandbox that is ready to be entered.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// The action it is of, as people know it.
    pub(crate) action: String,
    /// What it consists of.
    pub(crate) spec: Spec,
    /// Where what is written in it goes; removed with it.
    _scratch: Scratch,
}

impl Session<'_> {
    /// The sandbox of the nearest command on the way to the target's outputs, or of the nearest
    /// of a category, with `command` to run there.
    ///
    /// # Errors
    /// If there is no such action, what it needs cannot be built, or definitions are wrong.
    pub(crate) fn sandbox(
        &self,
        target: &ConfiguredTarget,
        category: Option<&str>,
        command: Vec<String>,
    ) -> Result<Sandbox, CliError> {
        let built = self.analyse(&[TargetPattern::Single(target.label.clone())])?;
        let id = nearest(&built, target, category).ok_or_else(|| no_action(&built, target, category))?;
        let graph = &built.graph;
        let needed: BTreeSet<ActionId> = graph.dependencies(id).collect();
        let (progress, clock) = (Progress::new(view(self.config), None, None), Stopwatch::start());
        let work = self.build(&built, &needed, &progress, &clock)?;
        if !work.outcome.succeeded() {
            summarize(&work.outcome, 0)?;
        }
        let (store, executor) = self.executor()?;
        let scratch = store.scratch().map_err(|error| store_error(&error))?;
        let folder = scratch.path().join("sandbox");
        std::fs::create_dir(&folder).map_err(|error| refusal(&error.to_string()))?;
        let spec = executor.sandbox(graph, id, &work.outcome, &folder, command);
        let spec = spec.map_err(|setback| refused(&setback))?;
        Ok(Sandbox { action: graph.action(id).display_name(), spec, _scratch: scratch })
    }
}

/// The first command, or the first of a category, on the way from the target's actions to what
/// they need; its own come first.
fn nearest(built: &Built, target: &ConfiguredTarget, category: Option<&str>) -> Option<ActionId> {
    let graph = &built.graph;
    let is_meant = |id: &ActionId| {
        let action = graph.action(*id);
        matches!(action.kind, ActionKind::Run(_))
            && category.is_none_or(|category| action.category == category)
    };
    let own = own_actions(graph, target);
    let mut seen: BTreeSet<ActionId> = own.iter().copied().collect();
    let mut pending: VecDeque<ActionId> = own.into();
    while let Some(id) = pending.pop_front() {
        if is_meant(&id) {
            return Some(id);
        }
        pending.extend(graph.dependencies(id).filter(|id| seen.insert(*id)));
    }
    None
}

fn own_actions(graph: &ActionGraph, target: &ConfiguredTarget) -> Vec<ActionId> {
    graph.ids().filter(|id| graph.action(*id).owner == *target).collect()
}

fn no_action(built: &Built, target: &ConfiguredTarget, category: Option<&str>) -> CliError {
    let graph = &built.graph;
    let closure = graph.closure(own_actions(graph, target));
    let commands = closure.iter().map(|id| graph.action(*id));
    let commands = commands.filter(|action| matches!(action.kind, ActionKind::Run(_)));
    let categories: BTreeSet<&str> = commands.map(|action| action.category.as_str()).collect();
    let what =
        category.map_or("no command".to_owned(), |category| format!("no command of category `{category}`"));
    let error = CliError::new(Kind::User, "WIZ2053", format!("{what} makes anything for `{}`", target.label));
    if categories.is_empty() {
        return error.hint("what wiz does itself, such as unpacking and packing, has no sandbox");
    }
    let names: Vec<&str> = categories.into_iter().collect();
    error.hint(format!("there are commands of category {}", names.join(", ")))
}

fn refusal(message: &str) -> CliError {
    CliError::new(Kind::Surroundings, "WIZ2051", format!("the sandbox cannot be made: {message}"))
}

fn refused(setback: &Setback) -> CliError {
    match setback {
        Setback::Failed(failure) if failure.kind == FailureKind::User => {
            CliError::new(Kind::User, &failure.code, failure.message.clone())
        }
        other => refusal(&other.to_string()),
    }
}
