//! Who may do what: by the certificate of the connection, or by a token of the request.

use std::collections::BTreeMap;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use tonic::{Request, Status};

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look things up.
    Read,
    /// Add blobs and results too.
    Write,
}

/// Who may do what.
#[derive(Clone, Debug)]
pub struct Guard {
    /// What clients without token and certificate may do; none for nothing.
    pub anybody: Option<Role>,
    /// What clients may do whose certificate is signed by an authority of the server; TLS has
    /// refused all others that have one.
    pub certified: Role,
    /// What the owner of each token may do.
    pub tokens: Tokens,
}

impl Default for Guard {
    /// Everybody may do everything.
    fn default() -> Self {
        Self { anybody: Some(Role::Write), certified: Role::Write, tokens: Tokens::default() }
    }
}

/// Roles by the SHA-256 of tokens; the tokens themselves are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(BTreeMap<[u8; 32], Role>);

/// A line of a file of tokens that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} is not `read` or `write`, the SHA-256 of a token, and perhaps a remark")]
pub struct TokensError {
    /// The line's number, from 1.
    pub line: usize,
}

impl Tokens {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Lines of `ROLE SHA256 [REMARK]`; empty ones and those that begin with `#` say nothing.
impl FromStr for Tokens {
    type Err = TokensError;

    fn from_str(text: &str) -> Result<Self, TokensError> {
        let mut tokens = BTreeMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            let mut words = text.split_whitespace();
            let role = match words.next() {
                None => continue,
                Some(word) if word.starts_with('#') => continue,
                Some("read") => Role::Read,
                Some("write") => Role::Write,
                Some(_) => return Err(TokensError { line }),
            };
            let digest = words.next().and_then(|word| hex::decode(word).ok());
            let digest = digest.and_then(|bytes| bytes.try_into().ok()).ok_or(TokensError { line })?;
            tokens.insert(digest, role);
        }
        Ok(Self(tokens))
    }
}

impl Guard {
    /// Lets a request pass that has any right, and notes which.
    pub(super) fn admit(&self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let role = self.role(&request)?;
        request.extensions_mut().insert(role);
        Ok(request)
    }

    fn role(&self, request: &Request<()>) -> Result<Role, Status> {
        let certified = request.peer_certs().is_some_and(|certificates| !certificates.is_empty());
        let certified = certified.then_some(self.certified);
        let mut role = self.anybody.max(certified);
        if let Some(value) = request.metadata().get("authorization") {
            let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
            let token =
                token.ok_or_else(|| Status::unauthenticated("`authorization` has no bearer token"))?;
            let digest: [u8; 32] = Sha256::digest(token.trim().as_bytes()).into();
            let known = self.tokens.0.get(&digest).copied();
            // A wrong token is told of even where none is needed: it was meant to be right.
            role =
                role.max(Some(known.ok_or_else(|| Status::unauthenticated("the token is not known here"))?));
        }
        role.ok_or_else(|| Status::unauthenticated("a token or a client certificate is needed"))
    }
}

/// What the sender of a request may do.
pub(super) fn role<T>(request: &Request<T>) -> Role {
    request.extensions().get().copied().unwrap_or(Role::Read)
}

/// Refuses a request whose sender may not write.
pub(super) fn writer<T>(request: &Request<T>) -> Result<(), Status> {
    match role(request) {
        Role::Write => Ok(()),
        Role::Read => Err(Status::permission_denied("this client may only read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_token(token: &str) -> Request<()> {
        let mut request = Request::new(());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    }

    #[test]
    fn a_token_gives_its_role() {
        let line =
            |role: &str, token: &str| format!("{role} {} for tests\n", hex::encode(Sha256::digest(token)));
        let tokens = format!("# people\n\n{}{}", line("read", "r"), line("write", "w"));
        let guard = Guard { anybody: None, certified: Role::Write, tokens: tokens.parse().unwrap() };
        assert_eq!(guard.role(&with_token("r")).unwrap(), Role::Read);
        assert_eq!(guard.role(&with_token("w")).unwrap(), Role::Write);
        assert_eq!(guard.role(&with_token("x")).unwrap_err().code(), tonic::Code::Unauthenticated);
        assert_eq!(guard.role(&Request::new(())).unwrap_err().code(), tonic::Code::Unauthenticated);
        let open = Guard { anybody: Some(Role::Read), ..guard };
        assert_eq!(open.role(&Request::new(())).unwrap(), Role::Read);
        assert_eq!(open.role(&with_token("w")).unwrap(), Role::Write);
        assert_eq!(open.role(&with_token("x")).unwrap_err().code(), tonic::Code::Unauthenticated);
    }

    #[test]
    fn lines_that_are_none_are_named() {
        for (text, line) in [("admin ab", 1), ("# x\nread", 2), ("write 12", 1), ("read zz\n", 1)] {
            assert_eq!(text.parse::<Tokens>(), Err(TokensError { line }), "{text}");
        }
    }
}
