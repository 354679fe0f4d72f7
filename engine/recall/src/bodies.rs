//! What targets came to, in a file that is only ever appended to: a record for each
//! target, for each provider and for each node of a transitive set. A record names others
//! by where they begin, always before its own place, so what is shared in memory is
//! written once and is shared again when it is read back, piece by piece as it is asked
//! for. Unaware of which records are still wanted.
//!
//! A record is its length (4 bytes, little-endian), the first 8 bytes of the BLAKE3 hash of
//! its content, and the content in postcard's encoding.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use wiz_base::Label;
use wiz_graph::{
    Action, AnalyzedTarget, Arguments, Artifact, ConfiguredTarget, Fields, ProviderValue, SetNode,
    TransitiveSet, Value,
};

/// Where a record begins in its file.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Place(u64);

/// Bytes before a record's content: its length and its checksum.
const HEAD: usize = 12;

/// A value with places for what it shares.
#[derive(serde::Serialize, serde::Deserialize)]
enum Stored {
    None,
    Bool(bool),
    Int(i64),
    String(String),
    List(Vec<Stored>),
    Dict(Vec<(String, Stored)>),
    Struct(Vec<(String, Stored)>),
    Label(Label),
    Artifact(Box<Artifact>),
    Arguments(Box<Arguments>),
    Provider(Place),
    Set(Place),
}

/// A provider's record.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredProvider {
    name: String,
    module: String,
    fields: Vec<(String, Stored)>,
}

/// A record of a node of a transitive set.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredNode {
    name: String,
    module: String,
    value: Option<Stored>,
    projections: Vec<(String, Stored)>,
    children: Vec<Place>,
}

/// A target's record; the rest of it is kept with its name.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredTarget {
    rule: String,
    attributes: Vec<(String, Stored)>,
    providers: Vec<Place>,
    actions: Vec<Action>,
}

/// What a target came to, but for its name, place and dependencies.
#[derive(Debug)]
pub struct Body {
    /// The rule's name.
    pub rule: String,
    /// Its attributes.
    pub attributes: Fields,
    /// What its rule returned.
    pub providers: Vec<Arc<ProviderValue>>,
    /// The actions its rule declared.
    pub actions: Vec<Action>,
}

/// Reads records.
#[derive(Debug)]
pub struct Reader {
    file: File,
    providers: Mutex<BTreeMap<Place, Arc<ProviderValue>>>,
    sets: Mutex<BTreeMap<Place, TransitiveSet>>,
}

