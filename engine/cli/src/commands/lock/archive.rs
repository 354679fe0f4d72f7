//! What an archive says today: its release file, signed where the request names a key, the
//! index that the release file lists, and of that what is asked for.

use std::path::Path;

use wiz_base::Diagnostic;
use wiz_debian::release::signed_text;
use wiz_debian::{Index, Release, Sources, closure};
use wiz_exec::fetch::{Problem, Request as Fetch};
use wiz_exec::{FetchError, Fetcher};
use wiz_scheduler::CancelToken;

use super::file::{Pin, PinnedList};
use super::request::{DebianRequest, Request, WantedList};
use super::signature::{self, Finding};
use crate::error::{CliError, Kind};
use crate::output;

/// How long a release file may be, in bytes; Debian's have 150 kB.
const LONGEST_RELEASE: u64 = 16 << 20;

/// How archives are asked.
#[derive(Debug)]
pub(in crate::commands) struct Archive<'a> {
    /// Reaches the hosts.
    pub(in crate::commands) fetcher: &'a Fetcher,
    /// Ends it.
    pub(in crate::commands) cancel: &'a CancelToken,
    /// The workspace.
    pub(in crate::commands) root: &'a Path,
}

impl Archive<'_> {
    /// The lists as they ought to be.
    ///
    /// # Errors
    /// If the index cannot be had or trusted, or does not have what is asked for.
    pub(super) fn lists(
        &self,
        request: &Request,
        debian: &DebianRequest,
    ) -> Result<Vec<PinnedList>, CliError> {
        let release = self.release(debian)?;
        let index = self.index(debian, &release)?;
        let mut diagnostics = Vec::new();
        let mut lists = Vec::new();
        for list in &debian.lists {
            match pinned(request, list, &index) {
                Ok(pinned) => lists.push(pinned),
                Err(errors) => diagnostics.extend(errors),
            }
        }
        if !diagnostics.is_empty() {
            return Err(CliError::several(Kind::User, diagnostics));
        }
        Ok(lists)
    }

    /// The release file; what was checked of it is said.
    fn release(&self, request: &DebianRequest) -> Result<Release, CliError> {
        let suite = &request.suite;
        let judge = |bytes: Vec<u8>| -> Result<(Release, Option<Finding>), String> {
            let inline = String::from_utf8(bytes).map_err(|_| "it is not in UTF-8".to_owned())?;
            let text = signed_text(&inline).map_err(|error| error.to_string())?;
            let finding = match &request.key {
                Some(key) => Some(
                    signature::check(&self.root.join(key.as_str()), &inline)
                        .map_err(|error| error.to_string())?,
                ),
                None => None,
            };
            let release = Release::parse(&text).map_err(|error| error.to_string())?;
            if release.is(suite) {
                return Ok((release, finding));
            }
            Err(format!("it is of suite `{}`, codename `{}`", release.suite, release.codename))
        };
        let url = format!("debian:dists/{suite}/InRelease");
        let found = self.fetcher.fetch_unpinned(&url, LONGEST_RELEASE, self.cancel, &mut { judge });
        let found = found.map_err(|error| fetch_error(&error))?;
        let (release, finding) = found.content;
        output::note(&format!("{}, {}, from {}", release.description, release.date, found.place));
        match (&request.key, finding) {
            (Some(key), Some(Finding::Good(signer))) => {
                output::note(&format!("signature: good, checked by gpgv with `{key}`: {signer}"));
            }
            (Some(_), _) => output::note(
                "signature: NOT CHECKED, for there is no gpgv on this machine; only digests are checked, against a \
                 release file that anybody on the way may have written",
            ),
            (None, _) => output::note("signature: not checked, for the request names no key"),
        }
        Ok(release)
    }

    /// The index, which has the SHA-256 that the release file says.
    fn index(&self, request: &DebianRequest, release: &Release) -> Result<Index, CliError> {
        let folder = format!("{}/binary-{}", request.component, request.architecture);
        let unusable = |path: &str, error: String| unusable(&request.suite, path, &error);
        let (path, bytes, sha256) = self.listed(&request.suite, release, &folder, "Packages")?;
        let index = Index::read(&path, &bytes).map_err(|error| unusable(&path, error.to_string()))?;
        output::note(&format!(
            "index: `{path}`, {} packages, has the SHA-256 of the release file: {sha256}",
            index.len(),
        ));
        Ok(index)
    }

    /// The newest source packages of a suite.
    ///
    /// # Errors
    /// If their index cannot be had.
    pub(in crate::commands) fn sources(&self, suite: &str) -> Result<Sources, CliError> {
        let request = DebianRequest {
            suite: suite.to_owned(),
            component: "main".to_owned(),
            architecture: String::new(),
            key: None,
            lists: Vec::new(),
        };
        let release = self.release(&request)?;
        let (path, bytes, _) = self.listed(suite, &release, "main/source", "Sources")?;
        Sources::read(&path, &bytes).map_err(|error| unusable(suite, &path, &error.to_string()))
    }

    /// Whether a file can be had; it is then in the cache, and what its digest says.
    ///
    /// # Errors
    /// If the cache cannot keep it.
    pub(in crate::commands) fn has(&self, url: &str, sha256: &str, size: u64) -> Result<bool, CliError> {
        let urls = [url.to_owned()];
        let wanted = Fetch { urls: &urls, sha256, size: Some(size) };
        match self.fetcher.fetch(&wanted, self.cancel, &|_, _| {}) {
            Ok(_) => Ok(true),
            Err(FetchError::Failed { .. }) => Ok(false),
            Err(error) => Err(fetch_error(&error)),
        }
    }

    /// An index that the release file lists: its path below the suite, its bytes, its SHA-256.
    fn listed(
        &self,
        suite: &str,
        release: &Release,
        folder: &str,
        name: &str,
    ) -> Result<(String, Vec<u8>, String), CliError> {
        let names = [format!("{name}.xz"), format!("{name}.gz"), name.to_owned()];
        let listed = names.iter().find_map(|name| {
            let path = format!("{folder}/{name}");
            release.files.get(&path).map(|listed| (path, listed))
        });
        let Some((path, listed)) = listed else {
            let message = format!("the release file of `{suite}` lists no index `{folder}/{name}`");
            return Err(CliError::new(Kind::User, "WIZ2203", message)
                .hint("check `suite`, `component` and `architecture` of the request"));
        };
        let plain = format!("debian:dists/{suite}/{path}");
        let by_hash = format!("debian:dists/{suite}/{folder}/by-hash/SHA256/{}", listed.sha256);
        let urls = if release.by_hash { vec![by_hash, plain] } else { vec![plain] };
        let wanted = Fetch { urls: &urls, sha256: &listed.sha256, size: Some(listed.size) };
        let digest =
            self.fetcher.fetch(&wanted, self.cancel, &|_, _| {}).map_err(|error| fetch_error(&error))?;
        let bytes = self.fetcher.read(&digest).map_err(|error| unusable(suite, &path, &error.to_string()))?;
        Ok((path, bytes, listed.sha256.clone()))
    }
}

