//! What an unclean shutdown may have damaged: files that came after the last
//! durable batch of an earlier boot are suspect until they are hashed once.
//!
//! All times are inode change times, which no process can set, so they compare
//! without a clock. Unaware of what the files hold.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::StoreError;
use crate::layout::Layout;
use crate::stamp::Stamp;
use crate::store::Store;
use crate::temp_area::{TempPath, lock_file};

/// First word of `state/boot` and `state/durable`.
const MAGIC: &str = "wiz-durability-1";

/// More windows than this are joined, oldest first.
const MOST_WINDOWS: usize = 16;

/// Windows of change times (nanoseconds since 1970, both ends included), one for
/// each crash or shutdown; files changed in one of them are suspect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Suspects {
    windows: Vec<(i64, i64)>,
}

impl Suspects {
    /// Whether the file may have lost its content.
    pub(crate) fn contain(&self, stamp: Stamp) -> bool {
        self.windows.iter().any(|(from, to)| (*from..=*to).contains(&stamp.ctime))
    }

    /// Reads what is suspect; the first process after a boot works it out.
    pub(crate) fn load(layout: &Layout, boot_id: &str) -> Result<Self, StoreError> {
        if let Some((boot, suspects)) = read_boot(&layout.boot())
            && boot == boot_id
        {
            return Ok(suspects);
        }
        let gate = layout.state.join("lock");
        let _gate = lock_file(&gate).map_err(StoreError::io("lock", &gate))?;
        let before = read_boot(&layout.boot());
        if let Some((boot, suspects)) = &before
            && boot == boot_id
        {
            return Ok(suspects.clone());
        }
        let fresh = before.is_none() && is_empty(&layout.blobs) && is_empty(&layout.trees);
        let durable = before.as_ref().and_then(|_| read_durable(&layout.durable())).unwrap_or(0);
        let suspects = before.map(|(_, suspects)| suspects).unwrap_or_default();
        write_boot(layout, boot_id, suspects, (!fresh).then_some(durable))
    }

    /// Adds what changed from `from` to `to`.
    fn add(&mut self, from: i64, to: i64) {
        // A clock that went back makes everything suspect.
        self.windows.push((if from > to { 0 } else { from }, to));
        if self.windows.len() > MOST_WINDOWS {
            let (first, second) = (self.windows.remove(0), self.windows[0]);
            self.windows[0] = (first.0.min(second.0), first.1.max(second.1));
        }
    }
}

impl Store {
    /// Makes everything stored so far survive a crash of the machine: one `syncfs`
    /// for all of it. Does nothing if nothing was stored.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses.
    pub fn sync_batch(&self) -> Result<(), StoreError> {
        if !self.take_unsynced() {
            return Ok(());
        }
        let temporary = TempPath { path: self.temp()?.path() };
        let write = StoreError::io("write", &temporary.path);
        let now = create_now(&temporary.path).map_err(write)?;
        fs::write(&temporary.path, format!("{MAGIC} {now}\n"))
            .map_err(StoreError::io("write", &temporary.path))?;
        let root = &self.layout().root;
        let folder = File::open(root).map_err(StoreError::io("open", root))?;
        rustix::fs::syncfs(folder).map_err(StoreError::io("sync", root))?;
        let durable = self.layout().durable();
        fs::rename(&temporary.path, &durable).map_err(StoreError::io("write", &durable))
    }
}

/// `state/boot`: magic, boot id, and the ends of all windows.
fn read_boot(path: &Path) -> Option<(String, Suspects)> {
    let text = fs::read_to_string(path).ok()?;
    let mut words = text.strip_suffix('\n')?.split(' ');
    if words.next()? != MAGIC {
        return None;
    }
    let boot = words.next()?.to_owned();
    let ends: Vec<i64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let windows = ends.as_chunks::<2>().0.iter().map(|[from, to]| (*from, *to)).collect();
    ends.len().is_multiple_of(2).then_some((boot, Suspects { windows }))
}

fn read_durable(path: &Path) -> Option<i64> {
    let text = fs::read_to_string(path).ok()?;
    text.strip_suffix('\n')?.strip_prefix(MAGIC)?.trim().parse().ok()
}

/// Records the boot; what changed since the last durable batch is suspect from now on.
fn write_boot(
    layout: &Layout,
    boot_id: &str,
    mut suspects: Suspects,
    durable: Option<i64>,
) -> Result<Suspects, StoreError> {
    // The lock on the state folder is held, so one fixed name does.
    let temporary = TempPath { path: layout.state.join("boot.new") };
    let _ = fs::remove_file(&temporary.path);
    let now = create_now(&temporary.path).map_err(StoreError::io("write", &temporary.path))?;
    if let Some(durable) = durable {
        suspects.add(durable, now);
    }
    let mut text = format!("{MAGIC} {boot_id}");
    for (from, to) in &suspects.windows {
        text.push_str(&format!(" {from} {to}"));
    }
    text.push('\n');
    let mut file = File::create(&temporary.path).map_err(StoreError::io("write", &temporary.path))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_data())
        .map_err(StoreError::io("write", &temporary.path))?;
    fs::rename(&temporary.path, layout.boot()).map_err(StoreError::io("write", &layout.boot()))?;
    Ok(suspects)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Makes a file and returns its change time: now, as the file system sees it.
fn create_now(path: &Path) -> std::io::Result<i64> {
    Ok(Stamp::of(&File::create_new(path)?.metadata()?).ctime)
}
