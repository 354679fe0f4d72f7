//! The file systems of a sandbox, mounted by a child that has its own mount
//! namespace and runs on borrowed memory. Unaware of processes and of what the
//! trees contain.
//!
//! What every sandbox needs but no tree brings lies in a small memory file system,
//! the frame, so that the disk sees only what the program writes. The frame is
//! mounted over the scratch folder's `out`, whose own mount is taken out before:
//!
//! - `out/skeleton`: empty mount points, the first layer of the root;
//! - `out/dev`: the content of `/dev`;
//! - `out/root`: where the new root is assembled.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat, symlinkat};
use rustix::io::{Errno, Result};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, move_mount, open_tree,
    unmount,
};
use rustix::process::{chdir, pivot_root};

use crate::plan::{MountPoint, MountPointKind, Overlay, Plan};
use crate::step::{Failure, InStep, Step};
use crate::sys;

/// The device nodes of a sandbox: where the host has them, the file in the frame to
/// mount on, and where they appear.
pub(crate) const DEVICES: [(&CStr, &CStr, &CStr); 6] = [
    (c"/dev/null", c"dev/null", c"out/root/dev/null"),
    (c"/dev/zero", c"dev/zero", c"out/root/dev/zero"),
    (c"/dev/full", c"dev/full", c"out/root/dev/full"),
    (c"/dev/random", c"dev/random", c"out/root/dev/random"),
    (c"/dev/urandom", c"dev/urandom", c"out/root/dev/urandom"),
    (c"/dev/tty", c"dev/tty", c"out/root/dev/tty"),
];

const DEVICE_LINKS: [(&CStr, &CStr); 5] = [
    (c"/proc/self/fd", c"dev/fd"),
    (c"/proc/self/fd/0", c"dev/stdin"),
    (c"/proc/self/fd/1", c"dev/stdout"),
    (c"/proc/self/fd/2", c"dev/stderr"),
    (c"pts/ptmx", c"dev/ptmx"),
];

/// Which way an overlay is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverlayCall {
    /// Layer by layer, or by mount(2) where the kernel cannot.
    Best,
    /// By mount(2), as older kernels need it.
    #[cfg(test)]
    Mount,
}

/// Builds the root and enters it. Afterwards nothing of the host is reachable but
/// what was bound.
pub(crate) fn enter_root(plan: &Plan, call: OverlayCall) -> std::result::Result<(), Failure> {
    chdir(&*plan.scratch).in_step(Step::Scratch)?;
    make_scratch_folders(plan).in_step(Step::Scratch)?;
    let out = copy_mount(c"out").in_step(Step::Out)?;
    let frame = make_frame().in_step(Step::Frame)?;
    for (index, point) in plan.mount_points.iter().enumerate() {
        make_mount_point(&frame, point).in_step_at(Step::MountPoints, index)?;
    }
    attach(&frame, c"out").in_step(Step::Frame)?;
    mount_overlay(&plan.root, &plan.scratch, call, Step::Root)?;
    if let Some(source) = &plan.source {
        mount_overlay(source, &plan.scratch, call, Step::Source)?;
    }
    attach(&out, c"out/root/build/out").in_step(Step::Out)?;
    for (index, bind) in plan.binds.iter().enumerate() {
        bind_read_only(&bind.source, &bind.target).in_step_at(Step::Bind, index)?;
    }
    mount_dev()?;
    mount_proc().in_step(Step::Proc)?;
    change_root().in_step(Step::PivotRoot)
}

/// The folders in scratch; those of an earlier run are taken as they are.
fn make_scratch_folders(plan: &Plan) -> Result<()> {
    for folder in [c"upper", c"work", c"out"] {
        make_folder(folder)?;
    }
    match &plan.source {
        Some(source) => make_folder(&source.upper).and_then(|()| make_folder(&source.work)),
        None => Ok(()),
    }
}

fn make_folder(path: &CStr) -> Result<()> {
    match mkdirat(CWD, path, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}

/// The frame, not yet mounted. It has room for shared memory (`/dev/shm`), which is
/// why it is bounded.
fn make_frame() -> Result<OwnedFd> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"mode", c"0755")?;
    fsconfig_set_string(context.as_fd(), c"size", c"64m")?;
    fsconfig_create(context.as_fd())?;
    let frame = fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
    )?;
    for folder in [c"skeleton", c"root", c"dev", c"dev/pts"] {
        mkdirat(&frame, folder, Mode::from_raw_mode(0o755))?;
    }
    for folder in [c"skeleton/tmp", c"dev/shm"] {
        mkdirat(&frame, folder, Mode::from_raw_mode(0o1777))?;
    }
    for (_, file, _) in DEVICES {
        mknodat(&frame, file, FileType::RegularFile, Mode::from_raw_mode(0o666), 0)?;
    }
    for (to, link) in DEVICE_LINKS {
        symlinkat(to, &frame, link)?;
    }
    Ok(frame)
}

