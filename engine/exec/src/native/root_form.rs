//! The canonical form of a root, path by path: everything of the system under
//! `/usr`, link targets relative. Works on names alone.

use wiz_base::RelPath;

/// Folders that are links into `/usr` in every root.
const ALIASES: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// What becomes of paths and link targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Capture {
    /// They stay as they are: source trees.
    #[default]
    Plain,
    /// A piece of a root: `/bin`, `/sbin`, `/lib` and `/lib64` move under `/usr`, and
    /// link targets become relative.
    Root,
    /// The same for the one piece of a root that has links such as `bin -> usr/bin`.
    Base,
}

impl Capture {
    /// Where what is written at `path` ends up.
    pub(super) fn path(self, path: &RelPath) -> RelPath {
        if self == Self::Plain {
            return path.clone();
        }
        let segments: Vec<&str> = path.segments().collect();
        if segments.len() < 2 && !segments.first().is_some_and(|first| ALIASES.contains(first)) {
            return path.clone();
        }
        joined(&canonical(&segments))
    }

    /// The target of a link at `path` (as it was written), seen from where it ends up.
    pub(super) fn target(self, path: &RelPath, target: &str) -> String {
        let folder = path.parent().unwrap_or_else(RelPath::root);
        let relative = || relative_target(&folder.segments().collect::<Vec<_>>(), target);
        match self {
            Self::Plain => target.to_owned(),
            Self::Root | Self::Base => relative().unwrap_or_else(|| target.to_owned()),
        }
    }

    /// Whether the link is one of those that only the base of a root has.
    pub(super) fn alias(self, path: &RelPath, target: &str) -> bool {
        self != Self::Plain
            && ALIASES.contains(&path.as_str())
            && target.trim_start_matches("./").trim_matches('/') == format!("usr/{path}")
    }
}

/// Whether a relative target leads out of the tree, or is absolute.
pub(super) fn escapes(path: &RelPath, target: &str) -> bool {
    let mut depth = path.segments().count() - 1;
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    target.starts_with('/')
}

/// Moves a path under `/usr` if it lies in one of the aliases.
fn canonical<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    let mut canonical = segments.to_vec();
    if segments.first().is_some_and(|first| ALIASES.contains(first)) {
        canonical.insert(0, "usr");
    }
    canonical
}

/// `None` if neither the link nor the target moves and the target is relative already.
fn relative_target(folder: &[&str], target: &str) -> Option<String> {
    let absolute = target.starts_with('/');
    let mut resolved: Vec<&str> = if absolute { Vec::new() } else { folder.to_vec() };
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                resolved.pop();
            }
            name => resolved.push(name),
        }
    }
    let moves = |path: &[&str]| path.first().is_some_and(|first| ALIASES.contains(first));
    if !absolute && !moves(folder) && !moves(&resolved) {
        return None;
    }
    let (from, to) = (canonical(folder), canonical(&resolved));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut steps = vec![".."; from.len() - shared];
    steps.extend(&to[shared..]);
    Some(if steps.is_empty() { ".".to_owned() } else { steps.join("/") })
}

fn joined(segments: &[&str]) -> RelPath {
    RelPath::new(&segments.join("/")).expect("segments of a path, and `usr`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn a_piece_of_a_root_lies_under_usr() {
        let links = [
            ("bin/sh", "busybox"),
            ("bin/awk", "/etc/alternatives/awk"),
            ("lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
            ("usr/lib/libz.so", "/lib/libz.so.1"),
            ("usr/lib/libz.so", "libz.so.1"),
            ("etc/localtime", "/usr/share/zoneinfo/UTC"),
            ("etc/up", "../../../x"),
        ];
        let text: String = links
            .iter()
            .map(|(at, target)| {
                let at = path(at);
                format!("{} -> {}\n", Capture::Root.path(&at), Capture::Root.target(&at, target))
            })
            .collect();
        expect![[r#"
            usr/bin/sh -> busybox
            usr/bin/awk -> ../../etc/alternatives/awk
            usr/lib64/ld-linux-x86-64.so.2 -> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
            usr/lib/libz.so -> libz.so.1
            usr/lib/libz.so -> libz.so.1
            etc/localtime -> ../usr/share/zoneinfo/UTC
            etc/up -> ../../../x
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn only_links_to_usr_are_aliases() {
        for target in ["usr/lib", "/usr/lib", "./usr/lib/"] {
            assert!(Capture::Root.alias(&path("lib"), target), "{target}");
        }
        assert!(!Capture::Root.alias(&path("lib"), "usr/lib64"));
        assert!(!Capture::Root.alias(&path("etc"), "usr/etc"));
        assert!(!Capture::Plain.alias(&path("lib"), "usr/lib"));
    }

    #[test]
    fn a_target_may_not_lead_out_of_a_source_tree() {
        for bad in ["/etc/passwd", "../../x", "../a/../../x", "b/../../../x"] {
            assert!(escapes(&path("a/link"), bad), "{bad}");
        }
        for good in ["../x", "x", "./x/../y", "../a/x"] {
            assert!(!escapes(&path("a/link"), good), "{good}");
        }
    }
}
