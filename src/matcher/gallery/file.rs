//! A gallery in a file, for what does not fit into memory.
//!
//! A block is the unit of reading, of the checksum and of the search. One thread reads blocks ahead into a few buffers, others
//! check them and hold every probe of a batch against each: the file is read once for all of them, as fast as the disk gives
//! it, and the memory that this takes does not depend on the number of entries.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::batch::{Duplicates, Part, scans};
use super::block::{Block, Content};
use super::checksum::checksum;
use super::scan::Work;
use super::{EntryId, SearchResult};
use crate::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, TemplateFormatError};
use crate::matcher::MatchPolicy;
use crate::matcher::compare::{Incomparable, check};

const MAGIC: [u8; 8] = *b"PHGALLRY";
const VERSION: u32 = 1;
const HEADER: usize = 48;
/// Of a block: its number, its entries, their names.
const BLOCK_HEADER: usize = 8 + 8 + 4 * Block::ENTRIES;
const CHECKSUM: usize = 8;
/// The header of a template (`IrisTemplate::to_bytes`), which says layout and encoder.
const KIND: usize = 16;
/// Buffers that are read ahead beside the one that each thread works on.
const AHEAD: usize = 2;

/// A gallery in a file, searched without being held in memory.
///
/// ```text
/// offset  bytes      content
///  0      8          "PHGALLRY"
///  8      4          version of this format, little-endian: 1
/// 12      4          zero
/// 16      16         layout and encoder: the first 16 bytes of a template of them (IrisTemplate::to_bytes)
/// 32      8          entries, little-endian
/// 40      8          XXH64 of bytes 0 … 39, little-endian
/// 48      …          blocks of 256 entries; the last one of the same size, with as many as are left
///
/// block   bytes      content
///  0      8          its number from 0, little-endian
///  8      8          entries in it, little-endian
/// 16      1,024      their names, ascending, little-endian, 4 bytes each; zeros behind the last one
/// 1,040   4,096 C    for each of the 64 bits of a column and each of C columns: of 256 entries those with a usable 0 (32
///                    bytes, entry n is bit n % 8 of byte n / 8), those with a usable 1
/// …       8          XXH64 of all before, with that of the header's first 32 bytes as its seed, little-endian
/// ```
///
/// The checksums find accidents: bad sectors, cut copies, blocks in the wrong place. The header is written last, so that a file whose
/// writer was stopped is refused. What is read is bytes until all of this, and that no entry has a 0 and a 1 at one place, has
/// been checked; somebody who can write the file can still write another gallery.
///
/// # Examples
///
/// ```
/// use std::io::Cursor;
/// use std::num::NonZeroUsize;
///
/// use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
/// use personhood::matcher::{EntryId, GalleryFile, GalleryWriter, MatchPolicy};
///
/// let layout = Layout::Columns200;
/// let code = IrisCode::from_fn(layout, |_, row, column, _| (row * column) % 5 < 2);
/// let eye = IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(1))?;
/// let mut writer = GalleryWriter::new(Cursor::new(Vec::new()), layout, EncoderVersion::Other(1))?;
/// writer.push(EntryId::new(5), &eye)?;
/// let file = GalleryFile::new(writer.finish()?)?;
/// let found = file.search_batch(&[eye], &MatchPolicy::default(), NonZeroUsize::MIN)?;
/// assert_eq!(found[0].hits[0].entry, EntryId::new(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GalleryFile<R = File> {
    reader: Mutex<R>,
    layout: Layout,
    encoder: EncoderVersion,
    entries: usize,
    /// What the checksums of blocks begin with.
    seed: u64,
}

