//! What a target is built for, or an action runs on. Unaware of toolchains.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A platform's name as WORKSPACE.star gives it, for example `x86_64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformName(Arc<str>);

impl PlatformName {
    /// A name of letters, digits, `_`, `-` and `.`.
    ///
    /// # Errors
    /// [`PlatformNameError`] on anything else.
    pub fn new(text: &str) -> Result<Self, PlatformNameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if text.is_empty() || text.starts_with('.') || !text.chars().all(allowed) {
            return Err(PlatformNameError { name: text.to_owned() });
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for PlatformName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for PlatformName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Text that cannot name a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot name a platform: letters, digits, `_`, `-` and `.` can")]
pub struct PlatformNameError {
    /// What was given.
    pub name: String,
}

/// A platform: its name and what is true of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Platform {
    /// The name results are kept under.
    pub name: PlatformName,
    /// Operating system, for example `linux`.
    pub os: String,
    /// Instruction set, for example `x86_64` or `aarch64`.
    pub cpu: String,
}

impl Platform {
    /// The properties a worker must have, the only two in any key.
    #[must_use]
    pub fn properties(&self) -> BTreeMap<String, String> {
        let isa = match self.cpu.as_str() {
            "x86_64" => "x86-64",
            "aarch64" => "arm-a64",
            other => other,
        };
        BTreeMap::from([("ISA".to_owned(), isa.to_owned()), ("OSFamily".to_owned(), self.os.clone())])
    }
}
