//! What installing a package has to bring about beyond its files, as data.
//!
//! A package carries its effects as `usr/lib/wiz/effects.d/<package>.json`, written
//! down in docs/formats/effects.md. Who applies them is not settled here: an image
//! build renders them, a running system will run them.

use serde::{Deserialize, Serialize};
use wiz_apk::Name;

use crate::accounts::{Group, User};
use crate::capabilities::Capability;

/// Where effects lie below the root.
pub const FOLDER: &str = "usr/lib/wiz/effects.d";

/// The version of the format that is written.
const VERSION: u32 = 1;

/// The declared effects of one package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Effects {
    /// Users to be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// Groups to be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Folders whose owner or mode matters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<Directory>,
    /// Files with capabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<FileCapabilities>,
    /// Links that several packages can provide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// The package has shared libraries, so the loader's cache is to be made anew.
    #[serde(skip_serializing_if = "is_false")]
    pub loader_cache: bool,
    /// Files with PEM certificates that belong into the bundle, by path below the root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
}

/// A folder with an owner and a mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Path below the root.
    pub path: String,
    /// User name.
    pub owner: String,
    /// Group name.
    pub group: String,
    /// Permission bits in octal digits.
    #[serde(with = "octal")]
    pub mode: u32,
}

/// A file with capabilities, all of them permitted and effective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCapabilities {
    /// Path below the root.
    pub path: String,
    /// `cap_net_bind_service` and its like.
    pub capabilities: Vec<Capability>,
}

/// A candidate for a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// Path of the link below the root.
    pub link: String,
    /// Path below the root of what it shall lead to.
    pub target: String,
    /// The highest wins.
    pub priority: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    effects: Effects,
}

impl Effects {
    /// Path of a package's effects below the root.
    #[must_use]
    pub fn path(package: &Name) -> String {
        format!("{FOLDER}/{package}.json")
    }

    /// Whether there is nothing to bring about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The file's text, with a line break at the end.
    ///
    /// # Errors
    /// [`EffectsError`] if the effects are not valid.
    pub fn to_json(&self) -> Result<String, EffectsError> {
        self.check()?;
        let document = Document { version: VERSION, effects: self.clone() };
        let mut text = serde_json::to_string_pretty(&document)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`EffectsError`] if it is malformed, of another version or not valid.
    pub fn from_json(text: &str) -> Result<Self, EffectsError> {
        let document: Document = serde_json::from_str(text)?;
        if document.version != VERSION {
            return Err(EffectsError::Version { version: document.version });
        }
        document.effects.check()?;
        Ok(document.effects)
    }

    fn check(&self) -> Result<(), EffectsError> {
        self.users.iter().try_for_each(User::check)?;
        self.groups.iter().try_for_each(Group::check)?;
        for directory in &self.directories {
            check_path(&directory.path)?;
            if directory.mode > 0o7777 {
                return Err(EffectsError::Mode { path: directory.path.clone(), mode: directory.mode });
            }
        }
        self.capabilities.iter().try_for_each(|file| check_path(&file.path))?;
        for alternative in &self.alternatives {
            check_path(&alternative.link)?;
            check_path(&alternative.target)?;
        }
        self.certificates.iter().try_for_each(|path| check_path(path))
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn check_path(path: &str) -> Result<(), EffectsError> {
    let is_plain = |segment: &str| !matches!(segment, "" | "." | "..");
    if path.contains(['\0', '\n']) || !path.split('/').all(is_plain) {
        return Err(EffectsError::Path { path: path.to_owned() });
    }
    Ok(())
}

/// A mode as a string of octal digits, since JSON has no octal numbers.
mod octal {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 8).map_err(de::Error::custom)
    }
}

