//! Keys of 32 bytes, and the master key's file.

use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use rand_core::CryptoRngCore;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::MasterKeyError;
use crate::bytes::{from_hex, to_hex};

const MAGIC: [u8; 4] = *b"PHMK";
const VERSION: u8 = 1;
const CHECKSUM: usize = 8;
/// Goes into the identifier first, so that it is the hash of nothing else.
const ID_LABEL: &[u8] = b"personhood master key id v1";
const FILE_LABEL: &[u8] = b"personhood master key file v1";

/// A secret key of 32 bytes; wiped when dropped, with neither `Debug` nor `Clone`.
///
/// ```compile_fail,E0277
/// fn show(key: personhood::vault::KeyMaterial) -> String {
///     format!("{key:?}")
/// }
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct KeyMaterial([u8; Self::BYTES]);

impl KeyMaterial {
    /// The length of every key.
    pub const BYTES: usize = 32;

    /// Takes a copy of a key; wipe yours.
    #[must_use]
    pub const fn new(bytes: &[u8; Self::BYTES]) -> Self {
        Self(*bytes)
    }

    /// Draws a key.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        let mut key = Self([0; Self::BYTES]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The bytes themselves, for whoever implements a [`KeyService`](super::KeyService).
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// Which master key wrapped something: 16 bytes that tell nothing of the key.
///
/// For a [`MasterKey`], the first half of SHA-256("personhood master key id v1" ‖ key).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; Self::BYTES]);

impl KeyId {
    /// Bytes of an identifier.
    pub const BYTES: usize = 16;

    /// An identifier that a key service chose.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl std::str::FromStr for KeyId {
    type Err = crate::bytes::HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text).map(Self)
    }
}

/// A master key that this process holds.
pub struct MasterKey {
    id: KeyId,
    material: KeyMaterial,
}

impl MasterKey {
    /// Bytes of a key file: see [`Self::to_bytes`].
    pub const BYTES: usize = 4 + 1 + KeyMaterial::BYTES + CHECKSUM;

    /// Draws a new master key.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        Self::of(KeyMaterial::generate(rng))
    }

    fn of(material: KeyMaterial) -> Self {
        let digest = Sha256::new().chain_update(ID_LABEL).chain_update(material.expose()).finalize();
        let mut id = [0; KeyId::BYTES];
        id.copy_from_slice(&digest[..KeyId::BYTES]);
        Self { id: KeyId(id), material }
    }

    /// Which key this is.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    pub(super) const fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// The content of a key file, wiped when dropped.
    ///
    /// ```text
    /// offset  bytes  content
    ///      0      4  "PHMK" (personhood master key)
    ///      4      1  version of the format: 1
    ///      5     32  key
    ///     37      8  first bytes of SHA-256("personhood master key file v1" ‖ bytes 0 .. 37)
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5..37].copy_from_slice(self.material.expose());
        let checksum = checksum(&bytes[..37]);
        bytes[37..].copy_from_slice(&checksum);
        bytes
    }

    /// Reads the content of a key file.
    ///
    /// # Errors
    ///
    /// [`MasterKeyError`], which never repeats a byte of the key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MasterKeyError> {
        let bytes: &[u8; Self::BYTES] =
            bytes.try_into().map_err(|_| MasterKeyError::Length { expected: Self::BYTES, found: bytes.len() })?;
        if bytes[..4] != MAGIC {
            return Err(MasterKeyError::NotAMasterKey);
        }
        if bytes[4] != VERSION {
            return Err(MasterKeyError::Version { found: bytes[4], supported: VERSION });
        }
        if !bool::from(checksum(&bytes[..37]).ct_eq(&bytes[37..])) {
            return Err(MasterKeyError::Checksum);
        }
        let mut key = Zeroizing::new([0; KeyMaterial::BYTES]);
        key.copy_from_slice(&bytes[5..37]);
        Ok(Self::of(KeyMaterial::new(&key)))
    }

    /// Reads the text form, for an environment variable: the bytes of the file as 90 lower-case hexadecimal digits.
    ///
    /// Whoever may read `/proc/PID/environ`, that is the same user and root, can read it there as long as the process runs.
    ///
    /// # Errors
    ///
    /// [`MasterKeyError`].
    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let bytes =
            from_hex::<{ Self::BYTES }>(text).map_err(|_| MasterKeyError::Text { expected: 2 * Self::BYTES })?;
        Self::from_bytes(Zeroizing::new(bytes).as_slice())
    }

    /// Reads a key file. Files that others can read are refused.
    ///
    /// # Errors
    ///
    /// [`MasterKeyError`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, MasterKeyError> {
        let path = path.as_ref();
        let failed = |error: io::Error| io_error(path, &error);
        let file = File::open(path).map_err(failed)?;
        // Asked of the open file, not of its name: nobody can exchange it in between.
        let metadata = file.metadata().map_err(failed)?;
        check_mode(path, &metadata)?;
        let mut bytes = Zeroizing::new([0; Self::BYTES + 1]);
        let mut length = 0;
        while length < bytes.len() {
            match (&file).read(&mut bytes[length..]).map_err(failed)? {
                0 => break,
                read => length += read,
            }
        }
        Self::from_bytes(&bytes[..length])
    }

    /// Writes a new key file of mode 0600 and waits until it is on the disk. Nothing is ever overwritten.
    ///
    /// # Errors
    ///
    /// [`MasterKeyError::AlreadyExists`], [`MasterKeyError::Io`].
    pub fn write_new(&self, path: impl AsRef<Path>) -> Result<(), MasterKeyError> {
        let path = path.as_ref();
        let failed = |error: io::Error| io_error(path, &error);
        let mut new = OpenOptions::new();
        new.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
        let mut file = new.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => MasterKeyError::AlreadyExists { path: path.to_owned() },
            _ => failed(error),
        })?;
        let written = file.write_all(self.to_bytes().as_slice()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a key is worse than none: it is ours, we just made it.
            let _ = fs::remove_file(path);
            return Err(failed(error));
        }
        // The name has to survive a power cut too, or the registry would be there without its key.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::new().chain_update(FILE_LABEL).chain_update(body).finalize();
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&digest[..CHECKSUM]);
    checksum
}

fn io_error(path: &Path, error: &io::Error) -> MasterKeyError {
    MasterKeyError::Io { path: path.to_owned(), detail: error.to_string() }
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::UnsafePermissions { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), MasterKeyError> {
    Ok(())
}
