//! `etc/ld.so.cache`: where the dynamic loader of glibc finds shared libraries.
//!
//! The format is glibc's new one, `glibc-ld.so.cache1.1`, as dl-cache.h has it; it is
//! written without extensions, so variants for particular processors (`glibc-hwcaps`)
//! are not listed and programs get the generic library. Unaware of ELF: names come
//! from elsewhere.

use std::cmp::Ordering;
use std::collections::BTreeSet;

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// The byte order of numbers, which readers compare with their own.
const LITTLE_ENDIAN: u8 = 2;

/// The kind of machine a library is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// 64-bit RISC-V with hardware double precision.
    Riscv64,
}

impl Architecture {
    /// The architecture that apk calls by this name.
    #[must_use]
    pub fn from_apk(name: &str) -> Option<Self> {
        match name {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            "riscv64" => Some(Self::Riscv64),
            _ => None,
        }
    }

    /// The flags of its libraries: made for glibc, and the loader's own mark.
    const fn flags(self) -> u32 {
        const ELF_LIBC6: u32 = 3;
        ELF_LIBC6
            | match self {
                Self::X86_64 => 0x0300,
                Self::Aarch64 => 0x0a00,
                Self::Riscv64 => 0x1000,
            }
    }
}

/// A shared library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Library {
    /// Its `DT_SONAME`, which is what programs ask for.
    pub soname: String,
    /// Absolute path in the root.
    pub path: String,
    /// What it is for.
    pub architecture: Architecture,
}

/// Renders the cache. Of libraries with one name for one architecture the first is
/// listed, so they come in the order of the folders to be searched.
///
/// # Errors
/// [`LoaderCacheError`] if a name or path is not fit for it.
pub fn render(libraries: &[Library]) -> Result<Vec<u8>, LoaderCacheError> {
    let mut listed: Vec<&Library> = Vec::new();
    let mut seen = BTreeSet::new();
    for library in libraries {
        library.check()?;
        if seen.insert((&library.soname, library.architecture)) {
            listed.push(library);
        }
    }
    listed.sort_by(|a, b| {
        let names = compare_names(b.soname.as_bytes(), a.soname.as_bytes());
        names.then(b.architecture.flags().cmp(&a.architecture.flags())).then_with(|| a.cmp(b))
    });
    let strings_start = HEADER + listed.len() * ENTRY;
    let (mut entries, mut strings) = (Vec::new(), Vec::new());
    for library in &listed {
        let path = offset(strings_start + strings.len())?;
        strings.extend_from_slice(library.path.as_bytes());
        strings.push(0);
        let soname = match library.path.rsplit_once('/') {
            // The name is the end of the path: the loader reads it from there.
            Some((folder, name)) if name == library.soname => path + offset(folder.len() + 1)?,
            _ => {
                let start = offset(strings_start + strings.len())?;
                strings.extend_from_slice(library.soname.as_bytes());
                strings.push(0);
                start
            }
        };
        for word in [library.architecture.flags(), soname, path, 0, 0, 0] {
            entries.extend_from_slice(&word.to_le_bytes());
        }
    }
    Ok([header(listed.len(), strings.len())?, entries, strings].concat())
}

fn header(libraries: usize, strings: usize) -> Result<Vec<u8>, LoaderCacheError> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&offset(libraries)?.to_le_bytes());
    header.extend_from_slice(&offset(strings)?.to_le_bytes());
    header.push(LITTLE_ENDIAN);
    header.resize(HEADER, 0);
    Ok(header)
}

fn offset(position: usize) -> Result<u32, LoaderCacheError> {
    u32::try_from(position).map_err(|_| LoaderCacheError::TooLarge)
}

impl Library {
    fn check(&self) -> Result<(), LoaderCacheError> {
        if self.soname.is_empty() || self.soname.contains(['/', '\0']) {
            return Err(LoaderCacheError::Name { soname: self.soname.clone() });
        }
        if !self.path.starts_with('/') || self.path.contains('\0') {
            return Err(LoaderCacheError::Path { path: self.path.clone() });
        }
        Ok(())
    }
}

