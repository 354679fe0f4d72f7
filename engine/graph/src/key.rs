//! Keys: the digest of the canonical REAPI `Action` of an action whose inputs are
//! known, and a manifest that says what went into it.
//!
//! [`walk`] visits an action once; one visitor builds the messages, another the
//! manifest, so the two cannot drift. Unaware of where trees are kept: [`Trees`]
//! is implemented over a store.

use std::collections::BTreeMap;
use std::fmt;

use wiz_base::reapi::{ActionMessage, Command, OUTPUT_PATH};
use wiz_base::{Digest, Node, RelPath};

use crate::action::{Action, ActionKind, Argument, NativeAction, Piece, Run};
use crate::artifact::Artifact;
use crate::layout::{self, Layout};
use crate::value::Param;

pub mod difference;
pub mod manifest;

/// The digest of a canonical `Action`: what a result is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub Digest);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.hex())
    }
}

/// What keys need of a store. All digests are made with the workspace's function.
pub trait Trees {
    /// What can go wrong.
    type Error;

    /// Keeps a blob and returns its digest.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn blob(&self, bytes: &[u8]) -> Result<Digest, Self::Error>;

    /// Reads a small file's text.
    ///
    /// # Errors
    /// If it is not there, larger than 64 KiB, or not UTF-8.
    fn text(&self, digest: &Digest) -> Result<String, Self::Error>;

    /// Stacks trees, lowest first, and returns the merged tree.
    ///
    /// # Errors
    /// If two trees differ at a path where not both have folders.
    fn merge(&self, trees: &[Digest]) -> Result<Digest, Self::Error>;

    /// Puts nodes at paths above `base` (none for an empty tree) and returns the new tree;
    /// folders on the way are made.
    ///
    /// # Errors
    /// If a path leads through something that is not a folder.
    fn graft(&self, base: Option<Digest>, nodes: &[(RelPath, Node)]) -> Result<Digest, Self::Error>;

    /// The digest of the empty tree.
    fn empty(&self) -> Digest;
}

/// The nodes of an action's inputs once they are known.
pub type Inputs<'a> = BTreeMap<&'a Artifact, Node>;

/// An action whose inputs are known, spelled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What a result is found by.
    pub key: Key,
    /// The digested message.
    pub action: ActionMessage,
    /// The command it names.
    pub command: Command,
}

/// Why a key cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError<E: std::error::Error + 'static> {
    /// An input that has to be a folder is a file, or the other way round.
    #[error("`{artifact}` is used as a {expected}, but it is not one")]
    WrongKind {
        /// The input.
        artifact: Artifact,
        /// `folder` or `file`.
        expected: &'static str,
    },
    /// The store refused.
    #[error(transparent)]
    Trees(#[from] E),
}

/// Something that is told what an action consists of, in a fixed order.
pub trait Visitor {
    /// The next argument.
    fn argument(&mut self, text: String);
    /// An environment variable, in order of names.
    fn variable(&mut self, name: &str, value: String);
    /// Whether parameters of native work are to be told one by one.
    fn wants_parameters(&self) -> bool {
        false
    }
    /// A parameter of native work, if they are wanted: all of them are in one input as well.
    fn parameter(&mut self, _name: &str, _value: &str) {}
    /// The text of a file, which stands in what is told next.
    fn text(&mut self, _artifact: &Artifact, _text: &str) {}
    /// A tree of the root, lowest first.
    fn root(&mut self, artifact: &Artifact, tree: Digest);
    /// An input and where the action sees it, relative to the input root.
    fn input(&mut self, artifact: Option<&Artifact>, place: RelPath, node: Node);
    /// A property of the platform.
    fn property(&mut self, name: &str, value: &str);
    /// What separates results that must not be shared.
    fn salt(&mut self, name: &str, value: &str);
}

/// Visits what `action` consists of.
///
/// `class` is the sandbox's isolation class.
///
/// # Errors
/// [`KeyError`] if an input is not what it is used as, or the store refuses.
pub fn walk<T: Trees>(
    action: &Action,
    inputs: &Inputs<'_>,
    class: &str,
    trees: &T,
    visitor: &mut dyn Visitor,
) -> Result<(), KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    match &action.kind {
        ActionKind::Run(run) => walk_run(run, action, inputs, class, trees, visitor),
        ActionKind::Native(native) => walk_native(native, inputs, trees, visitor),
        ActionKind::Write { text, executable } => {
            let path = action.outputs.keys().next().map(ToString::to_string).unwrap_or_default();
            let params = serde_json::json!({"path": path, "text": text, "executable": executable});
            visitor.parameter("path", &path);
            visitor.parameter("text", text);
            visitor.parameter("executable", &executable.to_string());
            walk_builtin("write", 1, &params, trees, visitor)
        }
        ActionKind::Fetch { sha256, .. } => {
            let path = action.outputs.keys().next().map(ToString::to_string).unwrap_or_default();
            let params = serde_json::json!({"path": path, "sha256": sha256});
            visitor.parameter("path", &path);
            visitor.parameter("sha256", sha256);
            walk_builtin("fetch", 1, &params, trees, visitor)
        }
    }
}

