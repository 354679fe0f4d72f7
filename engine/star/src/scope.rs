//! What an evaluation may do and what it leaves behind besides its module: the one value
//! that native functions reach through the evaluator.

use std::cell::RefCell;

use starlark::any::ProvidesStaticType;
use starlark::eval::Evaluator;
use wiz_base::{Diagnostic, RelPath};

use crate::actions::TargetScope;
use crate::codes;
use crate::package::PackageScope;
use crate::refusal::Refusal;
use crate::workspace::WorkspaceScope;

/// One evaluation's surroundings.
#[derive(ProvidesStaticType)]
pub(crate) struct Scope<'a> {
    /// The file that is evaluated; for an analysis, the file of the rule.
    pub(crate) file: RelPath,
    /// What sort of evaluation it is.
    pub(crate) kind: ScopeKind<'a>,
    /// What the evaluation has to say, beyond how it ends.
    pub(crate) diagnostics: RefCell<Vec<Diagnostic>>,
}

/// The sorts of evaluation.
pub(crate) enum ScopeKind<'a> {
    /// WORKSPACE.star.
    Workspace(WorkspaceScope),
    /// A `.star` file that is loaded.
    Library,
    /// A BUILD.star.
    Package(PackageScope<'a>),
    /// A rule's implementation for one target.
    Target(TargetScope),
}

impl<'a> Scope<'a> {
    pub(crate) fn new(file: RelPath, kind: ScopeKind<'a>) -> Self {
        Self { file, kind, diagnostics: RefCell::default() }
    }

    /// The surroundings of an evaluation.
    pub(crate) fn of<'s>(eval: &Evaluator<'_, 's, 'a>) -> &'s Self {
        let extra = eval.extra.expect("every evaluation is given a scope");
        extra.downcast_ref::<Scope<'a>>().expect("nothing but a scope is ever given")
    }

    /// The package being defined.
    pub(crate) fn package(&self, what: &str) -> Result<&PackageScope<'a>, Refusal> {
        match &self.kind {
            ScopeKind::Package(package) => Ok(package),
            _ => Err(misplaced(what, "in a BUILD.star")),
        }
    }

    /// The target being analysed.
    pub(crate) fn target(&self, what: &str) -> Result<&TargetScope, Refusal> {
        match &self.kind {
            ScopeKind::Target(target) => Ok(target),
            _ => Err(misplaced(what, "in a rule's implementation")),
        }
    }

    /// Whether a file other than BUILD.star is being loaded, where rules are declared.
    pub(crate) fn library(&self, what: &str) -> Result<(), Refusal> {
        match &self.kind {
            ScopeKind::Library => Ok(()),
            _ => Err(misplaced(what, "at the top level of a `.star` file that is loaded")),
        }
    }
}

fn misplaced(what: &str, place: &str) -> Refusal {
    Refusal::new(codes::MISPLACED, format!("`{what}` works only {place}"))
}
