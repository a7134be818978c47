//! The search for a person with two eyes, against a twin that compares every eye of everybody, one pair at a time.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use personhood::iris::{EncoderVersion, EyeSide, IrisCode, IrisTemplate, Layout, Mask, Rotation};
use personhood::matcher::{
    Comparison, EntryId, EyePair, EyeRule, GalleryError, MatchPolicy, PeopleFound, PeopleGallery, PeopleSearch,
    PersonHit, ScoreRule, Sighting, Threshold, compare,
};

type People = BTreeMap<EntryId, [Option<IrisTemplate>; 2]>;

const ENCODER: EncoderVersion = EncoderVersion::Other(9);

struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }

    /// A few eyes that come again and again, as they are or flipped, turned, noisy, and behind masks of every kind; or
    /// somebody's.
    fn eye(&mut self, layout: Layout) -> IrisTemplate {
        let known = self.below(6);
        let mut source = if known < 3 { Self(known) } else { Self(self.word()) };
        let words: Vec<u64> = (0..layout.columns()).map(|_| source.word()).collect();
        // Every sixteenth, every fourth or no bit is flipped.
        let noise = self.below(3);
        let flip = |random: &mut Self| match noise {
            0 => 0,
            1 => random.word() & random.word() & random.word() & random.word(),
            _ => random.word() & random.word(),
        };
        let words = words.into_iter().map(|word| word ^ flip(self)).collect();
        let columns = layout.columns();
        let mask = match self.below(9) {
            0 => Mask::empty(layout),
            1 => Mask::from_fn(layout, |_, _, column, _| column < columns / 2),
            2 => Mask::from_fn(layout, |_, _, column, _| column >= columns / 2),
            3 => Mask::from_fn(layout, |_, row, column, _| (row + column) % 5 == 0),
            4 | 5 => Mask::from_columns(layout, (0..columns).map(|_| self.word() | self.word()).collect()).unwrap(),
            _ => Mask::full(layout),
        };
        let code = IrisCode::from_columns(layout, words).unwrap();
        let eye = IrisTemplate::new(code, mask, ENCODER).unwrap();
        let eye = if self.below(4) == 0 { eye.mirrored() } else { eye };
        eye.rotated(Rotation::new(i16::try_from(self.below(9)).unwrap() - 4))
    }

    fn person(&mut self, layout: Layout) -> [Option<IrisTemplate>; 2] {
        let both = [Some(self.eye(layout)), Some(self.eye(layout))];
        match self.below(5) {
            0 => [both[0].clone(), None],
            1 => [None, both[1].clone()],
            _ => both,
        }
    }

    fn policy(&mut self) -> MatchPolicy {
        MatchPolicy {
            score: [ScoreRule::Fractional, ScoreRule::Normalized][self.below(2) as usize],
            threshold: Threshold::new([345, 370, 100, 480, 1000][self.below(5) as usize], 1000).unwrap(),
            minimum_compared_permille: [0, 125, 125, 300, 600][self.below(5) as usize],
            maximum_rotation: [15, 15, 3, 20][self.below(4) as usize],
            eye_rule: [EyeRule::Either, EyeRule::Both][self.below(2) as usize],
        }
    }
}

fn pair(eyes: &[Option<IrisTemplate>; 2]) -> EyePair<'_> {
    EyePair { left: eyes[0].as_ref(), right: eyes[1].as_ref() }
}

