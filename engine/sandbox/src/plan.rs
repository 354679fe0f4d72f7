//! A [`Spec`] checked and turned into the C strings that the child will need, so
//! that it never has to allocate. Unaware of the order in which they are used.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use wiz_base::RelPath;

use crate::error::{InvalidSpec, OnHost, SandboxError};
use crate::spec::{Bind, Spec};
use crate::step::{Failure, Step};

/// Most layers in a root: the kernel's 500 but for the mount points' own.
pub(crate) const MOST_LAYERS: usize = 499;

/// Most descriptors that can be handed to a program.
pub(crate) const MOST_INHERITED: usize = 8;

/// Everything the child needs. Relative paths start at the scratch folder, where the
/// new root is assembled at `out/root`: see `mounts`.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) uid_map: Vec<u8>,
    pub(crate) gid_map: Vec<u8>,
    pub(crate) scratch: CString,
    pub(crate) root: Overlay,
    pub(crate) source: Option<Overlay>,
    pub(crate) mount_points: Vec<MountPoint>,
    pub(crate) binds: Vec<PlannedBind>,
    pub(crate) argv: Vec<CString>,
    pub(crate) env: Vec<CString>,
    pub(crate) working_directory: CString,
    pub(crate) inherited: Vec<RawFd>,
}

/// One overlay mount.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// One more layer that wins over all others, relative to the scratch folder.
    pub(crate) first: Option<CString>,
    /// The folder in which `layers` are named.
    pub(crate) layers_dir: CString,
    /// The read-only layers, the one that wins first.
    pub(crate) layers: Vec<CString>,
    /// The upper layer.
    pub(crate) upper: CString,
    /// The kernel's working folder.
    pub(crate) work: CString,
    /// Where it is mounted.
    pub(crate) target: CString,
    /// The same, absolute, and all options in one text, for mount(2).
    pub(crate) absolute_target: CString,
    /// `None` if longer than the page that mount(2) takes.
    pub(crate) options: Option<CString>,
}

/// A folder or empty file to be made in the frame's skeleton.
#[derive(Debug)]
pub(crate) struct MountPoint {
    /// Relative to the frame.
    pub(crate) path: CString,
    pub(crate) kind: MountPointKind,
}

/// What can be mounted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountPointKind {
    /// A folder, for a folder.
    Directory,
    /// A file, for a file.
    File,
}

/// A read-only input.
#[derive(Debug)]
pub(crate) struct PlannedBind {
    pub(crate) source: CString,
    pub(crate) target: CString,
}

impl Plan {
    /// Checks `spec`.
    pub(crate) fn new(spec: &Spec) -> Result<Self, SandboxError> {
        let scratch = absolute(&spec.scratch)?;
        let kinds = bind_kinds(&spec.binds)?;
        if spec.inherited.len() > MOST_INHERITED {
            return Err(SandboxError::Invalid(InvalidSpec::Inherited(MOST_INHERITED)));
        }
        if spec.layers.len() > MOST_LAYERS {
            return Err(SandboxError::Invalid(InvalidSpec::Layers(spec.layers.len())));
        }
        Ok(Self {
            uid_map: id_map(spec.user.0, rustix::process::geteuid().as_raw()),
            gid_map: id_map(spec.user.1, rustix::process::getegid().as_raw()),
            root: root_overlay(spec)?,
            source: spec.source.as_deref().map(|source| source_overlay(spec, source)).transpose()?,
            mount_points: mount_points(&kinds)?,
            binds: spec.binds.iter().map(planned).collect::<Result<_, _>>()?,
            argv: arguments(&spec.argv)?,
            env: environment(&spec.env)?,
            working_directory: c_string(format!("/{}", spec.working_directory).as_ref())?,
            inherited: spec.inherited.iter().map(|fd| fd.as_raw_fd()).collect(),
            scratch,
        })
    }
}

