#!/usr/bin/env python3
"""Independent reference of the suite PoP-R255-P9-v1, for test vectors. Python 3 alone, no packages.

Written from the Poseidon paper (Grassi, Khovratovich, Rechberger, Roy, Schofnegger, USENIX Security
2021, appendix E for the Grain generator) and from its authors' parameter script; it shares no code
with the crate, uses plain integers and the dense form of the permutation.

    python3 testdata/poseidon/reference.py            compare every file with what is computed
    python3 testdata/poseidon/reference.py --write    write the files

Files: src/poseidon/tables.rs (the tables that the crate compiles in; its tests regenerate them a
second time), testdata/poseidon/vectors.json (known answers).
"""

import hashlib
import json
import pathlib
import random
import sys

L = 2**252 + 27742317777372353535851937790883648493
BITS = 253
T, R_F, R_P = 9, 8, 60
ARITY, DEPTH = 8, 10
SUITE = b"PoP-R255-P9-v1"
IDENTITY, NODE, NULLIFIER, LEAF = 1, 2, 3, 4


# --- Grain LFSR: 80 bits, self-shrinking ------------------------------------------------------


class Grain:
    """Bits of the generator for x^alpha (sbox 0) over a prime field (field 1)."""

    def __init__(self, bits, t, r_f, r_p, field=1, sbox=0):
        seed = f"{field:02b}{sbox:04b}{bits:012b}{t:012b}{r_f:010b}{r_p:010b}" + "1" * 30
        self.state = [int(bit) for bit in seed]
        assert len(self.state) == 80
        for _ in range(160):
            self.step()

    def step(self):
        s = self.state
        new = s[62] ^ s[51] ^ s[38] ^ s[23] ^ s[13] ^ s[0]
        self.state = s[1:] + [new]
        return new

    def bit(self):
        while True:
            keep, value = self.step(), self.step()
            if keep:
                return value

    def integer(self, bits):
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value


def generate(prime, bits, t, r_f, r_p):
    """Round constants (rejection sampling) and Cauchy matrix (reduced), from one stream."""
    grain = Grain(bits, t, r_f, r_p)
    constants = []
    while len(constants) < t * (r_f + r_p):
        value = grain.integer(bits)
        if value < prime:
            constants.append(value)
    while True:
        sample = [grain.integer(bits) % prime for _ in range(2 * t)]
        if len(set(sample)) < 2 * t:
            continue
        xs, ys = sample[:t], sample[t:]
        if any((x + y) % prime == 0 for x in xs for y in ys):
            continue
        matrix = [[pow(x + y, -1, prime) for y in ys] for x in xs]
        if matrix_is_secure(matrix, prime):
            break
        print("matrix refused, next one", file=sys.stderr)
    rounds = [constants[r * t : (r + 1) * t] for r in range(r_f + r_p)]
    return rounds, matrix


# --- Linear algebra for the checks of the matrix ----------------------------------------------


def mat_mul(a, b, p):
    return [[sum(x * y for x, y in zip(row, column)) % p for column in zip(*b)] for row in a]


def mat_vec(m, v, p):
    return [sum(x * y for x, y in zip(row, v)) % p for row in m]


def echelon(rows, p):
    """Reduced row echelon form without zero rows: the canonical basis of the row space."""
    rows, basis, column = [row[:] for row in rows], [], 0
    width = len(rows[0]) if rows else 0
    while rows and column < width:
        pivot = next((row for row in rows if row[column] % p), None)
        if pivot is None:
            column += 1
            continue
        rows.remove(pivot)
        scale = pow(pivot[column], -1, p)
        pivot = [x * scale % p for x in pivot]
        clear = lambda row: [(x - row[column] * y) % p for x, y in zip(row, pivot)]
        rows = [clear(row) for row in rows]
        basis = [clear(row) for row in basis] + [pivot]
        column += 1
    return basis


