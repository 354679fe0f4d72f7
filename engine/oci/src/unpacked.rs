//! What an image unpacks to: every path with what is known of it, layer upon layer, without
//! writing anything. Takes layers of any origin. Unaware of packages and of compression.
//!
//! Source: OCI image specification 1.1, layer.md: whiteouts, and what an upper layer does to
//! a lower one.

use std::collections::BTreeMap;
use std::io::{self, Read};

use ::tar::{Archive, Entry, EntryType};

use crate::digest::Sha256Digest;

/// What stands before the name of something that an upper layer removes.
const WHITEOUT: &str = ".wh.";
/// What empties its folder.
const OPAQUE: &str = ".wh..wh..opq";

/// Everything an image unpacks to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// By path below the root, without slashes at either end.
    pub files: BTreeMap<String, Found>,
    /// The bytes of the files that were asked for.
    pub kept: BTreeMap<String, Vec<u8>>,
}

/// One file, folder, link or device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// Permission, set-id and sticky bits.
    pub mode: u32,
    /// Number of the owning user.
    pub uid: u64,
    /// Number of the owning group.
    pub gid: u64,
    /// Extended attributes by their full name, such as `security.capability`.
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// Which layer it is from, counted from the lowest.
    pub layer: usize,
}

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// A regular file, with the digest of its bytes.
    File {
        /// In bytes.
        size: u64,
        /// Of its bytes.
        digest: Sha256Digest,
    },
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink {
        /// What it leads to, as it is written there.
        target: String,
    },
    /// A device, a pipe or a socket.
    Special,
}

impl Found {
    /// Bytes of its content.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self.kind {
            FoundKind::File { size, .. } => size,
            _ => 0,
        }
    }

    /// Whether it is a file that runs as its owner or group, or with capabilities.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        let is_file = matches!(self.kind, FoundKind::File { .. });
        is_file && (self.mode & 0o6000 != 0 || self.xattrs.contains_key("security.capability"))
    }
}

impl Unpacked {
    /// Adds the next layer, an uncompressed tar; keeps the bytes of files that `keep` names.
    ///
    /// # Errors
    /// If it cannot be read, or is no tar.
    pub fn add_layer(&mut self, layer: usize, tar: impl Read, keep: &dyn Fn(&str) -> bool) -> io::Result<()> {
        for entry in Archive::new(tar).entries()? {
            let mut entry = entry?;
            let path = plain(&entry.path_bytes());
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if name == OPAQUE {
                self.remove_below(folder, layer);
            } else if let Some(name) = name.strip_prefix(WHITEOUT) {
                let removed = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                self.remove(&removed);
            } else if !path.is_empty() {
                self.add(&path, &mut entry, layer, keep)?;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        path: &str,
        entry: &mut Entry<'_, impl Read>,
        layer: usize,
        keep: &dyn Fn(&str) -> bool,
    ) -> io::Result<()> {
        let xattrs = xattrs(entry)?;
        let header = entry.header();
        let (mode, uid, gid) = (header.mode()? & 0o7777, header.uid()?, header.gid()?);
        let target = |entry: &Entry<'_, _>| {
            let bytes = entry.link_name_bytes().unwrap_or_default().into_owned();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let kind = match header.entry_type() {
            EntryType::Directory => FoundKind::Directory,
            EntryType::Symlink => FoundKind::Symlink { target: target(entry) },
            EntryType::Link => {
                let first = plain(target(entry).as_bytes());
                let found = self.files.get(&first).cloned().ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("`{path}` is a link to `{first}`, which is not there"),
                    )
                })?;
                self.replace(path, found);
                if let Some(bytes) = self.kept.get(&first).filter(|_| keep(path)) {
                    self.kept.insert(path.to_owned(), bytes.clone());
                }
                return Ok(());
            }
            EntryType::Regular | EntryType::Continuous => {
                let (size, digest) = if keep(path) {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes)?;
                    let measured = (bytes.len() as u64, Sha256Digest::of(&bytes));
                    self.kept.insert(path.to_owned(), bytes);
                    measured
                } else {
                    (entry.size(), Sha256Digest::read(entry)?)
                };
                FoundKind::File { size, digest }
            }
            _ => FoundKind::Special,
        };
        self.replace(path, Found { kind, mode, uid, gid, xattrs, layer });
        Ok(())
    }

    /// What is no folder any more has nothing below it.
    fn replace(&mut self, path: &str, found: Found) {
        if found.kind != FoundKind::Directory {
            self.remove_below(path, found.layer);
        }
        self.files.insert(path.to_owned(), found);
    }

    fn remove(&mut self, path: &str) {
        self.files.remove(path);
        self.kept.remove(path);
        self.remove_below(path, usize::MAX);
    }

    /// Removes what lower layers than `layer` have below `folder`.
    fn remove_below(&mut self, folder: &str, layer: usize) {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below = self.files.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        let gone: Vec<String> =
            below.filter(|(_, found)| found.layer < layer).map(|(path, _)| path.clone()).collect();
        for path in gone {
            self.files.remove(&path);
            self.kept.remove(&path);
        }
    }
}

