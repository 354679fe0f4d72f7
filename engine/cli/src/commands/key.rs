//! `wiz key`: the keys that sign repositories.

use std::path::Path;

use wiz_repo::KeyFolder;

use crate::arguments::{Key, KeyCommand, KeyOwner};
use crate::config::Config;
use crate::error::CliError;
use crate::output;
use crate::session::Session;
use crate::session::signing::key_folder;

/// Makes, lists or withdraws keys.
///
/// # Errors
/// If a key cannot be made, read or written, or must not be revoked.
pub(crate) fn run(config: &Config, key: &Key) -> Result<(), CliError> {
    let folder = key_folder(config);
    match &key.command {
        KeyCommand::New(owner) => {
            let path = folder.first(&name(config, owner)?, &mut getrandom::SysRng)?;
            print(&path);
        }
        KeyCommand::Rotate(owner) => {
            let path = folder.rotate(&name(config, owner)?, &mut getrandom::SysRng)?;
            print(&path);
        }
        KeyCommand::Revoke(revoke) => folder.revoke(&revoke.name)?,
        KeyCommand::List => list(&folder)?,
    }
    Ok(())
}

fn print(path: &Path) {
    output::result(&path.display().to_string());
}

fn list(folder: &KeyFolder) -> Result<(), CliError> {
    for key in folder.list()? {
        output::result(&format!("{}\t{}\t{}", key.name, key.state.as_str(), key.public.display()));
    }
    Ok(())
}

/// Whose key it is: the workspace's unless said otherwise.
fn name(config: &Config, owner: &KeyOwner) -> Result<String, CliError> {
    match &owner.name {
        Some(name) => Ok(name.clone()),
        None => Ok(Session::open_to_read(config, None)?.workspace_name().to_owned()),
    }
}
