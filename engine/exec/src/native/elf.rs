//! What an ELF file says about itself: how it is linked, what it needs, how it is
//! hardened, and what it was compiled from.
//!
//! Facts only; [`crate::native::gate`] judges them. Unaware of trees and packages.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek};

use object::read::elf::{ElfFile, FileHeader, ProgramHeader, SectionHeader};
use object::read::{Object, ObjectSymbol, ReadCache};
use object::{Endianness, elf};
use serde::{Deserialize, Serialize};

mod dwarf;
mod fortify;

pub(super) use dwarf::Debug;

/// An ELF file's facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ElfFacts {
    /// 32 or 64.
    pub(super) class: u8,
    /// As `uname -m` says it, or `machine-<number>`.
    pub(super) machine: String,
    pub(super) kind: ElfKind,
    /// The program that loads it.
    pub(super) interpreter: Option<String>,
    pub(super) soname: Option<String>,
    /// Libraries it needs, in its own order.
    pub(super) needed: Vec<String>,
    /// Folders of DT_RPATH and DT_RUNPATH.
    pub(super) search_paths: Vec<String>,
    pub(super) build_id: Option<String>,
    /// Whether the symbol table is gone.
    pub(super) stripped: bool,
    pub(super) hardening: Hardening,
    /// What the DWARF sections say; empty without them.
    pub(super) debug: Debug,
}

/// How a file is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ElfKind {
    /// A program at a fixed address.
    Executable,
    /// A program at any address.
    Pie,
    /// A shared library or a plug-in.
    Shared,
}

/// What protects a file at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hardening {
    /// A part is read-only after relocation.
    pub(super) relro: bool,
    /// All symbols are bound at start; also true where there is nothing to bind.
    pub(super) bind_now: bool,
    /// The stack may hold code.
    pub(super) executable_stack: bool,
    /// Code is changed by relocation.
    pub(super) text_relocations: bool,
    /// It calls or holds `__stack_chk_fail`.
    pub(super) canary: bool,
    /// Branch targets are marked: IBT on x86, BTI on AArch64.
    pub(super) branch_targets: bool,
    /// Return addresses are protected: SHSTK on x86, PAC on AArch64.
    pub(super) return_addresses: bool,
    /// Functions it calls in their checked form.
    pub(super) fortified: Vec<String>,
    /// Functions it calls although they have a checked form.
    pub(super) unfortified: Vec<String>,
}

/// Why a file that starts like an ELF file has no facts.
#[derive(Debug, thiserror::Error)]
pub(super) enum ElfError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is malformed.
    #[error("malformed ELF file: {0}")]
    Malformed(#[from] object::read::Error),
}

/// The facts of a file; `None` for what is not an ELF file, for objects that are yet
/// to be linked, for core dumps, and for files with debugging information only.
pub(super) fn facts(mut file: File) -> Result<Option<ElfFacts>, ElfError> {
    let mut ident = [0; 5];
    let mut filled = 0;
    while filled < ident.len() {
        match file.read(&mut ident[filled..])? {
            0 => return Ok(None),
            count => filled += count,
        }
    }
    if ident[..4] != elf::ELFMAG {
        return Ok(None);
    }
    file.rewind()?;
    let cache = ReadCache::new(file);
    if ident[4] == elf::ELFCLASS32.0 {
        facts_of::<elf::FileHeader32<Endianness>>(&cache)
    } else {
        facts_of::<elf::FileHeader64<Endianness>>(&cache)
    }
}

fn facts_of<Elf>(cache: &ReadCache<File>) -> Result<Option<ElfFacts>, ElfError>
where
    Elf: FileHeader<Endian = Endianness>,
{
    let file = ElfFile::<Elf, _>::parse(cache)?;
    let endian = file.endian();
    let header = file.elf_header();
    let is_shared = header.e_type(endian) == elf::ET_DYN;
    if !is_shared && header.e_type(endian) != elf::ET_EXEC || holds_debug_only(&file) {
        return Ok(None);
    }
    let dynamic = Dynamic::of(&file)?;
    let interpreter = interpreter(&file)?;
    let kind = match (is_shared, dynamic.pie || interpreter.is_some() && dynamic.soname.is_none()) {
        (false, _) => ElfKind::Executable,
        (true, true) => ElfKind::Pie,
        (true, false) => ElfKind::Shared,
    };
    Ok(Some(ElfFacts {
        class: if file.is_64() { 64 } else { 32 },
        machine: machine(header.e_machine(endian)),
        kind,
        interpreter,
        hardening: hardening(&file, &dynamic)?,
        soname: dynamic.soname,
        needed: dynamic.needed,
        search_paths: dynamic.search_paths,
        build_id: file.build_id()?.map(hex::encode),
        stripped: file.elf_symbol_table().is_empty(),
        debug: dwarf::debug(&file),
    }))
}

/// An ELF file read piece by piece.
type Cached<'a, Elf> = ElfFile<'a, Elf, &'a ReadCache<File>>;

/// Whether code was left out, as `objcopy --only-keep-debug` does.
fn holds_debug_only<Elf: FileHeader<Endian = Endianness>>(file: &Cached<'_, Elf>) -> bool {
    let table = file.elf_section_table();
    let text = table.section_by_name(file.endian(), b".text");
    text.is_some_and(|(_, section)| section.sh_type(file.endian()) == elf::SHT_NOBITS)
}

