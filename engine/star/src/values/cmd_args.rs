//! `cmd_args()`: arguments of a command line, written out as they are added. The
//! artifacts among them are the action's inputs and outputs.

use std::cell::RefCell;

use allocative::Allocative;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::starlark_module;
use starlark::values::list::ListRef;
use starlark::values::tuple::{TupleRef, UnpackTuple};
use starlark::values::{
    AllocValue, Freeze, FreezeResult, Freezer, Heap, NoSerialize, ProvidesStaticType, StarlarkPagablePanic,
    StarlarkValue, Trace, Value, ValueLike, starlark_value,
};
use wiz_base::RelPath;
use wiz_graph::{Argument, Arguments, Artifact, Piece};

use crate::codes;
use crate::refusal::Refusal;
use crate::values::artifact::{ArtifactValue, OutputValue, TextOfValue};
use crate::values::label::LabelValue;

/// What a `cmd_args()` holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CommandLine {
    /// Arguments and hidden inputs.
    pub(crate) arguments: Arguments,
    /// Outputs that no argument names.
    pub(crate) hidden_outputs: Vec<RelPath>,
}

/// How arguments are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Style {
    /// Each argument with `{}` replaced by it.
    pub(crate) format: Option<String>,
    /// Stands before each argument, as an argument.
    pub(crate) prepend: Option<String>,
    /// All arguments as one, with this between them.
    pub(crate) delimiter: Option<String>,
}

impl CommandLine {
    /// The arguments in `values`, one after the other.
    pub(crate) fn of(values: &[Value]) -> Result<Self, Refusal> {
        let mut line = Self::default();
        values.iter().try_for_each(|value| line.add(*value))?;
        Ok(line)
    }

    /// Adds what `value` stands for: text, an artifact, an output, or a list of those.
    pub(crate) fn add(&mut self, value: Value) -> Result<(), Refusal> {
        if let Some(piece) = piece(value) {
            self.arguments.items.push(Argument(vec![piece]));
        } else if let Some(items) = items(value) {
            items.iter().try_for_each(|item| self.add(*item))?;
        } else if let Some(other) = command_line(value) {
            self.arguments.items.extend(other.arguments.items);
            self.arguments.hidden.extend(other.arguments.hidden);
            self.hidden_outputs.extend(other.hidden_outputs);
        } else {
            return Err(not_an_argument(value));
        }
        Ok(())
    }

    /// Adds artifacts and outputs that no argument names.
    pub(crate) fn hide(&mut self, value: Value) -> Result<(), Refusal> {
        let hidden = Self::of(&[value])?;
        self.arguments.hidden.extend(hidden.arguments.hidden);
        self.hidden_outputs.extend(hidden.hidden_outputs);
        for piece in hidden.arguments.items.into_iter().flat_map(|argument| argument.0) {
            match piece {
                Piece::Path(artifact) | Piece::TextOf(artifact) => self.arguments.hidden.push(artifact),
                Piece::Output(path) => self.hidden_outputs.push(path),
                Piece::Text(text) => {
                    let message = format!("`hidden` holds artifacts and outputs, got text `{text}`");
                    return Err(Refusal::new(codes::ACTION_ARGUMENT, message));
                }
            }
        }
        Ok(())
    }

    /// The same arguments in another style.
    pub(crate) fn styled(mut self, style: &Style) -> Self {
        let mut items = self.arguments.items;
        if let Some(format) = &style.format {
            items = items.iter().map(|item| formatted(format, item)).collect();
        }
        if let Some(prepend) = &style.prepend {
            items = items.into_iter().flat_map(|item| [Argument::text(prepend), item]).collect();
        }
        if let Some(delimiter) = &style.delimiter {
            items = vec![joined(delimiter, items)];
        }
        self.arguments.items = items;
        self
    }

    /// The arguments as one, with `delimiter` between them.
    pub(crate) fn into_one(self, delimiter: &str) -> Argument {
        joined(delimiter, self.arguments.items)
    }

    /// Every output it names or hides.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &RelPath> {
        let named =
            self.arguments.items.iter().flat_map(|argument| &argument.0).filter_map(|piece| match piece {
                Piece::Output(path) => Some(path),
                _ => None,
            });
        named.chain(&self.hidden_outputs)
    }

    /// The arguments as data that outlives the target.
    pub(crate) fn into_arguments(self) -> Result<Arguments, Refusal> {
        if let Some(path) = self.outputs().next() {
            let message = format!("has the output `{path}`, which only this target's own actions may make");
            return Err(Refusal::new(codes::PROVIDER_VALUE, message).hint("hand on the artifact itself"));
        }
        Ok(self.arguments)
    }
}

fn formatted(format: &str, item: &Argument) -> Argument {
    let mut pieces = Vec::new();
    for (index, text) in format.split("{}").enumerate() {
        if index > 0 {
            item.0.iter().cloned().for_each(|piece| push(&mut pieces, piece));
        }
        push(&mut pieces, Piece::Text(text.to_owned()));
    }
    Argument(pieces)
}

fn joined(delimiter: &str, items: Vec<Argument>) -> Argument {
    let mut pieces = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            push(&mut pieces, Piece::Text(delimiter.to_owned()));
        }
        item.0.into_iter().for_each(|piece| push(&mut pieces, piece));
    }
    Argument(pieces)
}

