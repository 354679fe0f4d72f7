//! What is stored of the actions of a target once a build has ended. Unaware of which
//! targets are stored.

use wiz_base::reapi::ActionResult;
use wiz_graph::{AnalyzedTarget, Artifact, ConfiguredTarget};

use crate::stored::{ActionName, StoredAction, TargetActions};

/// Where targets and results are found.
pub trait Known {
    /// The place of the action among its target's that makes the output at `path`.
    fn place(&self, target: &ConfiguredTarget, path: &wiz_base::RelPath) -> Option<u32>;

    /// What the action came to, if it was wanted.
    fn result(&self, name: &ActionName) -> Option<ActionResult>;
}

/// What is to be stored of the target's actions.
pub fn record(
    target: &AnalyzedTarget,
    outputs: &[Artifact],
    tests: &[Artifact],
    known: &dyn Known,
) -> TargetActions {
    let actions = target.actions.iter().zip(0..).map(|(action, place)| {
        let name = ActionName { target: target.id.clone(), place };
        let inputs = action.inputs();
        let sources = inputs.iter().filter_map(|input| match input {
            Artifact::Source { path } => Some(path.clone()),
            Artifact::Output { .. } => None,
        });
        let sources = sources.collect();
        let producers = makers(inputs.into_iter(), known);
        // Without its producers nobody could tell when the result no longer holds.
        let result = known.result(&name).filter(|_| producers.is_some());
        StoredAction {
            result: result.as_ref().map(Into::into),
            producers: producers.unwrap_or_default(),
            sources,
        }
    });
    TargetActions {
        actions: actions.collect(),
        outputs: makers(outputs.iter(), known).unwrap_or_default(),
        tests: makers(tests.iter(), known).unwrap_or_default(),
    }
}

/// The actions that make these artifacts, each once; `None` if one is made by nobody known.
fn makers<'a>(artifacts: impl Iterator<Item = &'a Artifact>, known: &dyn Known) -> Option<Vec<ActionName>> {
    let mut makers = std::collections::BTreeSet::new();
    for artifact in artifacts {
        let Artifact::Output { target, path, .. } = artifact else { continue };
        let place = known.place(target, path)?;
        makers.insert(ActionName { target: target.clone(), place });
    }
    Some(makers.into_iter().collect())
}
