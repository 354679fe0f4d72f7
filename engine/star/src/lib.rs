//! From `.star` files to analysed targets and their actions.
//!
//! [`load_workspace`] reads WORKSPACE.star, [`analyze`] the packages that patterns name
//! and everything they need, [`definitions`] the packages alone. All of them are total:
//! they return what they could, and every diagnostic. The language is described in
//! docs/design/starlark-api.md; this is the only crate that knows the evaluator.
//!
//! Unaware of scheduling, of stores, and of how diagnostics are shown. Opens no file but
//! through [`Sources`].

mod actions;
mod analysis;
mod attribute;
pub mod codes;
mod configure;
pub mod disk_sources;
mod evaluate;
mod globals;
mod limits;
mod loader;
mod memory;
mod package;
mod parse;
mod quantity;
mod reader;
mod refusal;
mod report;
#[expect(unsafe_code, reason = "the evaluator's derives implement its unsafe marker traits")]
mod scope;
pub mod sources;
mod store;
mod suggest;
mod tasks;
#[expect(unsafe_code, reason = "the evaluator's derives implement its unsafe marker traits")]
mod values;
pub mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use wiz_base::{Diagnostic, Label, PlatformName, RelPath, Severity, Span, TargetPattern};
use wiz_graph::memory::{Bodies, Memory};
use wiz_graph::{AnalyzedTarget, ConfiguredTarget};

pub use crate::disk_sources::{DiskSources, DiskSourcesError, IGNORE_FILE};
pub use crate::reader::{Observation, unchanged};
pub use crate::sources::{DirEntry, EntryKind, Sources};
pub use crate::workspace::{WORKSPACE_FILE, Workspace, load_workspace};

use crate::loader::{Depth, Key, Leftovers, Loader};
use crate::memory::Past;
use crate::reader::Reader;

/// What an analysis found.
#[derive(Debug)]
pub struct Analysis {
    /// Every target that was analysed without a fault.
    pub targets: BTreeMap<ConfiguredTarget, AnalyzedTarget>,
    /// The targets that the patterns name, ordered; those with faults are not in `targets`.
    pub requested: Vec<ConfiguredTarget>,
    /// Every fault and note, ordered by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What the next analysis of the same workspace can use.
    pub memory: Memory,
    /// Every file and folder that was looked at. While all of it is [`unchanged`], so is the analysis.
    pub files: BTreeMap<RelPath, Observation>,
}

impl Analysis {
    /// Whether nothing is wrong; notes may be there.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        is_sound(&self.diagnostics)
    }
}

/// What packages define.
#[derive(Debug)]
pub struct Definitions {
    /// The targets that the patterns name.
    pub targets: BTreeMap<Label, Definition>,
    /// Every fault and note, ordered by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Definitions {
    /// Whether nothing is wrong; notes may be there.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        is_sound(&self.diagnostics)
    }
}

/// One target's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The rule's name.
    pub rule: String,
    /// What the rule says of itself.
    pub doc: String,
    /// The target's tags.
    pub tags: Vec<String>,
    /// Where it is defined.
    pub span: Option<Span>,
}

/// Analyses the targets that `patterns` name for `platform`, and all they depend on.
pub fn analyze(
    sources: &dyn Sources,
    workspace: &Workspace,
    patterns: &[TargetPattern],
    platform: &PlatformName,
    threads: NonZeroUsize,
) -> Analysis {
    let reader = Reader::new(sources, workspace.digest_function);
    let request = Request { workspace, patterns, platform, threads, depth: Depth::Analysis };
    let left = run(&reader, &request, None);
    Analysis::new(left, reader.observations())
}

/// Analyses again what has changed since an earlier, sound analysis of the same workspace:
/// `changed` are the paths at which something else is seen than then. The result has the
/// targets that came to something else, and the whole memory.
///
/// `None` if something that is remembered cannot be read back; then only [`analyze`] helps.
pub fn analyze_again(
    sources: &dyn Sources,
    workspace: &Workspace,
    patterns: &[TargetPattern],
    platform: &PlatformName,
    threads: NonZeroUsize,
    earlier: &Earlier<'_>,
) -> Option<Analysis> {
    let reader = Reader::new(sources, workspace.digest_function);
    let request = Request { workspace, patterns, platform, threads, depth: Depth::Analysis };
    let tokens = |path: &RelPath| reader.read(path).ok()?.map(|text| parse::tokens(&text));
    let past = Past::new(earlier.memory, earlier.bodies, earlier.changed, tokens);
    let left = run(&reader, &request, Some(&past));
    if left.forgotten {
        return None;
    }
    let mut analysis = Analysis::new(left, reader.observations());
    let later = std::mem::replace(&mut analysis.memory, past.kept());
    analysis.memory.renew(later);
    Some(analysis)
}