/// Which of the specification's paths a failure is about.
pub(crate) fn object_of(failure: Failure, plan: &Plan) -> Option<PathBuf> {
    let path = |text: &CString| PathBuf::from(OsStr::from_bytes(text.as_bytes()));
    match failure.step {
        Step::Scratch => Some(path(&plan.scratch)),
        Step::MountPoints => plan.mount_points.get(failure.index).map(|point| path(&point.path)),
        Step::Root => Some(overlay_object(&plan.root, failure.index).unwrap_or_else(|| path(&plan.scratch))),
        Step::Source => plan.source.as_ref().and_then(|source| overlay_object(source, 0)),
        Step::Bind => plan.binds.get(failure.index).map(|bind| path(&bind.source)),
        Step::DeviceNode => crate::mounts::DEVICES
            .get(failure.index)
            .map(|(node, _, _)| PathBuf::from(OsStr::from_bytes(node.to_bytes()))),
        Step::WorkingDirectory => Some(path(&plan.working_directory)),
        _ => None,
    }
}

fn overlay_object(overlay: &Overlay, index: usize) -> Option<PathBuf> {
    let layer = overlay.layers.get(index)?;
    Some(
        Path::new(OsStr::from_bytes(overlay.layers_dir.as_bytes())).join(OsStr::from_bytes(layer.as_bytes())),
    )
}

/// A user or group `inside` stands for `outside`; see user_namespaces(7).
fn id_map(inside: u32, outside: u32) -> Vec<u8> {
    format!("{inside} {outside} 1\n").into_bytes()
}

fn root_overlay(spec: &Spec) -> Result<Overlay, SandboxError> {
    let layers = spec.layers.iter().map(|layer| layer.as_str()).collect::<Vec<_>>();
    overlay(spec, Some("out/skeleton"), &spec.layers_dir, &layers, ["upper", "work", "out/root"])
}

fn source_overlay(spec: &Spec, source: &Path) -> Result<Overlay, SandboxError> {
    overlay(spec, None, source, &["."], ["source-upper", "source-work", "out/root/build/src"])
}

fn overlay(
    spec: &Spec,
    first: Option<&str>,
    layers_dir: &Path,
    layers: &[&str],
    [upper, work, target]: [&str; 3],
) -> Result<Overlay, SandboxError> {
    let in_scratch = |path: &str| spec.scratch.join(path).into_os_string();
    let above = first.map(in_scratch);
    let names = above.iter().map(|path| path.as_bytes()).chain(layers.iter().map(|layer| layer.as_bytes()));
    let mut options = b"lowerdir=".to_vec();
    for (index, name) in names.enumerate() {
        if index > 0 {
            options.push(b':');
        }
        escape(&mut options, name);
    }
    for (key, folder) in [("upperdir", upper), ("workdir", work)] {
        options.extend(format!(",{key}=").as_bytes());
        escape(&mut options, in_scratch(folder).as_bytes());
    }
    options.extend(b",userxattr,volatile");
    let options = if options.len() < PAGE { Some(c_string(OsStr::from_bytes(&options))?) } else { None };
    Ok(Overlay {
        first: first.map(|layer| c_string(layer.as_ref())).transpose()?,
        layers_dir: absolute(layers_dir)?,
        layers: layers.iter().map(|layer| c_string(layer.as_ref())).collect::<Result<_, _>>()?,
        upper: c_string(upper.as_ref())?,
        work: c_string(work.as_ref())?,
        target: c_string(target.as_ref())?,
        absolute_target: c_string(&in_scratch(target))?,
        options,
    })
}

/// What mount(2) takes, its closing NUL included.
const PAGE: usize = 4096;

/// The characters that separate options and layers follow a backslash in names.
fn escape(options: &mut Vec<u8>, name: &[u8]) {
    for &byte in name {
        if matches!(byte, b'\\' | b',' | b':') {
            options.push(b'\\');
        }
        options.push(byte);
    }
}

