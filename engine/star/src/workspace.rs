//! WORKSPACE.star: what holds for all of a workspace. Unaware of what it defines.

use std::cell::RefCell;
use std::collections::BTreeMap;

use starlark::collections::SmallMap;
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value;
use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::none::NoneType;
use starlark::values::structs::{AllocStruct, StructRef};
use wiz_base::{Diagnostic, DigestFunction, Label, Platform, PlatformName, RelPath, Span};
use wiz_graph::Value as Data;

use crate::codes;
use crate::evaluate;
use crate::globals;
use crate::parse::{self, FileKind};
use crate::refusal::Refusal;
use crate::report::Site;
use crate::scope::{Scope, ScopeKind};
use crate::sources::Sources;
use crate::store;
use crate::suggest::did_you_mean;

/// The name of the file that makes a folder a workspace.
pub const WORKSPACE_FILE: &str = "WORKSPACE.star";

/// Fields that are kept as they are for those who read them.
const OTHER_FIELDS: [&str; 3] = ["cache", "remote", "signing"];

const FIELDS: [&str; 8] = [
    "name",
    "digest_function",
    "platforms",
    "default_platform",
    "execution_platform",
    "toolchains",
    "mirrors",
    "prelude",
];

/// What WORKSPACE.star says.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// The workspace's name.
    pub name: String,
    /// The function all its digests are made with.
    pub digest_function: DigestFunction,
    /// What targets can be built for; never empty.
    pub platforms: BTreeMap<PlatformName, Platform>,
    /// What they are built for unless something else is asked.
    pub default_platform: PlatformName,
    /// What actions run on.
    pub execution_platform: PlatformName,
    /// Toolchain type to platform to target.
    pub toolchains: BTreeMap<String, BTreeMap<PlatformName, Label>>,
    /// Mirrors of sources: scheme or host to base URLs, in order of preference.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// Files whose public names every BUILD.star has.
    pub prelude: Vec<RelPath>,
    /// Fields that the loader does not interpret: `cache`, `remote`, `signing`.
    pub other: BTreeMap<String, Data>,
}

impl Workspace {
    /// The execution platform with its properties.
    #[must_use]
    pub fn execution(&self) -> &Platform {
        &self.platforms[&self.execution_platform]
    }

    /// The target that is a toolchain of that type for that platform.
    #[must_use]
    pub fn toolchain(&self, name: &str, platform: &PlatformName) -> Option<&Label> {
        self.toolchains.get(name)?.get(platform)
    }

    /// Whether a `select()` may have that condition.
    pub(crate) fn is_condition(&self, condition: &str) -> bool {
        condition == "DEFAULT"
            || condition.starts_with("cpu:")
            || condition.starts_with("os:")
            || PlatformName::new(condition).is_ok_and(|name| self.platforms.contains_key(&name))
    }
}

/// Reads WORKSPACE.star. `host` is what platforms are when it names none.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load_workspace(sources: &dyn Sources, host: &Platform) -> Result<Workspace, Vec<Diagnostic>> {
    let file = RelPath::new(WORKSPACE_FILE).expect("a file name is a path");
    let missing = |message: String| Diagnostic::error(codes::WORKSPACE_MISSING, message);
    let text = match sources.read(&file) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let hint = format!("create {WORKSPACE_FILE} with `workspace(name = \"...\")`");
            return Err(vec![missing(format!("there is no {WORKSPACE_FILE}")).hint(hint)]);
        }
        Err(error) => return Err(vec![missing(format!("cannot read {WORKSPACE_FILE}: {error}"))]),
    };
    let parsed = parse::parse(&file, text, FileKind::Workspace)?;
    let kind = ScopeKind::Workspace(WorkspaceScope { host: host.clone(), called: RefCell::default() });
    let scope = Scope::new(file.clone(), kind);
    let (_, scope) = evaluate::definitions(parsed, globals::workspace(), scope, Vec::new(), &[]);
    let diagnostics = scope.diagnostics.into_inner();
    if diagnostics.iter().any(|found| found.severity == wiz_base::Severity::Error) {
        return Err(diagnostics);
    }
    match scope.kind {
        ScopeKind::Workspace(WorkspaceScope { called, .. }) => called.into_inner().ok_or_else(|| {
            let message = format!("{WORKSPACE_FILE} does not call `workspace()`");
            vec![missing(message).at(Span::start_of(file)).hint("add `workspace(name = \"...\")`")]
        }),
        _ => unreachable!("the scope is the one made above"),
    }
}

