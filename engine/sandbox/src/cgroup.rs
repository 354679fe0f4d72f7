//! Control groups for one run each, in version 2 or 1 of the kernel's interface,
//! wherever the caller may make them. Unaware of what else can bound a run.
//!
//! A group is made below the nearest group, from the caller's own upwards, that
//! has the controller enabled for its children and belongs to the caller: as root
//! that is the root group, under systemd the part delegated to the user.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a controller bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    /// Bytes of memory.
    Memory,
    /// Processes and threads.
    Processes,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processes => "pids",
        }
    }
}

/// A group that bounds one run; removed when dropped.
#[derive(Debug)]
pub(crate) struct Group {
    home: &'static Home,
    folder: PathBuf,
    entrance: File,
}

impl Group {
    /// Makes a group bounded by `limit`; `None` where the caller may not make one.
    pub(crate) fn new(controller: Controller, limit: u64) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let home = home(controller)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = home.folder.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        match enter_limits(home.version, controller, &folder, limit) {
            Ok(entrance) => Some(Self { home, folder, entrance }),
            Err(_) => {
                drop(fs::remove_dir(&folder));
                None
            }
        }
    }

    /// A file; a process that writes `0` to it joins the group.
    pub(crate) fn entrance(&self) -> &File {
        &self.entrance
    }

    /// Whether the kernel ended a process of the group for its use of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        let events = match self.home.version {
            Version::Two => "memory.events",
            Version::One => "memory.oom_control",
        };
        let text = fs::read_to_string(self.folder.join(events)).unwrap_or_default();
        text.lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|count| count != "0"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group whose last process was just reaped can be busy for an instant; one
        // that stays behind is swept by the next process.
        drop(fs::remove_dir(&self.folder));
    }
}

/// Whether the caller can bound runs by `controller`, as a group's folder tells.
pub(crate) fn available(controller: Controller) -> Option<&'static Path> {
    home(controller).map(|home| home.folder.as_path())
}

const PREFIX: &str = "wiz-";

/// The kernel's own bound on process ids, beyond which a limit is refused.
const MOST_PROCESSES: u64 = 1 << 22;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Where groups can be made.
#[derive(Debug)]
struct Home {
    version: Version,
    folder: PathBuf,
}

fn home(controller: Controller) -> Option<&'static Home> {
    static MEMORY: OnceLock<Option<Home>> = OnceLock::new();
    static PROCESSES: OnceLock<Option<Home>> = OnceLock::new();
    let cell = match controller {
        Controller::Memory => &MEMORY,
        Controller::Processes => &PROCESSES,
    };
    cell.get_or_init(|| {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let home = candidates(&mounts, &own, controller).into_iter().find(|home| admits(home, controller))?;
        sweep(&home.folder);
        Some(home)
    })
    .as_ref()
}

/// The folders that may serve, best first, from `mountinfo` and the caller's own
/// groups; see cgroups(7).
fn candidates(mounts: &str, own: &str, controller: Controller) -> Vec<Home> {
    let mut found = Vec::new();
    for line in mounts.lines() {
        let Some((place, file_system)) = line.split_once(" - ") else { continue };
        let (root, target) = {
            let mut fields = place.split(' ').skip(3);
            (fields.next().unwrap_or("/"), fields.next().unwrap_or_default())
        };
        let mut fields = file_system.split(' ');
        let kind = fields.next().unwrap_or_default();
        let options = fields.nth(1).unwrap_or_default();
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if options.split(',').any(|option| option == controller.name()) => Version::One,
            _ => continue,
        };
        let Some(path) = own_path(own, version, controller) else { continue };
        let Ok(below) = Path::new(path).strip_prefix(root) else { continue };
        let ancestors = match version {
            // In version 2 only an inner group may divide what it has.
            Version::Two => below.ancestors().collect::<Vec<_>>(),
            Version::One => vec![below],
        };
        found
            .extend(ancestors.into_iter().map(|path| Home { version, folder: Path::new(target).join(path) }));
    }
    found
}

/// The caller's own group in `/proc/self/cgroup`.
fn own_path(own: &str, version: Version, controller: Controller) -> Option<&str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = match version {
            Version::Two => controllers.is_empty(),
            Version::One => controllers.split(',').any(|name| name == controller.name()),
        };
        fits.then_some(path)
    })
}

/// Whether a group can be made and entered there.
fn admits(home: &Home, controller: Controller) -> bool {
    if home.version == Version::Two {
        let enabled = fs::read_to_string(home.folder.join("cgroup.subtree_control")).unwrap_or_default();
        // Moving a process takes the right to write to the common ancestor's list.
        let entrance = OpenOptions::new().write(true).open(home.folder.join("cgroup.procs"));
        if !enabled.split_whitespace().any(|name| name == controller.name()) || entrance.is_err() {
            return false;
        }
    }
    let trial = home.folder.join(format!("{PREFIX}{}-probe-{}", std::process::id(), controller.name()));
    let admits =
        fs::create_dir(&trial).is_ok() && enter_limits(home.version, controller, &trial, 1 << 40).is_ok();
    drop(fs::remove_dir(&trial));
    admits
}

/// Sets a group's bounds; gives the file by which it is entered.
fn enter_limits(version: Version, controller: Controller, folder: &Path, limit: u64) -> io::Result<File> {
    let set = |name: &str, value: &str| fs::write(folder.join(name), value);
    let value = limit.to_string();
    match (controller, version) {
        (Controller::Processes, _) => set("pids.max", &limit.min(MOST_PROCESSES).to_string())?,
        (Controller::Memory, Version::One) => {
            set("memory.limit_in_bytes", &value)?;
            // Absent where swap is not accounted for.
            drop(set("memory.memsw.limit_in_bytes", &value));
        }
        (Controller::Memory, Version::Two) => {
            set("memory.max", &value)?;
            set("memory.oom.group", "1")?;
            drop(set("memory.swap.max", "0"));
        }
    }
    OpenOptions::new().write(true).open(folder.join("cgroup.procs"))
}

/// Removes groups left behind by processes that were killed.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if let Some(owner) = owner.filter(|owner| owner.bytes().all(|byte| byte.is_ascii_digit()))
            && !Path::new("/proc").join(owner).exists()
        {
            drop(fs::remove_dir(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(mounts: &str, own: &str, controller: Controller, expected: Expect) {
        let lines = candidates(mounts, own, controller)
            .into_iter()
            .map(|home| format!("{:?} {}\n", home.version, home.folder.display()));
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn version_two_walks_up_from_the_own_group() {
        check(
            "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
            "0::/user.slice/app.slice/shell.scope",
            Controller::Memory,
            expect![[r#"
                Two /sys/fs/cgroup/user.slice/app.slice/shell.scope
                Two /sys/fs/cgroup/user.slice/app.slice
                Two /sys/fs/cgroup/user.slice
                Two /sys/fs/cgroup/
            "#]],
        );
    }

    #[test]
    fn hybrid_hierarchies_offer_both() {
        check(
            "1 0 0:9 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
             2 0 0:8 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             3 0 0:7 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
            "8:pids:/jobs\n4:memory:/\n0::/",
            Controller::Processes,
            expect![[r#"
                One /sys/fs/cgroup/pids/jobs
                Two /sys/fs/cgroup/unified/
            "#]],
        );
    }

    #[test]
    fn a_mount_of_another_part_offers_nothing() {
        check(
            "30 20 0:26 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup rw",
            "0::/elsewhere",
            Controller::Memory,
            expect![""],
        );
    }
}
