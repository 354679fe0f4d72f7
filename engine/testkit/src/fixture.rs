//! Small graphs, written in a line an action. Every action has one output, `out`.

use std::collections::BTreeMap;

use wiz_base::{Label, Platform, PlatformName, RelPath};
use wiz_graph::{
    Action, ActionGraph, ActionId, ActionKind, Argument, Artifact, Capture, ConfiguredTarget, Limits,
    OutputKind, Piece, Run,
};

/// The name of every fixture action's one output.
pub const OUTPUT: &str = "out";

/// A path known to be valid.
///
/// # Panics
/// If it is not.
#[must_use]
pub fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a test writes valid paths")
}

/// The target `//:name` for the platform `x86_64`.
///
/// # Panics
/// If `name` is not a target's name.
#[must_use]
pub fn target(name: &str) -> ConfiguredTarget {
    ConfiguredTarget {
        label: Label::new(RelPath::root(), name).expect("a test writes valid names"),
        platform: platform().name,
    }
}

/// The platform `x86_64`.
///
/// # Panics
/// Never.
#[must_use]
pub fn platform() -> Platform {
    let name = PlatformName::new("x86_64").expect("a valid name");
    Platform { name, os: "linux".to_owned(), cpu: "x86_64".to_owned() }
}

/// A file or folder of the workspace.
#[must_use]
pub fn source(text: &str) -> Artifact {
    Artifact::Source { path: path(text) }
}

/// The output of the fixture action `name`.
#[must_use]
pub fn output(name: &str) -> Artifact {
    Artifact::Output { target: target(name), path: path(OUTPUT), inner: RelPath::root() }
}

/// A command `program` over `inputs` that makes the file `out` of target `//:name`.
#[must_use]
pub fn command(name: &str, program: &[&str], inputs: &[Artifact]) -> Action {
    let words = program.iter().map(|word| Argument::text(*word));
    let inputs = inputs.iter().map(|input| Argument(vec![Piece::Path(input.clone())]));
    let output = Argument(vec![Piece::Output(path(OUTPUT))]);
    Action {
        owner: target(name),
        category: "make".to_owned(),
        identifier: None,
        outputs: BTreeMap::from([(path(OUTPUT), OutputKind::File)]),
        kind: ActionKind::Run(Box::new(Run {
            arguments: words.chain(inputs).chain([output]).collect(),
            environment: BTreeMap::new(),
            root: Vec::new(),
            source: None,
            hidden: Vec::new(),
            log: None,
            platform: platform(),
            capture: Capture::default(),
            user: None,
            limits: Limits::default(),
        })),
    }
}

/// The action of target `//:name`.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn id_of(graph: &ActionGraph, name: &str) -> ActionId {
    graph.producer(&output(name)).expect("a test asks for what it declared")
}
