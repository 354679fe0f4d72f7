//! Small ELF files, written byte by byte, and larger ones by this machine's
//! compiler. Compiled for tests only.

use std::process::Command;

const HEADER: usize = 64;
const SEGMENT: usize = 56;

const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_GNU_STACK: u32 = 0x6474_e551;
const PT_GNU_RELRO: u32 = 0x6474_e552;

const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_TEXTREL: u64 = 22;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DF_1_NOW: u64 = 1;
const DF_1_PIE: u64 = 0x0800_0000;

/// A shared library.
pub(in crate::native) fn shared(soname: &str, needed: &[&str]) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut dynamic = vec![(DT_SONAME, strings.add(soname)), (DT_FLAGS_1, DF_1_NOW)];
    dynamic.extend(needed.iter().map(|name| (DT_NEEDED, strings.add(name))));
    write(3, None, &dynamic, &strings, &[(PT_GNU_STACK, 6), (PT_GNU_RELRO, 4)])
}

/// A program that may lie anywhere.
pub(in crate::native) fn program(needed: &[&str]) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut dynamic = vec![(DT_FLAGS_1, DF_1_NOW | DF_1_PIE)];
    dynamic.extend(needed.iter().map(|name| (DT_NEEDED, strings.add(name))));
    let interpreter = Some("/lib64/ld-linux-x86-64.so.2");
    write(3, interpreter, &dynamic, &strings, &[(PT_GNU_STACK, 6), (PT_GNU_RELRO, 4)])
}

/// A program without any protection.
pub(in crate::native) fn unprotected() -> Vec<u8> {
    let mut strings = Strings::new();
    let dynamic = [(DT_RPATH, strings.add("/opt/lib:/tmp")), (DT_TEXTREL, 0)];
    write(2, None, &dynamic, &strings, &[])
}

/// An object that is yet to be linked.
pub(in crate::native) fn object() -> Vec<u8> {
    write(1, None, &[], &Strings::new(), &[])
}

/// What `cc` makes of `source` as `tool.c`; `None` where there is no compiler.
pub(in crate::native) fn compiled(source: &str, flags: &[&str]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tool.c"), source).unwrap();
    let map = format!("-ffile-prefix-map={}=/src", folder.path().display());
    let compiler =
        Command::new("cc").current_dir(&folder).args(["tool.c", "-o", "tool", &map]).args(flags).output();
    let output = compiler.ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read(folder.path().join("tool")).unwrap())
}

/// A string table.
struct Strings(Vec<u8>);

impl Strings {
    fn new() -> Self {
        Self(vec![0])
    }

    fn add(&mut self, text: &str) -> u64 {
        let place = self.0.len() as u64;
        self.0.extend(text.bytes().chain([0]));
        place
    }
}

/// Puts a 64-bit little-endian x86 file together; flags of segments are those of
/// `p_flags`.
fn write(
    kind: u16,
    interpreter: Option<&str>,
    dynamic: &[(u64, u64)],
    strings: &Strings,
    segments: &[(u32, u32)],
) -> Vec<u8> {
    let count = segments.len() + usize::from(interpreter.is_some()) + usize::from(!dynamic.is_empty());
    let mut body = Vec::new();
    let start = HEADER + count * SEGMENT;
    let mut program = Vec::new();
    if let Some(path) = interpreter {
        program.extend(segment(PT_INTERP, 4, start + body.len(), path.len() + 1));
        body.extend(path.bytes().chain([0]));
    }
    let string_place = start + body.len();
    body.extend(&strings.0);
    body.resize(body.len().next_multiple_of(8), 0);
    let dynamic_place = start + body.len();
    if !dynamic.is_empty() {
        let entries = dynamic.iter().copied().chain([(DT_STRTAB, string_place as u64), (0, 0)]);
        body.extend(entries.flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat()));
        program.extend(segment(PT_DYNAMIC, 6, dynamic_place, start + body.len() - dynamic_place));
    }
    program.extend(segments.iter().flat_map(|(kind, flags)| segment(*kind, *flags, 0, 0)));
    let dynamic_size = start + body.len() - dynamic_place;
    let names = b"\0.dynstr\0.dynamic\0.shstrtab\0";
    let names_place = start + body.len();
    body.extend(names);
    body.resize(body.len().next_multiple_of(8), 0);
    let sections_place = start + body.len();
    body.extend([0; 64]);
    body.extend(section(1, 3, string_place, strings.0.len(), 0, 0));
    let dynamic_kind = if dynamic.is_empty() { 1 } else { 6 };
    body.extend(section(9, dynamic_kind, dynamic_place, dynamic_size, 1, 16));
    body.extend(section(18, 3, names_place, names.len(), 0, 0));
    let mut file = header(kind, count, sections_place);
    file.extend(program);
    file.extend(body);
    file
}

fn header(kind: u16, segments: usize, sections_place: usize) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    header.extend([kind.to_le_bytes(), 62_u16.to_le_bytes()].concat());
    header.extend(1_u32.to_le_bytes());
    let segments_place = if segments == 0 { 0 } else { HEADER };
    header.extend([0, segments_place, sections_place].map(|value| (value as u64).to_le_bytes()).concat());
    header.extend(0_u32.to_le_bytes());
    header.extend([HEADER, SEGMENT, segments, 64, 4, 3].map(|value| (value as u16).to_le_bytes()).concat());
    header
}

fn segment(kind: u32, flags: u32, place: usize, size: usize) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), flags.to_le_bytes()].concat();
    let fields = [place, place, place, size, size, 8];
    bytes.extend(fields.map(|value| (value as u64).to_le_bytes()).concat());
    bytes
}

fn section(name: u32, kind: u32, place: usize, size: usize, link: u32, entry: usize) -> Vec<u8> {
    let mut bytes = [name.to_le_bytes(), kind.to_le_bytes()].concat();
    bytes.extend([2, place, place, size].map(|value| (value as u64).to_le_bytes()).concat());
    bytes.extend([link.to_le_bytes(), 0_u32.to_le_bytes()].concat());
    bytes.extend([8, entry].map(|value| (value as u64).to_le_bytes()).concat());
    bytes
}
