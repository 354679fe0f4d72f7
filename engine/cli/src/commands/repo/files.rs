//! Files of one folder, opened by the path of a URL. No path leads out of the folder,
//! and what begins with a full stop is nobody's business.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use percent_encoding::percent_decode_str;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use rustix::io::Errno;

use super::request::Version;

/// A folder whose files are served.
#[derive(Debug)]
pub(super) struct Files {
    folder: OwnedFd,
}

/// A file that was asked for.
#[derive(Debug)]
pub(super) struct Found {
    /// Open for reading, at its beginning.
    pub(super) file: File,
    /// Which state of it this is.
    pub(super) version: Version,
    /// Its media type.
    pub(super) media_type: &'static str,
}

impl Files {
    /// Serves `folder`.
    ///
    /// # Errors
    /// If it is no folder that can be read.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: open(folder, flags, Mode::empty())? })
    }

    /// The regular file at a URL's path; `None` if there is none that may be seen.
    ///
    /// # Errors
    /// If it cannot be opened for another reason.
    pub(super) fn open(&self, url_path: &str) -> io::Result<Option<Found>> {
        let Some(path) = relative(url_path) else { return Ok(None) };
        // A pipe would block who opens it.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let file = match openat2(self.folder.as_fd(), &path, flags, Mode::empty(), resolve) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::XDEV | Errno::LOOP | Errno::ACCESS | Errno::NXIO) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let time = metadata.mtime_nsec() + metadata.mtime() * 1_000_000_000;
        let tag = format!("\"{time:x}-{:x}-{:x}\"", metadata.size(), metadata.ino());
        let version = Version { tag, modified: metadata.modified()?, size: metadata.size() };
        Ok(Some(Found { file, version, media_type: media_type(&path) }))
    }
}

/// The path below the folder that a URL's path means.
fn relative(url_path: &str) -> Option<String> {
    let path = percent_decode_str(url_path.strip_prefix('/')?).decode_utf8().ok()?;
    let is_seen = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
    path.split('/').all(is_seen).then(|| path.into_owned())
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("gz") => "application/gzip",
        Some("pub") => "application/x-pem-file",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn check(files: &Files, url_path: &str, expected: Option<&str>) {
        let found = files.open(url_path).unwrap().map(|mut found| {
            let mut text = String::new();
            found.file.read_to_string(&mut text).unwrap();
            text
        });
        assert_eq!(found.as_deref(), expected, "{url_path}");
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("served/arch")).unwrap();
        fs::write(path("outside"), "secret").unwrap();
        fs::write(path("served/arch/a+b~1.apk"), "package").unwrap();
        fs::write(path("served/.lock"), "hidden").unwrap();
        symlink("../../outside", path("served/arch/escape")).unwrap();
        symlink(path("outside"), path("served/absolute")).unwrap();
        symlink("arch/a+b~1.apk", path("served/inside")).unwrap();
        let files = Files::new(&path("served")).unwrap();
        check(&files, "/arch/a+b~1.apk", Some("package"));
        check(&files, "/arch/a%2bb%7E1.apk", Some("package"));
        check(&files, "/inside", Some("package"));
        for hidden in [
            "/",
            "/arch",
            "/arch/",
            "/../outside",
            "/arch/../../outside",
            "/%2e%2e/outside",
            "/..%2foutside",
            "//outside",
            "/arch/escape",
            "/absolute",
            "/.lock",
            "/none",
            "/arch/a+b~1.apk/x",
            "/a%00b",
            "/%ff",
            "outside",
        ] {
            check(&files, hidden, None);
        }
    }
}
