//! The files of one package: what lies in its folder and in no package below it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use wiz_base::RelPath;

use crate::codes;
use crate::package::BUILD_FILE;
use crate::reader::{Folder, Reader};
use crate::refusal::Refusal;
use crate::sources::EntryKind;
use crate::suggest::did_you_mean;

/// A package's files.
pub(crate) struct PackageFiles<'a> {
    pub(crate) folder: &'a RelPath,
    reader: &'a Reader<'a>,
    /// The folders that were listed.
    listed: RefCell<BTreeSet<RelPath>>,
}

impl<'a> PackageFiles<'a> {
    pub(crate) fn new(folder: &'a RelPath, reader: &'a Reader<'a>) -> Self {
        Self { folder, reader, listed: RefCell::default() }
    }

    /// The folders that were listed.
    pub(crate) fn into_listed(self) -> BTreeSet<RelPath> {
        self.listed.into_inner()
    }

    /// The path in the workspace of a file that a definition names.
    pub(crate) fn locate(&self, path: &str, allow_directory: bool) -> Result<RelPath, Refusal> {
        let refuse = |message: String| Refusal::new(codes::SOURCE_FILE, message);
        let below = RelPath::new(path).map_err(|error| refuse(error.to_string()))?;
        let Some(parent) = below.parent() else {
            return Err(refuse("a file's path is not empty".to_owned()));
        };
        let mut folder = self.folder.clone();
        for segment in parent.segments() {
            folder = folder.join_str(segment).map_err(|error| refuse(error.to_string()))?;
            let listed = self
                .list(&folder)?
                .ok_or_else(|| refuse(format!("`{path}` does not exist: there is no folder `{folder}`")))?;
            if listed.kind(BUILD_FILE).is_some() {
                let message = format!("`{path}` belongs to the package `//{folder}`");
                return Err(refuse(message).hint("define a target there and name it by its label"));
            }
        }
        let listed = self.list(&folder)?.ok_or_else(|| refuse(format!("there is no folder `{folder}`")))?;
        match listed.kind(below.file_name()) {
            Some(EntryKind::File) => Ok(folder.join(&last(&below))),
            Some(EntryKind::Directory) if allow_directory => Ok(folder.join(&last(&below))),
            Some(EntryKind::Directory) => {
                let hint = "name files, or use `attrs.source(allow_directory = True)`";
                Err(refuse(format!("`{path}` is a folder")).hint(hint))
            }
            Some(EntryKind::Symlink) => {
                Err(refuse(format!("`{path}` is a symbolic link")).hint("name the file it points at"))
            }
            None => {
                let names = listed.entries().iter().map(|entry| entry.name.as_str());
                let nearest = did_you_mean(below.file_name(), names);
                let message = format!("`{path}` does not exist in `//{}`", self.folder);
                Err(refuse(message)
                    .hint("make the file, or write a label, which starts with `//` or `:`")
                    .maybe_hint(nearest))
            }
        }
    }

    /// The package's files that match one of `include` and none of `exclude`, sorted,
    /// relative to its folder.
    pub(crate) fn glob(&self, include: &[String], exclude: &[String]) -> Result<Vec<String>, Refusal> {
        let (include, exclude) = (glob_set(include)?, glob_set(exclude)?);
        let mut found = Vec::new();
        let mut pending = vec![RelPath::root()];
        while let Some(below) = pending.pop() {
            let Some(listed) = self.list(&self.folder.join(&below))? else { continue };
            if !below.is_root() && listed.kind(BUILD_FILE).is_some() {
                continue;
            }
            for entry in listed.entries() {
                let Ok(path) = below.join_str(&entry.name) else { continue };
                match entry.kind {
                    EntryKind::Directory => pending.push(path),
                    EntryKind::File if include.is_match(&*path.to_string()) => {
                        if !exclude.is_match(path.as_str()) {
                            found.push(path.to_string());
                        }
                    }
                    EntryKind::File | EntryKind::Symlink => {}
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn list(&self, folder: &RelPath) -> Result<Option<std::sync::Arc<Folder>>, Refusal> {
        self.listed.borrow_mut().insert(folder.clone());
        self.reader.list(folder).map_err(|error: io::Error| {
            Refusal::new(codes::UNREADABLE, format!("cannot list `{folder}`: {error}"))
        })
    }
}

fn last(path: &RelPath) -> RelPath {
    RelPath::new(path.file_name()).unwrap_or_else(|_| RelPath::root())
}

fn glob_set(patterns: &[String]) -> Result<GlobSet, Refusal> {
    let malformed = |pattern: &str, error: &globset::Error| {
        let message = format!("`{pattern}` is no glob: {}", error.kind());
        Refusal::new(codes::GLOB, message).focus(format!("{pattern:?}"))
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        if RelPath::new(pattern).is_err() {
            let message = format!("`{pattern}` is no glob: it must be relative and stay in the folder");
            return Err(Refusal::new(codes::GLOB, message).focus(format!("{pattern:?}")));
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| malformed(pattern, &error))?);
    }
    set.build().map_err(|error| malformed("", &error))
}
