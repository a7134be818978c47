//! A lossless encoder of JPEG 2000: ITU-T T.800 (ISO/IEC 15444-1), for one grey component.
//!
//! Records of irises carry JPEG 2000 or PNG, and JPEG 2000 is the smaller of the two (by a twentieth to a seventh on synthetic
//! eyes). What is written is the plainest file of the standard: one tile, one layer, the reversible 5/3 wavelet, code-blocks of
//! 64×64, in the boxes of JP2. Reading is in [`crate::pipeline::image`], by a library; for writing there was none that is safe
//! Rust and writes to memory.
//!
//! ```text
//! grey levels ─wavelet─▶ sub-bands ─block─▶ bit-planes ─arithmetic─▶ bytes of code-blocks ─packet─▶ codestream ─▶ boxes
//! ```

mod arithmetic;
mod block;
mod packet;
mod wavelet;

use zeroize::Zeroizing;

use crate::pipeline::image::EyeImage;
use block::{Band, SIDE};
use packet::Blocks;

/// The longest side that is written: beyond it a resolution would take several precincts.
pub const MAXIMUM_SIDE: usize = 1 << 15;

/// The usual number of levels of the wavelet.
const LEVELS: usize = 5;
/// Bits of a grey level.
const DEPTH: u8 = 8;

/// The picture as a JP2 file of 8 bits, from which every decoder of JPEG 2000 reads exactly these grey levels.
///
/// Nothing for a picture without pixels, or with a side of more than [`MAXIMUM_SIDE`]. The same picture gives the same bytes.
#[must_use]
pub fn encode(picture: &EyeImage) -> Option<Zeroizing<Vec<u8>>> {
    encode_grey(picture.as_slice(), picture.width(), picture.height())
}

fn encode_grey(grey: &[u8], width: usize, height: usize) -> Option<Zeroizing<Vec<u8>>> {
    let side = |side: usize| (1..=MAXIMUM_SIDE).contains(&side).then_some(side as u32);
    let (columns, rows) = (side(width)?, side(height)?);
    let codestream = codestream(grey, width, height);

    let mut header =
        content_box(b"ihdr", &[&rows.to_be_bytes()[..], &columns.to_be_bytes(), &[0, 1, DEPTH - 1, 7, 0, 0]].concat());
    // Method 1: an enumerated colour space; 17 is grey.
    header.extend_from_slice(&content_box(b"colr", &[1, 0, 0, 0, 0, 0, 17]));
    let mut file = Zeroizing::new(Vec::with_capacity(codestream.len() + 128));
    file.extend_from_slice(&content_box(b"jP  ", b"\r\n\x87\n"));
    file.extend_from_slice(&content_box(b"ftyp", b"jp2 \0\0\0\0jp2 "));
    file.extend_from_slice(&content_box(b"jp2h", &header));
    // The length of this box says 0, "to the end of the file".
    file.extend_from_slice(b"\0\0\0\0jp2c");
    file.extend_from_slice(&codestream);
    Some(file)
}

/// A box of a JP2 file (T.800, annex I.4).
fn content_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = content.len() as u32 + 8;
    [&length.to_be_bytes()[..], kind, content].concat()
}

/// Sub-bands of a resolution: what each holds, and its place and size in the transformed picture.
fn bands(width: usize, height: usize, levels: usize, resolution: usize) -> Vec<(Band, [usize; 4])> {
    let halved = |side: usize, times: usize| side.div_ceil(1 << times);
    let below = levels - resolution;
    let (w, h) = (halved(width, below), halved(height, below));
    if resolution == 0 {
        return vec![(Band::Ll, [0, 0, w, h])];
    }
    let (low, top) = (w.div_ceil(2), h.div_ceil(2));
    vec![
        (Band::Hl, [low, 0, w - low, top]),
        (Band::Lh, [0, top, low, h - top]),
        (Band::Hh, [low, top, w - low, h - top]),
    ]
}

