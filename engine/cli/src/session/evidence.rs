//! What a target says is known of its outputs: `EvidenceInfo`. Unaware of what documents
//! say.

use std::collections::BTreeMap;

use wiz_audit::{Claim, Stated, StatedPackage};
use wiz_graph::{Artifact, ProviderValue, Value};

use super::Built;
use crate::arguments::SbomFormat;
use crate::commands::licenses::Licensed;

/// The evidence of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a>(&'a ProviderValue);

impl<'a> Evidence<'a> {
    /// The evidence of the one target that was asked for, if it has any.
    pub(crate) fn of(built: &'a Built) -> Option<Self> {
        let mut requested = built.requested();
        let target = requested.next()?;
        requested.next().is_none().then(|| target.provider("EvidenceInfo").map(Self))?
    }

    /// The evidence of every target that was asked for and has some, with its label.
    pub(crate) fn all(built: &'a Built) -> impl Iterator<Item = (String, Self)> {
        built
            .requested()
            .filter_map(|target| Some((target.id.label.to_string(), Self(target.provider("EvidenceInfo")?))))
    }

    /// Its bill of materials in a form.
    pub(crate) fn document(self, format: SbomFormat) -> Option<&'a Artifact> {
        self.named(format.name())
    }

    /// What it was made from.
    pub(crate) fn provenance(self) -> Option<&'a Artifact> {
        self.named("provenance")
    }

    fn named(self, wanted: &str) -> Option<&'a Artifact> {
        let Some(Value::Dict(documents)) = self.0.fields.get("documents") else { return None };
        documents.iter().find_map(|(name, value)| match value {
            Value::Artifact(artifact) if name == wanted => Some(&**artifact),
            _ => None,
        })
    }

    /// The packages that are known without a build, as licences are asked for.
    pub(crate) fn packages(self) -> Vec<Licensed> {
        self.known().filter_map(|known| known.licensed()).collect()
    }

    /// The packages that are known without a build, as vulnerabilities are looked for.
    pub(crate) fn audited(self) -> Vec<wiz_audit::Package> {
        self.known().filter_map(|known| known.audited()).collect()
    }

    /// What definitions say of vulnerabilities, by the package that others were split from.
    pub(crate) fn stated(self) -> BTreeMap<String, StatedPackage> {
        let stated = self.known().filter_map(|known| known.stated());
        stated.map(|package| (package.name.clone(), package)).collect()
    }

    fn known(self) -> impl Iterator<Item = Known<'a>> {
        let packages = match self.0.fields.get("packages") {
            Some(Value::List(packages)) => &packages[..],
            _ => &[],
        };
        packages.iter().filter_map(|value| match value {
            Value::Dict(fields) | Value::Struct(fields) => Some(Known(fields)),
            _ => None,
        })
    }
}

/// One package, as its rule describes it.
struct Known<'a>(&'a [(String, Value)]);

impl Known<'_> {
    fn field(&self, name: &str) -> Option<&Value> {
        self.0.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn licensed(&self) -> Option<Licensed> {
        let text = |name: &str| self.text(name).map(str::to_owned);
        Some(Licensed { name: text("name")?, version: text("version")?, license: text("license")? })
    }

    fn audited(&self) -> Option<wiz_audit::Package> {
        let mut package = wiz_audit::Package::new(self.text("name")?, self.text("version")?);
        if let Some(origin) = self.text("origin").filter(|origin| !origin.is_empty()) {
            origin.clone_into(&mut package.origin);
        }
        // `cpe:2.3:a:vendor:product`
        package.product = self.text("cpe").and_then(|cpe| cpe.split(':').nth(4)).map(str::to_owned);
        if let Some(Value::List(patches)) = self.field("patches") {
            let name = |value: &Value| match value {
                Value::Artifact(artifact) => Some(artifact.basename().to_owned()),
                _ => None,
            };
            let named = patches.iter().filter_map(name);
            package.patches = named.map(|name| wiz_audit::Patch { name, sha256: None }).collect();
        }
        package.stated = self.stated().map(|package| package.stated).unwrap_or_default();
        Some(package)
    }

    fn stated(&self) -> Option<StatedPackage> {
        let name = self.text("origin").filter(|origin| !origin.is_empty()).or_else(|| self.text("name"))?;
        let (name, version) = (name.to_owned(), self.text("version")?.to_owned());
        let Some(Value::List(advisories)) = self.field("advisories") else { return None };
        let advisories = advisories.iter().filter_map(|advisory| match advisory {
            Value::Dict(fields) | Value::Struct(fields) => Known(fields).advisory(),
            _ => None,
        });
        Some(StatedPackage { name, version, stated: advisories.collect() })
    }

    /// What `advisory` of //starlark-rules/advisories.star makes.
    fn advisory(&self) -> Option<Stated> {
        let text = |name: &str| self.text(name).unwrap_or_default();
        let claim = Claim::new(self.text("status")?, text("fixed"), text("patch"), text("justification"))?;
        let aliases = match self.field("aliases") {
            Some(Value::List(aliases)) => aliases.iter().filter_map(as_text).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Some(Stated { id: self.text("id")?.to_owned(), aliases, claim, note: text("note").to_owned() })
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
