//! Which packages a set of wishes needs: apk's dependency rules over index records.
//!
//! [`solve`] starts from nothing installed, as an image does. It is complete (what
//! has a solution is solved), prefers what apk prefers, gives the same answer for
//! the same records in any order, and explains what has no solution.
//!
//! [`choose`] starts from what is installed, as a running system does: pinned
//! repositories, upgrades, removals. It gives apk's own answer, step for step, and
//! [`explain`] gives apk's reasons where there is none.
//!
//! Unaware of files and terminals, and of where repositories are.

pub mod change;
pub mod conflict;
mod explain;
mod order;
pub mod pool;
mod search;
pub mod select;
#[cfg(test)]
mod tests;
pub mod trouble;
mod universe;

use wiz_apk::{Dependency, Record};

pub use change::{Change, Outcome, choose, choose_what_is_possible};
pub use conflict::{Conflict, Link, Problem, Rejection, Why};
pub use pool::{Dependants, NameId, PackageId, Pool, Source, TagId};
pub use select::{Flags, NameFlags, Transaction, Wish};
pub use trouble::{Fact, Trouble, explain};

use universe::Universe;

/// What is asked of the solver.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What must be there, and with `!` what must not.
    pub world: &'a [Dependency],
    /// The packages to choose from. Their order does not matter.
    pub candidates: &'a [Record],
    /// The architecture to install for; packages of others, `noarch` aside, are out
    /// of the question. `None` takes any.
    pub arch: Option<&'a str>,
}

/// The packages that fulfil a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution<'a> {
    /// In the order of installation: dependencies first, where there is no cycle.
    pub packages: Vec<Selected<'a>>,
}

/// One chosen package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected<'a> {
    /// Its record.
    pub record: &'a Record,
    /// What it was chosen for first.
    pub reason: Reason<'a>,
}

/// Why a package was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The world asks for it.
    World(&'a Dependency),
    /// A chosen package depends on it.
    Dependency {
        /// That package.
        package: &'a Record,
        /// Its dependency.
        dependency: &'a Dependency,
    },
    /// Everything in its `install_if` is there.
    InstallIf,
}

/// Chooses packages for `request`.
///
/// # Errors
/// [`Conflict`] if no choice fulfils it, with what stands in the way.
pub fn solve<'a>(request: &Request<'a>) -> Result<Solution<'a>, Conflict> {
    let universe = Universe::new(request);
    let found = search::run(&universe, request.world)?;
    Ok(order::solution(&universe, request.world, &found))
}