/// Every comparison of everybody, and the definition of a hit written out.
fn twin(people: &People, probe: &[Option<IrisTemplate>; 2], search: &PeopleSearch) -> PeopleFound {
    let sides = [EyeSide::Left, EyeSide::Right];
    let mut found = PeopleFound::default();
    for (&entry, eyes) in people {
        for mirrored in [false, true] {
            let mut sightings = Vec::new();
            let mut straight = Vec::new();
            for crossed in [false, true] {
                let mut pairing = Vec::new();
                for index in 0..2 {
                    let eye = if crossed { 1 - index } else { index };
                    let (Some(probe), Some(enrolled)) = (&probe[index], &eyes[eye]) else { continue };
                    let probe = if mirrored { probe.mirrored() } else { probe.clone() };
                    pairing.push((sides[eye], sides[index], compare(&probe, enrolled, &search.policy)));
                }
                let matches = pairing.iter().any(|(_, _, comparison)| comparison.is_match());
                let differs = pairing.iter().any(|(_, _, comparison)| matches!(comparison, Comparison::NonMatch(_)));
                let same = match search.policy.eye_rule {
                    EyeRule::Either => matches,
                    EyeRule::Both => matches && !differs,
                };
                if same && (!crossed || search.swapped) {
                    sightings.extend(pairing.iter().filter_map(|(eye, probe, comparison)| match comparison {
                        Comparison::Match(alignment) => {
                            Some(Sighting { eye: *eye, probe: *probe, alignment: *alignment })
                        }
                        _ => None,
                    }));
                }
                if !crossed {
                    straight = pairing;
                }
            }
            let score = search.policy.score;
            sightings.sort_by(|a, b| score.order(a.alignment.distance, b.alignment.distance));
            let nothing_compared = !straight.is_empty()
                && straight.iter().all(|(_, _, comparison)| matches!(comparison, Comparison::Incomparable(_)));
            if !mirrored && nothing_compared {
                found.incomparable.push(entry);
            }
            let hits = if mirrored { &mut found.mirrored } else { &mut found.hits };
            if !sightings.is_empty() && (!mirrored || search.mirrored) {
                hits.push(PersonHit { entry, sightings });
            }
        }
    }
    // People are visited by name, and the sort is stable.
    for hits in [&mut found.hits, &mut found.mirrored] {
        let distance = |hit: &PersonHit| hit.sightings[0].alignment.distance;
        hits.sort_by(|a, b| search.policy.score.order(distance(a), distance(b)));
    }
    found
}

fn insert(gallery: &mut PeopleGallery, people: &mut People, entry: EntryId, eyes: [Option<IrisTemplate>; 2]) {
    gallery.insert(entry, pair(&eyes)).unwrap();
    people.insert(entry, eyes);
}

fn check(layout: Layout, size: u32, seed: u64) -> [usize; 3] {
    let mut random = Random(seed << 32);
    let mut gallery = PeopleGallery::new(layout, ENCODER);
    let mut people = People::new();
    for number in 0..size {
        let eyes = random.person(layout);
        insert(&mut gallery, &mut people, EntryId::new(number), eyes);
    }
    let before = gallery.snapshot();
    let people_before = people.clone();
    // Some go, some of those come back as others, and the galleries of both eyes stay in step.
    for number in 0..size {
        if random.below(4) == 0 {
            assert!(gallery.remove(EntryId::new(number)) && people.remove(&EntryId::new(number)).is_some());
            assert!(!gallery.remove(EntryId::new(number)));
            if random.below(2) == 0 {
                let eyes = random.person(layout);
                insert(&mut gallery, &mut people, EntryId::new(number), eyes);
            }
        }
    }
    assert_eq!((gallery.len(), before.len()), (people.len(), size as usize));
    for (index, side) in EyeSide::BOTH.into_iter().enumerate() {
        assert_eq!(gallery.eyes(side), people.values().filter(|eyes| eyes[index].is_some()).count());
    }
    let mut seen = [0; 3];
    let probes: Vec<_> = (0..6).map(|_| random.person(layout)).collect();
    let many = PeopleSearch { policy: random.policy(), swapped: true, mirrored: true };
    let pairs: Vec<_> = probes.iter().map(pair).collect();
    let one_by_one: Vec<_> = pairs.iter().map(|probe| gallery.search(*probe, &many).unwrap()).collect();
    assert_eq!(gallery.search_batch(&pairs, &many).unwrap(), one_by_one, "{layout}, {size}, {seed}, {many:?}");
    #[cfg(feature = "rayon")]
    assert_eq!(gallery.par_search_batch(&pairs, &many).unwrap(), one_by_one);
    assert!(gallery.search_batch(&[], &many).unwrap().is_empty());
    for (round, probe) in probes.into_iter().enumerate() {
        let search = PeopleSearch { policy: random.policy(), swapped: round % 2 == 0, mirrored: round % 3 > 0 };
        let expected = twin(&people, &probe, &search);
        assert_eq!(gallery.search(pair(&probe), &search).unwrap(), expected, "{layout}, {size}, {seed}, {search:?}");
        #[cfg(feature = "rayon")]
        assert_eq!(gallery.par_search(pair(&probe), &search).unwrap(), expected);
        assert_eq!(before.search(pair(&probe), &search).unwrap(), twin(&people_before, &probe, &search));
        seen[0] += expected.hits.len();
        seen[1] += expected.mirrored.len();
        seen[2] += expected.incomparable.len();
    }
    seen
}