fn make_mount_point(frame: &OwnedFd, point: &MountPoint) -> Result<()> {
    match point.kind {
        MountPointKind::Directory => mkdirat(frame, &*point.path, Mode::from_raw_mode(0o755)),
        MountPointKind::File => {
            mknodat(frame, &*point.path, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)
        }
    }
}

fn mount_overlay(
    overlay: &Overlay,
    scratch: &CStr,
    call: OverlayCall,
    step: Step,
) -> std::result::Result<(), Failure> {
    match append_layers(overlay, call, step)? {
        Some(context) => {
            chdir(scratch).in_step(step)?;
            finish_overlay(&context, overlay).in_step_at(step, usize::MAX)
        }
        None => {
            chdir(&*overlay.layers_dir).in_step(step)?;
            mount_overlay_at_once(overlay).in_step_at(step, usize::MAX)?;
            chdir(scratch).in_step(step)
        }
    }
}

/// Opens an overlay and names its layers one by one, in their folder, so that
/// neither their number nor the length of its path matters. `None` if the kernel
/// cannot (before 6.8).
fn append_layers(
    overlay: &Overlay,
    call: OverlayCall,
    step: Step,
) -> std::result::Result<Option<OwnedFd>, Failure> {
    #[cfg(test)]
    if call == OverlayCall::Mount {
        return Ok(None);
    }
    let _ = call;
    let context = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC).in_step_at(step, usize::MAX)?;
    if let Some(first) = &overlay.first {
        match append(&context, first) {
            Err(Errno::INVAL) => return Ok(None),
            appended => appended.in_step_at(step, usize::MAX)?,
        }
    }
    chdir(&*overlay.layers_dir).in_step(step)?;
    for (index, layer) in overlay.layers.iter().enumerate() {
        match append(&context, layer) {
            Err(Errno::INVAL) if index == 0 => return Ok(None),
            appended => appended.in_step_at(step, index)?,
        }
    }
    Ok(Some(context))
}

fn append(context: &OwnedFd, layer: &CStr) -> Result<()> {
    fsconfig_set_string(context.as_fd(), c"lowerdir+", layer)
}

fn finish_overlay(context: &OwnedFd, overlay: &Overlay) -> Result<()> {
    fsconfig_set_string(context.as_fd(), c"source", c"wiz")?;
    fsconfig_set_string(context.as_fd(), c"upperdir", &*overlay.upper)?;
    fsconfig_set_string(context.as_fd(), c"workdir", &*overlay.work)?;
    fsconfig_set_flag(context.as_fd(), c"userxattr")?;
    // Without it, unmounting writes all of the disk's unwritten data.
    fsconfig_set_flag(context.as_fd(), c"volatile")?;
    fsconfig_create(context.as_fd())?;
    let tree = fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
    )?;
    attach(&tree, &overlay.target)
}

/// The same in one call from the layers' folder, as older kernels have it.
fn mount_overlay_at_once(overlay: &Overlay) -> Result<()> {
    let options = overlay.options.as_deref().ok_or(Errno::TOOBIG)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount(c"wiz", &*overlay.absolute_target, c"overlay", flags, options)
}

fn bind_read_only(source: &CStr, target: &CStr) -> Result<()> {
    let tree = copy_mount(source)?;
    sys::make_read_only(tree.as_fd())?;
    attach(&tree, target)
}

fn mount_dev() -> std::result::Result<(), Failure> {
    let tree = copy_mount(c"out/dev").in_step(Step::Dev)?;
    attach(&tree, c"out/root/dev").in_step(Step::Dev)?;
    for (index, (node, _, target)) in DEVICES.into_iter().enumerate() {
        let tree = copy_mount(node).in_step_at(Step::DeviceNode, index)?;
        attach(&tree, target).in_step_at(Step::DeviceNode, index)?;
    }
    mount_terminals().in_step(Step::Terminals)
}

fn mount_terminals() -> Result<()> {
    let context = fsopen(c"devpts", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"mode", c"0620")?;
    fsconfig_set_string(context.as_fd(), c"ptmxmode", c"0666")?;
    fsconfig_create(context.as_fd())?;
    let tree = fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC,
    )?;
    attach(&tree, c"out/root/dev/pts")
}

/// Read-only: the kernel's settings belong to root, and root's sandbox is root's to
/// the kernel, though it has no capability.
fn mount_proc() -> Result<()> {
    let context = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let tree = fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC
            | MountAttrFlags::MOUNT_ATTR_RDONLY,
    )?;
    attach(&tree, c"out/root/proc")
}

/// Makes the new root `/` and lets go of the old one; see pivot_root(2), "pivot_root(".", ".")".
fn change_root() -> Result<()> {
    let root = openat(CWD, c"out/root", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::process::fchdir(&root)?;
    pivot_root(c".", c".")?;
    unmount(c".", UnmountFlags::DETACH)?;
    chdir(c"/")
}

/// A detached copy of the mount at `path`, of that file or folder only.
fn copy_mount(path: &CStr) -> Result<OwnedFd> {
    open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)
}

fn attach(tree: &OwnedFd, target: &CStr) -> Result<()> {
    move_mount(tree, c"", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
