//! The executor over a local store: looks results up, carries out what is missing,
//! keeps what was made. Unaware of order and of who asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Directory, Node, RelPath};
use wiz_cas::{IndexRecord, Store, StoreError, StoredResult, Use};
use wiz_graph::key::manifest::Manifest;
use wiz_graph::key::{self, Inputs, Key, Prepared};
use wiz_graph::{Action, ActionGraph, ActionId, ActionKind, Artifact, Run};
use wiz_recall::{Sight, Stamps};
use wiz_sandbox::Spec;
use wiz_scheduler::{BuildOutcome, Execution, Executor, FailureKind, Hit, Lookup, Probe, Setback};

use crate::audit::{Audit, Audits, Disagreement};
use crate::command::{Commands, host_setback};
use crate::failure::{failure, store_setback};
use crate::fetch::{FetchSettings, Fetcher, Request};
use crate::history::LocalHistory;
use crate::jobserver::Jobserver;
use crate::key_trees::{KeyTrees, key_setback};
use crate::layers::Layers;
use crate::native_action;
use crate::outputs;
use crate::sources::Sources;

/// Links are followed inside of an output as often as Linux does.
const MOST_LINKS: usize = 40;

/// What an executor is to know; nothing of it changes what is built.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder with WORKSPACE.star, absolute.
    pub workspace: PathBuf,
    /// The cache folder that the store was opened in, absolute.
    pub cache: PathBuf,
    /// Where the cache keeps what concerns this workspace.
    pub state: PathBuf,
    /// Takes stamps of the workspace's files before they are read.
    pub stamps: Arc<Stamps>,
    /// Processes that may run at once, for programs that share a jobserver; at least 1.
    pub jobs: usize,
    /// What commands may use unless their definitions say otherwise.
    pub limits: RunLimits,
    /// How sources are fetched.
    pub fetch: FetchSettings,
    /// Whether what a failed command left is kept for a look into it.
    pub keep_failed: bool,
    /// Where results are kept besides.
    pub remote: Option<Arc<dyn RemoteResults>>,
    /// Which of the results kept there are made here as well; none for none.
    pub audit: Option<Audit>,
}

/// Results that are kept elsewhere as well. Whatever goes wrong there costs time only.
pub trait RemoteResults: std::fmt::Debug + Send + Sync {
    /// The result of `key`, all of whose directories are then in the store; none if there is none.
    fn fetch(&self, key: &Digest) -> Option<StoredResult>;

    /// Brings blobs into the store, as far as they are to be had.
    fn bring(&self, digests: BTreeSet<Digest>);

    /// Takes a result with all its blobs, some time before the build ends. `messages` are those
    /// that `key` is digested from. An old one may be there already.
    fn publish(&self, key: &Digest, messages: Vec<Vec<u8>>, stored: &StoredResult, is_old: bool);
}

/// What a command may use unless its definition says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// How long it may take.
    pub wall: Duration,
    /// Memory of all its processes, in bytes; none for no limit.
    pub memory_bytes: Option<u64>,
    /// Processes that may exist at once; none for no limit.
    pub processes: Option<u32>,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { wall: Duration::from_secs(3600), memory_bytes: None, processes: Some(32_768) }
    }
}

impl RunLimits {
    pub(crate) fn of(&self, run: &Run) -> wiz_sandbox::Limits {
        wiz_sandbox::Limits {
            wall: Some(run.limits.seconds.map_or(self.wall, Duration::from_secs)),
            memory_bytes: run.limits.memory.or(self.memory_bytes),
            processes: self.processes,
        }
    }
}

/// Carries actions out on this machine. Made for one workspace and one build; once a
/// build was cancelled, it fetches nothing any more.
#[derive(Debug)]
pub struct LocalExecutor {
    store: Store,
    sources: Sources,
    commands: Commands,
    fetcher: Fetcher,
    history: LocalHistory,
    remote: Option<Arc<dyn RemoteResults>>,
    audits: Audits,
    /// Results that this build looked up or made, with the names of their actions.
    used: Mutex<BTreeMap<Digest, String>>,
}

