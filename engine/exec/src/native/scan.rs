//! What a package's files provide and depend on: libraries, commands, pkg-config
//! modules, interpreters.
//!
//! Follows what apk's own builders look for, so that packages of both work together:
//! `so:` from sonames, `cmd:` from programs, `pc:` from pkg-config files,
//! `python3~X.Y` from site-packages. Unaware of other packages.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::{Deserialize, Serialize};
use wiz_apk::Version;
use wiz_base::{Digest, Node, RelPath};

use self::pkg_config::Module;
use super::elf::ElfKind;
use super::inspect::{self, ReportedFile};
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::{NativeError, NativeJob, NativeOutput};

mod pkg_config;
mod shebang;
mod soname;

/// Folders whose libraries any program finds.
const LIBRARY_FOLDERS: [&str; 4] = ["lib", "lib64", "usr/lib", "usr/lib64"];
/// Folders whose programs are commands.
const COMMAND_FOLDERS: [&str; 4] = ["bin", "sbin", "usr/bin", "usr/sbin"];
/// Folders whose scripts are for reading.
const READING_FOLDERS: [&str; 2] = ["usr/share/doc/", "usr/share/examples/"];
/// pkg-config files are small.
const LARGEST_MODULE: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanParams {
    tree: Input,
    version: String,
    /// The commands that are provided; all of them if it does not say. Two packages that provide a
    /// command cannot be installed together.
    #[serde(default)]
    commands: Option<BTreeSet<String>>,
    /// Folders with libraries besides the usual ones.
    #[serde(default)]
    search: Vec<RelPath>,
    found: Output,
}

/// What was found, in apk's notation, ordered and each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    pub(super) provides: BTreeSet<String>,
    pub(super) depends: BTreeSet<String>,
}

/// What the package has, by name, with its version; and what it needs.
#[derive(Debug, Default)]
struct Findings {
    provides: BTreeMap<String, String>,
    /// Name, and what stands behind it.
    needs: BTreeSet<(String, String)>,
    /// File names of everything in the package, for libraries of its own.
    file_names: BTreeSet<String>,
}

/// Carries out a `scan` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: ScanParams = params::parse(job)?;
    let tree = params.tree.folder(job)?;
    let mut findings = Findings::default();
    for entry in job.store.walk(&tree) {
        let (path, node) = entry?;
        scan_entry(job, &tree, &params, &path, &node, &mut findings)?;
    }
    for file in inspect::elf_files(job, &tree)? {
        findings.elf(&file, &params.search);
    }
    let mut outputs = Outputs::new(job.store);
    outputs.json(&params.found, &findings.found())?;
    outputs.finish(String::new())
}

fn scan_entry(
    job: &NativeJob<'_>,
    tree: &Digest,
    params: &ScanParams,
    path: &RelPath,
    node: &Node,
    findings: &mut Findings,
) -> Result<(), NativeError> {
    if matches!(node, Node::Directory(_)) {
        if let Some(series) = shebang::python_series(path) {
            findings.needs.insert(("python3".to_owned(), format!("~{series}")));
        }
        return Ok(());
    }
    findings.file_names.insert(path.file_name().to_owned());
    if lies_in(path, &COMMAND_FOLDERS) && is_command(job, tree, path, node)? {
        let is_wanted = |commands: &BTreeSet<String>| commands.contains(path.file_name());
        if params.commands.as_ref().is_none_or(is_wanted) {
            findings.provides.insert(format!("cmd:{}", path.file_name()), params.version.clone());
        }
    }
    if pkg_config::is_module(path)
        && let Followed::Here(Node::File { digest, .. }) = follow(job, tree, path, node)?
        && digest.size() <= LARGEST_MODULE
    {
        let text = String::from_utf8_lossy(&job.store.read(&digest)?).into_owned();
        findings.module(path, &Module::parse(&text));
    }
    let Node::File { digest, executable } = node else { return Ok(()) };
    let to_read = READING_FOLDERS.iter().any(|folder| path.as_str().starts_with(folder));
    if *executable && !to_read && digest.size() > 2 {
        let mut head = Vec::new();
        let read = job.store.open_verified(digest)?.take(shebang::LONGEST).read_to_end(&mut head);
        if read.is_ok()
            && let Some(command) = shebang::interpreter(&head)
        {
            findings.needs.insert((format!("cmd:{command}"), String::new()));
        }
    }
    Ok(())
}

