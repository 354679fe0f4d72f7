//! Fingerprints of values: equal for equal values, so that what depends on a value need
//! not be looked at again while its fingerprint stays. Unaware of why anybody compares.
//!
//! A fingerprint is a BLAKE3 hash over a prefix code of the value: every variant begins
//! with a byte of its own, every text and list with its length. Shared values enter with
//! their own fingerprint, which is computed once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::action::{Argument, Piece};
use crate::artifact::Artifact;
use crate::transitive_set::TransitiveSet;
use crate::value::{Arguments, ProviderValue, Value};

/// A fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", blake3::Hash::from_bytes(self.0).to_hex().get(..16).unwrap_or_default())
    }
}

/// Takes in what a fingerprint is made of.
#[derive(Debug, Default)]
pub struct Ink(blake3::Hasher);

impl Ink {
    /// Takes in which of several things follows.
    pub fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.update(&[tag]);
        self
    }

    /// Takes in a number, such as how many things follow.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    /// Takes in a text with its length.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
        self
    }

    /// Takes in another fingerprint.
    pub fn fingerprint(&mut self, fingerprint: &Fingerprint) -> &mut Self {
        self.0.update(&fingerprint.0);
        self
    }

    /// The fingerprint of all that was taken in.
    #[must_use]
    pub fn dry(&self) -> Fingerprint {
        Fingerprint(*self.0.finalize().as_bytes())
    }
}

/// Fingerprints of shared values, each computed once.
#[derive(Debug, Default)]
pub struct Fingerprints {
    /// By address; the value is kept, so that its address is nobody else's.
    providers: Mutex<BTreeMap<usize, (Arc<ProviderValue>, Fingerprint)>>,
    sets: Mutex<BTreeMap<usize, (TransitiveSet, Fingerprint)>>,
}

impl Fingerprints {
    /// Takes a value in.
    pub fn value(&self, value: &Value, ink: &mut Ink) {
        match value {
            Value::None => {
                ink.tag(0);
            }
            Value::Bool(value) => {
                ink.tag(1).tag(u8::from(*value));
            }
            Value::Int(value) => {
                ink.tag(2).number(value.cast_unsigned());
            }
            Value::String(text) => {
                ink.tag(3).text(text);
            }
            Value::List(items) => {
                ink.tag(4).number(items.len() as u64);
                items.iter().for_each(|item| self.value(item, ink));
            }
            Value::Dict(entries) => self.entries(5, entries, ink),
            Value::Struct(entries) => self.entries(6, entries, ink),
            Value::Label(label) => {
                ink.tag(7).text(label.package().as_str()).text(label.name());
            }
            Value::Artifact(artifact) => artifact_in(artifact, ink.tag(8)),
            Value::Arguments(arguments) => arguments_in(arguments, ink.tag(9)),
            Value::Provider(provider) => {
                ink.tag(10).fingerprint(&self.provider(provider));
            }
            Value::Set(set) => {
                ink.tag(11).fingerprint(&self.set(set));
            }
        }
    }

    fn entries(&self, tag: u8, entries: &[(String, Value)], ink: &mut Ink) {
        ink.tag(tag).number(entries.len() as u64);
        for (key, value) in entries {
            ink.text(key);
            self.value(value, ink);
        }
    }

    /// The fingerprint of a provider.
    pub fn provider(&self, provider: &Arc<ProviderValue>) -> Fingerprint {
        let address = Arc::as_ptr(provider).addr();
        if let Some((_, known)) = locked(&self.providers).get(&address) {
            return *known;
        }
        let mut ink = Ink::default();
        ink.text(&provider.name).text(&provider.module).number(provider.fields.iter().len() as u64);
        for (name, value) in provider.fields.iter() {
            ink.text(name);
            self.value(value, &mut ink);
        }
        let fingerprint = ink.dry();
        locked(&self.providers).insert(address, (Arc::clone(provider), fingerprint));
        fingerprint
    }

    /// The fingerprint of a transitive set. Children come first, in a loop: chains are long.
    fn set(&self, set: &TransitiveSet) -> Fingerprint {
        if let Some((_, known)) = locked(&self.sets).get(&set.address()) {
            return *known;
        }
        let mut last = Ink::default().dry();
        for set in set.postorder() {
            let known = locked(&self.sets).get(&set.address()).map(|(_, known)| *known);
            last = known.unwrap_or_else(|| self.node(set));
        }
        last
    }