fn unusable(suite: &str, path: &str, error: &str) -> CliError {
    CliError::new(Kind::Surroundings, "WIZ2202", format!("`{path}` of `{suite}`: {error}"))
}

fn pinned(request: &Request, list: &WantedList, index: &Index) -> Result<PinnedList, Vec<Diagnostic>> {
    let found = closure(index, &list.wanted).map_err(|errors| {
        let fault = |error: &wiz_debian::ResolveError| {
            let text = format!("list `{}` of `{}`: {error}", list.name, request.label);
            diagnostic("WIZ2203", &text)
        };
        errors.iter().map(fault).collect::<Vec<_>>()
    })?;
    for name in &found.idle {
        output::note(&format!(
            "note: list `{}` of `{}` leaves out `{name}`, which nothing in it needs",
            list.name, request.label
        ));
    }
    let packages = found.packages.values().map(|package| Pin {
        name: package.name.clone(),
        version: package.version.to_string(),
        size: Some(package.size),
        path: Some(package.path.to_string()),
        sha256: package.sha256.clone(),
    });
    Ok(PinnedList { name: list.name.clone(), doc: list.doc.clone(), packages: packages.collect() })
}

pub(super) fn fetch_error(error: &FetchError) -> CliError {
    let refused = |attempt: &wiz_exec::fetch::Attempt| {
        matches!(attempt.problem, Problem::Refused(_) | Problem::Mismatch { .. } | Problem::Size { .. })
    };
    let text = match error {
        FetchError::Failed { sha256, failed } if failed.iter().any(refused) => {
            let tried = failed.iter().map(|attempt| format!("\n`{}`: {}", attempt.url, attempt.problem));
            format!(
                "no place has the index with the SHA-256 `{sha256}` that the release file says:{}\n\
                 hint: a mirror may be in the middle of an update: try again later, or with another mirror",
                tried.collect::<String>()
            )
        }
        error => error.to_string(),
    };
    CliError::several(Kind::Surroundings, vec![diagnostic("WIZ2202", &text)])
}

/// A message whose hint stands apart.
fn diagnostic(code: &str, text: &str) -> Diagnostic {
    let (message, hint) = text.split_once("\nhint: ").unwrap_or((text, ""));
    let mut diagnostic = Diagnostic::error(code, message);
    diagnostic.hint = (!hint.is_empty()).then(|| hint.to_owned());
    diagnostic
}