/// Why a gallery file was not written or is not searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryFileError {
    /// The system did not read or write.
    #[error("the gallery file failed: {0}")]
    Io(#[from] io::Error),
    /// The first bytes are not those of a gallery file that was written to its end.
    #[error("not a gallery file, or its writer was stopped before it was whole; write it again")]
    NotAGallery,
    /// Written by another release.
    #[error(
        "gallery file of version {found}, and this release reads version {VERSION}; write it again with this release"
    )]
    Version {
        /// The version in the header.
        found: u32,
    },
    /// The header's checksum does not hold, or a field that must be zero is not.
    #[error("the header of the gallery file is damaged; write it again")]
    Header,
    /// Layout or encoder are not known.
    #[error("gallery file of templates that are not known here: {0}")]
    Kind(#[from] TemplateFormatError),
    /// Cut off, or something was appended.
    #[error(
        "gallery file of {found} bytes, and with its {entries} entries it has {expected}; it was cut or mixed up: write it again"
    )]
    Length {
        /// The entries of the header.
        entries: u64,
        /// Bytes that the file has.
        found: u64,
        /// Bytes that it should have.
        expected: u64,
    },
    /// The checksum of a block does not hold.
    #[error("block {block} of the gallery file fails its checksum; write the file again")]
    Damaged {
        /// Its number, from 0.
        block: usize,
    },
    /// The checksum of a block holds, and what it says cannot be.
    #[error("block {block} of the gallery file {what}")]
    Content {
        /// Its number, from 0.
        block: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Names come in ascending order.
    #[error("entry {entry} comes after {last}; a gallery file has its entries in ascending order")]
    Order {
        /// The entry that was not taken.
        entry: EntryId,
        /// The last one before it.
        last: EntryId,
    },
    /// A template cannot be compared with those of the file.
    #[error(transparent)]
    Incomparable(#[from] Incomparable),
}

impl GalleryFile<File> {
    /// Opens a file and accepts its header and its length; blocks are checked as they are read.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GalleryFileError> {
        Self::new(File::open(path)?)
    }
}

impl<R: Read + Seek + Send> GalleryFile<R> {
    /// [`GalleryFile::open`] of what is no file.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError`].
    pub fn new(mut reader: R) -> Result<Self, GalleryFileError> {
        let found = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        let mut header = [0; HEADER];
        if found < HEADER as u64 {
            return Err(GalleryFileError::NotAGallery);
        }
        reader.read_exact(&mut header)?;
        let (content, stored) = header.split_at(HEADER - CHECKSUM);
        if content[..8] != MAGIC {
            return Err(GalleryFileError::NotAGallery);
        }
        let version = u32::try_from(number(&content[8..12])).unwrap_or(u32::MAX);
        if version != VERSION {
            return Err(GalleryFileError::Version { found: version });
        }
        if checksum(content, 0) != number(stored) || content[12..16] != [0; 4] {
            return Err(GalleryFileError::Header);
        }
        let (layout, encoder) = kind(&content[16..16 + KIND])?;
        let entries = number(&content[32..40]);
        let blocks = entries.div_ceil(Block::ENTRIES as u64);
        let expected = blocks
            .checked_mul(block_size(layout) as u64)
            .and_then(|bytes| bytes.checked_add(HEADER as u64))
            .unwrap_or(u64::MAX);
        let Some(places) = usize::try_from(entries).ok().filter(|_| found == expected) else {
            return Err(GalleryFileError::Length { entries, found, expected });
        };
        Ok(Self { reader: Mutex::new(reader), layout, encoder, entries: places, seed: seed(layout, encoder) })
    }

