//! One workspace with its cache: what every command that builds or asks starts from.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use wiz_base::reapi::ActionResult;
use wiz_base::{
    Diagnostic, DigestFunction, Label, Node, Platform, PlatformName, RelPath, Severity, TargetPattern,
};
use wiz_cas::{Store, StoreOptions};
use wiz_exec::{LocalExecutor, RemoteResults, RunLimits, Settings};
use wiz_graph::memory::Memory;
use wiz_graph::{ActionGraph, ActionId, AnalyzedTarget, Artifact, ConfiguredTarget, Value};
use wiz_recall::{ActionName, ReceiptTarget, Sight};
use wiz_remote::Endpoint;
use wiz_scheduler::{BuildOutcome, Options, Parties};
use wiz_star::{Observation, Workspace, analyze, load_workspace};

use crate::arguments::BuildOptions;
use crate::config::{Config, Size, seconds_since_1970, total_memory};
use crate::error::{CliError, Kind, Source};
use crate::interrupt::cancelled_by_signal;
use crate::output;
use crate::progress::{Placed, Progress, Stopwatch};
use crate::session::again::Before;
use crate::session::deliver::DeliveredTarget;
pub(crate) use crate::session::remote::endpoint;
use crate::session::remote::{REMOTE_LOOKUPS, Remote};
use crate::session::watched::Watched;

mod again;
pub(crate) mod deliver;
mod enter;
pub(crate) mod evidence;
pub(crate) mod explain;
mod fetching;
mod folders;
mod logs;
mod look;
pub(crate) mod policy;
pub(crate) mod rebuild;
pub(crate) mod receipt;
mod remote;
pub(crate) mod repository;
pub(crate) mod signing;
mod watched;

/// An opened workspace.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    config: &'a Config,
    root: PathBuf,
    workspace: Workspace,
    sources: Watched,
    platform: PlatformName,
    jobs: usize,
    keep_going: bool,
    offline: bool,
    distdirs: Vec<PathBuf>,
    signing_key: Option<PathBuf>,
    remote_cache: Option<Endpoint>,
}

/// What analysis found, as a graph.
#[derive(Debug)]
pub(crate) struct Built {
    /// All analysed targets, or those that have to be looked at.
    pub(crate) targets: BTreeMap<ConfiguredTarget, Arc<AnalyzedTarget>>,
    requested: Vec<ConfiguredTarget>,
    /// Every file and folder that definitions were read from.
    files: BTreeMap<RelPath, Observation>,
    /// What the next analysis can use.
    memory: Memory,
    /// Their actions.
    pub(crate) graph: ActionGraph,
    /// The actions' names, by place in the graph.
    names: Vec<ActionName>,
    /// Results that are known from an earlier build.
    settled: BTreeMap<ActionId, ActionResult>,
    /// How many actions are left out because their results are known.
    omitted: usize,
    /// Requested targets whose outputs stand as an earlier build linked them.
    reused: BTreeMap<ConfiguredTarget, ReceiptTarget>,
    /// Targets that came to something else than stored.
    fresh: BTreeSet<ConfiguredTarget>,
    /// What an earlier build left, if this goes on from it.
    before: Option<Before>,
}

impl Built {
    /// The targets that were asked for and have to be looked at, in order.
    pub(crate) fn requested(&self) -> impl Iterator<Item = &AnalyzedTarget> {
        let looked_at = self.requested.iter().filter(|id| !self.reused.contains_key(id));
        looked_at.filter_map(|id| Some(&**self.targets.get(id)?))
    }

    /// Whether outputs of an earlier build are taken as they stand.
    pub(crate) fn stands(&self) -> bool {
        !self.reused.is_empty()
    }

