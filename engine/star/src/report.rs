//! From the evaluator's errors and places to diagnostics. Unaware of what was evaluated.

use starlark::ErrorKind;
use starlark::codemap::FileSpan;
use starlark::eval::{CallStack, Evaluator};
use wiz_base::{Diagnostic, RelPath, Severity, Span};

use crate::codes;
use crate::limits::CALL_DEPTH;
use crate::refusal::Refusal;

/// A chain of calls, outermost first; the last is where something was noticed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    /// The function called there, where that is known.
    function: Option<String>,
    place: FileSpan,
}

impl Site {
    /// Where the evaluator is: in a call of a native function or value.
    pub(crate) fn of(eval: &Evaluator) -> Self {
        let mut site = Self::from_stack(&eval.call_stack());
        if let Some(place) = eval.call_stack_top_location()
            && site.calls.last().is_none_or(|call| call.place != place)
        {
            site.calls.push(Call { function: None, place });
        }
        site
    }

    fn from_stack(stack: &CallStack) -> Self {
        let calls = stack.frames.iter().filter_map(|frame| {
            let place = frame.location.clone()?;
            Some(Call { function: Some(frame.name.clone()), place })
        });
        Self { calls: calls.collect() }
    }

    /// Where the outermost call stands: in a BUILD.star, the definition.
    pub(crate) fn outermost(&self) -> Option<Span> {
        self.calls.first().map(|call| span(&call.place))
    }

    /// Where the innermost call stands.
    pub(crate) fn innermost(&self) -> Option<Span> {
        self.calls.last().map(|call| span(&call.place))
    }

    /// The outermost call in which a focus of `refusal` stands, and where.
    fn focused(&self, refusal: &Refusal) -> Option<(usize, Span)> {
        self.calls.iter().enumerate().find_map(|(depth, call)| {
            let place = refusal.focus.iter().find_map(|focus| narrowed(&call.place, focus))?;
            Some((depth, place))
        })
    }

    /// `refusal` at this site: where its focus stands in one of the calls, else at the innermost.
    pub(crate) fn diagnose(&self, refusal: &Refusal) -> Diagnostic {
        let innermost = || self.calls.len().checked_sub(1).map(|last| (last, span(&self.calls[last].place)));
        let mut diagnostic = Diagnostic::error(refusal.code, refusal.message.clone());
        diagnostic.hint.clone_from(&refusal.hint);
        if let Some((depth, place)) = self.focused(refusal).or_else(innermost) {
            diagnostic.span = Some(place);
            diagnostic.trace = described(&self.calls[..depth]);
        }
        diagnostic
    }
}

/// A chain of calls; a long one without its middle.
fn described(calls: &[Call]) -> Vec<(String, Option<Span>)> {
    const ENDS: usize = 4;
    let Some(left_out) = calls.len().checked_sub(2 * ENDS).filter(|left_out| *left_out > 0) else {
        return calls.iter().map(Call::described).collect();
    };
    let (first, last) = (&calls[..ENDS], &calls[calls.len() - ENDS..]);
    let middle = (format!("and {left_out} more calls"), None);
    let ends = |calls: &[Call]| calls.iter().map(Call::described).collect::<Vec<_>>();
    [ends(first), vec![middle], ends(last)].concat()
}

impl Call {
    fn described(&self) -> (String, Option<Span>) {
        let what = match &self.function {
            Some(function) => format!("in the call of `{function}`"),
            None => "in the call".to_owned(),
        };
        (what, Some(span(&self.place)))
    }
}

/// The diagnostic for an error of a rule that runs for the target defined at `definition`.
pub(crate) fn diagnose_target(error: &starlark::Error, file: &RelPath, definition: &Site) -> Diagnostic {
    let diagnostic = diagnose(error, file);
    // A wrong digest is the definition's fault, wherever the rule hands it on.
    match refusal(error) {
        refusal if refusal.code == codes::SHA256 => {
            let span = definition.focused(&refusal).map(|(_, span)| span).or(diagnostic.span);
            Diagnostic { span, ..diagnostic }
        }
        _ => diagnostic,
    }
}

