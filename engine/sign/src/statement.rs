//! In-toto statements about what was built.
//!
//! Source: in-toto Statement v1; SLSA provenance v1.

use serde_json::{Map, Value, json};

/// The type of every statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// The type of what a provenance statement says.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement(Map<String, Value>);

/// Who ran a build, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDetails {
    /// The URI of who vouches for the build.
    pub builder: String,
    /// The revision of the workspace, if it is known.
    pub revision: Option<String>,
    /// When it was signed, as RFC 3339 writes it.
    pub finished: Option<String>,
}

/// A statement that is none, or about something else.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StatementError {
    /// It is no statement.
    #[error("it is no in-toto statement: {0}")]
    Malformed(String),
    /// It is about something else.
    #[error("the statement is about {}, not about `sha256:{wanted}`", subjects(.found))]
    Subject {
        /// What was asked about.
        wanted: String,
        /// What it is about.
        found: Vec<String>,
    },
}

fn subjects(found: &[String]) -> String {
    let all: Vec<String> = found.iter().map(|digest| format!("`sha256:{digest}`")).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// [`StatementError::Malformed`] if it is none.
    pub fn read(text: &[u8]) -> Result<Self, StatementError> {
        let malformed = |problem: &str| StatementError::Malformed(problem.to_owned());
        let value: Value =
            serde_json::from_slice(text).map_err(|error| StatementError::Malformed(error.to_string()))?;
        let Value::Object(fields) = value else { return Err(malformed("it is no object")) };
        if fields.get("_type").and_then(Value::as_str) != Some(STATEMENT) {
            return Err(malformed("its `_type` is another"));
        }
        Ok(Self(fields))
    }

    /// A statement that says something of what has this SHA-256, in hexadecimal digits.
    #[must_use]
    pub fn about(name: &str, sha256: &str, kind: &str, predicate: Value) -> Self {
        let subject = json!([{"name": name, "digest": {"sha256": sha256}}]);
        let fields = [
            ("_type", json!(STATEMENT)),
            ("subject", subject),
            ("predicateType", json!(kind)),
            ("predicate", predicate),
        ];
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Adds to a provenance statement who ran the build.
    ///
    /// # Errors
    /// [`StatementError::Malformed`] if it is no provenance statement.
    pub fn with_run(mut self, run: &RunDetails) -> Result<Self, StatementError> {
        let none = || StatementError::Malformed("it says nothing of a build".to_owned());
        if self.kind() != Some(PROVENANCE) {
            return Err(none());
        }
        let predicate = self.0.get_mut("predicate").and_then(Value::as_object_mut).ok_or_else(none)?;
        if let Some(revision) = &run.revision {
            let definition = predicate.get_mut("buildDefinition").ok_or_else(none)?;
            definition["externalParameters"]["revision"] = json!(revision);
        }
        let mut details = json!({"builder": {"id": run.builder}});
        if let Some(finished) = &run.finished {
            details["metadata"] = json!({"finishedOn": finished});
        }
        predicate.insert("runDetails".to_owned(), details);
        Ok(self)
    }

    /// What sort of thing it says.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.0.get("predicateType").and_then(Value::as_str)
    }

    /// What it says.
    #[must_use]
    pub fn predicate(&self) -> Option<&Value> {
        self.0.get("predicate")
    }

    /// The SHA-256 digests of what it is about, in hexadecimal digits.
    #[must_use]
    pub fn digests(&self) -> Vec<String> {
        let subjects = self.0.get("subject").and_then(Value::as_array).into_iter().flatten();
        subjects.filter_map(|subject| subject["digest"]["sha256"].as_str()).map(str::to_owned).collect()
    }

    pub(crate) fn require_subject(&self, wanted: &str) -> Result<(), StatementError> {
        let found = self.digests();
        if found.iter().any(|digest| digest == wanted) {
            return Ok(());
        }
        Err(StatementError::Subject { wanted: wanted.to_owned(), found })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("statements have text keys and no failing fields")
    }
}
