//! Names of a document and of what is in it, in the characters that SPDX allows:
//! `SPDXRef-` and letters, digits, `.` and `-`. Unaware of what they identify.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use wiz_base::RelPath;

use crate::component::ComponentId;
use crate::document::{Document, Facts};

/// The document's own identifier.
pub(crate) const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// The identifiers of all components of a document.
#[derive(Debug)]
pub(crate) struct Identifiers(BTreeMap<ComponentId, String>);

impl Identifiers {
    /// Gives every component an identifier. Names that differ only in characters
    /// that SPDX does not allow are numbered in their order.
    pub(crate) fn new(document: &Document) -> Self {
        let mut taken = BTreeSet::from([DOCUMENT.to_owned()]);
        let mut identifiers = BTreeMap::new();
        for (id, _) in document.components() {
            let plain = format!("SPDXRef-{}", path_segment(id.as_str()));
            let numbered = (2u32..).map(|number| format!("{plain}-{number}"));
            let identifier = std::iter::once(plain.clone()).chain(numbered).find(|it| !taken.contains(it));
            let identifier = identifier.expect("there are more numbers than components");
            taken.insert(identifier.clone());
            identifiers.insert(id.clone(), identifier);
        }
        Self(identifiers)
    }

    /// The identifier of a component of the document.
    pub(crate) fn of(&self, id: &ComponentId) -> &str {
        &self.0[id]
    }

    /// The identifier of a component's file, which stays when other files come
    /// and go. Of 80 bits of a hash no two are met by chance.
    pub(crate) fn of_file(&self, id: &ComponentId, path: &RelPath) -> String {
        let hash = Sha256::digest(format!("{}\n{path}", self.of(id)));
        format!("SPDXRef-File-{}", hex::encode(&hash[..10]))
    }
}

/// The document's name as a URL: below its author's namespace, with a digest of its content.
pub(crate) fn document_url(facts: &Facts, digest: &str) -> String {
    let namespace = facts.namespace.trim_end_matches('/');
    format!("{namespace}/{}-{digest}", path_segment(&facts.name))
}

/// `text` with everything but letters, digits, `.` and `-` replaced by `-`.
fn path_segment(text: &str) -> String {
    let replace = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' };
    text.chars().map(replace).collect()
}