/// The diagnostic for an evaluator's error in `file`.
pub(crate) fn diagnose(error: &starlark::Error, file: &RelPath) -> Diagnostic {
    let refusal = refusal(error);
    let mut site = Site::from_stack(error.call_stack());
    if let Some(place) = error.span()
        && site.calls.last().is_none_or(|call| call.place != *place)
    {
        site.calls.push(Call { function: None, place: place.clone() });
    }
    let diagnostic = site.diagnose(&refusal);
    if diagnostic.span.is_some() { diagnostic } else { diagnostic.at(Span::start_of(file.clone())) }
}

/// A note of what a file says about itself.
pub(crate) fn note(code: &str, message: String, place: Option<Span>) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, span: place, ..Diagnostic::error(code, message) }
}

fn refusal(error: &starlark::Error) -> Refusal {
    let (code, inner) = match error.kind() {
        ErrorKind::Fail(inner) => (codes::FAIL, inner),
        ErrorKind::StackOverflow(_) => {
            let message = format!("calls are nested more than {CALL_DEPTH} deep");
            return Refusal::new(codes::DEPTH, message);
        }
        ErrorKind::Scope(inner) => (codes::SCOPE, inner),
        ErrorKind::Parser(inner) => (codes::SYNTAX, inner),
        ErrorKind::Value(inner)
        | ErrorKind::Function(inner)
        | ErrorKind::Freeze(inner)
        | ErrorKind::Internal(inner)
        | ErrorKind::Native(inner)
        | ErrorKind::Other(inner) => match inner.downcast_ref::<Refusal>() {
            Some(refusal) => return refusal.clone(),
            None => (codes::EVALUATION, inner),
        },
        _ => return Refusal::new(codes::EVALUATION, in_style(&error.without_diagnostic().to_string())),
    };
    let (message, hint) = split_suggestion(&inner.to_string());
    let message = if code == codes::FAIL { inner.to_string().trim().to_owned() } else { in_style(&message) };
    Refusal::new(dialect_or(code, &message), message).maybe_hint(hint)
}

/// Statements that the dialect forbids come as syntax errors.
fn dialect_or(code: &'static str, message: &str) -> &'static str {
    if code == codes::SYNTAX && message.contains("not allowed") { codes::DIALECT } else { code }
}

/// The evaluator writes "…, did you mean `x`?" into its messages.
fn split_suggestion(message: &str) -> (String, Option<String>) {
    match message.split_once(", did you mean ") {
        Some((message, rest)) => (message.to_owned(), Some(format!("did you mean {rest}"))),
        None => (message.to_owned(), None),
    }
}

/// Lower-case, without a full stop, on one line.
fn in_style(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = message.trim_end_matches('.').replace("in this dialect", "in this kind of file");
    let mut letters = message.chars();
    match letters.next() {
        Some(first) if letters.clone().next().is_some_and(|second| !second.is_uppercase()) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message,
    }
}

/// A place of the evaluator as a span.
pub(crate) fn span(place: &FileSpan) -> Span {
    let resolved = place.resolve_span();
    let count = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
    Span {
        file: RelPath::new(place.filename()).unwrap_or_else(|_| RelPath::root()),
        line: count(resolved.begin.line),
        column: count(resolved.begin.column),
        end_line: count(resolved.end.line),
        end_column: count(resolved.end.column),
    }
}

/// Where `focus` stands in the text of `place`, if it does.
fn narrowed(place: &FileSpan, focus: &str) -> Option<Span> {
    let text = place.source_span();
    let before = &text[..text.find(focus)?];
    let whole = span(place);
    let lines = u32::try_from(before.matches('\n').count()).ok()?;
    let columns = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let column = match before.rsplit_once('\n') {
        Some((_, line)) => columns(line) + 1,
        None => whole.column + columns(before),
    };
    let line = whole.line + lines;
    let end_column = column + columns(focus);
    Some(Span { file: whole.file, line, column, end_line: line, end_column })
}
