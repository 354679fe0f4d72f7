//! Circles: files that load each other, targets that depend on each other.

use wiz_base::{Diagnostic, RelPath, Span};
use wiz_graph::ConfiguredTarget;

use super::Loader;
use crate::analysis;
use crate::codes;
use crate::reader::locked;
use crate::refusal::Refusal;

impl Loader<'_> {
    pub(super) fn report_load_cycle(&self, chain: &[&RelPath]) {
        let left = locked(&self.left);
        let mut names: Vec<_> = chain.iter().map(|path| path.to_string()).collect();
        names.push(names[0].clone());
        let edges = chain.iter().zip(chain.iter().cycle().skip(1));
        let place = |(from, to): (&&RelPath, &&RelPath)| left.loaders.get(*to)?.get(*from).cloned();
        let places: Vec<_> = edges.clone().map(place).collect();
        let trace =
            edges.zip(&places).map(|((from, to), span)| (format!("`{from}` loads `{to}`"), span.clone()));
        let message = format!("files load each other: {}", names.join(" -> "));
        let diagnostic = Diagnostic::error(codes::LOAD_CYCLE, message);
        let diagnostic =
            Diagnostic { span: places.first().cloned().flatten(), trace: trace.collect(), ..diagnostic }
                .hint("move what they share to a third file");
        drop(left);
        self.report([diagnostic]);
    }

    pub(super) fn report_dependency_cycle(&self, chain: &[&ConfiguredTarget]) {
        let left = locked(&self.left);
        let same = chain.iter().all(|id| id.platform == chain[0].platform);
        let name = |id: &ConfiguredTarget| if same { id.label.to_string() } else { id.to_string() };
        let mut names: Vec<_> = chain.iter().map(|id| name(id)).collect();
        names.push(names[0].clone());
        let edges = chain.iter().zip(chain.iter().cycle().skip(1));
        let place = |(from, to): (&&ConfiguredTarget, &&ConfiguredTarget)| {
            let definition = left.packages.get(from.label.package())?.targets.get(from.label.name())?;
            definition
                .site
                .diagnose(&analysis::focus_label(Refusal::new(codes::DEPENDENCY_CYCLE, ""), to))
                .span
        };
        let places: Vec<_> = edges.clone().map(place).collect();
        let step = |((from, to), span): ((&&ConfiguredTarget, &&ConfiguredTarget), &Option<Span>)| {
            (format!("`{}` depends on `{}`", name(from), name(to)), span.clone())
        };
        let trace = edges.zip(&places).map(step).collect();
        let message = format!("targets depend on each other: {}", names.join(" -> "));
        let diagnostic = Diagnostic::error(codes::DEPENDENCY_CYCLE, message);
        let diagnostic = Diagnostic { span: places.first().cloned().flatten(), trace, ..diagnostic }
            .hint("take one of these dependencies away, or move what they share to a third target");
        drop(left);
        self.report([diagnostic]);
    }
}