impl LocalExecutor {
    /// An executor over `store`.
    ///
    /// # Errors
    /// If the workspace cannot be opened, or descriptors run out.
    pub fn new(store: Store, settings: Settings) -> io::Result<Self> {
        let state = settings.state;
        let fetcher = Fetcher::new(&store, &settings.cache, &settings.workspace, settings.fetch)?;
        Ok(Self {
            sources: Sources::open(&settings.workspace, &state, &store, settings.stamps)?,
            history: LocalHistory::new(state.join("history.json")),
            used: Mutex::default(),
            remote: settings.remote,
            audits: Audits::new(settings.audit),
            fetcher,
            commands: Commands {
                store: store.clone(),
                cache: settings.cache,
                limits: settings.limits,
                keep_failed: settings.keep_failed,
                jobserver: Jobserver::new(settings.jobs)?,
                layers: Layers::default(),
            },
            store,
        })
    }

    /// What is known of earlier builds of this workspace.
    #[must_use]
    pub fn history(&self) -> &LocalHistory {
        &self.history
    }

    /// Every file and folder of the workspace that actions of this build read.
    #[must_use]
    pub fn sights(&self) -> Vec<Sight> {
        self.sources.sights()
    }

    /// Results of others that came to something else here.
    #[must_use]
    pub fn disagreements(&self) -> Vec<Disagreement> {
        self.audits.disagreements()
    }

    /// Writes down what the next build can use, and that what this one used was used at `now`,
    /// in seconds since 1970; makes what was stored durable. To be called after a build,
    /// whatever came of it.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses; nothing but time is lost then.
    pub fn finish(&self, now: u64) -> Result<(), StoreError> {
        self.sources.save()?;
        self.note_uses(now)?;
        self.history.save().map_err(StoreError::io("write", self.history.file()))?;
        self.store.sync_batch()
    }

    /// Tells the store what this build used, all at once.
    fn note_uses(&self, now: u64) -> Result<(), StoreError> {
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        let record = |note| IndexRecord { used: now, bytes: 0, note };
        let uses: Vec<Use> = used.into_iter().map(|(key, name)| Use { key, record: record(name) }).collect();
        self.store.note_uses(&uses)
    }

    /// A result from elsewhere.
    fn fetch_result(&self, action: &Action, prepared: &Prepared) -> Option<StoredResult> {
        let remote = self.remote.as_ref().filter(|_| is_worth_a_journey(action))?;
        remote.fetch(&prepared.key.0)
    }

