//! The status page and the metrics, over HTTP/1.1.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::State;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers until the task is ended.
pub(super) async fn answer(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, most likely: it passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| respond(request, Arc::clone(&state)));
            let mut http = http1::Builder::new();
            let http = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a client of the status page is gone");
            }
        });
    }
}

async fn respond(request: Request<Incoming>, state: Arc<State>) -> Result<Response<String>, Infallible> {
    let plain = "text/plain; charset=utf-8";
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", state.metrics.prometheus())
        }
        (&Method::GET | &Method::HEAD, "/") => {
            let kept = tokio::task::spawn_blocking({
                let state = Arc::clone(&state);
                move || state.kept()
            });
            let page = state.metrics.page(&kept.await.unwrap_or_default());
            (StatusCode::OK, "text/html; charset=utf-8", page)
        }
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, plain, "there is / and /metrics\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, plain, "only GET\n".to_owned()),
    };
    let response = Response::builder().status(status).header(CONTENT_TYPE, kind).header(ALLOW, "GET, HEAD");
    Ok(response.body(text).expect("these headers are well-formed"))
}
