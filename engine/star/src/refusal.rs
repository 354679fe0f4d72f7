//! What is wrong, without a place: raised by values and functions of the language, and
//! given a place where it is caught. Unaware of files.

/// An error that a user can mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// One of [`crate::codes`].
    pub(crate) code: &'static str,
    /// Lower-case, names in backticks, no full stop.
    pub(crate) message: String,
    /// What to try.
    pub(crate) hint: Option<String>,
    /// Texts to look for in the offending call, the first found wins, so that its place
    /// is the exact line.
    pub(crate) focus: Vec<String>,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, focus: Vec::new() }
    }

    /// The same with a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a hint if there is one.
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// The same, about the place where `text` stands in the call.
    pub(crate) fn focus(mut self, text: impl Into<String>) -> Self {
        self.focus.push(text.into());
        self
    }
}

impl From<Refusal> for starlark::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new_other(refusal)
    }
}
