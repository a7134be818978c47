//! The floors of the house, held by reading the source.
//!
//! CONTRIBUTING.md draws the floors. This test reads every file under `src/` as tokens, finds each path that starts at
//! the crate's root (`crate::…`, `personhood::…` in the program, and `super::` chains that climb out of their room), and
//! refuses a path that does not point down. It also keeps `unsafe` inside `matcher/kernel`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room and its floor. A new room is a new line here, decided in the open.
const FLOORS: &[(&str, u8)] = &[
    ("bytes", 0),
    ("scalar", 0),
    ("iris", 0),
    ("presentation", 0),
    ("poseidon", 1),
    ("identity", 1),
    ("nullifier", 1),
    ("signal", 1),
    ("tree", 1),
    ("matcher", 2),
    ("membership", 2),
    ("vault", 2),
    ("envelope", 3),
    ("evaluation", 3),
    ("log", 3),
    ("pipeline", 3),
    ("store", 3),
    // Records of pictures: stands on the decoders of `pipeline`.
    ("interchange", 4),
    ("registry", 4),
    ("request", 4),
    ("verify", 4),
    ("serve", 5),
    ("bin", 5),
    ("wasm", 5),
    // Beside the house: `error` gathers every room's errors for programs, `testing` makes inputs for all of them. Both
    // may look at every room of the library, and no room looks at them.
    ("error", 5),
    ("testing", 5),
];

/// Rooms that may look at a neighbour on their own floor.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("tree", "poseidon"),
    ("identity", "poseidon"),
    ("nullifier", "poseidon"),
    // A nullifier is of an identity, the tree is of leaves, and the text form of a scalar is its bytes.
    ("nullifier", "identity"),
    ("tree", "identity"),
    ("scalar", "bytes"),
    // An edge hands on every failure under its stable code, which the wide error knows.
    ("wasm", "error"),
];

/// Downward imports that are forbidden all the same, with the reason.
const BLIND: &[(&[&str], &[&str], &str)] = &[
    (
        &["envelope", "membership", "poseidon", "identity", "nullifier", "signal", "tree"],
        &["iris", "matcher", "pipeline", "store"],
        "a proof is about a commitment, never about an eye",
    ),
    (
        &["matcher", "pipeline"],
        &["poseidon", "identity", "nullifier", "signal", "tree", "membership"],
        "an eye is compared without knowing who proves what with it",
    ),
    (
        &["log"],
        &["iris", "matcher", "pipeline", "store", "identity", "nullifier"],
        "an entry is about the registry, never about a person",
    ),
    (
        &["vault"],
        &["poseidon", "identity", "nullifier", "signal", "tree", "membership"],
        "a template is sealed without knowing who proves what with it",
    ),
    (&["verify"], &["pipeline", "store", "iris", "matcher"], "a relying party compiles floors 0 to 2 and no eyes"),
];

/// The files of `membership` that may know what is proved. All others are a proof system over rows of scalars.
const KNOWS_THE_STATEMENT: &[&str] = &[
    "membership.rs",
    "membership/statement.rs",
    "membership/witness.rs",
    "membership/relation.rs",
    "membership/relation/linear.rs",
    "membership/tests/forgery.rs",
    "membership/tests/oracle.rs",
    "membership/tests/vectors.rs",
];

/// What the other files of `membership` must not know.
const NOUNS: &[&str] = &["poseidon", "identity", "nullifier", "signal", "tree"];

/// Where `unsafe` may stand.
fn may_be_unsafe(file: &str) -> bool {
    file == "matcher/kernel.rs" || file.starts_with("matcher/kernel/")
}

/// Breaches of one file; `file` is its path below `src/`, with forward slashes.
fn breaches(file: &str, source: &str) -> Vec<String> {
    let tokens = without_tests(&tokens(source)).0;
    let room = room_of(file);
    let mut found = BTreeSet::new();
    if tokens.iter().any(|token| token == "unsafe") && !may_be_unsafe(file) {
        found.insert(format!("{file}: `unsafe` belongs in matcher/kernel"));
    }
    if room == "lib" {
        return found.into_iter().collect();
    }
    let Some(floor) = floor_of(room) else {
        found.insert(format!("{file}: the room `{room}` has no floor, add it to the table in tests/it/floors.rs"));
        return found.into_iter().collect();
    };
    for target in imports(file, &tokens) {
        let target = match target {
            Import::Room(target) => target,
            Import::Climbs => {
                found.insert(format!("{file}: a `super::` path climbs to the crate's root, write `crate::`"));
                continue;
            }
        };
        if target == room {
            continue;
        }
        let Some(target_floor) = floor_of(&target) else {
            found.insert(format!(
                "{file}: `crate::{target}` is no room; name the room it lives in, so that the floor shows"
            ));
            continue;
        };
        let beside = matches!(room, "error" | "testing") && !matches!(target.as_str(), "error" | "testing" | "bin");
        let downwards = target_floor < floor || beside || NEIGHBOURS.contains(&(room, target.as_str()));
        // The program stands on the whole library, the rooms beside the house included.
        if !downwards && room != "bin" {
            found.insert(format!("{file}: floor {floor} looks at `{target}` on floor {target_floor}"));
        }
        for (rooms, hidden, reason) in BLIND {
            if rooms.contains(&room) && hidden.contains(&target.as_str()) {
                found.insert(format!("{file}: `{room}` must not know `{target}`: {reason}"));
            }
        }
        if room == "membership" && !KNOWS_THE_STATEMENT.contains(&file) && NOUNS.contains(&target.as_str()) {
            found.insert(format!("{file}: only the relation joins the proof system to `{target}`"));
        }
    }
    found.into_iter().collect()
}