/// Texts that stand side by side are one text, so that an argument is written in one way only.
fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.last_mut(), piece) {
        (_, Piece::Text(text)) if text.is_empty() => {}
        (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
        (_, piece) => pieces.push(piece),
    }
}

fn piece(value: Value) -> Option<Piece> {
    if let Some(text) = value.unpack_str() {
        return Some(Piece::Text(text.to_owned()));
    }
    if let Some(artifact) = value.downcast_ref::<ArtifactValue>() {
        return Some(Piece::Path(artifact.0.clone()));
    }
    if let Some(output) = value.downcast_ref::<OutputValue>() {
        return Some(Piece::Output(output.0.clone()));
    }
    if let Some(text_of) = value.downcast_ref::<TextOfValue>() {
        return Some(Piece::TextOf(text_of.0.clone()));
    }
    value.downcast_ref::<LabelValue>().map(|label| Piece::Text(label.0.to_string()))
}

fn items<'v>(value: Value<'v>) -> Option<&'v [Value<'v>]> {
    ListRef::from_value(value)
        .map(ListRef::content)
        .or_else(|| TupleRef::from_value(value).map(TupleRef::content))
}

fn not_an_argument(value: Value) -> Refusal {
    let message = format!("`{}` cannot be an argument of a command", value.get_type());
    let refusal = Refusal::new(codes::ACTION_ARGUMENT, message);
    match value.get_type() {
        "int" | "bool" => refusal.hint("write it as text: `str(...)`"),
        "Dependency" => {
            refusal.hint("take an artifact of one of its providers: `dep[DefaultInfo].default_output`")
        }
        "NoneType" => refusal.hint("leave it out of the list"),
        _ => {
            refusal.hint("texts, artifacts, outputs, `text_of(...)`, `cmd_args(...)` and lists of those can")
        }
    }
}

/// The arguments of a value that is a `cmd_args()`.
pub(crate) fn command_line(value: Value) -> Option<CommandLine> {
    if let Some(frozen) = value.downcast_ref::<FrozenCmdArgs>() {
        return Some(frozen.0.clone());
    }
    value.downcast_ref::<CmdArgs>().map(|args| args.0.borrow().clone())
}

/// A `cmd_args()` that can be added to.
#[derive(Debug, Trace, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct CmdArgs(
    #[trace(unsafe_ignore)]
    #[allocative(skip)]
    pub(crate) RefCell<CommandLine>,
);

/// A `cmd_args()` of a loaded file.
#[derive(Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct FrozenCmdArgs(#[allocative(skip)] CommandLine);

impl CmdArgs {
    pub(crate) fn new(line: CommandLine) -> Self {
        Self(RefCell::new(line))
    }
}

impl<'v> AllocValue<'v> for CmdArgs {
    fn alloc_value(self, heap: Heap<'v>) -> Value<'v> {
        heap.alloc_complex(self)
    }
}

impl Freeze for CmdArgs {
    type Frozen = FrozenCmdArgs;

    fn freeze(self, _freezer: &Freezer) -> FreezeResult<FrozenCmdArgs> {
        Ok(FrozenCmdArgs(self.0.into_inner()))
    }
}

impl std::fmt::Display for CmdArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cmd_args(...)")
    }
}

impl std::fmt::Display for FrozenCmdArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cmd_args(...)")
    }
}

starlark::methods_static!(METHODS = cmd_args_methods);

#[starlark_value(type = "cmd_args")]
impl<'v> StarlarkValue<'v> for CmdArgs {
    type Canonical = FrozenCmdArgs;

    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }
}

#[starlark_value(type = "cmd_args")]
impl<'v> StarlarkValue<'v> for FrozenCmdArgs {
    type Canonical = Self;

    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }
}

#[starlark_module]
fn cmd_args_methods(builder: &mut MethodsBuilder) {
    /// Adds arguments at the end and gives back the same `cmd_args`.
    fn add<'v>(
        this: Value<'v>,
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
    ) -> starlark::Result<Value<'v>> {
        let added = CommandLine::of(&values.items)?;
        let Some(args) = this.downcast_ref::<CmdArgs>() else {
            let message = "a `cmd_args` of a loaded file cannot be added to";
            return Err(Refusal::new(codes::ACTION_ARGUMENT, message)
                .hint("copy it: `cmd_args(OTHER)`")
                .into());
        };
        let mut line = args.0.borrow_mut();
        line.arguments.items.extend(added.arguments.items);
        line.arguments.hidden.extend(added.arguments.hidden);
        line.hidden_outputs.extend(added.hidden_outputs);
        drop(line);
        Ok(this)
    }
}

/// The artifacts in a value that is one artifact or a list of them.
pub(crate) fn artifacts(value: Value, what: &str) -> Result<Vec<Artifact>, Refusal> {
    if let Some(artifact) = value.downcast_ref::<ArtifactValue>() {
        return Ok(vec![artifact.0.clone()]);
    }
    let Some(items) = items(value) else {
        let message = format!("`{what}` holds artifacts, got `{}`", value.get_type());
        return Err(Refusal::new(codes::ACTION_ARGUMENT, message));
    };
    Ok(items.iter().map(|item| artifacts(*item, what)).collect::<Result<Vec<_>, _>>()?.concat())
}