/// The order in which the loader searches names, ascending: runs of digits compare as
/// numbers and are above everything else.
fn compare_names(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let (Some(left), Some(right)) = (a.first(), b.first()) else {
            return a.len().cmp(&b.len());
        };
        let order = match (left.is_ascii_digit(), right.is_ascii_digit()) {
            (true, true) => {
                let (left, right) = (take_number(&mut a), take_number(&mut b));
                left.len().cmp(&right.len()).then(left.cmp(right))
            }
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                (a, b) = (&a[1..], &b[1..]);
                left.cmp(right)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Cuts the digits off the front of `text` and returns them without leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

/// A cache that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoaderCacheError {
    /// Not the name of a library.
    #[error("`{soname}` cannot be the name of a shared library")]
    Name {
        /// The name.
        soname: String,
    },
    /// Not an absolute path.
    #[error("`{path}` is not an absolute path")]
    Path {
        /// The path.
        path: String,
    },
    /// The format's offsets have 32 bits.
    #[error("there are too many libraries for the loader's cache")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use expect_test::expect;

    use super::*;

    fn library(soname: &str, path: &str) -> Library {
        Library { soname: soname.to_owned(), path: path.to_owned(), architecture: Architecture::X86_64 }
    }

    fn libraries() -> Vec<Library> {
        vec![
            library("libc.so.6", "/usr/lib/libc.so.6"),
            library("libz.so.1", "/usr/lib/libz.so.1"),
            library("libz.so.1", "/usr/local/lib/libz.so.1"),
            library("libfoo.so.10", "/usr/lib/libfoo-10.2.so"),
            library("libfoo.so.9", "/usr/lib/libfoo.so.9"),
        ]
    }

    #[test]
    fn names_are_in_the_loaders_order() {
        let order = |a: &str, b: &str| compare_names(a.as_bytes(), b.as_bytes());
        assert_eq!(order("libfoo.so.9", "libfoo.so.10"), Ordering::Less);
        assert_eq!(order("libz3.so", "libzstd.so"), Ordering::Greater);
        assert_eq!(order("liba.so.1", "liba.so"), Ordering::Greater);
        assert_eq!(order("liba.so.01", "liba.so.1"), Ordering::Equal);
    }

    #[test]
    fn the_bytes_are_glibcs() {
        let bytes = render(&[library("libz.so.1", "/lib/libz.so.1")]).unwrap();
        let numbers: Vec<u32> =
            bytes[48..72].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
        assert_eq!(&bytes[..32], b"glibc-ld.so.cache1.1\x01\0\0\0\x0f\0\0\0\x02\0\0\0");
        assert_eq!(numbers, [0x303, 72 + 5, 72, 0, 0, 0]);
        assert_eq!(&bytes[72..], b"/lib/libz.so.1\0");
    }

    /// glibc's own ldconfig lists what was written, in the order the loader searches.
    #[test]
    fn ldconfig_reads_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ld.so.cache");
        std::fs::write(&file, render(&libraries()).unwrap()).unwrap();
        let programs = ["ldconfig", "/sbin/ldconfig", "/usr/sbin/ldconfig"];
        let run = |program: &&str| Command::new(program).arg("-p").arg("-C").arg(&file).output().ok();
        let Some(output) = programs.iter().find_map(run) else {
            println!("skipped: ldconfig is not installed");
            return;
        };
        let listed = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = listed.lines().skip(1).map(str::trim).collect();
        expect![[r#"
            libz.so.1 (libc6,x86-64) => /usr/lib/libz.so.1
            libfoo.so.10 (libc6,x86-64) => /usr/lib/libfoo-10.2.so
            libfoo.so.9 (libc6,x86-64) => /usr/lib/libfoo.so.9
            libc.so.6 (libc6,x86-64) => /usr/lib/libc.so.6"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn unfit_names_are_refused() {
        assert!(render(&[library("", "/a")]).is_err());
        assert!(render(&[library("a/b", "/a")]).is_err());
        assert!(render(&[library("a", "a")]).is_err());
        assert_eq!(render(&[]).unwrap().len(), HEADER);
    }
}
