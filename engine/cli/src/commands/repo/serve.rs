//! `wiz repo serve`: a folder over HTTP/1.1, good enough for apk, curl and mirrors.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
};
use hyper::http::response::Builder;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::files::{Files, Found};
use super::request::{self, Wanted};
use crate::arguments::Serve;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;

/// How many bytes are read at a time.
const CHUNK: usize = 128 * 1024;

/// Chunks read ahead of what the connection takes.
const AHEAD: usize = 4;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves a folder until a signal ends the process.
///
/// # Errors
/// If the folder cannot be read, or nobody can be listened to at the address.
pub(crate) fn run(config: &Config, serve: &Serve) -> Result<(), CliError> {
    let folder = config.directory.join(&serve.folder);
    let files = Files::new(&folder).map_err(|error| {
        CliError::new(Kind::User, "WIZ2075", format!("`{}` cannot be served: {error}", folder.display()))
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.and_then(|runtime| runtime.block_on(listen(serve.listen, Arc::new(files)))).map_err(|error| {
        let message = format!("cannot listen at `{}`: {error}", serve.listen);
        CliError::new(Kind::Surroundings, "WIZ2076", message).hint("`--listen 127.0.0.1:0` takes a free port")
    })
}

/// Takes connections for ever.
async fn listen(address: SocketAddr, files: Arc<Files>) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    output::result(&format!("http://{}/", listener.local_addr()?));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, Arc::clone(&files)))),
            // Out of descriptors, most likely: they come back when connections end.
            Err(error) => {
                output::note(&format!("a connection could not be taken: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, files: Arc<Files>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let files = Arc::clone(&files);
        async move {
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let response = tokio::task::spawn_blocking(move || answer(&files, &request)).await;
            let response = response.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR));
            output::note(&format!("{method} {path} {}", response.status().as_u16()));
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A client that hangs up is none of our troubles.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

fn answer<B>(files: &Files, request: &Request<B>) -> Response<Content> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, "GET, HEAD".parse().expect("a method list is a header"));
        return response;
    }
    let path = request.uri().path();
    match files.open(path) {
        Ok(Some(found)) => {
            let wanted = request::wanted(request.headers(), &found.version);
            // Range is defined for GET alone.
            let wanted = match wanted {
                Wanted::Part(_) | Wanted::NoSuchPart if request.method() == Method::HEAD => Wanted::Whole,
                wanted => wanted,
            };
            file_response(found, wanted, path.ends_with(wiz_repo::INDEX), request.method() == Method::HEAD)
        }
        Ok(None) => plain(StatusCode::NOT_FOUND),
        Err(error) => {
            output::note(&format!("`{path}` cannot be read: {error}"));
            plain(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn file_response(found: Found, wanted: Wanted, is_index: bool, is_head: bool) -> Response<Content> {
    let size = found.version.size;
    let mut response = Response::builder()
        .header(ETAG, &found.version.tag)
        .header(LAST_MODIFIED, httpdate::fmt_http_date(found.version.modified))
        .header(ACCEPT_RANGES, "bytes");
    if is_index {
        response = response.header(CACHE_CONTROL, "no-cache");
    }
    match wanted {
        Wanted::NotModified => finish(response.status(StatusCode::NOT_MODIFIED), Content::none()),
        Wanted::NoSuchPart => finish(
            response
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(CONTENT_RANGE, format!("bytes */{size}"))
                .header(CONTENT_LENGTH, 0),
            Content::none(),
        ),
        Wanted::Whole => content(response, found, 0..size, is_head),
        Wanted::Part(part) => {
            let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            let response = response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, range);
            content(response, found, part, is_head)
        }
    }
}

fn content(response: Builder, found: Found, part: Range<u64>, is_head: bool) -> Response<Content> {
    let length = part.end - part.start;
    let response = response.header(CONTENT_TYPE, found.media_type).header(CONTENT_LENGTH, length);
    finish(response, if is_head { Content::none() } else { Content::of(found.file, part) })
}

fn plain(status: StatusCode) -> Response<Content> {
    finish(Response::builder().status(status).header(CONTENT_LENGTH, 0), Content::none())
}

fn finish(response: Builder, content: Content) -> Response<Content> {
    response.body(content).expect("all headers are made of digits, dates and plain text")
}

/// Bytes of a file on their way to a client, read by a thread of their own.
struct Content {
    chunks: Option<mpsc::Receiver<io::Result<Bytes>>>,
    left: u64,
}

impl Content {
    const fn none() -> Self {
        Self { chunks: None, left: 0 }
    }

    fn of(file: File, part: Range<u64>) -> Self {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let left = part.end - part.start;
        tokio::task::spawn_blocking(move || read(file, part, &sender));
        Self { chunks: Some(chunks), left }
    }
}

/// Reads until all is sent or nobody takes it.
fn read(mut file: File, part: Range<u64>, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut left = part.end - part.start;
    let mut failure = file.seek(SeekFrom::Start(part.start)).err();
    while left > 0 && failure.is_none() {
        let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        match file.read(&mut chunk) {
            Ok(0) => failure = Some(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                chunk.truncate(length);
                left -= length as u64;
                if sender.blocking_send(Ok(chunk.into())).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => failure = Some(error),
        }
    }
    if let Some(error) = failure {
        // The connection ends short of what was announced, which tells the client.
        let _ = sender.blocking_send(Err(error));
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(chunks) = &mut self.chunks else { return Poll::Ready(None) };
        let chunk = std::task::ready!(chunks.poll_recv(context));
        if let Some(Ok(bytes)) = &chunk {
            self.left -= bytes.len() as u64;
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