    /// The layout of every entry.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The encoder of the entries.
    #[must_use]
    pub fn encoder(&self) -> EncoderVersion {
        self.encoder
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Is there no entry?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// As [`GallerySnapshot::search_batch`](super::GallerySnapshot::search_batch): the same results, by `threads` threads besides one
    /// that reads.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError`]; nothing is known about anybody then.
    pub fn search_batch(
        &self,
        probes: &[IrisTemplate],
        policy: &MatchPolicy,
        threads: NonZeroUsize,
    ) -> Result<Vec<SearchResult>, GalleryFileError> {
        let scans = scans(probes, self.layout, self.encoder, policy)?;
        let none = || {
            let mut none = Vec::new();
            none.resize_with(probes.len(), SearchResult::default);
            (Work::new(self.layout), none)
        };
        let parts = self.visit(0..self.blocks(), threads, none, |(work, all), _, block| {
            for (index, (scan, found)) in scans.iter().zip(all).enumerate() {
                let next = (index + 1 < scans.len()).then_some(block);
                scan.block(block, next, work, found);
            }
        })?;
        let mut all = none().1;
        for (_, part) in parts {
            for (all, found) in all.iter_mut().zip(part) {
                all.hits.extend(found.hits);
                all.incomparable.extend(found.incomparable);
            }
        }
        all.iter_mut().for_each(|found| found.sort(policy.score));
        Ok(all)
    }

    /// As [`GallerySnapshot::duplicates`](super::GallerySnapshot::duplicates), by `threads` threads besides one that reads.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError`]; the part has to be searched again then.
    pub fn duplicates(
        &self,
        places: Range<usize>,
        policy: &MatchPolicy,
        threads: NonZeroUsize,
    ) -> Result<Duplicates, GalleryFileError> {
        let places = places.start.min(self.entries)..places.end.min(self.entries);
        let part = Part::new(places.start, self.templates(places)?, policy);
        let start = || (Work::new(self.layout), Duplicates::default());
        let parts = self.visit(part.first_block()..self.blocks(), threads, start, |(work, all), index, block| {
            part.join(block, index, None, work, all);
        })?;
        let mut all = Duplicates::default();
        for (_, part) in parts {
            all.pairs.extend(part.pairs);
            all.incomparable += part.incomparable;
        }
        all.sort();
        Ok(all)
    }

    /// The entries at these places, with zeros for the bits that are not usable.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError`].
    pub fn templates(&self, places: Range<usize>) -> Result<Vec<(EntryId, IrisTemplate)>, GalleryFileError> {
        let places = places.start.min(self.entries)..places.end.min(self.entries);
        let mut templates = Vec::with_capacity(places.len());
        let mut bytes = Zeroizing::new(alloc::vec![0; block_size(self.layout)]);
        let mut block = Block::new(self.layout);
        let blocks = places.start / Block::ENTRIES..places.end.div_ceil(Block::ENTRIES);
        for index in blocks.filter(|_| !places.is_empty()) {
            self.fetch(index, &mut bytes)?;
            self.accept(index, &bytes, &mut block)?;
            let first = index * Block::ENTRIES;
            let lanes = places.start.saturating_sub(first)..(places.end - first).min(Block::ENTRIES);
            let entry = |lane: usize| (block.names()[lane], block.template(lane, self.layout, self.encoder));
            templates.extend(lanes.map(entry));
        }
        Ok(templates)
    }

    fn blocks(&self) -> usize {
        self.entries.div_ceil(Block::ENTRIES)
    }

    fn lock(&self) -> MutexGuard<'_, R> {
        // A reader has no state that a panic could leave halfway but its position, which every read sets.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, index: usize, bytes: &mut [u8]) -> Result<(), GalleryFileError> {
        let mut reader = self.lock();
        reader.seek(SeekFrom::Start((HEADER + index * block_size(self.layout)) as u64))?;
        Ok(reader.read_exact(bytes)?)
    }

    /// Makes a block of the bytes of one.
    fn accept(&self, index: usize, bytes: &[u8], block: &mut Block) -> Result<(), GalleryFileError> {
        let (content, stored) = bytes.split_at(bytes.len() - CHECKSUM);
        if checksum(content, self.seed) != number(stored) || number(&content[..8]) != index as u64 {
            return Err(GalleryFileError::Damaged { block: index });
        }
        let wrong = |what| GalleryFileError::Content { block: index, what };
        let entries = (self.entries - index * Block::ENTRIES).min(Block::ENTRIES);
        if number(&content[8..16]) != entries as u64 {
            return Err(wrong("has another number of entries than its place"));
        }
        let (names, cells) = content[16..].split_at(4 * Block::ENTRIES);
        let (names, rest) = names.as_chunks::<4>().0.split_at(entries);
        let names: Vec<EntryId> = names.iter().map(|name| EntryId::new(u32::from_le_bytes(*name))).collect();
        if !names.is_sorted_by(|a, b| a < b) || rest.iter().any(|name| *name != [0; 4]) {
            return Err(wrong("has names that do not ascend"));
        }
        block.decode(names, cells).map_err(|content| {
            wrong(match content {
                Content::Contradiction => "has an entry with a 0 and a 1 at one place",
                Content::Stray => "has bits of an entry that it does not have",
            })
        })
    }

