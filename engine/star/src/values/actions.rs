//! `ctx.actions`: how a rule's implementation declares outputs and actions.

use std::collections::BTreeMap;

use allocative::Allocative;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::eval::Evaluator;
use starlark::values::dict::{DictRef, UnpackDictEntries};
use starlark::values::list::{AllocList, UnpackList};
use starlark::values::none::{NoneOr, NoneType};
use starlark::values::{
    NoSerialize, ProvidesStaticType, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};
use wiz_base::RelPath;
use wiz_graph::native::NativeKind;
use wiz_graph::{
    ActionKind, Argument, Artifact, Capture, Limits, NativeAction, OutputKind, Param, Run, User,
    Value as Data,
};

use crate::actions::Title;
use crate::codes;
use crate::quantity;
use crate::refusal::Refusal;
use crate::report::Site;
use crate::scope::Scope;
use crate::store;
use crate::suggest::{did_you_mean, one_of};
use crate::values::artifact::{ArtifactValue, OutputValue};
use crate::values::cmd_args::{CommandLine, artifacts};
use crate::values::provider::ProviderInstance;
use crate::values::transitive_set::{self, SetInstance};

/// `ctx.actions`; the target's state is in the evaluation's scope.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct ActionsValue;

starlark_simple_value!(ActionsValue);

impl std::fmt::Display for ActionsValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ctx.actions")
    }
}

starlark::methods_static!(METHODS = actions_methods);

fn actions_methods(builder: &mut MethodsBuilder) {
    value_methods(builder);
    work_methods(builder);
}

#[starlark_value(type = "Actions")]
impl<'v> StarlarkValue<'v> for ActionsValue {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }
}

#[starlark_module]
fn value_methods(builder: &mut MethodsBuilder) {
    /// A file or folder that one of the target's actions makes.
    fn declare_output<'v>(
        #[starlark(this)] _this: &ActionsValue,
        #[starlark(require = pos)] path: &str,
        #[starlark(require = named, default = false)] dir: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ArtifactValue> {
        let kind = if dir { OutputKind::Tree } else { OutputKind::File };
        let place = Site::of(eval).innermost();
        Ok(ArtifactValue(Scope::of(eval).target("declare_output")?.declare(path, kind, place)?))
    }

    /// A file with a text that is known now.
    fn write<'v>(
        #[starlark(this)] _this: &ActionsValue,
        #[starlark(require = pos)] path: &str,
        #[starlark(require = pos)] text: &str,
        #[starlark(require = named, default = false)] executable: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ArtifactValue> {
        let kind = ActionKind::Write { text: text.to_owned(), executable };
        Ok(single(path, "write", kind, eval)?)
    }

    /// A file from outside, pinned by its SHA-256.
    fn fetch<'v>(
        #[starlark(this)] _this: &ActionsValue,
        #[starlark(require = pos)] path: &str,
        #[starlark(require = named)] urls: UnpackList<String>,
        #[starlark(require = named, default = "")] sha256: &str,
        #[starlark(require = named, default = NoneOr::None)] size: NoneOr<i64>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ArtifactValue> {
        let sha256 = pinned(path, sha256)?;
        if urls.items.is_empty() {
            let message = format!("`{path}` cannot be fetched from nowhere: `urls` is empty");
            return Err(Refusal::new(codes::ACTION_ARGUMENT, message).into());
        }
        let size = size.into_option().map(|size| {
            let negative = || Refusal::new(codes::ACTION_ARGUMENT, format!("`size` of `{path}` is negative"));
            u64::try_from(size).map_err(|_| negative())
        });
        let kind = ActionKind::Fetch { urls: urls.items, sha256, size: size.transpose()? };
        Ok(single(path, "fetch", kind, eval)?)
    }

    /// A transitive set of a declared type.
    fn tset<'v>(
        #[starlark(this)] _this: &ActionsValue,
        #[starlark(require = pos)] r#type: Value<'v>,
        #[starlark(require = named)] value: Option<Value<'v>>,
        #[starlark(require = named)] children: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<SetInstance> {
        Scope::of(eval).target("tset")?;
        let children = children.unwrap_or_else(|| eval.heap().alloc(AllocList::EMPTY));
        transitive_set::make(r#type, value, children, eval)
    }
}