impl Reader {
    /// Reads from `file`.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self { file, providers: Mutex::default(), sets: Mutex::default() }
    }

    /// The target's body at `place`; `None` if it is damaged.
    #[must_use]
    pub fn target(&self, place: Place) -> Option<Body> {
        let stored: StoredTarget = self.record(place)?;
        let providers = stored.providers.into_iter().map(|place| self.provider(place));
        Some(Body {
            rule: stored.rule,
            attributes: self.fields(stored.attributes)?,
            providers: providers.collect::<Option<_>>()?,
            actions: stored.actions,
        })
    }

    fn provider(&self, place: Place) -> Option<Arc<ProviderValue>> {
        if let Some(known) = locked(&self.providers).get(&place) {
            return Some(Arc::clone(known));
        }
        let StoredProvider { name, module, fields } = self.record(place)?;
        let provider = Arc::new(ProviderValue { name, module, fields: self.fields(fields)? });
        Some(Arc::clone(locked(&self.providers).entry(place).or_insert(provider)))
    }

    /// A set and all below it, children first: chains are long, and children stand before
    /// their parents.
    fn set(&self, top: Place) -> Option<TransitiveSet> {
        let mut nodes: BTreeMap<Place, StoredNode> = BTreeMap::new();
        let mut pending = vec![top];
        while let Some(place) = pending.pop() {
            if nodes.contains_key(&place) || locked(&self.sets).contains_key(&place) {
                continue;
            }
            let node: StoredNode = self.record(place)?;
            if node.children.iter().any(|child| *child >= place) {
                return None;
            }
            pending.extend(&node.children);
            nodes.insert(place, node);
        }
        for (place, node) in nodes {
            let child = |place: &Place| locked(&self.sets).get(place).cloned();
            let children = node.children.iter().map(child).collect::<Option<_>>()?;
            let value = node.value.map(|value| self.value(value));
            let value = if let Some(value) = value { Some(value?) } else { None };
            let projections = self.entries(node.projections)?.into_iter().collect();
            let (name, module) = (node.name, node.module);
            let set = TransitiveSet::new(SetNode { name, module, value, projections, children });
            locked(&self.sets).insert(place, set);
        }
        locked(&self.sets).get(&top).cloned()
    }

    fn fields(&self, fields: Vec<(String, Stored)>) -> Option<Fields> {
        Some(self.entries(fields)?.into_iter().collect())
    }

    fn entries(&self, entries: Vec<(String, Stored)>) -> Option<Vec<(String, Value)>> {
        entries.into_iter().map(|(key, value)| Some((key, self.value(value)?))).collect()
    }

    fn value(&self, stored: Stored) -> Option<Value> {
        Some(match stored {
            Stored::None => Value::None,
            Stored::Bool(value) => Value::Bool(value),
            Stored::Int(value) => Value::Int(value),
            Stored::String(text) => Value::String(text),
            Stored::List(items) => {
                Value::List(items.into_iter().map(|item| self.value(item)).collect::<Option<_>>()?)
            }
            Stored::Dict(entries) => Value::Dict(self.entries(entries)?),
            Stored::Struct(entries) => Value::Struct(self.entries(entries)?),
            Stored::Label(label) => Value::Label(label),
            Stored::Artifact(artifact) => Value::Artifact(artifact),
            Stored::Arguments(arguments) => Value::Arguments(arguments),
            Stored::Provider(place) => Value::Provider(self.provider(place)?),
            Stored::Set(place) => Value::Set(self.set(place)?),
        })
    }

    fn record<T: serde::de::DeserializeOwned>(&self, place: Place) -> Option<T> {
        let mut head = [0; HEAD];
        self.file.read_exact_at(&mut head, place.0).ok()?;
        let (length, checksum) = head.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let left = self.file.metadata().ok()?.len().checked_sub(place.0)?;
        if u64::try_from(length).ok()? > left {
            return None;
        }
        let mut content = vec![0; length];
        self.file.read_exact_at(&mut content, place.0 + HEAD as u64).ok()?;
        if blake3::hash(&content).as_bytes()[..8] != *checksum {
            return None;
        }
        postcard::from_bytes(&content).ok()
    }
}

/// Makes records to be appended. What the reader has given out is known to be written.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    /// Where in the file the first of them will stand.
    start: u64,
    /// By address; the value is kept, so that its address is nobody else's.
    providers: BTreeMap<usize, (Arc<ProviderValue>, Place)>,
    sets: BTreeMap<usize, (TransitiveSet, Place)>,
}

impl Writer {
    /// Records to be appended to a file of `length` bytes that `reader`, if there is one,
    /// has read from.
    #[must_use]
    pub fn new(length: u64, reader: Option<&Reader>) -> Self {
        let mut writer =
            Self { bytes: Vec::new(), start: length, providers: BTreeMap::new(), sets: BTreeMap::new() };
        if let Some(reader) = reader {
            for (place, provider) in locked(&reader.providers).iter() {
                writer.providers.insert(Arc::as_ptr(provider).addr(), (Arc::clone(provider), *place));
            }
            for (place, set) in locked(&reader.sets).iter() {
                writer.sets.insert(set.address(), (set.clone(), *place));
            }
        }
        writer
    }

