//! What a command left in its output folder, held against what it declared, and
//! stored. Unaware of how the command ran.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::{
    Capture, CaptureError, CaptureMode, Oddity, OddityKind, Store, StoreError, Transfer, TreeBuilder,
    TreeError, Undeclared,
};
use wiz_graph::{OutputKind, Run};
use wiz_scheduler::{FailureKind, Setback};

use crate::failure::{failure, store_setback};

/// As many paths of an output folder are listed in a message.
const MOST_LISTED: usize = 20;

/// Outputs that are not what was declared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Declared, and not made.
    #[error("{}", missing_text(.missing, .present))]
    Missing { missing: Vec<Missing>, present: Vec<RelPath> },
    /// Made, and not declared.
    #[error("the action made what it does not declare:{}\nhint: declare them as outputs, or write them to /tmp", listed(.0))]
    Undeclared(Vec<RelPath>),
    /// Something no tree holds, and nobody declared.
    #[error("{}", odd_text(.0))]
    Odd(Vec<Oddity>),
    /// Something that cannot be stored.
    #[error(transparent)]
    Capture(CaptureError),
    /// Outputs in each other's way.
    #[error(transparent)]
    Tree(TreeError),
    /// The output folder cannot be read.
    #[error("cannot read the output `{path}`: {source}")]
    Read { path: RelPath, source: io::Error },
}

/// A declared output and what is there instead.
#[derive(Debug)]
pub(crate) struct Missing {
    path: RelPath,
    kind: OutputKind,
    found: Option<&'static str>,
}

impl From<OutputError> for Setback {
    fn from(error: OutputError) -> Self {
        let (kind, code) = match &error {
            OutputError::Store(error) => return store_setback(error),
            OutputError::Missing { .. } => (FailureKind::Build, "WIZ1010"),
            OutputError::Undeclared(_) => (FailureKind::Build, "WIZ1011"),
            OutputError::Odd(_) => (FailureKind::Build, "WIZ1012"),
            OutputError::Capture(_) | OutputError::Tree(_) => (FailureKind::Build, "WIZ1013"),
            OutputError::Read { .. } => (FailureKind::Surroundings, "WIZ1072"),
        };
        failure(kind, code, &error).into()
    }
}

impl From<CaptureError> for OutputError {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Store(error) => Self::Store(error),
            CaptureError::Undeclared(odd) => Self::Odd(odd),
            error => Self::Capture(error),
        }
    }
}

impl From<TreeError> for OutputError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Store(error) => Self::Store(error),
            error => Self::Tree(error),
        }
    }
}

/// Makes the folders an action finds in its output folder: the parents of its
/// outputs, and those that are declared as folders.
pub(crate) fn prepare(out: &Path, outputs: &BTreeMap<RelPath, OutputKind>) -> io::Result<()> {
    make_folder(out)?;
    for (path, kind) in outputs {
        let folder = if *kind == OutputKind::Tree { Some(path.clone()) } else { path.parent() };
        let mut place = out.to_owned();
        for segment in folder.iter().flat_map(RelPath::segments) {
            place.push(segment);
            make_folder(&place)?;
        }
    }
    Ok(())
}

/// A folder with mode 0755, whatever the process's umask.
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(rustix::fs::chmod(path, Mode::from_raw_mode(0o755))?),
    }
}

/// What a command left behind.
pub(crate) struct Made<'a> {
    /// Its output folder.
    pub(crate) out: &'a Path,
    /// An empty folder on the same disk, for trees that are captured by themselves.
    pub(crate) aside: &'a Path,
    /// What it printed.
    pub(crate) log: Digest,
}

/// Stores the outputs of `run` and returns their tree.
pub(crate) fn collect(
    store: &Store,
    made: &Made<'_>,
    run: &Run,
    outputs: &BTreeMap<RelPath, OutputKind>,
) -> Result<Digest, OutputError> {
    let trees = if run.capture.root { take_roots(store, made, run, outputs)? } else { Vec::new() };
    let declared = declared_oddities(run, outputs, None);
    let mut root = store.capture(made.out, &policy(CaptureMode::Plain, declared))?.root;
    if !trees.is_empty() || run.log.is_some() {
        let mut builder = TreeBuilder::from_tree(store, &root)?;
        for (path, tree) in trees {
            builder.insert(store, &path, Node::Directory(tree))?;
        }
        if let Some(path) = &run.log {
            builder.replace(store, path, Node::File { digest: made.log, executable: false })?;
        }
        root = builder.build(store)?;
    }
    check(store, &root, outputs)?;
    Ok(root)
}

