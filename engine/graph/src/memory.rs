//! What an analysis found out, as far as it decides what a later one has to do again.
//!
//! Each module, package and target is remembered with fingerprints of what it came to.
//! After a change only what the change reaches is evaluated again, and wherever something
//! comes to what it was before, what depends on it is left alone. Unaware of how anything
//! is evaluated and of where this is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wiz_base::{RelPath, Span, TargetPattern};

use crate::fingerprint::Fingerprint;
use crate::target::{AnalyzedTarget, ConfiguredTarget};

/// Everything that is remembered of a sound analysis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Files that others load.
    pub modules: BTreeMap<RelPath, RememberedModule>,
    /// Folders with a BUILD.star.
    pub packages: BTreeMap<RelPath, RememberedPackage>,
    /// What patterns over many folders found.
    pub walks: BTreeMap<TargetPattern, RememberedWalk>,
    /// Targets, without what they came to.
    pub targets: BTreeMap<ConfiguredTarget, RememberedTarget>,
}

/// A file that others load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedModule {
    /// The files it loads.
    pub loads: BTreeSet<RelPath>,
    /// Of its tokens: comments and empty lines leave it as it is.
    pub tokens: Fingerprint,
}

/// A folder with a BUILD.star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedPackage {
    /// The files it loads, the prelude included.
    pub loads: BTreeSet<RelPath>,
    /// The folders whose entries it depends on.
    pub folders: BTreeSet<RelPath>,
    /// The names of its targets.
    pub targets: BTreeSet<String>,
}

/// What a pattern over many folders found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedWalk {
    /// The folders that were listed.
    pub folders: BTreeSet<RelPath>,
    /// Those with a BUILD.star.
    pub packages: BTreeSet<RelPath>,
}

/// A target, without what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedTarget {
    /// Of its definition: rule, values, visibility.
    pub definition: Fingerprint,
    /// The file that declares its rule.
    pub rule: RelPath,
    /// Of all that dependants can see of it.
    pub face: Fingerprint,
    /// Where it is defined.
    pub span: Option<Span>,
    /// Who may depend on it: everybody, or its package and these.
    pub visibility: Option<Vec<TargetPattern>>,
    /// What it depends on, ordered and unique.
    pub dependencies: Vec<ConfiguredTarget>,
}

/// Gives back what remembered targets came to.
pub trait Bodies: Sync {
    /// The target; `None` if it cannot be read back.
    fn body(&self, id: &ConfiguredTarget) -> Option<Arc<AnalyzedTarget>>;
}

impl Memory {
    /// Adds what a later analysis found out.
    pub fn renew(&mut self, later: Self) {
        self.modules.extend(later.modules);
        self.packages.extend(later.packages);
        self.walks.extend(later.walks);
        self.targets.extend(later.targets);
    }
}