/// Every bind's place and kind, after a check that none overlaps another.
fn bind_kinds(binds: &[Bind]) -> Result<BTreeMap<&RelPath, MountPointKind>, SandboxError> {
    let mut kinds = BTreeMap::new();
    for bind in binds {
        let found = std::fs::metadata(&bind.source)
            .map_err(|source| SandboxError::Input { path: bind.source.clone(), source })?;
        let kind = if found.is_dir() { MountPointKind::Directory } else { MountPointKind::File };
        if bind.at.is_root() || kinds.insert(&bind.at, kind).is_some() {
            return Err(overlap(&bind.at, &bind.at));
        }
    }
    for at in kinds.keys() {
        let mut above = at.parent();
        while let Some(parent) = above {
            if kinds.contains_key(&parent) {
                return Err(overlap(&parent, at));
            }
            above = parent.parent();
        }
    }
    Ok(kinds)
}

fn overlap(first: &RelPath, second: &RelPath) -> SandboxError {
    SandboxError::Invalid(InvalidSpec::Overlap(first.to_string(), second.to_string()))
}

/// All mount points, parents before children.
fn mount_points(binds: &BTreeMap<&RelPath, MountPointKind>) -> Result<Vec<MountPoint>, SandboxError> {
    let mut all = BTreeMap::new();
    for path in ["dev", "proc", "build", "build/src", "build/in", "build/out"] {
        all.insert(path.to_owned(), MountPointKind::Directory);
    }
    for (at, kind) in binds {
        let mut above = at.parent();
        while let Some(parent) = above.filter(|parent| !parent.is_root()) {
            all.insert(format!("build/in/{parent}"), MountPointKind::Directory);
            above = parent.parent();
        }
        all.insert(format!("build/in/{at}"), *kind);
    }
    all.into_iter()
        .map(|(path, kind)| Ok(MountPoint { path: c_string(format!("skeleton/{path}").as_ref())?, kind }))
        .collect()
}

fn planned(bind: &Bind) -> Result<PlannedBind, SandboxError> {
    let target = c_string(format!("out/root/build/in/{}", bind.at).as_ref())?;
    Ok(PlannedBind { source: absolute(&bind.source)?, target })
}

fn arguments(argv: &[std::ffi::OsString]) -> Result<Vec<CString>, SandboxError> {
    let program = argv.first().map(std::ffi::OsString::as_os_str).unwrap_or_default();
    if !Path::new(program).is_absolute() {
        let program = program.to_string_lossy().into_owned();
        return Err(SandboxError::Invalid(InvalidSpec::Program(program)));
    }
    argv.iter().map(|argument| c_string(argument)).collect()
}

fn environment(env: &[(std::ffi::OsString, std::ffi::OsString)]) -> Result<Vec<CString>, SandboxError> {
    let variables = env.iter().map(|(name, value)| {
        let mut variable = name.clone();
        variable.push("=");
        variable.push(value);
        c_string(&variable)
    });
    variables.collect()
}

fn absolute(path: &Path) -> Result<CString, SandboxError> {
    if !path.is_absolute() {
        return Err(SandboxError::Invalid(InvalidSpec::Relative(path.to_path_buf())));
    }
    c_string(path.as_os_str())
}

fn c_string(text: &OsStr) -> Result<CString, SandboxError> {
    CString::new(text.as_bytes())
        .map_err(|_| SandboxError::Invalid(InvalidSpec::Nul(text.to_string_lossy().into_owned())))
}

/// Removes what an earlier run in the same scratch folder left of the kernel's own
/// working folders; an overlay mounted `volatile` refuses to take them up again.
pub(crate) fn clear_work(scratch: &Path) -> Result<(), SandboxError> {
    for work in ["work", "source-work"] {
        let folder = scratch.join(work);
        if folder.symlink_metadata().is_ok() {
            crate::remove::remove_tree(&folder)
                .map_err(std::io::Error::from)
                .on_host("clear the scratch folder")?;
        }
    }
    Ok(())
}
