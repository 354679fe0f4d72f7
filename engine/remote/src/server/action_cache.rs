//! Results: given out only with everything that belongs to them, taken only with everything.

use std::sync::Arc;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use tonic::{Request, Response, Status};
use wiz_base::reapi::OUTPUT_PATH;

use super::{State, blocking, digest, guard, refused};
use crate::results;

#[derive(Debug)]
pub(super) struct ActionCache(pub(super) Arc<State>);

#[tonic::async_trait]
impl reapi::action_cache_server::ActionCache for ActionCache {
    async fn get_action_result(
        &self,
        request: Request<reapi::GetActionResultRequest>,
    ) -> Result<Response<reapi::ActionResult>, Status> {
        let request = request.into_inner();
        let key = digest(request.action_digest.as_ref())?;
        let store = self.0.store(request.digest_function)?;
        let function = store.function();
        let is_inline = request.inline_output_files.iter().any(|path| path == OUTPUT_PATH);
        let found = blocking(move || {
            let Some(stored) = store.get_result(&key) else { return Ok((None, false)) };
            let is_complete = store.is_complete(&stored.result);
            let mut message = results::kept_message(&stored);
            if is_inline && is_complete {
                results::add_blobs(&store, &stored.result, &mut message);
            }
            Ok((Some(message), is_complete))
        });
        let metrics = &self.0.metrics;
        let message = match found.await? {
            (Some(message), true) => message,
            (message, _) => {
                let counter =
                    if message.is_some() { &metrics.results_incomplete } else { &metrics.result_misses };
                counter.add(1);
                return Err(Status::not_found("there is no such result"));
            }
        };
        metrics.result_hits.add(1);
        self.0.used(function, key);
        Ok(Response::new(message))
    }

    async fn update_action_result(
        &self,
        request: Request<reapi::UpdateActionResultRequest>,
    ) -> Result<Response<reapi::ActionResult>, Status> {
        guard::writer(&request)?;
        let request = request.into_inner();
        let key = digest(request.action_digest.as_ref())?;
        let store = self.0.store(request.digest_function)?;
        let message = request.action_result.ok_or_else(|| Status::invalid_argument("there is no result"))?;
        if message.exit_code != 0 {
            return Err(Status::invalid_argument("a failed action has no result to keep"));
        }
        let kept = blocking(move || {
            let stored = results::to_keep(&store, &message).map_err(|error| refused(&error))?;
            let missing = || Status::failed_precondition("blobs that the result names are not here");
            store.put_result(&key, &stored.ok_or_else(missing)?).map_err(|error| refused(&error))?;
            Ok(Response::new(message))
        });
        let kept = kept.await?;
        self.0.metrics.results_taken.add(1);
        Ok(kept)
    }
}
