//! Versions of shared libraries, from the names of their files, and where links
//! lead.

use wiz_apk::Version;
use wiz_base::RelPath;

/// The version of the library `soname` in the file `file_name`: `libz.so.1` in
/// `libz.so.1.3.1` is 1.3.1, in `libz.so.1` it is 1, `libbfd-2.40.so` is 2.40.
/// What has none is 0, as apk's own builders write it.
pub(super) fn version(soname: &str, file_name: &str) -> String {
    let candidates = [behind_so(file_name), before_so(file_name), behind_so(soname), before_so(soname)];
    let valid = |text: &&str| Version::as_found(text).is_ok_and(|version| version.is_valid());
    candidates.into_iter().flatten().find(valid).unwrap_or("0").to_owned()
}

/// What stands behind `.so.`.
fn behind_so(name: &str) -> Option<&str> {
    name.split_once(".so.").map(|(_, version)| version)
}

/// What stands between the last `-` and `.so`, if it starts with a digit.
fn before_so(name: &str) -> Option<&str> {
    let (_, version) = name.strip_suffix(".so")?.rsplit_once('-')?;
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

/// The path a link leads to within the tree; `None` if it leads out.
pub(super) fn resolve(link: &RelPath, target: &str) -> Option<RelPath> {
    let parent = link.parent()?;
    let mut resolved: Vec<&str> =
        if target.starts_with('/') { Vec::new() } else { parent.segments().collect() };
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                resolved.pop()?;
            }
            name => resolved.push(name),
        }
    }
    RelPath::new(&resolved.join("/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_tells_more_than_the_soname() {
        let cases = [
            ("libz.so.1", "libz.so.1.3.1", "1.3.1"),
            ("libz.so.1", "libz.so.1", "1"),
            ("libc.so.6", "libc.so.6", "6"),
            ("libbfd-2.40.so", "libbfd-2.40.so", "2.40"),
            ("libfoo.so", "libfoo.so", "0"),
            ("libfoo-bar.so", "libfoo-bar.so", "0"),
            ("libperl.so.5.36", "libperl.so.5.36.0", "5.36.0"),
            ("ld-linux-x86-64.so.2", "ld-linux-x86-64.so.2", "2"),
            ("libodd.so.1", "libodd.so.not-a-version", "1"),
        ];
        for (soname, file, expected) in cases {
            assert_eq!(version(soname, file), expected, "{soname} in {file}");
        }
    }
}
