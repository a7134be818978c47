//! Files: read with a limit, written whole or not at all, and secrets that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::Output;

/// Pictures of more bytes than this are refused before they are decoded.
pub(crate) const PICTURE_LIMIT: u64 = 64 << 20;
/// Templates, proofs and other documents. A template of 16,384 bits and its mask is about 6 KiB of JSON.
pub(crate) const DOCUMENT_LIMIT: u64 = 1 << 20;
/// A secret file has 69 bytes; anything near this limit is some other file.
const SECRET_LIMIT: u64 = 4096;

/// Reads a whole file of at most `limit` bytes; reads no further than that, whatever the file system says.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    read_into(path, limit, &mut bytes)?;
    Ok(bytes)
}

fn read_into(path: &Path, limit: u64, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    let file = File::open(path).map_err(|error| Failure::reading(path, &error))?;
    file.take(limit + 1).read_to_end(bytes).map_err(|error| Failure::reading(path, &error))?;
    if bytes.len() as u64 > limit {
        let message = format!("{} has more than {limit} bytes, the limit for such a file", path.display());
        return Err(Failure::new("file_too_large", message).with_hint("is this the file that you meant?"));
    }
    Ok(())
}

/// Writes a file whole or not at all: into a neighbour first, then renamed over the old one.
///
/// Devices and pipes (`/dev/stdout`) are written directly. `-` is standard output.
pub(crate) fn write(path: &Path, bytes: &[u8], output: Output) -> Result<(), Failure> {
    if path == Path::new("-") {
        return output.data(bytes);
    }
    write_with(path, |file| file.write_all(bytes))
}

/// Writes what need not fit into memory, whole or not at all. Devices and pipes are written directly.
pub(crate) fn write_with(path: &Path, content: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::writing(path, &error);
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return File::options().write(true).open(path).and_then(|mut file| content(&mut file)).map_err(failed);
    }
    let neighbour = neighbour(path);
    let written = File::create_new(&neighbour).and_then(|mut file| {
        content(&mut file)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&neighbour, path)).map_err(|error| {
        // Best effort: what matters is that the file of the wanted name was not touched.
        let _ = fs::remove_file(&neighbour);
        failed(error)
    })
}

fn neighbour(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Makes a folder and its parents.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::writing(path, &error))
}

/// Writes a secret into a new file that only its owner can read. An existing file is never replaced.
pub(crate) fn write_secret(path: &Path, secret: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| Failure::writing(path, &error))?;
    file.write_all(secret).and_then(|()| file.sync_all()).map_err(|error| {
        // A torn secret file would be worse than none; best effort.
        let _ = fs::remove_file(path);
        Failure::writing(path, &error)
    })
}

/// Reads a secret file, and warns when others can read it too.
pub(crate) fn read_secret(path: &Path, output: Output) -> Result<Zeroizing<Vec<u8>>, Failure> {
    warn_if_shared(path, output);
    // Room for all that will be read: a vector that grows leaves copies behind that nobody wipes.
    let mut secret = Zeroizing::new(Vec::with_capacity(2 * SECRET_LIMIT as usize));
    read_into(path, SECRET_LIMIT, &mut secret)?;
    Ok(secret)
}

#[cfg(unix)]
fn warn_if_shared(path: &Path, output: Output) {
    use std::os::unix::fs::MetadataExt as _;
    if let Ok(metadata) = fs::metadata(path)
        && metadata.mode() & 0o077 != 0
    {
        let mode = metadata.mode() & 0o777;
        output.warning(format_args!(
            "{} can be read by others (mode {mode:04o}); run `chmod 600` on it, and count it as known to them",
            path.display(),
        ));
    }
}

#[cfg(not(unix))]
fn warn_if_shared(_: &Path, _: Output) {}
