//! Bodies written, read back, damaged.

use std::io::Write as _;

use wiz_base::{PlatformName, RelPath};

use super::*;

fn id(name: &str) -> ConfiguredTarget {
    let label = Label::new(RelPath::new("a").unwrap(), name).unwrap();
    ConfiguredTarget { label, platform: PlatformName::new("x86_64").unwrap() }
}

fn node(value: i64, children: Vec<TransitiveSet>) -> TransitiveSet {
    TransitiveSet::new(SetNode {
        name: "S".to_owned(),
        module: "a.star".to_owned(),
        value: Some(Value::Int(value)),
        projections: BTreeMap::from([("p".to_owned(), Value::List(vec![Value::None]))]),
        children,
    })
}

fn provider(name: &str, value: Value) -> Arc<ProviderValue> {
    let fields = Fields::from_iter([("f", value)]);
    Arc::new(ProviderValue { name: name.to_owned(), module: "a.star".to_owned(), fields })
}

/// A target that shares `inner` with others.
fn target(name: &str, inner: &Arc<ProviderValue>, set: &TransitiveSet) -> AnalyzedTarget {
    let values = vec![
        Value::Provider(Arc::clone(inner)),
        Value::Set(set.clone()),
        Value::Dict(vec![("k".to_owned(), Value::Bool(true))]),
        Value::Label(id("other").label),
        Value::Artifact(Box::new(Artifact::Source { path: RelPath::new("a/f").unwrap() })),
    ];
    AnalyzedTarget {
        id: id(name),
        rule: "rule".to_owned(),
        span: None,
        dependencies: vec![id("other")],
        attributes: Fields::from_iter([("n", Value::Int(-3))]),
        providers: vec![provider("Outer", Value::List(values))],
        actions: Vec::new(),
    }
}

fn written(targets: &[AnalyzedTarget]) -> (File, Vec<Place>, usize) {
    let mut writer = Writer::new(0, None);
    let places = targets.iter().map(|target| writer.target(target).unwrap()).collect();
    let bytes = writer.into_bytes();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    (file, places, bytes.len())
}

#[test]
fn what_is_shared_is_written_once_and_shared_again() {
    let inner = provider("Inner", Value::String("x".repeat(1000)));
    let chain = (1..1000).fold(node(0, vec![]), |below, value| node(value, vec![below]));
    let targets = [target("one", &inner, &chain), target("two", &inner, &chain)];
    let (file, places, _) = written(&targets);
    let reader = Reader::new(file);
    let read: Vec<AnalyzedTarget> = targets
        .iter()
        .zip(&places)
        .map(|(target, place)| {
            let body = reader.target(*place).unwrap();
            body.of(target.id.clone(), None, target.dependencies.clone())
        })
        .collect();
    assert_eq!(read, targets);
    let inner = |target: &AnalyzedTarget| match target.providers[0].fields.get("f") {
        Some(Value::List(items)) => match &items[0] {
            Value::Provider(provider) => Arc::clone(provider),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert!(Arc::ptr_eq(&inner(&read[0]), &inner(&read[1])));

    // What was read is not written again.
    let mut writer = Writer::new(10_000_000, Some(&reader));
    writer.target(&read[1]).unwrap();
    assert!(writer.into_bytes().len() < 300);
}

#[test]
fn no_damage_goes_unnoticed() {
    let inner = provider("Inner", Value::None);
    let (file, places, length) = written(&[target("one", &inner, &node(1, vec![node(2, vec![])]))]);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let sound = Reader::new(file.try_clone().unwrap()).target(places[0]).unwrap();
    for (at, byte) in bytes.iter().enumerate() {
        file.write_all_at(&[byte ^ 1], at as u64).unwrap();
        // The bit may be in the head of a record that nothing reaches any more.
        if let Some(body) = Reader::new(file.try_clone().unwrap()).target(places[0]) {
            assert_eq!(format!("{body:?}"), format!("{sound:?}"), "bit flipped in byte {at}");
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
    file.set_len(length as u64 / 2).unwrap();
    assert!(Reader::new(file).target(places[0]).is_none());
}