/// Effects that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum EffectsError {
    /// Not the JSON the format asks for.
    #[error("the effects are malformed")]
    Json(#[from] serde_json::Error),
    /// A version this program does not know.
    #[error("the effects are of version {version}, hint: this program knows version 1")]
    Version {
        /// The version in the file.
        version: u32,
    },
    /// A path that is not below the root.
    #[error("`{path}` is not a path below the root")]
    Path {
        /// The path.
        path: String,
    },
    /// More than permission bits.
    #[error("`{path}` has the mode {mode:o}, which is more than permission bits")]
    Mode {
        /// The folder.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// A user or group.
    #[error(transparent)]
    Account(#[from] crate::accounts::AccountError),
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn effects_round_trip_through_json() {
        let effects = Effects {
            users: vec![User::new("www", 80, "www", "/var/www")],
            groups: vec![Group::new("www", 80)],
            directories: vec![Directory {
                path: "var/www".to_owned(),
                owner: "www".to_owned(),
                group: "www".to_owned(),
                mode: 0o2750,
            }],
            capabilities: vec![FileCapabilities {
                path: "usr/bin/server".to_owned(),
                capabilities: vec!["cap_net_bind_service".parse().unwrap()],
            }],
            alternatives: vec![Alternative {
                link: "usr/bin/vi".to_owned(),
                target: "usr/bin/vim".to_owned(),
                priority: 50,
            }],
            loader_cache: true,
            certificates: vec!["usr/share/ca-certificates/a.crt".to_owned()],
        };
        let text = effects.to_json().unwrap();
        assert_eq!(Effects::from_json(&text).unwrap(), effects);
        expect![[r#"
            {
              "version": 1,
              "effects": {
                "users": [
                  {
                    "name": "www",
                    "uid": 80,
                    "group": "www",
                    "home": "/var/www",
                    "shell": "/sbin/nologin"
                  }
                ],
                "groups": [
                  {
                    "name": "www",
                    "gid": 80
                  }
                ],
                "directories": [
                  {
                    "path": "var/www",
                    "owner": "www",
                    "group": "www",
                    "mode": "2750"
                  }
                ],
                "capabilities": [
                  {
                    "path": "usr/bin/server",
                    "capabilities": [
                      "cap_net_bind_service"
                    ]
                  }
                ],
                "alternatives": [
                  {
                    "link": "usr/bin/vi",
                    "target": "usr/bin/vim",
                    "priority": 50
                  }
                ],
                "loader_cache": true,
                "certificates": [
                  "usr/share/ca-certificates/a.crt"
                ]
              }
            }
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn nothing_is_written_as_nothing() {
        assert!(Effects::default().is_empty());
        expect![[r#"
            {
              "version": 1,
              "effects": {}
            }
        "#]]
        .assert_eq(&Effects::default().to_json().unwrap());
        assert_eq!(Effects::path(&"nginx".parse().unwrap()), "usr/lib/wiz/effects.d/nginx.json");
    }

    fn check_refused(text: &str, expected: &Expect) {
        let error = Effects::from_json(text).unwrap_err();
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        expected.assert_eq(&format!("{error}{}", source.unwrap_or_default()));
    }

    #[test]
    fn malformed_effects_are_refused() {
        check_refused(
            "{",
            &expect!["the effects are malformed: EOF while parsing an object at line 1 column 1"],
        );
        check_refused(
            r#"{"version":2,"effects":{}}"#,
            &expect!["the effects are of version 2, hint: this program knows version 1"],
        );
        check_refused(
            r#"{"version":1,"effects":{"scripts":[]}}"#,
            &expect![
                "the effects are malformed: unknown field `scripts`, expected one of `users`, `groups`, `directories`, `capabilities`, `alternatives`, `loader_cache`, `certificates` at line 1 column 33"
            ],
        );
        check_refused(
            r#"{"version":1,"effects":{"certificates":["/etc/a"]}}"#,
            &expect!["`/etc/a` is not a path below the root"],
        );
        check_refused(
            r#"{"version":1,"effects":{"directories":[{"path":"a","owner":"root","group":"root","mode":"17777"}]}}"#,
            &expect!["`a` has the mode 17777, which is more than permission bits"],
        );
        check_refused(
            r#"{"version":1,"effects":{"groups":[{"name":"a:b","gid":1}]}}"#,
            &expect![
                "`a:b` cannot name a user or group, hint: up to 32 of a-z, 0-9, `_`, `-` and `.`, beginning with a letter or `_`"
            ],
        );
        check_refused(
            r#"{"version":1,"effects":{"capabilities":[{"path":"a","capabilities":["cap_all"]}]}}"#,
            &expect![
                "the effects are malformed: `cap_all` is not a capability, hint: names are those of capabilities(7), in lower case at line 1 column 78"
            ],
        );
    }
}
