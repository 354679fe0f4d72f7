//! Where a remote cache is. Unaware of how it is reached.

use std::fmt;
use std::str::FromStr;

use crate::error::RemoteError;

/// An address: host and port, and the name of an instance, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    authority: String,
    instance: String,
}

impl Endpoint {
    /// The URL that HTTP/2 is spoken with.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// The instance's name.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }
}

impl FromStr for Endpoint {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, RemoteError> {
        let wrong = |problem| RemoteError::Address { address: text.to_owned(), problem };
        if text.starts_with("grpcs://") {
            return Err(wrong("TLS is not spoken yet"));
        }
        let rest = text.strip_prefix("grpc://").ok_or_else(|| wrong("it does not begin with `grpc://`"))?;
        let (authority, instance) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
        if host.is_empty() || authority.contains('@') {
            return Err(wrong("it names no host"));
        }
        port.parse::<u16>().map_err(|_| wrong("its port is not a number up to 65535"))?;
        Ok(Self { authority: authority.to_owned(), instance: instance.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grpc://{}", self.authority)?;
        if self.instance.is_empty() { Ok(()) } else { write!(f, "/{}", self.instance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for text in ["grpc://cache:8980", "grpc://127.0.0.1:1/main", "grpc://[::1]:80/a/b"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, problem) in [
            ("cache:8980", "does not begin"),
            ("http://cache:80", "does not begin"),
            ("grpc://cache", "no port"),
            ("grpc://:80", "no host"),
            ("grpc://me:secret@cache:80", "no host"),
            ("grpc://cache:99999", "not a number"),
            ("grpcs://cache:443", "TLS"),
        ] {
            let refused = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(refused.contains(problem), "{text}: {refused}");
        }
    }
}