#[test]
fn everybody_is_found_as_by_the_twin() {
    for layout in Layout::ALL {
        let mut seen = [0; 3];
        for (seed, size) in [0, 1, 2, 7, 60, 60, 60, 255, 256, 257, 700].into_iter().enumerate() {
            let more = check(layout, size, seed as u64);
            seen = [0, 1, 2].map(|kind| seen[kind] + more[kind]);
        }
        assert!(seen.iter().all(|&count| count > 20), "every kind of answer occurs: {seen:?}");
    }
}

#[test]
fn one_masked_eye_does_not_undo_the_match_of_the_other() {
    let layout = Layout::Columns200;
    let mut random = Random(77);
    let mut eye = || {
        let code = IrisCode::from_columns(layout, (0..200).map(|_| random.word()).collect()).unwrap();
        IrisTemplate::new(code, Mask::full(layout), ENCODER).unwrap()
    };
    let (left, right, stranger) = (eye(), eye(), eye());
    let masked = IrisTemplate::new(right.code().clone(), Mask::empty(layout), ENCODER).unwrap();
    let mut gallery = PeopleGallery::new(layout, ENCODER);
    gallery.insert(EntryId::new(1), EyePair { left: Some(&left), right: Some(&right) }).unwrap();
    let policy = MatchPolicy { eye_rule: EyeRule::Both, ..MatchPolicy::default() };
    let search = PeopleSearch { policy, ..PeopleSearch::default() };
    let people = |left: &IrisTemplate, right: &IrisTemplate| {
        gallery.search(EyePair { left: Some(left), right: Some(right) }, &search).unwrap().hits.len()
    };
    assert_eq!(people(&left, &right), 1);
    assert_eq!(people(&left, &masked), 1, "the right eye says nothing");
    assert_eq!(people(&left, &stranger), 0, "the right eye is another's");
    assert_eq!(people(&stranger, &right), 0, "the left eye is another's, so the right one is not looked at");
}

#[test]
fn a_refused_person_leaves_nothing_behind() {
    let layout = Layout::Columns200;
    let mut random = Random(5);
    let good = random.eye(layout);
    let wrong = Random(6).eye(Layout::Columns256);
    let mut gallery = PeopleGallery::new(layout, ENCODER);
    let refused = gallery.insert(EntryId::new(1), EyePair { left: Some(&good), right: Some(&wrong) });
    assert!(matches!(refused, Err(GalleryError::Incomparable(_))));
    assert!(gallery.is_empty() && gallery.eyes(EyeSide::Left) == 0 && !gallery.contains(EntryId::new(1)));
    gallery.insert(EntryId::new(1), EyePair { left: None, right: Some(&good) }).unwrap();
    let again = gallery.insert(EntryId::new(1), EyePair { left: Some(&good), right: Some(&good) });
    assert_eq!(again, Err(GalleryError::Taken { entry: EntryId::new(1) }));
    assert_eq!((gallery.eyes(EyeSide::Left), gallery.eyes(EyeSide::Right)), (0, 1));
    let search = PeopleSearch::default();
    assert!(gallery.search(EyePair { left: Some(&good), right: Some(&wrong) }, &search).is_err());
    assert_eq!(gallery.search(EyePair::default(), &search).unwrap(), PeopleFound::default());
}
