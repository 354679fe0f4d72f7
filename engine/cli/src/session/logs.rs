//! Logs of results that are in the cache, found without carrying anything out.

use wiz_graph::{ActionId, ConfiguredTarget};

use super::Session;
use super::look::look_up;
use crate::error::CliError;

impl Session<'_> {
    /// What the actions of `target` printed, by action, as far as the cache has their results.
    ///
    /// # Errors
    /// If definitions are wrong, or the store cannot be opened.
    pub(crate) fn logs(&self, target: &ConfiguredTarget) -> Result<Vec<(String, String)>, CliError> {
        let built = self.analyse(&[wiz_base::TargetPattern::Single(target.label.clone())])?;
        let (store, executor) = self.executor()?;
        let graph = &built.graph;
        let own: Vec<ActionId> = graph.ids().filter(|id| graph.action(*id).owner == *target).collect();
        let (outcome, _) = look_up(&executor, graph, &own);
        let held = own.iter().filter_map(|id| outcome.result(*id)?.log);
        self.bring(&store, held.filter(|log| !store.contains(log)).collect())?;
        let mut logs = Vec::new();
        for id in own {
            let log = outcome.result(id).and_then(|result| result.log).and_then(|log| store.read(&log).ok());
            logs.extend(
                log.map(|text| {
                    (graph.action(id).display_name(), String::from_utf8_lossy(&text).into_owned())
                }),
            );
        }
        Ok(logs)
    }
}
