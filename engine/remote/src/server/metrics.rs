//! What a server has done since it began, for Prometheus and for people.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a server has done.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) result_hits: Counter,
    pub(super) result_misses: Counter,
    /// Results that are here, but not all that belongs to them.
    pub(super) results_incomplete: Counter,
    pub(super) results_taken: Counter,
    pub(super) blobs_asked_about: Counter,
    pub(super) blobs_missing: Counter,
    pub(super) blobs_sent: Counter,
    pub(super) blobs_taken: Counter,
    /// Bytes of blobs as they travelled.
    pub(super) bytes_sent: Counter,
    pub(super) bytes_taken: Counter,
    pub(super) refused: Counter,
}

/// Name, meaning, value.
type Row<'a> = (&'static str, &'static str, &'a Counter);

impl Metrics {
    fn rows(&self) -> [Row<'_>; 11] {
        [
            ("result_hits", "Results that were asked for and given out.", &self.result_hits),
            ("result_misses", "Results that were asked for and are not here.", &self.result_misses),
            (
                "results_incomplete",
                "Results that are here without all of their blobs.",
                &self.results_incomplete,
            ),
            ("results_taken", "Results that were published.", &self.results_taken),
            ("blobs_asked_about", "Blobs whose existence was asked for.", &self.blobs_asked_about),
            ("blobs_missing", "Of these, blobs that are not here.", &self.blobs_missing),
            ("blobs_sent", "Blobs that were downloaded.", &self.blobs_sent),
            ("blobs_taken", "Blobs that were uploaded.", &self.blobs_taken),
            ("bytes_sent", "Bytes of downloaded blobs, as they travelled.", &self.bytes_sent),
            ("bytes_taken", "Bytes of uploaded blobs, as they travelled.", &self.bytes_taken),
            ("refused", "Requests without the right to what they asked.", &self.refused),
        ]
    }

    /// In Prometheus' text format, version 0.0.4.
    pub(super) fn prometheus(&self) -> String {
        let mut text = String::new();
        for (name, meaning, counter) in self.rows() {
            let value = counter.get();
            let _ = write!(
                text,
                "# HELP wiz_cache_{name}_total {meaning}\n# TYPE wiz_cache_{name}_total counter\nwiz_cache_{name}_total {value}\n"
            );
        }
        text
    }

    /// As a page.
    pub(super) fn page(&self, stores: &[(String, u64, u64)]) -> String {
        let mut rows = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(rows, "<tr><td>{name}</td><td class=\"number\">{value}</td></tr>");
        };
        for (function, results, bytes) in stores {
            row(&format!("{function}: results kept"), results.to_string());
            row(&format!("{function}: bytes kept"), bytes.to_string());
        }
        for (_, meaning, counter) in self.rows() {
            row(meaning.trim_end_matches('.'), counter.get().to_string());
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>wiz cache</title>\n<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;\
             color-scheme:light dark}}table{{border-collapse:collapse;width:100%}}td{{padding:.3em 0;border-bottom:1px solid #8884}}\
             .number{{text-align:right;font-variant-numeric:tabular-nums}}</style>\n<h1>wiz cache</h1>\n<table>\n{rows}</table>\n\
             <p><a href=\"metrics\">metrics</a> for Prometheus</p>\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_line_of_its_own() {
        let metrics = Metrics::default();
        metrics.result_hits.add(3);
        let text = metrics.prometheus();
        assert!(
            text.contains(
                "\n# TYPE wiz_cache_result_misses_total counter\nwiz_cache_result_misses_total 0\n"
            )
        );
        assert!(text.starts_with("# HELP wiz_cache_result_hits_total Results"));
        assert!(text.contains("wiz_cache_result_hits_total 3\n"));
        let names: std::collections::BTreeSet<_> = metrics.rows().iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), metrics.rows().len());
        assert!(metrics.page(&[]).contains("<td class=\"number\">3</td>"));
    }
}