    /// Has some threads look at every block, in any order; each with a state of its own.
    fn visit<T: Send>(
        &self,
        blocks: Range<usize>,
        threads: NonZeroUsize,
        start: impl Fn() -> T + Sync,
        look: impl Fn(&mut T, usize, &Block) + Sync,
    ) -> Result<Vec<T>, GalleryFileError> {
        type Buffer = Zeroizing<Vec<u8>>;
        let threads = threads.get().min(blocks.len().max(1));
        let (empty, empties): (Sender<Buffer>, Receiver<Buffer>) = channel();
        let (full, fulls) = channel::<(usize, Buffer)>();
        for _ in 0..threads + AHEAD {
            let _ = empty.send(Zeroizing::new(alloc::vec![0; block_size(self.layout)]));
        }
        let fulls = Mutex::new(fulls);
        let stop = AtomicBool::new(false);
        let work = |empty: Sender<Buffer>| {
            let (mut state, mut block) = (start(), Block::new(self.layout));
            loop {
                // The lock is held while waiting: whoever has it gets the next block.
                let next = fulls.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((index, bytes)) = next else { return Ok(state) };
                if let Err(error) = self.accept(index, &bytes, &mut block) {
                    stop.store(true, Ordering::Relaxed);
                    return Err((index, error));
                }
                look(&mut state, index, &block);
                // The reader may be through.
                let _ = empty.send(bytes);
            }
        };
        let mut results = Vec::with_capacity(threads);
        let read = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let empty = empty.clone();
                    scope.spawn(|| work(empty))
                })
                .collect();
            // So that waiting for an empty buffer ends when all who could send one are gone.
            drop(empty);
            let mut read = Ok(());
            for index in blocks {
                let Ok(mut bytes) = empties.recv() else { break };
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                read = self.fetch(index, &mut bytes);
                if read.is_err() || full.send((index, bytes)).is_err() {
                    break;
                }
            }
            drop(full);
            for worker in workers {
                match worker.join() {
                    Ok(result) => results.push(result),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            read
        });
        let mut states = Vec::with_capacity(threads);
        let mut first: Option<(usize, GalleryFileError)> = None;
        for result in results {
            match result {
                Ok(state) => states.push(state),
                Err(error) if first.as_ref().is_none_or(|first| error.0 < first.0) => first = Some(error),
                Err(_) => {}
            }
        }
        match first {
            Some((_, error)) => Err(error),
            None => read.map(|()| states),
        }
    }
}

/// Writes a [`GalleryFile`], in as little memory as a block takes.
///
/// The header is written by [`finish`](Self::finish): a file whose writer was stopped before is refused.
pub struct GalleryWriter<W = File> {
    writer: W,
    layout: Layout,
    encoder: EncoderVersion,
    entries: u64,
    last: Option<EntryId>,
    /// The block that is being filled.
    block: Block,
    bytes: Zeroizing<Vec<u8>>,
}

impl GalleryWriter<File> {
    /// A new file that only its owner can read; what is there already is not touched.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError::Io`].
    pub fn create(path: impl AsRef<Path>, layout: Layout, encoder: EncoderVersion) -> Result<Self, GalleryFileError> {
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Self::new(options.open(path)?, layout, encoder)
    }
}

impl<W: Write + Seek> GalleryWriter<W> {
    /// Writes from the beginning of `writer`, which is empty.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError::Io`].
    pub fn new(mut writer: W, layout: Layout, encoder: EncoderVersion) -> Result<Self, GalleryFileError> {
        writer.seek(SeekFrom::Start(0))?;
        writer.write_all(&[0; HEADER])?;
        let bytes = Zeroizing::new(Vec::with_capacity(block_size(layout)));
        Ok(Self { writer, layout, encoder, entries: 0, last: None, block: Block::new(layout), bytes })
    }

