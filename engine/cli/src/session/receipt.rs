//! Receipts of builds: found before anything is evaluated, kept when everything that was
//! asked for is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wiz_base::{DigestFunction, RelPath};
use wiz_cas::Stamp;
use wiz_recall::{Look, Receipt, ReceiptOutput, ReceiptTarget, Seen, Sight, Standing};
use wiz_star::{DiskSources, Observation, unchanged};

use super::watched::ignore_file;
use super::{Built, Session, Work};
use crate::arguments::BuildOptions;
use crate::commands::build::Goal;
use crate::config::{Config, today};
use crate::session::deliver::{DeliveredTarget, Inner};

/// The request that a receipt is for: what was asked, of which platform, and with which
/// key if one is given.
pub(crate) fn request(config: &Config, goal: Goal, labels: &[String], options: &BuildOptions) -> String {
    let goal = match goal {
        Goal::Outputs => "build",
        Goal::Tests => "test",
    };
    let platform = options.platform.as_deref().unwrap_or_default();
    let key = config.signing_key(options);
    let key = key.as_deref().unwrap_or(Path::new("")).display();
    format!("{goal} {} --platform {platform} --signing-key {key}", labels.join(" "))
}

/// The receipt of an earlier build of a request, and what has changed since.
#[derive(Debug)]
pub(crate) struct Kept {
    receipt: Receipt,
    broken: BTreeSet<usize>,
    changed: BTreeSet<RelPath>,
    /// Whether the remote cache has all of it, as far as one is wanted.
    is_shared: bool,
}

impl Kept {
    /// The receipt of an earlier build of the same request, compared with what is there.
    pub(crate) fn find(config: &Config, request: &str, options: &BuildOptions) -> Option<Self> {
        let root = config.workspace()?;
        let state = wiz_recall::state_folder(&config.cache, &root);
        let receipt = Receipt::load(&state, request, program()?)?;
        let Standing { broken, unproved } = receipt.standing(&root, &today());
        let changed = changed(config, &root, &receipt.function, &receipt.sights, &unproved)?;
        let wanted = config.remote_cache(options).or(receipt.named.as_deref());
        let wanted = wanted.filter(|address| !address.is_empty());
        let is_shared = wanted.is_none() || wanted == receipt.shared.as_deref();
        Some(Self { receipt, broken, changed, is_shared })
    }

    /// The receipt, if all that the build looked at and all it made is as it was, and where it
    /// is to be.
    pub(crate) fn whole(self) -> Result<Receipt, Box<Self>> {
        let stands = self.is_shared && self.broken.is_empty() && self.changed.is_empty();
        if stands { Ok(self.receipt) } else { Err(Box::new(self)) }
    }

    /// The targets whose outputs stand, by label.
    pub(crate) fn standing(self) -> BTreeMap<String, ReceiptTarget> {
        let targets = self.receipt.targets.into_iter().enumerate();
        let standing = targets.filter(|(place, _)| !self.broken.contains(place));
        standing.map(|(_, target)| (target.label.clone(), target)).collect()
    }
}

/// The paths of `unproved` sights at which something else is seen now; `None` if that
/// cannot be told.
pub(crate) fn changed(
    config: &Config,
    root: &Path,
    function: &str,
    sights: &[Sight],
    unproved: &[usize],
) -> Option<BTreeSet<RelPath>> {
    if unproved.is_empty() {
        return Some(BTreeSet::new());
    }
    // Touched, restored or as young as the build: what it says decides.
    let sources = config.sources(root).ok()?;
    let function = DigestFunction::from_name(function)?;
    let unproved = unproved.iter().map(|place| &sights[*place]);
    let changed = unproved.filter(|sight| !is_same(sight, root, &sources, function));
    Some(changed.map(|sight| sight.path.clone()).collect())
}

