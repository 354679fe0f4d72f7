//! Globs over paths of trees: `*` stays within a folder, `**` does not, a folder's
//! glob takes everything below it. Unaware of what is done with a match.

use globset::{GlobBuilder, GlobMatcher};

use super::NativeError;

/// Globs in the order they were written.
#[derive(Debug, Clone, Default)]
pub(super) struct FileGlobs {
    globs: Vec<(String, GlobMatcher, GlobMatcher)>,
}

impl FileGlobs {
    /// Parses each glob; `usr/include` means the folder with all that is in it.
    pub(super) fn new<'a>(globs: impl IntoIterator<Item = &'a String>) -> Result<Self, NativeError> {
        let mut parsed = Vec::new();
        for text in globs {
            let trimmed = text.trim_end_matches('/');
            let below = format!("{trimmed}/**");
            parsed.push((text.clone(), matcher(text, trimmed)?, matcher(text, &below)?));
        }
        Ok(Self { globs: parsed })
    }

    pub(super) fn len(&self) -> usize {
        self.globs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The place of the first glob that takes `path`.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.all(path).next()
    }

    /// Every glob that takes `path`, by its place.
    pub(super) fn all<'a>(&'a self, path: &'a str) -> impl Iterator<Item = usize> + 'a {
        let matches = move |(_, itself, below): &&(String, GlobMatcher, GlobMatcher)| {
            itself.is_match(path) || below.is_match(path)
        };
        self.globs.iter().enumerate().filter(move |(_, glob)| matches(glob)).map(|(index, _)| index)
    }

    /// The globs as they were written.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.globs.iter().map(|(text, _, _)| text.as_str())
    }
}

fn matcher(text: &str, glob: &str) -> Result<GlobMatcher, NativeError> {
    let glob = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
    let glob =
        glob.map_err(|error| NativeError::Glob { glob: text.to_owned(), message: error.kind().to_string() })?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn stars_stay_within_a_folder_and_folders_take_what_is_below() {
        let globs = ["usr/lib/*.so", "usr/include", "usr/share/doc/**", "{a,b}/c", "**/x"].map(String::from);
        let globs = FileGlobs::new(&globs).unwrap();
        let paths = [
            "usr/lib/libz.so",
            "usr/lib/a/libz.so",
            "usr/include/zlib.h",
            "usr/include",
            "usr/includes",
            "usr/share/doc",
            "usr/share/doc/z/README",
            "b/c",
            "x",
            "deep/er/x/below",
        ];
        let found: String = paths
            .iter()
            .map(|path| {
                let glob = globs.find(path).and_then(|index| globs.texts().nth(index));
                format!("{path}: {}\n", glob.unwrap_or("-"))
            })
            .collect();
        expect![[r#"
            usr/lib/libz.so: usr/lib/*.so
            usr/lib/a/libz.so: -
            usr/include/zlib.h: usr/include
            usr/include: usr/include
            usr/includes: -
            usr/share/doc: -
            usr/share/doc/z/README: usr/share/doc/**
            b/c: {a,b}/c
            x: **/x
            deep/er/x/below: **/x
        "#]]
        .assert_eq(&found);
    }

    #[test]
    fn a_broken_glob_is_named() {
        let error = FileGlobs::new(&["usr/[".to_owned()]).unwrap_err();
        expect!["`usr/[` is not a glob: unclosed character class; missing ']'"].assert_eq(&error.to_string());
    }
}
