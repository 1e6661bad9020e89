//! The pages and the connections that ask for them.
//!
//! Connections are bounded in number, requests in time and size, so that whoever reaches the port
//! cannot take memory from the data. A page is made in a blocking task: it looks at every shard,
//! and one of them may be busy.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{Source, families, format};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may live: scrapers come back.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// How long a client may take to send its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long accepting rests when it fails, for want of descriptors for example.
const ACCEPT_REST: Duration = Duration::from_millis(100);

const PLAIN: &str = "text/plain; charset=utf-8";

type Page = Response<Full<Bytes>>;

/// Serves a socket until the task is aborted.
pub(super) async fn serve(socket: TcpListener, source: Arc<Source>) {
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::warn!("Cannot serve metrics: {error}"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = match socket.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let source = Arc::clone(&source);
        tokio::spawn(async move {
            // What a client breaks off is its own business.
            let _ = tokio::time::timeout(CONNECTION_LIFE, connection(stream, source)).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, source: Arc<Source>) -> Result<(), hyper::Error> {
    let answer = service_fn(move |request: Request<Incoming>| {
        let source = Arc::clone(&source);
        async move { Ok::<_, Infallible>(page(&request, source).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

async fn page(request: &Request<Incoming>, source: Arc<Source>) -> Page {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut page = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        page.headers_mut().insert(ALLOW, allowed);
        return page;
    }
    match request.uri().path() {
        "/metrics" => metrics(source).await,
        "/healthz" => plain(StatusCode::OK, "ok\n"),
        "/readyz" if source.server.persistence.is_loading() => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "loading\n")
        }
        "/readyz" => plain(StatusCode::OK, "ok\n"),
        _ => plain(StatusCode::NOT_FOUND, "/metrics /healthz /readyz\n"),
    }
}

async fn metrics(source: Arc<Source>) -> Page {
    let text = tokio::task::spawn_blocking(move || format::text(families::all(&source))).await;
    match text {
        Ok(Ok(text)) => response(StatusCode::OK, format::CONTENT_TYPE, text),
        _ => plain(StatusCode::INTERNAL_SERVER_ERROR, "no metrics\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Page {
    response(status, PLAIN, text)
}

fn response(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    page.headers_mut().insert(CONTENT_TYPE, kind);
    page
}