fn machine(machine: elf::Machine) -> String {
    match machine {
        elf::EM_X86_64 => "x86_64".to_owned(),
        elf::EM_386 => "i686".to_owned(),
        elf::EM_AARCH64 => "aarch64".to_owned(),
        elf::EM_ARM => "arm".to_owned(),
        elf::EM_RISCV => "riscv".to_owned(),
        elf::EM_PPC64 => "ppc64".to_owned(),
        elf::EM_S390 => "s390x".to_owned(),
        other => format!("machine-{}", other.0),
    }
}

fn interpreter<Elf: FileHeader<Endian = Endianness>>(
    file: &Cached<'_, Elf>,
) -> Result<Option<String>, ElfError> {
    for segment in file.elf_program_headers() {
        if let Some(path) = segment.interpreter(file.endian(), file.data())? {
            return Ok(Some(text(path)));
        }
    }
    Ok(None)
}

/// What matters of the dynamic section.
#[derive(Debug, Default)]
struct Dynamic {
    present: bool,
    soname: Option<String>,
    needed: Vec<String>,
    search_paths: Vec<String>,
    pie: bool,
    bind_now: bool,
    text_relocations: bool,
}

impl Dynamic {
    fn of<Elf: FileHeader<Endian = Endianness>>(file: &Cached<'_, Elf>) -> Result<Self, ElfError> {
        let table = file.elf_dynamic_table()?;
        let mut dynamic = Self { present: !table.is_empty(), ..Self::default() };
        for entry in &table {
            match entry.tag {
                elf::DT_SONAME => dynamic.soname = Some(text(table.string(entry)?)),
                elf::DT_NEEDED => dynamic.needed.push(text(table.string(entry)?)),
                elf::DT_RPATH | elf::DT_RUNPATH => {
                    let folders = text(table.string(entry)?);
                    dynamic.search_paths.extend(folders.split(':').map(str::to_owned));
                }
                elf::DT_BIND_NOW => dynamic.bind_now = true,
                elf::DT_TEXTREL => dynamic.text_relocations = true,
                elf::DT_FLAGS => {
                    dynamic.bind_now |= entry.val & elf::DF_BIND_NOW.0 != 0;
                    dynamic.text_relocations |= entry.val & elf::DF_TEXTREL.0 != 0;
                }
                elf::DT_FLAGS_1 => {
                    dynamic.bind_now |= entry.val & elf::DF_1_NOW.0 != 0;
                    dynamic.pie |= entry.val & elf::DF_1_PIE.0 != 0;
                }
                _ => {}
            }
        }
        Ok(dynamic)
    }
}

fn hardening<Elf: FileHeader<Endian = Endianness>>(
    file: &Cached<'_, Elf>,
    dynamic: &Dynamic,
) -> Result<Hardening, ElfError> {
    let endian = file.endian();
    let segment = |kind| file.elf_program_headers().iter().find(|header| header.p_type(endian) == kind);
    // Without the header the kernel makes the stack executable.
    let stack = segment(elf::PT_GNU_STACK).map(|header| header.p_flags(endian));
    let (branch_targets, return_addresses) = control_flow(file)?;
    let (imported, canary) = symbols(file);
    let (fortified, unfortified) = fortify::split(&imported);
    Ok(Hardening {
        relro: segment(elf::PT_GNU_RELRO).is_some(),
        bind_now: dynamic.bind_now || !dynamic.present,
        executable_stack: stack.is_none_or(|flags| flags.contains(elf::PF_X)),
        text_relocations: dynamic.text_relocations,
        canary,
        branch_targets,
        return_addresses,
        fortified,
        unfortified,
    })
}

/// The marks of control-flow protection in the property note.
fn control_flow<Elf: FileHeader<Endian = Endianness>>(
    file: &Cached<'_, Elf>,
) -> Result<(bool, bool), ElfError> {
    let endian = file.endian();
    for header in file.elf_program_headers() {
        let Some(mut notes) = header.notes(endian, file.data())? else { continue };
        while let Some(note) = notes.next()? {
            let Some(mut properties) = note.gnu_properties(endian) else { continue };
            while let Some(property) = properties.next()? {
                let features = [elf::GNU_PROPERTY_X86_FEATURE_1_AND, elf::GNU_PROPERTY_AARCH64_FEATURE_1_AND];
                if features.contains(&property.pr_type()) {
                    let bits = property.data_u32(endian)?;
                    return Ok((bits & 1 != 0, bits & 2 != 0));
                }
            }
        }
    }
    Ok((false, false))
}

/// Functions that come from elsewhere, and whether the stack is guarded. A statically
/// linked file has its functions in itself.
fn symbols<Elf: FileHeader<Endian = Endianness>>(file: &Cached<'_, Elf>) -> (BTreeSet<String>, bool) {
    let mut imported = BTreeSet::new();
    let mut canary = false;
    for symbol in file.dynamic_symbols().chain(file.symbols()) {
        let Ok(name) = symbol.name() else { continue };
        let name = name.split('@').next().unwrap_or(name);
        canary |= name.starts_with("__stack_chk_fail");
        if symbol.is_undefined() && !name.is_empty() {
            imported.insert(name.to_owned());
        }
    }
    (imported, canary)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
