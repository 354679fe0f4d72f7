//! The graph of the last build of a workspace on disk: what was looked at, what targets and
//! actions came to. A small file with everything that decides what is done again, read
//! whole and written whole, beside the file of bodies, which it names and which grows.
//! Unaware of what is done again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use wiz_base::RelPath;
use wiz_base::reapi::ActionResult;
use wiz_cas::Stamp;
use wiz_graph::memory::{Bodies, Memory, RememberedTarget};
use wiz_graph::{AnalyzedTarget, ConfiguredTarget};

use crate::bodies::{Place, Reader, Writer};
use crate::file;
use crate::sight::Sight;
use crate::wire::Wire;

/// Kind and version of the file of what decides, and of the bodies it names.
const MAGIC: &str = "wiz-graph-3";

/// The file of bodies is written anew when less than one in this many of its bytes is wanted.
const MOST_WASTE: u64 = 4;

/// The graph as the last sound build left it.
#[derive(Debug)]
pub struct StoredGraph {
    /// The function that digests of sights are made with.
    pub function: String,
    /// The remote cache that has every result, by address.
    pub shared: Option<String>,
    /// Everything of the workspace that was looked at.
    pub sights: Vec<Sight>,
    /// What the analysis found out.
    pub memory: Memory,
    /// What actions came to, by target, in the order they are declared.
    pub actions: BTreeMap<ConfiguredTarget, TargetActions>,
    places: BTreeMap<ConfiguredTarget, Place>,
    reader: Reader,
    bodies: BodiesFile,
    read: Mutex<BTreeMap<ConfiguredTarget, Arc<AnalyzedTarget>>>,
}

/// The actions of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TargetActions {
    /// In the order they are declared.
    pub actions: Vec<StoredAction>,
    /// Those that make its default outputs.
    pub outputs: Vec<ActionName>,
    /// Those that are its tests.
    pub tests: Vec<ActionName>,
}

/// An action, without how it is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredAction {
    /// What it came to, if it was wanted.
    pub result: Option<StoredResult>,
    /// The actions whose outputs it reads.
    pub producers: Vec<ActionName>,
    /// The files and folders of the workspace that it reads.
    pub sources: Vec<RelPath>,
}

/// An action by its target and its place among the target's actions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ActionName {
    /// The target.
    pub target: ConfiguredTarget,
    /// The place.
    pub place: u32,
}

/// What an action came to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredResult {
    /// Digest of its output folder.
    pub output_root: wiz_base::Digest,
    /// Digest of its log.
    pub log: Option<wiz_base::Digest>,
    /// How long it ran, in milliseconds.
    pub wall_ms: u64,
}

impl From<&ActionResult> for StoredResult {
    fn from(result: &ActionResult) -> Self {
        Self { output_root: result.output_root, log: result.log, wall_ms: result.wall_ms }
    }
}

impl From<&StoredResult> for ActionResult {
    fn from(result: &StoredResult) -> Self {
        Self { output_root: result.output_root, log: result.log, wall_ms: result.wall_ms }
    }
}

/// A file of bodies and how much of it was there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct BodiesFile {
    /// Its name in the state folder.
    pub(crate) name: String,
    /// Its length in bytes.
    pub(crate) length: u64,
    /// How many of them were written when it was begun.
    pub(crate) first: u64,
}

/// What a later build found out, to be stored.
#[derive(Debug)]
pub struct NewGraph<'a> {
    /// The program that built it.
    pub program: Stamp,
    /// The function that digests of sights are made with.
    pub function: &'a str,
    /// The remote cache that has every result, by address.
    pub shared: Option<String>,
    /// Everything of the workspace that was looked at.
    pub sights: Vec<Sight>,
    /// What the analysis found out.
    pub memory: &'a Memory,
    /// What actions came to.
    pub actions: &'a BTreeMap<ConfiguredTarget, TargetActions>,
    /// The targets that came to something else than stored before.
    pub fresh: Vec<&'a AnalyzedTarget>,
}

impl StoredGraph {
    /// The graph in a workspace's state folder, if there is one by `program`.
    #[must_use]
    pub fn load(state: &Path, program: Stamp) -> Option<Self> {
        let wire: Wire = file::read(&state.join("graph"), MAGIC)?;
        if wire.program != program {
            return None;
        }
        let file = File::open(state.join(&wire.bodies.name)).ok()?;
        if file.metadata().ok()?.len() < wire.bodies.length {
            return None;
        }
        let bodies = wire.bodies.clone();
        let parts = wire.into_parts()?;
        Some(Self {
            function: parts.function,
            shared: parts.shared,
            sights: parts.sights,
            memory: parts.memory,
            actions: parts.actions,
            places: parts.places,
            reader: Reader::new(file),
            bodies,
            read: Mutex::default(),
        })
    }

