//! Where a remote cache is. Unaware of how it is reached.

use std::fmt;
use std::str::FromStr;

use crate::error::RemoteError;

/// An address: host and port, and the name of an instance, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    is_encrypted: bool,
    authority: String,
    instance: String,
}

impl Endpoint {
    /// The URL that HTTP/2 is spoken with.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether nobody else can read what is sent: it is encrypted, or does not leave the machine.
    pub(crate) fn is_private(&self) -> bool {
        let host = self.authority.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<std::net::IpAddr>();
        self.is_encrypted || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
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
        let (is_encrypted, rest) = match text.split_once("://") {
            Some(("grpc", rest)) => (false, rest),
            Some(("grpcs", rest)) => (true, rest),
            _ => return Err(wrong("it begins with neither `grpc://` nor `grpcs://`")),
        };
        let (authority, instance) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
        if host.is_empty() || authority.contains('@') {
            return Err(wrong("it names no host"));
        }
        port.parse::<u16>().map_err(|_| wrong("its port is not a number up to 65535"))?;
        let (authority, instance) = (authority.to_owned(), instance.trim_end_matches('/').to_owned());
        Ok(Self { is_encrypted, authority, instance })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "grpcs" } else { "grpc" };
        write!(f, "{scheme}://{}", self.authority)?;
        if self.instance.is_empty() { Ok(()) } else { write!(f, "/{}", self.instance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for text in [
            "grpc://cache:8980",
            "grpc://127.0.0.1:1/main",
            "grpc://[::1]:80/a/b",
            "grpcs://cache.example:443",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_leaves_the_machine_in_the_clear_is_not_private() {
        for (text, is_private) in [
            ("grpc://127.0.0.1:1", true),
            ("grpc://[::1]:1", true),
            ("grpc://localhost:1", true),
            ("grpcs://cache:1", true),
            ("grpc://cache:1", false),
            ("grpc://10.0.0.1:1", false),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().is_private(), is_private, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, problem) in [
            ("cache:8980", "begins with neither"),
            ("http://cache:80", "begins with neither"),
            ("grpc://cache", "no port"),
            ("grpc://:80", "no host"),
            ("grpc://me:secret@cache:80", "no host"),
            ("grpc://cache:99999", "not a number"),
        ] {
            let refused = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(refused.contains(problem), "{text}: {refused}");
        }
    }
}
