//! What a file can be on disk and a tree cannot hold. Unaware of declarations.

use std::fmt;

use wiz_base::RelPath;

/// Something about one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oddity {
    /// The path in the captured tree.
    pub path: RelPath,
    /// What is odd about it.
    pub kind: OddityKind,
}

/// The kinds of oddities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OddityKind {
    /// The set-user-id bit.
    SetUserId,
    /// The set-group-id bit.
    SetGroupId,
    /// The sticky bit.
    Sticky,
    /// Permission bits that 0644 and 0755 do not stand for: not readable by all,
    /// writable by all, or executable by some only.
    Mode(u32),
    /// The same file as another path, the first of its group.
    HardLink {
        /// The first path of the group.
        to: RelPath,
    },
    /// File capabilities: the value of `security.capability`.
    Capabilities(Vec<u8>),
    /// Any other extended attribute.
    Attribute {
        /// Its name; bytes that are not UTF-8 are replaced.
        name: String,
        /// Its value.
        value: Vec<u8>,
    },
    /// A block or character device.
    Device {
        /// Whether it is a block device.
        block: bool,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}

impl OddityKind {
    /// Whether there is nothing left of the file in the tree.
    #[must_use]
    pub const fn is_special_file(&self) -> bool {
        matches!(self, Self::Device { .. } | Self::Pipe | Self::Socket)
    }
}

impl fmt::Display for OddityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetUserId => f.write_str("has the set-user-id bit"),
            Self::SetGroupId => f.write_str("has the set-group-id bit"),
            Self::Sticky => f.write_str("has the sticky bit"),
            Self::Mode(mode) => write!(f, "has mode 0{mode:03o}"),
            Self::HardLink { to } => write!(f, "is a hard link to `/{to}`"),
            Self::Capabilities(_) => f.write_str("has file capabilities"),
            Self::Attribute { name, .. } => write!(f, "has the extended attribute `{name}`"),
            Self::Device { block, major, minor } => {
                let kind = if *block { "block" } else { "character" };
                write!(f, "is a {kind} device {major}:{minor}")
            }
            Self::Pipe => f.write_str("is a named pipe"),
            Self::Socket => f.write_str("is a socket"),
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`/{}` {}", self.path, self.kind)
    }
}

/// One line each, for a message.
pub(super) fn lines(odd: &[Oddity]) -> String {
    odd.iter().map(|oddity| format!("\n{oddity}")).collect()
}
