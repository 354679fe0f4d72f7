//! What a target asks to be locked, read from its `LockInfo`. Unaware of archives.

use std::collections::BTreeSet;

use wiz_base::{Label, RelPath};
use wiz_debian::Wanted;
use wiz_graph::{Artifact, Fields, ProviderValue, Value};

use crate::error::{CliError, Kind};

/// A lock file and what belongs in it.
#[derive(Debug)]
pub(super) struct Request {
    /// The target.
    pub(super) label: Label,
    /// The lock file, in the workspace.
    pub(super) file: RelPath,
    /// What the file says of itself.
    pub(super) doc: String,
    /// What is asked.
    pub(super) wanted: Source,
}

/// Who knows what belongs in a lock file.
#[derive(Debug)]
pub(super) enum Source {
    /// The index of a Debian archive.
    Debian(DebianRequest),
    /// A `Cargo.lock`.
    Cargo(CargoRequest),
}

/// A question to a Debian archive.
#[derive(Debug)]
pub(super) struct DebianRequest {
    /// The suite or codename.
    pub(super) suite: String,
    /// The component.
    pub(super) component: String,
    /// The architecture as Debian calls it.
    pub(super) architecture: String,
    /// The key that signs the suite, in the workspace.
    pub(super) key: Option<RelPath>,
    /// The lists, in order.
    pub(super) lists: Vec<WantedList>,
}

/// Which `Cargo.lock`, and what of it.
#[derive(Debug)]
pub(super) struct CargoRequest {
    /// Where the archive that has it may be; nothing if it is the workspace's own.
    pub(super) urls: Vec<String>,
    /// The archive's SHA-256.
    pub(super) sha256: String,
    /// The packages whose dependencies are wanted; all of the file if there are none.
    pub(super) roots: BTreeSet<String>,
    /// Packages that are not followed.
    pub(super) without: BTreeSet<String>,
}

/// One list of a lock file.
#[derive(Debug)]
pub(super) struct WantedList {
    /// The name it is loaded by.
    pub(super) name: String,
    /// What it is for.
    pub(super) doc: String,
    /// What belongs in it.
    pub(super) wanted: Wanted,
}

/// A field that a `LockInfo` lacks, or has with another type.
struct Wrong(String);

impl Request {
    /// Reads the provider of the target `label`.
    ///
    /// # Errors
    /// If it is of a kind that this wiz does not know, or a field is wrong.
    pub(super) fn read(label: &Label, info: &ProviderValue) -> Result<Self, CliError> {
        Self::from_fields(label, &info.fields).map_err(|Wrong(what)| {
            CliError::new(Kind::User, "WIZ2201", format!("the `LockInfo` of `{label}` is wrong: {what}"))
                .hint("`debian_lock` of //starlark-rules/lock.star makes a right one")
        })
    }

    fn from_fields(label: &Label, fields: &Fields) -> Result<Self, Wrong> {
        let of_info = |name: &str| text(name, fields.get(name));
        let Some(Value::Dict(request)) = fields.get("request") else {
            return Err(Wrong("`request` is no dict".to_owned()));
        };
        let file = of_info("file")?;
        let is_starlark = |file: &RelPath| file.as_str().ends_with(".star");
        Ok(Self {
            label: label.clone(),
            file: RelPath::new(&file)
                .ok()
                .filter(is_starlark)
                .ok_or_else(|| Wrong(format!("`{file}` is not the path of a .star file in the workspace")))?,
            doc: of_info("doc")?,
            wanted: match of_info("kind")?.as_str() {
                "debian" => Source::Debian(DebianRequest::read(request)?),
                "cargo" => Source::Cargo(CargoRequest::read(request)?),
                kind => return Err(Wrong(format!("there is no kind `{kind}`"))),
            },
        })
    }
}

impl DebianRequest {
    fn read(request: &[(String, Value)]) -> Result<Self, Wrong> {
        let word = |name: &str| text(name, find(request, name)).and_then(|text| path_word(name, text));
        let Some(Value::Dict(lists)) = find(request, "lists") else {
            return Err(Wrong("`lists` is no dict".to_owned()));
        };
        Ok(Self {
            suite: word("suite")?,
            component: word("component")?,
            architecture: word("architecture")?,
            key: match find(request, "key") {
                None | Some(Value::None) => None,
                Some(Value::Artifact(key)) => match &**key {
                    Artifact::Source { path } => Some(path.clone()),
                    Artifact::Output { .. } => {
                        return Err(Wrong(
                            "`key` has to be built: keys are files of the workspace".to_owned(),
                        ));
                    }
                },
                Some(_) => return Err(Wrong("`key` is no file".to_owned())),
            },
            lists: lists.iter().map(|(name, list)| WantedList::read(name, list)).collect::<Result<_, _>>()?,
        })
    }
}

impl CargoRequest {
    fn read(request: &[(String, Value)]) -> Result<Self, Wrong> {
        let Some(Value::List(urls)) = find(request, "urls") else {
            return Err(Wrong("`urls` is no list".to_owned()));
        };
        Ok(Self {
            urls: urls.iter().map(|url| text("urls", Some(url))).collect::<Result<_, _>>()?,
            sha256: text("sha256", find(request, "sha256"))?,
            roots: names("roots", find(request, "roots"))?,
            without: names("without", find(request, "without"))?,
        })
    }
}

impl WantedList {
    fn read(name: &str, list: &Value) -> Result<Self, Wrong> {
        let within = |Wrong(what)| Wrong(format!("list `{name}`: {what}"));
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.chars().all(is_name) {
            return Err(Wrong(format!("`{name}` is not a name in capitals")));
        }
        let (Value::Dict(fields) | Value::Struct(fields)) = list else {
            return Err(Wrong(format!("list `{name}` is no dict")));
        };
        let names = |field: &str| names(field, find(fields, field)).map_err(within);
        let doc = text("doc", find(fields, "doc")).map_err(within)?;
        if doc.contains('\n') {
            return Err(within(Wrong("`doc` has more than one line".to_owned())));
        }
        let wanted = Wanted { packages: names("packages")?, without: names("without")? };
        Ok(Self { name: name.to_owned(), doc, wanted })
    }
}

fn find<'v>(fields: &'v [(String, Value)], name: &str) -> Option<&'v Value> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

fn text(name: &str, value: Option<&Value>) -> Result<String, Wrong> {
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Wrong(format!("`{name}` is no text"))),
    }
}

/// A text that becomes part of a path, such as `bookworm` or `bookworm/updates`.
fn path_word(name: &str, text: String) -> Result<String, Wrong> {
    let known = |c: char| c.is_ascii_alphanumeric() || "+-._/".contains(c);
    let sound = !text.is_empty() && RelPath::new(&text).is_ok() && text.chars().all(known);
    if sound { Ok(text) } else { Err(Wrong(format!("`{name}` is `{text}`, which cannot be part of a path"))) }
}

fn names(name: &str, value: Option<&Value>) -> Result<BTreeSet<String>, Wrong> {
    let Some(Value::List(values)) = value else { return Err(Wrong(format!("`{name}` is no list"))) };
    values.iter().map(|value| text(name, Some(value))).collect()
}
