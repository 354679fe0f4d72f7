//! What the running kernel allows, and what to tell a user it forbids. Unaware
//! of how a sandbox is built; the facts are read in one place, so that the advice
//! is a plain function of them.

use std::path::Path;

use rustix::io::Errno;

use crate::step::Step;

/// Settings that explain most refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KernelFacts {
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1 (Ubuntu since 23.10).
    pub(crate) apparmor_restricts: bool,
    /// `kernel.unprivileged_userns_clone` is 0 (Debian's kernels).
    pub(crate) unprivileged_clone_off: bool,
    /// `user.max_user_namespaces` is 0.
    pub(crate) user_namespaces_zero: bool,
    /// Some file system is mounted over part of `/proc`, as containers do.
    pub(crate) proc_is_masked: bool,
}

impl KernelFacts {
    /// Reads them from `/proc`; what cannot be read counts as permitted.
    pub(crate) fn read() -> Self {
        let setting = |name: &str| {
            let text = std::fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default();
            text.trim().to_owned()
        };
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self {
            apparmor_restricts: setting("kernel/apparmor_restrict_unprivileged_userns") == "1",
            unprivileged_clone_off: setting("kernel/unprivileged_userns_clone") == "0",
            user_namespaces_zero: setting("user/max_user_namespaces") == "0",
            proc_is_masked: mounts.lines().any(is_mount_over_proc),
        }
    }

    /// Why `step` was refused with `errno`, and what to do about it.
    pub(crate) fn explain(&self, step: Step, errno: Errno) -> (Option<&'static str>, &'static str) {
        if matches!(errno, Errno::PERM | Errno::ACCESS | Errno::NOSPC)
            && step < Step::Scratch
            && let Some(found) = self.explain_namespaces()
        {
            return found;
        }
        match (step, errno) {
            (Step::Proc, Errno::PERM | Errno::ACCESS) if self.proc_is_masked => (
                Some("this container hides part of `/proc`, and then no fresh one may be mounted"),
                "run the container with `--security-opt unmask=ALL` (podman) or `--privileged` (docker)",
            ),
            (step, errno) => explain_step(step, errno),
        }
    }

    fn explain_namespaces(&self) -> Option<(Option<&'static str>, &'static str)> {
        if self.apparmor_restricts {
            return Some((
                Some("AppArmor restricts unprivileged user namespaces"),
                "set `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or give wiz an AppArmor profile with `userns,`",
            ));
        }
        if self.unprivileged_clone_off {
            return Some((
                Some("`kernel.unprivileged_userns_clone` is 0"),
                "set `sysctl kernel.unprivileged_userns_clone=1`",
            ));
        }
        if self.user_namespaces_zero {
            return Some((
                Some("`user.max_user_namespaces` is 0"),
                "set `sysctl user.max_user_namespaces=65536`",
            ));
        }
        None
    }
}

/// What can be said without knowing the machine's settings.
fn explain_step(step: Step, errno: Errno) -> (Option<&'static str>, &'static str) {
    match (step, errno) {
        (s, Errno::NOSPC | Errno::USERS) if s < Step::Scratch => (
            Some("the limit on namespaces is reached"),
            "raise the `user.max_*_namespaces` settings, or look for leaked namespaces with `lsns`",
        ),
        (s, Errno::INVAL | Errno::NOSYS) if s < Step::Scratch => (
            Some("the kernel is built without it"),
            "use a kernel with all namespaces and overlay enabled, 5.12 or newer",
        ),
        (s, Errno::PERM | Errno::ACCESS) if s < Step::Scratch => (
            Some("a container's or a security module's policy forbids it"),
            "in a container, allow nested user namespaces: `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`",
        ),
        (Step::Root | Step::Source, Errno::NODEV) => {
            (Some("the kernel has no overlay file system"), "load it with `modprobe overlay`")
        }
        (Step::Root | Step::Source, Errno::PERM) => {
            (Some("the kernel does not let users mount overlays"), "use a kernel of version 5.11 or newer")
        }
        (Step::Root | Step::Source, Errno::INVAL) => (
            Some("the cache's file system cannot hold an overlay's upper layer"),
            "point `WIZ_CACHE_DIR` to a folder on ext4, xfs, btrfs or tmpfs, not on an overlay or a network",
        ),
        (Step::Root | Step::Source, Errno::TOOBIG) => {
            (Some("the root has more layers than one page of options can name"), "use Linux 6.8 or newer")
        }
        (_, Errno::NOSPC | Errno::DQUOT) => {
            (None, "make room on the disk that holds the cache, or empty the cache with `wiz clean --cache`")
        }
        (_, Errno::NOSYS) => (Some("the kernel is too old"), "use Linux 5.12 or newer"),
        _ => (None, "`wiz doctor` tests every part of the sandbox"),
    }
}

