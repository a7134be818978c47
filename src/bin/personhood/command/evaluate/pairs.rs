//! Every comparison as a line of a table.

use std::borrow::Cow;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use personhood::evaluation::Comparisons;

use crate::failure::Failure;
use crate::files;

/// What is written for a pair that cannot be compared: further than any eye is from another, so that a reader who knows
/// nothing of such pairs counts a genuine one as a false non-match, and an impostor as told apart.
const INCOMPARABLE: f32 = 1.0;

/// Writes `path_a,path_b,distance`, a line for each pair (RFC 4180, lines end in LF).
pub(super) fn write<'a>(
    file: &Path,
    comparisons: &Comparisons,
    name: impl Fn(usize) -> &'a str,
) -> Result<(), Failure> {
    let names: Vec<_> = (0..comparisons.samples().len()).map(|sample| quoted(name(sample))).collect();
    files::write_with(file, |file| {
        let mut table = BufWriter::with_capacity(1 << 20, file);
        table.write_all(b"path_a,path_b,distance\n")?;
        for (a, b, distance) in comparisons.pairs() {
            writeln!(table, "{},{},{}", names[a], names[b], distance.unwrap_or(INCOMPARABLE))?;
        }
        table.flush()
    })
}

/// A field as RFC 4180 section 2 has it.
fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must() {
        assert_eq!(quoted("01L/a b.png"), "01L/a b.png");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("a\"b\nc"), "\"a\"\"b\nc\"");
    }
}
