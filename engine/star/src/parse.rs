//! From a file's text to what is evaluated: its statements checked against what this
//! kind of file may contain, its loads resolved to paths. Unaware of what loads yield.

use starlark::codemap::CodeMap;
use starlark::syntax::ast::{AstStmt, StmtP};
use starlark::syntax::{AstModule, Dialect, DialectTypes};
use starlark_syntax::lexer::{Lexer, Token};
use wiz_base::{Diagnostic, RelPath, Span};
use wiz_graph::{Fingerprint, Ink};

use crate::codes;
use crate::limits;
use crate::package::BUILD_FILE;
use crate::refusal::Refusal;
use crate::report;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// WORKSPACE.star.
    Workspace,
    /// BUILD.star.
    Package,
    /// A `.star` file that is loaded.
    Library,
}

/// A file that can be evaluated.
pub(crate) struct Parsed {
    pub(crate) ast: AstModule,
    pub(crate) loads: Vec<Load>,
    /// Of its tokens, without comments.
    pub(crate) tokens: Fingerprint,
}

/// A `load` statement.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// What the statement names.
    pub(crate) written: String,
    /// The file that is.
    pub(crate) path: RelPath,
    /// The names taken from it.
    pub(crate) symbols: Vec<String>,
    pub(crate) span: Span,
}

const DIALECT: Dialect = Dialect {
    enable_def: true,
    enable_lambda: true,
    enable_load: true,
    enable_keyword_only_arguments: true,
    enable_positional_only_arguments: true,
    enable_types: DialectTypes::Enable,
    enable_load_reexport: false,
    enable_top_level_stmt: true,
    enable_f_strings: true,
    _non_exhaustive: (),
};

/// Parses a file, or says everything that keeps it from being evaluated.
pub(crate) fn parse(file: &RelPath, text: String, kind: FileKind) -> Result<Parsed, Vec<Diagnostic>> {
    let dialect = Dialect { enable_lambda: kind == FileKind::Library, ..DIALECT };
    let tokens = tokens(&text);
    let mut ast = AstModule::parse(file.as_str(), text, &dialect)
        .map_err(|error| vec![report::diagnose(&error, file)])?;
    let mut diagnostics = Vec::new();
    check_statement(ast.statement(), &ast, kind, &mut diagnostics);
    let mut loads = Vec::new();
    for load in ast.loads() {
        let span = report::span(&load.span);
        match module_path(load.module_id, file) {
            Ok(path) => loads.push(Load {
                written: load.module_id.to_owned(),
                path,
                symbols: load.symbols.values().map(|symbol| (*symbol).to_owned()).collect(),
                span,
            }),
            Err(refusal) => diagnostics.push(at(&refusal, span)),
        }
    }
    limits::watch_products(&mut ast);
    if diagnostics.is_empty() { Ok(Parsed { ast, loads, tokens }) } else { Err(diagnostics) }
}

/// The fingerprint of a file's tokens: equal for files that differ in comments, empty
/// lines and spaces within lines only.
pub(crate) fn tokens(text: &str) -> Fingerprint {
    let mut ink = Ink::default();
    let mut line_is_empty = true;
    for lexeme in Lexer::new(text, &DIALECT, CodeMap::new(String::new(), text.to_owned())) {
        match lexeme {
            Ok((_, Token::Comment(_), _)) => {}
            Ok((_, Token::Newline, _)) if line_is_empty => {}
            Ok((_, token, _)) => {
                line_is_empty = matches!(token, Token::Newline);
                ink.tag(0).text(&format!("{token:?}"));
            }
            // Such a file cannot be parsed, and what cannot be parsed is not remembered.
            Err(_) => {
                ink.tag(1);
            }
        }
    }
    ink.dry()
}

/// A refusal with a place.
pub(crate) fn at(refusal: &Refusal, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(refusal.code, refusal.message.clone()).at(span);
    Diagnostic { hint: refusal.hint.clone(), ..diagnostic }
}

fn check_statement(statement: &AstStmt, ast: &AstModule, kind: FileKind, found: &mut Vec<Diagnostic>) {
    let refused = match &statement.node {
        StmtP::Statements(statements) => {
            return statements.iter().for_each(|statement| check_statement(statement, ast, kind, found));
        }
        StmtP::Def(_) if kind != FileKind::Library => {
            ("`def`", "write the function in a `.star` file and load it")
        }
        StmtP::Load(_) if kind == FileKind::Workspace => ("`load`", "WORKSPACE.star stands alone"),
        StmtP::For(_) => ("`for` at the top level", "use a comprehension, or a function of a `.star` file"),
        StmtP::If(..) | StmtP::IfElse(..) => {
            ("`if` at the top level", "use `select()`, or a function of a `.star` file")
        }
        _ => return,
    };
    let (what, hint) = refused;
    let place = match kind {
        FileKind::Workspace => "WORKSPACE.star",
        FileKind::Package => BUILD_FILE,
        FileKind::Library => "a `.star` file",
    };
    let span = report::span(&ast.file_span(statement.span));
    let span = Span { end_line: span.line, end_column: span.column, ..span };
    let message = format!("{what} is not allowed in {place}");
    found.push(Diagnostic::error(codes::DIALECT, message).at(span).hint(hint));
}

/// The file that a `load` of `file` names: `//folder:file.star`, `//folder/file.star`
/// or `:file.star`.
pub(crate) fn module_path(written: &str, file: &RelPath) -> Result<RelPath, Refusal> {
    let refuse = |message: String| Refusal::new(codes::LOAD_PATH, message);
    let folder = file.parent().unwrap_or_else(RelPath::root);
    let path = if let Some(name) = written.strip_prefix(':') {
        folder.join_str(name)
    } else if let Some(rest) = written.strip_prefix("//") {
        RelPath::new(&rest.replacen(':', "/", 1)).or_else(|_| RelPath::new(rest.trim_start_matches(':')))
    } else {
        let message = format!("`{written}` names no file");
        return Err(refuse(message).hint("write `//folder:file.star`, or `:file.star` for this folder"));
    };
    let path = path.map_err(|error| refuse(format!("`{written}` names no file: {error}")))?;
    let name = path.file_name();
    if !name.ends_with(".star") || name == BUILD_FILE || name == "WORKSPACE.star" {
        return Err(refuse(format!("`{written}` cannot be loaded")).hint("only other `.star` files can"));
    }
    let private = private_to(&path).filter(|owner| !file.starts_with(owner));
    if let Some(owner) = private {
        let message = format!("`{written}` is private to `//{owner}`");
        let hint = format!("load a file of `//{owner}` that makes public what you need");
        return Err(Refusal::new(codes::LOAD_PRIVATE, message).hint(hint));
    }
    Ok(path)
}

/// The folder around the innermost folder called `private`, if the file lies in one.
fn private_to(path: &RelPath) -> Option<RelPath> {
    let mut folder = path.parent()?;
    while !folder.is_root() {
        let parent = folder.parent()?;
        if folder.file_name() == "private" {
            return Some(parent);
        }
        folder = parent;
    }
    None
}