def kernel(rows, width, p):
    """Basis of the vectors that every row maps to zero."""
    basis = echelon(rows, p) if rows else []
    pivots = [next(i for i, x in enumerate(row) if x) for row in basis]
    vectors = []
    for free in (i for i in range(width) if i not in pivots):
        vector = [0] * width
        vector[free] = 1
        for row, pivot in zip(basis, pivots):
            vector[pivot] = -row[free] % p
        vectors.append(vector)
    return vectors


def poly_trim(a):
    while a and a[-1] == 0:
        a.pop()
    return a


def poly_mod(a, f, p):
    a, scale = a[:], pow(f[-1], -1, p)
    while len(a) >= len(f):
        factor, shift = a[-1] * scale % p, len(a) - len(f)
        for i, c in enumerate(f):
            a[shift + i] = (a[shift + i] - factor * c) % p
        poly_trim(a)
    return a


def poly_mul_mod(a, b, f, p):
    product = [0] * max(len(a) + len(b) - 1, 0)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product[i + j] = (product[i + j] + x * y) % p
    return poly_mod(poly_trim(product), f, p)


def poly_pow_mod(base, exponent, f, p):
    result, base = [1], poly_mod(base, f, p)
    for bit in bin(exponent)[2:]:
        result = poly_mul_mod(result, result, f, p)
        if bit == "1":
            result = poly_mul_mod(result, base, f, p)
    return result


def poly_gcd(a, b, p):
    while b:
        a, b = b, poly_mod(a, b, p)
    scale = pow(a[-1], -1, p)
    return [x * scale % p for x in a]


