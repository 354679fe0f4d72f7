//! What is known of each name and package while packages are chosen.

use super::Flags;
use super::queue::Place;
use crate::pool::{Claim, TagSet};

/// A name.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameState {
    /// Who fulfils the name, once it is settled; `None` for nobody.
    pub(crate) chosen: Option<Claim>,
    /// The name is decided for good.
    pub(crate) is_settled: bool,
    /// How many dependencies ask for it.
    pub(crate) requirers: u32,
    /// The walk from the world has come by.
    pub(super) is_seen: bool,
    /// The transaction has flags for it.
    pub(super) is_flagged: bool,
    /// Names are settled in this order, the highest first: those the transaction has flags
    /// for; among them those that some package bears; then from the root down.
    pub(super) order: (bool, bool, u32),
    /// A package that one of its packages depends on has changed.
    pub(super) recheck_depends: bool,
    /// Something its packages wait for has changed.
    pub(super) recheck_install_if: bool,
    /// Some package's `install_if` holds.
    pub(super) is_triggered: bool,
    /// Some package may still come in by its `install_if`.
    pub(super) can_trigger: bool,
    /// More than one package could be chosen, or one that is of a repository not allowed.
    pub(super) has_options: bool,
    /// Every name whose packages depend on this one is settled.
    pub(super) is_free: bool,
    /// Some package may be chosen without being asked for by its own name.
    pub(super) is_eligible: bool,
    /// An `install_if` needs to know whether it stays absent.
    pub(super) is_awaited: bool,
    /// Where it stands among what is open.
    pub(super) place: Option<Place>,
    /// It is queued to be looked at again.
    pub(super) is_changed: bool,
}

/// A package.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackageState {
    /// It is part of what does not work out.
    pub(crate) is_wrong: bool,
    /// It has its place among the changes.
    pub(crate) is_in_changes: bool,
    /// Tags whose repositories it may come from.
    pub(crate) allowed_tags: TagSet,
    /// What is to be preferred for it.
    pub(crate) flags: Flags,
    /// What is to be preferred for its dependencies.
    pub(super) inherited: Flags,
    pub(super) preferred_tags: TagSet,
    pub(super) is_seen: bool,
    /// It can be had from a repository or a file.
    pub(super) is_available: bool,
    /// Nothing speaks against it so far.
    pub(super) is_selectable: bool,
    /// One of its repositories is allowed for it.
    pub(super) is_tag_allowed: bool,
    /// One of its repositories is preferred for it.
    pub(super) is_tag_preferred: bool,
    /// Dependencies that it does not fulfil, each as often as it was applied.
    pub(super) conflicts: u32,
    /// It was a candidate when its name was last looked at.
    pub(super) was_candidate: bool,
    /// It was one in the last look that had any.
    pub(super) was_in_group: bool,
    /// Its `install_if` holds.
    pub(super) is_triggered: bool,
    /// Its `install_if` cannot hold any more.
    pub(super) cannot_trigger: bool,
}
