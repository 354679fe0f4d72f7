//! Sources from outside: any place that has a file with the right SHA-256 will do, and
//! what is in the cache is never asked for again. Unaware of actions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wiz_base::Digest;
use wiz_cas::{Store, StoreError, Transfer};
use wiz_scheduler::CancelToken;

mod apt_sources;
mod candidate;
mod cargo_registry;
mod download;
mod error;
mod known_sources;
mod unpinned;

use candidate::{Candidate, Place};
use download::Downloader;
pub use download::proxy;
pub use error::{Attempt, FetchError, Problem};
use known_sources::KnownSources;
pub use unpinned::Unpinned;

/// How sources are fetched.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// Whether the network must not be used.
    pub offline: bool,
    /// Folders that are searched for a file by its name before any URL is tried.
    pub distdirs: Vec<PathBuf>,
    /// Base URLs by scheme: `debian`, `crate`, `pypi`, `npm`.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// apt's configuration folder, which gives the base URLs of `debian:` if `mirrors`
    /// has none.
    pub apt: PathBuf,
    /// cargo's home, whose registry indexes give the base URLs of `crate:` if `mirrors` has none.
    pub cargo: Option<PathBuf>,
    /// The URL of a proxy, and the hosts that are reached without it, as in `NO_PROXY`.
    pub proxy: Option<(String, String)>,
    /// How long to wait for whom.
    pub patience: Patience,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            offline: false,
            distdirs: Vec::new(),
            mirrors: BTreeMap::new(),
            apt: PathBuf::from("/etc/apt"),
            cargo: None,
            proxy: None,
            patience: Patience::default(),
        }
    }
}

/// How long to wait, and how often to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a host's first answer; who takes longer goes last for the rest of the build.
    pub answer: Duration,
    /// For the answer of a host that goes last.
    pub late_answer: Duration,
    /// For more bytes of a transfer that has begun.
    pub stall: Duration,
    /// How often one URL is tried when the transfer breaks off or the server is busy.
    pub attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub back_off: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(3),
            late_answer: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            attempts: 4,
            back_off: Duration::from_millis(500),
        }
    }
}

/// What is to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where it may be, in order of preference.
    pub urls: &'a [String],
    /// Its SHA-256 as hexadecimal digits.
    pub sha256: &'a str,
    /// Its size in bytes, if known.
    pub size: Option<u64>,
}

/// Fetches for one build.
#[derive(Debug)]
pub struct Fetcher {
    store: Store,
    workspace: PathBuf,
    partials: PathBuf,
    settings: FetchSettings,
    known: KnownSources,
    downloader: Downloader,
    /// Hosts that did not answer in time.
    late: Mutex<BTreeSet<String>>,
}

/// Told bytes done and bytes in all.
pub type Progress<'a> = &'a dyn Fn(u64, Option<u64>);

impl Fetcher {
    /// Fetches into `store`, whose folder is `cache`, for the workspace at `workspace`.
    ///
    /// # Errors
    /// If the proxy's address is wrong.
    pub fn new(store: &Store, cache: &Path, workspace: &Path, settings: FetchSettings) -> io::Result<Self> {
        let downloader = Downloader::new(&settings).map_err(io::Error::other)?;
        Ok(Self {
            store: store.clone(),
            workspace: workspace.to_owned(),
            partials: cache.join("partial"),
            known: KnownSources::new(cache, store),
            settings,
            downloader,
            late: Mutex::default(),
        })
    }

    /// The file with that SHA-256, if it is in the store already.
    ///
    /// # Errors
    /// [`FetchError`] if the store fails.
    pub fn known(&self, sha256: &str) -> Result<Option<Digest>, FetchError> {
        Ok(self.known.find(sha256)?)
    }

    /// Takes the stored file `digest` for the one with that SHA-256, if it is.
    pub fn adopt(&self, sha256: &str, digest: Digest) -> Option<Digest> {
        self.known.remember(sha256, &digest).ok()?;
        self.known.find(sha256).ok()?
    }

