//! What a source archive tells of itself: by its name, and by what lies in its first folder.

use std::io::{self, Read};

/// Longest file that is looked into, in bytes.
const LONGEST: u64 = 1 << 20;

/// What was found in an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// How it is built.
    pub(super) build: Build,
    /// SPDX's name of its licence, as far as its text tells.
    pub(super) license: Option<String>,
    /// What it says it is, in a line.
    pub(super) summary: Option<String>,
    /// Its home page.
    pub(super) homepage: Option<String>,
    /// Programs that a crate has.
    pub(super) programs: Vec<String>,
}

/// How a source is built, by the files that its builders want.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Build {
    /// Nothing is known.
    #[default]
    Unknown,
    /// `meson.build`
    Meson,
    /// `CMakeLists.txt`
    CMake,
    /// `Makefile`
    Make,
    /// `configure.ac` without `configure`
    Autoreconf,
    /// `Cargo.toml`
    Cargo,
    /// `configure`
    Configure,
}

/// Reads the archive called `file`.
///
/// # Errors
/// If it is no tar, or of a compression that is not known.
pub(super) fn read(file: &str, bytes: &[u8]) -> io::Result<Found> {
    let tar: Box<dyn Read + '_> = if bytes.starts_with(b"\x1f\x8b") {
        Box::new(flate2::read::MultiGzDecoder::new(bytes))
    } else if bytes.starts_with(b"\xfd7zXZ\0") {
        Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(bytes))
    } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        Box::new(zstd::Decoder::with_buffer(bytes)?)
    } else if file.contains(".tar.") {
        return Err(io::Error::other("its compression is not known"));
    } else {
        Box::new(bytes)
    };
    let mut found = Found::default();
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        let Some((_, name)) = path.split_once('/').filter(|(_, name)| !name.contains('/')) else { continue };
        found.build = found.build.max(build(name));
        let is_licence = ["COPYING", "LICENSE", "LICENCE", "COPYRIGHT"]
            .iter()
            .any(|word| name.to_uppercase().starts_with(word));
        if is_licence || name == "Cargo.toml" {
            let mut text = Vec::new();
            entry.by_ref().take(LONGEST).read_to_end(&mut text)?;
            let text = String::from_utf8_lossy(&text);
            if name == "Cargo.toml" {
                found.manifest(&text);
            } else if found.license.is_none() {
                found.license = license(&text).map(str::to_owned);
            }
        }
    }
    Ok(found)
}

fn build(name: &str) -> Build {
    match name {
        "configure" => Build::Configure,
        "Cargo.toml" => Build::Cargo,
        "configure.ac" | "configure.in" => Build::Autoreconf,
        "Makefile" | "makefile" | "GNUmakefile" => Build::Make,
        "CMakeLists.txt" => Build::CMake,
        "meson.build" => Build::Meson,
        _ => Build::Unknown,
    }
}

impl Found {
    /// A crate says more of itself than its files do.
    fn manifest(&mut self, text: &str) {
        let Ok(manifest) = text.parse::<toml::Table>() else { return };
        let Some(package) = manifest.get("package").and_then(toml::Value::as_table) else { return };
        let field = |name: &str| package.get(name).and_then(toml::Value::as_str).map(str::to_owned);
        // The older way to say OR.
        self.license = field("license").map(|license| license.replace('/', " OR ").replace("  ", " "));
        self.summary = field("description").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        self.homepage = field("homepage").or_else(|| field("repository"));
        let bins = manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten();
        self.programs = bins.filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned())).collect();
        if self.programs.is_empty() {
            self.programs.extend(field("name"));
        }
    }
}

/// The licence whose text this is, by what stands in no other's; `-or-later` where the text leaves
/// it to the sources.
fn license(text: &str) -> Option<&'static str> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let known = [
        ("GNU AFFERO GENERAL PUBLIC LICENSE Version 3", "AGPL-3.0-or-later"),
        ("GNU LESSER GENERAL PUBLIC LICENSE Version 3", "LGPL-3.0-or-later"),
        ("GNU LESSER GENERAL PUBLIC LICENSE Version 2.1", "LGPL-2.1-or-later"),
        ("GNU GENERAL PUBLIC LICENSE Version 3", "GPL-3.0-or-later"),
        ("GNU GENERAL PUBLIC LICENSE Version 2", "GPL-2.0-or-later"),
        ("Apache License Version 2.0", "Apache-2.0"),
        ("Mozilla Public License Version 2.0", "MPL-2.0"),
        ("Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
        ("Neither the name of", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
        ("Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"),
        ("The origin of this software must not be misrepresented", "Zlib"),
    ];
    known.iter().find(|(phrase, _)| text.contains(phrase)).map(|(_, name)| *name)
}

/// Name and version that an archive's name tells: `zlib-1.3.1.tar.gz`, `zlib_1.3.1.orig.tar.gz`.
pub(super) fn named(file: &str) -> (Option<String>, Option<String>) {
    let stem = [".tar", ".tgz", ".txz", ".crate"]
        .iter()
        .find_map(|end| file.split_once(end))
        .map_or(file, |it| it.0);
    let stem = stem.strip_suffix(".orig").unwrap_or(stem);
    let is_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let splits = stem.char_indices().filter(|(_, letter)| matches!(letter, '-' | '_'));
    for (place, _) in splits {
        let behind = &stem[place + 1..];
        let version = behind.strip_prefix('v').filter(|text| is_version(text)).unwrap_or(behind);
        if is_version(version) {
            let name = stem[..place].to_lowercase();
            return (Some(name).filter(|name| !name.is_empty()), Some(version.to_owned()));
        }
    }
    (Some(stem.to_lowercase()).filter(|name| !name.is_empty()), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_name_and_version() {
        let check = |file: &str, name: &str, version: Option<&str>| {
            assert_eq!(named(file), (Some(name.to_owned()), version.map(str::to_owned)), "{file}");
        };
        check("zlib-1.3.1.tar.gz", "zlib", Some("1.3.1"));
        check("zlib_1.3.1.orig.tar.xz", "zlib", Some("1.3.1"));
        check("ripgrep-15.1.0.crate", "ripgrep", Some("15.1.0"));
        check("lib-x11-v2.tgz", "lib-x11", Some("2"));
        check("Tool.tar.gz", "tool", None);
    }

    #[test]
    fn texts_tell_licences() {
        assert_eq!(
            license("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007"),
            Some("GPL-3.0-or-later")
        );
        assert_eq!(
            license("Permission is hereby granted, free of charge, to any\nperson obtaining a copy"),
            Some("MIT")
        );
        assert_eq!(license("All rights reserved."), None);
    }
}