#[starlark_module]
fn work_methods(builder: &mut MethodsBuilder) {
    /// A command in the sandbox. The artifacts in `args`, `env` and `hidden` are its
    /// inputs, the outputs there are what it makes.
    fn run<'v>(
        #[starlark(this)] _this: &ActionsValue,
        #[starlark(require = pos)] args: Value<'v>,
        #[starlark(require = named)] root: Value<'v>,
        #[starlark(require = named, default = NoneOr::None)] source: NoneOr<Value<'v>>,
        #[starlark(require = named, default = UnpackDictEntries::default())] env: UnpackDictEntries<
            String,
            Value<'v>,
        >,
        #[starlark(require = named)] category: &str,
        #[starlark(require = named, default = NoneOr::None)] identifier: NoneOr<&str>,
        #[starlark(require = named, default = NoneOr::None)] timeout: NoneOr<&str>,
        #[starlark(require = named, default = NoneOr::None)] memory: NoneOr<&str>,
        #[starlark(require = named, default = NoneOr::None)] cores: NoneOr<i64>,
        #[starlark(require = named, default = NoneOr::None)] log: NoneOr<&OutputValue>,
        #[starlark(require = named, default = "plain")] capture: &str,
        #[starlark(require = named, default = UnpackDictEntries::default())] modes: UnpackDictEntries<
            String,
            String,
        >,
        #[starlark(require = named, default = NoneOr::None)] user: NoneOr<&str>,
        #[starlark(require = named)] hidden: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let mut line = CommandLine::of(&[args])?;
        if let Some(hidden) = hidden {
            line.hide(hidden)?;
        }
        let mut command = Command::new(line);
        command.set_root(root)?;
        command.set_environment(env.entries)?;
        let run = Run {
            arguments: command.line.arguments.items,
            environment: command.environment,
            root: command.root,
            source: source.into_option().map(single_artifact).transpose()?,
            hidden: command.line.arguments.hidden,
            platform: Scope::of(eval).target("run")?.execution.clone(),
            log: log.into_option().map(|log| log.0.clone()),
            capture: capture_mode(capture, modes.entries)?,
            user: user.into_option().map(numbers_of).transpose()?,
            limits: Limits {
                seconds: timeout.into_option().map(quantity::seconds).transpose()?,
                memory: memory.into_option().map(quantity::bytes).transpose()?,
                cores: cores.into_option().map(core_count).transpose()?,
            },
        };
        declare_run(title(category, identifier), command.outputs, run, eval)?;
        Ok(NoneType)
    }

    /// Work that the engine does itself.
    fn native<'v>(
        #[starlark(this)] _this: &ActionsValue,
        #[starlark(require = pos)] kind: &str,
        #[starlark(require = named)] params: Value<'v>,
        #[starlark(require = named, default = NoneOr::None)] category: NoneOr<&str>,
        #[starlark(require = named, default = NoneOr::None)] identifier: NoneOr<&str>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let kind = native_kind(kind)?;
        let params = parameters(params)?;
        let mut outputs = Vec::new();
        params.values().for_each(|param| collect_outputs(param, &mut outputs));
        let title = title(category.into_option().unwrap_or(kind.name()), identifier);
        let action = ActionKind::Native(NativeAction { kind, params });
        Scope::of(eval).target("native")?.add(title, outputs, action)?;
        Ok(NoneType)
    }
}

/// A command while its parts are put together.
struct Command {
    line: CommandLine,
    outputs: Vec<RelPath>,
    environment: BTreeMap<String, Argument>,
    root: Vec<Artifact>,
}