fn codestream(grey: &[u8], width: usize, height: usize) -> Zeroizing<Vec<u8>> {
    let levels = LEVELS.min(width.min(height).ilog2() as usize);
    let shift = 1 << (DEPTH - 1);
    let mut samples = Zeroizing::new(grey.iter().map(|level| i32::from(*level) - shift).collect::<Vec<i32>>());
    wavelet::forward(&mut samples, width, height, levels);

    let mut resolutions: Vec<Vec<(Band, Blocks)>> = (0..=levels)
        .map(|resolution| {
            let bands = bands(width, height, levels, resolution).into_iter();
            bands.map(|(band, place)| (band, blocks(&samples, width, band, place))).collect()
        })
        .collect();
    // The nominal range of a band is its gain above the samples'; guard bits are for what goes beyond (E-2).
    let all = || resolutions.iter().flatten();
    let excess = all().flat_map(|(band, blocks)| {
        blocks.blocks.iter().map(|block| (block.planes + 1).saturating_sub(DEPTH + band.gain()))
    });
    let guard = excess.max().unwrap_or(0).max(1);
    for (band, blocks) in resolutions.iter_mut().flatten() {
        blocks.assumed_planes = guard + DEPTH + band.gain() - 1;
    }

    let bytes: usize =
        resolutions.iter().flatten().flat_map(|(_, blocks)| &blocks.blocks).map(|block| block.bytes.len() + 16).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(bytes + 256));
    out.extend_from_slice(&[0xff, 0x4f]); // SOC
    let (columns, rows) = ((width as u32).to_be_bytes(), (height as u32).to_be_bytes());
    let zero = [0; 8];
    // Capabilities, picture, its origin, tile, its origin, one component of eight bits at full resolution.
    let size = [&[0, 0][..], &columns, &rows, &zero, &columns, &rows, &zero, &[0, 1, DEPTH - 1, 1, 1]].concat();
    marker(&mut out, 0x51, &size);
    // No precincts, no markers in packets; layer-resolution order, one layer, no colour transform; code-blocks of 2^(4+2); 5/3.
    marker(&mut out, 0x52, &[0, 0, 0, 1, 0, levels as u8, 4, 4, 0, 1]);
    let exponents = resolutions.iter().flatten().map(|(band, _)| (DEPTH + band.gain()) << 3);
    marker(&mut out, 0x5c, &core::iter::once(guard << 5).chain(exponents).collect::<Vec<_>>());

    let tile = out.len();
    // Tile 0, its length (below), part 0 of 1.
    marker(&mut out, 0x90, &[0, 0, 0, 0, 0, 0, 0, 1]);
    out.extend_from_slice(&[0xff, 0x93]); // SOD
    for resolution in resolutions {
        packet::write(&resolution.into_iter().map(|(_, blocks)| blocks).collect::<Vec<_>>(), &mut out);
    }
    let length = (out.len() - tile) as u32;
    out[tile + 6..tile + 10].copy_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&[0xff, 0xd9]); // EOC
    out
}

/// A marker segment (T.800, annex A): its length counts itself.
fn marker(out: &mut Vec<u8>, code: u8, content: &[u8]) {
    let length = content.len() as u16 + 2;
    out.extend_from_slice(&[0xff, code]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
}

/// The code-blocks of a sub-band that lies at `[left, top, columns, rows]`.
fn blocks(samples: &[i32], width: usize, band: Band, [left, top, columns, rows]: [usize; 4]) -> Blocks {
    let (across, down) = (columns.div_ceil(SIDE), rows.div_ceil(SIDE));
    let block = |index: usize| {
        let (x, y) = (index % across * SIDE, index / across * SIDE);
        let place = (top + y) * width + left + x;
        block::encode(band, SIDE.min(columns - x), SIDE.min(rows - y), |x, y| samples[place + y * width + x])
    };
    Blocks { across, down, blocks: (0..across * down).map(block).collect(), assumed_planes: 0 }
}