/// A path as it is below the root: `./usr/bin/` is `usr/bin`.
fn plain(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    text.split('/').filter(|segment| !segment.is_empty() && *segment != ".").collect::<Vec<_>>().join("/")
}

fn xattrs(entry: &mut Entry<'_, impl Read>) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut xattrs = BTreeMap::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        if let Some(name) = extension.key().ok().and_then(|key| key.strip_prefix("SCHILY.xattr.")) {
            xattrs.insert(name.to_owned(), extension.value_bytes().to_vec());
        }
    }
    Ok(xattrs)
}

#[cfg(test)]
mod tests {
    use ::tar::{Builder, Header};

    use super::*;

    fn tar(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_mode(if *kind == EntryType::Directory { 0o755 } else { 0o644 });
            header.set_uid(0);
            header.set_gid(0);
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_size(0);
                builder.append_link(&mut header, path, content).unwrap();
            } else {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(layers: &[&[(&str, EntryType, &str)]]) -> String {
        let mut unpacked = Unpacked::default();
        for (index, layer) in layers.iter().enumerate() {
            unpacked.add_layer(index, tar(layer).as_slice(), &|path| path.ends_with("kept")).unwrap();
        }
        let shown = |(path, found): (&String, &Found)| {
            let kept = unpacked.kept.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            format!(
                "{path} {} in {}{}",
                found.size(),
                found.layer,
                kept.map(|it| format!(": {it}")).unwrap_or_default()
            )
        };
        unpacked.files.iter().map(shown).collect::<Vec<_>>().join("\n")
    }

    const FILE: EntryType = EntryType::Regular;
    const FOLDER: EntryType = EntryType::Directory;

    #[test]
    fn upper_layers_replace_and_remove() {
        let lower = [("a", FOLDER, ""), ("a/kept", FILE, "one"), ("a/b", FILE, "two"), ("c", FILE, "three")];
        let upper = [("./a/kept", FILE, "four"), ("a/.wh.b", FILE, ""), ("d/", FOLDER, "")];
        assert_eq!(unpacked(&[&lower, &upper]), "a 0 in 0\na/kept 4 in 1: four\nc 5 in 0\nd 0 in 1");
    }

    #[test]
    fn an_opaque_folder_hides_what_lower_layers_have_in_it() {
        let lower = [("a", FOLDER, ""), ("a/b", FILE, "two"), ("ab", FILE, "x")];
        let upper = [("a/new", FILE, "1"), ("a/.wh..wh..opq", FILE, "")];
        assert_eq!(unpacked(&[&lower, &upper]), "a 0 in 0\na/new 1 in 1\nab 1 in 0");
    }

    #[test]
    fn a_file_in_place_of_a_folder_removes_what_was_in_it() {
        let lower = [("a", FOLDER, ""), ("a/b", FILE, "two")];
        assert_eq!(unpacked(&[&lower, &[("a", EntryType::Symlink, "b")]]), "a 0 in 1");
    }

    #[test]
    fn a_hard_link_is_what_it_links_to() {
        let lower = [("a", FILE, "one"), ("b", EntryType::Link, "a")];
        assert_eq!(unpacked(&[&lower]), "a 3 in 0\nb 3 in 0");
        let mut broken = Unpacked::default();
        let error = broken.add_layer(0, tar(&[("b", EntryType::Link, "a")]).as_slice(), &|_| false);
        assert!(error.unwrap_err().to_string().contains("which is not there"));
    }
}
