//! Packets: which code-blocks are there, and their bytes. ITU-T T.800, annex B.10.

use zeroize::Zeroizing;

use super::block::CodeBlock;

/// The code-blocks of one sub-band in one resolution.
pub(super) struct Blocks {
    pub(super) across: usize,
    pub(super) down: usize,
    /// Row after row.
    pub(super) blocks: Vec<CodeBlock>,
    /// The bit-planes that a decoder assumes (T.800, equation E-2).
    pub(super) assumed_planes: u8,
}

/// Appends one packet: a resolution of a picture of one component, one layer, one precinct.
pub(super) fn write(bands: &[Blocks], out: &mut Zeroizing<Vec<u8>>) {
    let mut head = BitWriter::default();
    head.bit(true); // the packet is not empty
    for band in bands {
        let there = band.blocks.iter().map(|block| u32::from(block.planes == 0));
        let missing = band.blocks.iter().map(|block| u32::from(band.assumed_planes - block.planes));
        let mut inclusion = TagTree::new(band.across, band.down, there);
        let mut missing = TagTree::new(band.across, band.down, missing);
        for (index, block) in band.blocks.iter().enumerate() {
            inclusion.write_up_to(index, 1, &mut head);
            if block.planes == 0 {
                continue;
            }
            missing.write_up_to(index, u32::MAX, &mut head);
            write_passes(block.passes(), &mut head);
            // The length takes 3 bits and more for more passes; ones ask for further bits (B.10.7.1).
            let length = block.bytes.len() as u32;
            let given = 3 + block.passes().ilog2();
            let needed = length.checked_ilog2().map_or(1, |bit| bit + 1).max(given);
            (given..needed).for_each(|_| head.bit(true));
            head.bit(false);
            head.bits(length, needed);
        }
    }
    out.extend_from_slice(&head.finish());
    bands.iter().flat_map(|band| &band.blocks).for_each(|block| out.extend_from_slice(&block.bytes));
}

/// The number of coding passes (T.800, table B.4).
fn write_passes(passes: u32, head: &mut BitWriter) {
    match passes {
        1 => head.bits(0, 1),
        2 => head.bits(0b10, 2),
        3..=5 => head.bits(0b1100 + (passes - 3), 4),
        6..=36 => head.bits(0b1111 << 5 | (passes - 6), 9),
        _ => head.bits(0b1_1111_1111 << 7 | (passes - 37), 16),
    }
}

/// A tree of minima over a grid, told from the root as far as is asked (T.800, B.10.2).
struct TagTree {
    /// The leaves, then each level above, up to the root; with the columns of each.
    levels: Vec<(usize, Vec<Node>)>,
}

#[derive(Clone, Copy)]
struct Node {
    value: u32,
    /// The decoder knows that the value is not below this.
    told: u32,
    /// The decoder knows the value.
    known: bool,
}

impl TagTree {
    fn new(across: usize, down: usize, values: impl Iterator<Item = u32>) -> Self {
        let node = |value| Node { value, told: 0, known: false };
        let mut levels = vec![(across, values.map(node).collect::<Vec<_>>())];
        let (mut columns, mut rows) = (across, down);
        while columns * rows > 1 {
            let (half_columns, half_rows) = (columns.div_ceil(2), rows.div_ceil(2));
            let below = &levels[levels.len() - 1].1;
            let mut above = vec![node(u32::MAX); half_columns * half_rows];
            for (index, child) in below.iter().enumerate() {
                let parent = &mut above[index / columns / 2 * half_columns + index % columns / 2];
                parent.value = parent.value.min(child.value);
            }
            levels.push((half_columns, above));
            (columns, rows) = (half_columns, half_rows);
        }
        Self { levels }
    }

    /// Tells whether the value of a leaf is below `limit`, and the value if it is.
    fn write_up_to(&mut self, leaf: usize, limit: u32, head: &mut BitWriter) {
        let columns = self.levels[0].0;
        let (x, y) = (leaf % columns, leaf / columns);
        let mut told = 0;
        for (level, (columns, nodes)) in self.levels.iter_mut().enumerate().rev() {
            let node = &mut nodes[(y >> level) * *columns + (x >> level)];
            told = told.max(node.told);
            while told < limit && !node.known {
                node.known = told >= node.value;
                head.bit(node.known);
                told += u32::from(!node.known);
            }
            node.told = told.min(node.value);
            told = node.told;
        }
    }
}

/// Bits, the most significant first; after a byte 0xff comes a zero bit (T.800, B.10.1).
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    current: u8,
    filled: u8,
}

impl BitWriter {
    fn bit(&mut self, bit: bool) {
        self.current = self.current << 1 | u8::from(bit);
        self.filled += 1;
        if self.filled == 8 {
            self.bytes.push(self.current);
            // The next byte begins with the stuffed bit.
            self.filled = u8::from(self.current == 0xff);
            self.current = 0;
        }
    }

    fn bits(&mut self, value: u32, count: u32) {
        (0..count).rev().for_each(|bit| self.bit(value >> bit & 1 == 1));
    }

    /// Fills the last byte with zeros; a head does not end with 0xff.
    fn finish(mut self) -> Vec<u8> {
        while self.filled != 0 {
            self.bit(false);
        }
        self.bytes
    }
}