/// Captures each output that is a folder as part of a root, moving it away from its folder;
/// inner outputs before outer ones.
fn take_roots(
    store: &Store,
    made: &Made<'_>,
    run: &Run,
    outputs: &BTreeMap<RelPath, OutputKind>,
) -> Result<Vec<(RelPath, Digest)>, OutputError> {
    let mut trees = Vec::new();
    for (number, (path, kind)) in outputs.iter().rev().enumerate() {
        let place = made.aside.join(number.to_string());
        if *kind == OutputKind::Tree && move_away(made.out, path, &place)? {
            let declared = declared_oddities(run, outputs, Some(path));
            let policy = policy(CaptureMode::Root { keep_aliases: false }, declared);
            trees.push((path.clone(), store.capture(&place, &policy)?.root));
        }
    }
    trees.reverse();
    Ok(trees)
}

fn policy(mode: CaptureMode, declared: BTreeSet<Oddity>) -> Capture {
    Capture { mode, transfer: Transfer::Consume, declared, undeclared: Undeclared::Refuse }
}

/// Moves the folder at `path` to `place`; false if there is none. No link is followed.
fn move_away(out: &Path, path: &RelPath, place: &Path) -> Result<bool, OutputError> {
    let read = |errno: rustix::io::Errno| OutputError::Read { path: path.clone(), source: errno.into() };
    let open = |folder: &OwnedFd, name: &str| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat2(folder, name, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
    };
    let folder = rustix::fs::open(out, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let mut folder = folder.map_err(read)?;
    if let Some(parent) = path.parent().filter(|parent| !parent.is_root()) {
        match open(&folder, parent.as_str()) {
            Ok(parent) => folder = parent,
            Err(_) => return Ok(false),
        }
    }
    // What is not a folder is left, for the check to find.
    if open(&folder, path.file_name()).is_err() {
        return Ok(false);
    }
    let folder_path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    rustix::fs::renameat(CWD, folder_path.join(path.file_name()), CWD, place).map_err(read)?;
    Ok(true)
}

/// The oddities that `modes` accepts, in the paths of the captured tree: all of the
/// output folder, or the output `tree`. A path may be written with the output's or
/// from inside of it.
fn declared_oddities(
    run: &Run,
    outputs: &BTreeMap<RelPath, OutputKind>,
    tree: Option<&RelPath>,
) -> BTreeSet<Oddity> {
    let mut declared = BTreeSet::new();
    for (path, mode) in &run.capture.modes {
        let (Ok(path), Ok(mode)) = (RelPath::new(path), u32::from_str_radix(mode, 8)) else { continue };
        let mut paths = vec![path.clone()];
        match tree {
            Some(tree) => paths.extend(path.strip_prefix(tree)),
            None => paths.extend(outputs.keys().map(|output| output.join(&path))),
        }
        for path in paths {
            declared.extend(kinds(mode).map(|kind| Oddity { path: path.clone(), kind }));
        }
    }
    declared
}

fn kinds(mode: u32) -> impl Iterator<Item = OddityKind> {
    let special =
        [(0o4000, OddityKind::SetUserId), (0o2000, OddityKind::SetGroupId), (0o1000, OddityKind::Sticky)];
    let special = special.into_iter().filter(move |(bit, _)| mode & bit != 0).map(|(_, kind)| kind);
    special.chain([OddityKind::Mode(mode & 0o777)])
}

/// Holds the stored tree against the declaration.
fn check(store: &Store, root: &Digest, outputs: &BTreeMap<RelPath, OutputKind>) -> Result<(), OutputError> {
    let mut missing = Vec::new();
    for (path, kind) in outputs {
        let found = match (store.subtree(root, path)?, kind) {
            (Some(Node::File { .. }), OutputKind::File) | (Some(Node::Directory(_)), OutputKind::Tree) => {
                continue;
            }
            (None, _) => None,
            (Some(Node::File { .. }), _) => Some("a file"),
            (Some(Node::Directory(_)), _) => Some("a folder"),
            (Some(Node::Symlink(_)), _) => Some("a link"),
        };
        missing.push(Missing { path: path.clone(), kind: *kind, found });
    }
    let (mut present, mut undeclared) = (Vec::new(), Vec::new());
    list(store, root, &RelPath::root(), outputs, &mut present, &mut undeclared)?;
    if !missing.is_empty() {
        return Err(OutputError::Missing { missing, present });
    }
    if undeclared.is_empty() { Ok(()) } else { Err(OutputError::Undeclared(undeclared)) }
}

/// Lists what stands in an output folder down to declared outputs, and what of it lies
/// in none.
fn list(
    store: &Store,
    directory: &Digest,
    at: &RelPath,
    outputs: &BTreeMap<RelPath, OutputKind>,
    present: &mut Vec<RelPath>,
    undeclared: &mut Vec<RelPath>,
) -> Result<(), OutputError> {
    for (name, node) in store.get_directory(directory)?.entries() {
        let path = at.join_str(name).expect("names in stored directories are path segments");
        let leads_on = outputs.keys().any(|output| output.starts_with(&path) && *output != path);
        match node {
            _ if outputs.contains_key(&path) => present.push(path),
            Node::Directory(below) if leads_on => {
                list(store, below, &path, outputs, present, undeclared)?;
            }
            _ => {
                present.push(path.clone());
                undeclared.push(path);
            }
        }
    }
    Ok(())
}

fn listed(paths: &[RelPath]) -> String {
    let mut text: String = paths.iter().take(MOST_LISTED).map(|path| format!("\n`{path}`")).collect();
    if paths.len() > MOST_LISTED {
        let _ = write!(text, "\nand {} more", paths.len() - MOST_LISTED);
    }
    text
}

fn missing_text(missing: &[Missing], present: &[RelPath]) -> String {
    let mut text = "the action did not make what it declares:".to_owned();
    for Missing { path, kind, found } in missing {
        let kind = if *kind == OutputKind::Tree { "folder" } else { "file" };
        let _ = match found {
            None => write!(text, "\nthe {kind} `{path}` is missing"),
            Some(found) => write!(text, "\n`{path}` is {found}, not a {kind}"),
        };
    }
    if present.is_empty() {
        text.push_str("\nit left nothing in /build/out");
    } else {
        let _ = write!(text, "\nwhat it left in /build/out:{}", listed(present));
    }
    text.push_str("\nhint: have the action make it below /build/out, or declare what it really makes");
    text
}

/// Names each oddity and the line that declares it.
fn odd_text(odd: &[Oddity]) -> String {
    let mut text = "the output holds what is not declared:".to_owned();
    let mut modes: BTreeMap<&RelPath, u32> = BTreeMap::new();
    for oddity in odd.iter().take(MOST_LISTED) {
        let _ = write!(text, "\n{oddity}");
        let mode = modes.get(&oddity.path).copied().unwrap_or(0o755);
        let mode = match oddity.kind {
            OddityKind::SetUserId => mode | 0o4000,
            OddityKind::SetGroupId => mode | 0o2000,
            OddityKind::Sticky => mode | 0o1000,
            OddityKind::Mode(bits) => (mode & 0o7000) | bits,
            _ => continue,
        };
        modes.insert(&oddity.path, mode);
    }
    if odd.len() > MOST_LISTED {
        let _ = write!(text, "\nand {} more", odd.len() - MOST_LISTED);
    }
    if !modes.is_empty() {
        let modes: Vec<_> = modes.iter().map(|(path, mode)| format!("\"{path}\": \"{mode:04o}\"")).collect();
        let _ = write!(text, "\nhint: if it is meant, add to the action: modes = {{{}}}", modes.join(", "));
    }
    if odd.iter().any(|oddity| matches!(oddity.kind, OddityKind::HardLink { .. })) {
        text.push_str("\nhint: make copies or symbolic links instead of hard links");
    }
    text
}
