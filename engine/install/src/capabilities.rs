//! File capabilities: their names, and the bytes of `security.capability`.
//!
//! Names and numbers are those of capabilities(7); the attribute is revision 2 of
//! `struct vfs_cap_data` in linux/capability.h.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names by number.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// Name of the extended attribute that holds a file's capabilities.
pub const ATTRIBUTE: &str = "security.capability";

const REVISION_2: u32 = 0x0200_0000;
const EFFECTIVE: u32 = 1;

/// One capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Capability(u8);

impl Capability {
    /// Its name, `cap_…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(name: &str) -> Result<Self, CapabilityError> {
        let number = NAMES.iter().position(|known| *known == name);
        let number = number.and_then(|number| u8::try_from(number).ok());
        number.map(Self).ok_or_else(|| CapabilityError { name: name.to_owned() })
    }
}

impl TryFrom<String> for Capability {
    type Error = CapabilityError;

    fn try_from(name: String) -> Result<Self, CapabilityError> {
        name.parse()
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.name().to_owned()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The value of [`ATTRIBUTE`] that makes `capabilities` permitted and effective.
#[must_use]
pub fn attribute(capabilities: &[Capability]) -> Vec<u8> {
    let set = capabilities.iter().fold(0u64, |set, capability| set | 1 << capability.0);
    let (low, high) = ((set & 0xffff_ffff) as u32, (set >> 32) as u32);
    let words = [REVISION_2 | EFFECTIVE, low, 0, high, 0];
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Not the name of a capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a capability, hint: names are those of capabilities(7), in lower case")]
pub struct CapabilityError {
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_is_the_kernels() {
        let parse = |name: &str| name.parse::<Capability>().unwrap();
        // What `setcap cap_net_bind_service=ep` and `setcap cap_bpf=ep` store.
        assert_eq!(
            attribute(&[parse("cap_net_bind_service")]),
            [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(
            attribute(&[parse("cap_bpf")]),
            [1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn names_round_trip() {
        for name in NAMES {
            assert_eq!(name.parse::<Capability>().unwrap().to_string(), name);
        }
        assert!("net_raw".parse::<Capability>().is_err());
    }
}
