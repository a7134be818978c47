//! Gallery files: a good one with some bytes changed, cut or appended is refused, or is what a writer would write.
#![no_main]

use std::io::Cursor;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
use personhood::matcher::{EntryId, GalleryFile, GalleryWriter};
use twox_hash::XxHash64;

// The first byte: 1 for right checksums behind the changes, 2 for a byte less, 4 for one more, 8 for a file without entries.
// Then edits of five bytes: an offset, of which all but one in four are folded into names and header, and what is flipped there.
fuzz_target!(|bytes: &[u8]| {
    static GOOD: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let Some((&flags, edits)) = bytes.split_first() else { return };
    let mut file = GOOD.get_or_init(|| [written(&eyes()), written(&[])])[usize::from(flags >> 3 & 1)].clone();
    for edit in edits.as_chunks::<5>().0 {
        let place = u32::from_le_bytes([edit[0], edit[1], edit[2], edit[3]]) as usize;
        let within = if place % 4 == 0 { file.len() } else { file.len().min(1_088 + 48) };
        file[place / 4 % within] ^= edit[4];
    }
    if flags & 1 != 0 {
        repair(&mut file);
    }
    file.truncate(file.len() - usize::from(flags >> 1 & 1));
    file.resize(file.len() + usize::from(flags >> 2 & 1), 0);
    let Ok(gallery) = GalleryFile::new(Cursor::new(&file)) else { return };
    let Ok(entries) = gallery.templates(0..gallery.len()) else { return };
    assert_eq!(entries.len(), gallery.len());
    let mut writer = GalleryWriter::new(Cursor::new(Vec::new()), gallery.layout(), gallery.encoder()).expect("memory");
    entries.iter().for_each(|(name, eye)| writer.push(*name, eye).expect("in ascending order"));
    assert!(writer.finish().expect("memory").into_inner() == file);
});

fn eyes() -> Vec<IrisTemplate> {
    let layout = Layout::Columns200;
    let code = |seed: usize| IrisCode::from_fn(layout, |w, r, c, p| (seed * (r + 1) * (c + 1) + w + p) % 13 < 6);
    let mask = Mask::from_fn(layout, |_, row, column, _| column > 9 * row);
    (1..4).map(|n| IrisTemplate::new(code(n), mask.clone(), EncoderVersion::Other(1)).expect("one layout")).collect()
}

fn written(eyes: &[IrisTemplate]) -> Vec<u8> {
    let kind = (Layout::Columns200, EncoderVersion::Other(1));
    let mut writer = GalleryWriter::new(Cursor::new(Vec::new()), kind.0, kind.1).expect("memory");
    for (number, eye) in (7..).zip(eyes) {
        writer.push(EntryId::new(number), eye).expect("in ascending order");
    }
    writer.finish().expect("memory").into_inner()
}

/// Puts the right checksums at the ends of header and block.
fn repair(file: &mut [u8]) {
    let (header, block) = file.split_at_mut(48);
    let seed = XxHash64::oneshot(0, &header[..32]);
    let sum = XxHash64::oneshot(0, &header[..40]);
    header[40..].copy_from_slice(&sum.to_le_bytes());
    if let Some((content, stored)) = block.split_last_chunk_mut::<8>() {
        *stored = XxHash64::oneshot(seed, content).to_le_bytes();
    }
}
