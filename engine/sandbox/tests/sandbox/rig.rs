//! A root with the witness program in it, and runs of it. The program is compiled
//! once a test process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;
use wiz_base::RelPath;
use wiz_sandbox::{CancelToken, Ending, Finished, Limits, SandboxError, Spec, remove_tree, run};

/// Where the witness is in every root.
pub(crate) const WITNESS: &str = "/bin/witness";

pub(crate) struct Rig {
    pub(crate) home: TempDir,
    pub(crate) spec: Spec,
}

/// One run's ending and log.
pub(crate) struct Ran {
    pub(crate) finished: Finished,
    pub(crate) log: String,
}

impl Rig {
    /// A root of one layer, with the witness.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let layers_dir = home.path().join("layers");
        let scratch = home.path().join("scratch");
        fs::create_dir_all(layers_dir.join("base/bin")).unwrap();
        fs::create_dir(&scratch).unwrap();
        fs::copy(witness(), layers_dir.join("base/bin/witness")).unwrap();
        let spec = Spec {
            layers_dir,
            layers: vec![RelPath::new("base").unwrap()],
            scratch,
            source: None,
            binds: Vec::new(),
            argv: Vec::new(),
            env: vec![("LANG".into(), "C.UTF-8".into())],
            working_directory: RelPath::new("build").unwrap(),
            limits: Limits::default(),
            user: wiz_sandbox::BUILD_USER,
            inherited: Vec::new(),
        };
        Self { home, spec }
    }

    /// Asks the witness.
    pub(crate) fn ask(mut self, questions: &[&str]) -> Self {
        self.spec.argv = [WITNESS].iter().chain(questions).map(OsString::from).collect();
        self
    }

    /// Puts a layer with these files under all others; `/` at the end makes a folder.
    pub(crate) fn layer(mut self, name: &str, files: &[(&str, &str)]) -> Self {
        let root = self.spec.layers_dir.join(name);
        fs::create_dir_all(&root).unwrap();
        for (path, content) in files {
            write(&root.join(path), content);
        }
        self.spec.layers.push(RelPath::new(name).unwrap());
        self
    }

    pub(crate) fn scratch(&self, path: &str) -> PathBuf {
        self.spec.scratch.join(path)
    }

    pub(crate) fn try_run(&self) -> Result<Ran, SandboxError> {
        let path = self.home.path().join("log");
        let log = File::create(&path).unwrap();
        let finished = run(&self.spec, &log, &CancelToken::new().unwrap())?;
        Ok(Ran { finished, log: fs::read_to_string(&path).unwrap() })
    }

    /// Runs what must succeed; gives its log.
    pub(crate) fn log(&self) -> String {
        let Ran { finished, log } = self.try_run().unwrap();
        assert_eq!(finished.ending, Ending::Exited(0), "{log}");
        log
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        remove_tree(self.home.path()).unwrap();
    }
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn witness() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = BUILT.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("witness");
        let mut compiler = Command::new("cc")
            .args(["-static", "-O1", "-w", "-x", "c", "-", "-o"])
            .arg(&program)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        compiler.stdin.take().unwrap().write_all(include_bytes!("witness.c")).unwrap();
        assert!(compiler.wait().unwrap().success());
        (home, program)
    });
    program
}
