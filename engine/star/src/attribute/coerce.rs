//! From what a definition writes to what an attribute takes, with the exact place of a
//! mistake: `deps[2]`.

use std::sync::Arc;

use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;
use starlark::values::{UnpackValue, Value, ValueLike};
use wiz_base::{Label, RelPath};
use wiz_graph::Value as Data;

use crate::attribute::Given;
use crate::attribute::kind::{Kind, Requirement};
use crate::codes;
use crate::package::files::PackageFiles;
use crate::refusal::Refusal;
use crate::store;
use crate::suggest::did_you_mean;
use crate::values::label::LabelValue;
use crate::values::select::{self, Parts};
use crate::values::shown;
use crate::workspace::Workspace;

/// Where values are written.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// The folder labels are relative to.
    pub(crate) folder: &'a RelPath,
    /// The files of the package; `None` for a rule's defaults, which belong to no package.
    pub(crate) files: Option<&'a PackageFiles<'a>>,
    /// The platforms a `select()` may name; `None` for a rule's defaults, which belong to no workspace.
    pub(crate) workspace: Option<&'a Workspace>,
}

/// A part of an attribute.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The attribute itself.
    Attribute(&'a str),
    /// An item of a list or tuple.
    Item(&'a Place<'a>, usize),
    /// A value of a dict.
    Entry(&'a Place<'a>, &'a str),
}

impl Place<'_> {
    fn attribute(&self) -> &str {
        match self {
            Self::Attribute(name) => name,
            Self::Item(outer, _) | Self::Entry(outer, _) => outer.attribute(),
        }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Attribute(name) => f.write_str(name),
            Self::Item(outer, index) => write!(f, "{outer}[{index}]"),
            Self::Entry(outer, key) => write!(f, "{outer}[{key:?}]"),
        }
    }
}

/// What `value` gives an attribute of that kind.
pub(crate) fn coerce(kind: &Kind, value: Value, setting: Setting, place: Place) -> Result<Given, Refusal> {
    match select::parts(value) {
        Some(Parts::Choice(branches)) => {
            let branch = |(condition, value): (String, Value)| {
                check_condition(&condition, setting)?;
                Ok((condition, coerce(kind, value, setting, place)?))
            };
            return Ok(Given::Select(branches.into_iter().map(branch).collect::<Result<_, Refusal>>()?));
        }
        Some(Parts::Sum(left, right)) => {
            if !matches!(kind, Kind::String | Kind::List(_) | Kind::Dict(..) | Kind::Any) {
                return Err(mismatch(kind, value, place));
            }
            let left = coerce(kind, left, setting, place)?;
            return Ok(Given::Sum(Box::new((left, coerce(kind, right, setting, place)?))));
        }
        None => {}
    }
    match kind {
        Kind::List(inner) => list(kind, inner, value, setting, place),
        Kind::Tuple(kinds) => tuple(kind, kinds, value, setting, place),
        Kind::Dict(key, inner) => dict(kind, (key, inner), value, setting, place),
        Kind::Option(_) if value.is_none() => Ok(Given::Data(Data::None)),
        Kind::Option(inner) => Ok(optional(coerce(inner, value, setting, place)?)),
        Kind::OneOf(kinds) => one_of_kinds(kind, kinds, value, setting, place),
        Kind::Any => any(value, place),
        _ => scalar(kind, value, setting, place),
    }
}

