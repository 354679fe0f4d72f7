//! The receipt of a request that was built whole: everything it looked at and everything
//! it linked, with what `stat` said of each. While all of it is as it was there is
//! nothing to do, and that is known without evaluating a definition, opening the store
//! or looking up an action. Unaware of how anything was built.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wiz_base::RelPath;
use wiz_cas::Stamp;

use crate::file;
use crate::sight::{Look, Sight, in_parallel};

/// Kind and version of a receipt's file.
const MAGIC: &str = "wiz-receipt-5";

/// What a request looked at and made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    /// The request, spelled out; two requests never share a receipt.
    pub request: String,
    /// The program that built it. Another one might read the same definitions otherwise.
    pub program: Stamp,
    /// The function that digests of sights are made with.
    pub function: String,
    /// Everything of the workspace that was looked at.
    pub sights: Vec<Sight>,
    /// What was asked for, in order.
    pub targets: Vec<ReceiptTarget>,
    /// How many actions it took.
    pub actions: u64,
    /// The remote cache that WORKSPACE.star names, by address.
    pub named: Option<String>,
    /// The remote cache that has all of it, by address.
    pub shared: Option<String>,
}

/// A target that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReceiptTarget {
    /// Its label.
    pub label: String,
    /// Digests of the output folders that its outputs were linked from, in the order of the
    /// actions that made them.
    pub made: Vec<wiz_base::Digest>,
    /// What it made.
    pub outputs: Vec<ReceiptOutput>,
    /// What outside of the workspace decided what became of them.
    pub around: Vec<Around>,
    /// The last day on which it counts, such as `2027-01-31`; none for ever.
    pub until: Option<String>,
}

/// A file or folder outside of the workspace: the key that signs, the folder of keys.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Around {
    path: PathBuf,
    stamp: Option<Stamp>,
}

/// An output that was linked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReceiptOutput {
    /// Its declared path.
    pub name: String,
    /// Where people find it, relative to the workspace.
    pub path: String,
    /// Digest of the file or of the tree.
    pub digest: String,
    /// Everything it consists of, by path below `path`: empty for what is kept in the
    /// cache only.
    pub entries: Vec<(String, Stamp)>,
}

/// How a receipt compares with what is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The targets, by place, of which an output, or what is around them, is missing or was
    /// touched.
    pub broken: BTreeSet<usize>,
    /// The sights, by place, that are not proved to be as they were: their content decides.
    pub unproved: Vec<usize>,
}

impl Receipt {
    /// The receipt of `request` in a workspace's state folder, if there is one by `program`.
    #[must_use]
    pub fn load(state: &Path, request: &str, program: Stamp) -> Option<Self> {
        let receipt: Self = file::read(&place(state, request), MAGIC)?;
        (receipt.request == request && receipt.program == program).then_some(receipt)
    }

    /// Keeps the receipt in a workspace's state folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, state: &Path) -> std::io::Result<()> {
        file::write(&place(state, &self.request), MAGIC, self)
    }

    /// Compares the receipt with the workspace at `root`, on a day such as `2027-01-31`.
    #[must_use]
    pub fn standing(&self, root: &Path, today: &str) -> Standing {
        let Ok(look) = Look::below(root) else {
            return Standing { broken: (0..self.targets.len()).collect(), unproved: Vec::new() };
        };
        let outputs: Vec<(usize, &ReceiptOutput)> = self
            .targets
            .iter()
            .enumerate()
            .flat_map(|(place, target)| target.outputs.iter().map(move |output| (place, output)))
            .collect();
        let broken = in_parallel(&outputs, |(_, output)| output.stands(&look));
        let mut broken: BTreeSet<usize> = broken.into_iter().map(|place| outputs[place].0).collect();
        let targets = self.targets.iter().enumerate();
        let is_over = |target: &ReceiptTarget| target.until.as_deref().is_some_and(|until| until < today);
        let elsewhere =
            targets.filter(|(_, target)| is_over(target) || !target.around.iter().all(Around::stands));
        broken.extend(elsewhere.map(|(place, _)| place));
        Standing { broken, unproved: look.unproved(&self.sights) }
    }
}

impl Around {
    /// What is at an absolute path now, links followed. To be asked before it is read.
    #[must_use]
    pub fn see(path: &Path) -> Self {
        Self { stamp: stamp_at(path), path: path.to_owned() }
    }

    fn stands(&self) -> bool {
        stamp_at(&self.path) == self.stamp
    }
}

fn stamp_at(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().as_ref().map(Stamp::of)
}