impl Command {
    fn new(line: CommandLine) -> Self {
        let outputs = line.outputs().cloned().collect();
        Self { line, outputs, environment: BTreeMap::new(), root: Vec::new() }
    }

    /// The trees of the root; what a `RootInfo` says of the environment comes with it.
    fn set_root(&mut self, root: Value) -> Result<(), Refusal> {
        let Some(provider) = root.downcast_ref::<ProviderInstance>() else {
            self.root = artifacts(root, "root")?;
            return Ok(());
        };
        if provider.0.name != "RootInfo" || !provider.0.module.is_empty() {
            let message = format!("`root` is a `RootInfo` or artifacts, got `{}`", provider.0.name);
            return Err(Refusal::new(codes::ACTION_ARGUMENT, message).focus("root ="));
        }
        self.root = provider.0.artifacts("trees").into_iter().cloned().collect();
        if let Some(Data::Dict(entries)) = provider.0.fields.get("env") {
            for (name, data) in entries {
                self.environment.insert(name.clone(), environment_data(name, data)?);
            }
        }
        Ok(())
    }

    fn set_environment(&mut self, entries: Vec<(String, Value)>) -> Result<(), Refusal> {
        for (name, value) in entries {
            if name.is_empty() || name.contains(['=', '\0']) {
                let message = format!("`{name}` cannot name a variable");
                return Err(Refusal::new(codes::ACTION_ARGUMENT, message).focus("env ="));
            }
            let line = CommandLine::of(&[value]).map_err(|refusal| {
                Refusal { message: format!("variable `{name}`: {}", refusal.message), ..refusal }
                    .focus("env =")
            })?;
            self.outputs.extend(line.outputs().cloned());
            self.line.arguments.hidden.extend(line.arguments.hidden.iter().cloned());
            self.environment.insert(name, line.into_one(" "));
        }
        Ok(())
    }
}

fn environment_data(name: &str, data: &Data) -> Result<Argument, Refusal> {
    match data {
        Data::String(text) => Ok(Argument::text(text)),
        Data::Arguments(arguments) => {
            let line = CommandLine { arguments: (**arguments).clone(), hidden_outputs: Vec::new() };
            Ok(line.into_one(" "))
        }
        _ => {
            let message = format!("variable `{name}` of the root is neither text nor `cmd_args`");
            Err(Refusal::new(codes::ACTION_ARGUMENT, message))
        }
    }
}

/// An action with one output, which its path names.
fn single(path: &str, category: &str, kind: ActionKind, eval: &Evaluator) -> Result<ArtifactValue, Refusal> {
    let target = Scope::of(eval).target(category)?;
    let artifact = target.declare(path, OutputKind::File, Site::of(eval).innermost())?;
    if let Artifact::Output { path, .. } = &artifact {
        target.add(title(category, NoneOr::Other(path.as_str())), vec![path.clone()], kind)?;
    }
    Ok(ArtifactValue(artifact))
}

fn title(category: &str, identifier: NoneOr<&str>) -> Title {
    Title { category: category.to_owned(), identifier: identifier.into_option().map(str::to_owned) }
}

fn pinned(path: &str, sha256: &str) -> Result<String, Refusal> {
    let how = "take it from where the publisher signs it, or run `sha256sum` on the file";
    if sha256.is_empty() {
        let message = format!("`{path}` has no SHA-256: every source is pinned");
        return Err(Refusal::new(codes::SHA256, message).hint(format!("add `sha256 = \"<64 hex>\"`: {how}")));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let message = format!("the SHA-256 of `{path}` is not 64 hexadecimal digits: `{sha256}`");
        return Err(Refusal::new(codes::SHA256, message).hint(how).focus(format!("{sha256:?}")));
    }
    Ok(sha256.to_ascii_lowercase())
}

fn single_artifact(value: Value) -> Result<Artifact, Refusal> {
    value.downcast_ref::<ArtifactValue>().map(|artifact| artifact.0.clone()).ok_or_else(|| {
        let message = format!("`source` is an artifact, got `{}`", value.get_type());
        Refusal::new(codes::ACTION_ARGUMENT, message).focus("source =")
    })
}

