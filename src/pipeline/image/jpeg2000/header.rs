//! What a JPEG 2000 file asks for, read without decoding anything.
//!
//! Clauses, tables and equations are those of ISO/IEC 15444-1.

use super::super::decode::{ImageError, Limits};
use super::super::info::{CODESTREAM_SIGNATURE, JP2_SIGNATURE};
use super::{corrupt, truncated, unsupported};

/// Most tiles of a picture. A picture of the greatest default area in tiles of 128×128 has half as many.
const MAX_TILES: u64 = 4096;
/// Most code-blocks and precincts together. The greatest default area in blocks of 32×32 has 32,768 blocks; a decoder keeps
/// some hundred bytes for each, so that this is about as much memory as the samples of such a picture.
const MAX_PARTS: u64 = 1 << 20;

/// How the components become grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// The first component is grey; a second one is transparency.
    Grey,
    /// Red, green, blue, perhaps transparency.
    Rgb,
    /// The first component is luma (sYCC).
    LumaFirst,
}

/// A picture within its limits.
#[derive(Debug)]
pub(super) struct Header<'a> {
    /// From the start-of-codestream marker on.
    pub(super) codestream: &'a [u8],
    /// Columns.
    pub(super) width: u32,
    /// Rows.
    pub(super) height: u32,
    /// Bits of every sample, 8 to 16.
    pub(super) depth: u8,
    /// Samples of a pixel, 1 to 4.
    pub(super) components: u8,
    /// What the components are.
    pub(super) colour: Colour,
    /// The last tile-part gives no length.
    pub(super) open_ended: bool,
    /// The last bytes are the end-of-codestream marker.
    pub(super) has_its_end: bool,
}

impl<'a> Header<'a> {
    /// Reads the boxes of a JP2 file, if it is one, and every marker segment of its codestream.
    pub(super) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, ImageError> {
        let (codestream, space) =
            if bytes.starts_with(JP2_SIGNATURE) { boxes(bytes)? } else { (bytes, Space::Unknown) };
        if !codestream.starts_with(CODESTREAM_SIGNATURE) {
            return Err(corrupt("its codestream does not begin as one".to_owned()));
        }
        let mut reader = Reader { bytes: codestream, at: 4, file: bytes.len() };
        let size = Size::read(&mut reader, limits)?;
        let colour = match (space, size.components) {
            (Space::Unknown | Space::Grey, 1 | 2) => Colour::Grey,
            (Space::Unknown | Space::Srgb, 3 | 4) => Colour::Rgb,
            (Space::Sycc, 3 | 4) => Colour::LumaFirst,
            (space, components) => {
                return Err(unsupported(format!("{components} components with the colour space {space:?}")));
            }
        };
        let open_ended = segments(&mut reader, &size)?;
        Ok(Self {
            codestream,
            width: size.width,
            height: size.height,
            depth: size.depth,
            components: size.components,
            colour,
            open_ended,
            has_its_end: codestream.ends_with(&[0xff, 0xd9]),
        })
    }
}

/// Type and content of a box of a JP2 file.
type Jp2Box<'a> = ([u8; 4], &'a [u8]);

