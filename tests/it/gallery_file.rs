//! The search in a file against the search in memory.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::num::NonZeroUsize;

use personhood::iris::{EncoderVersion, EyeSide, IrisTemplate, Layout, Mask};
use personhood::matcher::{
    Duplicates, EntryId, Gallery, GalleryFile, GalleryFileError, GalleryWriter, Incomparable, MatchPolicy,
};
use personhood::testing::templates::SyntheticTemplates;
use tempfile::tempdir;

const ENCODER: EncoderVersion = EncoderVersion::Other(2);

/// People, some of them twice, some behind masks that leave little or nothing.
fn crowd(layout: Layout, size: u32) -> Vec<(EntryId, IrisTemplate)> {
    let world = SyntheticTemplates::new(layout, 5).with_encoder(ENCODER);
    let template = |number: u32| {
        let person = u64::from(number % 190);
        let template = if number < 190 {
            world.enrolled(person, EyeSide::Left)
        } else {
            world.recaptured(person, EyeSide::Left, u64::from(number)).template
        };
        let mask = match number % 31 {
            5 => Mask::empty(layout),
            9 => Mask::from_fn(layout, |_, row, _, _| row == 3),
            _ => return template,
        };
        IrisTemplate::new(template.code().clone(), mask, ENCODER).unwrap()
    };
    (0..size).map(|number| (EntryId::new(number * 2 + 7), template(number))).collect()
}

#[test]
fn a_file_answers_as_memory_does() {
    let folder = tempdir().unwrap();
    for layout in Layout::ALL {
        for (size, policy) in [
            (0, MatchPolicy::default()),
            (1, MatchPolicy::OPEN_IRIS),
            (257, MatchPolicy::OPEN_IRIS),
            (450, MatchPolicy::default()),
        ] {
            let crowd = crowd(layout, size);
            let path = folder.path().join(format!("{}-{size}", layout.columns()));
            let mut gallery = Gallery::new(layout, ENCODER);
            let mut writer = GalleryWriter::create(&path, layout, ENCODER).unwrap();
            for (entry, template) in &crowd {
                gallery.insert(*entry, template).unwrap();
                writer.push(*entry, template).unwrap();
            }
            drop(writer.finish().unwrap());
            let (memory, file) = (gallery.snapshot(), GalleryFile::open(&path).unwrap());
            assert_eq!((file.len(), file.is_empty()), (memory.len(), memory.is_empty()));
            assert_eq!(file.templates(0..file.len()).unwrap(), memory.templates(0..memory.len()).collect::<Vec<_>>());
            let mut probes: Vec<IrisTemplate> = crowd.iter().step_by(97).map(|(_, eye)| eye.clone()).collect();
            probes.push(crowd.first().map_or_else(
                || SyntheticTemplates::new(layout, 5).with_encoder(ENCODER).enrolled(1, EyeSide::Left),
                |(_, eye)| eye.mirrored(),
            ));
            let expected = memory.search_batch(&probes, &policy).unwrap();
            for threads in [1, 3] {
                let threads = NonZeroUsize::new(threads).unwrap();
                assert_eq!(file.search_batch(&probes, &policy, threads).unwrap(), expected, "{size}");
            }
            let mut parts = Duplicates::default();
            for first in (0..memory.len()).step_by(300) {
                let part = file.duplicates(first..first + 300, &policy, NonZeroUsize::new(2).unwrap()).unwrap();
                assert_eq!(part, memory.duplicates(first..first + 300, &policy));
                parts.pairs.extend(part.pairs);
                parts.incomparable += part.incomparable;
            }
            assert!(size < 450 || parts.pairs.len() > 100 && parts.incomparable > 100);
            assert_eq!(file.search_batch(&[], &MatchPolicy::default(), NonZeroUsize::MIN).unwrap(), []);
            let other = SyntheticTemplates::new(layout, 5).enrolled(1, EyeSide::Left);
            let refused = file.search_batch(&[other], &MatchPolicy::default(), NonZeroUsize::MIN);
            assert!(matches!(refused, Err(GalleryFileError::Incomparable(Incomparable::Encoder { .. }))));
        }
    }
}

#[test]
fn damage_on_the_disk_is_an_error_for_every_question() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("gallery");
    let layout = Layout::Columns200;
    let crowd = crowd(layout, 600);
    let mut writer = GalleryWriter::create(&path, layout, ENCODER).unwrap();
    for (entry, template) in &crowd {
        writer.push(*entry, template).unwrap();
    }
    drop(writer.finish().unwrap());
    assert!(matches!(GalleryWriter::create(&path, layout, ENCODER), Err(GalleryFileError::Io(_))), "never overwritten");
    let whole = fs::read(&path).unwrap();
    let mut wrong = whole.clone();
    wrong[whole.len() / 2] ^= 16;
    fs::write(&path, &wrong).unwrap();
    let file = GalleryFile::open(&path).unwrap();
    let (probe, policy) = (crowd[0].1.clone(), MatchPolicy::default());
    for threads in [1, 2, 7] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let searched = file.search_batch(core::slice::from_ref(&probe), &policy, threads);
        assert!(matches!(searched, Err(GalleryFileError::Damaged { block: 1 })), "{searched:?}");
        assert!(matches!(file.duplicates(0..2, &policy, threads), Err(GalleryFileError::Damaged { block: 1 })));
    }
    // Behind the damage there is nothing to complain about.
    assert!(file.duplicates(590..600, &policy, NonZeroUsize::MIN).is_ok());
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(GalleryFile::open(&path), Err(GalleryFileError::Length { .. })));
}
