//! A workspace written down in a test: files in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroUsize;

use wiz_base::{Platform, PlatformName, RelPath, TargetPattern};
use wiz_star::{Analysis, DirEntry, EntryKind, Sources, Workspace, analyze, load_workspace};

/// Files by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(pub(crate) BTreeMap<String, String>);

impl Written {
    /// Files that follow lines of the form `# file: PATH`, and a WORKSPACE.star if there is none.
    pub(crate) fn new(text: &str) -> Self {
        let mut files = BTreeMap::new();
        for section in text.split("# file: ").skip(1) {
            let (path, content) = section.split_once('\n').expect("a file has a line after its name");
            files.insert(path.trim().to_owned(), content.to_owned());
        }
        files.entry("WORKSPACE.star".to_owned()).or_insert_with(|| "workspace(name = \"test\")\n".to_owned());
        Self(files)
    }

    pub(crate) fn workspace(&self) -> Workspace {
        load_workspace(self, &host()).expect("the test's workspace is sound")
    }

    pub(crate) fn analyze(&self, patterns: &[&str], threads: usize) -> Analysis {
        let workspace = self.workspace();
        let patterns: Vec<_> = patterns.iter().map(|text| TargetPattern::parse(text).unwrap()).collect();
        analyze(self, &workspace, &patterns, &workspace.default_platform, NonZeroUsize::new(threads).unwrap())
    }
}

/// What platforms are when a workspace names none.
pub(crate) fn host() -> Platform {
    let name = PlatformName::new("x86_64").unwrap();
    Platform { name, os: "linux".to_owned(), cpu: "x86_64".to_owned() }
}

impl Sources for Written {
    fn read(&self, path: &RelPath) -> io::Result<Option<String>> {
        Ok(self.0.get(path.as_str()).cloned())
    }

    fn list(&self, path: &RelPath) -> io::Result<Option<Vec<DirEntry>>> {
        let mut entries = BTreeSet::new();
        for file in self.0.keys() {
            let file = RelPath::new(file).unwrap();
            let Some(below) = file.strip_prefix(path).filter(|below| !below.is_root()) else { continue };
            let mut segments = below.segments();
            let name = segments.next().unwrap_or_default().to_owned();
            let kind = match (segments.next(), name.ends_with(".link")) {
                (Some(_), _) => EntryKind::Directory,
                (None, true) => EntryKind::Symlink,
                (None, false) => EntryKind::File,
            };
            entries.insert(DirEntry { name, kind });
        }
        Ok(if entries.is_empty() && !path.is_root() { None } else { Some(entries.into_iter().collect()) })
    }
}
