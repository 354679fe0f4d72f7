//! What a distribution itself says of vulnerabilities in its packages, and the feeds that tell
//! scanners so: secdb, OSV and OpenVEX.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::finding::Status;
use crate::openvex::{Product, Statement, Vulnerability};
use crate::version::compare;

/// What a package's definition says of one vulnerability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Its name, such as `CVE-2023-42366`.
    pub id: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// What became of it.
    pub claim: Claim,
    /// The same for people; may be empty.
    pub note: String,
}

/// What became of a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The package has it.
    Affected,
    /// Nobody knows yet.
    UnderInvestigation,
    /// The package had it until this version.
    Fixed {
        /// The first version with release that does not have it.
        version: String,
        /// The file's name of the patch that did it.
        patch: Option<String>,
    },
    /// The package never had it.
    NotAffected {
        /// Why, in OpenVEX's words.
        justification: String,
    },
}

/// A package and all that is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedPackage {
    /// The package that others were split from.
    pub name: String,
    /// Its version with release.
    pub version: String,
    /// What is said, in the order of the definition.
    pub stated: Vec<Stated>,
}

impl Claim {
    /// The claim with a status in OpenVEX's words and what goes with it; none if there is no such
    /// status. `patch` may be a path; what does not go with the status is passed over.
    #[must_use]
    pub fn new(status: &str, fixed: &str, patch: &str, justification: &str) -> Option<Self> {
        Some(match status {
            "affected" => Self::Affected,
            "under_investigation" => Self::UnderInvestigation,
            "not_affected" => Self::NotAffected { justification: justification.to_owned() },
            "fixed" => {
                let patch = patch.rsplit('/').next().filter(|patch| !patch.is_empty());
                Self::Fixed { version: fixed.to_owned(), patch: patch.map(str::to_owned) }
            }
            _ => return None,
        })
    }
}

impl Stated {
    /// Everything the vulnerability is called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// What that means for a version, and why.
    pub(crate) fn verdict(&self, version: &str) -> (Status, String) {
        let (status, reason) = match &self.claim {
            Claim::Affected => (Status::Affected, "stated by its definition".to_owned()),
            Claim::UnderInvestigation => (Status::Undecided, "under investigation".to_owned()),
            Claim::NotAffected { justification } => (Status::NotAffected, justification.clone()),
            Claim::Fixed { version: fixed, .. } if compare(version, fixed).is_lt() => {
                (Status::Affected, format!("{version} is before {fixed}"))
            }
            Claim::Fixed { patch: Some(patch), .. } => (Status::Fixed, format!("patched by {patch}")),
            Claim::Fixed { version: fixed, patch: None } => {
                (Status::Fixed, format!("{version} is not before {fixed}"))
            }
        };
        let reason = if self.note.is_empty() { reason } else { format!("{reason}: {}", self.note) };
        (status, reason)
    }
}

/// The secdb document, as Alpine and Wolfi publish it: which version fixed what; `0` is what no
/// version ever had.
#[must_use]
pub fn secdb(distribution: &str, architectures: &[&str], packages: &[StatedPackage]) -> Value {
    let mut entries = Vec::new();
    for package in packages {
        let mut fixes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for stated in &package.stated {
            let version = match &stated.claim {
                Claim::Fixed { version, .. } => version,
                Claim::NotAffected { .. } => "0",
                Claim::Affected | Claim::UnderInvestigation => continue,
            };
            fixes.entry(version).or_default().push(stated.names().collect::<Vec<_>>().join(" "));
        }
        if !fixes.is_empty() {
            entries.push(json!({"pkg": {"name": package.name, "secfixes": fixes}}));
        }
    }
    json!({
        "apkurl": "{{urlprefix}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk",
        "archs": architectures,
        "packages": entries,
        "reponame": "os",
        "urlprefix": distribution,
    })
}

/// One OSV document (schema 1.7) for each vulnerability that a version has or had, by its name.
#[must_use]
pub fn osv(distribution: &str, modified: &str, packages: &[StatedPackage]) -> BTreeMap<String, Value> {
    let mut documents: BTreeMap<String, Value> = BTreeMap::new();
    for package in packages {
        for stated in &package.stated {
            let mut events = vec![json!({"introduced": "0"})];
            match &stated.claim {
                Claim::Fixed { version, .. } => events.push(json!({"fixed": version})),
                Claim::Affected => {}
                Claim::NotAffected { .. } | Claim::UnderInvestigation => continue,
            }
            let affected = json!({
                "package": {
                    "ecosystem": distribution,
                    "name": package.name,
                    "purl": purl(distribution, &package.name, None),
                },
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            });
            let id = format!("{}-{}", distribution.to_uppercase(), stated.id);
            let document = documents.entry(id.clone()).or_insert_with(|| {
                json!({
                    "schema_version": "1.7.0",
                    "id": id,
                    "modified": modified,
                    "upstream": stated.names().collect::<Vec<_>>(),
                    "affected": [],
                })
            });
            if let Some(known) = document["affected"].as_array_mut() {
                known.push(affected);
            }
        }
    }
    documents
}

