//! Folders brought back to the owner and mode that the database has for them.

use wiz_apk::database::installed::Attributes;

use crate::root::{Root, RootError};
use crate::state::State;

/// Makes missing folders and sets owner and mode of all that packages have: what the
/// first package that has it says.
///
/// # Errors
/// [`RootError`] for the first folder that cannot be changed.
pub fn folders(root: &Root, state: &State) -> Result<(), RootError> {
    let mut wanted: std::collections::BTreeMap<&str, Attributes> = Default::default();
    for directory in state.packages.iter().flat_map(|package| &package.directories) {
        if !directory.path.is_empty() {
            wanted.entry(&directory.path).or_insert(directory.attributes);
        }
    }
    for (path, Attributes { uid, gid, mode }) in wanted {
        root.make_folders(path)?;
        let (folder, name) = root.parent(path)?;
        let Some(found) = folder.metadata(name)? else { continue };
        if found.kind != rustix::fs::FileType::Directory {
            continue;
        }
        if (found.uid, found.gid) != (uid, gid) {
            folder.set_owner(name, uid, gid)?;
        }
        if found.mode != mode {
            folder.set_mode(name, mode)?;
        }
    }
    Ok(())
}