fn lies_in(path: &RelPath, folders: &[&str]) -> bool {
    path.parent().is_some_and(|parent| folders.contains(&parent.as_str()))
}

/// Whether it may be executed. A link counts unless it leads to something else in
/// this very package.
fn is_command(job: &NativeJob<'_>, tree: &Digest, path: &RelPath, node: &Node) -> Result<bool, NativeError> {
    Ok(match follow(job, tree, path, node)? {
        Followed::Here(Node::File { executable, .. }) => executable,
        Followed::Here(_) => false,
        Followed::Elsewhere => true,
    })
}

/// Where a link leads.
enum Followed {
    /// To something of this package; to itself, if it is no link.
    Here(Node),
    /// Out of it.
    Elsewhere,
}

/// Follows links; one in a circle leads to itself.
fn follow(job: &NativeJob<'_>, tree: &Digest, path: &RelPath, node: &Node) -> Result<Followed, NativeError> {
    let (mut node, mut path) = (node.clone(), path.clone());
    for _ in 0..8 {
        let Node::Symlink(target) = &node else { break };
        let Some(next) = soname::resolve(&path, target) else { return Ok(Followed::Elsewhere) };
        let Some(found) = job.store.subtree(tree, &next)? else { return Ok(Followed::Elsewhere) };
        (node, path) = (found, next);
    }
    Ok(Followed::Here(node))
}

impl Findings {
    fn elf(&mut self, file: &ReportedFile, search: &[RelPath]) {
        let Some(facts) = &file.facts else { return };
        let in_search = file.path.parent().is_some_and(|parent| search.contains(&parent));
        if let Some(soname) = &facts.soname
            && facts.kind == ElfKind::Shared
            && (in_search || lies_in(&file.path, &LIBRARY_FOLDERS))
        {
            let version = soname::version(soname, file.path.file_name());
            self.provides.insert(format!("so:{soname}"), version);
        }
        let interpreter = facts.interpreter.as_deref().and_then(|path| path.rsplit('/').next());
        for library in facts.needed.iter().map(String::as_str).chain(interpreter) {
            self.needs.insert((format!("so:{library}"), String::new()));
        }
    }

    fn module(&mut self, path: &RelPath, module: &Module) {
        let name = path.file_name().trim_end_matches(".pc");
        let valid = Version::as_found(&module.version).is_ok_and(|version| version.is_valid());
        self.provides
            .insert(format!("pc:{name}"), if valid { module.version.clone() } else { String::new() });
        for (required, constraint) in &module.requires {
            self.needs.insert((format!("pc:{required}"), constraint.clone()));
        }
    }

    /// Without what the package needs of itself.
    fn found(&self) -> Found {
        let own = |name: &str| {
            let library = name.strip_prefix("so:");
            self.provides.contains_key(name)
                || library.is_some_and(|library| self.file_names.contains(library))
        };
        let provide = |(name, version): (&String, &String)| match version.as_str() {
            "" => name.clone(),
            version => format!("{name}={version}"),
        };
        let needs = self.needs.iter().filter(|(name, _)| !own(name));
        // A package with an interpreter of its own is that interpreter.
        let needs = needs.filter(|(name, _)| name != "python3" || !self.provides.contains_key("cmd:python3"));
        Found {
            provides: self.provides.iter().map(provide).collect(),
            depends: needs.map(|(name, constraint)| format!("{name}{constraint}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
