//! What a policy can require of an ELF file, and how its absence is told.

use serde::{Deserialize, Serialize};

use crate::native::elf::{ElfFacts, ElfKind};

/// One requirement, by the name it has in definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::native) enum Requirement {
    /// Programs run at any address.
    Pie,
    /// Relocated data is read-only afterwards.
    Relro,
    /// Symbols are bound at start.
    Now,
    /// Functions with arrays guard the stack.
    Canary,
    /// Calls with known sizes are checked.
    Fortify,
    /// Branch targets and return addresses are marked.
    Cet,
    /// Large frames are touched page by page.
    StackClash,
    /// The stack holds no code.
    Noexecstack,
    /// No search path is built in.
    Norpath,
    /// Code is not changed by relocation.
    Notextrel,
    /// It is a well-formed ELF file: always required.
    Readable,
}

impl Requirement {
    /// The name in definitions.
    pub(in crate::native) const fn name(self) -> &'static str {
        match self {
            Self::Pie => "pie",
            Self::Relro => "relro",
            Self::Now => "now",
            Self::Canary => "canary",
            Self::Fortify => "fortify",
            Self::Cet => "cet",
            Self::StackClash => "stack-clash",
            Self::Noexecstack => "noexecstack",
            Self::Norpath => "norpath",
            Self::Notextrel => "notextrel",
            Self::Readable => "readable",
        }
    }

    /// What is wrong, if the file does not meet the requirement.
    pub(in crate::native) fn missing(self, facts: &ElfFacts) -> Option<String> {
        let hardening = &facts.hardening;
        let unless = |met: bool, meaning: &str| (!met).then(|| meaning.to_owned());
        match self {
            Self::Pie => unless(facts.kind != ElfKind::Executable, "the program has a fixed address"),
            Self::Relro => unless(hardening.relro, "no part is read-only after relocation"),
            Self::Now => unless(hardening.bind_now, "symbols are bound while it runs"),
            Self::Canary if hardening.canary => None,
            Self::Canary => {
                without_flag(facts, &["-fstack-protector", "-fhardened"], "guards no stack frame")
            }
            Self::Fortify => {
                let met = !hardening.fortified.is_empty() || hardening.unfortified.is_empty();
                (!met).then(|| format!("calls {} unchecked", sample(&hardening.unfortified)))
            }
            Self::Cet => unless(
                hardening.branch_targets && hardening.return_addresses,
                "control flow is not protected",
            ),
            Self::StackClash => without_flag(
                facts,
                &["-fstack-clash-protection", "-fhardened"],
                "large stack frames are not probed",
            ),
            Self::Noexecstack => unless(!hardening.executable_stack, "the stack may hold code"),
            Self::Norpath => {
                let paths = &facts.search_paths;
                (!paths.is_empty()).then(|| format!("libraries are searched in {}", sample(paths)))
            }
            Self::Notextrel => unless(!hardening.text_relocations, "code is changed by relocation"),
            Self::Readable => None,
        }
    }
}

/// What is wrong, if any C or C++ unit was compiled without all of the flags, or
/// nothing tells how it was.
fn without_flag(facts: &ElfFacts, flags: &[&str], meaning: &str) -> Option<String> {
    let debug = &facts.debug;
    let compiled: Vec<_> = debug
        .units
        .iter()
        .filter_map(|unit| Some((unit, debug.producers.get(unit.producer?)?)))
        .filter(|(_, producer)| is_c_compiler(producer))
        .collect();
    if compiled.is_empty() {
        return Some(format!("{meaning}, and no debugging information says how it was compiled"));
    }
    let lacks = |producer: &str| !flags.iter().any(|flag| has_flag(producer, flag));
    let units: Vec<String> =
        compiled.iter().filter(|(_, producer)| lacks(producer)).map(|(unit, _)| unit.name.clone()).collect();
    (!units.is_empty()).then(|| format!("{meaning}: {} compiled without `{}`", sample(&units), flags[0]))
}

/// Whether a compiler that takes these flags made it; assemblers and other
/// languages' compilers do not.
fn is_c_compiler(producer: &str) -> bool {
    ["GNU C", "GNU GIMPLE", "clang", "Debian clang"].iter().any(|name| producer.starts_with(name))
}

/// Whether the last word on a flag is that it is on.
fn has_flag(producer: &str, flag: &str) -> bool {
    let off = format!("-fno-{}", flag.trim_start_matches("-f"));
    let mut on = false;
    for word in producer.split_whitespace() {
        // `-fstack-protector-strong` is a `-fstack-protector`.
        on = (on || word.starts_with(flag)) && word != off;
    }
    on
}

fn sample(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
