//! Where cargo downloads crates from: the `dl` of the registry indexes it has used, which
//! each keep in `config.json`. See "Index Format" in the Cargo book. Unaware of tokens.

use std::fs;
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
struct IndexConfig {
    dl: String,
}

/// The `dl` of every index below cargo's home, in the order of the folders' names, each once.
pub(super) fn downloads(cargo: &Path) -> Vec<String> {
    let indexes = fs::read_dir(cargo.join("registry/index")).into_iter().flatten().flatten();
    let mut indexes: Vec<_> = indexes.map(|entry| entry.path()).collect();
    indexes.sort();
    let mut urls = Vec::new();
    for index in indexes {
        let config = fs::read(index.join("config.json")).ok();
        let config = config.and_then(|text| serde_json::from_slice::<IndexConfig>(&text).ok());
        if let Some(config) = config.filter(|config| !urls.contains(&config.dl)) {
            urls.push(config.dl);
        }
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_asked_once() {
        let cargo = tempfile::tempdir().unwrap();
        let index = |name: &str, text: &str| {
            let folder = cargo.path().join("registry/index").join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("config.json"), text).unwrap();
        };
        index("b-2", r#"{"dl": "https://b.test/crates", "api": null}"#);
        index("a-1", r#"{"dl": "https://a.test/{crate}"}"#);
        index("c-3", r#"{"dl": "https://b.test/crates", "auth-required": true}"#);
        index("d-4", "broken");
        assert_eq!(downloads(cargo.path()), ["https://a.test/{crate}", "https://b.test/crates"]);
        assert!(downloads(&cargo.path().join("none")).is_empty());
    }
}
