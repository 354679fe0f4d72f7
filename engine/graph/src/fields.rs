//! Named values in no more memory than they need: what providers and attributes are
//! made of, ten thousands of them in one analysis.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// Values by name, ordered by it.
#[derive(Clone, Default, PartialEq)]
pub struct Fields(Box<[(Arc<str>, Value)]>);

impl Fields {
    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let place = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.0[place].1)
    }

    /// Names and values, ordered by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

impl<N: Into<Arc<str>>> FromIterator<(N, Value)> for Fields {
    /// Of values with the same name, the last one stays.
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(fields: I) -> Self {
        let fields: BTreeMap<Arc<str>, Value> =
            fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self(fields.into_iter().collect())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl serde::Serialize for Fields {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<String, Value>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_ordered_and_stored_as_a_map() {
        let fields = Fields::from_iter([("b", Value::Int(1)), ("a", Value::None), ("b", Value::Int(2))]);
        assert_eq!(fields.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((fields.get("b"), fields.get("c")), (Some(&Value::Int(2)), None));
        let stored = serde_json::to_string(&fields).unwrap();
        assert_eq!(stored, r#"{"a":"none","b":{"int":2}}"#);
        assert_eq!(serde_json::from_str::<Fields>(&stored).unwrap(), fields);
    }
}