/// The environment every command starts from; an action's own variables win.
pub const DEFAULT_ENVIRONMENT: [(&str, &str); 6] = [
    ("HOME", layout::WORK),
    ("LANG", "C.UTF-8"),
    ("PATH", "/usr/bin:/usr/sbin"),
    ("SOURCE_DATE_EPOCH", "315532800"),
    ("TMPDIR", "/tmp"),
    ("TZ", "UTC"),
];

fn walk_run<T: Trees>(
    run: &Run,
    action: &Action,
    inputs: &Inputs<'_>,
    class: &str,
    trees: &T,
    visitor: &mut dyn Visitor,
) -> Result<(), KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    let places = Layout::of(run);
    for argument in &run.arguments {
        let text = render(argument, run, &places, inputs, trees, visitor)?;
        visitor.argument(text);
    }
    let mut environment: BTreeMap<&str, String> =
        DEFAULT_ENVIRONMENT.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    for (name, value) in &run.environment {
        environment.insert(name, render(value, run, &places, inputs, trees, visitor)?);
    }
    for (name, value) in environment {
        visitor.variable(name, value);
    }
    for artifact in &run.root {
        visitor.root(artifact, folder(artifact, inputs)?);
    }
    for mount in ["dev", "proc", "tmp"] {
        visitor.input(None, place(mount), Node::Directory(trees.empty()));
    }
    let source = match &run.source {
        Some(artifact) => folder(artifact, inputs)?,
        None => trees.empty(),
    };
    visitor.input(run.source.as_ref(), place("build/src"), Node::Directory(source));
    for (artifact, below) in places.places() {
        if let Some(node) = inputs.get(artifact) {
            visitor.input(Some(artifact), place("build/in").join(below), node.clone());
        }
    }
    for (name, value) in run.platform.properties() {
        visitor.property(&name, &value);
    }
    visitor.salt("class", class);
    visitor.salt("capture", if run.capture.root { "root" } else { "plain" });
    if let Some(path) = &run.log {
        visitor.salt("log", path.as_str());
    }
    if let Some(user) = &run.user {
        visitor.salt("user", &user.to_string());
    }
    for (path, mode) in &run.capture.modes {
        visitor.salt(&format!("mode {path}"), mode);
    }
    for (path, kind) in &action.outputs {
        visitor
            .salt(&format!("output {path}"), if *kind == crate::OutputKind::Tree { "tree" } else { "file" });
    }
    Ok(())
}

fn place(text: &str) -> RelPath {
    RelPath::new(text).expect("a literal in the one spelling")
}

fn folder<E: std::error::Error>(artifact: &Artifact, inputs: &Inputs<'_>) -> Result<Digest, KeyError<E>> {
    match inputs.get(artifact) {
        Some(Node::Directory(digest)) => Ok(*digest),
        _ => Err(KeyError::WrongKind { artifact: artifact.clone(), expected: "folder" }),
    }
}

fn text_of<T: Trees>(
    artifact: &Artifact,
    inputs: &Inputs<'_>,
    trees: &T,
) -> Result<String, KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    match inputs.get(artifact) {
        Some(Node::File { digest, .. }) => Ok(trees.text(digest)?.trim_end_matches('\n').to_owned()),
        _ => Err(KeyError::WrongKind { artifact: artifact.clone(), expected: "file" }),
    }
}

fn render<T: Trees>(
    argument: &Argument,
    run: &Run,
    places: &Layout<'_>,
    inputs: &Inputs<'_>,
    trees: &T,
    visitor: &mut dyn Visitor,
) -> Result<String, KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    let mut text = String::new();
    for piece in &argument.0 {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Path(artifact) => {
                text.push_str(&places.path(run, artifact).expect("the layout has every named input"));
            }
            Piece::TextOf(artifact) => {
                let piece = text_of(artifact, inputs, trees)?;
                visitor.text(artifact, &piece);
                text.push_str(&piece);
            }
            Piece::Output(path) => {
                text.push_str(layout::OUTPUTS);
                text.push('/');
                text.push_str(path.as_str());
            }
        }
    }
    Ok(text)
}

fn walk_native<T: Trees>(
    native: &NativeAction,
    inputs: &Inputs<'_>,
    trees: &T,
    visitor: &mut dyn Visitor,
) -> Result<(), KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    let mut numbers = BTreeMap::new();
    let mut params = serde_json::Map::new();
    for (name, param) in &native.params {
        params.insert(name.clone(), resolve(param, &mut numbers, inputs, trees)?);
    }
    walk_builtin(native.kind.name(), native.kind.version(), &params.into(), trees, visitor)?;
    if visitor.wants_parameters() {
        for (name, param) in &native.params {
            tell(name, param, inputs, trees, visitor)?;
        }
    }
    for (artifact, number) in numbers {
        if let Some(node) = inputs.get(artifact) {
            visitor.input(Some(artifact), place(&format!("in/{number}")), node.clone());
        }
    }
    Ok(())
}

