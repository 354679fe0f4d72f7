//! Between values of the language and data that can be stored. Unaware of targets.

use std::collections::BTreeMap;
use std::sync::Arc;

use starlark::values::dict::{AllocDict, DictRef};
use starlark::values::list::{AllocList, ListRef};
use starlark::values::record::Record;
use starlark::values::structs::{AllocStruct, StructRef};
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, UnpackValue, Value, ValueLike};
use wiz_graph::{Argument, Arguments, Param, Piece, Value as Data};

use crate::codes;
use crate::refusal::Refusal;
use crate::values::artifact::{ArtifactValue, OutputValue, TextOfValue};
use crate::values::cmd_args::{CmdArgs, CommandLine, command_line};
use crate::values::label::LabelValue;
use crate::values::provider::ProviderInstance;
use crate::values::shown;
use crate::values::transitive_set::SetInstance;

/// How deeply data may be nested; a value that contains itself is nested without end.
const DEPTH: usize = 64;

/// The data a value stands for. The message of a refusal goes on after a subject.
pub(crate) fn to_data(value: Value) -> Result<Data, Refusal> {
    data(value, DEPTH)
}

fn data(value: Value, depth: usize) -> Result<Data, Refusal> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Refusal::new(codes::PROVIDER_VALUE, "is nested too deeply, or contains itself"));
    };
    if let Some(plain) = plain(value)? {
        return Ok(match plain {
            Plain::None => Data::None,
            Plain::Bool(value) => Data::Bool(value),
            Plain::Int(value) => Data::Int(value),
            Plain::Text(text) => Data::String(text.to_owned()),
        });
    }
    if let Some(items) = items(value) {
        return Ok(Data::List(items.iter().map(|item| data(*item, depth)).collect::<Result<_, _>>()?));
    }
    if let Some(dict) = DictRef::from_value(value) {
        let entry = |(key, value): (Value, Value)| Ok((text_key(key)?, data(value, depth)?));
        return Ok(Data::Dict(dict.iter().map(entry).collect::<Result<_, _>>()?));
    }
    if let Some(fields) = fields(value) {
        let field = |(name, value): (String, Value)| Ok((name, data(value, depth)?));
        return Ok(Data::Struct(fields.into_iter().map(field).collect::<Result<_, _>>()?));
    }
    object(value)
}

/// The data of this crate's own values.
fn object(value: Value) -> Result<Data, Refusal> {
    if let Some(label) = value.downcast_ref::<LabelValue>() {
        return Ok(Data::Label(label.0.clone()));
    }
    if let Some(artifact) = value.downcast_ref::<ArtifactValue>() {
        return Ok(Data::Artifact(Box::new(artifact.0.clone())));
    }
    if let Some(provider) = value.downcast_ref::<ProviderInstance>() {
        return Ok(Data::Provider(Arc::clone(&provider.0)));
    }
    if let Some(set) = value.downcast_ref::<SetInstance>() {
        return Ok(Data::Set(set.0.clone()));
    }
    if let Some(text_of) = value.downcast_ref::<TextOfValue>() {
        let items = vec![Argument(vec![Piece::TextOf(text_of.0.clone())])];
        return Ok(Data::Arguments(Box::new(Arguments { items, hidden: Vec::new() })));
    }
    if let Some(line) = command_line(value) {
        return line.into_arguments().map(|arguments| Data::Arguments(Box::new(arguments)));
    }
    let refusal = Refusal::new(codes::PROVIDER_VALUE, format!("is no data: {}", shown(value)));
    Err(match value.get_type() {
        "function" | "native_function" => {
            refusal.hint("functions cannot be stored: hand on what they return")
        }
        "Dependency" => refusal.hint("hand on one of its providers: `dep[InfoType]`"),
        "Output" => refusal.hint("hand on the artifact itself, without `.as_output()`"),
        _ => refusal,
    })
}

enum Plain<'v> {
    None,
    Bool(bool),
    Int(i64),
    Text(&'v str),
}

fn plain(value: Value<'_>) -> Result<Option<Plain<'_>>, Refusal> {
    if value.is_none() {
        return Ok(Some(Plain::None));
    }
    if let Some(text) = value.unpack_str() {
        return Ok(Some(Plain::Text(text)));
    }
    if let Some(value) = value.unpack_bool() {
        return Ok(Some(Plain::Bool(value)));
    }
    if value.get_type() == "int" {
        let too_large = || Refusal::new(codes::PROVIDER_VALUE, "is an integer of more than 64 bits");
        let number = i64::unpack_value(value).ok().flatten().ok_or_else(too_large)?;
        return Ok(Some(Plain::Int(number)));
    }
    Ok(None)
}

fn items<'v>(value: Value<'v>) -> Option<&'v [Value<'v>]> {
    ListRef::from_value(value)
        .map(ListRef::content)
        .or_else(|| TupleRef::from_value(value).map(TupleRef::content))
}

