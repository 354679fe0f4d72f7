//! Who made or supplies something. Unaware of what they made.

use std::fmt;

/// A person or an organization, with an address where one is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// An organization, such as a distribution or a project.
    Organization {
        /// What it is called.
        name: String,
        /// Its e-mail address.
        email: Option<String>,
    },
    /// A person.
    Person {
        /// What they are called.
        name: String,
        /// Their e-mail address.
        email: Option<String>,
    },
}

impl Party {
    /// An organization without an address.
    #[must_use]
    pub fn organization(name: &str) -> Self {
        Self::Organization { name: name.to_owned(), email: None }
    }
}

/// The form of SPDX 2.3, section 7.5: `Organization: NAME (EMAIL)`.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, email) = match self {
            Self::Organization { name, email } => ("Organization", name, email),
            Self::Person { name, email } => ("Person", name, email),
        };
        write!(f, "{kind}: {name}")?;
        email.iter().try_for_each(|email| write!(f, " ({email})"))
    }
}
