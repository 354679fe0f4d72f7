//! Receipts of builds: found before anything is evaluated, kept when everything that was
//! asked for is there.

use std::path::Path;

use wiz_base::DigestFunction;
use wiz_cas::Stamp;
use wiz_recall::{Look, Receipt, ReceiptOutput, ReceiptTarget, Seen, Sight, Standing};
use wiz_star::{DiskSources, Observation, unchanged};

use super::watched::ignore_file;
use super::{Built, Session, Work};
use crate::commands::build::Goal;
use crate::config::Config;
use crate::session::deliver::DeliveredTarget;

/// The request that a receipt is for: what was asked, and of which platform.
pub(crate) fn request(goal: Goal, labels: &[String], platform: Option<&str>) -> String {
    let goal = match goal {
        Goal::Outputs => "build",
        Goal::Tests => "test",
    };
    format!("{goal} {} --platform {}", labels.join(" "), platform.unwrap_or_default())
}

/// The receipt of an earlier build of the same request, if all it looked at and all it
/// made is as it was.
pub(crate) fn standing(config: &Config, request: &str) -> Option<Receipt> {
    let root = config.workspace()?;
    let state = wiz_recall::state_folder(&config.cache, &root);
    let receipt = Receipt::load(&state, request, program()?)?;
    let unproved = match receipt.standing(&root) {
        Standing::Whole => return Some(receipt),
        Standing::Unproved(unproved) => unproved,
        Standing::Broken => return None,
    };
    // Touched, restored or as young as the build: what it says decides.
    let sources = config.sources(&root).ok()?;
    let function = DigestFunction::from_name(&receipt.function)?;
    let same = |sight: &Sight| is_same(sight, &root, &sources, function);
    if !unproved.iter().all(|place| same(&receipt.sights[*place])) {
        return None;
    }
    Some(receipt)
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
fn program() -> Option<Stamp> {
    std::fs::metadata("/proc/self/exe").ok().as_ref().map(Stamp::of)
}

impl Session<'_> {
    /// Keeps the receipt of a build that made all that was asked for. Without one the next
    /// build only takes longer.
    pub(crate) fn keep_receipt(
        &self,
        request: String,
        built: &Built,
        work: &Work,
        delivered: &[DeliveredTarget],
    ) {
        let Some(program) = program() else { return };
        let Ok(look) = Look::below(&self.root) else { return };
        let targets = delivered.iter().map(|target| receipt_target(&look, target));
        let (Some(targets), Some(sights)) = (targets.collect(), self.sights(built, work)) else { return };
        let function = self.digest_function().name().to_owned();
        let actions = work.outcome.counts.total as u64;
        let receipt = Receipt { request, program, function, sights, targets, actions };
        if let Err(error) = receipt.save(&self.state()) {
            tracing::warn!(%error, "the receipt of this build cannot be kept");
        }
    }

    /// Everything of the workspace that this build looked at; `None` if what is to be
    /// ignored may have changed meanwhile.
    fn sights(&self, built: &Built, work: &Work) -> Option<Vec<Sight>> {
        let stamps = self.sources.stamps();
        let path = ignore_file();
        let text = std::fs::read(self.root.join(path.as_str())).ok();
        let digest = text.map(|text| self.digest_function().digest(&text));
        let ignored = Sight { stamp: Some(stamps.proof(&path)?), seen: Seen::Text(digest), path };
        let mut sights = vec![ignored];
        sights.extend(built.files.iter().map(|(path, observation)| Sight {
            path: path.clone(),
            seen: match observation {
                Observation::File(digest) => Seen::Text(*digest),
                Observation::Folder(digest) => Seen::Listing(*digest),
            },
            stamp: stamps.proof(path),
        }));
        sights.extend(work.sights.iter().cloned());
        Some(sights)
    }
}

fn receipt_target(look: &Look, target: &DeliveredTarget) -> Option<ReceiptTarget> {
    let outputs = target.outputs.iter().map(|output| {
        let receipt = ReceiptOutput {
            name: output.name.clone(),
            path: output.path.clone(),
            digest: output.digest.clone(),
            entries: Vec::new(),
        };
        receipt.stamped(look, &output.inner)
    });
    Some(ReceiptTarget { label: target.label.clone(), outputs: outputs.collect::<Option<_>>()? })
}
