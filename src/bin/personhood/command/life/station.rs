//! `personhood station`: the stations that capture eyes, and what they sign.

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::bytes::to_hex;
use personhood::registry::{CaptureManifest, StationKey, capture_digest};
use personhood::store::StationRecord;
use rand_core::{OsRng, RngCore as _};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::{EyeFiles, Station, StationSign};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// Fields of the JSON document of one station.
#[derive(Serialize)]
struct Report {
    station: String,
    public_key: String,
    counter: u64,
    added_at: u64,
    removed_at: Option<u64>,
}

impl From<StationRecord> for Report {
    fn from(record: StationRecord) -> Self {
        let StationRecord { name, public_key, counter, added_at, removed_at } = record;
        Self { station: name, public_key: to_hex(&public_key), counter, added_at, removed_at }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "station {}, key {}, counter {}", self.station, self.public_key, self.counter)?;
        self.removed_at.map_or(Ok(()), |at| write!(f, ", revoked at {at}"))
    }
}

#[derive(Serialize)]
struct List {
    stations: Vec<Report>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for station in &self.stations {
            writeln!(f, "{station}")?;
        }
        write!(f, "{} stations", self.stations.len())
    }
}

#[derive(Serialize)]
struct Challenge {
    challenge: String,
    expires_at: u64,
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.challenge)
    }
}

#[derive(Serialize)]
struct Made {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.public_key {
            Some(key) => write!(f, "new key in {}; public key {key}", self.file.display()),
            None => write!(f, "capture signed in {}", self.file.display()),
        }
    }
}

pub(crate) fn run(args: &Station, output: Output) -> Result<Exit, Failure> {
    let record = match args {
        Station::Add { registry, name, key } => place::open_as(registry)?.add_station(name, key.0, place::now())?,
        Station::Revoke { registry, name } => place::open_as(registry)?.revoke_station(name, place::now())?,
        Station::List { registry } => {
            let stations = place::read_as(registry)?.stations()?;
            let report = List { stations: stations.into_iter().map(Report::from).collect() };
            return output.answer(Exit::Yes, &report, &report);
        }
        Station::Challenge { registry, seconds } => {
            let mut challenge = [0; 32];
            OsRng.fill_bytes(&mut challenge);
            let expires_at = place::now() + seconds;
            place::open_as(registry)?.challenge(&challenge, expires_at)?;
            let report = Challenge { challenge: to_hex(&challenge), expires_at };
            return output.answer(Exit::Yes, &report, &report);
        }
        Station::Key { file } => {
            let key = StationKey::generate(&mut OsRng);
            files::write_secret(file, key.to_bytes().as_slice())?;
            let report = Made { file: file.clone(), public_key: Some(to_hex(&key.public_key())) };
            return output.answer(Exit::Yes, &report, &report);
        }
        Station::Sign(args) => return sign(args, output),
    };
    let report = Report::from(record);
    output.answer(Exit::Yes, &report, &report)
}

fn sign(args: &StationSign, output: Output) -> Result<Exit, Failure> {
    let secret = files::read_secret(&args.key, output)?;
    let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| {
        Failure::new("station_key", format!("a station's key file has 32 bytes, and {} has others", args.key.display()))
    })?;
    let key = StationKey::from_bytes(secret);
    let [left, right] = digests(&args.eyes)?;
    let manifest = CaptureManifest {
        station: args.name.clone(),
        challenge: args.challenge.0,
        counter: args.counter,
        expires_at: place::now() + args.seconds,
        left,
        right,
    };
    files::write(&args.out, &key.sign(&manifest)?, output)?;
    let report = Made { file: args.out.clone(), public_key: None };
    output.answer(Exit::Yes, &report, &report)
}

/// SHA-256 of the file of each eye.
pub(crate) fn digests(eyes: &EyeFiles) -> Result<[Option<[u8; 32]>; 2], Failure> {
    let digest = |path: Option<&Path>| -> Result<Option<[u8; 32]>, Failure> {
        let bytes = path.map(|path| files::read(path, files::PICTURE_LIMIT)).transpose()?;
        Ok(bytes.map(|bytes| capture_digest(&Zeroizing::new(bytes))))
    };
    Ok([digest(eyes.left.as_deref())?, digest(eyes.right.as_deref())?])
}
