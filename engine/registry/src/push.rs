//! An image into a registry: blobs that are missing, then manifests by digest, then the tag.

use std::io::{Read as _, Seek as _, SeekFrom};

use ureq::Body;
use ureq::http::{Method, Response, header};
use wiz_oci::{Descriptor, Sha256Digest};

use crate::client::{Asked, Connection, Scope};
use crate::error::RegistryError;
use crate::layout::{Layout, Node};
use crate::reference::Reference;

/// Bytes that are sent at once; what is lost when a connection breaks is less.
const CHUNK: usize = 8 * 1024 * 1024;

/// Where the digest of what was stored is told.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// What a push came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// The manifest or index.
    pub manifest: Option<Descriptor>,
    /// Blobs that were sent.
    pub sent: usize,
    /// Blobs that were taken over from another repository of the registry.
    pub mounted: usize,
    /// Blobs that were there.
    pub present: usize,
    /// Bytes of blobs that were sent.
    pub bytes: u64,
}

/// Pushes what a layout holds to the repository of `reference`; blobs may be in the repository
/// `beside` of the same registry. `progress` is told what is sent now.
///
/// # Errors
/// [`RegistryError`]; the tag is as it was then.
pub fn push(
    connection: &Connection,
    layout: &Layout,
    reference: &Reference,
    beside: Option<&str>,
    progress: &dyn Fn(&Descriptor),
) -> Result<Pushed, RegistryError> {
    let tree = layout.tree()?;
    let mut push = Push { connection, layout, beside, progress, pushed: Pushed::default() };
    push.below(&tree)?;
    let digest = tree.descriptor.digest;
    push.manifest(&tree, &digest.to_string())?;
    if let Some(tag) = &reference.tag {
        push.manifest(&tree, tag)?;
    }
    push.pushed.manifest = Some(tree.descriptor);
    Ok(push.pushed)
}

/// Sends a small blob, if it is not there.
pub(crate) fn upload(connection: &Connection, blob: &Descriptor, bytes: &[u8]) -> Result<(), RegistryError> {
    let ask = |method, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        connection.ask(&Asked { method, path, headers, body, scope: Scope::Push, doing: "push" })
    };
    if ask(Method::HEAD, &format!("blobs/{}", blob.digest), &[], &[])?.status().as_u16() == 200 {
        return Ok(());
    }
    let begun = ask(Method::POST, "blobs/uploads/", &[], &[])?;
    if begun.status().as_u16() != 202 {
        return Err(connection.status("to take a blob", begun));
    }
    let location = begun.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location =
        location.ok_or_else(|| connection.protocol("it does not say where an upload goes".to_owned()))?;
    let sign = if location.contains('?') { '&' } else { '?' };
    let path = format!("{location}{sign}digest={}", blob.digest);
    let kept = ask(Method::PUT, &path, &[("content-type", "application/octet-stream")], bytes)?;
    if kept.status().as_u16() == 201 { Ok(()) } else { Err(connection.status("to keep a blob", kept)) }
}

struct Push<'a> {
    connection: &'a Connection,
    layout: &'a Layout,
    beside: Option<&'a str>,
    progress: &'a dyn Fn(&Descriptor),
    pushed: Pushed,
}

/// Where an upload goes on.
struct Upload {
    location: String,
    /// Bytes that are there.
    offset: u64,
}

