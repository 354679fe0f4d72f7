//! What DWARF says of the sources: compile units, who compiled them with which
//! flags, and which files they were made of.
//!
//! Only unit headers, root entries and line tables are decoded. Malformed sections
//! are reported, not fatal: they do not change how a program runs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use gimli::{AttributeValue, EndianSlice, RunTimeEndian};
use object::Endianness;
use object::read::elf::FileHeader;
use object::read::{CompressionFormat, Object, ObjectSection};
use serde::{Deserialize, Serialize};

use super::Cached;

/// Sections are held in memory one file at a time; none of a real program is larger.
const LARGEST_SECTION: u64 = 2 << 30;

/// What debugging information says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::native) struct Debug {
    /// Compilers with their flags, ordered.
    pub(in crate::native) producers: Vec<String>,
    /// Every file that anything was compiled from, ordered.
    pub(in crate::native) sources: Vec<String>,
    /// In the order of the file.
    pub(in crate::native) units: Vec<Unit>,
    /// Why it could not be read to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::native) problem: Option<String>,
}

/// One compilation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::native) struct Unit {
    /// The file that was compiled, as the compiler was told.
    pub(in crate::native) name: String,
    /// Where it was compiled.
    pub(in crate::native) directory: String,
    /// Place in [`Debug::producers`].
    pub(in crate::native) producer: Option<usize>,
    /// Places in [`Debug::sources`], in order.
    pub(in crate::native) sources: Vec<usize>,
}

/// Units before their texts are numbered.
#[derive(Debug)]
struct RawUnit {
    name: String,
    directory: String,
    producer: Option<String>,
    sources: BTreeSet<String>,
}

/// Reads what there is.
pub(super) fn debug<Elf: FileHeader<Endian = Endianness>>(file: &Cached<'_, Elf>) -> Debug {
    let mut units = Vec::new();
    let problem = read_units(file, &mut units).err();
    let mut debug = number(units);
    debug.problem = problem.map(|problem| problem.to_string());
    debug
}

fn read_units<Elf: FileHeader<Endian = Endianness>>(
    file: &Cached<'_, Elf>,
    units: &mut Vec<RawUnit>,
) -> Result<(), DwarfProblem> {
    let endian = match file.endian() {
        Endianness::Little => RunTimeEndian::Little,
        Endianness::Big => RunTimeEndian::Big,
    };
    let sections = gimli::DwarfSections::load(|id| section(file, id.name()))?;
    let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, endian));
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        let unit = dwarf.unit(header)?;
        if let Some(unit) = raw_unit(&dwarf, &unit)? {
            units.push(unit);
        }
    }
    Ok(())
}

type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// What is kept of one unit; `None` if it compiles nothing by itself.
fn raw_unit(
    dwarf: &gimli::Dwarf<Slice<'_>>,
    unit: &gimli::Unit<Slice<'_>>,
) -> Result<Option<RawUnit>, DwarfProblem> {
    let mut entries = unit.entries();
    entries.next_dfs()?;
    let Some(root) = entries.current() else { return Ok(None) };
    if root.tag() != gimli::DW_TAG_compile_unit && root.tag() != gimli::DW_TAG_skeleton_unit {
        return Ok(None);
    }
    let text = |value: AttributeValue<Slice<'_>>| -> Result<String, DwarfProblem> {
        Ok(dwarf.attr_string(unit, value)?.to_string_lossy().into_owned())
    };
    let producer = root.attr_value(gimli::DW_AT_producer).map(text).transpose()?;
    let lossy = |slice: &Option<Slice<'_>>| {
        slice.map(|slice| slice.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let (name, directory) = (lossy(&unit.name), lossy(&unit.comp_dir));
    let mut sources = BTreeSet::new();
    if let Some(program) = &unit.line_program {
        let header = program.header();
        for file in header.file_names() {
            let mut path = directory.clone();
            if let Some(folder) = file.directory(header) {
                join(&mut path, &text(folder)?);
            }
            join(&mut path, &text(file.path_name())?);
            sources.insert(without_dots(&path));
        }
    }
    if !name.is_empty() {
        let mut path = directory.clone();
        join(&mut path, &name);
        sources.insert(without_dots(&path));
    }
    Ok(Some(RawUnit { name, directory, producer, sources }))
}

