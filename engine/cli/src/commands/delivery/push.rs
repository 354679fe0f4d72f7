//! `wiz push`: an image into a registry.

use std::path::PathBuf;

use wiz_oci::Descriptor;
use wiz_registry::{Layout, Pushed, Reference, referrers};
use wiz_sign::bundle::MEDIA_TYPE;
use wiz_sign::statement::PROVENANCE;

use super::{connect, failure, image, reference};
use crate::arguments::Push;
use crate::commands::sign;
use crate::config::{Config, Size};
use crate::error::CliError;
use crate::output;
use crate::session::Session;

/// Builds an image and pushes it.
///
/// # Errors
/// If it cannot be built, or the registry does not take it; the tag is as it was then.
pub(crate) fn run(config: &Config, push: &Push) -> Result<(), CliError> {
    let reference = reference(&push.reference)?;
    let session = Session::open(config, &push.options)?;
    let image = image(config, &session, &push.label, &push.options)?;
    // Before anything is sent: a key that is none is no reason to push.
    let sign = |key: &PathBuf| sign::bundle(config, &session, &push.label, key, &push.builder);
    let bundle = push.sign.as_ref().map(sign).transpose()?;
    let connection = connect(config, &reference, push.plain_http)?;
    let beside = Beside::of(config, &reference);
    let progress = |blob: &Descriptor| output::note(&format!("sending {}  {}", blob.digest, Size(blob.size)));
    let pushed = wiz_registry::push(
        &connection,
        &Layout::new(&image.folder),
        &reference,
        beside.repository.as_deref(),
        &progress,
    )
    .map_err(|error| failure(&error))?;
    beside.remember(&reference);
    output::note(&summary(&pushed));
    let Some(manifest) = pushed.manifest else { return Ok(()) };
    if let Some(bundle) = bundle {
        let said = [
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", PROVENANCE),
        ];
        let said = said.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        referrers::attach(&connection, &manifest, MEDIA_TYPE, &bundle.encode(), said)
            .map_err(|error| failure(&error))?;
        output::note("signed provenance is beside it");
    }
    output::result(&Reference { digest: Some(manifest.digest), ..reference }.to_string());
    Ok(())
}

fn summary(pushed: &Pushed) -> String {
    let Pushed { sent, mounted, present, bytes, .. } = pushed;
    let mut text = format!("{sent} blobs sent ({}), {present} were there", Size(*bytes));
    if *mounted > 0 {
        text.push_str(&format!(", {mounted} taken over from another repository"));
    }
    text
}

/// The repository of a registry that was pushed to last: it may have the same blobs.
struct Beside {
    file: PathBuf,
    repository: Option<String>,
}

impl Beside {
    fn of(config: &Config, reference: &Reference) -> Self {
        let file = config.cache.join("registries").join(reference.host.replace(':', "_"));
        let repository = std::fs::read_to_string(&file).ok().map(|text| text.trim().to_owned());
        Self { file, repository: repository.filter(|name| !name.is_empty()) }
    }

    /// Without this, the next push only sends more.
    fn remember(&self, reference: &Reference) {
        let written = self.file.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(error) = written.and_then(|()| std::fs::write(&self.file, &reference.repository)) {
            tracing::debug!(%error, "it is forgotten what was pushed to");
        }
    }
}