fn is_same(sight: &Sight, root: &Path, sources: &DiskSources, function: DigestFunction) -> bool {
    let observation = match sight.seen {
        Seen::Text(digest) => Observation::File(digest),
        Seen::Listing(digest) => Observation::Folder(digest),
        Seen::Source(..) | Seen::Entries(_) => {
            return sight.seen.is_there(root, &sight.path, function).unwrap_or(false);
        }
    };
    unchanged(sources, function, [(&sight.path, &observation)]).unwrap_or(false)
}

/// What tells this program from any other that read the same definitions.
pub(crate) fn program() -> Option<Stamp> {
    std::fs::metadata("/proc/self/exe").ok().as_ref().map(Stamp::of)
}

impl Session<'_> {
    /// Keeps the receipt of a build that made all that was asked for, and the graph. Without
    /// them the next build only takes longer.
    pub(crate) fn keep(&self, request: String, built: &Built, work: &Work, delivered: &[DeliveredTarget]) {
        let Some(program) = program() else { return };
        let Some(sights) = self.sights(built, work) else { return };
        let receipt = || {
            let look = Look::below(&self.root).ok()?;
            let targets = delivered.iter().map(|target| receipt_target(&look, target));
            let targets = targets.collect::<Option<_>>()?;
            let actions = work.outcome.counts.total as u64;
            let function = self.digest_function().name().to_owned();
            let (sights, shared) = (sights.clone(), work.shared.clone());
            let named = self.named_remote().ok()?.cache;
            Some(Receipt { request, program, function, sights, targets, actions, named, shared })
        };
        let kept = receipt().map(|receipt| receipt.save(&self.state()));
        let stored = self.keep_graph(program, built, work, sights);
        for error in kept.into_iter().chain([stored]).filter_map(Result::err) {
            tracing::warn!(%error, "what this build found out cannot be kept");
        }
    }

    /// Everything of the workspace that this build, or an earlier one whose findings it
    /// took over, looked at; `None` if what is to be ignored may have changed meanwhile.
    fn sights(&self, built: &Built, work: &Work) -> Option<Vec<Sight>> {
        let stamps = self.sources.stamps();
        let path = ignore_file();
        let text = std::fs::read(self.root.join(path.as_str())).ok();
        let digest = text.map(|text| self.digest_function().digest(&text));
        let ignored = Sight { stamp: Some(stamps.proof(&path)?), seen: Seen::Text(digest), path };
        let mut sights: BTreeMap<(RelPath, u8), Sight> = BTreeMap::new();
        let mut add = |sight: Sight| drop(sights.insert((sight.path.clone(), kind(&sight.seen)), sight));
        built.earlier_sights().cloned().for_each(&mut add);
        add(ignored);
        for (path, observation) in &built.files {
            let seen = match observation {
                Observation::File(digest) => Seen::Text(*digest),
                Observation::Folder(digest) => Seen::Listing(*digest),
            };
            add(Sight { stamp: stamps.proof(path), seen, path: path.clone() });
        }
        work.sights.iter().cloned().for_each(&mut add);
        Some(sights.into_values().collect())
    }
}

/// What tells apart what is seen of one path for different reasons.
fn kind(seen: &Seen) -> u8 {
    match seen {
        Seen::Text(_) => 0,
        Seen::Listing(_) => 1,
        Seen::Source(..) => 2,
        Seen::Entries(_) => 3,
    }
}

fn receipt_target(look: &Look, target: &DeliveredTarget) -> Option<ReceiptTarget> {
    let outputs = target.outputs.iter().map(|output| {
        let (name, path, digest) = (output.name.clone(), output.path.clone(), output.digest.clone());
        match &output.inner {
            Inner::Stamped(entries) => Some(ReceiptOutput { name, path, digest, entries: entries.clone() }),
            Inner::Paths(inner) => {
                ReceiptOutput { name, path, digest, entries: Vec::new() }.stamped(look, inner)
            }
        }
    });
    Some(ReceiptTarget {
        label: target.label.clone(),
        made: target.made.clone(),
        outputs: outputs.collect::<Option<_>>()?,
        around: target.around.clone(),
        until: target.until.clone(),
    })
}