    /// The target as it was remembered; `None` if its body is damaged.
    #[must_use]
    pub fn target(&self, id: &ConfiguredTarget) -> Option<Arc<AnalyzedTarget>> {
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Some(Arc::clone(known));
        }
        let remembered: &RememberedTarget = self.memory.targets.get(id)?;
        let body = self.reader.target(*self.places.get(id)?)?;
        let target = body.of(id.clone(), remembered.span.clone(), remembered.dependencies.clone());
        let target = Arc::new(target);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(read.entry(id.clone()).or_insert(target)))
    }

    /// Stores `new` in a workspace's state folder in place of `earlier`. Of two processes
    /// that do so at once one is forgotten, and then only time is lost.
    ///
    /// # Errors
    /// If the folder cannot be written, or a body of `earlier` that is still wanted is damaged.
    pub fn save(state: &Path, new: NewGraph<'_>, earlier: Option<&Self>) -> io::Result<()> {
        fs::create_dir_all(state)?;
        let _lock = lock(&state.join("graph.lock"))?;
        let current = file::read::<Wire>(&state.join("graph"), MAGIC).map(|wire| wire.bodies);
        let earlier = earlier.filter(|earlier| {
            let wasteful = earlier.bodies.length > MOST_WASTE * earlier.bodies.first.max(1 << 20);
            // Another process may have begun another file, and removed the one read from.
            current.as_ref().is_some_and(|current| current.name == earlier.bodies.name) && !wasteful
        });
        match earlier {
            Some(earlier) => append(state, new, earlier),
            None => begin(state, new, current),
        }
    }
}

impl Bodies for StoredGraph {
    fn body(&self, id: &ConfiguredTarget) -> Option<Arc<AnalyzedTarget>> {
        self.target(id)
    }
}

/// Adds the fresh targets' bodies to the file of bodies.
fn append(state: &Path, new: NewGraph<'_>, earlier: &StoredGraph) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(state.join(&earlier.bodies.name))?;
    // What a killed process appended stays, unnamed.
    let length = file.seek(SeekFrom::End(0))?;
    let mut writer = Writer::new(length, Some(&earlier.reader));
    let mut places = BTreeMap::new();
    for id in new.memory.targets.keys() {
        if let Some(place) = earlier.places.get(id) {
            places.insert(id.clone(), *place);
        }
    }
    for target in &new.fresh {
        places.insert(target.id.clone(), writer.target(target)?);
    }
    let bytes = writer.into_bytes();
    file.write_all(&bytes)?;
    let length = length + bytes.len() as u64;
    let bodies = BodiesFile { length, ..earlier.bodies.clone() };
    write(state, new, places, bodies)
}

/// Begins a file of bodies and removes the earlier one.
fn begin(state: &Path, new: NewGraph<'_>, earlier: Option<BodiesFile>) -> io::Result<()> {
    let complete = new.fresh.len() == new.memory.targets.len();
    if !complete {
        // A graph whose bodies are not at hand is not stored; the next build begins again.
        let _ = fs::remove_file(state.join("graph"));
        return Ok(());
    }
    let mut writer = Writer::new(0, None);
    let mut places = BTreeMap::new();
    for target in &new.fresh {
        places.insert(target.id.clone(), writer.target(target)?);
    }
    let bytes = writer.into_bytes();
    let mut file = tempfile::Builder::new().prefix("bodies-").rand_bytes(12).tempfile_in(state)?;
    file.write_all(&bytes)?;
    let (_, path) = file.keep().map_err(|error| error.error)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let length = bytes.len() as u64;
    write(state, new, places, BodiesFile { name, length, first: length })?;
    if let Some(earlier) = earlier {
        let _ = fs::remove_file(state.join(earlier.name));
    }
    Ok(())
}

fn write(
    state: &Path,
    new: NewGraph<'_>,
    places: BTreeMap<ConfiguredTarget, Place>,
    bodies: BodiesFile,
) -> io::Result<()> {
    let wire = Wire::new(new, &places, bodies).ok_or_else(|| io::Error::other("a target has no body"))?;
    file::write(&state.join("graph"), MAGIC, &wire)
}

fn lock(path: &PathBuf) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.lock()?;
    Ok(file)
}
