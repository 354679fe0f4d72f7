//! What questions are about: analysed targets, or their actions.

use std::collections::{BTreeMap, BTreeSet};

use wiz_base::TargetPattern;
use wiz_graph::query::{Links, Universe};
use wiz_graph::{Action, ActionKind, AnalyzedTarget, ConfiguredTarget, Value};

use crate::session::Built;

/// Targets or actions, numbered.
pub(super) struct Subjects<'a> {
    things: Things<'a>,
    links: Links,
    /// The targets that patterns can name.
    requested: BTreeSet<&'a ConfiguredTarget>,
}

enum Things<'a> {
    Targets(Vec<&'a AnalyzedTarget>),
    Actions(Vec<&'a Action>),
}

impl<'a> Subjects<'a> {
    /// The targets of an analysis.
    pub(super) fn targets(built: &'a Built) -> Self {
        let all: Vec<&AnalyzedTarget> = built.targets.values().map(|target| &**target).collect();
        let places: BTreeMap<&ConfiguredTarget, u32> = all.iter().map(|target| &target.id).zip(0..).collect();
        let needs = all.iter().map(|target| {
            target.dependencies.iter().filter_map(|id| places.get(id).copied()).collect::<Vec<u32>>()
        });
        let links = Links::new(needs.collect());
        Self { things: Things::Targets(all), links, requested: requested(built) }
    }

    /// The actions of an analysis.
    pub(super) fn actions(built: &'a Built) -> Self {
        let graph = &built.graph;
        let number = |id: wiz_graph::ActionId| u32::try_from(id.index()).expect("a place of 32 bits");
        let needs = graph.ids().map(|id| graph.dependencies(id).map(number).collect::<Vec<u32>>());
        let links = Links::new(needs.collect());
        let all = graph.ids().map(|id| graph.action(id)).collect();
        Self { things: Things::Actions(all), links, requested: requested(built) }
    }

    /// What all of them are called.
    pub(super) fn plural(&self) -> &'static str {
        match self.things {
            Things::Targets(_) => "targets",
            Things::Actions(_) => "actions",
        }
    }

    /// What a node needs directly.
    pub(super) fn needs(&self, node: u32) -> &[u32] {
        self.links.needs(node)
    }

    /// A node's name as it is printed.
    pub(super) fn shown(&self, node: u32) -> String {
        match &self.things {
            Things::Targets(all) => all[node as usize].id.label.to_string(),
            Things::Actions(all) => all[node as usize].display_name(),
        }
    }

    /// A node's name that no other has.
    pub(super) fn unique(&self, node: u32) -> String {
        match &self.things {
            Things::Targets(all) => all[node as usize].id.to_string(),
            Things::Actions(all) => all[node as usize].lasting_name(),
        }
    }

    /// What a drawing says of a node.
    pub(super) fn label(&self, node: u32) -> String {
        match &self.things {
            Things::Targets(all) => {
                let target = all[node as usize];
                format!("{}\n{}", target.id.label, target.rule)
            }
            Things::Actions(all) => all[node as usize].display_name(),
        }
    }

    /// All that is told of a node.
    pub(super) fn json(&self, node: u32) -> serde_json::Value {
        let needs = self.needs(node).iter();
        let mut needs: Vec<String> = needs.map(|needed| self.shown(*needed)).collect();
        needs.sort_unstable();
        match &self.things {
            Things::Targets(all) => {
                let target = all[node as usize];
                serde_json::json!({
                    "label": target.id.label.to_string(),
                    "platform": target.id.platform.as_str(),
                    "rule": target.rule,
                    "place": target.span.as_ref().map(ToString::to_string),
                    "dependencies": needs,
                })
            }
            Things::Actions(all) => {
                let action = all[node as usize];
                let outputs: Vec<&str> = action.outputs.keys().map(|path| path.as_str()).collect();
                serde_json::json!({
                    "name": action.display_name(),
                    "label": action.owner.label.to_string(),
                    "platform": action.owner.platform.as_str(),
                    "category": action.category,
                    "identifier": action.identifier,
                    "sort": sort(action),
                    "outputs": outputs,
                    "dependencies": needs,
                })
            }
        }
    }

    fn owner(&self, node: u32) -> &ConfiguredTarget {
        match &self.things {
            Things::Targets(all) => &all[node as usize].id,
            Things::Actions(all) => &all[node as usize].owner,
        }
    }
}

fn requested(built: &Built) -> BTreeSet<&ConfiguredTarget> {
    built.requested().map(|target| &target.id).collect()
}

impl Universe for Subjects<'_> {
    fn links(&self) -> &Links {
        &self.links
    }

    fn named(&self, word: &str) -> Result<BTreeSet<u32>, String> {
        let pattern = TargetPattern::parse(word).map_err(|error| error.to_string())?;
        let is_named = |node: &u32| {
            let owner = self.owner(*node);
            pattern.names(&owner.label) && self.requested.contains(owner)
        };
        Ok(self.everything().into_iter().filter(is_named).collect())
    }

    fn everything(&self) -> BTreeSet<u32> {
        (0..).take(self.links.len()).collect()
    }

    fn name(&self, node: u32) -> String {
        self.shown(node)
    }

    fn kind(&self, node: u32) -> String {
        match &self.things {
            Things::Targets(all) => all[node as usize].rule.clone(),
            Things::Actions(all) => all[node as usize].category.clone(),
        }
    }

    fn attribute(&self, node: u32, name: &str) -> Option<String> {
        match &self.things {
            Things::Targets(all) => value_text(all[node as usize].attributes.get(name)?),
            Things::Actions(all) => {
                let action = all[node as usize];
                match name {
                    "identifier" => action.identifier.clone(),
                    "platform" => Some(action.owner.platform.to_string()),
                    "sort" => Some(sort(action)),
                    "outputs" => {
                        let outputs: Vec<&str> = action.outputs.keys().map(|path| path.as_str()).collect();
                        Some(outputs.join(" "))
                    }
                    _ => None,
                }
            }
        }
    }
}

/// How an action is carried out.
fn sort(action: &Action) -> String {
    match &action.kind {
        ActionKind::Run(_) => "run".to_owned(),
        ActionKind::Native(native) => format!("native {}", native.kind.name()),
        ActionKind::Write { .. } => "write".to_owned(),
        ActionKind::Fetch { .. } => "fetch".to_owned(),
    }
}

/// A value as text to match: text and labels as they are, everything else as JSON; nothing for
/// `None`.
fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::None => None,
        Value::String(text) => Some(text.clone()),
        Value::Label(label) => Some(label.to_string()),
        other => serde_json::to_string(other).ok(),
    }
}