/// Big-endian numbers, one after the other.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Length of the whole file, for messages.
    file: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ImageError> {
        let end = self.at.checked_add(length).ok_or_else(|| truncated(self.file))?;
        let found = self.bytes.get(self.at..end).ok_or_else(|| truncated(self.file))?;
        self.at = end;
        Ok(found)
    }

    fn number(&mut self, length: usize) -> Result<u64, ImageError> {
        Ok(self.take(length)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn u8(&mut self) -> Result<u8, ImageError> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, ImageError> {
        self.take(2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    fn u32(&mut self) -> Result<u32, ImageError> {
        self.take(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
    }

    /// What follows a length of two bytes that counts itself.
    fn segment(&mut self) -> Result<Reader<'a>, ImageError> {
        let length = usize::from(self.u16()?);
        let length =
            length.checked_sub(2).ok_or_else(|| corrupt("a marker segment is shorter than its length".to_owned()))?;
        Ok(Reader { bytes: self.take(length)?, at: 0, file: self.file })
    }

    /// The next box (I.4): its type and what is in it. `None` at the end.
    fn next_box(&mut self) -> Result<Option<Jp2Box<'a>>, ImageError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let short = self.u32()?;
        let kind = self.take(4)?;
        let kind = [kind[0], kind[1], kind[2], kind[3]];
        let (length, head) = match short {
            0 => return self.take(self.bytes.len() - self.at).map(|rest| Some((kind, rest))),
            1 => (self.number(8)?, 16),
            _ => (u64::from(short), 8),
        };
        let length = length.checked_sub(head).ok_or_else(|| corrupt("a box is shorter than its head".to_owned()))?;
        let length = usize::try_from(length).map_err(|_| truncated(self.file))?;
        self.take(length).map(|content| Some((kind, content)))
    }
}

/// The colour space that a JP2 file names.
#[derive(Clone, Copy, Debug)]
enum Space {
    Unknown,
    Grey,
    Srgb,
    Sycc,
}

/// The codestream of a JP2 file, and its colour space (Annex I).
fn boxes(bytes: &[u8]) -> Result<(&[u8], Space), ImageError> {
    let mut reader = Reader { bytes, at: 0, file: bytes.len() };
    let mut space = None;
    while let Some((kind, content)) = reader.next_box()? {
        match &kind {
            b"jp2h" => space = Some(colour_space(content, bytes.len())?),
            // The first one counts (I.5.4), and the header comes before it.
            b"jp2c" => {
                let space = space.ok_or_else(|| corrupt("its codestream comes before its header".to_owned()))?;
                return Ok((content, space));
            }
            _ => {}
        }
    }
    Err(truncated(bytes.len()))
}

/// What the JP2 header box says of colour (I.5.3).
fn colour_space(header: &[u8], file: usize) -> Result<Space, ImageError> {
    let mut reader = Reader { bytes: header, at: 0, file };
    let mut space = None;
    while let Some((kind, content)) = reader.next_box()? {
        let mut content = Reader { bytes: content, at: 0, file };
        match &kind {
            b"pclr" => return Err(unsupported("it has a palette")),
            // The first colour specification counts (I.5.3.3).
            b"colr" if space.is_none() => {
                let method = content.u8()?;
                let _precedence_and_approximation = content.u16()?;
                space = Some(match method {
                    1 => match content.u32()? {
                        16 => Space::Srgb,
                        17 => Space::Grey,
                        18 => Space::Sycc,
                        other => return Err(unsupported(format!("colour space {other}"))),
                    },
                    // A profile: the number of components says what matters here.
                    _ => Space::Unknown,
                });
            }
            // Channels in another order than grey or red, green, blue (I.5.3.6).
            b"cdef" => {
                for _ in 0..content.u16()? {
                    let (channel, kind, association) = (content.u16()?, content.u16()?, content.u16()?);
                    if kind == 0 && association != 0 && association != channel.saturating_add(1) {
                        return Err(unsupported("its colours are in an unusual order"));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(space.unwrap_or(Space::Unknown))
}

/// The image and tile size segment (A.5.1).
struct Size {
    width: u32,
    height: u32,
    /// Columns and rows of a tile, at most those of the picture.
    tile: [u64; 2],
    tiles: u64,
    components: u8,
    depth: u8,
}

impl Size {
    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, ImageError> {
        let mut segment = reader.segment()?;
        let _capabilities = segment.u16()?;
        let mut pair = || -> Result<[u32; 2], ImageError> { Ok([segment.u32()?, segment.u32()?]) };
        let (end, start, tile, tile_start) = (pair()?, pair()?, pair()?, pair()?);
        let impossible = || corrupt("its size makes no sense".to_owned());
        let side = |axis: usize| end[axis].checked_sub(start[axis]).ok_or_else(impossible);
        let (width, height) = (side(0)?, side(1)?);
        limits.check(width, height)?;

        // Tiles in each direction (equation B-5).
        let count = |axis: usize| -> Result<u64, ImageError> {
            let span = end[axis].checked_sub(tile_start[axis]).ok_or_else(impossible)?;
            if tile[axis] == 0 || tile_start[axis] > start[axis] {
                return Err(impossible());
            }
            Ok(u64::from(span.div_ceil(tile[axis])))
        };
        let tiles = count(0)?.saturating_mul(count(1)?);
        if tiles > MAX_TILES {
            return Err(unsupported(format!("it has {tiles} tiles, at most {MAX_TILES} are read")));
        }

        let components = segment.u16()?;
        let Some(components) = u8::try_from(components).ok().filter(|components| (1..=4).contains(components)) else {
            return Err(unsupported(format!("it has {components} components, 1 to 4 are read")));
        };
        let mut depth = None;
        for _ in 0..components {
            let (precision, columns, rows) = (segment.u8()?, segment.u8()?, segment.u8()?);
            if [columns, rows] != [1, 1] {
                return Err(unsupported("a component has fewer samples than the picture has pixels"));
            }
            if precision & 0x80 != 0 {
                return Err(unsupported("its samples have a sign"));
            }
            let bits = precision + 1;
            if !(8..=16).contains(&bits) || depth.is_some_and(|depth| depth != bits) {
                return Err(unsupported(format!("samples of {bits} bits, 8 to 16 are read and all alike")));
            }
            depth = Some(bits);
        }
        let tile = [u64::from(tile[0].min(width)), u64::from(tile[1].min(height))];
        Ok(Self { width, height, tile, tiles, components, depth: depth.unwrap_or(8) })
    }
}

/// Walks all marker segments behind the first, of the main header and of every tile-part (Annex A), and checks what the
/// coding styles ask for. True if the last tile-part runs to the end.
fn segments(reader: &mut Reader<'_>, size: &Size) -> Result<bool, ImageError> {
    const START_OF_TILE_PART: u16 = 0xff90;
    const START_OF_DATA: u16 = 0xff93;
    const CODING_STYLE: u16 = 0xff52;
    const CODING_STYLE_OF_COMPONENT: u16 = 0xff53;
    const END: u16 = 0xffd9;
    // Where the tile-part that is being read ends, if it is known.
    let mut part_ends = None;
    loop {
        let marker = reader.u16()?;
        match marker {
            START_OF_TILE_PART => {
                let start = reader.at - 2;
                let mut segment = reader.segment()?;
                let _tile = segment.u16()?;
                let length = segment.u32()? as usize;
                part_ends = if length == 0 { None } else { Some(start.saturating_add(length)) };
            }
            START_OF_DATA => match part_ends {
                None => return Ok(true),
                Some(end) if end < reader.at => {
                    return Err(corrupt("a tile-part is shorter than its header".to_owned()));
                }
                Some(end) => {
                    let rest = end - reader.at;
                    reader.take(rest)?;
                }
            },
            END => return Ok(false),
            CODING_STYLE => {
                let mut segment = reader.segment()?;
                let precincts = segment.u8()? & 1 != 0;
                // Progression order, layers, component transformation.
                segment.take(4)?;
                check_style(&mut segment, precincts, size)?;
            }
            CODING_STYLE_OF_COMPONENT => {
                let mut segment = reader.segment()?;
                // With at most four components, the component's number is one byte (A.6.2).
                let _component = segment.u8()?;
                let precincts = segment.u8()? & 1 != 0;
                check_style(&mut segment, precincts, size)?;
            }
            // Reserved markers without a segment (Table A.1).
            0xff30..=0xff3f => {}
            0xff00.. => {
                reader.segment()?;
            }
            other => return Err(corrupt(format!("{other:#06x} stands where a marker should"))),
        }
    }
}

/// Refuses a coding style that cuts the picture into more parts than [`MAX_PARTS`] (Table A.20; B.6, B.7).
///
/// The count is an upper bound: it takes the style for all components and tiles.
fn check_style(segment: &mut Reader<'_>, has_precincts: bool, size: &Size) -> Result<(), ImageError> {
    let levels = segment.u8()?;
    let block = [segment.u8()?, segment.u8()?].map(|exponent| u32::from(exponent & 0xf) + 2);
    let _style_and_transformation = segment.u16()?;
    if levels > 32 {
        return Err(corrupt(format!("{levels} levels of decomposition, the format has at most 32")));
    }
    let mut parts = 0_u64;
    for level in 0..=levels {
        let exponents = if has_precincts { segment.u8()? } else { 0xff };
        let precinct = [u32::from(exponents & 0xf), u32::from(exponents >> 4)];
        // Pieces of 2^exponent along one axis of `samples`, where the first and the last may be cut.
        let along = |samples: u64, exponent: u32| (samples >> exponent) + 2;
        let sides = size.tile.map(|side| side.div_ceil(1_u64 << (levels - level)));
        let precincts = along(sides[0], precinct[0]).saturating_mul(along(sides[1], precinct[1]));
        // Above the lowest resolution there are three bands of half the size, and a precinct covers half as much of each.
        let (bands, halving) = if level == 0 { (1, 0) } else { (3, 1) };
        let blocks =
            [0, 1].map(|axis| along(sides[axis] >> halving, block[axis].min(precinct[axis].saturating_sub(halving))));
        parts =
            parts.saturating_add(precincts).saturating_add(blocks[0].saturating_mul(blocks[1]).saturating_mul(bands));
    }
    let parts = parts.saturating_mul(size.tiles).saturating_mul(u64::from(size.components));
    if parts > MAX_PARTS {
        return Err(unsupported(format!(
            "it is cut into some {parts} code-blocks and precincts, at most {MAX_PARTS} are read; use larger ones"
        )));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A codestream's head: picture and tile of these sizes, and one coding style.
    fn head(size: [u32; 2], tile: [u32; 2], style: &[u8]) -> Vec<u8> {
        let mut bytes = CODESTREAM_SIGNATURE.to_vec();
        bytes.extend([0, 41, 0, 0]);
        for number in [size, [0, 0], tile, [0, 0]].as_flattened() {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend([0, 1, 7, 1, 1]);
        bytes.extend([0xff, 0x52, 0, u8::try_from(style.len() + 2).unwrap()]);
        bytes.extend(style);
        bytes.extend([0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x93, 0xff, 0xd9]);
        bytes
    }

    /// No precincts, one layer, five levels, blocks of 64×64.
    const USUAL: [u8; 10] = [0, 0, 0, 1, 0, 5, 4, 4, 0, 1];

    #[test]
    fn what_cameras_write_is_within_the_limits() {
        let read = |bytes: &[u8]| Header::read(bytes, &Limits::default()).map(|header| (header.width, header.height));
        assert_eq!(read(&head([640, 480], [640, 480], &USUAL)), Ok((640, 480)));
        // The greatest area, in one tile, and in tiles of 128×128.
        assert_eq!(read(&head([8192, 4096], [8192, 4096], &USUAL)), Ok((8192, 4096)));
        assert_eq!(read(&head([8192, 4096], [128, 128], &USUAL)), Ok((8192, 4096)));
        // Precincts that halve with the resolution, as OpenJPEG writes them.
        let precincts = [1, 0, 0, 1, 0, 5, 4, 4, 0, 1, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
        assert_eq!(read(&head([1440, 1080], [1440, 1080], &precincts)), Ok((1440, 1080)));
    }

    #[test]
    fn a_file_of_a_hundred_bytes_cannot_ask_for_gigabytes() {
        let refusal = |bytes: &[u8]| Header::read(bytes, &Limits::default()).unwrap_err().to_string();
        assert!(refusal(&head([100_000, 64], [64, 64], &USUAL)).contains("too large"));
        assert!(refusal(&head([8192, 4096], [1, 1], &USUAL)).contains("33554432 tiles"));
        // Precincts of one sample, and blocks of 4×4.
        let precincts = [1, 0, 0, 1, 0, 1, 4, 4, 0, 1, 0, 0];
        assert!(refusal(&head([8192, 4096], [8192, 4096], &precincts)).contains("code-blocks and precincts"));
        let blocks = [0, 0, 0, 1, 0, 5, 0, 0, 0, 1];
        assert!(refusal(&head([8192, 4096], [8192, 4096], &blocks)).contains("code-blocks and precincts"));
        assert!(Header::read(&head([640, 480], [640, 480], &blocks), &Limits::default()).is_ok());
    }

    #[test]
    fn a_style_in_a_tile_part_counts_too() {
        let mut bytes = head([8192, 4096], [8192, 4096], &USUAL);
        let data = bytes.len() - 4;
        bytes.splice(data..data, [0xff, 0x53, 0, 11, 0, 1, 1, 4, 4, 0, 1, 0, 0]);
        let refusal = Header::read(&bytes, &Limits::default()).unwrap_err();
        assert!(refusal.to_string().contains("code-blocks and precincts"), "{refusal}");
    }
}
