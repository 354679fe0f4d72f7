//! What is wrong with a user's input, where, and what to try. Unaware of how it
//! is shown.

use std::fmt;

use crate::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be built from this.
    Error,
    /// It builds, but is not what it should be.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code, `WIZ` and four digits.
    pub code: String,
    /// Lower-case, names in backticks, no full stop.
    pub message: String,
    /// Where, if it concerns a place.
    pub span: Option<Span>,
    /// The chain of loads and calls that led there, outermost first.
    pub trace: Vec<(String, Option<Span>)>,
    /// What to try.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error with nothing but code and message.
    #[must_use]
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.to_owned(),
            message: message.into(),
            span: None,
            trace: Vec::new(),
            hint: None,
        }
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = &self.span {
            write!(f, "{span}: ")?;
        }
        write!(f, "[{}] {}", self.code, self.message)?;
        for (what, span) in &self.trace {
            match span {
                Some(span) => write!(f, "\n  {what} at {span}")?,
                None => write!(f, "\n  {what}")?,
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}