    /// Brings what is missing of nodes from elsewhere, if there is an elsewhere.
    fn bring<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) {
        let Some(remote) = &self.remote else { return };
        let missing: BTreeSet<Digest> =
            nodes.into_iter().flat_map(|node| self.store.missing_of(node)).collect();
        if !missing.is_empty() {
            remote.bring(missing);
        }
    }

    /// What `work` comes to, once more if a blob that it needs was elsewhere only.
    fn with_blobs<T>(&self, work: impl Fn() -> Result<T, Setback>) -> Result<T, Setback> {
        let mut brought = BTreeSet::new();
        loop {
            match (work(), &self.remote) {
                (Err(Setback::Lost { digest }), Some(remote)) if brought.insert(digest) => {
                    remote.bring(BTreeSet::from([digest]));
                }
                (done, _) => return done,
            }
        }
    }

    /// Hands a result on to elsewhere.
    fn publish(&self, action: &Action, prepared: &Prepared, stored: &StoredResult, is_old: bool) {
        let Some(remote) = self.remote.as_ref().filter(|_| is_worth_a_journey(action)) else { return };
        let messages = vec![prepared.action.encode(), prepared.command.encode()];
        remote.publish(&prepared.key.0, messages, stored, is_old);
        if let ActionKind::Fetch { sha256, .. } = &action.kind {
            let (key, message) = self.source_key(sha256);
            // What it was fetched as does not matter to who finds it by its digest.
            let stored = StoredResult { result: stored.result.clone(), manifest: Vec::new() };
            remote.publish(&key, vec![message], &stored, is_old);
        }
    }

    fn note_use(&self, key: &Key, action: &Action) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(key.0, action.lasting_name());
    }

    /// The sandbox of a command, all of whose inputs `outcome` has, with `arguments` to run
    /// there instead of the command. What it writes goes to `scratch`, an empty folder.
    ///
    /// # Errors
    /// [`Setback`] if an input is missing, or the action is no command.
    pub fn sandbox(
        &self,
        graph: &ActionGraph,
        id: ActionId,
        outcome: &BuildOutcome,
        scratch: &Path,
        arguments: Vec<String>,
    ) -> Result<Spec, Setback> {
        let action = graph.action(id);
        let ActionKind::Run(run) = &action.kind else {
            let text = format!("`{}` does not run in a sandbox", action.display_name());
            return Err(failure(FailureKind::User, "WIZ1053", &text).into());
        };
        let mut inputs = Inputs::new();
        for artifact in action.inputs() {
            inputs.insert(artifact, self.input(graph, artifact, outcome)?);
        }
        self.keep_sources(&inputs)?;
        let trees = KeyTrees::new(&self.store, &self.sources);
        let prepared = key::prepare(action, &inputs, wiz_sandbox::CLASS, &trees)
            .map_err(|error| key_setback(error, action))?;
        let execution = Execution {
            graph,
            id,
            prepared: &prepared,
            inputs: &inputs,
            cancel: &wiz_scheduler::CancelToken::new(),
            progress: &|_, _| {},
        };
        let plan = self.commands.plan(&execution, run)?.with_arguments(arguments);
        outputs::prepare(&scratch.join("out"), &action.outputs)
            .map_err(|error| host_setback("prepare the sandbox", error))?;
        plan.spec(&self.store, scratch, wiz_sandbox::Limits::default()).map_err(|error| store_setback(&error))
    }

    fn input(
        &self,
        graph: &ActionGraph,
        artifact: &Artifact,
        outcome: &BuildOutcome,
    ) -> Result<Node, Setback> {
        match artifact {
            Artifact::Source { path } => self.source_node(path),
            Artifact::Output { path, inner, .. } => {
                let result = graph.producer(artifact).and_then(|producer| outcome.result(producer));
                let missing =
                    || failure(FailureKind::Build, "WIZ1054", &format!("`{artifact}` is not built"));
                self.output_node(result.ok_or_else(missing)?, path, inner)
            }
        }
    }

    fn keep_sources(&self, inputs: &Inputs<'_>) -> Result<(), Setback> {
        for (artifact, node) in inputs {
            if let Artifact::Source { path } = artifact {
                self.sources.keep(path, node)?;
            }
        }
        Ok(())
    }

    fn carry_out(&self, execution: &Execution<'_>, action: &Action) -> Result<ActionResult, Setback> {
        match &action.kind {
            ActionKind::Run(run) => self.commands.execute(execution, run),
            ActionKind::Native(native) => {
                native_action::execute(&self.store, &self.sources, execution, native)
            }
            ActionKind::Write { text, executable } => self.write(action, text, *executable),
            ActionKind::Fetch { urls, sha256, size } => {
                let request = Request { urls, sha256, size: *size };
                self.fetch(execution, action, &request)
            }
        }
    }

    fn write(&self, action: &Action, text: &str, executable: bool) -> Result<ActionResult, Setback> {
        let digest = self.store.put_bytes(text.as_bytes()).map_err(|error| store_setback(&error))?;
        let output_root = self.single_output(action, Node::File { digest, executable })?;
        Ok(ActionResult { output_root, log: None, wall_ms: 0 })
    }

    /// What a source is found by elsewhere, wherever it came from, and the message that is
    /// digested to it.
    fn source_key(&self, sha256: &str) -> (Digest, Vec<u8>) {
        let message = format!("wiz-source-1\n{sha256}\n").into_bytes();
        (self.store.function().digest(&message), message)
    }

    /// A source that somebody else has fetched, from any place; its bytes are checked.
    fn shared_source(&self, sha256: &str) -> Option<Digest> {
        let remote = self.remote.as_ref()?;
        let result = remote.fetch(&self.source_key(sha256).0)?.result;
        self.bring([&Node::Directory(result.output_root)]);
        let files = self.store.walk(&result.output_root).filter_map(|entry| match entry {
            Ok((_, Node::File { digest, .. })) => Some(digest),
            _ => None,
        });
        let files: Vec<Digest> = files.collect();
        let [digest] = files[..] else { return None };
        self.fetcher.adopt(sha256, digest)
    }

    fn fetch(
        &self,
        execution: &Execution<'_>,
        action: &Action,
        request: &Request<'_>,
    ) -> Result<ActionResult, Setback> {
        let started = Instant::now();
        let known = self.fetcher.known(request.sha256)?;
        let digest = match known.or_else(|| self.shared_source(request.sha256)) {
            Some(digest) => digest,
            None => self.fetcher.fetch(request, execution.cancel, execution.progress)?,
        };
        let output_root = self.single_output(action, Node::File { digest, executable: false })?;
        let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(ActionResult { output_root, log: None, wall_ms })
    }

    /// The tree of an action that makes one file.
    fn single_output(&self, action: &Action, node: Node) -> Result<Digest, Setback> {
        let mut root = Node::Directory(Directory::new().digest(self.store.function()));
        if let Some(path) = action.outputs.keys().next() {
            root = node;
            for name in path.segments().collect::<Vec<_>>().into_iter().rev() {
                let mut directory = Directory::new();
                directory.insert(name, root).expect("a path consists of path segments");
                let digest = self.store.put_directory(directory).map_err(|error| store_setback(&error))?;
                root = Node::Directory(digest);
            }
        }
        match root {
            Node::Directory(digest) => Ok(digest),
            _ => Err(failure(FailureKind::Bug, "WIZ1062", &"an output has no name").into()),
        }
    }

    /// The key of an action and what goes into it.
    ///
    /// # Errors
    /// [`Setback`] if there can be no key.
    pub fn explain(&self, action: &Action, inputs: &Inputs<'_>) -> Result<(Key, Manifest), Setback> {
        let trees = KeyTrees::new(&self.store, &self.sources);
        let prepared = key::prepare(action, inputs, wiz_sandbox::CLASS, &trees)
            .map_err(|error| key_setback(error, action))?;
        Ok((prepared.key, self.manifest(action, inputs)?))
    }

    /// What goes into a key.
    fn manifest(&self, action: &Action, inputs: &Inputs<'_>) -> Result<Manifest, Setback> {
        let trees = KeyTrees::new(&self.store, &self.sources);
        let mut manifest = Manifest::of(action.lasting_name());
        key::walk(action, inputs, wiz_sandbox::CLASS, &trees, &mut manifest)
            .map_err(|error| key_setback(error, action))?;
        Ok(manifest)
    }

    /// What stands at `path` in a tree, links in it followed as far as they stay inside.
    fn follow(&self, root: &Digest, path: &RelPath) -> Result<Option<Node>, StoreError> {
        let mut place: Vec<String> = Vec::new();
        let mut pending: Vec<String> = path.as_str().rsplit('/').map(str::to_owned).collect();
        let mut links = 0;
        while let Some(segment) = pending.pop() {
            match segment.as_str() {
                "." | "" => continue,
                ".." => {
                    if place.pop().is_none() {
                        return Ok(None);
                    }
                    continue;
                }
                _ => place.push(segment),
            }
            let Ok(here) = RelPath::new(&place.join("/")) else { return Ok(None) };
            match self.store.subtree(root, &here)? {
                Some(Node::Symlink(target)) if links < MOST_LINKS && !target.starts_with('/') => {
                    links += 1;
                    place.pop();
                    pending.extend(target.rsplit('/').map(str::to_owned));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
        match RelPath::new(&place.join("/")) {
            Ok(here) => self.store.subtree(root, &here),
            Err(_) => Ok(None),
        }
    }
}

/// Whether a result is not made in less time than it takes to ask for it.
fn is_worth_a_journey(action: &Action) -> bool {
    !matches!(action.kind, ActionKind::Write { .. })
}

/// Whether an artifact is the output of an action.
fn is_made(artifact: &Artifact) -> bool {
    matches!(artifact, Artifact::Output { .. })
}

impl Executor for LocalExecutor {
    fn source_node(&self, path: &RelPath) -> Result<Node, Setback> {
        Ok(self.sources.node(path)?)
    }

    fn output_node(&self, result: &ActionResult, output: &RelPath, inner: &RelPath) -> Result<Node, Setback> {
        let path = output.join(inner);
        let node = self
            .with_blobs(|| self.follow(&result.output_root, &path).map_err(|error| store_setback(&error)))?;
        node.ok_or_else(|| {
            let text = format!("`{inner}` does not exist in the output `{output}`");
            failure(FailureKind::User, "WIZ1014", &text).into()
        })
    }

    fn probe(
        &self,
        graph: &ActionGraph,
        id: ActionId,
        inputs: &Inputs<'_>,
        lookup: Lookup,
    ) -> Result<Probe, Setback> {
        let action = graph.action(id);
        let trees = KeyTrees::new(&self.store, &self.sources);
        let prepared = self.with_blobs(|| {
            key::prepare(action, inputs, wiz_sandbox::CLASS, &trees)
                .map_err(|error| key_setback(error, action))
        })?;
        if lookup == Lookup::Believe
            && let Some(stored) = self.store.get_result(&prepared.key.0)
        {
            self.note_use(&prepared.key, action);
            self.publish(action, &prepared, &stored, true);
            return Ok(Probe::Hit(stored.result, Hit::Local));
        }
        if lookup == Lookup::Believe
            && let Some(stored) = self.fetch_result(action, &prepared)
        {
            let root = stored.result.output_root;
            let is_fetched = matches!(action.kind, ActionKind::Fetch { .. });
            if !is_fetched && self.audits.wants(&self.store, action, &prepared.key.0, root) {
                return Ok(Probe::Miss(Box::new(prepared)));
            }
            self.store.put_result(&prepared.key.0, &stored).map_err(|error| store_setback(&error))?;
            self.note_use(&prepared.key, action);
            return Ok(Probe::Hit(stored.result, Hit::Remote));
        }
        Ok(Probe::Miss(Box::new(prepared)))
    }

    fn execute(&self, execution: &Execution<'_>) -> Result<ActionResult, Setback> {
        let action = execution.graph.action(execution.id);
        self.keep_sources(execution.inputs)?;
        self.bring(execution.inputs.iter().filter(|(artifact, _)| is_made(artifact)).map(|(_, node)| node));
        let manifest = self.manifest(action, execution.inputs)?;
        let manifest =
            serde_json::to_vec(&manifest).map_err(|error| host_setback("write a manifest", error.into()))?;
        let result = self.carry_out(execution, action)?;
        let stored = StoredResult { result: result.clone(), manifest };
        self.store.put_result(&execution.prepared.key.0, &stored).map_err(|error| store_setback(&error))?;
        self.note_use(&execution.prepared.key, action);
        let key = &execution.prepared.key.0;
        if self.audits.agrees(&self.store, || action.lasting_name(), key, result.output_root) {
            self.publish(action, execution.prepared, &stored, false);
        }
        self.history.record(action, &result);
        Ok(result)
    }

    fn deliver(&self, _: &ActionGraph, _: ActionId, result: &ActionResult) -> Result<(), Setback> {
        self.bring([&Node::Directory(result.output_root)]);
        // The expanded tree can outlive the blobs it was made of.
        if !self.is_intact(result) {
            return Err(Setback::Lost { digest: result.output_root });
        }
        self.store.expand(&result.output_root).map(drop).map_err(|error| store_setback(&error))
    }

    fn is_intact(&self, result: &ActionResult) -> bool {
        self.store.walk(&result.output_root).all(|entry| match entry {
            Ok((_, Node::File { digest, .. })) => self.store.contains(&digest),
            Ok(_) => true,
            Err(_) => false,
        })
    }
}
