//! Questions about a graph: which nodes depend on which, over which paths, and which are of
//! a kind. A question is read as an [`Expression`] and [answered](answer) over anything that
//! is a [`Universe`]. Unaware of what the nodes are.

use std::ops::Range;

mod answer;
mod expression;
mod links;
mod tokens;

pub use answer::{Answer, Universe, answer};
pub use expression::{Argument, Expression, Function, Operator};
pub use links::Links;

/// What is wrong with a question, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// The place in the question, in bytes.
    pub place: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
}

impl QueryError {
    fn new(place: Range<usize>, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

#[cfg(test)]
mod tests;
