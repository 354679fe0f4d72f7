//! Answers to questions. Unaware of how a question is written.

use std::collections::BTreeSet;
use std::ops::Range;

use regex::Regex;

use super::QueryError;
use super::expression::{Argument, Expression, Function, Operator};
use super::links::{Direction, Links};

/// What questions are asked about: nodes that are numbered from 0.
pub trait Universe {
    /// Who needs whom.
    fn links(&self) -> &Links;

    /// The nodes that a word names; an error in words if it names none.
    ///
    /// # Errors
    /// What is wrong with the word.
    fn named(&self, word: &str) -> Result<BTreeSet<u32>, String>;

    /// The nodes that depend on each other as seen from everywhere: the universe of `rdeps`.
    fn everything(&self) -> BTreeSet<u32>;

    /// A node's name.
    fn name(&self, node: u32) -> String;

    /// What kind of thing a node is.
    fn kind(&self, node: u32) -> String;

    /// A node's attribute as text, if it has that attribute.
    fn attribute(&self, node: u32, name: &str) -> Option<String>;
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nodes in no order.
    Set(BTreeSet<u32>),
    /// Nodes on a way, from its start to its end; empty if there is none.
    Path(Vec<u32>),
}

/// Answers a question.
///
/// # Errors
/// [`QueryError`] if a word names nothing or a regular expression is wrong.
pub fn answer(question: &Expression, universe: &dyn Universe) -> Result<Answer, QueryError> {
    if let Expression::Call(Function::Somepath, arguments, _) = question {
        return Ok(Answer::Path(path(arguments, universe)?));
    }
    set(question, universe).map(Answer::Set)
}

fn set(question: &Expression, universe: &dyn Universe) -> Result<BTreeSet<u32>, QueryError> {
    match question {
        Expression::Word(word, place) => {
            universe.named(word).map_err(|message| QueryError::new(place.clone(), message))
        }
        Expression::Call(function, arguments, _) => call(*function, arguments, universe),
        Expression::Chain(first, rest) => {
            let mut all = set(first, universe)?;
            for (operator, operand) in rest {
                let operand = set(operand, universe)?;
                match operator {
                    Operator::Union => all.extend(operand),
                    Operator::Except => all.retain(|node| !operand.contains(node)),
                    Operator::Intersect => all.retain(|node| operand.contains(node)),
                }
            }
            Ok(all)
        }
    }
}

fn call(
    function: Function,
    arguments: &[Argument],
    universe: &dyn Universe,
) -> Result<BTreeSet<u32>, QueryError> {
    let links = universe.links();
    let everywhere = |_| true;
    match (function, arguments) {
        (Function::Deps, [Argument::Set(of), rest @ ..]) => {
            Ok(links.reach(&set(of, universe)?, Direction::Down, depth(rest), &everywhere))
        }
        (Function::Rdeps, [Argument::Set(of)]) => {
            let all = links.reach(&universe.everything(), Direction::Down, usize::MAX, &everywhere);
            Ok(links.reach(&set(of, universe)?, Direction::Up, usize::MAX, &|node| all.contains(&node)))
        }
        (Function::Rdeps, [Argument::Set(all), Argument::Set(of), rest @ ..]) => {
            let all = links.reach(&set(all, universe)?, Direction::Down, usize::MAX, &everywhere);
            Ok(links.reach(&set(of, universe)?, Direction::Up, depth(rest), &|node| all.contains(&node)))
        }
        (Function::Allpaths, [Argument::Set(from), Argument::Set(to)]) => {
            let below = links.reach(&set(from, universe)?, Direction::Down, usize::MAX, &everywhere);
            let to = set(to, universe)?;
            Ok(links.reach(&to, Direction::Up, usize::MAX, &|node| below.contains(&node)))
        }
        (Function::Somepath, arguments) => Ok(path(arguments, universe)?.into_iter().collect()),
        (Function::Kind, [Argument::Text(text, place), Argument::Set(of)]) => {
            select(text, place, of, universe, &|node| Some(universe.kind(node)))
        }
        (Function::Filter, [Argument::Text(text, place), Argument::Set(of)]) => {
            select(text, place, of, universe, &|node| Some(universe.name(node)))
        }
        (Function::Attr, [Argument::Text(name, _), Argument::Text(text, place), Argument::Set(of)]) => {
            select(text, place, of, universe, &|node| universe.attribute(node, name))
        }
        _ => unreachable!("a call has the arguments that its function takes"),
    }
}

fn path(arguments: &[Argument], universe: &dyn Universe) -> Result<Vec<u32>, QueryError> {
    let [Argument::Set(from), Argument::Set(to)] = arguments else {
        unreachable!("`somepath` takes two sets");
    };
    let path = universe.links().path(&set(from, universe)?, &set(to, universe)?);
    Ok(path.unwrap_or_default())
}

fn depth(arguments: &[Argument]) -> usize {
    match arguments {
        [Argument::Depth(depth)] => *depth,
        _ => usize::MAX,
    }
}

/// The nodes of a set of which something matches a regular expression anywhere.
fn select(
    text: &str,
    place: &Range<usize>,
    of: &Expression,
    universe: &dyn Universe,
    what: &dyn Fn(u32) -> Option<String>,
) -> Result<BTreeSet<u32>, QueryError> {
    let regex = Regex::new(text).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        QueryError::new(place.clone(), format!("`{text}` is not a regular expression: {why}"))
    })?;
    let of = set(of, universe)?;
    Ok(of.into_iter().filter(|node| what(*node).is_some_and(|text| regex.is_match(&text))).collect())
}
