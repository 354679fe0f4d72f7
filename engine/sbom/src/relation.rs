//! How one component stands to another. Unaware of the components.

/// A relation, read from the first component to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// The first, an image or package, has the second in it.
    Contains,
    /// The first needs the second when it runs.
    DependsOn,
    /// The first was built from the second, an archive.
    GeneratedFrom,
    /// The first, a patch, was applied to the second before building.
    PatchApplied,
    /// The first, a tool, was used to build the second.
    BuildToolOf,
    /// The first was in the root in which the second was built.
    BuildDependencyOf,
    /// The first has code of the second linked into it.
    StaticLink,
}