    /// Everything that was asked for, in order: what was delivered now, and what stands.
    pub(crate) fn complete(&mut self, delivered: Vec<DeliveredTarget>) -> Vec<DeliveredTarget> {
        if self.reused.is_empty() {
            return delivered;
        }
        let mut by_label: BTreeMap<String, DeliveredTarget> =
            delivered.into_iter().map(|target| (target.label.clone(), target)).collect();
        let mut all = Vec::new();
        for id in &self.requested {
            match self.reused.remove(id) {
                Some(target) => all.push(target.into()),
                None => all.extend(by_label.remove(&id.label.to_string())),
            }
        }
        all
    }
}

impl<'a> Session<'a> {
    /// Opens the workspace the user stands in, to build.
    ///
    /// # Errors
    /// If there is none, or WORKSPACE.star is wrong.
    pub(crate) fn open(config: &'a Config, options: &BuildOptions) -> Result<Self, CliError> {
        let mut session = Self::open_to_read(config, options.platform.as_deref())?;
        if let Some(jobs) = options.jobs {
            session.jobs = jobs.get();
        }
        session.keep_going = options.keep_going;
        session.offline = options.offline;
        session.signing_key = config.signing_key(options);
        let said = config.remote_cache(options).map(str::to_owned);
        session.remote_cache = endpoint(said.or(session.named_remote()?.cache))?;
        let given = options.distdir.iter().chain(&config.file.distdirs);
        session.distdirs = given.map(|folder| config.directory.join(folder)).collect();
        Ok(session)
    }

    /// Opens the workspace the user stands in, to ask.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub(crate) fn open_to_read(config: &'a Config, platform: Option<&str>) -> Result<Self, CliError> {
        let root = config.require_workspace()?;
        let sources = Watched::open(config, &root)?;
        let workspace = load_workspace(&sources, &host()).map_err(CliError::definitions)?;
        let platform = match platform {
            None => workspace.default_platform.clone(),
            Some(name) => PlatformName::new(name).map_err(|error| {
                CliError::new(Kind::User, "WIZ2041", error.to_string())
                    .hint("WORKSPACE.star declares the platforms there are")
            })?,
        };
        Ok(Self {
            jobs: config.default_jobs(),
            config,
            root,
            workspace,
            sources,
            platform,
            keep_going: false,
            offline: false,
            distdirs: Vec::new(),
            signing_key: config.signing_key.clone(),
            remote_cache: None,
        })
    }

    /// Analyses what patterns name, from nothing.
    ///
    /// # Errors
    /// If definitions are wrong, with every fault.
    pub(crate) fn analyse(&self, patterns: &[TargetPattern]) -> Result<Built, CliError> {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let analysis = analyze(&self.sources, &self.workspace, patterns, &self.platform, threads);
        if !analysis.is_sound() {
            return Err(CliError::definitions(analysis.diagnostics));
        }
        self.warn(&analysis.diagnostics);
        let (mut actions, mut names) = (Vec::new(), Vec::new());
        for (id, target) in &analysis.targets {
            actions.extend(target.actions.iter().cloned());
            let name = |place| ActionName { target: id.clone(), place };
            names.extend((0..).map(name).take(target.actions.len()));
        }
        let graph = ActionGraph::build(actions)
            .map_err(|error| CliError::new(Kind::User, "WIZ2042", error.to_string()))?;
        Ok(Built {
            fresh: analysis.targets.keys().cloned().collect(),
            targets: analysis.targets.into_iter().map(|(id, target)| (id, Arc::new(target))).collect(),
            requested: analysis.requested,
            files: analysis.files,
            memory: analysis.memory,
            graph,
            names,
            settled: BTreeMap::new(),
            omitted: 0,
            reused: BTreeMap::new(),
            before: None,
        })
    }

    /// Shows what is no reason to stop.
    fn warn(&self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics.iter().filter(|found| found.severity == Severity::Warning) {
            let source = Source::Workspace(&self.root);
            output::note(crate::error::render(diagnostic, source, self.config.style).trim_end());
        }
    }
}

