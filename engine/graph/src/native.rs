//! The table of native actions: work the engine does itself, each kind with a
//! version that is part of its key.
//!
//! A change of a kind's output for the same parameters needs a new version here.

/// A kind of native action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeKind {
    /// Archives to a tree.
    Unpack,
    /// Files, links and trees to one tree.
    Tree,
    /// ELF files to a report.
    Inspect,
    /// A report held against a policy.
    Gate,
    /// A tree to several.
    Split,
    /// A tree to what it provides and depends on.
    Scan,
    /// A tree to an unsigned apk package.
    Apk,
    /// Packages to an unsigned repository.
    Index,
    /// Package records to an installation.
    Solve,
    /// A package to its compressed share of a layer.
    Segment,
    /// Segments to an OCI layout.
    Image,
    /// Packages to a root tree.
    Rootfs,
    /// Evidence to an SPDX 2.3 document.
    Spdx,
    /// Evidence to an SPDX 3.0.1 document.
    Spdx3,
    /// Evidence to a CycloneDX 1.6 document.
    #[serde(rename = "cyclonedx")]
    CycloneDx,
    /// Evidence to an in-toto statement.
    Provenance,
    /// An image held against a policy.
    Policy,
}

impl NativeKind {
    /// All kinds, in the order they were introduced.
    pub const ALL: [Self; 17] = [
        Self::Unpack,
        Self::Tree,
        Self::Inspect,
        Self::Gate,
        Self::Split,
        Self::Scan,
        Self::Apk,
        Self::Index,
        Self::Solve,
        Self::Segment,
        Self::Image,
        Self::Rootfs,
        Self::Spdx,
        Self::Spdx3,
        Self::CycloneDx,
        Self::Provenance,
        Self::Policy,
    ];

    /// The name used in `.star` files and in keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unpack => "unpack",
            Self::Tree => "tree",
            Self::Inspect => "inspect",
            Self::Gate => "gate",
            Self::Split => "split",
            Self::Scan => "scan",
            Self::Apk => "apk",
            Self::Index => "index",
            Self::Solve => "solve",
            Self::Segment => "segment",
            Self::Image => "image",
            Self::Rootfs => "rootfs",
            Self::Spdx => "spdx",
            Self::Spdx3 => "spdx3",
            Self::CycloneDx => "cyclonedx",
            Self::Provenance => "provenance",
            Self::Policy => "policy",
        }
    }

    /// The version that is part of its key.
    #[must_use]
    pub const fn version(self) -> u32 {
        match self {
            Self::Scan => 2,
            _ => 1,
        }
    }

    /// The kind of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