fn scalar(kind: &Kind, value: Value, setting: Setting, place: Place) -> Result<Given, Refusal> {
    let mismatch = || mismatch(kind, value, place);
    match kind {
        Kind::Bool => value.unpack_bool().map(|value| Given::Data(Data::Bool(value))).ok_or_else(mismatch),
        Kind::Int => match (value.unpack_bool(), i64::unpack_value(value)) {
            (None, Ok(Some(number))) => Ok(Given::Data(Data::Int(number))),
            _ => Err(mismatch()),
        },
        Kind::Enum(values) => {
            let text = value.unpack_str().ok_or_else(mismatch)?;
            if values.iter().any(|value| value == text) {
                return Ok(Given::Data(Data::String(text.to_owned())));
            }
            Err(mismatch().maybe_hint(did_you_mean(text, values.iter().map(String::as_str))))
        }
        Kind::Label => Ok(Given::Data(Data::Label(label(value, setting, place).ok_or_else(mismatch)??))),
        Kind::Target(requirement) => target(value, requirement, setting, place).ok_or_else(mismatch)?,
        Kind::Toolchain(requirement) => {
            let name = value.unpack_str().ok_or_else(mismatch)?.to_owned();
            Ok(Given::Toolchain { name, requirement: Arc::clone(requirement), optional: false })
        }
        Kind::Source { allow_directory, requirement } => match value.unpack_str() {
            Some(path) if !path.starts_with("//") && !path.starts_with([':', '@']) => {
                source(path, *allow_directory, setting, place)
            }
            _ => target(value, requirement, setting, place).ok_or_else(mismatch)?,
        },
        _ => value.unpack_str().map(|text| Given::Data(Data::String(text.to_owned()))).ok_or_else(mismatch),
    }
}