    /// The stored file with the SHA-256 asked for.
    ///
    /// # Errors
    /// [`FetchError`] if no place has it.
    pub fn fetch(
        &self,
        request: &Request<'_>,
        cancel: &CancelToken,
        progress: Progress<'_>,
    ) -> Result<Digest, FetchError> {
        if let Some(digest) = self.known.find(request.sha256)? {
            return Ok(digest);
        }
        let mut failed = Vec::new();
        if let Some(digest) = self.try_distdirs(request, &mut failed)? {
            return Ok(digest);
        }
        let mut candidates = Vec::new();
        for url in request.urls {
            match candidate::candidates(url, &self.workspace, &self.settings) {
                Ok(found) => candidates.extend(found),
                Err(problem) => failed.push(Attempt { url: url.clone(), problem }),
            }
        }
        let (files, remote): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| matches!(candidate.place, Place::File(_)));
        for candidate in files {
            match self.take_file(&candidate, request) {
                Ok(digest) => return Ok(digest),
                Err(Problem::Store(error)) => return Err(error.into()),
                Err(problem) => failed.push(Attempt { url: candidate.shown, problem }),
            }
        }
        if self.settings.offline && !remote.is_empty() {
            let wanted = remote.into_iter().map(|candidate| candidate.shown).collect();
            return Err(FetchError::Offline { sha256: request.sha256.to_owned(), wanted, failed });
        }
        self.try_hosts(remote, request, failed, cancel, progress)
    }

    /// The bytes of a file that was fetched.
    ///
    /// # Errors
    /// If the store has lost it.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, wiz_cas::StoreError> {
        self.store.read(digest)
    }

    fn try_distdirs(
        &self,
        request: &Request<'_>,
        failed: &mut Vec<Attempt>,
    ) -> Result<Option<Digest>, FetchError> {
        let names: BTreeSet<&str> = request.urls.iter().filter_map(|url| candidate::basename(url)).collect();
        for folder in &self.settings.distdirs {
            for path in names.iter().map(|name| folder.join(name)).filter(|path| path.is_file()) {
                let shown = path.display().to_string();
                match self.take_file(&Candidate { shown: shown.clone(), place: Place::File(path) }, request) {
                    Ok(digest) => return Ok(Some(digest)),
                    Err(Problem::Store(error)) => return Err(error.into()),
                    Err(problem) => failed.push(Attempt { url: shown, problem }),
                }
            }
        }
        Ok(None)
    }

    fn take_file(&self, candidate: &Candidate, request: &Request<'_>) -> Result<Digest, Problem> {
        let Place::File(path) = &candidate.place else {
            return Err(Problem::Scheme(candidate.shown.clone()));
        };
        let mut file = File::open(path).map_err(Problem::File)?;
        let size = file.metadata().map_err(Problem::File)?.len();
        check_size(size, request.size)?;
        let found = download::sha256_of(&mut file).map_err(Problem::File)?;
        check_sha256(&found, request.sha256)?;
        drop(file);
        let digest = self.store.put_file(path, Transfer::Keep)?;
        self.known.remember(request.sha256, &digest)?;
        Ok(digest)
    }

    /// Tries hosts in order, those that did not answer in time last.
    fn try_hosts(
        &self,
        candidates: Vec<Candidate>,
        request: &Request<'_>,
        mut failed: Vec<Attempt>,
        cancel: &CancelToken,
        progress: Progress<'_>,
    ) -> Result<Digest, FetchError> {
        fs::create_dir_all(&self.partials).map_err(StoreError::io("create", &self.partials))?;
        let partial = self.partials.join(request.sha256);
        let Some(_lock) = lock(&partial.with_extension("lock"), cancel)? else {
            return Err(FetchError::Cancelled);
        };
        // Another process may have fetched it while this one waited.
        if let Some(digest) = self.known.find(request.sha256)? {
            return Ok(digest);
        }
        let mut late = Vec::new();
        for candidate in candidates {
            if self.is_late(&candidate) {
                late.push(candidate);
                continue;
            }
            match self.download(
                &candidate,
                request,
                &partial,
                self.settings.patience.answer,
                cancel,
                progress,
            ) {
                Ok(digest) => return Ok(digest),
                Err(Problem::Late) => {
                    self.mark_late(&candidate);
                    late.push(candidate);
                }
                Err(problem) => failed.push(give_up_or(problem, candidate, &partial)?),
            }
        }
        for candidate in late {
            let patience = self.settings.patience.late_answer;
            match self.download(&candidate, request, &partial, patience, cancel, progress) {
                Ok(digest) => return Ok(digest),
                Err(problem) => failed.push(give_up_or(problem, candidate, &partial)?),
            }
        }
        Err(FetchError::Failed { sha256: request.sha256.to_owned(), failed })
    }

    fn download(
        &self,
        candidate: &Candidate,
        request: &Request<'_>,
        partial: &Path,
        answer: Duration,
        cancel: &CancelToken,
        progress: Progress<'_>,
    ) -> Result<Digest, Problem> {
        let Place::Url { url, .. } = &candidate.place else {
            return Err(Problem::Scheme(candidate.shown.clone()));
        };
        self.downloader.download(url, request, partial, answer, cancel, progress)?;
        let digest = self.store.put_file(partial, Transfer::Consume)?;
        self.known.remember(request.sha256, &digest)?;
        let _ = fs::remove_file(partial.with_extension("lock"));
        Ok(digest)
    }

    fn is_late(&self, candidate: &Candidate) -> bool {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        candidate.host().is_some_and(|host| late.contains(host))
    }

    fn mark_late(&self, candidate: &Candidate) {
        if let Some(host) = candidate.host() {
            self.late.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
        }
    }
}

/// What ends the search ends it; anything else is noted.
fn give_up_or(problem: Problem, candidate: Candidate, partial: &Path) -> Result<Attempt, FetchError> {
    match problem {
        Problem::Cancelled => Err(FetchError::Cancelled),
        Problem::Store(error) => Err(error.into()),
        Problem::Partial(error) => Err(StoreError::io("write", partial)(error).into()),
        problem => Ok(Attempt { url: candidate.shown, problem }),
    }
}

pub(crate) fn check_size(found: u64, expected: Option<u64>) -> Result<(), Problem> {
    match expected {
        Some(expected) if expected != found => Err(Problem::Size { found, expected }),
        _ => Ok(()),
    }
}

pub(crate) fn check_sha256(found: &str, expected: &str) -> Result<(), Problem> {
    if found == expected {
        return Ok(());
    }
    Err(Problem::Mismatch { found: found.to_owned(), expected: expected.to_owned() })
}

/// Waits until this process alone holds `path`; `None` if cancelled meanwhile.
fn lock(path: &Path, cancel: &CancelToken) -> Result<Option<File>, FetchError> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(StoreError::io("lock", path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error).into()),
        }
        // Disconnected on cancellation, silent otherwise.
        match cancel.receiver().recv_timeout(Duration::from_millis(100)) {
            Err(error) if error.is_timeout() => {}
            _ => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
