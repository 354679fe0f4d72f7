//! Why an archive is not unpacked. Unaware of streams and stores.

use std::io;

/// What to try about an archive that no honest program writes.
const FORGED: &str = "no usual program writes such archives: take the source from a place you trust";
/// What to try about an archive of which a part is missing.
const WHOLE: &str = "compare it with what its authors publish; if that is whole, change `sha256`";

/// What is wrong with an archive, and where.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Something about the archive as a whole.
    #[error("archive `{archive}`: {problem}")]
    Archive {
        /// The archive, as people call it.
        archive: String,
        /// What is wrong with it.
        problem: ArchiveProblem,
    },
    /// Something about one entry.
    #[error("archive `{archive}`, entry `{entry}`: {problem}")]
    Entry {
        /// The archive, as people call it.
        archive: String,
        /// The entry's name as it stands in the archive; bytes that are not UTF-8 are replaced.
        entry: String,
        /// What is wrong with it.
        problem: EntryProblem,
    },
    /// Two archives that put different things at one path.
    #[error(
        "archive `{first}` and archive `{second}` both put something at `{path}`\nhint: leave it out of one of them with `only` or `without`, or move one with `into`"
    )]
    Overlap {
        /// The earlier archive.
        first: String,
        /// The later archive.
        second: String,
        /// Where, in the tree that is made.
        path: String,
    },
}

impl UnpackError {
    /// The stable code of this fault: whether the archive reaches for places outside, is larger
    /// than it may be, or is unusable in another way.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Entry {
                problem:
                    EntryProblem::Absolute
                    | EntryProblem::Escapes
                    | EntryProblem::LinkEscapes { .. }
                    | EntryProblem::Through { .. },
                ..
            } => "WIZ1064",
            Self::Archive {
                problem:
                    ArchiveProblem::TooLarge { .. }
                    | ArchiveProblem::Bomb { .. }
                    | ArchiveProblem::TooMany { .. }
                    | ArchiveProblem::Overlapping,
                ..
            } => "WIZ1065",
            _ => "WIZ1063",
        }
    }
}

/// What is wrong with an archive as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveProblem {
    /// Neither of the formats that are read.
    #[error(
        "this is no archive that can be unpacked: tar (plain, gzip, xz, bzip2, zstd or lzip), zip and deb can\nhint: a server may have sent a page instead of the file: look at it"
    )]
    Format,
    /// The decompressor or the reader gave up.
    #[error("it is damaged or cut off: {0}\nhint: {WHOLE}")]
    Damaged(#[source] io::Error),
    /// The zip reader gave up.
    #[error("it is damaged or cut off: {0}\nhint: {WHOLE}")]
    Zip(#[source] zip::result::ZipError),
    /// A tar header that is none.
    #[error("it is damaged: no tar header at byte {offset} of the unpacked stream\nhint: {WHOLE}")]
    Header {
        /// Where it should be, in bytes.
        offset: u64,
    },
    /// A tar stream without an end.
    #[error("it is cut off: the tar stream ends without its end marker\nhint: {WHOLE}")]
    NoEnd,
    /// More bytes than allowed.
    #[error("it unpacks to more than {limit} bytes\nhint: if that is right, raise `max_bytes`")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// An implausible ratio.
    #[error(
        "{compressed} bytes unpack to more than {limit} bytes, over {ratio} times as many: this looks like an archive bomb\nhint: if that is right, set `max_bytes`"
    )]
    Bomb {
        /// Size of the archive in bytes.
        compressed: u64,
        /// What was unpacked so far, in bytes.
        limit: u64,
        /// The ratio that is let pass.
        ratio: u64,
    },
    /// More entries than allowed.
    #[error("it has more than {limit} entries\nhint: if that is right, raise `max_entries`")]
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// Parts of a zip that share bytes.
    #[error("entries of the zip file overlap: this looks like an archive bomb\nhint: {FORGED}")]
    Overlapping,
    /// A deb without its data.
    #[error("it has no member `data.tar`")]
    NoData,
    /// A glob of `only` that takes nothing.
    #[error("`only` has the glob `{glob}`, which no entry matches\nhint: globs see the paths after `strip`; the first ones are: {}", .seen.join(", "))]
    Unmatched {
        /// The glob.
        glob: String,
        /// Some paths as globs see them.
        seen: Vec<String>,
    },
}

/// What is wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// A name that starts at the root.
    #[error("its path is absolute\nhint: {FORGED}")]
    Absolute,
    /// A name with `..`.
    #[error("its path leads out of the archive\nhint: {FORGED}")]
    Escapes,
    /// A name that is not text.
    #[error("its name is not UTF-8 without line breaks\nhint: leave it out with `without`")]
    Name,
    /// A link that leads out.
    #[error("the link to `{target}` leads out of the tree\nhint: leave it out with `without`")]
    LinkEscapes {
        /// Its target.
        target: String,
    },
    /// A link target that is not text.
    #[error("the target of the link is empty or not UTF-8")]
    Target,
    /// A path that leads through a link.
    #[error(
        "it would be written through `{through}`, which is not a folder\nhint: leave one of the two out with `without`"
    )]
    Through {
        /// The link or file.
        through: String,
    },
    /// A folder and something else at one path.
    #[error("the archive has a folder and something else at this path")]
    FolderAndFile,
    /// Two paths that are one in a root.
    #[error("it is the same file as `{other}`, since `/bin`, `/sbin`, `/lib` and `/lib64` lie under `/usr`")]
    Alias {
        /// The other entry's path.
        other: String,
    },
    /// A hard link to nothing.
    #[error("it is a hard link to `{target}`, which is not a file unpacked before it")]
    HardLink {
        /// Its target.
        target: String,
    },
    /// A device, pipe or socket.
    #[error("it is a {0}, which no tree can hold\nhint: leave it out with `without`")]
    Special(&'static str),
    /// A kind of entry that is not read.
    #[error("it is {0}, which is not supported\nhint: leave it out with `without`")]
    Unsupported(&'static str),
    /// An extended header that is longer than any real one.
    #[error("its extended header is longer than {limit} bytes or malformed")]
    Extended {
        /// The limit in bytes.
        limit: u64,
    },
}
