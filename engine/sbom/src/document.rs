//! The model: components, how they stand to one another, and what the whole is
//! about. A document that exists is consistent: relations have both ends, and
//! every licence has a text or is on the SPDX list.
//!
//! Unaware of the forms it is written in.

use std::collections::{BTreeMap, BTreeSet};

use wiz_base::RelPath;

use crate::component::{Component, ComponentId};
use crate::licence::{Licence, LicenceRef};
use crate::party::Party;
use crate::relation::Relation;

/// What a document says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Name of the document, such as `base` or `zlib-1.3.1-r0`.
    pub name: String,
    /// URL under which the author's documents are named; it need not answer. The
    /// digest of the content is added, so each content has a name of its own.
    pub namespace: String,
    /// Time of creation, in seconds since 1970: the epoch of what is described.
    pub created: u64,
    /// Who answers for the document.
    pub author: Party,
    /// The tool that wrote it, `wiz` or `wiz-<version of the packer>`.
    pub tool: String,
    /// What a reader should know of the whole, in a sentence.
    pub note: Option<String>,
}

/// One component standing to another in some way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relationship {
    /// The first.
    pub from: ComponentId,
    /// How it stands to the second.
    pub relation: Relation,
    /// The second.
    pub to: ComponentId,
}

/// A bill of materials about one component, its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    facts: Facts,
    subject: ComponentId,
    components: BTreeMap<ComponentId, Component>,
    relationships: BTreeMap<Relationship, Option<String>>,
    licences: BTreeMap<LicenceRef, String>,
}

impl Document {
    /// A document about `subject`. `licences` are the texts of all licences that
    /// are not on the SPDX list, for every component to come.
    ///
    /// # Errors
    /// As [`Document::add`].
    pub fn new(
        facts: Facts,
        licences: BTreeMap<LicenceRef, String>,
        id: ComponentId,
        subject: Component,
    ) -> Result<Self, DocumentError> {
        let mut document = Self {
            facts,
            subject: id.clone(),
            components: BTreeMap::new(),
            relationships: BTreeMap::new(),
            licences,
        };
        document.add(id, subject)?;
        Ok(document)
    }

    /// Adds a component. The same one may be added again.
    ///
    /// # Errors
    /// [`DocumentError`] if there is another component of that name, if its
    /// licence has no text, or if it has two files of one path.
    pub fn add(&mut self, id: ComponentId, mut component: Component) -> Result<(), DocumentError> {
        component.files.sort();
        self.check(&id, &component)?;
        self.components.insert(id, component);
        Ok(())
    }

    fn check(&self, id: &ComponentId, component: &Component) -> Result<(), DocumentError> {
        let mut references = component.licence.iter().flat_map(Licence::references);
        if let Some(reference) = references.find(|reference| !self.licences.contains_key(*reference)) {
            return Err(DocumentError::LicenceText { component: id.clone(), licence: reference.clone() });
        }
        let repeated = component.files.windows(2).find(|pair| pair[0].path == pair[1].path);
        if let Some([file, _]) = repeated {
            return Err(DocumentError::Path { component: id.clone(), path: file.path.clone() });
        }
        if self.components.get(id).is_some_and(|known| known != component) {
            return Err(DocumentError::Different { component: id.clone() });
        }
        Ok(())
    }

    /// Says how two components stand to each other, with a remark where there is
    /// more to say. Saying it again replaces the remark.
    ///
    /// # Errors
    /// [`DocumentError::Unknown`] if one of them was not added.
    pub fn relate(
        &mut self,
        from: &ComponentId,
        relation: Relation,
        to: &ComponentId,
        note: Option<&str>,
    ) -> Result<(), DocumentError> {
        if let Some(unknown) = [from, to].into_iter().find(|id| !self.components.contains_key(*id)) {
            return Err(DocumentError::Unknown { component: unknown.clone() });
        }
        let relationship = Relationship { from: from.clone(), relation, to: to.clone() };
        self.relationships.insert(relationship, note.map(str::to_owned));
        Ok(())
    }

    /// What the document says of itself.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What the document is about.
    #[must_use]
    pub fn subject(&self) -> &ComponentId {
        &self.subject
    }

    /// What the document is about, by name and in full.
    pub(crate) fn described(&self) -> (&ComponentId, &Component) {
        (&self.subject, self.component(&self.subject))
    }

    /// A component of the document.
    pub(crate) fn component(&self, id: &ComponentId) -> &Component {
        &self.components[id]
    }

    /// The components to which the first stands in a relation.
    pub(crate) fn related(&self, from: &ComponentId, relation: Relation) -> impl Iterator<Item = &Component> {
        let related = self.relationships.keys().filter(move |it| it.from == *from && it.relation == relation);
        related.map(|relationship| self.component(&relationship.to))
    }

    /// All components by name, the subject included; their files are sorted by path.
    pub fn components(&self) -> impl Iterator<Item = (&ComponentId, &Component)> {
        self.components.iter()
    }

    /// All relationships in order, with their remarks.
    pub fn relationships(&self) -> impl Iterator<Item = (&Relationship, Option<&str>)> {
        self.relationships.iter().map(|(relationship, note)| (relationship, note.as_deref()))
    }

    /// The licences outside the SPDX list that a component is under, with their texts.
    pub fn licences(&self) -> impl Iterator<Item = (&LicenceRef, &str)> {
        let licences = self.components.values().filter_map(|component| component.licence.as_ref());
        let used: BTreeSet<&LicenceRef> = licences.flat_map(Licence::references).collect();
        let texts = self.licences.iter().map(|(reference, text)| (reference, text.as_str()));
        texts.filter(move |(reference, _)| used.contains(reference))
    }
}

/// Why a document would not be consistent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Another component has the same name.
    #[error("there are two different components `{component}`")]
    Different {
        /// The component.
        component: ComponentId,
    },
    /// A relationship names a component that was not added.
    #[error("there is no component `{component}`")]
    Unknown {
        /// The component.
        component: ComponentId,
    },
    /// A licence is neither on the SPDX list nor given with its text.
    #[error("`{component}` is under `{licence}`, whose text is not given")]
    LicenceText {
        /// The component.
        component: ComponentId,
        /// The licence.
        licence: LicenceRef,
    },
    /// A component has two files of one path.
    #[error("`{component}` has `{path}` twice")]
    Path {
        /// The component.
        component: ComponentId,
        /// Path of the file.
        path: RelPath,
    },
}

#[cfg(test)]
mod tests;