/// Adds a command to its target, with what it makes.
fn declare_run(
    title: Title,
    mut outputs: Vec<RelPath>,
    run: Run,
    eval: &Evaluator<'_, '_, '_>,
) -> starlark::Result<()> {
    let target = Scope::of(eval).target("run")?;
    if let Some(log) = run.log.as_ref().filter(|log| target.kind(log) == Some(OutputKind::Tree)) {
        let message = format!("`log` is a file, and `{log}` is declared as a folder");
        return Err(Refusal::new(codes::ACTION_ARGUMENT, message).focus("log =").into());
    }
    outputs.extend(run.log.clone());
    Ok(target.add(title, outputs, ActionKind::Run(Box::new(run)))?)
}

/// A user as `uid:gid`.
fn numbers_of(user: &str) -> Result<User, Refusal> {
    let numbers = user.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    let (uid, gid) = numbers.ok_or_else(|| {
        Refusal::new(codes::ACTION_ARGUMENT, format!("`{user}` is no user and group by number"))
            .focus("user =")
            .hint("write `65532:65532`")
    })?;
    Ok(User { uid, gid })
}

fn core_count(cores: i64) -> Result<u32, Refusal> {
    u32::try_from(cores).ok().filter(|cores| *cores > 0).ok_or_else(|| {
        let message = format!("`cores` is a number from 1 on, got {cores}");
        Refusal::new(codes::ACTION_ARGUMENT, message).focus("cores =")
    })
}

fn capture_mode(capture: &str, modes: Vec<(String, String)>) -> Result<Capture, Refusal> {
    let root = match capture {
        "plain" => false,
        "root" => true,
        other => {
            let message = format!("`capture` is `plain` or `root`, got `{other}`");
            return Err(Refusal::new(codes::ACTION_ARGUMENT, message).focus("capture ="));
        }
    };
    for (path, mode) in &modes {
        let octal = mode.len() == 4 && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        if !octal || RelPath::new(path).is_err() {
            let message = format!("`modes` maps relative paths to four octal digits, got `{path}`: `{mode}`");
            return Err(Refusal::new(codes::ACTION_ARGUMENT, message).focus("modes ="));
        }
    }
    Ok(Capture { root, modes: modes.into_iter().collect() })
}

fn native_kind(name: &str) -> Result<NativeKind, Refusal> {
    NativeKind::from_name(name).ok_or_else(|| {
        let names = NativeKind::ALL.map(NativeKind::name);
        let message = format!("there is no native action `{name}`");
        let refusal = Refusal::new(codes::NATIVE_KIND, message).focus(format!("{name:?}"));
        refusal.hint(format!("there are {}", one_of(&names))).maybe_hint(did_you_mean(name, names))
    })
}

fn parameters(params: Value) -> Result<BTreeMap<String, Param>, Refusal> {
    let no_dict = || Refusal::new(codes::ACTION_ARGUMENT, "`params` is a dict").focus("params =");
    let dict = DictRef::from_value(params).ok_or_else(no_dict)?;
    let param = |(name, value): (Value, Value)| {
        let name = name.unpack_str().ok_or_else(no_dict)?.to_owned();
        let param = store::to_param(value).map_err(|refusal| {
            let message = format!("the parameter `{name}` {}", refusal.message);
            Refusal { code: codes::ACTION_ARGUMENT, message, ..refusal }.focus(format!("{name:?}"))
        });
        param.map(|param| (name, param))
    };
    dict.iter().map(param).collect()
}

fn collect_outputs(param: &Param, outputs: &mut Vec<RelPath>) {
    match param {
        Param::Output(path) => outputs.push(path.clone()),
        Param::List(items) => items.iter().for_each(|item| collect_outputs(item, outputs)),
        Param::Dict(items) => items.values().for_each(|item| collect_outputs(item, outputs)),
        _ => {}
    }
}
