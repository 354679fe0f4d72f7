//! Tests what the machine offers, part by part, for `wiz doctor` and to name what
//! exactly was refused. Unaware of how the findings are shown.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;

use rustix::io::Errno;
use wiz_base::RelPath;

use crate::cancel::CancelToken;
use crate::cgroup::{self, Controller};
use crate::error::{Refusal, SandboxError};
use crate::kernel::KernelFacts;
use crate::launch::{Launched, launch};
use crate::remove::remove_tree;
use crate::run::run;
use crate::spec::{Limits, Spec};
use crate::step::{Failure, Step};

/// One part of the sandbox, tried on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was tried, such as "create a user namespace".
    pub name: &'static str,
    /// What came of it.
    pub finding: Finding,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It works.
    Works,
    /// It is missing, and something else takes its place; says what.
    Replaced(String),
    /// It is refused; the message says why and what to do. Nothing can be built.
    Refused(String),
}

/// Tries every part of the sandbox with scratch space below `folder`, which should be
/// where the cache is. Nothing stays behind.
#[must_use]
pub fn probe(folder: &Path) -> Vec<Check> {
    let facts = KernelFacts::read();
    let mut checks: Vec<Check> = NAMESPACES
        .iter()
        .map(|&(step, flag)| {
            let finding = match try_namespace(flag) {
                Ok(()) => Finding::Works,
                Err(errno) => {
                    let failure = Failure { step, index: 0, errno };
                    Finding::Refused(Refusal::new(failure, None, &facts).to_string())
                }
            };
            Check { name: step.action(), finding }
        })
        .collect();
    // Without a user namespace nothing else can be tried, and all would say the same.
    match checks.iter().position(|check| matches!(check.finding, Finding::Refused(_))) {
        Some(0) => checks.truncate(1),
        _ => checks.extend(try_steps(folder)),
    }
    checks.extend([
        try_group("limit memory by a control group", Controller::Memory),
        try_group("limit processes by a control group", Controller::Processes),
    ]);
    checks
}

/// Which namespace the kernel refuses, after it refused all at once with `errno`.
pub(crate) fn refused_namespace(errno: Errno) -> Failure {
    let refused = NAMESPACES
        .iter()
        .find_map(|&(step, flag)| try_namespace(flag).err().map(|errno| Failure { step, index: 0, errno }));
    refused.unwrap_or(Failure { step: Step::Namespaces, index: 0, errno })
}

/// Each namespace, in the order in which they build on each other.
const NAMESPACES: [(Step, i32); 6] = [
    (Step::UserNamespace, 0),
    (Step::MountNamespace, libc::CLONE_NEWNS),
    (Step::PidNamespace, libc::CLONE_NEWPID),
    (Step::NetworkNamespace, libc::CLONE_NEWNET),
    (Step::IpcNamespace, libc::CLONE_NEWIPC),
    (Step::HostNameNamespace, libc::CLONE_NEWUTS),
];

/// Starts a child in a user namespace and one other, which ends at once.
fn try_namespace(flag: i32) -> Result<(), Errno> {
    let end_at_once = || Err(Failure { step: Step::Init, index: 0, errno: Errno::CANCELED });
    match launch(libc::CLONE_NEWUSER | flag, end_at_once)? {
        Launched::Failed(_) | Launched::Running(_) => Ok(()),
    }
}

/// The steps after the namespaces that differ between machines.
const STEPS: [Step; 15] = [
    Step::IdMap,
    Step::ControlGroupNamespace,
    Step::Loopback,
    Step::HostName,
    Step::Scratch,
    Step::Frame,
    Step::Root,
    Step::Source,
    Step::Dev,
    Step::DeviceNode,
    Step::Terminals,
    Step::Proc,
    Step::PivotRoot,
    Step::Filter,
    Step::Init,
];

/// Builds a whole sandbox. All that comes before the step that fails works; nothing
/// is known about what comes after.
fn try_steps(folder: &Path) -> Vec<Check> {
    let scratch = folder.join(format!(".wiz-probe-{}", std::process::id()));
    let outcome = fs::create_dir_all(scratch.join("source"))
        .map_err(|source| SandboxError::Host { what: "make a scratch folder", source });
    let outcome = outcome.and_then(|()| build_empty_sandbox(&scratch));
    drop(remove_tree(&scratch));
    let failed = match &outcome {
        Ok(()) => None,
        Err(SandboxError::Refused(refusal)) => Some(refusal.step),
        Err(_) => Some(Step::Scratch),
    };
    let works = STEPS.iter().take_while(|&&step| failed.is_none_or(|failed| step < failed));
    let mut checks: Vec<_> =
        works.map(|step| Check { name: step.action(), finding: Finding::Works }).collect();
    if let (Some(step), Err(error)) = (failed, outcome) {
        checks.push(Check { name: step.action(), finding: Finding::Refused(error.to_string()) });
    }
    checks
}

/// A sandbox with nothing in it: that its program is not found shows that all of it
/// was built.
fn build_empty_sandbox(scratch: &Path) -> Result<(), SandboxError> {
    let host = |source| SandboxError::Host { what: "make a scratch folder", source };
    let spec = Spec {
        layers_dir: scratch.to_path_buf(),
        layers: Vec::new(),
        scratch: scratch.to_path_buf(),
        source: Some(scratch.join("source")),
        binds: Vec::new(),
        argv: vec![OsString::from("/no-such-program")],
        env: Vec::new(),
        working_directory: RelPath::root(),
        limits: Limits::default(),
        user: crate::BUILD_USER,
        inherited: Vec::new(),
    };
    let log = File::options().write(true).open("/dev/null").map_err(host)?;
    match run(&spec, &log, &CancelToken::new().map_err(host)?) {
        Err(SandboxError::Program { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

fn try_group(name: &'static str, controller: Controller) -> Check {
    let replacement = match controller {
        Controller::Memory => "memory is sampled instead",
        Controller::Processes if rustix::process::getuid().is_root() => "processes are counted instead",
        Controller::Processes => "`RLIMIT_NPROC` is used instead",
    };
    let finding = match cgroup::available(controller) {
        Some(_) => Finding::Works,
        None => Finding::Replaced(replacement.to_owned()),
    };
    Check { name, finding }
}