/// Parameters as the packer reads them: inputs are `{"$input": "in/<n>"}` numbered in reading order,
/// outputs `{"$output": "<path>"}`.
fn resolve<'a, T: Trees>(
    param: &'a Param,
    numbers: &mut BTreeMap<&'a Artifact, usize>,
    inputs: &Inputs<'_>,
    trees: &T,
) -> Result<serde_json::Value, KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    Ok(match param {
        Param::None => serde_json::Value::Null,
        Param::Bool(value) => (*value).into(),
        Param::Int(value) => (*value).into(),
        Param::String(value) => value.clone().into(),
        Param::List(items) => {
            let items = items.iter().map(|item| resolve(item, numbers, inputs, trees));
            items.collect::<Result<Vec<_>, _>>()?.into()
        }
        Param::Dict(items) => {
            let mut resolved = serde_json::Map::new();
            for (name, item) in items {
                resolved.insert(name.clone(), resolve(item, numbers, inputs, trees)?);
            }
            resolved.into()
        }
        Param::Input(artifact) => {
            let next = numbers.len();
            let number = *numbers.entry(artifact).or_insert(next);
            serde_json::json!({"$input": format!("in/{number}")})
        }
        Param::TextOf(artifact) => text_of(artifact, inputs, trees)?.into(),
        Param::Output(path) => serde_json::json!({"$output": path.as_str()}),
    })
}

/// Tells a parameter value by value: those in lists by place, those in tables by name.
fn tell<T: Trees>(
    name: &str,
    param: &Param,
    inputs: &Inputs<'_>,
    trees: &T,
    visitor: &mut dyn Visitor,
) -> Result<(), KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    match param {
        Param::None => visitor.parameter(name, "none"),
        Param::Bool(value) => visitor.parameter(name, &value.to_string()),
        Param::Int(value) => visitor.parameter(name, &value.to_string()),
        Param::String(value) => visitor.parameter(name, value),
        Param::Input(artifact) => visitor.parameter(name, &artifact.to_string()),
        Param::Output(path) => visitor.parameter(name, path.as_str()),
        Param::TextOf(artifact) => {
            let text = text_of(artifact, inputs, trees)?;
            visitor.text(artifact, &text);
            visitor.parameter(name, &text);
        }
        Param::List(items) => {
            for (place, item) in items.iter().enumerate() {
                tell(&format!("{name}[{place}]"), item, inputs, trees, visitor)?;
            }
        }
        Param::Dict(items) => {
            for (key, item) in items {
                tell(&format!("{name}.{key}"), item, inputs, trees, visitor)?;
            }
        }
    }
    Ok(())
}

fn walk_builtin<T: Trees>(
    kind: &str,
    version: u32,
    params: &serde_json::Value,
    trees: &T,
    visitor: &mut dyn Visitor,
) -> Result<(), KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    for argument in ["wiz-native", kind, &version.to_string()] {
        visitor.argument(argument.to_owned());
    }
    let digest = trees.blob(params.to_string().as_bytes())?;
    visitor.input(None, place("params.json"), Node::File { digest, executable: false });
    Ok(())
}

/// Computes the key of `action` from its inputs' nodes.
///
/// # Errors
/// As [`walk`].
pub fn prepare<T: Trees>(
    action: &Action,
    inputs: &Inputs<'_>,
    class: &str,
    trees: &T,
) -> Result<Prepared, KeyError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    let mut messages = Messages::default();
    walk(action, inputs, class, trees, &mut messages)?;
    if let ActionKind::Run(_) = action.kind {
        messages.command.working_directory = layout::WORK.trim_start_matches('/').to_owned();
    }
    messages.command.output_paths = vec![OUTPUT_PATH.to_owned()];
    let base = match messages.root.as_slice() {
        [] => None,
        [one] => Some(*one),
        several => Some(trees.merge(several)?),
    };
    let command = messages.command;
    let message = ActionMessage {
        command: trees.blob(&command.encode())?,
        input_root: trees.graft(base, &messages.nodes)?,
        salt: messages.salt.into_bytes(),
        platform: command.platform.clone(),
    };
    let key = Key(trees.blob(&message.encode())?);
    Ok(Prepared { key, action: message, command })
}

/// Builds the messages.
#[derive(Default)]
struct Messages {
    command: Command,
    root: Vec<Digest>,
    nodes: Vec<(RelPath, Node)>,
    salt: String,
}

impl Visitor for Messages {
    fn argument(&mut self, text: String) {
        self.command.arguments.push(text);
    }

    fn variable(&mut self, name: &str, value: String) {
        self.command.environment.insert(name.to_owned(), value);
    }

    fn root(&mut self, _: &Artifact, tree: Digest) {
        self.root.push(tree);
    }

    fn input(&mut self, _: Option<&Artifact>, place: RelPath, node: Node) {
        self.nodes.push((place, node));
    }

    fn property(&mut self, name: &str, value: &str) {
        self.command.platform.insert(name.to_owned(), value.to_owned());
    }

    fn salt(&mut self, name: &str, value: &str) {
        self.salt.push_str(name);
        self.salt.push('=');
        self.salt.push_str(value);
        self.salt.push('\n');
    }
}

#[cfg(test)]
mod tests;
