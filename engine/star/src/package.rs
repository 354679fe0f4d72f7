//! A package: what the BUILD.star of one folder defines. Unaware of platforms and of
//! what other packages define.

pub(crate) mod files;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use starlark::values::Value;
use starlark::values::list::ListRef;
use wiz_base::{Diagnostic, Label, RelPath, TargetPattern};
use wiz_graph::{Ink, Value as Data};

use crate::attribute::coerce::{Place, Setting, coerce};
use crate::attribute::{Attribute, Given};
use crate::codes;
use crate::package::files::PackageFiles;
use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::report::Site;
use crate::suggest::did_you_mean;
use crate::values::provider::Identity;
use crate::values::shown;
use crate::workspace::Workspace;

/// The name of the file that makes a folder a package.
pub(crate) const BUILD_FILE: &str = "BUILD.star";

/// The BUILD.star of a folder.
pub(crate) fn build_file(folder: &RelPath) -> RelPath {
    folder.join(&RelPath::new(BUILD_FILE).expect("a file name is a path"))
}

/// Attributes that every rule has.
pub(crate) const COMMON_ATTRIBUTES: [&str; 3] = ["name", "visibility", "tags"];

/// A rule, without its implementation.
#[derive(Debug)]
pub(crate) struct RuleDefinition {
    /// Its name and where it is declared.
    pub(crate) identity: Arc<Identity>,
    /// Its own attributes.
    pub(crate) attributes: BTreeMap<Arc<str>, Arc<Attribute>>,
    /// For people.
    pub(crate) doc: String,
}

/// A target as its definition gives it.
#[derive(Debug)]
pub(crate) struct TargetDefinition {
    pub(crate) label: Label,
    pub(crate) rule: Arc<RuleDefinition>,
    /// In the order of the rule's attributes; `None` where the default holds.
    pub(crate) values: Vec<Option<Given>>,
    pub(crate) visibility: Arc<Visibility>,
    pub(crate) tags: Vec<String>,
    pub(crate) site: Site,
}

/// Who may depend on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Everybody.
    Public,
    /// The listed targets, and the target's own package.
    Only(Vec<TargetPattern>),
}

impl Visibility {
    /// The listed targets; `None` for everybody.
    pub(crate) fn patterns(&self) -> Option<&[TargetPattern]> {
        match self {
            Self::Public => None,
            Self::Only(patterns) => Some(patterns),
        }
    }

    /// Takes it in.
    pub(crate) fn fingerprint(&self, ink: &mut Ink) {
        let Some(patterns) = self.patterns() else {
            ink.tag(0);
            return;
        };
        ink.tag(1).number(patterns.len() as u64);
        for pattern in patterns {
            ink.text(&pattern.to_string());
        }
    }

    /// Whether a target of package `from`, called `name`, may depend on one of package `to`.
    pub(crate) fn admits(&self, from: &Label, to: &RelPath) -> bool {
        match self {
            _ if from.package() == to => true,
            Self::Public => true,
            Self::Only(patterns) => patterns.iter().any(|pattern| match pattern {
                TargetPattern::Single(label) => label == from,
                TargetPattern::Package(package) => package == from.package(),
                TargetPattern::Recursive(package) => from.package().starts_with(package),
            }),
        }
    }
}

/// What a BUILD.star came to.
#[derive(Debug)]
pub(crate) struct Package {
    /// By name.
    pub(crate) targets: BTreeMap<String, Arc<TargetDefinition>>,
    /// Why there may be more targets than these, or none.
    pub(crate) state: PackageState,
}

/// How the evaluation of a BUILD.star ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PackageState {
    /// All definitions are known.
    Whole,
    /// Some definitions failed; that is reported.
    Broken,
    /// There is no BUILD.star, with what to try.
    Missing(Option<String>),
}

impl Package {
    /// Why there is no target of that name; `None` if that is reported elsewhere.
    pub(crate) fn lacks(&self, label: &Label) -> Option<Refusal> {
        match &self.state {
            PackageState::Broken => None,
            PackageState::Missing(hint) => {
                let message = format!("`{label}`: the folder `{}` has no {BUILD_FILE}", label.package());
                Some(Refusal::new(codes::NO_BUILD_FILE, message).maybe_hint(hint.clone()))
            }
            PackageState::Whole => {
                let message = format!("`//{}` defines no target `{}`", label.package(), label.name());
                let names = self.targets.keys().map(String::as_str);
                let all = format!("it defines {}", summary(&self.targets));
                let nearest = did_you_mean(label.name(), names);
                Some(Refusal::new(codes::NO_TARGET, message).hint(all).maybe_hint(nearest))
            }
        }
    }
}

