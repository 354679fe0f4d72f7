//! The stored graph as it is written: names once, numbers for them everywhere else.
//! Unaware of files.

use std::collections::BTreeMap;

use wiz_base::{PlatformName, RelPath, Span, TargetPattern};
use wiz_cas::Stamp;
use wiz_graph::memory::{Memory, RememberedModule, RememberedPackage, RememberedTarget, RememberedWalk};
use wiz_graph::{ConfiguredTarget, Fingerprint};

use crate::bodies::Place;
use crate::sight::Sight;
use crate::stored::{ActionName, BodiesFile, NewGraph, StoredAction, StoredResult, TargetActions};

/// A place in the table of paths.
type PathNumber = u32;
/// A place in the list of targets.
type TargetNumber = u32;

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Wire {
    pub(crate) program: Stamp,
    pub(crate) bodies: BodiesFile,
    function: String,
    shared: Option<String>,
    sights: Vec<Sight>,
    paths: Vec<RelPath>,
    platforms: Vec<PlatformName>,
    modules: Vec<(PathNumber, Vec<PathNumber>, Fingerprint)>,
    packages: Vec<WirePackage>,
    walks: Vec<(String, Vec<PathNumber>, Vec<PathNumber>)>,
    targets: Vec<WireTarget>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct WirePackage {
    folder: PathNumber,
    loads: Vec<PathNumber>,
    folders: Vec<PathNumber>,
    targets: Vec<String>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct WireTarget {
    package: PathNumber,
    name: String,
    platform: u32,
    definition: Fingerprint,
    rule: PathNumber,
    face: Fingerprint,
    span: Option<(PathNumber, [u32; 4])>,
    visibility: Option<Vec<String>>,
    dependencies: Vec<TargetNumber>,
    place: Place,
    actions: Vec<WireAction>,
    outputs: Vec<(TargetNumber, u32)>,
    tests: Vec<(TargetNumber, u32)>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct WireAction {
    result: Option<WireResult>,
    producers: Vec<(TargetNumber, u32)>,
    sources: Vec<PathNumber>,
}

/// A result with digests as bytes, which are half as long as text and need no parsing.
#[derive(serde::Serialize, serde::Deserialize)]
struct WireResult {
    output_root: ([u8; 32], u64),
    log: Option<([u8; 32], u64)>,
    wall_ms: u64,
}

/// What a [`Wire`] stands for.
pub(crate) struct Parts {
    pub(crate) function: String,
    pub(crate) shared: Option<String>,
    pub(crate) sights: Vec<Sight>,
    pub(crate) memory: Memory,
    pub(crate) actions: BTreeMap<ConfiguredTarget, TargetActions>,
    pub(crate) places: BTreeMap<ConfiguredTarget, Place>,
}

/// Gives numbers to paths and platforms as they come.
#[derive(Default)]
struct Numbers {
    paths: BTreeMap<RelPath, PathNumber>,
    in_order: Vec<RelPath>,
}

impl Numbers {
    fn path(&mut self, path: &RelPath) -> PathNumber {
        if let Some(number) = self.paths.get(path) {
            return *number;
        }
        let number = PathNumber::try_from(self.in_order.len()).expect("fewer paths than 2^32");
        self.in_order.push(path.clone());
        self.paths.insert(path.clone(), number);
        number
    }

    fn paths<'p>(&mut self, paths: impl IntoIterator<Item = &'p RelPath>) -> Vec<PathNumber> {
        paths.into_iter().map(|path| self.path(path)).collect()
    }
}

impl Wire {
    /// `None` if a target has no body.
    pub(crate) fn new(
        new: NewGraph<'_>,
        places: &BTreeMap<ConfiguredTarget, Place>,
        bodies: BodiesFile,
    ) -> Option<Self> {
        let mut numbers = Numbers::default();
        let memory = new.memory;
        let ids: BTreeMap<&ConfiguredTarget, TargetNumber> = memory.targets.keys().zip(0..).collect();
        let platforms: std::collections::BTreeSet<&PlatformName> =
            memory.targets.keys().map(|id| &id.platform).collect();
        let platforms: Vec<PlatformName> = platforms.into_iter().cloned().collect();
        let none = TargetActions::default();
        let mut targets = Vec::with_capacity(memory.targets.len());
        for (id, target) in &memory.targets {
            let actions = new.actions.get(id).unwrap_or(&none);
            let platform = u32::try_from(platforms.binary_search(&id.platform).ok()?).ok()?;
            let place = *places.get(id)?;
            targets.push(WireTarget::new(id, target, actions, &ids, &mut numbers)?.with(platform, place));
        }
        let modules = memory.modules.iter();
        let modules = modules
            .map(|(path, module)| (numbers.path(path), numbers.paths(&module.loads), module.tokens))
            .collect();
        let packages = memory.packages.iter().map(|(folder, package)| WirePackage {
            folder: numbers.path(folder),
            loads: numbers.paths(&package.loads),
            folders: numbers.paths(&package.folders),
            targets: package.targets.iter().cloned().collect(),
        });
        let packages = packages.collect();
        let walks = memory.walks.iter().map(|(pattern, walk)| {
            (pattern.to_string(), numbers.paths(&walk.folders), numbers.paths(&walk.packages))
        });
        Some(Self {
            program: new.program,
            bodies,
            function: new.function.to_owned(),
            shared: new.shared,
            sights: new.sights,
            platforms,
            modules,
            packages,
            walks: walks.collect(),
            targets,
            paths: numbers.in_order,
        })
    }

    /// What it stands for; `None` if a number stands for nothing.
    pub(crate) fn into_parts(self) -> Option<Parts> {
        let path = |number: &PathNumber| self.paths.get(*number as usize).cloned();
        let mut ids = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let label = wiz_base::Label::new(path(&target.package)?, &target.name).ok()?;
            let platform = self.platforms.get(target.platform as usize)?.clone();
            ids.push(ConfiguredTarget { label, platform });
        }
        let mut memory = self.memory()?;
        let (mut actions, mut places, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for (target, id) in self.targets.into_iter().zip(&ids) {
            places.push((id.clone(), target.place));
            let (remembered, own) = target.into_stored(&ids, &self.paths)?;
            actions.push((id.clone(), own));
            targets.push((id.clone(), remembered));
        }
        memory.targets = targets.into_iter().collect();
        Some(Parts {
            function: self.function,
            shared: self.shared,
            sights: self.sights,
            memory,
            actions: actions.into_iter().collect(),
            places: places.into_iter().collect(),
        })
    }

    /// What is remembered, without the targets.
    fn memory(&self) -> Option<Memory> {
        let path = |number: &PathNumber| self.paths.get(*number as usize).cloned();
        let mut memory = Memory::default();
        for (place, loads, tokens) in &self.modules {
            let loads = loads.iter().map(path).collect::<Option<_>>()?;
            memory.modules.insert(path(place)?, RememberedModule { loads, tokens: *tokens });
        }
        for package in &self.packages {
            let remembered = RememberedPackage {
                loads: package.loads.iter().map(path).collect::<Option<_>>()?,
                folders: package.folders.iter().map(path).collect::<Option<_>>()?,
                targets: package.targets.iter().cloned().collect(),
            };
            memory.packages.insert(path(&package.folder)?, remembered);
        }
        for (pattern, folders, packages) in &self.walks {
            let (folders, packages) = (
                folders.iter().map(path).collect::<Option<_>>()?,
                packages.iter().map(path).collect::<Option<_>>()?,
            );
            memory.walks.insert(TargetPattern::parse(pattern).ok()?, RememberedWalk { folders, packages });
        }
        Some(memory)
    }
}

impl WireTarget {
    /// `None` if it depends on a target that is not remembered.
    fn new(
        id: &ConfiguredTarget,
        target: &RememberedTarget,
        actions: &TargetActions,
        ids: &BTreeMap<&ConfiguredTarget, TargetNumber>,
        numbers: &mut Numbers,
    ) -> Option<Self> {
        let patterns = target.visibility.as_ref();
        let dependencies = target.dependencies.iter().map(|id| ids.get(id).copied());
        Some(Self {
            package: numbers.path(id.label.package()),
            name: id.label.name().to_owned(),
            platform: 0,
            definition: target.definition,
            rule: numbers.path(&target.rule),
            face: target.face,
            span: target.span.as_ref().map(|span| {
                (numbers.path(&span.file), [span.line, span.column, span.end_line, span.end_column])
            }),
            visibility: patterns.map(|patterns| patterns.iter().map(ToString::to_string).collect()),
            dependencies: dependencies.collect::<Option<_>>()?,
            place: Place::default(),
            actions: actions.actions.iter().map(|action| action.wire(ids, numbers)).collect(),
            outputs: names_out(&actions.outputs, ids).unwrap_or_default(),
            tests: names_out(&actions.tests, ids).unwrap_or_default(),
        })
    }

    fn with(self, platform: u32, place: Place) -> Self {
        Self { platform, place, ..self }
    }

    fn into_stored(
        self,
        ids: &[ConfiguredTarget],
        paths: &[RelPath],
    ) -> Option<(RememberedTarget, TargetActions)> {
        let actions = self.actions.into_iter().map(|action| action.into_stored(ids, paths));
        let actions = TargetActions {
            actions: actions.collect::<Option<_>>()?,
            outputs: names_in(&self.outputs, ids)?,
            tests: names_in(&self.tests, ids)?,
        };
        let span = match self.span {
            None => None,
            Some((file, [line, column, end_line, end_column])) => {
                let file = paths.get(file as usize)?.clone();
                Some(Span { file, line, column, end_line, end_column })
            }
        };
        let visibility = match self.visibility {
            None => None,
            Some(patterns) => Some(
                patterns.iter().map(|pattern| TargetPattern::parse(pattern).ok()).collect::<Option<_>>()?,
            ),
        };
        let dependencies = self.dependencies.iter().map(|number| ids.get(*number as usize).cloned());
        let remembered = RememberedTarget {
            definition: self.definition,
            rule: paths.get(self.rule as usize)?.clone(),
            face: self.face,
            span,
            visibility,
            dependencies: dependencies.collect::<Option<_>>()?,
        };
        Some((remembered, actions))
    }
}

impl StoredAction {
    /// An action that reads from a target that is gone has no result any more.
    fn wire(&self, ids: &BTreeMap<&ConfiguredTarget, TargetNumber>, numbers: &mut Numbers) -> WireAction {
        let producers = names_out(&self.producers, ids);
        let result = self.result.as_ref().filter(|_| producers.is_some()).map(|result| WireResult {
            output_root: (*result.output_root.hash(), result.output_root.size()),
            log: result.log.map(|log| (*log.hash(), log.size())),
            wall_ms: result.wall_ms,
        });
        let sources = numbers.paths(&self.sources);
        WireAction { result, producers: producers.unwrap_or_default(), sources }
    }
}

impl WireAction {
    fn into_stored(self, ids: &[ConfiguredTarget], paths: &[RelPath]) -> Option<StoredAction> {
        let digest = |(hash, size): ([u8; 32], u64)| wiz_base::Digest::new(hash, size);
        let result = self.result.map(|result| StoredResult {
            output_root: digest(result.output_root),
            log: result.log.map(digest),
            wall_ms: result.wall_ms,
        });
        let producers = names_in(&self.producers, ids)?;
        let sources = self.sources.iter().map(|number| paths.get(*number as usize).cloned());
        Some(StoredAction { result, producers, sources: sources.collect::<Option<_>>()? })
    }
}

fn names_out(
    names: &[ActionName],
    ids: &BTreeMap<&ConfiguredTarget, TargetNumber>,
) -> Option<Vec<(TargetNumber, u32)>> {
    names.iter().map(|name| Some((*ids.get(&name.target)?, name.place))).collect()
}

fn names_in(names: &[(TargetNumber, u32)], ids: &[ConfiguredTarget]) -> Option<Vec<ActionName>> {
    let name = |(target, place): &(TargetNumber, u32)| {
        Some(ActionName { target: ids.get(*target as usize)?.clone(), place: *place })
    };
    names.iter().map(name).collect()
}