impl Push<'_> {
    /// Pushes all that a document names.
    fn below(&mut self, node: &Node) -> Result<(), RegistryError> {
        for manifest in &node.manifests {
            self.below(manifest)?;
            self.manifest(manifest, &manifest.descriptor.digest.to_string())?;
        }
        for blob in &node.blobs {
            self.blob(blob)?;
        }
        Ok(())
    }

    fn blob(&mut self, blob: &Descriptor) -> Result<(), RegistryError> {
        let asked = self.asked(Method::HEAD, &format!("blobs/{}", blob.digest), &[], &[])?;
        match asked.status().as_u16() {
            200 => {
                self.pushed.present += 1;
                return Ok(());
            }
            404 => {}
            _ => return Err(self.connection.status("whether a blob is there", asked)),
        }
        let Some(mut upload) = self.begin(blob)? else {
            self.pushed.mounted += 1;
            return Ok(());
        };
        (self.progress)(blob);
        self.send(blob, &mut upload)?;
        self.complete(blob, &upload)?;
        self.pushed.sent += 1;
        self.pushed.bytes += blob.size;
        Ok(())
    }

    /// Begins an upload; none if the registry has taken the blob over from another repository.
    fn begin(&self, blob: &Descriptor) -> Result<Option<Upload>, RegistryError> {
        let path = match self.beside.filter(|beside| *beside != self.connection.repository()) {
            Some(beside) => {
                format!("blobs/uploads/?mount={}&from={}", blob.digest, beside.replace('/', "%2F"))
            }
            None => "blobs/uploads/".to_owned(),
        };
        let answer = self.asked(Method::POST, &path, &[], &[])?;
        match answer.status().as_u16() {
            201 => Ok(None),
            202 => Ok(Some(Upload { location: self.location(&answer)?, offset: 0 })),
            _ => Err(self.connection.status("to take a blob", answer)),
        }
    }

    /// Sends the bytes of a blob, going on where a connection broke.
    fn send(&self, blob: &Descriptor, upload: &mut Upload) -> Result<(), RegistryError> {
        let mut file = self.layout.open(&blob.digest)?;
        let io = |error: std::io::Error| crate::layout::LayoutError::Io {
            path: self.layout.blob(&blob.digest),
            source: error,
        };
        let mut tried = 0;
        while upload.offset < blob.size {
            file.seek(SeekFrom::Start(upload.offset)).map_err(io)?;
            let mut chunk = Vec::new();
            file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).map_err(io)?;
            if chunk.is_empty() {
                return Err(RegistryError::Corrupt { host: "this machine".to_owned(), digest: blob.digest });
            }
            match self.chunk(&chunk, upload) {
                Ok(()) => tried = 0,
                Err(problem) if problem.is_passing() && tried + 1 < self.connection.attempts() => {
                    tried += 1;
                    tracing::debug!(%problem, "an upload goes on");
                    self.connection.pause(tried);
                    self.resume(upload)?;
                }
                Err(problem) => return Err(problem),
            }
        }
        Ok(())
    }

    fn chunk(&self, chunk: &[u8], upload: &mut Upload) -> Result<(), RegistryError> {
        let end = upload.offset + chunk.len() as u64;
        let range = format!("{}-{}", upload.offset, end - 1);
        let headers = [("content-type", "application/octet-stream"), ("content-range", &range)];
        let answer = self.connection.ask_once(&Asked {
            method: Method::PATCH,
            path: &upload.location,
            headers: &headers,
            body: chunk,
            scope: Scope::Push,
            doing: "push",
        })?;
        if answer.status().as_u16() != 202 {
            return Err(self.connection.status("to take part of a blob", answer));
        }
        upload.location = self.location(&answer)?;
        upload.offset = end;
        Ok(())
    }

    /// Asks how much of an upload has arrived.
    fn resume(&self, upload: &mut Upload) -> Result<(), RegistryError> {
        let answer = self.asked(Method::GET, &upload.location, &[], &[])?;
        if !matches!(answer.status().as_u16(), 200..=204) {
            return Err(self.connection.status("how far an upload is", answer));
        }
        let range = answer.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
        let last = range.and_then(|range| range.rsplit_once('-')).and_then(|(_, last)| last.parse().ok());
        // `0-0` is said of nothing as well as of one byte.
        upload.offset = last.map_or(0, |last: u64| if last == 0 { 0 } else { last + 1 });
        if answer.headers().contains_key(header::LOCATION) {
            upload.location = self.location(&answer)?;
        }
        Ok(())
    }

    fn complete(&self, blob: &Descriptor, upload: &Upload) -> Result<(), RegistryError> {
        let sign = if upload.location.contains('?') { '&' } else { '?' };
        let path = format!("{}{sign}digest={}", upload.location, blob.digest);
        let answer = self.asked(Method::PUT, &path, &[("content-type", "application/octet-stream")], &[])?;
        if answer.status().as_u16() != 201 {
            return Err(self.connection.status("to keep a blob", answer));
        }
        self.verify(&answer, &blob.digest)
    }

    fn manifest(&self, node: &Node, name: &str) -> Result<(), RegistryError> {
        let Descriptor { media_type, digest, .. } = &node.descriptor;
        let headers = [("content-type", media_type.as_str())];
        let path = format!("manifests/{name}");
        let answer = self.asked(Method::PUT, &path, &headers, &node.bytes)?;
        if answer.status().as_u16() != 201 {
            return Err(self.connection.status("to take a manifest", answer));
        }
        self.verify(&answer, digest)
    }

    /// Holds what the registry says it has stored against what was sent.
    fn verify(&self, answer: &Response<Body>, digest: &Sha256Digest) -> Result<(), RegistryError> {
        let said = answer.headers().get(CONTENT_DIGEST).and_then(|value| value.to_str().ok());
        if said.is_some_and(|said| said != digest.to_string()) {
            return Err(RegistryError::Corrupt { host: self.connection.host().to_owned(), digest: *digest });
        }
        Ok(())
    }

    fn location(&self, answer: &Response<Body>) -> Result<String, RegistryError> {
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let missing = || self.connection.protocol("it does not say where an upload goes".to_owned());
        location.map(str::to_owned).ok_or_else(missing)
    }

    fn asked(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response<Body>, RegistryError> {
        self.connection.ask(&Asked { method, path, headers, body, scope: Scope::Push, doing: "push" })
    }
}
