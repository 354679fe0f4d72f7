//! What a mount of many trees shows is what their Merkle merge says.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use proptest::prelude::*;
use wiz_base::Node;
use wiz_testkit::fixture::source;

use crate::workspace::{Workspace, run, with};

/// What a leaf is: a file with so many bytes, a program, a link, or an empty folder.
#[derive(Debug, Clone)]
enum Leaf {
    File(usize),
    Program,
    Link(String),
    Folder,
}

fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![
        (0usize..5).prop_map(Leaf::File),
        Just(Leaf::Program),
        "[a-c]".prop_map(Leaf::Link),
        Just(Leaf::Folder),
    ]
}

/// Leaves by path, none below another that is no folder.
fn leaves() -> impl Strategy<Value = BTreeMap<String, Leaf>> {
    prop::collection::btree_map("[a-d](/[a-d]){0,3}", leaf(), 1..25).prop_map(|all| {
        let is_leaf = |path: &str| !matches!(all.get(path), None | Some(Leaf::Folder));
        let clear = |path: &&String| {
            let mut above = path.as_str();
            while let Some((parent, _)) = above.rsplit_once('/') {
                if is_leaf(parent) {
                    return false;
                }
                above = parent;
            }
            true
        };
        all.keys().filter(clear).map(|path| (path.clone(), all[path].clone())).collect()
    })
}

fn write(workspace: &Workspace, path: &str, leaf: &Leaf) {
    let place = workspace.path(path);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    match leaf {
        Leaf::File(length) => workspace.write(path, "x".repeat(*length)),
        Leaf::Link(target) => symlink(target, place).unwrap(),
        Leaf::Folder => std::fs::create_dir_all(place).unwrap(),
        Leaf::Program => {
            workspace.write(path, "program");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(place, mode).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mount_shows_the_merge(
        leaves in leaves(),
        layers in 1usize..24,
        spread in prop::collection::vec(any::<u32>(), 25),
    ) {
        let workspace = Workspace::new();
        let mut root = vec![source("root")];
        for layer in 0..layers {
            let folder = format!("layer{layer}");
            std::fs::create_dir_all(workspace.path(&folder)).unwrap();
            for ((path, leaf), bits) in leaves.iter().zip(&spread) {
                if bits & (1 << layer) != 0 {
                    write(&workspace, &format!("{folder}/{path}"), leaf);
                }
            }
            root.push(source(&folder));
        }
        let action = with(run("x", "list >out"), |run| run.root = root.clone());
        let built = workspace.build(vec![action], "x");
        prop_assert!(built.outcome.succeeded(), "{}", built.failure());
        let executor = workspace.executor(&built.store);
        let digest = |artifact: &wiz_graph::Artifact| {
            let wiz_graph::Artifact::Source { path } = artifact else { panic!("a source") };
            match wiz_scheduler::Executor::source_node(&executor, path) {
                Ok(Node::Directory(digest)) => digest,
                other => panic!("{other:?}"),
            }
        };
        let merged = built.store.merge(&root.iter().map(digest).collect::<Vec<_>>()).unwrap();
        let mut expected: Vec<String> = built.store.walk(&merged).map(|entry| match entry.unwrap() {
            (path, Node::Directory(_)) => format!("{path}/"),
            (path, Node::Symlink(target)) => format!("{path} -> {target}"),
            (path, Node::File { digest, executable }) => {
                let kind = if executable { "executable" } else { "plain" };
                format!("{path} {kind} {}", digest.size())
            }
        }).collect();
        let mut shown: Vec<String> = built.text().lines().map(str::to_owned).collect();
        expected.sort();
        shown.sort();
        prop_assert_eq!(shown, expected);
    }
}
