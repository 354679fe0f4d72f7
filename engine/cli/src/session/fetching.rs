//! How a session reaches what is not on this machine.

use std::path::Path;

use wiz_cas::{Store, StoreOptions};
use wiz_exec::{FetchSettings, Fetcher};

use super::{Session, store_error};
use crate::error::{CliError, Kind};

impl Session<'_> {
    /// Where the workspace lies.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What fetches outside of any build.
    ///
    /// # Errors
    /// If the cache cannot be used, or the proxy's address is wrong.
    pub(crate) fn fetcher(&self) -> Result<Fetcher, CliError> {
        let cache = &self.config.cache;
        let store = Store::open(cache, self.digest_function(), &StoreOptions::default())
            .map_err(|error| store_error(&error))?;
        Fetcher::new(&store, cache, &self.root, self.fetch_settings()).map_err(|error| {
            CliError::new(Kind::Surroundings, "WIZ2044", format!("nothing can be fetched: {error}"))
        })
    }

    /// Mirrors of the configuration count more than the workspace's.
    pub(super) fn fetch_settings(&self) -> FetchSettings {
        let mut mirrors = self.workspace.mirrors.clone();
        mirrors.extend(self.config.file.mirrors.clone());
        FetchSettings {
            offline: self.offline,
            distdirs: self.distdirs.clone(),
            mirrors,
            cargo: self.config.cargo.clone(),
            proxy: self.config.proxy.clone(),
            ..FetchSettings::default()
        }
    }
}
