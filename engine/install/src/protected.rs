//! Files that users are expected to change, and how a system says which they are.
//!
//! The patterns are those of apk-protected_paths(5).

/// How a path is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    None,
    /// `-`: it is none of apk's business.
    Ignored,
    /// `+`: what a user changed is kept.
    Changed,
    /// `@`: links are kept.
    Links,
    /// `!`: everything is kept.
    All,
}

/// Patterns of paths with their protection; later ones count above earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedPaths {
    patterns: Vec<(Vec<String>, Protection)>,
}

impl Default for ProtectedPaths {
    /// What holds where a system says nothing: `etc` and what is below it.
    fn default() -> Self {
        let mut paths = Self { patterns: Vec::new() };
        paths.add("+etc\n@etc/init.d\n!etc/apk\n");
        paths
    }
}

impl ProtectedPaths {
    /// No path is protected but those of `text`.
    #[must_use]
    pub fn only(text: &str) -> Self {
        let mut paths = Self { patterns: Vec::new() };
        paths.add(text);
        paths
    }

    /// Adds the patterns of a file: one a line, its protection in front (`!` if none is).
    pub fn add(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (protection, path) = match line.as_bytes()[0] {
                b'-' => (Protection::Ignored, &line[1..]),
                b'+' => (Protection::Changed, &line[1..]),
                b'@' => (Protection::Links, &line[1..]),
                b'!' => (Protection::All, &line[1..]),
                _ => (Protection::All, line),
            };
            let segments: Vec<String> =
                path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
            if !segments.is_empty() {
                self.patterns.push((segments, protection));
            }
        }
    }

    /// The path is not protected, whatever patterns say.
    pub fn except(&mut self, path: &str) {
        self.patterns.push((path.split('/').map(str::to_owned).collect(), Protection::None));
    }

    /// How the path below the root is protected: as the longest of its leading parts that
    /// a pattern fits.
    #[must_use]
    pub fn protection(&self, path: &str) -> Protection {
        let steps: Vec<&str> = path.split('/').collect();
        let fits = |pattern: &[String]| {
            pattern.len() <= steps.len()
                && pattern.iter().zip(&steps).all(|(pattern, step)| fits(pattern, step))
        };
        let fitting = self.patterns.iter().filter(|(pattern, _)| fits(pattern));
        let longest = fitting.max_by_key(|(pattern, _)| pattern.len());
        longest.map_or(Protection::None, |(_, protection)| *protection)
    }

    /// Whether something below the folder at `path` may be protected.
    #[must_use]
    pub fn reaches_below(&self, path: &str) -> bool {
        let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
        self.patterns.iter().any(|(pattern, protection)| {
            *protection != Protection::None
                && pattern.iter().zip(&steps).all(|(pattern, step)| fits(pattern, step))
        })
    }
}

/// Whether a step of a path fits a pattern with `*` and `?`.
fn fits(pattern: &str, step: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => step.is_empty(),
        Some('*') => {
            let rest = rest.as_str();
            (0..=step.len()).any(|at| step.is_char_boundary(at) && fits(rest, &step[at..]))
        }
        Some('?') => {
            let mut chars = step.chars();
            chars.next().is_some() && fits(rest.as_str(), chars.as_str())
        }
        Some(c) => step.strip_prefix(c).is_some_and(|step| fits(rest.as_str(), step)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_counts() {
        let mut paths = ProtectedPaths::default();
        paths.add("# comment\n-etc/cache\n+srv/*/conf\nopt/data");
        for (path, protection) in [
            ("etc/passwd", Protection::Changed),
            ("etc", Protection::Changed),
            ("etc/init.d/sshd", Protection::Links),
            ("etc/apk/world", Protection::All),
            ("etc/cache/a/b", Protection::Ignored),
            ("srv/www/conf/a", Protection::Changed),
            ("srv/www/data", Protection::None),
            ("opt/data/a", Protection::All),
            ("usr/etc/a", Protection::None),
        ] {
            assert_eq!(paths.protection(path), protection, "{path}");
        }
        assert!(paths.reaches_below("srv") && paths.reaches_below("etc/ssh") && !paths.reaches_below("usr"));
    }
}