/// Everything that is said, as OpenVEX has it: of packages in their present version.
#[must_use]
pub fn statements(distribution: &str, packages: &[StatedPackage]) -> Vec<Statement> {
    let statement = |package: &StatedPackage, stated: &Stated| {
        let (status, reason) = stated.verdict(&package.version);
        let affected = status == Status::Affected;
        let justification = match &stated.claim {
            Claim::NotAffected { justification } => Some(justification.clone()),
            _ => None,
        };
        let unaffected = justification.is_some();
        let note = Some(stated.note.clone()).filter(|note| !note.is_empty());
        let action = match &stated.claim {
            Claim::Fixed { version, .. } => format!("Update to {version} or later."),
            _ => "No version without it is known.".to_owned(),
        };
        Statement {
            vulnerability: Vulnerability { name: stated.id.clone(), aliases: stated.aliases.clone() },
            products: vec![Product { id: purl(distribution, &package.name, Some(&package.version)) }],
            status: status.name().to_owned(),
            justification,
            impact_statement: note.filter(|_| unaffected),
            status_notes: (!unaffected).then_some(reason),
            action_statement: affected.then_some(action),
        }
    };
    packages
        .iter()
        .flat_map(|package| package.stated.iter().map(move |stated| statement(package, stated)))
        .collect()
}

/// The package URL of a package, in a version or in all.
fn purl(distribution: &str, name: &str, version: Option<&str>) -> String {
    let version = version.map(|version| format!("@{version}")).unwrap_or_default();
    format!("pkg:apk/{distribution}/{}{version}", name.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn stated(id: &str, claim: Claim) -> Stated {
        Stated { id: id.to_owned(), aliases: Vec::new(), claim, note: String::new() }
    }

    fn packages() -> Vec<StatedPackage> {
        let fixed =
            |version: &str| Claim::Fixed { version: version.to_owned(), patch: Some("a.patch".to_owned()) };
        let never = Claim::NotAffected { justification: "vulnerable_code_not_present".to_owned() };
        let stated = vec![
            stated("CVE-1", fixed("1.2-r0")),
            stated("CVE-2", never),
            Stated { aliases: vec!["GHSA-3".to_owned()], ..stated("CVE-3", fixed("2.0-r0")) },
            stated("CVE-4", Claim::Affected),
            stated("CVE-5", Claim::UnderInvestigation),
        ];
        vec![StatedPackage { name: "lib+".to_owned(), version: "1.2-r3".to_owned(), stated }]
    }

    #[test]
    fn versions_decide_what_a_fix_means() {
        let shown: Vec<String> = packages()[0]
            .stated
            .iter()
            .map(|stated| format!("{:?} {}", stated.verdict("1.2-r3").0, stated.verdict("1.2-r3").1))
            .collect();
        assert_eq!(
            shown,
            [
                "Fixed patched by a.patch",
                "NotAffected vulnerable_code_not_present",
                "Affected 1.2-r3 is before 2.0-r0",
                "Affected stated by its definition",
                "Undecided under investigation",
            ]
        );
    }

    #[test]
    fn what_is_published_is_read_back() {
        let secdb = secdb("wizos", &["x86_64"], &packages()).to_string();
        expect![[r#"{"apkurl":"{{urlprefix}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk","archs":["x86_64"],"packages":[{"pkg":{"name":"lib+","secfixes":{"0":["CVE-2"],"1.2-r0":["CVE-1"],"2.0-r0":["CVE-3 GHSA-3"]}}}],"reponame":"os","urlprefix":"wizos"}"#]]
        .assert_eq(&secdb);
        let read = crate::secdb::advisories(serde_json::from_str(&secdb).unwrap());
        assert_eq!(
            read.iter().map(|advisory| advisory.id.as_str()).collect::<Vec<_>>(),
            ["CVE-2", "CVE-1", "CVE-3"]
        );
        let osv = osv("wizos", "2026-01-01T00:00:00Z", &packages());
        assert_eq!(osv.keys().collect::<Vec<_>>(), ["WIZOS-CVE-1", "WIZOS-CVE-3", "WIZOS-CVE-4"]);
        for document in osv.into_values() {
            let read = crate::osv::advisory(serde_json::from_value(document).unwrap()).unwrap();
            assert_eq!(read.affected[0].name, "lib+");
        }
        let vex = crate::Vex::new(
            "urn:x".to_owned(),
            "a".to_owned(),
            "t".to_owned(),
            statements("wizos", &packages()),
        );
        crate::Vex::parse("vex", &serde_json::to_string(&vex).unwrap()).unwrap();
    }
}
