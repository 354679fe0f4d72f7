//! The one error of the command line: of a kind that decides the exit status, with
//! what to try. Renders diagnostics with the source text they concern.

use std::fmt::Write as _;
use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};
use wiz_base::{Diagnostic, Severity, Span};

/// Whose fault it is; decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A build, test or check failed.
    Failed,
    /// The user's input is wrong: arguments, definitions, configuration.
    User,
    /// Network, disk, kernel or a remote failed.
    Surroundings,
    /// A bug in wiz.
    Bug,
}

impl Kind {
    /// The process's exit status.
    pub(crate) const fn status(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::User => 2,
            Self::Surroundings => 3,
            Self::Bug => 70,
        }
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct CliError {
    /// Decides the exit status.
    pub(crate) kind: Kind,
    /// What is to be said, in this order; nothing if it has been said already.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The text that places are in, where that is no file of the workspace.
    pub(crate) text: Option<String>,
}

impl CliError {
    /// One error with a stable code.
    pub(crate) fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, diagnostics: vec![Diagnostic::error(code, message)], text: None }
    }

    /// An error of a library, whose text may end in a hint.
    pub(crate) fn of(kind: Kind, code: &str, error: &dyn std::fmt::Display) -> Self {
        let text = error.to_string();
        match text.split_once("\nhint: ") {
            Some((message, hint)) => Self::new(kind, code, message).hint(hint),
            None => Self::new(kind, code, text),
        }
    }

    /// Several errors of one kind.
    pub(crate) const fn several(kind: Kind, diagnostics: Vec<Diagnostic>) -> Self {
        Self { kind, diagnostics, text: None }
    }

    /// The same with a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.last_mut() {
            last.hint = Some(hint.into());
        }
        self
    }

    /// Whether it says what to try.
    pub(crate) fn has_hint(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.hint.is_some())
    }

    /// The same at a place in a text that is no file.
    pub(crate) fn within(mut self, text: &str, span: Span) -> Self {
        if let Some(last) = self.diagnostics.last_mut() {
            last.span = Some(span);
        }
        self.text = Some(text.to_owned());
        self
    }

    /// Definitions that are wrong.
    pub(crate) fn definitions(diagnostics: Vec<Diagnostic>) -> Self {
        Self { kind: Kind::User, diagnostics, text: None }
    }

    /// Results that are not what they should be.
    pub(crate) fn failed(diagnostics: Vec<Diagnostic>) -> Self {
        Self { kind: Kind::Failed, diagnostics, text: None }
    }

    /// A failure that has been shown when it happened.
    pub(crate) const fn shown(kind: Kind) -> Self {
        Self { kind, diagnostics: Vec::new(), text: None }
    }
}

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Whether escapes for colours may be used.
    pub(crate) color: bool,
    /// Columns of the terminal that lines are broken at; none where text is not drawn on one.
    pub(crate) width: Option<usize>,
}

/// Where the text is that a diagnostic's place is in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// In a file of the workspace that lies there.
    Workspace(&'a Path),
    /// Here.
    Text(&'a str),
    /// Nobody knows.
    Nowhere,
}

impl Source<'_> {
    fn read(self, span: &Span) -> Option<String> {
        match self {
            Self::Workspace(root) => std::fs::read_to_string(root.join(span.file.as_str())).ok(),
            Self::Text(text) => Some(text.to_owned()),
            Self::Nowhere => None,
        }
    }
}

/// Writes a diagnostic with the lines of the text it concerns.
pub(crate) fn render(diagnostic: &Diagnostic, source: Source<'_>, style: Style) -> String {
    let mut report = MietteDiagnostic::new(&diagnostic.message).with_code(&diagnostic.code).with_severity(
        match diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        },
    );
    if let Some(help) = help_text(diagnostic) {
        report = report.with_help(help);
    }
    let source = diagnostic.span.as_ref().and_then(|span| Some((span, source.read(span)?)));
    let theme = if style.color { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
    let handler = match style.width {
        Some(width) => handler.with_width(width),
        None => handler.with_wrap_lines(false),
    };
    let mut drawn = String::new();
    let result = match source {
        Some((span, text)) => {
            let (start, length) = byte_range(&text, span);
            let report = report.with_label(LabeledSpan::new_primary_with_span(None, (start, length)));
            let source = NamedSource::new(span.file.as_str(), text);
            let report = miette::Report::new(report).with_source_code(source);
            handler.render_report(&mut drawn, report.as_ref())
        }
        None => {
            if let Some(span) = &diagnostic.span {
                let _ = writeln!(drawn, "{span}:");
            }
            handler.render_report(&mut drawn, &report)
        }
    };
    if result.is_err() {
        return format!("{diagnostic}\n");
    }
    drawn
}

fn help_text(diagnostic: &Diagnostic) -> Option<String> {
    let mut help = String::new();
    for (what, span) in &diagnostic.trace {
        let _ = match span {
            Some(span) => writeln!(help, "{what} at {span}"),
            None => writeln!(help, "{what}"),
        };
    }
    if let Some(hint) = &diagnostic.hint {
        help.push_str(hint);
    }
    let help = help.trim_end();
    (!help.is_empty()).then(|| help.to_owned())
}

/// Byte offset and length of a span whose lines and columns count from 1.
fn byte_range(text: &str, span: &Span) -> (usize, usize) {
    let offset = |line: u32, column: u32| {
        let before: usize =
            text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
        let rest = &text[before..];
        let within = rest.char_indices().nth(column.saturating_sub(1) as usize);
        before + within.map_or(rest.len(), |(index, _)| index)
    };
    let start = offset(span.line, span.column);
    (start, offset(span.end_line, span.end_column).saturating_sub(start).max(1))
}