fn summary(targets: &BTreeMap<String, Arc<TargetDefinition>>) -> String {
    const SHOWN: usize = 8;
    let names: Vec<_> = targets.keys().take(SHOWN).map(|name| format!("`:{name}`")).collect();
    match targets.len() {
        0 => "nothing".to_owned(),
        count if count > SHOWN => format!("{} and {} more", names.join(", "), count - SHOWN),
        _ => names.join(", "),
    }
}

/// A BUILD.star while it is evaluated.
pub(crate) struct PackageScope<'a> {
    /// The package's files.
    pub(crate) files: PackageFiles<'a>,
    workspace: &'a Workspace,
    targets: RefCell<BTreeMap<String, Arc<TargetDefinition>>>,
}

impl<'a> PackageScope<'a> {
    pub(crate) fn new(folder: &'a RelPath, reader: &'a Reader<'a>, workspace: &'a Workspace) -> Self {
        Self { files: PackageFiles::new(folder, reader), workspace, targets: RefCell::default() }
    }

    /// What has been defined, and the folders whose entries that depends on.
    pub(crate) fn into_parts(self) -> (BTreeMap<String, Arc<TargetDefinition>>, BTreeSet<RelPath>) {
        (self.targets.into_inner(), self.files.into_listed())
    }

    /// Records a target, or says everything that is wrong with its definition.
    pub(crate) fn define(
        &self,
        rule: &Arc<RuleDefinition>,
        given: &[(&str, Value)],
        site: Site,
    ) -> Vec<Diagnostic> {
        let mut refusals = Vec::new();
        let values = self.values(rule, given, &mut refusals);
        let name = self.name(rule, given).map_err(|refusal| refusals.push(refusal)).ok();
        let visibility = self.visibility(given).map_err(|refusal| refusals.push(refusal)).ok();
        let tags = texts(given, "tags").map_err(|refusal| refusals.push(refusal)).ok();
        if let (Some(label), Some(visibility), Some(tags), true) =
            (name, visibility, tags, refusals.is_empty())
        {
            let name = label.name().to_owned();
            let (rule, visibility) = (Arc::clone(rule), Arc::new(visibility));
            let definition = TargetDefinition { label, rule, values, visibility, tags, site };
            self.targets.borrow_mut().insert(name, Arc::new(definition));
            return Vec::new();
        }
        refusals.iter().map(|refusal| site.diagnose(refusal)).collect()
    }

    fn values(
        &self,
        rule: &RuleDefinition,
        given: &[(&str, Value)],
        refusals: &mut Vec<Refusal>,
    ) -> Vec<Option<Given>> {
        let rule_name = rule.identity.name().unwrap_or("rule");
        let known = |name: &str| COMMON_ATTRIBUTES.contains(&name) || rule.attributes.contains_key(name);
        for (name, _) in given.iter().filter(|(name, _)| !known(name)) {
            let message = format!("`{rule_name}` has no attribute `{name}`");
            let names = rule.attributes.keys().map(|name| &**name).chain(COMMON_ATTRIBUTES);
            let nearest = did_you_mean(name, names.filter(|name| !name.starts_with('_')));
            let refusal = Refusal::new(codes::UNKNOWN_ATTRIBUTE, message).focus(format!("{name} "));
            refusals.push(refusal.maybe_hint(nearest));
        }
        let setting =
            Setting { folder: self.files.folder, files: Some(&self.files), workspace: Some(self.workspace) };
        let mut values = Vec::with_capacity(rule.attributes.len());
        for (name, attribute) in &rule.attributes {
            let written = given.iter().find(|(given, _)| *given == &**name).map(|(_, value)| *value);
            match self.value(rule_name, name, attribute, written, setting) {
                Ok(value) => values.push(value),
                Err(refusal) => refusals.push(refusal),
            }
        }
        values
    }

