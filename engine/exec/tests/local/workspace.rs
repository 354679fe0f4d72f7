//! A workspace and a cache for one test, and actions that run the test program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use wiz_base::{DigestFunction, RelPath};
use wiz_cas::{Store, StoreOptions};
use wiz_exec::{FetchSettings, LocalExecutor, OutputLinks, RunLimits, Settings};
use wiz_graph::{
    Action, ActionGraph, ActionId, ActionKind, Argument, Artifact, Capture, Limits, OutputKind, Piece, Run,
};
use wiz_recall::Stamps;
use wiz_scheduler::{BuildOutcome, CancelToken, Options, Parties, build};
use wiz_testkit::fixture::{id_of, path, platform, source, target};
use wiz_testkit::{EventLog, StandingClock};

/// The compiled test program, once a run of the tests.
fn tool() -> &'static [u8] {
    static TOOL: OnceLock<Vec<u8>> = OnceLock::new();
    TOOL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tool");
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/local/tool.c");
        let status =
            Command::new("cc").args(["-static", "-w", "-O1", "-o"]).args([&program, &text]).status().unwrap();
        assert!(status.success(), "a C compiler with a static libc is a prerequisite");
        fs::read(program).unwrap()
    })
}

/// A workspace whose folder `root` is a root with the program `/usr/bin/tool`.
pub(crate) struct Workspace {
    home: tempfile::TempDir,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        let this = Self { home: tempfile::tempdir().unwrap() };
        this.write("root/usr/bin/tool", tool());
        fs::set_permissions(this.path("root/usr/bin/tool"), PermissionsExt::from_mode(0o755)).unwrap();
        this
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join("workspace").join(below)
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    pub(crate) fn write(&self, below: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.cache(), DigestFunction::Blake3, &StoreOptions::default()).unwrap()
    }

    pub(crate) fn executor(&self, store: &Store) -> LocalExecutor {
        let workspace: PathBuf = self.path("").components().collect();
        let state = wiz_recall::state_folder(&self.cache(), &workspace);
        let stamps = Stamps::begin(&workspace, &state.join("touched")).unwrap();
        let settings = Settings {
            stamps: Arc::new(stamps),
            workspace,
            state,
            cache: self.cache(),
            jobs: 2,
            limits: RunLimits::default(),
            fetch: FetchSettings { offline: true, ..FetchSettings::default() },
            keep_failed: true,
            audit: None,
            remote: None,
        };
        LocalExecutor::new(store.clone(), settings).unwrap()
    }

    /// Builds as a new process would: nothing is remembered but what lies on disk.
    pub(crate) fn build(&self, actions: Vec<Action>, root: &str) -> Built {
        self.build_until(actions, root, &CancelToken::new(), &EventLog::default())
    }

    pub(crate) fn build_until(
        &self,
        actions: Vec<Action>,
        root: &str,
        cancel: &CancelToken,
        events: &EventLog,
    ) -> Built {
        let store = self.store();
        let executor = self.executor(&store);
        let graph = ActionGraph::build(actions).unwrap();
        let id = id_of(&graph, root);
        let history = executor.history();
        let parties = Parties { executor: &executor, events, clock: &StandingClock, history, cancel };
        let options = Options { jobs: 2, keep_going: true, ..Options::default() };
        let outcome = build(&graph, &[id], &parties, &options);
        executor.finish(0).unwrap();
        Built { store, id, outcome, ends: events.ends(), links: tempfile::tempdir().unwrap() }
    }
}

/// A build that ended.
pub(crate) struct Built {
    pub(crate) store: Store,
    pub(crate) id: ActionId,
    pub(crate) outcome: BuildOutcome,
    pub(crate) ends: String,
    links: tempfile::TempDir,
}

impl Built {
    /// The text of the requested action's output `out`, where people find it.
    pub(crate) fn text(&self) -> String {
        let result = self.outcome.result(self.id).unwrap_or_else(|| panic!("{}", self.failure()));
        let links = OutputLinks { folder: self.links.path().to_owned(), default_platform: platform().name };
        let delivered = links.link(&self.store, &target("any"), &[(path("out"), result.clone())]).unwrap();
        fs::read_to_string(&delivered[0].path).unwrap()
    }

    /// The first failure: code, message, hints, and the end of the log.
    pub(crate) fn failure(&self) -> String {
        let Some((_, failure)) = self.outcome.failures().next() else { return "no failure\n".to_owned() };
        let mut text = format!("[{}] {}\n", failure.code, failure.message);
        failure.hints.iter().for_each(|hint| text.push_str(&format!("hint: {hint}\n")));
        for line in failure.log.iter().flat_map(|log| &log.lines) {
            text.push_str(&format!("| {line}\n"));
        }
        text
    }
}

/// Runs the test program: `words` may name inputs as `<path>` (a source) or `<:name>` (the
/// output of another target), and outputs as `>path`.
pub(crate) fn run(name: &str, words: &str) -> Action {
    let arguments = ["/usr/bin/tool"].into_iter().chain(words.split_whitespace()).map(argument).collect();
    Action {
        owner: target(name),
        category: "make".to_owned(),
        identifier: None,
        outputs: BTreeMap::from([(path("out"), OutputKind::File)]),
        kind: ActionKind::Run(Box::new(Run {
            arguments,
            environment: BTreeMap::new(),
            root: vec![source("root")],
            source: None,
            hidden: Vec::new(),
            log: None,
            platform: platform(),
            capture: Capture::default(),
            user: None,
            limits: Limits::default(),
        })),
    }
}

fn argument(word: &str) -> Argument {
    let inner = word.strip_prefix('<').and_then(|word| word.strip_suffix('>'));
    let piece = match (inner, word.strip_prefix('>')) {
        (Some(inner), _) => Piece::Path(input(inner)),
        (None, Some(out)) => Piece::Output(RelPath::new(out).unwrap()),
        (None, None) => Piece::Text(word.to_owned()),
    };
    Argument(vec![piece])
}

fn input(word: &str) -> Artifact {
    match word.strip_prefix(':') {
        Some(name) => wiz_testkit::fixture::output(name),
        None => source(word),
    }
}

/// The same action with its command changed.
pub(crate) fn with(mut action: Action, change: impl FnOnce(&mut Run)) -> Action {
    let ActionKind::Run(run) = &mut action.kind else { panic!("a command") };
    change(run);
    action
}

/// The same action with other outputs.
pub(crate) fn making(mut action: Action, outputs: &[(&str, OutputKind)]) -> Action {
    action.outputs = outputs.iter().map(|(name, kind)| (path(name), *kind)).collect();
    action
}
