//! What a rule's implementation declares for one target: outputs and the actions that
//! make them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use wiz_base::{Platform, RelPath, Span};
use wiz_graph::{Action, ActionKind, Artifact, ConfiguredTarget, OutputKind};

use crate::codes;
use crate::refusal::Refusal;

/// One target while its rule runs.
pub(crate) struct TargetScope {
    id: ConfiguredTarget,
    /// What actions run on.
    pub(crate) execution: Platform,
    outputs: RefCell<BTreeMap<RelPath, Declared>>,
    actions: RefCell<Vec<Action>>,
}

struct Declared {
    kind: OutputKind,
    place: Option<Span>,
    /// The action that makes it.
    maker: Option<String>,
}

/// What tells an action from others, for people.
pub(crate) struct Title {
    pub(crate) category: String,
    pub(crate) identifier: Option<String>,
}

impl TargetScope {
    pub(crate) fn new(id: ConfiguredTarget, execution: Platform) -> Self {
        Self { id, execution, outputs: RefCell::default(), actions: RefCell::default() }
    }

    /// The target.
    pub(crate) fn id(&self) -> &ConfiguredTarget {
        &self.id
    }

    /// Declares an output; its path is unique and lies neither in nor above another one.
    pub(crate) fn declare(
        &self,
        path: &str,
        kind: OutputKind,
        place: Option<Span>,
    ) -> Result<Artifact, Refusal> {
        let refuse = |message: String| Refusal::new(codes::OUTPUT_PATH, message).focus(format!("{path:?}"));
        let path = match RelPath::new(path) {
            Ok(path) if !path.is_root() => path,
            Ok(_) => return Err(refuse("an output's path is not empty".to_owned())),
            Err(error) => {
                return Err(refuse(error.to_string()).hint("outputs stay in the target's own folder"));
            }
        };
        let mut outputs = self.outputs.borrow_mut();
        if outputs.contains_key(&path) {
            return Err(refuse(format!("the output `{path}` is declared already")));
        }
        if let Some(other) = outputs.keys().find(|other| other.starts_with(&path) || path.starts_with(other))
        {
            return Err(refuse(format!("the output `{path}` and the output `{other}` contain each other")));
        }
        outputs.insert(path.clone(), Declared { kind, place, maker: None });
        Ok(Artifact::Output { target: self.id.clone(), path, inner: RelPath::root() })
    }

    /// Adds an action that makes `outputs`, each given once.
    pub(crate) fn add(&self, title: Title, outputs: Vec<RelPath>, kind: ActionKind) -> Result<(), Refusal> {
        let Title { category, identifier } = title;
        let action = Action { owner: self.id.clone(), category, identifier, outputs: BTreeMap::new(), kind };
        let name = action.display_name();
        if outputs.is_empty() {
            let message = format!("the action `{name}` has no output");
            let hint = "name one in its arguments with `ctx.actions.declare_output(...).as_output()`";
            return Err(Refusal::new(codes::NO_OUTPUT, message).hint(hint));
        }
        let mut declared = self.outputs.borrow_mut();
        let mut bound = BTreeMap::new();
        for path in outputs {
            let Some(output) = declared.get_mut(&path) else {
                let message = format!("`{path}` is no output that this target declares");
                return Err(Refusal::new(codes::OUTPUT_PATH, message));
            };
            match &output.maker {
                Some(_) if bound.contains_key(&path) => {}
                Some(maker) => {
                    let message = format!("the output `{path}` is made by both `{maker}` and `{name}`");
                    return Err(Refusal::new(codes::OUTPUT_BOUND_TWICE, message));
                }
                None => output.maker = Some(name.clone()),
            }
            bound.insert(path, output.kind);
        }
        self.actions.borrow_mut().push(Action { outputs: bound, ..action });
        Ok(())
    }

    /// The kind of a declared output.
    pub(crate) fn kind(&self, path: &RelPath) -> Option<OutputKind> {
        self.outputs.borrow().get(path).map(|output| output.kind)
    }

    /// Outputs that no action makes, and where they are declared.
    pub(crate) fn unbound(&self) -> Vec<(RelPath, Option<Span>)> {
        let outputs = self.outputs.borrow();
        let unbound = outputs.iter().filter(|(_, output)| output.maker.is_none());
        unbound.map(|(path, output)| (path.clone(), output.place.clone())).collect()
    }

    /// The actions in the order they were declared, in no more memory than they need.
    pub(crate) fn into_actions(self) -> Vec<Action> {
        let mut actions = self.actions.into_inner();
        actions.shrink_to_fit();
        actions
    }
}
