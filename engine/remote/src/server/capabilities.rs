//! What this server can do.

use std::sync::Arc;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::build::bazel::semver::SemVer;
use reapi::symlink_absolute_path_strategy;
use tonic::{Request, Response, Status};

use super::guard::{Role, role};
use super::{MOST_BATCH, State};
use crate::compression::Compressor;
use crate::wire;

#[derive(Debug)]
pub(super) struct Capabilities(pub(super) Arc<State>);

#[tonic::async_trait]
impl reapi::capabilities_server::Capabilities for Capabilities {
    async fn get_capabilities(
        &self,
        request: Request<reapi::GetCapabilitiesRequest>,
    ) -> Result<Response<reapi::ServerCapabilities>, Status> {
        let functions = self.0.served.stores.iter().map(|store| wire::function(store.function()));
        let compressors = vec![Compressor::Identity.number(), Compressor::Zstd.number()];
        let version = |minor| SemVer { major: 2, minor, ..SemVer::default() };
        Ok(Response::new(reapi::ServerCapabilities {
            cache_capabilities: Some(reapi::CacheCapabilities {
                digest_functions: functions.collect(),
                action_cache_update_capabilities: Some(reapi::ActionCacheUpdateCapabilities {
                    update_enabled: role(&request) == Role::Write,
                }),
                max_batch_total_size_bytes: i64::try_from(MOST_BATCH).unwrap_or(i64::MAX),
                symlink_absolute_path_strategy: symlink_absolute_path_strategy::Value::Allowed as i32,
                supported_compressors: compressors.clone(),
                supported_batch_update_compressors: compressors,
                ..Default::default()
            }),
            low_api_version: Some(version(0)),
            high_api_version: Some(version(3)),
            ..Default::default()
        }))
    }
}