    fn value(
        &self,
        rule: &str,
        name: &str,
        attribute: &Attribute,
        written: Option<Value>,
        setting: Setting,
    ) -> Result<Option<Given>, Refusal> {
        match written {
            Some(_) if name.starts_with('_') => {
                let message = format!("attribute `{name}` of `{rule}` belongs to the rule");
                let hint = "names that start with `_` cannot be set by a definition";
                Err(Refusal::new(codes::UNKNOWN_ATTRIBUTE, message).hint(hint).focus(format!("{name} ")))
            }
            Some(value) => coerce(&attribute.kind, value, setting, Place::Attribute(name)).map(Some),
            None if attribute.default.is_some() => Ok(None),
            None => {
                let message = format!("`{rule}` needs the attribute `{name}`");
                Err(Refusal::new(codes::MISSING_ATTRIBUTE, message).hint(wanted(name, attribute)))
            }
        }
    }

    fn name(&self, rule: &RuleDefinition, given: &[(&str, Value)]) -> Result<Label, Refusal> {
        let rule = rule.identity.name().unwrap_or("rule");
        let Some((_, value)) = given.iter().find(|(name, _)| *name == "name") else {
            let message = format!("`{rule}` needs the attribute `name`");
            return Err(Refusal::new(codes::MISSING_ATTRIBUTE, message));
        };
        let Some(name) = value.unpack_str() else {
            let message = format!("attribute `name` expects text, got {}", shown(*value));
            return Err(Refusal::new(codes::ATTRIBUTE_TYPE, message).focus("name ="));
        };
        let label = Label::new(self.files.folder.clone(), name)
            .map_err(|error| Refusal::new(codes::LABEL, error.to_string()).focus(format!("{name:?}")))?;
        if let Some(first) = self.targets.borrow().get(name) {
            let place = first.site.outermost().map(|span| format!(" at {span}")).unwrap_or_default();
            let message = format!("`{label}` is defined already{place}");
            return Err(Refusal::new(codes::DUPLICATE_TARGET, message).focus(format!("{name:?}")));
        }
        Ok(label)
    }

    fn visibility(&self, given: &[(&str, Value)]) -> Result<Visibility, Refusal> {
        if !given.iter().any(|(name, value)| *name == "visibility" && !value.is_none()) {
            return Ok(Visibility::Public);
        }
        let mut patterns = Vec::new();
        for text in texts(given, "visibility")? {
            match text.as_str() {
                "PUBLIC" => return Ok(Visibility::Public),
                "PRIVATE" => {}
                _ => patterns.push(self.pattern(&text)?),
            }
        }
        Ok(Visibility::Only(patterns))
    }

    fn pattern(&self, text: &str) -> Result<TargetPattern, Refusal> {
        let parsed = match text.starts_with(':') {
            true => Label::parse(text, self.files.folder).map(TargetPattern::Single),
            false => TargetPattern::parse(text),
        };
        parsed.map_err(|error| {
            let message = format!("attribute `visibility`: {error}");
            let hint = "`PUBLIC`, `PRIVATE`, `//pkgs/...`, `//images:all` and labels are";
            Refusal::new(codes::LABEL, message).hint(hint).focus(format!("{text:?}"))
        })
    }
}

fn wanted(name: &str, attribute: &Attribute) -> String {
    match attribute.doc.trim_end_matches('.') {
        "" => format!("add `{name} = ...`: {}", attribute.kind.describe()),
        doc => format!("add `{name} = ...`: {}. {doc}", attribute.kind.describe()),
    }
}

/// A list of texts among the attributes every rule has; empty if it is not given.
fn texts(given: &[(&str, Value)], name: &str) -> Result<Vec<String>, Refusal> {
    let Some((_, value)) = given.iter().find(|(given, _)| *given == name) else { return Ok(Vec::new()) };
    let mismatch = || {
        let got = shown(*value);
        let message = format!("attribute `{name}` expects a list of text, got {got}");
        Refusal::new(codes::ATTRIBUTE_TYPE, message).focus(format!("{name} ="))
    };
    let list = ListRef::from_value(*value).ok_or_else(mismatch)?;
    list.iter().map(|item| item.unpack_str().map(str::to_owned).ok_or_else(mismatch)).collect()
}

/// A list of texts as data.
pub(crate) fn text_data(texts: &[String]) -> Data {
    Data::List(texts.iter().cloned().map(Data::String).collect())
}