    /// Adds an entry; names come in ascending order.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError::Order`] or [`GalleryFileError::Incomparable`], and nothing is added;
    /// [`GalleryFileError::Io`], and the file is of no use any more.
    pub fn push(&mut self, entry: EntryId, template: &IrisTemplate) -> Result<(), GalleryFileError> {
        check(template, self.layout, self.encoder)?;
        if let Some(last) = self.last.filter(|last| *last >= entry) {
            return Err(GalleryFileError::Order { entry, last });
        }
        self.block.push(entry, template);
        self.last = Some(entry);
        self.entries += 1;
        if self.block.names().len() == Block::ENTRIES { self.seal() } else { Ok(()) }
    }

    /// How many entries were added.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.entries
    }

    /// Was none added?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Writes what is left, and the header; the file is whole now. Returns what was written to, not yet synchronized with the disk.
    ///
    /// # Errors
    ///
    /// [`GalleryFileError::Io`].
    pub fn finish(mut self) -> Result<W, GalleryFileError> {
        if !self.block.names().is_empty() {
            self.seal()?;
        }
        let mut header = head(self.layout, self.encoder).to_vec();
        header.extend_from_slice(&self.entries.to_le_bytes());
        header.extend_from_slice(&checksum(&header, 0).to_le_bytes());
        self.writer.seek(SeekFrom::Start(0))?;
        self.writer.write_all(&header)?;
        self.writer.flush()?;
        Ok(self.writer)
    }

    fn seal(&mut self) -> Result<(), GalleryFileError> {
        let entries = self.block.names().len();
        let index = (self.entries - 1) / Block::ENTRIES as u64;
        self.bytes.clear();
        self.bytes.extend_from_slice(&index.to_le_bytes());
        self.bytes.extend_from_slice(&(entries as u64).to_le_bytes());
        for name in self.block.names() {
            self.bytes.extend_from_slice(&name.number().to_le_bytes());
        }
        self.bytes.resize(BLOCK_HEADER, 0);
        self.block.encode(&mut self.bytes);
        let checksum = checksum(&self.bytes, seed(self.layout, self.encoder));
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        self.writer.write_all(&self.bytes)?;
        self.block.clear();
        Ok(())
    }
}

impl<W> fmt::Debug for GalleryWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GalleryWriter")
            .field("layout", &self.layout)
            .field("encoder", &self.encoder)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

fn block_size(layout: Layout) -> usize {
    BLOCK_HEADER + layout.bits() * 2 * Block::ENTRIES / 8 + CHECKSUM
}

/// What is the same in the headers of all files of a version, layout and encoder.
fn head(layout: Layout, encoder: EncoderVersion) -> [u8; 32] {
    let empty = IrisTemplate::new(IrisCode::from_fn(layout, |_, _, _, _| false), Mask::empty(layout), encoder);
    let kind = empty.expect("code and mask have one layout").to_bytes();
    let mut head = [0; 32];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[16..].copy_from_slice(&kind[..KIND]);
    head
}

/// What the checksums of blocks begin with.
fn seed(layout: Layout, encoder: EncoderVersion) -> u64 {
    checksum(&head(layout, encoder), 0)
}

/// Layout and encoder from the first bytes of a template.
fn kind(bytes: &[u8]) -> Result<(Layout, EncoderVersion), TemplateFormatError> {
    let columns = usize::try_from(number(&bytes[6..8])).unwrap_or(0);
    // With a body of zeros behind it, the header is a template or is refused as the header of one.
    let mut template = bytes.to_vec();
    template.resize(Layout::from_columns(columns).map_or(KIND, IrisTemplate::encoded_len), 0);
    let template = IrisTemplate::from_bytes(&template)?;
    Ok((template.layout(), template.encoder()))
}