/// The fields of a struct or record.
fn fields(value: Value<'_>) -> Option<Vec<(String, Value<'_>)>> {
    if let Some(fields) = StructRef::from_value(value) {
        return Some(fields.iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect());
    }
    let record = Record::from_value(value)?;
    Some(record.iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text_key(key: Value) -> Result<String, Refusal> {
    let refuse = || {
        let message = format!("has a key that is no text: {}", shown(key));
        Refusal::new(codes::PROVIDER_VALUE, message)
    };
    key.unpack_str().map(str::to_owned).ok_or_else(refuse)
}

/// The value that data stands for.
pub(crate) fn to_value<'v>(data: &Data, heap: Heap<'v>) -> Value<'v> {
    match data {
        Data::None => Value::new_none(),
        Data::Bool(value) => Value::new_bool(*value),
        Data::Int(value) => heap.alloc(*value),
        Data::String(text) => heap.alloc_str(text).to_value(),
        Data::List(items) => {
            let items: Vec<_> = items.iter().map(|item| to_value(item, heap)).collect();
            heap.alloc(AllocList(items))
        }
        Data::Dict(entries) => {
            let entry = |(key, data): &(String, Data)| (heap.alloc_str(key), to_value(data, heap));
            heap.alloc(AllocDict(entries.iter().map(entry).collect::<Vec<_>>()))
        }
        Data::Struct(fields) => {
            let field = |(name, data): &(String, Data)| (name.clone(), to_value(data, heap));
            let fields: Vec<_> = fields.iter().map(field).collect();
            heap.alloc(AllocStruct(fields.iter().map(|(name, value)| (name.as_str(), *value))))
        }
        Data::Label(label) => heap.alloc(LabelValue(label.clone())),
        Data::Artifact(artifact) => heap.alloc(ArtifactValue((**artifact).clone())),
        Data::Arguments(arguments) => heap.alloc(CmdArgs::new(CommandLine {
            arguments: (**arguments).clone(),
            hidden_outputs: Vec::new(),
        })),
        Data::Provider(provider) => heap.alloc(ProviderInstance(Arc::clone(provider))),
        Data::Set(set) => heap.alloc(SetInstance(set.clone())),
    }
}

/// The parameter of a native action that a value stands for. The message of a refusal
/// goes on after a subject.
pub(crate) fn to_param(value: Value) -> Result<Param, Refusal> {
    param(value, DEPTH)
}

fn param(value: Value, depth: usize) -> Result<Param, Refusal> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Refusal::new(codes::ACTION_ARGUMENT, "is nested too deeply, or contains itself"));
    };
    if let Some(plain) = plain(value)? {
        return Ok(match plain {
            Plain::None => Param::None,
            Plain::Bool(value) => Param::Bool(value),
            Plain::Int(value) => Param::Int(value),
            Plain::Text(text) => Param::String(text.to_owned()),
        });
    }
    if let Some(items) = items(value) {
        return Ok(Param::List(items.iter().map(|item| param(*item, depth)).collect::<Result<_, _>>()?));
    }
    if let Some(entries) = DictRef::from_value(value) {
        let entry = |(key, value): (Value, Value)| Ok((text_key(key)?, param(value, depth)?));
        return Ok(Param::Dict(entries.iter().map(entry).collect::<Result<BTreeMap<_, _>, _>>()?));
    }
    if let Some(fields) = fields(value) {
        let field = |(name, value): (String, Value)| Ok((name, param(value, depth)?));
        return Ok(Param::Dict(fields.into_iter().map(field).collect::<Result<BTreeMap<_, _>, _>>()?));
    }
    param_object(value)
}

fn param_object(value: Value) -> Result<Param, Refusal> {
    if let Some(artifact) = value.downcast_ref::<ArtifactValue>() {
        return Ok(Param::Input(artifact.0.clone()));
    }
    if let Some(output) = value.downcast_ref::<OutputValue>() {
        return Ok(Param::Output(output.0.clone()));
    }
    if let Some(text_of) = value.downcast_ref::<TextOfValue>() {
        return Ok(Param::TextOf(text_of.0.clone()));
    }
    if let Some(label) = value.downcast_ref::<LabelValue>() {
        return Ok(Param::String(label.0.to_string()));
    }
    let message = format!("is no parameter of a native action: {}", shown(value));
    let refusal = Refusal::new(codes::ACTION_ARGUMENT, message);
    Err(match value.get_type() {
        "Dependency" => {
            refusal.hint("take an artifact of one of its providers: `dep[DefaultInfo].default_output`")
        }
        "Provider" => refusal.hint("take one of its fields"),
        _ => refusal.hint("texts, numbers, lists, dicts, artifacts and outputs are"),
    })
}