/// WORKSPACE.star while it is evaluated.
pub(crate) struct WorkspaceScope {
    host: Platform,
    called: RefCell<Option<Workspace>>,
}

#[starlark_module]
pub(crate) fn functions(builder: &mut GlobalsBuilder) {
    /// Says what holds for all of the workspace.
    fn workspace<'v>(
        #[starlark(kwargs)] fields: SmallMap<String, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let scope = Scope::of(eval);
        let ScopeKind::Workspace(state) = &scope.kind else {
            return Err(Refusal::new(
                codes::MISPLACED,
                format!("`workspace` works in {WORKSPACE_FILE} only"),
            )
            .into());
        };
        if state.called.borrow().is_some() {
            return Err(Refusal::new(codes::WORKSPACE_MISSING, "`workspace()` is called twice").into());
        }
        let mut reading = Reading { fields: &fields, refusals: Vec::new() };
        let workspace = reading.workspace(&state.host);
        let site = Site::of(eval);
        let found = reading.refusals.iter().map(|refusal| site.diagnose(refusal));
        scope.diagnostics.borrow_mut().extend(found);
        *state.called.borrow_mut() = Some(workspace);
        Ok(NoneType)
    }

    /// A platform: operating system and instruction set.
    fn platform<'v>(
        #[starlark(require = named)] os: &str,
        #[starlark(require = named)] cpu: &str,
    ) -> starlark::Result<AllocStruct<[(&'static str, String); 2]>> {
        Ok(AllocStruct([("os", os.to_owned()), ("cpu", cpu.to_owned())]))
    }
}

/// The arguments of `workspace()` and what is wrong with them.
struct Reading<'r, 'v> {
    fields: &'r SmallMap<String, Value<'v>>,
    refusals: Vec<Refusal>,
}

