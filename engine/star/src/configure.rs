//! From a definition to what it is for one platform: choices made, dependencies named.
//! Unaware of what the dependencies are.

use std::collections::BTreeSet;
use std::sync::Arc;

use wiz_base::{Label, PlatformName, RelPath};
use wiz_graph::{Artifact, ConfiguredTarget, Value as Data};

use crate::analysis::Dependencies;
use crate::attribute::Given;
use crate::attribute::kind::{Edge, Requirement};
use crate::codes;
use crate::package::TargetDefinition;
use crate::refusal::Refusal;
use crate::workspace::Workspace;

/// A target for one platform.
pub(crate) struct Configured {
    pub(crate) id: ConfiguredTarget,
    pub(crate) definition: Arc<TargetDefinition>,
    /// In the order of the rule's attributes.
    pub(crate) attributes: Vec<Resolved>,
    /// Ordered and unique.
    pub(crate) dependencies: Vec<ConfiguredTarget>,
}

/// An attribute's value for one platform.
#[derive(Clone, Debug)]
pub(crate) enum Resolved {
    /// Data.
    Data(Data),
    /// A file or folder of the workspace.
    Source(RelPath),
    /// Another target.
    Target(ConfiguredTarget, Arc<Requirement>),
    /// A list with targets or sources in it.
    List(Vec<Resolved>),
    /// A dict with targets or sources in it.
    Dict(Vec<(String, Resolved)>),
}

/// Makes the choices of a definition, or says everything that is wrong with them.
pub(crate) fn configure(
    definition: Arc<TargetDefinition>,
    platform: &PlatformName,
    workspace: &Workspace,
) -> Result<Configured, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut attributes = Vec::with_capacity(definition.values.len());
    let mut dependencies = BTreeSet::new();
    let choice = Choice { platform, workspace };
    for ((name, attribute), given) in definition.rule.attributes.iter().zip(&definition.values) {
        let nothing = Given::Data(Data::None);
        let given = given.as_ref().or(attribute.default.as_ref()).unwrap_or(&nothing);
        match choice.resolve(given) {
            Ok(resolved) => {
                resolved.collect_targets(&mut dependencies);
                attributes.push(resolved);
            }
            Err(refusal) => {
                let message = format!("attribute `{name}`: {}", refusal.message);
                refusals.push(Refusal { message, ..refusal }.focus(format!("{name} =")));
            }
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let id = ConfiguredTarget { label: definition.label.clone(), platform: platform.clone() };
    Ok(Configured { id, definition, attributes, dependencies: dependencies.into_iter().collect() })
}

struct Choice<'a> {
    platform: &'a PlatformName,
    workspace: &'a Workspace,
}

impl Choice<'_> {
    fn resolve(&self, given: &Given) -> Result<Resolved, Refusal> {
        Ok(match given {
            Given::Data(data) => Resolved::Data(data.clone()),
            Given::Source(path) => Resolved::Source(path.clone()),
            Given::Target { label, requirement } => self.target(label.clone(), requirement),
            Given::Toolchain { name, requirement, optional } => match self.toolchain(name) {
                Ok(label) => self.target(label, requirement),
                Err(_) if *optional => Resolved::Data(Data::None),
                Err(refusal) => return Err(refusal),
            },
            Given::List(items) => {
                Resolved::List(items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?)
            }
            Given::Dict(entries) => {
                let entry = |(key, value): &(String, Given)| Ok((key.clone(), self.resolve(value)?));
                Resolved::Dict(entries.iter().map(entry).collect::<Result<_, Refusal>>()?)
            }
            Given::Select(branches) => self.resolve(self.branch(branches)?)?,
            Given::Sum(terms) => sum(self.resolve(&terms.0)?, self.resolve(&terms.1)?)?,
        })
    }

    fn target(&self, label: Label, requirement: &Arc<Requirement>) -> Resolved {
        let platform = match requirement.edge {
            Edge::Same => self.platform.clone(),
            Edge::Execution => self.workspace.execution_platform.clone(),
        };
        Resolved::Target(ConfiguredTarget { label, platform }, Arc::clone(requirement))
    }

    fn toolchain(&self, name: &str) -> Result<Label, Refusal> {
        self.workspace.toolchain(name, self.platform).cloned().ok_or_else(|| {
            let message = format!("there is no toolchain `{name}` for `{}`", self.platform);
            Refusal::new(codes::TOOLCHAIN, message).hint(format!(
                "add `toolchains = {{\"{name}\": {{\"{}\": \"//LABEL\"}}}}` to WORKSPACE.star",
                self.platform
            ))
        })
    }

    /// The branch that says most about the platform: its name, its instruction set, its
    /// operating system, or `DEFAULT`.
    fn branch<'g>(&self, branches: &'g [(String, Given)]) -> Result<&'g Given, Refusal> {
        let find = |condition: &str| branches.iter().find(|(branch, _)| branch == condition);
        let by_platform = || {
            let platform = self.workspace.platforms.get(self.platform)?;
            find(&format!("cpu:{}", platform.cpu)).or_else(|| find(&format!("os:{}", platform.os)))
        };
        let branch = find(self.platform.as_str()).or_else(by_platform).or_else(|| find("DEFAULT"));
        branch.map(|(_, value)| value).ok_or_else(|| {
            let conditions: Vec<_> = branches.iter().map(|(condition, _)| condition).collect();
            let conditions = crate::suggest::one_of(&conditions);
            let message = format!("`select()` has nothing for `{}`, only {conditions}", self.platform);
            Refusal::new(codes::SELECT, message).hint("add a branch for it, or `DEFAULT`")
        })
    }
}