def poly_roots(f, p):
    """Roots in the field: gcd with x^p − x, then random splits (Cantor and Zassenhaus)."""
    power = poly_pow_mod([0, 1], p, f, p) + [0, 0]
    power[1] -= 1
    todo, roots = [poly_gcd(f, poly_trim([x % p for x in power]), p)], []
    rng = random.Random(1)
    while todo:
        g = todo.pop()
        if len(g) == 1:
            continue
        if len(g) == 2:
            roots.append(-g[0] * pow(g[1], -1, p) % p)
            continue
        half = poly_pow_mod([rng.randrange(p), 1], (p - 1) // 2, g, p) or [0]
        half = poly_trim([(half[0] - 1) % p] + half[1:])
        factor = poly_gcd(g, half, p) if half else g
        if 1 < len(factor) < len(g):
            quotient, rest, scale = [0] * (len(g) - len(factor) + 1), g[:], pow(factor[-1], -1, p)
            while len(rest) >= len(factor):
                q, shift = rest[-1] * scale % p, len(rest) - len(factor)
                quotient[shift] = q
                for i, c in enumerate(factor):
                    rest[shift + i] = (rest[shift + i] - q * c) % p
                poly_trim(rest)
            todo += [factor, quotient]
        else:
            todo.append(g)
    return sorted(roots)


def characteristic_polynomial(m, p):
    """Faddeev and LeVerrier."""
    n = len(m)
    identity = [[int(i == j) for j in range(n)] for i in range(n)]
    coefficients, product = [1], [[0] * n for _ in range(n)]
    for k in range(1, n + 1):
        step = [[(product[i][j] + coefficients[-1] * identity[i][j]) % p for j in range(n)] for i in range(n)]
        product = mat_mul(m, step, p)
        coefficients.append(-sum(product[i][i] for i in range(n)) * pow(k, -1, p) % p)
    return coefficients[::-1]


def matrix_is_secure(m, p):
    """Algorithms 1 to 3 of Grassi, Rechberger and Schofnegger, "Proving Resistance Against Infinitely
    Long Subspace Trails" (ePrint 2020/500), with one S-box per partial round (s = 1)."""
    t = len(m)
    powers = [m]
    while len(powers) < 4 * t:
        powers.append(mat_mul(powers[-1], m, p))

    # Algorithm 1: no subspace without an active S-box survives i rounds for ever.
    for i in range(1, t):
        power = powers[i - 1]
        if all(power[r][c] == (power[0][0] if r == c else 0) for r in range(t) for c in range(t)):
            return False
        first = [1] + [0] * (t - 1)
        rows = [first] + [powers[j][0] for j in range(i - 1)]
        inactive = echelon(kernel(rows, t, p), p)
        found = []
        for eigenvalue in poly_roots(characteristic_polynomial(power, p), p):
            shifted = [[(x - eigenvalue * (r == c)) % p for c, x in enumerate(row)] for r, row in enumerate(power)]
            found += kernel(shifted + rows, t, p)
        if found and len(echelon(found, p)) < t:
            return False
        for j in range(1, i + 1):
            image = echelon([mat_vec(powers[j - 1], v, p) for v in inactive], p)
            if inactive and image == inactive:
                return False

    # Algorithms 2 and 3: the active coordinate reaches every other one, in M and in M^2 … M^4t.
    for power in powers:
        vectors = [[1] + [0] * (t - 1)]
        while len(vectors) < t:
            vectors.append(mat_vec(power, vectors[-1], p))
        if len(echelon(vectors, p)) < t:
            return False
    return True


# --- The suite --------------------------------------------------------------------------------


def permute(state, rounds, matrix):
    for r, constants in enumerate(rounds):
        state = [(x + c) % L for x, c in zip(state, constants)]
        full = r < R_F // 2 or r >= R_F // 2 + R_P
        state = [pow(x, 5, L) if full or i == 0 else x for i, x in enumerate(state)]
        state = mat_vec(matrix, state, L)
    return state


def inverse(matrix):
    n = len(matrix)
    wide = [row + [int(i == j) for j in range(n)] for i, row in enumerate(matrix)]
    return [row[n:] for row in echelon(wide, L)]


def sparse_form(rounds, matrix):
    """The partial rounds of appendix B: (constant, row, column) each, the matrix before them, and the
    constants after them. Derived by splitting one matrix after the other, from the last to the first."""
    half, late = R_F // 2, [0] * T
    constants = []
    for r in range(R_P):
        here = [(a + b) % L for a, b in zip(rounds[half + r], late)]
        constants.append(here[0])
        late = mat_vec(matrix, [0] + here[1:], L)
    late = [(a + b) % L for a, b in zip(rounds[half + R_P], late)]

    partial, whole = [], matrix
    for r in reversed(range(R_P)):
        rest = [row[1:] for row in whole[1:]]
        row = mat_vec(list(zip(*inverse(rest))), whole[0][1:], L)
        partial.insert(0, (constants[r], row, [line[0] for line in whole[1:]]))
        lifted = [[1] + [0] * (T - 1)] + [[0] + line for line in rest]
        whole = mat_mul(lifted, matrix, L)
    return partial, whole, late


def permute_sparse(state):
    half = R_F // 2
    for r, constants in enumerate(ROUNDS[:half]):
        state = [pow(x + c, 5, L) for x, c in zip(state, constants)]
        state = mat_vec(BEFORE if r == half - 1 else MATRIX, state, L)
    for constant, row, column in PARTIAL:
        x = pow(state[0] + constant, 5, L)
        first = MATRIX[0][0] * x + sum(a * b for a, b in zip(row, state[1:]))
        state = [first % L] + [(y + c * x) % L for y, c in zip(state[1:], column)]
    for constants in [LATE] + ROUNDS[half + R_P + 1 :]:
        state = mat_vec(MATRIX, [pow(x + c, 5, L) for x, c in zip(state, constants)], L)
    return state


ROUNDS, MATRIX = generate(L, BITS, T, R_F, R_P)
PARTIAL, BEFORE, LATE = sparse_form(ROUNDS, MATRIX)


def p9(tag, *inputs):
    assert len(inputs) <= 8
    return permute([tag, *inputs] + [0] * (8 - len(inputs)), ROUNDS, MATRIX)[1]


def hash_to_scalar(label, *parts):
    framed = SUITE + b"/" + label + b"\0" + b"".join(len(x).to_bytes(8, "little") + x for x in parts)
    return int.from_bytes(hashlib.sha512(framed).digest(), "little") % L


EMPTY_LEAF = hash_to_scalar(b"empty")


def tree_root(leaves, depth=DEPTH):
    level, empty = leaves, EMPTY_LEAF
    for _ in range(depth):
        level = level + [empty] * (-len(level) % ARITY)
        level = [p9(NODE, *level[i : i + ARITY]) for i in range(0, len(level), ARITY)]
        empty = p9(NODE, *[empty] * ARITY)
    return level[0] if level else empty


def text(x):
    """A scalar as the crate prints it: lower-case hexadecimal of the 32 little-endian bytes."""
    return x.to_bytes(32, "little").hex()


def vectors():
    rng = random.Random("vectors of PoP-R255-P9-v1")
    scalar = lambda: rng.randrange(L)
    hashes = [(2, list(range(8))), (1, [0] * 8), (4, [L - 1] * 8)]
    hashes += [(tag, [scalar() for _ in range(8)]) for tag in (1, 2, 3, 4)]

    identities = []
    for issued, expires, assurance in [(0, 2**40 - 1, 0), (1_700_000_000, 1_900_000_000, 1), (1, 2, 2), (2**40 - 1, 2**40 - 1, 255)]:
        s, t = scalar(), scalar()
        commitment = p9(IDENTITY, s, t)
        identities.append({
            "nullifier_secret": text(s), "trapdoor": text(t), "commitment": text(commitment),
            "issued_at": issued, "expires_at": expires, "assurance": assurance,
            "leaf": text(p9(LEAF, commitment, issued, expires, assurance)),
        })

    scopes = []
    for app, action, period in [
        ("example.org", "vote", None), ("example.or", "gvote", None), ("example.org", "vote", "2026"),
        ("example.org", "vote", "2027"), ("ünïcode.example", "wählen", "Woche 1"),
    ]:
        parts = [part.encode() for part in (app, action, period) if part is not None]
        ext, s = hash_to_scalar(b"ext", *parts), scalar()
        scopes.append({
            "app": app, "action": action, "period": period, "external_nullifier": text(ext),
            "nullifier_secret": text(s),
            "nullifiers": [{"use_index": k, "nullifier": text(p9(NULLIFIER, s, ext, k))} for k in (0, 1, 7, 2**32 - 1)],
        })

    # Leaf number i of every tree is the hash to a scalar of "leaf" over i as 4 little-endian bytes.
    leaves = [hash_to_scalar(b"leaf", i.to_bytes(4, "little")) for i in range(64)]
    trees = [{"leaves": n, "root": text(tree_root(leaves[:n]))} for n in (0, 1, 7, 8, 9, 63, 64)]

    return {
        "suite": SUITE.decode(),
        "scalars": "lower-case hexadecimal of 32 little-endian bytes",
        "made_by": "python3 testdata/poseidon/reference.py --write",
        "grain_matrix_checks": "algorithms 1, 2 and 3 of ePrint 2020/500 accept the first matrix",
        "hashes": [{"tag": tag, "inputs": [text(x) for x in xs], "output": text(p9(tag, *xs))} for tag, xs in hashes],
        "permutation_of_0_to_8": [text(x) for x in permute(list(range(9)), ROUNDS, MATRIX)],
        "hash_to_scalar": [
            {"label": "test", "parts": [part.decode() for part in parts], "scalar": text(hash_to_scalar(b"test", *parts))}
            for parts in ([], [b""], [b"ab", b"c"], [b"a", b"bc"])
        ],
        "empty_leaf": text(EMPTY_LEAF),
        "signals": [{"bytes": message.decode(), "signal": text(hash_to_scalar(b"signal", message))} for message in (b"", b"yes", b"no" * 200)],
        "identities": identities,
        "scopes": scopes,
        "trees": trees,
    }


def tables():
    out = [
        "//! Poseidon's tables. Made by `python3 testdata/poseidon/reference.py --write`; do not edit.",
        "//!",
        "//! Every number is four limbs of 64 bits, least significant first.",
        "",
        "/// The limbs of an integer below l, least significant first.",
        "pub(super) type Limbs = [u64; 4];",
    ]

    def table(name, doc, numbers):
        out.extend(["", f"/// {doc}", "#[rustfmt::skip]", f"pub(super) static {name}: [Limbs; {len(numbers)}] = ["])
        for x in numbers:
            limbs = (f"{x >> shift & (2**64 - 1):016x}" for shift in (0, 64, 128, 192))
            out.append("    [" + ", ".join("0x" + "_".join(h[i : i + 4] for i in (0, 4, 8, 12)) for h in limbs) + "],")
        out.append("];")

    table("ROUND_CONSTANTS", "The constants of the 68 rounds, nine each.", sum(ROUNDS, []))
    table("MDS", "The matrix M, row by row.", sum(MATRIX, []))
    table("PRE_SPARSE", "The matrix before the partial rounds in their sparse form, row by row.", sum(BEFORE, []))
    table("PARTIAL_CONSTANTS", "The constant of each partial round in its sparse form.", [p[0] for p in PARTIAL])
    table("PARTIAL_ROWS", "Row 0 of each sparse matrix without its first entry, eight each.", sum((p[1] for p in PARTIAL), []))
    table("PARTIAL_COLUMNS", "Column 0 of each sparse matrix without its first entry, eight each.", sum((p[2] for p in PARTIAL), []))
    table("LATE_CONSTANTS", "The constants of the full round after the sparse partial rounds.", LATE)
    return "\n".join(out) + "\n"


def self_check():
    """The generator against published numbers of another field, then our own sample values."""
    bn254 = 21888242871839275222246405745257275088548364400416034343698204186575808495617
    grain = Grain(254, 3, 8, 57)
    first = next(x for x in iter(lambda: grain.integer(254), None) if x < bn254)
    # First constant of circomlib's Poseidon with t = 3.
    assert first == 0x0EE9A592BA9A9518D05986D656F40C2114C4993C11BB29938D21D47304CD8E6E
    assert ROUNDS[0][0] == 0x0DE975C49CF7DAB934ABEAE4A69D33C9124392522D67E835316655F392EB1DF9
    assert MATRIX[0][0] == 0x025BAD974D324AD8C8E6795C6EF412138C6CA6B0B228EDD5B4BE73F2BA2AFE3E
    assert p9(2, *range(8)) == 0x0134DA1712ED192300ED32E4748610666C6E80DEB4FD0110F18938DE0F686CBB
    assert permute_sparse(list(range(9))) == permute(list(range(9)), ROUNDS, MATRIX)
    # The checks must be able to refuse: a diagonal and a block-diagonal matrix.
    assert not matrix_is_secure([[3 * (r == c) for c in range(T)] for r in range(T)], L)
    block = [[MATRIX[r][c] if (r < 4) == (c < 4) else 0 for c in range(T)] for r in range(T)]
    assert not matrix_is_secure(block, L)


def main():
    self_check()
    root = pathlib.Path(__file__).resolve().parents[2]
    files = {
        root / "src/poseidon/tables.rs": tables(),
        root / "testdata/poseidon/vectors.json": json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n",
    }
    different = 0
    for path, content in files.items():
        if "--write" in sys.argv[1:]:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            different += 1
            print(f"differs: {path.relative_to(root)}")
    print(f"{len(files)} files, {different} differ; matrix accepted by algorithms 1, 2 and 3")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
