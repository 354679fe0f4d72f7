//! `wiz query`: which targets there are and what they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wiz_base::TargetPattern;
use wiz_graph::{AnalyzedTarget, ConfiguredTarget};

use crate::arguments::{Query, QueryOutput};
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;

/// A question.
#[derive(Debug, PartialEq, Eq)]
enum Expression {
    /// The targets of a pattern.
    Targets(TargetPattern),
    /// The targets of a pattern and all they need.
    Dependencies(TargetPattern),
}

/// Answers a question.
///
/// # Errors
/// If it cannot be read, or definitions are wrong.
pub(crate) fn run(config: &Config, query: &Query) -> Result<(), CliError> {
    let expression = parse(&query.expression)?;
    let (Expression::Targets(pattern) | Expression::Dependencies(pattern)) = &expression;
    let session = Session::open_to_read(config, query.platform.as_deref())?;
    let built = session.analyse(std::slice::from_ref(pattern))?;
    let targets: BTreeMap<&ConfiguredTarget, &AnalyzedTarget> = match expression {
        Expression::Targets(_) => built.requested().map(|target| (&target.id, target)).collect(),
        Expression::Dependencies(_) => built.targets.iter().map(|(id, target)| (id, &**target)).collect(),
    };
    match query.output {
        QueryOutput::Label => {
            let labels: BTreeSet<String> = targets.keys().map(|id| id.label.to_string()).collect();
            labels.iter().for_each(|label| output::result(label));
        }
        QueryOutput::Json => output::result(&json(&targets).to_string()),
        QueryOutput::Dot => output::result(dot(&targets).trim_end()),
    }
    Ok(())
}

fn parse(text: &str) -> Result<Expression, CliError> {
    let wrong = |problem: String| {
        CliError::new(Kind::User, "WIZ2030", format!("`{text}` is not a question: {problem}"))
            .hint("ask for a label, a pattern such as `//pkgs/...`, or `deps(//images:base)`")
    };
    let pattern = |inner: &str| TargetPattern::parse(inner.trim()).map_err(|error| wrong(error.to_string()));
    match text.trim().split_once('(') {
        None => Ok(Expression::Targets(pattern(text)?)),
        Some(("deps", rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| wrong("`)` is missing".to_owned()))?;
            Ok(Expression::Dependencies(pattern(inner)?))
        }
        Some((function, _)) => Err(wrong(format!("there is no function `{function}`"))),
    }
}

fn json(targets: &BTreeMap<&ConfiguredTarget, &AnalyzedTarget>) -> serde_json::Value {
    let target = |target: &&AnalyzedTarget| {
        let dependencies: Vec<_> = target.dependencies.iter().map(|id| id.label.to_string()).collect();
        serde_json::json!({
            "label": target.id.label.to_string(),
            "platform": target.id.platform.as_str(),
            "rule": target.rule,
            "place": target.span.as_ref().map(ToString::to_string),
            "dependencies": dependencies,
        })
    };
    serde_json::json!({"targets": targets.values().map(target).collect::<Vec<_>>()})
}

fn dot(targets: &BTreeMap<&ConfiguredTarget, &AnalyzedTarget>) -> String {
    let mut text = "digraph targets {\n".to_owned();
    for (id, target) in targets {
        let _ = writeln!(text, "  \"{}\" [label=\"{}\\n{}\"];", id.label, id.label, target.rule);
        for dependency in target.dependencies.iter().filter(|dependency| targets.contains_key(dependency)) {
            let _ = writeln!(text, "  \"{}\" -> \"{}\";", id.label, dependency.label);
        }
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_patterns_or_dependencies() {
        let pattern = |text| TargetPattern::parse(text).unwrap();
        assert_eq!(parse("//pkgs/...").unwrap(), Expression::Targets(pattern("//pkgs/...")));
        assert_eq!(parse(" deps( //a:b ) ").unwrap(), Expression::Dependencies(pattern("//a:b")));
        for wrong in ["deps(//a", "rdeps(//a)", "a b", "deps(x)"] {
            assert_eq!(parse(wrong).unwrap_err().kind, Kind::User, "{wrong}");
        }
    }
}