/// Whether a line of `mountinfo` mounts something strictly below `/proc`.
/// `binfmt_misc` belongs there.
fn is_mount_over_proc(line: &str) -> bool {
    let target = line.split(' ').nth(4).unwrap_or_default();
    target.starts_with("/proc/") && target != "/proc/sys/fs/binfmt_misc"
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::error::Refusal;
    use crate::step::Failure;

    fn check(facts: KernelFacts, step: Step, errno: Errno, expected: Expect) {
        let failure = Failure { step, index: 0, errno };
        expected.assert_eq(&Refusal::new(failure, None, &facts).to_string());
    }

    #[test]
    fn apparmor_is_named() {
        check(
            KernelFacts { apparmor_restricts: true, ..KernelFacts::default() },
            Step::IdMap,
            Errno::PERM,
            expect![[r#"
                cannot map uid and gid 1000 to the caller: Operation not permitted (os error 1); AppArmor restricts unprivileged user namespaces
                hint: set `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or give wiz an AppArmor profile with `userns,`"#]],
        );
    }

    #[test]
    fn settings_are_named() {
        check(
            KernelFacts { unprivileged_clone_off: true, ..KernelFacts::default() },
            Step::UserNamespace,
            Errno::PERM,
            expect![[r#"
                cannot create a user namespace: Operation not permitted (os error 1); `kernel.unprivileged_userns_clone` is 0
                hint: set `sysctl kernel.unprivileged_userns_clone=1`"#]],
        );
        check(
            KernelFacts { user_namespaces_zero: true, ..KernelFacts::default() },
            Step::UserNamespace,
            Errno::NOSPC,
            expect![[r#"
                cannot create a user namespace: No space left on device (os error 28); `user.max_user_namespaces` is 0
                hint: set `sysctl user.max_user_namespaces=65536`"#]],
        );
    }

    #[test]
    fn exhausted_and_missing_namespaces_differ() {
        check(
            KernelFacts::default(),
            Step::NetworkNamespace,
            Errno::NOSPC,
            expect![[r#"
                cannot create a network namespace: No space left on device (os error 28); the limit on namespaces is reached
                hint: raise the `user.max_*_namespaces` settings, or look for leaked namespaces with `lsns`"#]],
        );
        check(
            KernelFacts::default(),
            Step::NetworkNamespace,
            Errno::INVAL,
            expect![[r#"
                cannot create a network namespace: Invalid argument (os error 22); the kernel is built without it
                hint: use a kernel with all namespaces and overlay enabled, 5.12 or newer"#]],
        );
        check(
            KernelFacts::default(),
            Step::MountNamespace,
            Errno::PERM,
            expect![[r#"
                cannot create a mount namespace: Operation not permitted (os error 1); a container's or a security module's policy forbids it
                hint: in a container, allow nested user namespaces: `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`"#]],
        );
    }

    #[test]
    fn file_systems_are_explained() {
        check(
            KernelFacts { proc_is_masked: true, ..KernelFacts::default() },
            Step::Proc,
            Errno::PERM,
            expect![[r#"
                cannot mount a fresh `/proc`: Operation not permitted (os error 1); this container hides part of `/proc`, and then no fresh one may be mounted
                hint: run the container with `--security-opt unmask=ALL` (podman) or `--privileged` (docker)"#]],
        );
        check(
            KernelFacts { apparmor_restricts: true, ..KernelFacts::default() },
            Step::Root,
            Errno::INVAL,
            expect![[r#"
                cannot mount the root overlay: Invalid argument (os error 22); the cache's file system cannot hold an overlay's upper layer
                hint: point `WIZ_CACHE_DIR` to a folder on ext4, xfs, btrfs or tmpfs, not on an overlay or a network"#]],
        );
        check(
            KernelFacts::default(),
            Step::Scratch,
            Errno::NOSPC,
            expect![[r#"
                cannot prepare the scratch folder: No space left on device (os error 28)
                hint: make room on the disk that holds the cache, or empty the cache with `wiz clean --cache`"#]],
        );
    }

    #[test]
    fn mounts_over_proc_are_found() {
        let over = "31 25 0:5 /sysrq /proc/sysrq-trigger ro - proc proc rw";
        let proc = "25 1 0:5 / /proc rw,relatime - proc proc rw";
        let formats = "40 25 0:9 / /proc/sys/fs/binfmt_misc rw - binfmt_misc none rw";
        assert_eq!([over, proc, formats].map(is_mount_over_proc), [true, false, false]);
    }
}