/// The targets that test a target.
pub(crate) fn tests_of(target: &AnalyzedTarget) -> Vec<Label> {
    match target.provider("TestInfo").and_then(|tests| tests.fields.get("labels")) {
        Some(Value::List(tests)) => tests.iter().filter_map(label).collect(),
        _ => Vec::new(),
    }
}

fn label(value: &Value) -> Option<Label> {
    match value {
        Value::Label(label) => Some(label.clone()),
        _ => None,
    }
}

impl Session<'_> {
    /// Where the cache keeps what concerns this workspace.
    fn state(&self) -> PathBuf {
        wiz_recall::state_folder(&self.config.cache, &self.root)
    }

    /// The function all digests of this workspace are made with.
    pub(crate) fn digest_function(&self) -> DigestFunction {
        self.workspace.digest_function
    }

    /// The name that WORKSPACE.star gives the workspace.
    pub(crate) fn workspace_name(&self) -> &str {
        &self.workspace.name
    }

    /// A label as a target of this session's platform.
    ///
    /// # Errors
    /// If it is not a label.
    pub(crate) fn target(&self, label: &str) -> Result<ConfiguredTarget, CliError> {
        let label = Label::parse(label, &RelPath::root()).map_err(|error| {
            CliError::new(Kind::User, "WIZ2022", error.to_string()).hint("labels look like `//images:base`")
        })?;
        Ok(ConfiguredTarget { label, platform: self.platform.clone() })
    }

    /// Brings actions up to date.
    ///
    /// # Errors
    /// If the build cannot begin; failed actions are part of the outcome.
    pub(crate) fn build(
        &self,
        built: &Built,
        roots: &BTreeSet<ActionId>,
        progress: &Progress,
        clock: &Stopwatch,
    ) -> Result<Work, CliError> {
        let (store, executor, remote) = self.executor_with_remote()?;
        let lookups = if remote.is_some() { REMOTE_LOOKUPS } else { self.jobs };
        let outcome = self.carry_out(built, roots, &executor, lookups, progress, clock)?;
        let shared = remote.and_then(|remote| remote.finish(self, &executor.disagreements()));
        // What cannot be written down now is found out again by the next build.
        if let Err(error) = executor.finish(seconds_since_1970())
            && outcome.counts.failed == 0
        {
            let mut notes = store_error(&error).diagnostics;
            notes.iter_mut().for_each(|note| note.severity = Severity::Warning);
            self.warn(&notes);
        }
        let sights = executor.sights();
        if outcome.counts.executed > 0 {
            self.keep_to_budget(&store);
        }
        Ok(Work { store, outcome, sights, shared })
    }

    /// Has the scheduler bring actions up to date by this executor.
    fn carry_out(
        &self,
        built: &Built,
        roots: &BTreeSet<ActionId>,
        executor: &LocalExecutor,
        lookups: usize,
        progress: &Progress,
        clock: &Stopwatch,
    ) -> Result<BuildOutcome, CliError> {
        let cancel = cancelled_by_signal()?;
        let options = Options {
            jobs: self.jobs,
            lookups,
            memory: total_memory(),
            keep_going: self.keep_going,
            settled: built.settled.clone(),
            omitted: built.omitted,
            ..Options::default()
        };
        let roots: Vec<ActionId> = roots.iter().copied().collect();
        let history = executor.history();
        let events = Placed { progress, targets: &built.targets };
        let parties = Parties { executor, events: &events, clock, history, cancel: &cancel };
        let (done, finished) = std::sync::mpsc::channel();
        Ok(std::thread::scope(|scope| {
            scope.spawn(|| progress.draw_until(finished));
            let outcome = wiz_scheduler::build(&built.graph, &roots, &parties, &options);
            drop(done);
            outcome
        }))
    }

    /// Drops what was used longest ago if the cache has outgrown its budget. What this build
    /// used is on its lease, so it stays.
    fn keep_to_budget(&self, store: &Store) {
        let Some(Size(budget)) = self.config.file.cache.budget else { return };
        if let Err(error) = store.collect(budget, &mut |_| {}) {
            let mut notes = store_error(&error).diagnostics;
            notes.iter_mut().for_each(|note| note.severity = Severity::Warning);
            self.warn(&notes);
        }
    }

    /// An executor over this session's store.
    fn executor(&self) -> Result<(Store, LocalExecutor), CliError> {
        let store = self.store()?;
        let executor = self.executor_over(&store, None)?;
        Ok((store, executor))
    }

    /// An executor over this session's store, which shares results with the remote cache if one
    /// is named and can be reached.
    fn executor_with_remote(&self) -> Result<(Store, LocalExecutor, Option<Arc<Remote>>), CliError> {
        let store = self.store()?;
        let remote = Remote::connect(self, &store)?.map(Arc::new);
        let results = remote.clone().map(|remote| remote as Arc<dyn RemoteResults>);
        let executor = self.executor_over(&store, results)?;
        Ok((store, executor, remote))
    }

    fn store(&self) -> Result<Store, CliError> {
        Store::open(&self.config.cache, self.digest_function(), &StoreOptions::default())
            .map_err(|error| store_error(&error))
    }

    fn executor_over(
        &self,
        store: &Store,
        remote: Option<Arc<dyn RemoteResults>>,
    ) -> Result<LocalExecutor, CliError> {
        let settings = Settings {
            workspace: self.root.clone(),
            cache: self.config.cache.clone(),
            state: self.state(),
            stamps: self.sources.stamps(),
            jobs: self.jobs,
            limits: RunLimits::default(),
            fetch: self.fetch_settings(),
            keep_failed: true,
            remote,
            audit: self.config.remote_audit(),
        };
        executor_with(store, settings)
    }
}