    /// The records' bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Adds a target's record and says where it stands.
    ///
    /// # Errors
    /// If it has no encoding.
    pub fn target(&mut self, target: &AnalyzedTarget) -> io::Result<Place> {
        let attributes = self.fields(&target.attributes)?;
        let providers = target.providers.iter().map(|provider| self.provider(provider));
        let providers = providers.collect::<io::Result<_>>()?;
        let (rule, actions) = (target.rule.clone(), target.actions.clone());
        self.record(&StoredTarget { rule, attributes, providers, actions })
    }

    fn provider(&mut self, provider: &Arc<ProviderValue>) -> io::Result<Place> {
        let address = Arc::as_ptr(provider).addr();
        if let Some((_, place)) = self.providers.get(&address) {
            return Ok(*place);
        }
        let fields = self.fields(&provider.fields)?;
        let (name, module) = (provider.name.clone(), provider.module.clone());
        let place = self.record(&StoredProvider { name, module, fields })?;
        self.providers.insert(address, (Arc::clone(provider), place));
        Ok(place)
    }

    fn set(&mut self, top: &TransitiveSet) -> io::Result<Place> {
        let known = |writer: &Self, set: &TransitiveSet| Some(writer.sets.get(&set.address())?.1);
        for set in top.postorder() {
            if known(self, set).is_some() {
                continue;
            }
            let node = set.node();
            let value = node.value.as_ref().map(|value| self.value(value)).transpose()?;
            let mut projections = Vec::new();
            for (name, value) in &node.projections {
                projections.push((name.clone(), self.value(value)?));
            }
            let children = node.children.iter().filter_map(|child| known(self, child)).collect();
            let (name, module) = (node.name.clone(), node.module.clone());
            let place = self.record(&StoredNode { name, module, value, projections, children })?;
            self.sets.insert(set.address(), (set.clone(), place));
        }
        known(self, top).ok_or_else(|| io::Error::other("a set is not in its own order"))
    }

    fn fields(&mut self, fields: &Fields) -> io::Result<Vec<(String, Stored)>> {
        fields.iter().map(|(name, value)| Ok((name.to_owned(), self.value(value)?))).collect()
    }

    fn entries(&mut self, entries: &[(String, Value)]) -> io::Result<Vec<(String, Stored)>> {
        entries.iter().map(|(key, value)| Ok((key.clone(), self.value(value)?))).collect()
    }

    fn value(&mut self, value: &Value) -> io::Result<Stored> {
        Ok(match value {
            Value::None => Stored::None,
            Value::Bool(value) => Stored::Bool(*value),
            Value::Int(value) => Stored::Int(*value),
            Value::String(text) => Stored::String(text.clone()),
            Value::List(items) => {
                Stored::List(items.iter().map(|item| self.value(item)).collect::<io::Result<_>>()?)
            }
            Value::Dict(entries) => Stored::Dict(self.entries(entries)?),
            Value::Struct(entries) => Stored::Struct(self.entries(entries)?),
            Value::Label(label) => Stored::Label(label.clone()),
            Value::Artifact(artifact) => Stored::Artifact(artifact.clone()),
            Value::Arguments(arguments) => Stored::Arguments(arguments.clone()),
            Value::Provider(provider) => Stored::Provider(self.provider(provider)?),
            Value::Set(set) => Stored::Set(self.set(set)?),
        })
    }

    fn record<T: serde::Serialize>(&mut self, content: &T) -> io::Result<Place> {
        let content = postcard::to_allocvec(content).map_err(io::Error::other)?;
        let place = Place(self.start + self.bytes.len() as u64);
        let length = u32::try_from(content.len()).map_err(io::Error::other)?;
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(&blake3::hash(&content).as_bytes()[..8]);
        self.bytes.extend(content);
        Ok(place)
    }
}

impl Body {
    /// The target that the body belongs to.
    #[must_use]
    pub fn of(
        self,
        id: ConfiguredTarget,
        span: Option<wiz_base::Span>,
        dependencies: Vec<ConfiguredTarget>,
    ) -> AnalyzedTarget {
        let Self { rule, attributes, providers, actions } = self;
        AnalyzedTarget { id, rule, span, dependencies, attributes, providers, actions }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
