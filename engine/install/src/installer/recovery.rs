//! Setting right what a process that was killed has left.

use wiz_apk::database::world::{self, WorldDependency};

use super::{InstallError, apply};
use crate::journal::{self, Line};
use crate::root::Root;
use crate::state::State;

/// What was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// What should have been asked for when all was done.
    pub world: Vec<WorldDependency>,
    /// Packages that had come in or gone before the interruption.
    pub finished: usize,
}

/// Finishes the package that was being put in or taken out if all of it was there, undoes
/// it if not, and brings the database up to date; `None` if nothing was interrupted. The
/// caller holds the database's lock.
///
/// # Errors
/// [`InstallError`] if the journal is malformed or the root cannot be changed.
pub fn recover(root: &Root) -> Result<Option<Recovery>, InstallError> {
    let Some(lines) = journal::read(root)? else { return Ok(None) };
    let mut state = State::read(root)?.unwrap_or_default();
    let mut recovery = Recovery { world: state.world.clone(), finished: 0 };
    let mut staged = Vec::new();
    let mut open = None;
    for line in lines {
        match line {
            Line::Begin { world, .. } => {
                recovery.world = world::parse(&world.join("\n")).map_err(crate::state::StateError::from)?;
            }
            Line::Stage(_) | Line::Folder(_) => staged.push(line),
            Line::Commit(commit) => {
                staged.clear();
                apply(&mut state, &commit, &mut |_| ())?;
                recovery.finished += 1;
                open = Some(commit);
            }
            Line::Done => open = None,
        }
    }
    if let Some(commit) = open {
        commit.steps.iter().try_for_each(|step| step.carry_out(root))?;
    }
    journal::undo(root, &staged)?;
    state.write(root)?;
    journal::remove(root)?;
    Ok(Some(recovery))
}
