//! `wiz why`: what made a target's actions run.

use std::fmt::Write as _;

use wiz_graph::key::difference::Difference;
use wiz_graph::key::manifest::Part;

use crate::arguments::Why;
use crate::config::Config;
use crate::error::CliError;
use crate::output;
use crate::session::Session;
use crate::session::explain::{Cause, Compared, Explained, Explanation};

/// Characters of a value that are shown; of a digest fewer.
const SHOWN: usize = 60;

/// Tells why a target was, or will be, built again.
///
/// # Errors
/// If definitions are wrong, or the store cannot be opened.
pub(crate) fn run(config: &Config, why: &Why) -> Result<(), CliError> {
    let session = Session::open_to_read(config, why.platform.as_deref())?;
    let target = session.target(&why.label)?;
    let explanation = session.explain(&target)?;
    if why.json {
        output::result(&serde_json::to_string(&explanation).unwrap_or_default());
    } else {
        output::results(&text(&explanation));
    }
    Ok(())
}

fn text(explanation: &Explanation) -> String {
    let label = &explanation.label;
    let with_causes = || explanation.actions.iter().filter(|action| !action.causes.is_empty());
    let causes: usize = with_causes().map(|action| action.causes.len()).sum();
    let first = explanation.actions.iter().filter(|action| action.compared == Compared::Nothing);
    let first: Vec<&str> = first.map(|action| action.action.as_str()).collect();
    let mut text = headline(explanation, causes, first.len());
    for action in with_causes() {
        let _ = writeln!(text, "{}", action.action);
        action.causes.iter().for_each(|cause| add_cause(&mut text, cause));
    }
    for action in &first {
        let _ = writeln!(text, "{action}\n  no other result of it is in the cache");
    }
    let followed: Vec<&Explained> =
        explanation.actions.iter().filter(|action| !action.followed.is_empty()).collect();
    if !followed.is_empty() {
        text.push_str("what followed:\n");
    }
    // From the causes to the target.
    for action in followed.iter().rev() {
        for input in &action.followed {
            let _ = writeln!(text, "  {}: reads {}, made by {}", action.action, input.input, input.producer);
        }
    }
    if !explanation.built {
        let _ = writeln!(text, "not built yet: `wiz build {label}` builds it");
    }
    text
}

fn headline(explanation: &Explanation, causes: usize, first: usize) -> String {
    let Explanation { label, actions, built, .. } = explanation;
    if actions.is_empty() {
        return format!("nothing is made for {label}\n");
    }
    let done = if *built { "was built" } else { "will be built" };
    let set_back = actions.first().is_some_and(|action| matches!(action.compared, Compared::Later { .. }));
    let changes = |count: usize| if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
    match (causes, first) {
        (0, 0) => format!("{label} {done} again, but nothing that went into it differs\n"),
        (0, _) => format!("{label} {done} for the first time as far as the cache knows\n"),
        _ if set_back && *built => format!("{label} is as it was before {}\n", changes(causes)),
        _ => format!("{label} {done} again because of {}\n", changes(causes)),
    }
}

fn add_cause(text: &mut String, cause: &Cause) {
    let Difference { name, before, after, .. } = &cause.difference;
    let what = what(cause);
    let _ = match (before, after) {
        (Some(before), Some(after)) => {
            writeln!(text, "  {what} {name}: {} -> {}", short(before), short(after))
        }
        (Some(before), None) => writeln!(text, "  {what} {name} is gone; it was {}", short(before)),
        (None, Some(after)) => writeln!(text, "  {what} {name} is new: {}", short(after)),
        (None, None) => Ok(()),
    };
    for path in &cause.paths {
        let _ = writeln!(text, "    {path}");
    }
}

fn what(cause: &Cause) -> &'static str {
    match cause.difference.part {
        _ if cause.source => "source",
        Part::Argument => "argument",
        Part::Variable => "variable",
        Part::Parameter => "parameter",
        Part::Root => "root",
        Part::Input => "input",
        Part::Text => "text of",
        Part::Platform => "platform",
        Part::Salt => "setting",
    }
}

/// A value on one line, digests and long texts cut.
fn short(value: &str) -> String {
    if let Some((kind, digest)) = value.split_once(' ')
        && let Some((hash, size)) = digest.split_once('/')
        && hash.len() == 64
    {
        return format!("{kind} {} of {size} bytes", &hash[..12]);
    }
    let line = value.replace('\n', "\\n");
    if line.chars().count() <= SHOWN {
        return format!("`{line}`");
    }
    let start: String = line.chars().take(SHOWN).collect();
    format!("`{start}…`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_on_one_short_line() {
        assert_eq!(short("-O2"), "`-O2`");
        assert_eq!(short("a\nb"), "`a\\nb`");
        let digest = format!("file {}/12", "ab".repeat(32));
        assert_eq!(short(&digest), "file abababababab of 12 bytes");
        assert_eq!(short(&"x".repeat(100)), format!("`{}…`", "x".repeat(60)));
    }
}
