//! Targets: configured, then analysed when their dependencies are; those that cannot have
//! changed are taken as they were.

use std::sync::Arc;

use wiz_base::Label;
use wiz_graph::{AnalyzedTarget, ConfiguredTarget, Fingerprint, Ink};

use super::{Key, Loader, ModuleOutcome, Outcome, Rest, TargetOutcome};
use crate::analysis::{self, Dependencies};
use crate::configure::{Configured, configure};
use crate::package::{TargetDefinition, Visibility};
use crate::reader::locked;
use crate::refusal::Refusal;
use crate::tasks::Step;
use wiz_graph::memory::RememberedTarget;

/// A target as those see it that depend on it.
#[derive(Clone)]
pub(crate) struct Known {
    /// Of all of it that dependants can see.
    pub(crate) face: Fingerprint,
    pub(crate) visibility: Arc<Visibility>,
    span: Option<wiz_base::Span>,
    /// What it came to; `None` if that is only remembered so far.
    target: Option<Arc<AnalyzedTarget>>,
}

impl Loader<'_> {
    pub(super) fn start_target(&self, id: &ConfiguredTarget) -> Step<Self> {
        let Some(past) = self.past else { return self.find_package(id) };
        if let Some(target) = past.settled(id) {
            return known(target);
        }
        match past.doubtful(id) {
            Some(doubtful) => Step::Wait(doubtful.into_iter().map(Key::Target).collect(), Rest::Compare),
            None => self.find_package(id),
        }
    }

    fn find_package(&self, id: &ConfiguredTarget) -> Step<Self> {
        Step::Wait(vec![Key::Package(id.label.package().clone())], Rest::Find)
    }

    /// The definition has not changed: if nothing it depends on looks different, neither
    /// has what it comes to.
    pub(super) fn compare(&self, id: &ConfiguredTarget, results: &[Outcome]) -> Step<Self> {
        let remembered = self.past.and_then(|past| {
            let target = past.memory.targets.get(id)?;
            let mut doubtful = past.doubtful(id)?.into_iter().zip(results);
            doubtful.all(|(dependency, result)| result.face() == past.face(&dependency)).then_some(target)
        });
        let Some(target) = remembered else { return self.find_package(id) };
        locked(&self.left).memory.targets.insert(id.clone(), target.clone());
        known(target)
    }

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
        let known = self.known(configured, results);
        Step::Done(Outcome::Target(known.map_or(TargetOutcome::Failed, TargetOutcome::Known)))
    }

    fn known(&self, configured: Configured, results: Vec<Outcome>) -> Option<Known> {
        let mut results = results.into_iter();
        let module = match results.next() {
            Some(Outcome::Module(ModuleOutcome::Loaded(module))) => module,
            _ => return None,
        };
        let definition = Arc::clone(&configured.definition);
        let (dependencies, refusals) = visible(&configured, results);
        self.report(refusals.iter().map(|refusal| definition.site.diagnose(refusal)));
        if dependencies.len() < configured.dependencies.len() {
            return None;
        }
        let fingerprint = definition.fingerprint(&self.fingerprints);
        let faces = dependencies.iter().map(|(id, known)| (id, known.face));
        let visibility = Arc::clone(&definition.visibility);
        let span = definition.site.outermost();
        if let Some(target) = self.past.and_then(|past| past.unchanged(&configured.id, fingerprint, faces)) {
            let target = RememberedTarget { span: span.clone(), ..target.clone() };
            let known = Known { face: target.face, visibility, span, target: None };
            locked(&self.left).memory.targets.insert(configured.id, target);
            return Some(known);
        }
        let dependencies = self.bodies(dependencies)?;
        let refusals = analysis::unmet(&configured, &dependencies);
        self.report(refusals.iter().map(|refusal| definition.site.diagnose(refusal)));
        if !refusals.is_empty() {
            return None;
        }
        let analyzed = analysis::analyze(configured, &dependencies, &module, self.workspace);
        let target = analyzed.target.map(Arc::new);
        self.report(analyzed.diagnostics);
        let target = target?;
        let face = self.face(&target, &visibility);
        let remembered = RememberedTarget {
            definition: fingerprint,
            rule: definition.rule.identity.module.clone(),
            face,
            span: span.clone(),
            visibility: visibility.patterns().map(<[_]>::to_vec),
            dependencies: target.dependencies.clone(),
        };
        let mut left = locked(&self.left);
        left.memory.targets.insert(target.id.clone(), remembered);
        left.targets.push(Arc::clone(&target));
        Some(Known { face, visibility, span, target: Some(target) })
    }

    fn face(&self, target: &AnalyzedTarget, visibility: &Visibility) -> Fingerprint {
        let mut ink = Ink::default();
        visibility.fingerprint(&mut ink);
        for provider in &target.providers {
            ink.fingerprint(&self.fingerprints.provider(provider));
        }
        ink.dry()
    }

    /// What the dependencies came to; read back where that is only remembered.
    fn bodies(&self, dependencies: Vec<(ConfiguredTarget, Known)>) -> Option<Dependencies> {
        let mut bodies = Dependencies::new();
        for (id, known) in dependencies {
            let body = known.target.or_else(|| self.past?.bodies.body(&id));
            let Some(body) = body else {
                locked(&self.left).forgotten = true;
                return None;
            };
            bodies.insert(id, body);
        }
        Some(bodies)
    }
}

