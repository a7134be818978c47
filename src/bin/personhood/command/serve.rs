//! `personhood serve`: the HTTP service on a socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};

use personhood::bytes::to_hex;
use personhood::serve::{
    Apps, Desk, HolderPages, Issuer, Keys, Limits, RegistryRoll, Roll, RootsFile, Server, Service, Tls,
};
use personhood::store::SharedNullifiers;
use rand_core::{OsRng, RngCore as _};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;
use zeroize::Zeroizing;

use crate::args::{LogLevel, Serve};
use crate::command::log;
use crate::erasures;
use crate::exit::Exit;
use crate::eye;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// Fields of the JSON document, written when the service listens.
#[derive(Serialize)]
struct Report {
    /// Where it listens.
    address: SocketAddr,
    /// The same with its scheme.
    url: String,
    /// The public key of its requests, if it signs any.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_key: Option<String>,
    /// Where the console is, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    desk: Option<String>,
    /// Where the holder's page is, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
}

pub(crate) fn run(args: &Serve, output: Output) -> Result<Exit, Failure> {
    start_log(args.log);
    let (roll, desk) = roll(args, output)?;
    let service = Service {
        apps: apps(args)?,
        roll,
        nullifiers: nullifiers(args)?,
        keys: match &args.api_keys {
            Some(file) => Keys::from_toml(&text(file)?).map_err(|error| Failure::from(error).about(file))?,
            None => Keys::none(),
        },
        issuer: args.request_key.as_deref().map(|file| issuer(file, output)).transpose()?,
        desk,
        holder: args.pages.as_deref().map(HolderPages::open).transpose()?,
        log: args.registry.as_deref().map(log::folder_of),
        limits: limits(args),
        clock: place::now,
    };
    if service.apps.need_requests() && service.issuer.is_none() {
        return Err(Failure::new("usage", "an action with requests needs a key to sign them: --request-key FILE"));
    }
    let (has_desk, has_holder) = (service.desk.is_some(), service.holder.is_some());
    let key = service.issuer.as_ref().map(|issuer| to_hex(&issuer.public()));
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificates), Some(key)) => {
            Some(Tls::from_pem(&files::read(certificates, files::DOCUMENT_LIMIT)?, &files::read_secret(key, output)?)?)
        }
        _ => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    if tls.is_none() && !args.listen.ip().is_loopback() {
        output.warning("without --tls-cert and --tls-key, whoever is between can read and change every answer");
    }
    let service = service.start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(no_runtime)?;
    runtime.block_on(async {
        let server = Server::bind(args.listen, tls).await?;
        let address = server.address().map_err(no_runtime)?;
        // Before anybody is told that the service listens: who is told may stop it at once.
        let mut signals = Signals::new().map_err(no_runtime)?;
        let url = format!("{scheme}://{address}");
        let report = Report {
            address,
            desk: has_desk.then(|| format!("{url}/desk/")),
            holder: has_holder.then(|| format!("{url}/holder/")),
            url,
            request_key: key,
        };
        let answered = output.answer(Exit::Yes, &report, &report)?;
        tracing::info!(%address, scheme, "listening");
        server.run(service, async { signals.stop().await }).await;
        tracing::info!("stopped");
        Ok(answered)
    })
}

/// The signals that ask a service to stop.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn no_runtime(error: io::Error) -> Failure {
    Failure::new("internal", format!("the system does not let a service run: {error}"))
}

fn start_log(level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_writer(io::stderr).init();
}

fn apps(args: &Serve) -> Result<Apps, Failure> {
    match (&args.apps, &args.app, &args.action) {
        (Some(file), _, _) => Apps::from_toml(&text(file)?).map_err(|error| Failure::from(error).about(file)),
        (None, Some(app), Some(action)) => Ok(Apps::single(app, action)?),
        _ => Err(Failure::new("usage", "a list of apps is needed: --apps FILE, or --app TEXT --action TEXT")),
    }
}

/// The members, and the desk at the same registry, if there shall be one.
fn roll(args: &Serve, output: Output) -> Result<(Box<dyn Roll>, Option<Desk>), Failure> {
    match (&args.registry, &args.roots) {
        (Some(folder), _) if args.desk => {
            let registry = place::open(folder)?;
            let pipeline = eye::pipeline_of(registry.policy(), &args.segmentation)?;
            let registry = Arc::new(Mutex::new(registry));
            let followed = folder.clone();
            let desk = Desk::new(Arc::clone(&registry), pipeline).after_change(move || {
                log::follow(&followed, output);
                let listed = place::store_read_only(&followed).and_then(|store| erasures::follow(&store, &followed));
                if let Err(error) = listed {
                    output.warning(format!("the list of erasures was not written: {error}; `backup create` writes it"));
                }
            });
            Ok((Box::new(RegistryRoll::shared(registry)?), Some(desk)))
        }
        (Some(folder), _) => Ok((Box::new(RegistryRoll::new(place::open_read_only(folder)?)?), None)),
        (None, Some(file)) => Ok((Box::new(RootsFile::new(file)), None)),
        (None, None) => Err(Failure::new("usage", "members are needed: --registry DIR or --roots FILE")),
    }
}

fn nullifiers(args: &Serve) -> Result<Box<dyn SharedNullifiers>, Failure> {
    match (&args.seen, &args.registry) {
        (Some(file), _) => place::nullifiers(file),
        (None, Some(folder)) => place::nullifiers_of(folder),
        (None, None) => Err(Failure::new("usage", "a database of nullifiers is needed: --seen FILE")),
    }
}

/// The key that requests are signed with: read, or made.
fn issuer(file: &Path, output: Output) -> Result<Issuer, Failure> {
    if !file.exists() {
        let mut secret = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(secret.as_mut_slice());
        files::write_secret(file, secret.as_slice())?;
    }
    let secret = files::read_secret(file, output)?;
    let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| {
        Failure::new("request_key_length", format!("{} has {} bytes, not 32", file.display(), secret.len()))
    })?;
    Ok(Issuer::from_secret(secret))
}

fn limits(args: &Serve) -> Limits {
    let usual = Limits::default();
    Limits {
        requests_per_second: NonZeroU32::new(args.rate_limit),
        queue: args.queue as usize,
        connections: args.connections as usize,
        threads: args.threads.map_or(usual.threads, usize::from),
        ..usual
    }
}

fn text(file: &Path) -> Result<String, Failure> {
    String::from_utf8(files::read(file, files::DOCUMENT_LIMIT)?)
        .map_err(|_| Failure::new("file_unreadable", format!("{} is not UTF-8 text", file.display())))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening on {}", self.url)?;
        self.desk.iter().try_for_each(|at| write!(f, "\nthe desk is at {at}"))?;
        self.holder.iter().try_for_each(|at| write!(f, "\nthe holder's page is at {at}"))?;
        self.request_key.iter().try_for_each(|key| write!(f, "\nrequests are signed by {key}"))
    }
}