impl<'v> Reading<'_, 'v> {
    fn workspace(&mut self, host: &Platform) -> Workspace {
        self.check_names();
        let platforms = self.platforms(host);
        let first = platforms.keys().next().cloned().unwrap_or_else(|| host.name.clone());
        let preferred = if platforms.contains_key(&host.name) { host.name.clone() } else { first };
        let default_platform =
            self.platform("default_platform", &platforms).unwrap_or_else(|| preferred.clone());
        let execution_platform = self.platform("execution_platform", &platforms).unwrap_or(preferred);
        Workspace {
            name: self.name(),
            digest_function: self.digest_function(),
            toolchains: self.toolchains(&platforms),
            platforms,
            default_platform,
            execution_platform,
            mirrors: self.mirrors(),
            prelude: self.prelude(),
            other: self.other(),
        }
    }

    fn refuse(&mut self, field: &str, message: String) {
        let refusal = Refusal::new(codes::WORKSPACE_FIELD, format!("`{field}`: {message}"));
        self.refusals.push(refusal.focus(format!("{field} =")));
    }

    fn check_names(&mut self) {
        for (name, _) in self.fields {
            let known = FIELDS.iter().chain(&OTHER_FIELDS).copied();
            if !known.clone().any(|known| known == name) {
                let message = format!("`workspace()` has no field `{name}`");
                let refusal = Refusal::new(codes::WORKSPACE_FIELD, message).focus(format!("{name} "));
                self.refusals.push(refusal.maybe_hint(did_you_mean(name, known)));
            }
        }
    }

    fn text(&mut self, field: &str) -> Option<&'v str> {
        let value = *self.fields.get(field)?;
        let text = value.unpack_str();
        if text.is_none() {
            self.refuse(field, format!("expected text, got `{}`", value.get_type()));
        }
        text
    }

    fn entries(&mut self, field: &str) -> Vec<(String, Value<'v>)> {
        let Some(value) = self.fields.get(field).copied() else { return Vec::new() };
        let entries = entries(value);
        if entries.is_none() {
            self.refuse(field, format!("expected a dict with text keys, got `{}`", value.get_type()));
        }
        entries.unwrap_or_default()
    }

    fn name(&mut self) -> String {
        match self.text("name") {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => {
                self.refuse("name", "a workspace has a name".to_owned());
                String::new()
            }
        }
    }

    fn digest_function(&mut self) -> DigestFunction {
        let Some(name) = self.text("digest_function") else { return DigestFunction::default() };
        DigestFunction::from_name(name).unwrap_or_else(|| {
            self.refuse("digest_function", format!("`blake3` or `sha256`, got `{name}`"));
            DigestFunction::default()
        })
    }

    fn platforms(&mut self, host: &Platform) -> BTreeMap<PlatformName, Platform> {
        let mut platforms = BTreeMap::new();
        for (name, value) in self.entries("platforms") {
            let part = |part: &str| {
                let fields = StructRef::from_value(value)?;
                let (_, value) = fields.iter().find(|(name, _)| name.as_str() == part)?;
                value.unpack_str().map(str::to_owned)
            };
            match (PlatformName::new(&name), part("os"), part("cpu")) {
                (Ok(name), Some(os), Some(cpu)) => {
                    platforms.insert(name.clone(), Platform { name, os, cpu });
                }
                (Err(error), ..) => self.refuse("platforms", error.to_string()),
                _ => self.refuse("platforms", format!("`{name}` is no `platform(os = ..., cpu = ...)`")),
            }
        }
        if platforms.is_empty() {
            platforms.insert(host.name.clone(), host.clone());
        }
        platforms
    }

    fn platform(
        &mut self,
        field: &str,
        platforms: &BTreeMap<PlatformName, Platform>,
    ) -> Option<PlatformName> {
        let text = self.text(field)?;
        let name = PlatformName::new(text).ok().filter(|name| platforms.contains_key(name));
        if name.is_none() {
            let names: Vec<_> = platforms.keys().map(PlatformName::as_str).collect();
            self.refuse(field, format!("`{text}` is none of the platforms, which are {}", names.join(", ")));
        }
        name
    }

    fn toolchains(
        &mut self,
        platforms: &BTreeMap<PlatformName, Platform>,
    ) -> BTreeMap<String, BTreeMap<PlatformName, Label>> {
        let mut toolchains = BTreeMap::new();
        for (kind, value) in self.entries("toolchains") {
            let mut by_platform = BTreeMap::new();
            for (name, label) in entries(value).unwrap_or_default() {
                let known = PlatformName::new(&name).ok().filter(|name| platforms.contains_key(name));
                let label = label.unpack_str().map(|text| Label::parse(text, &RelPath::root()));
                match (known, label) {
                    (Some(name), Some(Ok(label))) => {
                        by_platform.insert(name, label);
                    }
                    (None, _) => self.refuse("toolchains", format!("`{name}` is none of the platforms")),
                    (_, Some(Err(error))) => self.refuse("toolchains", error.to_string()),
                    (_, None) => self.refuse("toolchains", format!("`{kind}` maps platforms to labels")),
                }
            }
            toolchains.insert(kind, by_platform);
        }
        toolchains
    }

    fn mirrors(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut mirrors = BTreeMap::new();
        for (name, value) in self.entries("mirrors") {
            match texts(value) {
                Some(urls) => drop(mirrors.insert(name, urls)),
                None => self.refuse("mirrors", format!("`{name}` maps to a list of URLs")),
            }
        }
        mirrors
    }

    fn prelude(&mut self) -> Vec<RelPath> {
        let Some(value) = self.fields.get("prelude").copied() else { return Vec::new() };
        let Some(files) = texts(value) else {
            self.refuse("prelude", format!("expected a list of files, got `{}`", value.get_type()));
            return Vec::new();
        };
        let mut paths = Vec::new();
        for file in files {
            match parse::module_path(&file, &RelPath::root()) {
                Ok(path) => paths.push(path),
                Err(refusal) => self.refusals.push(refusal.focus(format!("{file:?}"))),
            }
        }
        paths
    }

    fn other(&mut self) -> BTreeMap<String, Data> {
        let mut other = BTreeMap::new();
        for name in OTHER_FIELDS {
            match self.fields.get(name).map(|value| store::to_data(*value)) {
                Some(Ok(data)) => drop(other.insert(name.to_owned(), data)),
                Some(Err(refusal)) => self.refuse(name, refusal.message),
                None => {}
            }
        }
        other
    }
}

fn entries(value: Value<'_>) -> Option<Vec<(String, Value<'_>)>> {
    let dict = DictRef::from_value(value)?;
    dict.iter().map(|(key, value)| Some((key.unpack_str()?.to_owned(), value))).collect()
}

fn texts(value: Value) -> Option<Vec<String>> {
    ListRef::from_value(value)?.iter().map(|item| item.unpack_str().map(str::to_owned)).collect()
}