fn sum(left: Resolved, right: Resolved) -> Result<Resolved, Refusal> {
    use Data::{Dict, List, String};
    Ok(match (left, right) {
        (Resolved::Data(String(left)), Resolved::Data(String(right))) => {
            Resolved::Data(String(left + &right))
        }
        (Resolved::Data(List(mut left)), Resolved::Data(List(right))) => {
            left.extend(right);
            Resolved::Data(List(left))
        }
        (Resolved::Data(Dict(left)), Resolved::Data(Dict(right))) => {
            Resolved::Data(Dict(merged(left, right)))
        }
        (left, right) => match (left.into_items(), right.into_items()) {
            (Parts::List(mut left), Parts::List(right)) => {
                left.extend(right);
                Resolved::List(left)
            }
            (Parts::Dict(left), Parts::Dict(right)) => Resolved::Dict(merged(left, right)),
            _ => return Err(Refusal::new(codes::SELECT, "values of different types cannot be added")),
        },
    })
}

/// Entries of both; the right ones hold where both have a key.
fn merged<T>(left: Vec<(String, T)>, right: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut entries = left;
    for (key, value) in right {
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    entries
}

enum Parts {
    List(Vec<Resolved>),
    Dict(Vec<(String, Resolved)>),
    Other,
}

impl Resolved {
    fn into_items(self) -> Parts {
        match self {
            Self::List(items) => Parts::List(items),
            Self::Dict(entries) => Parts::Dict(entries),
            Self::Data(Data::List(items)) => Parts::List(items.into_iter().map(Self::Data).collect()),
            Self::Data(Data::Dict(entries)) => {
                Parts::Dict(entries.into_iter().map(|(key, data)| (key, Self::Data(data))).collect())
            }
            _ => Parts::Other,
        }
    }

    fn collect_targets(&self, targets: &mut BTreeSet<ConfiguredTarget>) {
        match self {
            Self::Target(target, _) => {
                targets.insert(target.clone());
            }
            Self::List(items) => items.iter().for_each(|item| item.collect_targets(targets)),
            Self::Dict(entries) => entries.iter().for_each(|(_, value)| value.collect_targets(targets)),
            Self::Data(_) | Self::Source(_) => {}
        }
    }

    /// Calls `visit` for every target in it, with what is required of it.
    pub(crate) fn visit_targets(&self, visit: &mut dyn FnMut(&ConfiguredTarget, &Arc<Requirement>)) {
        match self {
            Self::Target(target, requirement) => visit(target, requirement),
            Self::List(items) => items.iter().for_each(|item| item.visit_targets(visit)),
            Self::Dict(entries) => entries.iter().for_each(|(_, value)| value.visit_targets(visit)),
            Self::Data(_) | Self::Source(_) => {}
        }
    }

    /// The value as data, with labels for targets, taken from `dependencies` so that they are shared.
    pub(crate) fn into_data(self, dependencies: &Dependencies) -> Data {
        match self {
            Self::Data(data) => data,
            Self::Source(path) => Data::Artifact(Box::new(Artifact::Source { path })),
            Self::Target(id, _) => {
                Data::Label(dependencies.get(&id).map_or(id.label, |target| target.id.label.clone()))
            }
            Self::List(items) => {
                Data::List(items.into_iter().map(|item| item.into_data(dependencies)).collect())
            }
            Self::Dict(entries) => Data::Dict(
                entries.into_iter().map(|(key, value)| (key, value.into_data(dependencies))).collect(),
            ),
        }
    }
}
