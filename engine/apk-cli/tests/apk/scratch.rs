//! A root in a temporary folder, and `apk` run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use tempfile::TempDir;

/// A folder with a root and what belongs to it.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
}

/// What a run of apk has said, both streams in one, and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) output: String,
    pub(crate) status: ExitStatus,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        Self { folder }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Writes a file of the root.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The command `apk` on the root.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apk"));
        command.env_clear().current_dir(self.folder.path()).arg("--root").arg(self.root());
        command
    }

    /// Runs `apk` on the root.
    pub(crate) fn apk<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let log = self.folder.path().join("output");
        let out = fs::File::create(&log).unwrap();
        let err = out.try_clone().unwrap();
        let status = self.command().args(arguments).stdout(out).stderr(err).status().unwrap();
        Run { output: fs::read_to_string(&log).unwrap(), status }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}