    /// The fingerprint of a set whose children's are known.
    fn node(&self, set: &TransitiveSet) -> Fingerprint {
        let node = set.node();
        let mut ink = Ink::default();
        ink.text(&node.name).text(&node.module);
        self.value(node.value.as_ref().unwrap_or(&Value::None), &mut ink);
        ink.tag(u8::from(node.value.is_some())).number(node.projections.len() as u64);
        for (name, value) in &node.projections {
            ink.text(name);
            self.value(value, &mut ink);
        }
        ink.number(node.children.len() as u64);
        for child in &node.children {
            let known = locked(&self.sets).get(&child.address()).map(|(_, known)| *known);
            ink.fingerprint(&known.unwrap_or_else(|| self.set(child)));
        }
        let fingerprint = ink.dry();
        locked(&self.sets).insert(set.address(), (set.clone(), fingerprint));
        fingerprint
    }
}

fn artifact_in(artifact: &Artifact, ink: &mut Ink) {
    match artifact {
        Artifact::Source { path } => {
            ink.tag(0).text(path.as_str());
        }
        Artifact::Output { target, path, inner } => {
            ink.tag(1).text(target.label.package().as_str()).text(target.label.name());
            ink.text(target.platform.as_str()).text(path.as_str()).text(inner.as_str());
        }
    }
}

fn arguments_in(arguments: &Arguments, ink: &mut Ink) {
    ink.number(arguments.items.len() as u64);
    for Argument(pieces) in &arguments.items {
        ink.number(pieces.len() as u64);
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    ink.tag(0).text(text);
                }
                Piece::Path(artifact) => artifact_in(artifact, ink.tag(1)),
                Piece::TextOf(artifact) => artifact_in(artifact, ink.tag(2)),
                Piece::Output(path) => {
                    ink.tag(3).text(path.as_str());
                }
            }
        }
    }
    ink.number(arguments.hidden.len() as u64);
    arguments.hidden.iter().for_each(|artifact| artifact_in(artifact, ink));
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;
    use crate::transitive_set::SetNode;

    fn of(value: &Value) -> Fingerprint {
        let mut ink = Ink::default();
        Fingerprints::default().value(value, &mut ink);
        ink.dry()
    }

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    fn set(value: i64, children: Vec<TransitiveSet>) -> TransitiveSet {
        TransitiveSet::new(SetNode {
            name: "S".to_owned(),
            module: "a.star".to_owned(),
            value: Some(Value::Int(value)),
            projections: BTreeMap::new(),
            children,
        })
    }

    fn provider(value: Value) -> Value {
        let fields = Fields::from_iter([("f", value)]);
        Value::Provider(Arc::new(ProviderValue { name: "P".to_owned(), module: "a.star".to_owned(), fields }))
    }

    #[test]
    fn different_values_have_different_fingerprints() {
        let values = [
            Value::None,
            Value::Bool(false),
            Value::Int(0),
            text(""),
            text("a"),
            Value::List(vec![]),
            Value::List(vec![text("a"), text("b")]),
            Value::List(vec![text("ab")]),
            Value::List(vec![Value::List(vec![text("a")]), text("b")]),
            Value::Dict(vec![("a".to_owned(), text("b"))]),
            Value::Struct(vec![("a".to_owned(), text("b"))]),
            provider(text("a")),
            provider(text("b")),
            Value::Set(set(1, vec![])),
            Value::Set(set(1, vec![set(2, vec![])])),
            Value::Set(set(1, vec![set(2, vec![]), set(2, vec![])])),
        ];
        for (place, value) in values.iter().enumerate() {
            assert_eq!(of(value), of(&value.clone()));
            for other in &values[place + 1..] {
                assert_ne!(of(value), of(other), "{value:?} and {other:?}");
            }
        }
    }

    #[test]
    fn long_chains_do_not_overflow_the_stack() {
        let chain = (1..100_000).fold(set(0, vec![]), |below, value| set(value, vec![below]));
        assert_ne!(of(&Value::Set(chain.clone())), of(&Value::Set(set(0, vec![chain]))));
    }
}
