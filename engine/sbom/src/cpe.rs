//! Names of the Common Platform Enumeration 2.3, by which vulnerability databases know
//! products. Unaware of what they name.
//!
//! Source: NIST IR 7695, the formatted string binding.

use std::fmt::{self, Write as _};

/// A name: a kind, a vendor, a product and a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpe {
    /// `cpe:2.3:<kind>:<vendor>:<product>`, valid.
    product: String,
    /// As upstream writes it.
    version: String,
}

impl Cpe {
    /// A version of a product, which is named as `cpe:2.3:a:gnu:glibc`.
    ///
    /// # Errors
    /// [`CpeError`] if `product` is no such name.
    pub fn new(product: &str, version: &str) -> Result<Self, CpeError> {
        let refused = || CpeError { name: product.to_owned() };
        let names = product.strip_prefix("cpe:2.3:").ok_or_else(refused)?;
        let [kind, vendor, name] = names.split(':').collect::<Vec<_>>()[..] else { return Err(refused()) };
        if !["a", "o", "h"].contains(&kind) || ![vendor, name].into_iter().all(is_name) {
            return Err(refused());
        }
        Ok(Self { product: product.to_owned(), version: version.to_owned() })
    }
}

/// Whether a text can stand without quotes; `-` alone means that there is none.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    !text.is_empty() && text != "-" && text.bytes().all(plain)
}

impl fmt::Display for Cpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.product)?;
        for character in self.version.chars() {
            if !character.is_ascii_alphanumeric() && !"_-.".contains(character) {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_str(":*:*:*:*:*:*:*")
    }
}

/// Text that does not name a product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` does not name a product\nhint: names look like `cpe:2.3:a:gnu:glibc`")]
pub struct CpeError {
    /// What was given.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bound_with_their_version() {
        let cpe = Cpe::new("cpe:2.3:a:gnu:glibc", "2.41+git~1").unwrap();
        assert_eq!(cpe.to_string(), r"cpe:2.3:a:gnu:glibc:2.41\+git\~1:*:*:*:*:*:*:*");
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "gnu:glibc",
            "cpe:2.3:x:gnu:glibc",
            "cpe:2.3:a:gnu",
            "cpe:2.3:a:gnu:glibc:2",
            "cpe:2.3:a:GNU:-",
        ] {
            assert!(Cpe::new(bad, "1").is_err(), "{bad}");
        }
    }
}