impl Outcome {
    fn face(&self) -> Option<Fingerprint> {
        match self {
            Self::Target(TargetOutcome::Known(known)) => Some(known.face),
            _ => None,
        }
    }
}

/// A target as it was.
fn known(target: &RememberedTarget) -> Step<Loader<'_>> {
    let visibility = target.visibility.clone().map_or(Visibility::Public, Visibility::Only);
    let (face, span) = (target.face, target.span.clone());
    let known = Known { face, visibility: Arc::new(visibility), span, target: None };
    Step::Done(Outcome::Target(TargetOutcome::Known(known)))
}

/// The dependencies that are there and may be depended on, ordered, and what is to say of
/// the others.
fn visible(
    configured: &Configured,
    results: impl Iterator<Item = Outcome>,
) -> (Vec<(ConfiguredTarget, Known)>, Vec<Refusal>) {
    let mut dependencies = Vec::new();
    let mut refusals = Vec::new();
    let rule_folder = configured.definition.rule.identity.module.parent();
    for (id, result) in configured.dependencies.iter().zip(results) {
        match result {
            Outcome::Target(TargetOutcome::Known(known)) => {
                let label = &configured.id.label;
                let by_rule = rule_folder.as_ref().is_some_and(|folder| folder == id.label.package());
                if by_rule || known.visibility.admits(label, id.label.package()) {
                    dependencies.push((id.clone(), known));
                } else {
                    refusals.push(invisible(label, id, &known));
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

fn invisible(from: &Label, to: &ConfiguredTarget, known: &Known) -> Refusal {
    let place = known.span.as_ref().map(|span| format!(" at {span}")).unwrap_or_default();
    let message = format!("`{}` is not visible to `{from}`", to.label);
    let hint = format!("add `\"//{}:all\"` to its `visibility`{place}", from.package());
    analysis::focus_label(Refusal::new(crate::codes::VISIBILITY, message).hint(hint), to)
}

impl TargetDefinition {
    /// Of all that decides what the target comes to, but for the rule's own file.
    fn fingerprint(&self, fingerprints: &wiz_graph::Fingerprints) -> Fingerprint {
        let mut ink = Ink::default();
        ink.text(self.rule.identity.module.as_str());
        ink.text(self.rule.identity.name().unwrap_or_default());
        self.visibility.fingerprint(&mut ink);
        ink.number(self.tags.len() as u64);
        for tag in &self.tags {
            ink.text(tag);
        }
        for given in &self.values {
            match given {
                None => {
                    ink.tag(0);
                }
                Some(given) => given.fingerprint(fingerprints, ink.tag(1)),
            }
        }
        ink.dry()
    }
}
