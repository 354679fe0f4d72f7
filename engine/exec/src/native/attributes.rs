//! Mode, owner, group and capabilities that a definition declares of a path. Unaware
//! of where the path is: in a package or in an image.

use serde::Deserialize;
use wiz_base::RelPath;
use wiz_install::Effects;
use wiz_install::capabilities::Capability;

use super::pack_error::PackError;
use super::record::{FileRecord, octal};

/// What is declared of a path; what is not stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Attributes {
    pub(super) mode: Option<String>,
    pub(super) owner: Option<Account>,
    pub(super) group: Option<Account>,
    pub(super) capabilities: Vec<Capability>,
}

/// A user or group, by number or by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Account {
    Number(u32),
    Name(String),
}

impl Attributes {
    /// Writes them into the record; names are looked up among the accounts of `effects`.
    pub(super) fn apply(&self, record: &mut FileRecord, effects: &Effects) -> Result<(), PackError> {
        if let Some(mode) = &self.mode {
            record.mode = octal::parse(mode).ok_or_else(|| PackError::Field {
                field: format!("mode of {}", record.path),
                value: mode.clone(),
                message: "a mode is written like `0755`".to_owned(),
            })?;
        }
        if let Some(owner) = &self.owner {
            record.uid = owner.resolve(&record.path, |name| user_number(effects, name))?;
        }
        if let Some(group) = &self.group {
            record.gid = group.resolve(&record.path, |name| group_number(effects, name))?;
        }
        if !self.capabilities.is_empty() {
            record.capabilities.clone_from(&self.capabilities);
        }
        Ok(())
    }
}

impl Account {
    fn resolve(&self, path: &RelPath, known: impl Fn(&str) -> Option<u32>) -> Result<u32, PackError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Name(name) if name == "root" => Ok(0),
            Self::Name(name) => known(name)
                .ok_or_else(|| PackError::Owner { path: path.as_str().to_owned(), name: name.clone() }),
        }
    }
}

fn user_number(effects: &Effects, name: &str) -> Option<u32> {
    effects.users.iter().find(|user| user.name == name).map(|user| user.uid)
}

fn group_number(effects: &Effects, name: &str) -> Option<u32> {
    effects.groups.iter().find(|group| group.name == name).map(|group| group.gid)
}