/// What an earlier analysis left.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "one of its parts is a trait object")]
pub struct Earlier<'a> {
    /// What it found out.
    pub memory: &'a Memory,
    /// What targets came to.
    pub bodies: &'a dyn Bodies,
    /// The paths at which something else is seen now.
    pub changed: &'a BTreeSet<RelPath>,
}

impl Analysis {
    fn new(left: Leftovers, files: BTreeMap<RelPath, Observation>) -> Self {
        let targets =
            left.targets.into_iter().map(|target| (target.id.clone(), Arc::unwrap_or_clone(target)));
        Self {
            targets: targets.collect(),
            requested: left.requested.into_iter().collect(),
            diagnostics: left.diagnostics,
            memory: left.memory,
            files,
        }
    }
}

/// Loads the packages that `patterns` name, without analysing anything.
pub fn definitions(
    sources: &dyn Sources,
    workspace: &Workspace,
    patterns: &[TargetPattern],
    threads: NonZeroUsize,
) -> Definitions {
    let reader = Reader::new(sources, workspace.digest_function);
    let platform = &workspace.default_platform;
    let request = Request { workspace, patterns, platform, threads, depth: Depth::Definitions };
    let left = run(&reader, &request, None);
    let definition = |id: &ConfiguredTarget| {
        let definition = left.packages.get(id.label.package())?.targets.get(id.label.name())?;
        let described = Definition {
            rule: definition.rule.identity.name().unwrap_or_default().to_owned(),
            doc: definition.rule.doc.clone(),
            tags: definition.tags.clone(),
            span: definition.site.outermost(),
        };
        Some((id.label.clone(), described))
    };
    Definitions {
        targets: left.requested.iter().filter_map(definition).collect(),
        diagnostics: left.diagnostics,
    }
}

/// What is to be found out.
struct Request<'a> {
    workspace: &'a Workspace,
    patterns: &'a [TargetPattern],
    platform: &'a PlatformName,
    threads: NonZeroUsize,
    depth: Depth,
}

fn run(reader: &Reader, request: &Request<'_>, past: Option<&Past<'_>>) -> Leftovers {
    let Request { workspace, patterns, platform, threads, depth } = *request;
    let mut left = if workspace.platforms.contains_key(platform) {
        // WORKSPACE.star decides what everything else means, so it is among what was read.
        let file = RelPath::new(WORKSPACE_FILE).expect("a file name is a path");
        let unread = reader.read(&file).err();
        let loader = Loader::new(reader, workspace, platform, depth, past);
        tasks::run(&loader, patterns.iter().cloned().map(Key::Pattern).collect(), threads);
        let mut left = loader.into_leftovers();
        left.diagnostics.extend(
            unread
                .map(|error| Diagnostic::error(codes::UNREADABLE, format!("cannot read `{file}`: {error}"))),
        );
        left
    } else {
        let names: Vec<_> = workspace.platforms.keys().map(PlatformName::as_str).collect();
        let diagnostic = Diagnostic::error(codes::PLATFORM, format!("there is no platform `{platform}`"))
            .hint(format!("{WORKSPACE_FILE} declares {}", suggest::one_of(&names)));
        Leftovers { diagnostics: vec![diagnostic], ..Leftovers::default() }
    };
    for diagnostic in &mut left.diagnostics {
        let chain = load_chain(diagnostic, &left.loaders);
        diagnostic.trace.splice(0..0, chain);
    }
    left.diagnostics.sort_by(|left, right| (&left.span, left).cmp(&(&right.span, right)));
    left.diagnostics.dedup();
    left
}

/// How a faulty file came to be loaded: one chain of loads, outermost first. Faults
/// that have a trace say already how they were reached.
fn load_chain(
    diagnostic: &Diagnostic,
    loaders: &BTreeMap<RelPath, BTreeMap<RelPath, Span>>,
) -> Vec<(String, Option<Span>)> {
    let mut chain = Vec::new();
    if !diagnostic.trace.is_empty() {
        return chain;
    }
    let mut file = diagnostic.span.as_ref().map(|span| &span.file);
    while let Some((loader, span)) = file.and_then(|file| loaders.get(file)?.first_key_value()) {
        let known = chain.iter().any(|(_, known)| known.as_ref() == Some(span));
        if known {
            break;
        }
        chain.push((format!("loaded by `{loader}`"), Some(span.clone())));
        file = Some(loader);
    }
    chain.reverse();
    chain
}

fn is_sound(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error)
}
