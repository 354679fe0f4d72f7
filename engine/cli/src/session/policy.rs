//! Exceptions from policies, and when they end: the one part of a policy that needs a clock.

use wiz_base::Diagnostic;
use wiz_graph::{AnalyzedTarget, Value};

use crate::error::CliError;

/// Something that a policy lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exception<'a> {
    pub(crate) rule: &'a str,
    pub(crate) subject: &'a str,
    /// The last day on which it counts, such as `2027-01-31`.
    pub(crate) expires: &'a str,
}

/// The exceptions that a target's `PolicyInfo` has.
pub(crate) fn exceptions(target: &AnalyzedTarget) -> impl Iterator<Item = Exception<'_>> {
    let listed = target.provider("PolicyInfo").and_then(|policy| policy.fields.get("exceptions"));
    let exceptions = match listed {
        Some(Value::List(exceptions)) => &exceptions[..],
        _ => &[],
    };
    exceptions.iter().filter_map(|exception| match exception {
        Value::Dict(fields) | Value::Struct(fields) => {
            let text = |name: &str| {
                fields.iter().find_map(|(known, value)| match value {
                    Value::String(text) if known == name => Some(text.as_str()),
                    _ => None,
                })
            };
            Some(Exception { rule: text("rule")?, subject: text("subject")?, expires: text("expires")? })
        }
        _ => None,
    })
}

/// Refuses targets with exceptions that have ended.
///
/// # Errors
/// All of them.
pub(crate) fn in_time<'a>(
    targets: impl Iterator<Item = &'a AnalyzedTarget>,
    today: &str,
) -> Result<(), CliError> {
    let mut ended = Vec::new();
    for target in targets {
        for Exception { rule, subject, expires } in exceptions(target).filter(|it| it.expires < today) {
            let message = format!(
                "the exception of `{}` from `{rule}` for `{subject}` ended on {expires}",
                target.id.label
            );
            let hint = "mend what it is about, or give it another end and say why";
            ended.push(Diagnostic::error("WIZ2032", message).hint(hint));
        }
    }
    if ended.is_empty() { Ok(()) } else { Err(CliError::failed(ended)) }
}
