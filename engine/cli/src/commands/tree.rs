//! `wiz tree`: what takes the space of an image or a package, and why it is in there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::contents::{self, Contents};
use crate::arguments::{By, Tree};
use crate::config::{Config, Size};
use crate::error::CliError;
use crate::output;

/// Prints the largest parts first.
///
/// # Errors
/// If there is nothing to look at.
pub(crate) fn run(config: &Config, tree: &Tree) -> Result<(), CliError> {
    let contents = contents::open(config, &tree.options, &tree.subject)?;
    let by = if contents.packages.is_empty() && tree.by == By::Package { By::Folder } else { tree.by };
    let mut parts = match by {
        By::Package => packages(&contents),
        By::Folder => folders(&contents, tree.depth),
        By::File => files(&contents),
    };
    parts.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
    if tree.json {
        output::result(&document(&contents, &parts).to_string());
    } else {
        output::results(&text(&contents, &parts, tree.lines));
    }
    Ok(())
}

/// Something that takes space.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    name: String,
    size: u64,
    /// Why it is there, for people.
    reason: String,
}

fn packages(contents: &Contents) -> Vec<Part> {
    let mut parts: Vec<Part> = contents
        .packages
        .iter()
        .map(|(name, package)| Part {
            name: format!("{name} {}", package.version),
            size: package.size,
            reason: match &*package.path {
                [] => "nothing that was asked for needs it".to_owned(),
                [_] => "asked for".to_owned(),
                [above @ .., _] => format!("by {}", above.join(" -> ")),
            },
        })
        .collect();
    let owned = |path: &String| contents.owners.contains_key(path);
    let rest = contents.files.iter().filter(|(path, _)| !owned(path)).map(|(_, found)| found.size()).sum();
    if rest > 0 {
        parts.push(Part {
            name: "(no package)".to_owned(),
            size: rest,
            reason: "made for the image".to_owned(),
        });
    }
    parts
}

fn folders(contents: &Contents, depth: usize) -> Vec<Part> {
    let mut sizes: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for (path, found) in contents.files.iter().filter(|(_, found)| found.size() > 0) {
        let segments: Vec<&str> = path.split('/').collect();
        let folder = segments[..segments.len() - 1].iter().take(depth).copied().collect::<Vec<_>>().join("/");
        let sum = sizes.entry(format!("/{folder}")).or_default();
        *sum = (sum.0 + found.size(), sum.1 + 1);
    }
    let part = |(name, (size, count))| Part { name, size, reason: format!("{count} files") };
    sizes.into_iter().map(part).collect()
}

fn files(contents: &Contents) -> Vec<Part> {
    let part = |(path, found): (&String, &wiz_oci::unpacked::Found)| Part {
        name: format!("/{path}"),
        size: found.size(),
        reason: contents.owners.get(path).cloned().unwrap_or_default(),
    };
    contents.files.iter().filter(|(_, found)| found.size() > 0).map(part).collect()
}

fn text(contents: &Contents, parts: &[Part], lines: Option<usize>) -> String {
    let total = contents.unpacked();
    let shown = &parts[..lines.unwrap_or(parts.len()).min(parts.len())];
    let width = shown.iter().map(|part| part.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for part in shown {
        let share = (part.size * 100).checked_div(total).unwrap_or(0);
        let size = Size(part.size).to_string();
        let line = format!("{size:>9} {share:>3}%  {:<width$}  {}", part.name, part.reason);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let hidden: u64 = parts[shown.len()..].iter().map(|part| part.size).sum();
    if shown.len() < parts.len() {
        let _ =
            writeln!(text, "{:>9}       and {} more", Size(hidden).to_string(), parts.len() - shown.len());
    }
    let files = contents.files.values().filter(|found| found.size() > 0).count();
    let _ = write!(text, "{:>9}       in {files} files", Size(total).to_string());
    if !contents.packages.is_empty() && !contents.layers.is_empty() {
        let _ = write!(text, " of {} packages", contents.packages.len());
    }
    if !contents.layers.is_empty() {
        let compressed = Size(contents.compressed());
        let _ = write!(text, "; {compressed} compressed in {} layers", contents.layers.len());
    }
    text.push('\n');
    text
}

fn document(contents: &Contents, parts: &[Part]) -> serde_json::Value {
    let part = |part: &Part| json!({"name": part.name, "size": part.size, "reason": part.reason});
    let layers =
        contents.layers.iter().map(|layer| json!({"digest": layer.digest.to_string(), "size": layer.size}));
    json!({
        "subject": contents.name,
        "unpacked": contents.unpacked(),
        "compressed": contents.compressed(),
        "layers": layers.collect::<Vec<_>>(),
        "parts": parts.iter().map(part).collect::<Vec<_>>(),
    })
}
