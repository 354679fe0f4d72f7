//! Targets: configured, then analysed when their dependencies are.

use std::sync::Arc;

use wiz_base::Label;
use wiz_graph::{AnalyzedTarget, ConfiguredTarget};

use super::{Key, Loader, ModuleOutcome, Outcome, Rest, TargetOutcome};
use crate::analysis::{self, Dependencies};
use crate::codes;
use crate::configure::{Configured, configure};
use crate::package::TargetDefinition;
use crate::reader::locked;
use crate::refusal::Refusal;
use crate::tasks::Step;

impl Loader<'_> {
    pub(super) fn find(&self, id: &ConfiguredTarget, results: &[Outcome]) -> Step<Self> {
        let done = |outcome| Step::Done(Outcome::Target(outcome));
        let [Outcome::Package(package)] = results else { return done(TargetOutcome::Failed) };
        let Some(definition) = package.targets.get(id.label.name()) else {
            return done(match package.lacks(&id.label) {
                Some(refusal) => TargetOutcome::Missing(Arc::new(refusal)),
                None => TargetOutcome::Failed,
            });
        };
        match configure(Arc::clone(definition), &id.platform, self.workspace) {
            Err(refusals) => {
                self.report(refusals.iter().map(|refusal| definition.site.diagnose(refusal)));
                done(TargetOutcome::Failed)
            }
            Ok(configured) => {
                let mut needs = vec![Key::Module(definition.rule.identity.module.clone())];
                needs.extend(configured.dependencies.iter().cloned().map(Key::Target));
                Step::Wait(needs, Rest::Analyze(Box::new(configured)))
            }
        }
    }

    pub(super) fn analyze(&self, configured: Configured, results: Vec<Outcome>) -> Step<Self> {
        let definition = Arc::clone(&configured.definition);
        let outcome = match self.analyzed(configured, results) {
            Some(target) => TargetOutcome::Analyzed(target, definition),
            None => TargetOutcome::Failed,
        };
        Step::Done(Outcome::Target(outcome))
    }

    fn analyzed(&self, configured: Configured, results: Vec<Outcome>) -> Option<Arc<AnalyzedTarget>> {
        let mut results = results.into_iter();
        let module = match results.next() {
            Some(Outcome::Module(ModuleOutcome::Loaded(module))) => module,
            _ => return None,
        };
        let site = &configured.definition.site;
        let (dependencies, mut refusals) = dependencies(&configured, results);
        refusals.extend(analysis::unmet(&configured, &dependencies));
        self.report(refusals.iter().map(|refusal| site.diagnose(refusal)));
        if !refusals.is_empty() || dependencies.len() < configured.dependencies.len() {
            return None;
        }
        let analyzed = analysis::analyze(configured, &dependencies, &module, self.workspace);
        let target = analyzed.target.map(Arc::new);
        let mut left = locked(&self.left);
        left.diagnostics.extend(analyzed.diagnostics);
        left.targets.extend(target.clone());
        target
    }
}

/// The dependencies that are there and may be depended on, and what is to say of the others.
fn dependencies(
    configured: &Configured,
    results: impl Iterator<Item = Outcome>,
) -> (Dependencies, Vec<Refusal>) {
    let mut dependencies = Dependencies::new();
    let mut refusals = Vec::new();
    let rule_folder = configured.definition.rule.identity.module.parent();
    for (id, result) in configured.dependencies.iter().zip(results) {
        match result {
            Outcome::Target(TargetOutcome::Analyzed(target, definition)) => {
                let label = &configured.id.label;
                let by_rule = rule_folder.as_ref().is_some_and(|folder| folder == id.label.package());
                if by_rule || definition.visibility.admits(label, id.label.package()) {
                    dependencies.insert(id.clone(), target);
                } else {
                    refusals.push(invisible(label, id, &definition));
                }
            }
            Outcome::Target(TargetOutcome::Missing(refusal)) => {
                refusals.push(analysis::focus_label((*refusal).clone(), id));
            }
            _ => {}
        }
    }
    (dependencies, refusals)
}

fn invisible(from: &Label, to: &ConfiguredTarget, definition: &TargetDefinition) -> Refusal {
    let place = definition.site.outermost().map(|span| format!(" at {span}")).unwrap_or_default();
    let message = format!("`{}` is not visible to `{from}`", to.label);
    let hint = format!("add `\"//{}:all\"` to its `visibility`{place}", from.package());
    analysis::focus_label(Refusal::new(codes::VISIBILITY, message).hint(hint), to)
}
