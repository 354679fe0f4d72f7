//! Targets after configuration and after analysis.

use std::fmt;
use std::sync::Arc;

use wiz_base::{Label, PlatformName, Span};

use crate::action::Action;
use crate::fields::Fields;
use crate::value::ProviderValue;

/// A target's identity: its label and the platform it is built for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ConfiguredTarget {
    /// The label.
    pub label: Label,
    /// The platform.
    pub platform: PlatformName,
}

impl fmt::Display for ConfiguredTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.label, self.platform)
    }
}

/// All that analysis found out about one target: plain data that can be stored
/// and read back.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AnalyzedTarget {
    /// Its identity.
    pub id: ConfiguredTarget,
    /// The rule's name.
    pub rule: String,
    /// Where it is defined.
    pub span: Option<Span>,
    /// What it depends on, ordered and unique.
    pub dependencies: Vec<ConfiguredTarget>,
    /// Its attributes as the definition or their defaults give them, selects resolved.
    pub attributes: Fields,
    /// What its rule returned, by provider name.
    pub providers: Vec<Arc<ProviderValue>>,
    /// The actions its rule declared.
    pub actions: Vec<Action>,
}

impl AnalyzedTarget {
    /// The provider of that name, if the rule returned one.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&ProviderValue> {
        self.providers.iter().map(|provider| &**provider).find(|provider| provider.name == name)
    }
}