fn list(kind: &Kind, inner: &Kind, value: Value, setting: Setting, place: Place) -> Result<Given, Refusal> {
    let items = ListRef::from_value(value).map(ListRef::content);
    let items = items.or_else(|| TupleRef::from_value(value).map(TupleRef::content));
    let items = items.ok_or_else(|| mismatch(kind, value, place))?;
    let item = |(index, item): (usize, &Value)| coerce(inner, *item, setting, Place::Item(&place, index));
    Ok(from_items(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
}

fn tuple(
    kind: &Kind,
    kinds: &[Kind],
    value: Value,
    setting: Setting,
    place: Place,
) -> Result<Given, Refusal> {
    let items = TupleRef::from_value(value).map(TupleRef::content);
    let items =
        items.filter(|items| items.len() == kinds.len()).ok_or_else(|| mismatch(kind, value, place))?;
    let item = |(index, (kind, item)): (usize, (&Kind, &Value))| {
        coerce(kind, *item, setting, Place::Item(&place, index))
    };
    Ok(from_items(kinds.iter().zip(items).enumerate().map(item).collect::<Result<_, _>>()?))
}

/// A list is plain data if all its items are.
fn from_items(items: Vec<Given>) -> Given {
    if !items.iter().all(|item| matches!(item, Given::Data(_))) {
        return Given::List(items);
    }
    let data = |item| match item {
        Given::Data(data) => Some(data),
        _ => None,
    };
    Given::Data(Data::List(items.into_iter().filter_map(data).collect()))
}

fn dict(
    kind: &Kind,
    (key_kind, inner): (&Kind, &Kind),
    value: Value,
    setting: Setting,
    place: Place,
) -> Result<Given, Refusal> {
    let dict = DictRef::from_value(value).ok_or_else(|| mismatch(kind, value, place))?;
    let entry = |(key, value): (Value, Value)| {
        let text = key.unpack_str().ok_or_else(|| mismatch(key_kind, key, place))?;
        coerce(key_kind, key, setting, place)?;
        Ok((text.to_owned(), coerce(inner, value, setting, Place::Entry(&place, text))?))
    };
    let entries = dict.iter().map(entry).collect::<Result<Vec<_>, Refusal>>()?;
    if !entries.iter().all(|(_, value)| matches!(value, Given::Data(_))) {
        return Ok(Given::Dict(entries));
    }
    let data = |(key, value)| match value {
        Given::Data(data) => Some((key, data)),
        _ => None,
    };
    Ok(Given::Data(Data::Dict(entries.into_iter().filter_map(data).collect())))
}

fn one_of_kinds(
    kind: &Kind,
    kinds: &[Kind],
    value: Value,
    setting: Setting,
    place: Place,
) -> Result<Given, Refusal> {
    let mut first = None;
    for inner in kinds {
        match coerce(inner, value, setting, place) {
            Ok(given) => return Ok(given),
            Err(refusal) if refusal.code != codes::ATTRIBUTE_TYPE => first = first.or(Some(refusal)),
            Err(_) => {}
        }
    }
    // A malformed label or missing file says more than that nothing fits.
    Err(first.unwrap_or_else(|| mismatch(kind, value, place)))
}

fn any(value: Value, place: Place) -> Result<Given, Refusal> {
    store::to_data(value).map(Given::Data).map_err(|refusal| {
        let message = format!("attribute `{place}` {}", refusal.message);
        Refusal { code: codes::ATTRIBUTE_TYPE, message, ..refusal }.focus(format!("{} =", place.attribute()))
    })
}

/// A toolchain that need not exist.
fn optional(given: Given) -> Given {
    match given {
        Given::Toolchain { name, requirement, .. } => Given::Toolchain { name, requirement, optional: true },
        other => other,
    }
}

fn target(
    value: Value,
    requirement: &Arc<Requirement>,
    setting: Setting,
    place: Place,
) -> Option<Result<Given, Refusal>> {
    let given = |label| Given::Target { label, requirement: Arc::clone(requirement) };
    label(value, setting, place).map(|label| label.map(given))
}

/// The label that a value is; `None` if it is neither text nor a label.
fn label(value: Value, setting: Setting, place: Place) -> Option<Result<Label, Refusal>> {
    if let Some(label) = value.downcast_ref::<LabelValue>() {
        return Some(Ok(label.0.clone()));
    }
    let text = value.unpack_str()?;
    Some(Label::parse(text, setting.folder).map_err(|error| {
        let message = format!("attribute `{place}`: {error}");
        Refusal::new(codes::LABEL, message).focus(format!("{text:?}"))
    }))
}

fn source(path: &str, allow_directory: bool, setting: Setting, place: Place) -> Result<Given, Refusal> {
    let Some(files) = setting.files else {
        let message = format!("attribute `{place}` expects a label, got the file `{path}`");
        return Err(Refusal::new(codes::DECLARATION, message).hint("a rule's defaults belong to no package"));
    };
    let located = files.locate(path, allow_directory);
    located.map(Given::Source).map_err(|refusal| {
        let message = format!("attribute `{place}`: {}", refusal.message);
        Refusal { message, ..refusal }.focus(format!("{path:?}"))
    })
}

fn check_condition(condition: &str, setting: Setting) -> Result<(), Refusal> {
    let Some(workspace) = setting.workspace else { return Ok(()) };
    if workspace.is_condition(condition) {
        return Ok(());
    }
    let message = format!("`select()` has the condition `{condition}`, which is no platform");
    let names = workspace.platforms.keys().map(wiz_base::PlatformName::as_str).chain(["DEFAULT"]);
    let refusal = Refusal::new(codes::SELECT, message).focus(format!("{condition:?}"));
    Err(refusal
        .hint("conditions are names of platforms, `cpu:NAME`, `os:NAME` and `DEFAULT`")
        .maybe_hint(did_you_mean(condition, names)))
}

fn mismatch(kind: &Kind, value: Value, place: Place) -> Refusal {
    let got = shown(value);
    let message = format!("attribute `{place}` expects {}, got {got}", kind.describe());
    let focus = match value.unpack_str() {
        Some(text) => format!("{text:?}"),
        None => format!("{} =", place.attribute()),
    };
    let refusal = Refusal::new(codes::ATTRIBUTE_TYPE, message).focus(focus);
    match kind {
        Kind::List(_) => refusal.hint("put it in brackets: `[...]`"),
        Kind::String => refusal.hint("put it in quotes"),
        _ => refusal,
    }
}