/// An executor over a store.
fn executor_with(store: &Store, settings: Settings) -> Result<LocalExecutor, CliError> {
    LocalExecutor::new(store.clone(), settings).map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2044", format!("the build cannot begin: {error}"))
            .hint("`wiz doctor` checks what this machine has to offer")
    })
}

/// What a build left behind.
#[derive(Debug)]
pub(crate) struct Work {
    /// Where results are.
    pub(crate) store: Store,
    /// What became of each action.
    pub(crate) outcome: BuildOutcome,
    /// What the actions read of the workspace.
    sights: Vec<Sight>,
    /// The address of the remote cache that has all that was made or found.
    shared: Option<String>,
}

impl Work {
    /// The bytes of a file that was made.
    ///
    /// # Errors
    /// If it was not, or the store has lost it since.
    pub(crate) fn read(&self, built: &Built, artifact: &Artifact) -> Result<Vec<u8>, CliError> {
        let result = built.graph.producer(artifact).and_then(|id| self.outcome.result(id));
        let node = match (artifact, result) {
            (Artifact::Output { path, .. }, Some(result)) => {
                self.store.subtree(&result.output_root, path).map_err(|error| store_error(&error))?
            }
            _ => None,
        };
        match node {
            Some(Node::File { digest, .. }) => self.store.read(&digest).map_err(|error| store_error(&error)),
            _ => {
                let message = format!("`{artifact}` is not a file that the build made");
                Err(CliError::new(Kind::User, "WIZ2047", message))
            }
        }
    }
}

/// A refusal of the store.
pub(crate) fn store_error(error: &wiz_cas::StoreError) -> CliError {
    CliError::of(Kind::Surroundings, "WIZ2010", error)
}

/// What this machine is, for workspaces that do not say.
fn host() -> Platform {
    let cpu = std::env::consts::ARCH;
    Platform {
        name: PlatformName::new(cpu).expect("an architecture's name has letters, digits and `_`"),
        os: std::env::consts::OS.to_owned(),
        cpu: cpu.to_owned(),
    }
}
