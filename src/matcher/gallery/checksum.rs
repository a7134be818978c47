//! XXH64, against accidents: bad sectors, cut copies, files that were written halfway.
//!
//! Y. Collet, *XXH64 algorithm description*, version 0.1.1. SHA-256 would be slower than the disk; this is as fast as
//! memory. It is no protection against somebody who can write the file.

const PRIMES: [u64; 5] =
    [0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63, 0x27D4_EB2F_1656_67C5];

pub(super) fn checksum(bytes: &[u8], seed: u64) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let round = |sum: u64, word: u64| sum.wrapping_add(word.wrapping_mul(p2)).rotate_left(31).wrapping_mul(p1);
    let (stripes, rest) = bytes.as_chunks::<32>();
    let mut hash = if stripes.is_empty() {
        seed.wrapping_add(p5)
    } else {
        let mut sums = [seed.wrapping_add(p1).wrapping_add(p2), seed.wrapping_add(p2), seed, seed.wrapping_sub(p1)];
        for stripe in stripes {
            for (sum, word) in sums.iter_mut().zip(stripe.as_chunks::<8>().0) {
                *sum = round(*sum, u64::from_le_bytes(*word));
            }
        }
        let joined = sums[0]
            .rotate_left(1)
            .wrapping_add(sums[1].rotate_left(7))
            .wrapping_add(sums[2].rotate_left(12))
            .wrapping_add(sums[3].rotate_left(18));
        sums.into_iter().fold(joined, |hash, sum| (hash ^ round(0, sum)).wrapping_mul(p1).wrapping_add(p4))
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash = (hash ^ round(0, u64::from_le_bytes(*word))).rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
    }
    let (words, rest) = rest.as_chunks::<4>();
    for word in words {
        let word = u64::from(u32::from_le_bytes(*word));
        hash = (hash ^ word.wrapping_mul(p1)).rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(p2);
    hash = (hash ^ hash >> 29).wrapping_mul(p3);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From python-xxhash 4.1.0: `xxhash.xxh64_intdigest(bytes(range(n)), seed)`.
    #[test]
    fn sums_are_those_of_the_reference() {
        let bytes: Vec<u8> = (0..=255).collect();
        for (length, seed, expected) in VECTORS {
            assert_eq!(checksum(&bytes[..length], seed), expected, "{length}, {seed}");
        }
    }

    const VECTORS: [(usize, u64, u64); 26] = [
        (0, 0, 0xEF46_DB37_51D8_E999),
        (0, 0x9E37_79B9_7F4A_7C15, 0xC434_9FC9_3C01_0000),
        (1, 0, 0xE934_A84A_DB05_2768),
        (1, 0x9E37_79B9_7F4A_7C15, 0x126B_B57A_1236_4AA5),
        (3, 0, 0xE5C7_BB45_33BC_65DD),
        (3, 0x9E37_79B9_7F4A_7C15, 0x67BC_6ED5_F6C6_E4BA),
        (4, 0, 0xFFCE_D860_4453_CC1E),
        (4, 0x9E37_79B9_7F4A_7C15, 0xD898_42CD_31E2_4E54),
        (7, 0, 0x14CC_643F_630C_72D2),
        (7, 0x9E37_79B9_7F4A_7C15, 0xECEC_F5FA_A8A7_490E),
        (8, 0, 0x884A_1736_14B8_1B8D),
        (8, 0x9E37_79B9_7F4A_7C15, 0xD18B_6D7A_5A66_8732),
        (31, 0, 0xC346_D2B5_9B4D_8EE1),
        (31, 0x9E37_79B9_7F4A_7C15, 0xF3DA_6D05_709C_035D),
        (32, 0, 0xCBF5_9C51_16FF_32B4),
        (32, 0x9E37_79B9_7F4A_7C15, 0xA1C8_9217_E9D5_0750),
        (33, 0, 0x0C53_5D1A_CAFB_8EAD),
        (33, 0x9E37_79B9_7F4A_7C15, 0xE6A3_C00C_D6E7_4075),
        (63, 0, 0xE26A_A9E2_A95F_8E4F),
        (63, 0x9E37_79B9_7F4A_7C15, 0x26A0_ACD7_72DE_057E),
        (64, 0, 0xF7C6_7301_DB67_13F0),
        (64, 0x9E37_79B9_7F4A_7C15, 0x2589_245E_62A1_969B),
        (101, 0, 0xE990_3849_5F85_381E),
        (101, 0x9E37_79B9_7F4A_7C15, 0x843D_211D_892E_A64A),
        (255, 0, 0x0F7D_9750_7CAA_D693),
        (255, 0x9E37_79B9_7F4A_7C15, 0x5352_384C_05C2_F45E),
    ];
}
