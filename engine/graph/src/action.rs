//! One unit of work: what it reads, what it makes, and how.

use std::collections::{BTreeMap, BTreeSet};

use wiz_base::{Platform, RelPath};

use crate::artifact::Artifact;
use crate::native::NativeKind;
use crate::target::ConfiguredTarget;
use crate::value::Param;

/// An action as analysis declares it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Action {
    /// The target whose rule declared it.
    pub owner: ConfiguredTarget,
    /// What sort of work it is, for people: `compile`.
    pub category: String,
    /// What tells it from its siblings, for people.
    pub identifier: Option<String>,
    /// What it makes, by declared path.
    pub outputs: BTreeMap<RelPath, OutputKind>,
    /// How it is carried out.
    pub kind: ActionKind,
}

/// What a declared output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// A regular file.
    File,
    /// A folder.
    Tree,
}

/// How an action is carried out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// A command in the sandbox.
    Run(Box<Run>),
    /// Work the engine does itself.
    Native(NativeAction),
    /// Text written to the action's one output.
    Write {
        /// The text.
        text: String,
        /// Whether the file may be executed.
        executable: bool,
    },
    /// A file from outside, pinned by its SHA-256.
    Fetch {
        /// Where it may be found, in order of preference. Not part of the key.
        urls: Vec<String>,
        /// Its SHA-256 as 64 hexadecimal digits.
        sha256: String,
        /// Its size in bytes, if the definition says. Not part of the key.
        size: Option<u64>,
    },
}

/// A command in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Run {
    /// Program and arguments.
    pub arguments: Vec<Argument>,
    /// The environment beyond the fixed variables.
    pub environment: BTreeMap<String, Argument>,
    /// Trees that are stacked to `/`, lowest first.
    pub root: Vec<Artifact>,
    /// The tree seen at `/build/src`.
    pub source: Option<Artifact>,
    /// Inputs that are not named in arguments or environment.
    pub hidden: Vec<Artifact>,
    /// What it runs on.
    pub platform: Platform,
    /// The declared output, if any, that receives what the command prints.
    pub log: Option<RelPath>,
    /// How outputs are stored.
    pub capture: Capture,
    /// Who it runs as; none for the build's own user.
    pub user: Option<User>,
    /// What it may use; never part of the key.
    pub limits: Limits,
}

/// A user and its group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// How the outputs of a command are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Capture {
    /// Whether trees become parts of a root: /bin and its like under /usr, links relative.
    pub root: bool,
    /// Accepted odd modes, octal, by path below the output folder.
    pub modes: BTreeMap<String, String>,
}

/// What an action needs, and may use before it is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Wall time in seconds; none for the engine's default.
    pub seconds: Option<u64>,
    /// Memory in bytes, which is set aside for it while it runs; none for the engine's default,
    /// and nothing is set aside.
    pub memory: Option<u64>,
    /// Cores that it keeps busy, which are set aside for it while it runs; none for one.
    pub cores: Option<u32>,
}

/// Work the engine does itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NativeAction {
    /// Which packer.
    pub kind: NativeKind,
    /// Its parameters.
    pub params: BTreeMap<String, Param>,
}

/// One argument: pieces written one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Argument(pub Vec<Piece>);

/// Part of an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// Where the action sees an input.
    Path(Artifact),
    /// The text of a small input file.
    TextOf(Artifact),
    /// Where the action writes a declared output.
    Output(RelPath),
}

impl Argument {
    /// An argument that is plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Path(artifact) | Piece::TextOf(artifact) => Some(artifact),
            Piece::Text(_) | Piece::Output(_) => None,
        })
    }
}

impl Run {
    /// Every argument and environment value, in the order an action sees them.
    pub fn all_arguments(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().chain(self.environment.values())
    }
}

impl Action {
    /// Everything it reads, ordered and unique.
    #[must_use]
    pub fn inputs(&self) -> BTreeSet<&Artifact> {
        match &self.kind {
            ActionKind::Run(run) => {
                let named = run.all_arguments().flat_map(Argument::artifacts);
                named.chain(&run.root).chain(&run.source).chain(&run.hidden).collect()
            }
            ActionKind::Native(native) => {
                let mut inputs = BTreeSet::new();
                for param in native.params.values() {
                    param.visit_inputs(&mut |artifact| {
                        inputs.insert(artifact);
                    });
                }
                inputs
            }
            ActionKind::Write { .. } | ActionKind::Fetch { .. } => BTreeSet::new(),
        }
    }

    /// What names it from one build to the next: its first output, which no other action has.
    #[must_use]
    pub fn lasting_name(&self) -> String {
        let output = self.outputs.keys().next().map_or("", |path| path.as_str());
        format!("{}/{output}", self.owner)
    }

    /// How it is named to people: `//pkgs/zlib compile (shared)`.
    #[must_use]
    pub fn display_name(&self) -> String {
        match &self.identifier {
            Some(identifier) => format!("{} {} ({identifier})", self.owner.label, self.category),
            None => format!("{} {}", self.owner.label, self.category),
        }
    }
}