fn room_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

#[derive(Debug, PartialEq)]
enum Import {
    Room(String),
    Climbs,
}

/// Every path in `tokens` that starts at the crate's root, by the room it enters.
fn imports(file: &str, tokens: &[String]) -> Vec<Import> {
    let root = if file.starts_with("bin/") { "personhood" } else { "crate" };
    // Modules above this file: `tree/path.rs` is crate → tree → path, so two `super` reach the root.
    let depth = file.trim_end_matches(".rs").split('/').count();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts = at == 0 || tokens[at - 1] != "::" || at == 1;
        if tokens[at] == root && starts && tokens.get(at + 1).is_some_and(|next| next == "::") {
            found.extend(first_names(&tokens[at + 2..]).into_iter().map(Import::Room));
        }
        if tokens[at] == "super" && starts {
            let climbs = tokens[at..].chunks(2).take_while(|pair| pair[0] == "super").count();
            if climbs >= depth && !file.starts_with("bin/") {
                found.push(Import::Climbs);
            }
        }
        at += 1;
    }
    found
}

/// The first name of a path, or of each path in a `{…}` group.
fn first_names(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|token| token != "{") {
        return tokens.first().cloned().into_iter().collect();
    }
    let (mut names, mut depth, mut expected) = (Vec::new(), 0, true);
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            "," if depth == 1 => expected = true,
            name if depth == 1 && expected => {
                names.push(name.to_owned());
                expected = false;
            }
            _ => {}
        }
    }
    names
}

/// Identifiers, `::` and single punctuation marks; comments, strings and characters are left out.
fn tokens(source: &str) -> Vec<String> {
    let bytes = source.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        match bytes[at] {
            b'/' if rest.starts_with(b"//") => at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => at += block_comment(rest),
            b'r' | b'b' | b'c' if raw_string(rest).is_some() => at += raw_string(rest).unwrap(),
            b'"' => at += quoted(rest),
            b'\'' => at += character_or_lifetime(rest),
            byte if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => {
                let length = rest
                    .iter()
                    .position(|&b| !(b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80))
                    .unwrap_or(rest.len());
                tokens.push(String::from_utf8_lossy(&rest[..length]).into_owned());
                at += length;
            }
            b':' if rest.starts_with(b"::") => {
                tokens.push("::".to_owned());
                at += 2;
            }
            byte => {
                if !byte.is_ascii_whitespace() {
                    tokens.push(char::from(byte).to_string());
                }
                at += 1;
            }
        }
    }
    tokens
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Length of `r"…"`, `r#"…"#`, `br"…"`, … at the start of `rest`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = rest.iter().take(2).take_while(|b| matches!(b, b'r' | b'b' | b'c')).count();
    if !rest[..prefix].contains(&b'r') {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|&&b| b == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return None;
    }
    let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = prefix + hashes + 1;
    let length = rest[body..].windows(end.len()).position(|window| window == end)?;
    Some(body + length + end.len())
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn character_or_lifetime(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|&b| b == b'\'').map_or(rest.len(), |end| end + 4);
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)]).unwrap_or_else(|error| {
        std::str::from_utf8(&rest[1..=error.valid_up_to()]).expect("cut at a character's border")
    });
    let mut characters = text.chars();
    let width = characters.next().map_or(0, char::len_utf8);
    // 'x' is a character, 'x without a closing quote is a lifetime.
    if characters.next() == Some('\'') { width + 2 } else { 1 }
}

/// The tokens without items under `#[cfg(test)]`, and the names of the out-of-line test modules.
fn without_tests(tokens: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let window: Vec<&str> = tokens[at..].iter().take(7).map(String::as_str).collect();
        let test_only = matches!(window.as_slice(), ["#", "[", "cfg", "(", "test", ")", ..])
            || matches!(window.as_slice(), ["#", "[", "cfg", "(", "all", "(", "test", ..]);
        if !test_only {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let start = at;
        let (mut depth, mut opened) = (0_usize, false);
        // The attribute itself, then the item: it ends with its first `;` or with the brace that closes it.
        while at < tokens.len() {
            match tokens[at].as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            opened |= tokens[at] == "{";
            at += 1;
            if depth == 0 && (tokens[at - 1] == ";" || (opened && tokens[at - 1] == "}")) {
                // `use a::{b};` goes on to its semicolon.
                if tokens.get(at).is_some_and(|next| next == ";") {
                    at += 1;
                }
                break;
            }
        }
        let item = &tokens[start..at];
        if let [.., keyword, name, end] = item
            && keyword == "mod"
            && end == ";"
        {
            modules.push(name.clone());
        }
    }
    (kept, modules)
}

fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_point_down_and_unsafe_stays_in_the_kernel() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&source, &mut files);
    files.sort();
    assert!(files.len() > 15, "only {} files found under {}", files.len(), source.display());

    let mut texts = Vec::new();
    let mut only_for_tests = BTreeSet::new();
    for path in files {
        let file = path.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        for module in without_tests(&tokens(&text)).1 {
            only_for_tests.insert(format!("{}/{module}.rs", file.trim_end_matches(".rs")));
        }
        texts.push((file, text));
    }
    let found: Vec<String> = texts
        .iter()
        .filter(|(file, _)| !only_for_tests.contains(file))
        .flat_map(|(file, text)| breaches(file, text))
        .collect();
    assert!(found.is_empty(), "the floors do not hold:\n{}", found.join("\n"));
}

/// The test of the test: each planted breach is found, for its own reason.
#[test]
fn planted_breaches_are_found() {
    let planted = [
        ("iris/code.rs", "use crate::matcher::Gallery;", "floor 0 looks at `matcher` on floor 2"),
        ("iris.rs", "use crate::{bytes::Reader, registry::Registry};", "floor 0 looks at `registry` on floor 4"),
        ("tree/path.rs", "fn f() { let x = crate::signal::Signal::new(b\"\"); }", "looks at `signal` on floor 1"),
        ("tree/path.rs", "use super::super::signal::Signal;", "climbs to the crate's root"),
        ("tree.rs", "use super::signal::Signal;", "climbs to the crate's root"),
        ("poseidon.rs", "use crate::tree::Tree;", "floor 1 looks at `tree` on floor 1"),
        ("registry.rs", "use crate::verify::Verifier;", "floor 4 looks at `verify` on floor 4"),
        ("verify.rs", "use crate::store::SqliteStore;", "`verify` must not know `store`"),
        ("membership/relation.rs", "use crate::iris::IrisCode;", "never about an eye"),
        ("membership/sumcheck.rs", "use crate::poseidon::permute;", "only the relation joins"),
        ("membership/inner_product.rs", "use crate::tree::MerklePath;", "only the relation joins"),
        ("matcher/gallery.rs", "use crate::identity::IdentitySecret;", "`matcher` must not know `identity`"),
        ("matcher/gallery.rs", "fn f() { unsafe { g() } }", "`unsafe` belongs in matcher/kernel"),
        ("matcher/search.rs", "use crate::IrisTemplate;", "`crate::IrisTemplate` is no room"),
        ("scalar.rs", "#[cfg(not(test))] use crate::tree::Tree;", "looks at `tree`"),
        ("scalar.rs", "#[cfg(any(test, feature = \"x\"))] use crate::tree::Tree;", "looks at `tree`"),
        ("scalar.rs", "#[cfg(test)] mod tests { } use crate::tree::Tree;", "looks at `tree`"),
        ("scalar.rs", "fn f<'a>(x: &'a u8) -> char { '\"' } use crate::tree::Tree;", "looks at `tree`"),
        ("scalar.rs", "const A: &str = r#\"\"\"#; use crate::tree::Tree;", "looks at `tree`"),
        ("store.rs", "use crate::error::Error;", "floor 3 looks at `error`"),
        ("attic.rs", "", "the room `attic` has no floor"),
    ];
    for (file, source, expected) in planted {
        let found = breaches(file, source);
        assert!(found.iter().any(|breach| breach.contains(expected)), "{file}: {source}: found {found:?}");
    }
}

#[test]
fn sound_imports_are_left_alone() {
    let sound = [
        ("tree/path.rs", "use crate::poseidon::hash; use super::Tree; use crate::scalar::Scalar;"),
        ("registry/enrol.rs", "use crate::{iris::{EyeSide, Layout}, store::Store, matcher};"),
        ("membership/relation.rs", "use crate::poseidon::permute; use super::field;"),
        ("membership/sumcheck.rs", "use crate::scalar::Scalar; pub(in crate::membership) fn f() {}"),
        ("matcher/kernel/x86_64.rs", "fn f() { unsafe { g() } }"),
        ("iris.rs", "//! use crate::registry::Registry;\n/* unsafe */ const A: &str = \"use crate::tree::T; unsafe\";"),
        ("iris.rs", "#[cfg(test)] mod tests { use crate::testing::eyes; fn f() { if true { } } }"),
        ("iris.rs", "#[cfg(test)] use crate::testing::{eyes}; fn f() {}"),
        ("bin/personhood/command/demo.rs", "use personhood::{registry::Registry, testing::eyes}; use crate::args;"),
        ("testing/eyes.rs", "use crate::pipeline::image::EyeImage; use crate::identity::Leaf;"),
    ];
    for (file, source) in sound {
        assert_eq!(breaches(file, source), Vec::<String>::new(), "{file}: {source}");
    }
}
