//! `wiz query`: which targets or actions there are and how they depend on each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use wiz_base::{RelPath, Span, TargetPattern};
use wiz_graph::query::{Answer, Expression, QueryError, answer};

use crate::arguments::{Query, QueryOutput};
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;
use universe::Subjects;

mod universe;

/// Answers a question.
///
/// # Errors
/// If it cannot be read or answered, or definitions are wrong.
pub(crate) fn run(config: &Config, query: &Query) -> Result<(), CliError> {
    let text = &query.expression;
    let refused = |error: QueryError| refused(text, error);
    let expression = Expression::parse(text).map_err(refused)?;
    let mut patterns: BTreeSet<TargetPattern> = BTreeSet::new();
    for (word, place) in expression.words() {
        patterns.insert(pattern(text, word, place)?);
    }
    if expression.needs_everything() {
        patterns.insert(TargetPattern::Recursive(RelPath::root()));
    }
    let session = Session::open_to_read(config, query.platform.as_deref())?;
    let patterns: Vec<TargetPattern> = patterns.into_iter().collect();
    let built = session.analyse(&patterns)?;
    let subjects = if query.actions { Subjects::actions(&built) } else { Subjects::targets(&built) };
    let (nodes, is_path) = match answer(&expression, &subjects).map_err(refused)? {
        Answer::Path(nodes) => (nodes, true),
        Answer::Set(nodes) => (nodes.into_iter().collect(), false),
    };
    match query.output {
        QueryOutput::Label => output::results(&labels(&subjects, &nodes, is_path)),
        QueryOutput::Json => output::result(&json(&subjects, nodes).to_string()),
        QueryOutput::Dot => output::results(&dot(&subjects, nodes)),
    }
    // The process ends here: taking a large graph apart would be for nothing.
    std::mem::forget(subjects);
    std::mem::forget(built);
    Ok(())
}

fn pattern(text: &str, word: &str, place: Range<usize>) -> Result<TargetPattern, CliError> {
    TargetPattern::parse(word).map_err(|error| {
        CliError::new(Kind::User, "WIZ2030", error.to_string())
            .hint("labels look like `//images:base`, patterns like `//pkgs/...` and `//images:all`")
            .within(text, span(text, place))
    })
}

fn refused(text: &str, error: QueryError) -> CliError {
    let place = span(text, error.place);
    let refused = CliError::new(Kind::User, "WIZ2030", error.message).within(text, place);
    match error.hint {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}

/// A place in a question as lines and columns.
fn span(text: &str, place: Range<usize>) -> Span {
    let at = |byte: usize| {
        let before = &text[..byte];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (number(line), number(column))
    };
    let ((line, column), (end_line, end_column)) = (at(place.start), at(place.end));
    let file = RelPath::new("question").expect("a path in the one spelling");
    Span { file, line, column, end_line, end_column }
}

/// One name a line; in order of names, or of the way.
fn labels(subjects: &Subjects<'_>, nodes: &[u32], is_path: bool) -> String {
    let mut names: Vec<String> = nodes.iter().map(|node| subjects.shown(*node)).collect();
    if !is_path {
        names.sort_unstable();
    }
    // A target for several platforms is one name.
    names.dedup();
    names.iter().map(|name| format!("{name}\n")).collect()
}

fn json(subjects: &Subjects<'_>, mut nodes: Vec<u32>) -> serde_json::Value {
    nodes.sort_by_cached_key(|node| subjects.unique(*node));
    let all: Vec<_> = nodes.iter().map(|node| subjects.json(*node)).collect();
    serde_json::json!({subjects.plural(): all})
}

fn dot(subjects: &Subjects<'_>, mut nodes: Vec<u32>) -> String {
    nodes.sort_by_cached_key(|node| subjects.unique(*node));
    let quoted: BTreeMap<u32, String> =
        nodes.iter().map(|node| (*node, quote(&subjects.unique(*node)))).collect();
    let mut text = format!("digraph {} {{\n", subjects.plural());
    for node in &nodes {
        let name = &quoted[node];
        let label = quote(&subjects.label(*node));
        let _ = writeln!(text, "  {name} [label={label}];");
        for needed in subjects.needs(*node).iter().filter_map(|needed| quoted.get(needed)) {
            let _ = writeln!(text, "  {name} -> {needed};");
        }
    }
    text.push_str("}\n");
    text
}

/// A quoted string of the DOT language; line breaks as it spells them.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
