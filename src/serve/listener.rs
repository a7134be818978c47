//! The service on a socket: connections that are counted, heads that have to come in time, and a stop that waits.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{interval, sleep, timeout};
use tower::ServiceExt as _;

use super::{Running, Tls};

/// How often the registry is asked for what is new.
const REFRESH: Duration = Duration::from_secs(1);

/// A socket that is listened on.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    tls: Option<Tls>,
}

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is not to be had.
    #[error("{address} cannot be listened on: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
}

impl ServerError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "listen_failed",
        }
    }
}

impl Server {
    /// Listens on an address; port 0 takes any that is free.
    ///
    /// # Errors
    ///
    /// [`ServerError::Listen`].
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> Result<Self, ServerError> {
        let listener = TcpListener::bind(address).await.map_err(|error| ServerError::Listen { address, error })?;
        Ok(Self { listener, tls })
    }

    /// The address that is listened on.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is ready, then lets what runs come to its end, for as long as
    /// [`Limits::farewell`](super::Limits::farewell) says.
    pub async fn run(self, service: Running, stop: impl Future<Output = ()> + Send) {
        let router = service.router();
        let connections = Arc::new(Semaphore::new(service.state.limits.connections));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        let mut refresh = interval(REFRESH);
        let mut busy: Option<tokio::task::JoinHandle<()>> = None;
        loop {
            // A place first, then a connection: who finds no place waits in the queue of the system.
            let accepted = async {
                let place = Arc::clone(&connections).acquire_owned().await.expect("nobody closes the semaphore");
                (place, self.listener.accept().await)
            };
            tokio::select! {
                () = &mut stop => break,
                _ = refresh.tick() => {
                    // Reading a registry waits for the disk, and one reader is enough.
                    if busy.as_ref().is_none_or(tokio::task::JoinHandle::is_finished) {
                        let service = service.clone();
                        busy = Some(tokio::task::spawn_blocking(move || {
                            if let Err(error) = service.refresh() {
                                tracing::error!(code = error.code(), %error, "the roots were not refreshed");
                            }
                        }));
                    }
                }
                (place, accepted) = accepted => match accepted {
                    Ok((stream, address)) => {
                        let connection = Connection { service: service.clone(), router: router.clone(), address };
                        let watcher = graceful.watcher();
                        let tls = self.tls.clone();
                        tokio::spawn(async move {
                            let _place = place;
                            connection.state_gauge(1);
                            connection.serve(stream, tls, watcher).await;
                            connection.state_gauge(-1);
                        });
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: taking the next at once would only spin.
                        tracing::warn!(%error, "no connection was accepted");
                        sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        if timeout(service.state.limits.farewell, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were broken off");
        }
    }
}

/// One connection.
struct Connection {
    service: Running,
    router: Router,
    address: SocketAddr,
}

impl Connection {
    fn state_gauge(&self, change: i64) {
        self.service.state.metrics.connections.inc_by(change);
    }

    async fn serve(&self, stream: TcpStream, tls: Option<Tls>, watcher: hyper_util::server::graceful::Watcher) {
        // Answers are small and written at once; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.speak(stream, watcher).await,
            Some(tls) => {
                // A handshake is part of the time that a head may take.
                match timeout(self.service.state.limits.head_time, tls.acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => self.speak(stream, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no handshake"),
                    Err(_) => tracing::debug!("a handshake took too long"),
                }
            }
        }
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let limits = &self.service.state.limits;
        let address = self.address;
        let service = self.router.clone().map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(address));
            request.map(axum::body::Body::new)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_headers(limits.head_fields)
            .max_buf_size(limits.head_bytes.max(8192))
            .half_close(false)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