/// Appends a path, or takes its place if it is absolute.
fn join(path: &mut String, next: &str) {
    if next.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(next);
}

/// The path without `.` and `..`, which in sources lead through no links.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        match (segment, kept.last()) {
            ("..", Some(last)) if *last != ".." => {
                kept.pop();
            }
            ("..", None) if path.starts_with('/') => {}
            _ => kept.push(segment),
        }
    }
    format!("{}{}", if path.starts_with('/') { "/" } else { "" }, kept.join("/"))
}

/// Texts that many units share are kept once.
fn number(units: Vec<RawUnit>) -> Debug {
    let producers: BTreeSet<&String> = units.iter().filter_map(|unit| unit.producer.as_ref()).collect();
    let sources: BTreeSet<&String> = units.iter().flat_map(|unit| &unit.sources).collect();
    let producers: Vec<String> = producers.into_iter().cloned().collect();
    let sources: Vec<String> = sources.into_iter().cloned().collect();
    let places: BTreeMap<&str, usize> =
        sources.iter().enumerate().map(|(place, text)| (text.as_str(), place)).collect();
    let units = units
        .iter()
        .map(|unit| Unit {
            name: unit.name.clone(),
            directory: unit.directory.clone(),
            producer: unit.producer.as_ref().and_then(|producer| producers.binary_search(producer).ok()),
            sources: unit.sources.iter().filter_map(|path| places.get(path.as_str()).copied()).collect(),
        })
        .collect();
    Debug { producers, sources, units, problem: None }
}

/// The bytes of a debugging section, uncompressed; none if it is not there.
fn section<'a, Elf: FileHeader<Endian = Endianness>>(
    file: &Cached<'a, Elf>,
    name: &str,
) -> Result<Cow<'a, [u8]>, DwarfProblem> {
    const NEEDED: [&str; 9] = [
        ".debug_abbrev",
        ".debug_addr",
        ".debug_info",
        ".debug_line",
        ".debug_line_str",
        ".debug_rnglists",
        ".debug_str",
        ".debug_str_offsets",
        ".debug_ranges",
    ];
    let wanted = NEEDED.contains(&name).then(|| file.section_by_name(name)).flatten();
    let Some(section) = wanted else { return Ok(Cow::Borrowed(&[])) };
    let size = section.compressed_file_range()?.uncompressed_size;
    if size > LARGEST_SECTION {
        return Err(DwarfProblem::TooLarge { section: name.to_owned(), size });
    }
    let data = section.compressed_data()?;
    let bytes = match data.format {
        CompressionFormat::None => return Ok(Cow::Borrowed(data.data)),
        CompressionFormat::Zlib => inflate(flate2::bufread::ZlibDecoder::new(data.data), size),
        CompressionFormat::Zstandard => {
            zstd::stream::read::Decoder::with_buffer(data.data).and_then(|decoder| inflate(decoder, size))
        }
        _ => Err(std::io::Error::other("compressed in an unknown way")),
    };
    bytes.map(Cow::Owned).map_err(|source| DwarfProblem::Compressed { section: name.to_owned(), source })
}

fn inflate(decoder: impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    decoder.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why debugging information could not be read.
#[derive(Debug, thiserror::Error)]
enum DwarfProblem {
    #[error("malformed DWARF: {0}")]
    Malformed(#[from] gimli::Error),
    #[error("malformed section: {0}")]
    Section(#[from] object::read::Error),
    #[error("section `{section}` cannot be decompressed: {source}")]
    Compressed { section: String, source: std::io::Error },
    #[error("section `{section}` has {size} bytes, more than {LARGEST_SECTION}")]
    TooLarge { section: String, size: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_together_as_the_compiler_meant() {
        let cases = [
            ("/build/src", "lib", "a.c", "/build/src/lib/a.c"),
            ("/build/src", "/usr/include", "stdio.h", "/usr/include/stdio.h"),
            ("/build/src/b", "../lib/.", "./x.h", "/build/src/lib/x.h"),
            ("", "", "a.c", "a.c"),
            ("..", "..", "a.c", "../../a.c"),
        ];
        for (base, folder, file, expected) in cases {
            let mut path = base.to_owned();
            join(&mut path, folder);
            join(&mut path, file);
            assert_eq!(without_dots(&path), expected);
        }
    }
}