/// Up to eight bytes, little-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Cursor;

    use super::*;

    const ENCODER: EncoderVersion = EncoderVersion::Other(3);

    fn eye(layout: Layout, seed: u64) -> IrisTemplate {
        let mut state = seed;
        let mut word = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z ^ z >> 27
        };
        let code = IrisCode::from_columns(layout, (0..layout.columns()).map(|_| word()).collect()).unwrap();
        let mask = match seed % 5 {
            0 => Mask::empty(layout),
            1 => Mask::full(layout),
            _ => Mask::from_columns(layout, (0..layout.columns()).map(|_| word() | word()).collect()).unwrap(),
        };
        IrisTemplate::new(code, mask, ENCODER).unwrap()
    }

    fn file(layout: Layout, entries: u32) -> Vec<u8> {
        let mut writer = GalleryWriter::new(Cursor::new(Vec::new()), layout, ENCODER).unwrap();
        for entry in 0..entries {
            writer.push(EntryId::new(3 * entry), &eye(layout, entry.into())).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn open(bytes: Vec<u8>) -> Result<GalleryFile<Cursor<Vec<u8>>>, GalleryFileError> {
        GalleryFile::new(Cursor::new(bytes))
    }

    /// Puts right checksums over a file that was changed.
    fn signed(mut bytes: Vec<u8>, layout: Layout) -> Vec<u8> {
        let sum = checksum(&bytes[..40], 0);
        bytes[40..48].copy_from_slice(&sum.to_le_bytes());
        for block in bytes[HEADER..].chunks_exact_mut(block_size(layout)) {
            let (content, stored) = block.split_at_mut(block_size(layout) - CHECKSUM);
            stored.copy_from_slice(&checksum(content, seed(layout, ENCODER)).to_le_bytes());
        }
        bytes
    }

    #[test]
    fn entries_come_back_without_their_unusable_bits() {
        for layout in Layout::ALL {
            for entries in [0, 1, 255, 256, 257] {
                let file = open(file(layout, entries)).unwrap();
                assert_eq!((file.len(), file.layout(), file.encoder()), (entries as usize, layout, ENCODER));
                let templates = file.templates(0..usize::MAX).unwrap();
                assert_eq!(templates.len(), entries as usize);
                for (number, (entry, template)) in (0..).zip(templates) {
                    let eye = eye(layout, number);
                    assert_eq!(entry, EntryId::new(3 * number as u32));
                    assert_eq!(template.mask(), eye.mask());
                    let usable = |eye: &IrisTemplate| -> Vec<u64> {
                        eye.code().columns().iter().zip(eye.mask().columns()).map(|(a, b)| a & b).collect()
                    };
                    assert_eq!(usable(&template), usable(&eye));
                }
            }
        }
    }

    #[test]
    fn what_is_read_is_what_was_pushed() {
        for layout in Layout::ALL {
            let mut pushed = Block::new(layout);
            for entry in 0..200 {
                pushed.push(EntryId::new(entry), &eye(layout, entry.into()));
            }
            let mut bytes = Vec::new();
            pushed.encode(&mut bytes);
            let mut read = Block::new(layout);
            read.decode(pushed.names().to_vec(), &bytes).unwrap();
            assert_eq!(read.missing(), pushed.missing());
            assert!(read.cells() == pushed.cells());
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let layout = Layout::Columns200;
        let whole = file(layout, 300);
        let places = (0..HEADER + BLOCK_HEADER).chain((HEADER + BLOCK_HEADER..whole.len()).step_by(9_973));
        for place in places.chain(whole.len() - 9..whole.len()) {
            let mut wrong = whole.clone();
            wrong[place] ^= 1 << (place % 8);
            let refused = open(wrong).and_then(|file| file.templates(0..usize::MAX).map(drop));
            assert!(refused.is_err(), "byte {place}");
            assert_eq!(
                place >= HEADER,
                matches!(refused, Err(GalleryFileError::Damaged { block }) if block == (place - HEADER) / block_size(layout)),
                "byte {place}: {refused:?}"
            );
        }
    }

    #[test]
    fn cut_and_unfinished_files_are_refused() {
        let layout = Layout::Columns200;
        let whole = file(layout, 300);
        for length in [0, 1, HEADER - 1] {
            assert!(matches!(open(whole[..length].to_vec()), Err(GalleryFileError::NotAGallery)));
        }
        for length in [HEADER, HEADER + 1, HEADER + block_size(layout), whole.len() - 1] {
            let refused = open(whole[..length].to_vec());
            assert!(matches!(refused, Err(GalleryFileError::Length { entries: 300, .. })), "{length}");
        }
        let longer = [whole.clone(), vec![0]].concat();
        assert!(matches!(open(longer), Err(GalleryFileError::Length { .. })));
        let mut writer = GalleryWriter::new(Cursor::new(Vec::new()), layout, ENCODER).unwrap();
        for entry in 0..256 {
            writer.push(EntryId::new(entry), &eye(layout, entry.into())).unwrap();
        }
        assert!(matches!(open(writer.writer.into_inner()), Err(GalleryFileError::NotAGallery)), "no header yet");
        // Blocks that changed places.
        let mut mixed = file(layout, 512);
        let size = block_size(layout);
        let (first, second) = mixed[HEADER..].split_at_mut(size);
        first.swap_with_slice(second);
        let refused = open(mixed).unwrap().templates(0..1);
        assert!(matches!(refused, Err(GalleryFileError::Damaged { block: 0 })));
    }

    #[test]
    fn contents_that_cannot_be_are_refused_behind_right_checksums() {
        let layout = Layout::Columns200;
        let cells = HEADER + BLOCK_HEADER;
        let check = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut wrong = file(layout, 10);
            change(&mut wrong);
            open(signed(wrong, layout)).and_then(|file| file.templates(0..10)).unwrap_err()
        };
        assert!(matches!(check(&|file| file[8] = 2), GalleryFileError::Version { found: 2 }));
        assert!(matches!(check(&|file| file[12] = 1), GalleryFileError::Header));
        assert!(matches!(check(&|file| file[16] = 0), GalleryFileError::Kind(TemplateFormatError::NotATemplate)));
        assert!(matches!(check(&|file| file[22] = 7), GalleryFileError::Kind(TemplateFormatError::Columns { .. })));
        assert!(matches!(check(&|file| file[32..40].fill(255)), GalleryFileError::Length { .. }));
        let content = |error, part: &str| {
            assert!(matches!(error, GalleryFileError::Content { block: 0, what } if what.contains(part)), "{error}");
        };
        content(check(&|file| file[HEADER + 8] = 9), "number of entries");
        content(check(&|file| file[HEADER + 16] = 9), "ascend");
        content(check(&|file| file[HEADER + 16 + 4 * 10] = 1), "ascend");
        content(check(&|file| file[cells..cells + 64].fill(255)), "a 0 and a 1");
        content(check(&|file| file[cells + 31] = 128), "does not have");
    }

    #[test]
    fn entries_ascend_and_are_of_one_kind() {
        let layout = Layout::Columns200;
        let mut writer = GalleryWriter::new(Cursor::new(Vec::new()), layout, ENCODER).unwrap();
        writer.push(EntryId::new(4), &eye(layout, 1)).unwrap();
        for entry in [4, 3] {
            let refused = writer.push(EntryId::new(entry), &eye(layout, 2));
            assert!(matches!(refused, Err(GalleryFileError::Order { .. })));
        }
        let refused = writer.push(EntryId::new(5), &eye(Layout::Columns256, 2));
        assert!(matches!(refused, Err(GalleryFileError::Incomparable(_))));
        assert_eq!(open(writer.finish().unwrap().into_inner()).unwrap().len(), 1);
    }

    /// A disk that fails at some block.
    struct Failing(Cursor<Vec<u8>>);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.position() > 600_000 { Err(io::Error::other("bad sector")) } else { self.0.read(buffer) }
        }
    }

    impl Seek for Failing {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_disk_that_fails_is_an_error_and_no_empty_answer() {
        let layout = Layout::Columns200;
        for threads in [1, 2, 5] {
            let file = GalleryFile::new(Failing(Cursor::new(file(layout, 1000)))).unwrap();
            let threads = NonZeroUsize::new(threads).unwrap();
            let probes = [eye(layout, 1)];
            assert!(matches!(
                file.search_batch(&probes, &MatchPolicy::default(), threads),
                Err(GalleryFileError::Io(_))
            ));
            assert!(file.duplicates(0..3, &MatchPolicy::default(), threads).is_err());
        }
    }
}
