//! Tiles: the files in which a log keeps its entries and the hashes of its tree (C2SP tlog-tiles).
//!
//! ```text
//! checkpoint                   size and hash, signed; written last
//! checkpoint.witnessed         the latest checkpoint that witnesses have cosigned (ours, not part of tlog-tiles)
//! lock                         held by the one who writes
//! tile/entries/000.p/7         the first 7 entries, each after its length in 2 bytes, big-endian
//! tile/entries/x001/234        entries 1234 · 256 to 1234 · 256 + 255
//! tile/0/000.p/7               the hashes of the first 7 entries, 32 bytes each
//! tile/1/000.p/1               the hash of the tree over the first full tile of level 0
//! ```

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::LogError;
use super::disk::read_limited;
use super::merkle::{LogHash, Nodes};

/// Hashes, or entries, of a full tile.
pub(super) const FULL: u64 = 256;
/// Bytes of a hash.
pub(super) const HASH: usize = 32;
/// Levels of the tree within one tile.
const LEVELS: u32 = 8;
/// Tiles that a reader keeps in memory: 2 MiB.
const CACHED: usize = 256;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Entries,
    Hashes(u8),
}

/// The file of a tile, below the log's folder; of a partial one, if it is not full.
pub(super) fn path(kind: Kind, index: u64, width: u64) -> PathBuf {
    let kind = match kind {
        Kind::Entries => "entries".to_owned(),
        Kind::Hashes(level) => level.to_string(),
    };
    let mut number = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        number = format!("x{:03}/{number}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width == FULL { String::new() } else { format!(".p/{width}") };
    PathBuf::from(format!("tile/{kind}/{number}{partial}"))
}

/// How many hashes of a level the tile has in a log of `size` entries.
pub(super) const fn width(level: u8, index: u64, size: u64) -> u64 {
    let all = if level < 8 { size >> (LEVELS * level as u32) } else { 0 };
    let here = all.saturating_sub(index * FULL);
    if here < FULL { here } else { FULL }
}

/// The first `width` hashes, or entries, of a tile: from the partial file, or from the full one that replaced it.
pub(super) fn read(folder: &Path, kind: Kind, index: u64, width: u64) -> Result<Vec<u8>, LogError> {
    // An entry has at most 65,535 bytes and 2 for its length.
    let each = if kind == Kind::Entries { 65_537 } else { HASH as u64 };
    let partial = folder.join(path(kind, index, width));
    let full = folder.join(path(kind, index, FULL));
    let (file, mut bytes) = match read_limited(&partial, width * each)? {
        Some(bytes) => (partial, bytes),
        None => match read_limited(&full, FULL * each)? {
            Some(bytes) => (full, bytes),
            None => return Err(LogError::Damaged { path: partial, detail: "it is missing".to_owned() }),
        },
    };
    let needed = match kind {
        Kind::Entries => {
            let entries = split_entries(&bytes).filter(|entries| entries.len() as u64 >= width);
            entries.map(|entries| entries.iter().take(width as usize).map(|entry| entry.len() + 2).sum())
        }
        Kind::Hashes(_) => Some(width as usize * HASH),
    };
    let Some(needed) = needed.filter(|needed| *needed <= bytes.len()) else {
        let detail = format!("it has not the {width} records of a log of this size");
        return Err(LogError::Damaged { path: file, detail });
    };
    bytes.truncate(needed);
    Ok(bytes)
}

/// The entries of an entry bundle; nothing if the lengths do not add up, or there are more than a full tile has.
#[must_use]
pub fn split_entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut entries, mut rest) = (Vec::new(), bundle);
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (entry, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = behind;
        if entries.len() as u64 > FULL {
            return None;
        }
    }
    Some(entries)
}

/// The hashes of a log of `size` entries, as its files say.
#[derive(Debug)]
pub(super) struct Tiles<'a> {
    folder: &'a Path,
    size: u64,
    cache: RefCell<HashMap<(u8, u64), Vec<u8>>>,
}

impl<'a> Tiles<'a> {
    pub(super) fn new(folder: &'a Path, size: u64) -> Self {
        Self { folder, size, cache: RefCell::default() }
    }
}

impl Nodes for Tiles<'_> {
    fn node(&self, level: u32, index: u64) -> Result<LogHash, LogError> {
        // The node is above 2^within hashes of a tile of the level below.
        let (tile_level, within) = ((level / LEVELS) as u8, level % LEVELS);
        let first = index << within;
        let (tile, offset) = (first / FULL, (first % FULL) as usize);
        let mut cache = self.cache.borrow_mut();
        if !cache.contains_key(&(tile_level, tile)) {
            let width = width(tile_level, tile, self.size);
            let bytes = read(self.folder, Kind::Hashes(tile_level), tile, width)?;
            if cache.len() >= CACHED {
                cache.clear();
            }
            cache.insert((tile_level, tile), bytes);
        }
        let range = offset * HASH..(offset + (1 << within)) * HASH;
        let hashes = cache.get(&(tile_level, tile)).and_then(|bytes| bytes.get(range));
        let damaged = || LogError::Damaged { path: self.folder.to_owned(), detail: "a tile is too short".to_owned() };
        Ok(over(hashes.ok_or_else(damaged)?))
    }
}

/// The hash over a power of two of hashes.
pub(super) fn over(hashes: &[u8]) -> LogHash {
    let mut row: Vec<LogHash> = hashes.as_chunks::<HASH>().0.iter().copied().map(LogHash::from_bytes).collect();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| LogHash::of_node(*left, *right)).collect();
    }
    row[0]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn paths_are_those_of_another_library() {
        for index in [0, 1, 999, 1_000, 1_234_067, 999_999_999] {
            for (width, other) in [(1, 1), (255, 255), (FULL, 256)] {
                for level in [0, 1, 5] {
                    let judge = tlog_tiles::Tile::new(8, level, index, other, false).path();
                    let ours = path(Kind::Hashes(level), index, width);
                    assert_eq!(ours.to_str().unwrap(), judge.replacen("tile/8/", "tile/", 1));
                }
                let judge = tlog_tiles::Tile::new(8, 0, index, other, true).path();
                let ours = path(Kind::Entries, index, width);
                assert_eq!(ours.to_str().unwrap(), judge.replacen("tile/8/data", "tile/entries", 1));
            }
        }
    }

    #[test]
    fn widths_are_those_of_the_specification() {
        // The example of C2SP tlog-tiles: a tree of 70,000.
        let widths = |level, tile| width(level, tile, 70_000);
        assert_eq!([widths(0, 272), widths(0, 273), widths(0, 274)], [256, 112, 0]);
        assert_eq!([widths(1, 0), widths(1, 1), widths(2, 0), widths(3, 0), widths(8, 0)], [256, 17, 1, 0, 0]);
        assert_eq!([width(0, 0, 256), width(0, 1, 256), width(1, 0, 256)], [256, 0, 1]);
    }

    #[test]
    fn entry_bundles_are_split_exactly() {
        assert_eq!(split_entries(&[]), Some(vec![]));
        assert_eq!(split_entries(&[0, 2, 7, 8, 0, 0]), Some(vec![&[7, 8][..], &[]]));
        for wrong in [&[0][..], &[0, 1], &[0, 2, 7], &[0, 0, 9]] {
            assert_eq!(split_entries(wrong), None, "{wrong:?}");
        }
        assert_eq!(split_entries(&[0; 512]).unwrap().len(), 256);
        assert_eq!(split_entries(&[0; 514]), None);
    }
}