impl ReceiptOutput {
    /// An output as it stands below `look` now, with the stamps of `inner` paths in it.
    #[must_use]
    pub fn stamped<'a>(self, look: &Look, inner: impl IntoIterator<Item = &'a RelPath>) -> Option<Self> {
        let mut entries = Vec::new();
        for path in inner {
            let stamp = stamp_of(look, &self.path, path.as_str())?;
            entries.push((path.as_str().to_owned(), stamp));
        }
        Some(Self { entries, ..self })
    }

    fn stands(&self, look: &Look) -> bool {
        self.entries.iter().all(|(inner, stamp)| stamp_of(look, &self.path, inner) == Some(*stamp))
    }
}

/// What stands at `inner` in the output linked at `path`. The output itself is a link,
/// which is followed; a link inside of it is not.
fn stamp_of(look: &Look, path: &str, inner: &str) -> Option<Stamp> {
    match inner {
        "" => look.stamp(path),
        inner => look.own_stamp(&format!("{path}/{inner}")),
    }
}

fn place(state: &Path, request: &str) -> PathBuf {
    let name = blake3::hash(request.as_bytes()).to_hex();
    state.join("receipts").join(&name.as_str()[..16])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sight::{Seen, Stamps};

    /// A workspace with one file read and one tree linked, and its receipt.
    fn built(root: &Path) -> Receipt {
        fs::create_dir_all(root.join("tree/inner")).unwrap();
        fs::write(root.join("tree/inner/f"), "f").unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("tree/dangling")).unwrap();
        fs::write(root.join("source"), "s").unwrap();
        fs::create_dir(root.join("keys")).unwrap();
        std::os::unix::fs::symlink(root.join("tree"), root.join("link")).unwrap();
        let look = Look::below(root).unwrap();
        let inner = ["", "inner", "inner/f", "dangling"].map(|path| RelPath::new(path).unwrap());
        let output = ReceiptOutput {
            name: "tree".to_owned(),
            path: "link".to_owned(),
            digest: String::new(),
            entries: Vec::new(),
        };
        let path = RelPath::new("source").unwrap();
        let stamp = Some(look.stamp("source"));
        let digest = wiz_base::DigestFunction::Blake3.digest(b"s");
        Receipt {
            request: "build //a".to_owned(),
            program: look.stamp("source").unwrap(),
            function: "blake3".to_owned(),
            sights: vec![Sight { path, seen: Seen::Text(Some(digest)), stamp }],
            targets: vec![ReceiptTarget {
                made: Vec::new(),
                label: "//a".to_owned(),
                outputs: vec![output.stamped(&look, &inner).unwrap()],
                around: vec![Around::see(&root.join("key")), Around::see(&root.join("keys"))],
                until: Some("2026-01-31".to_owned()),
            }],
            actions: 1,
            named: None,
            shared: None,
        }
    }

    fn check(change: impl FnOnce(&Path), broken: &[usize], unproved: &[usize]) {
        let folder = tempfile::tempdir().unwrap();
        let receipt = built(folder.path());
        assert_eq!(receipt.standing(folder.path(), "2026-01-01"), Standing::default());
        change(folder.path());
        let expected = Standing { broken: broken.iter().copied().collect(), unproved: unproved.to_vec() };
        assert_eq!(receipt.standing(folder.path(), "2026-01-01"), expected);
    }

    #[test]
    fn what_is_changed_is_noticed() {
        check(|_| (), &[], &[]);
        check(|root| fs::write(root.join("source"), "changed").unwrap(), &[], &[0]);
        check(|root| fs::remove_file(root.join("source")).unwrap(), &[], &[0]);
        check(|root| fs::write(root.join("tree/inner/f"), "changed").unwrap(), &[0], &[]);
        check(|root| fs::write(root.join("tree/inner/g"), "").unwrap(), &[0], &[]);
        check(|root| fs::remove_file(root.join("tree/dangling")).unwrap(), &[0], &[]);
        check(|root| fs::remove_file(root.join("link")).unwrap(), &[0], &[]);
        check(|root| fs::write(root.join("key"), "").unwrap(), &[0], &[]);
        check(|root| fs::remove_dir(root.join("keys")).unwrap(), &[0], &[]);
    }

    #[test]
    fn receipts_are_found_by_request_and_program() {
        let folder = tempfile::tempdir().unwrap();
        let receipt = built(folder.path());
        let state = folder.path().join("state");
        receipt.save(&state).unwrap();
        assert_eq!(Receipt::load(&state, "build //a", receipt.program), Some(receipt.clone()));
        assert_eq!(Receipt::load(&state, "build //b", receipt.program), None);
        let other = Stamps::begin(folder.path(), &state.join("touched")).map(|_| ());
        assert!(other.is_ok());
        let program = Stamp { inode: 0, ..receipt.program };
        assert_eq!(Receipt::load(&state, "build //a", program), None);
    }
}
