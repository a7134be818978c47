#!/usr/bin/env python3
"""A second verifier of membership proofs, version 1: plain, slow, and written from docs/proof-system.md.

It shares no code with the crate. Matrices are written out row by row; the group, the transcript and the field are Python
integers. Poseidon's constants come from the reference in testdata/poseidon, which generates them.

    python3 verify.py [--jobs N] [FILE]...      (default: proof-v1.txt beside it)

A file holds one or more blocks like those of proof-v1.txt, separated by empty lines. For each one it prints `accepted` or
`rejected: <reason>`, in their order; N processes share the work. Exit status 0 if all were accepted, 1 otherwise.

Origin: this project. Licence: Apache-2.0. Needs nothing but Python 3.8.
"""

import functools
import hashlib
import math
import multiprocessing
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "poseidon"))
import reference  # noqa: E402  (Poseidon's constants, from the Grain generator in Python)

# --- section 1: the field, the group ---------------------------------------------------------------------------------

L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


class Rejected(Exception):
    pass


def negative(x):
    return x % P & 1 == 1


def absolute(x):
    return P - x if negative(x) else x


def sqrt_ratio(u, v):
    """RFC 9496, section 4.2."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    u %= P
    correct, flipped, flipped_i = check == u, check == -u % P, check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, absolute(r)


SQRT_AD_MINUS_ONE = sqrt_ratio(-D - 1, 1)[1]
# RFC 9496 lists the odd root, 25063068953384623474111414158702152701244531502492656460079210482610430750235.
if SQRT_AD_MINUS_ONE != 25063068953384623474111414158702152701244531502492656460079210482610430750235:
    SQRT_AD_MINUS_ONE = P - SQRT_AD_MINUS_ONE


def decode(data):
    """RFC 9496, section 4.3.1, without the identity."""
    s = int.from_bytes(data, "little")
    if s >= P or negative(s):
        raise Rejected("a point is not canonical")
    ss = s * s % P
    u1, u2 = (1 - ss) % P, (1 + ss) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    square, invsqrt = sqrt_ratio(1, v * u2 * u2 % P)
    x = absolute(2 * s * invsqrt * u2 % P)
    y = u1 * invsqrt * invsqrt * u2 * v % P
    if not square or negative(x * y % P) or y == 0:
        raise Rejected("a point is not on the curve")
    if x == 0:
        raise Rejected("a point is the identity")
    return (x, y, 1, x * y % P)


def elligator(data):
    t = int.from_bytes(data, "little") % 2**255
    r = SQRT_M1 * t * t % P
    u = (r + 1) * (1 - D * D) % P
    v = (-1 - r * D) * (r + D) % P
    square, s = sqrt_ratio(u, v)
    c = -1
    if not square:
        s = -absolute(s * t % P) % P
        c = r
    n = (c * (r - 1) * (D - 1) ** 2 - v) % P
    w0, w1, w2, w3 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P, (1 - s * s) % P, (1 + s * s) % P
    return (w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e1, e2 = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = e2 - e1, d - c, d + c, e2 + e1
    return (e * f % P, g * h % P, f * g % P, e * h % P)


IDENTITY = (0, 1, 1, 0)


def negate(point):
    x, y, z, t = point
    return (-x, y, z, -t)


def digits(scalar, window):
    """scalar = Σ dᵢ·2^(window·i) with -2^(window-1) < dᵢ <= 2^(window-1)."""
    result = []
    while scalar:
        digit = scalar % 2**window
        if digit > 2 ** (window - 1):
            digit -= 2**window
        result.append(digit)
        scalar = (scalar - digit) >> window
    return result


def weighted(buckets):
    """Σ i·buckets[i]."""
    running = total = IDENTITY
    for bucket in reversed(buckets[1:]):
        if bucket is not None:
            running = add(running, bucket)
        total = add(total, running)
    return total


def combination(terms, window=4):
    """Σ scalar·point: of every window of digits, points with the same digit are added first (Pippenger)."""
    terms = [(digits(scalar % L, window), point, negate(point)) for scalar, point in terms]
    result = IDENTITY
    for place in reversed(range(253 // window + 1)):
        for _ in range(window):
            result = add(result, result)
        buckets = [None] * (2 ** (window - 1) + 1)
        for expansion, point, opposite in terms:
            digit = expansion[place] if place < len(expansion) else 0
            if digit:
                point, digit = (point, digit) if digit > 0 else (opposite, -digit)
                buckets[digit] = point if buckets[digit] is None else add(buckets[digit], point)
        result = add(result, weighted(buckets))
    return result


FIXED_WINDOW = 10


def multiples(points):
    """2^(10·i)·point for every point and window, once for all proofs."""
    table = []
    for point in points:
        row = []
        for _ in range(253 // FIXED_WINDOW + 1):
            row.append((point, negate(point)))
            for _ in range(FIXED_WINDOW):
                point = add(point, point)
        table.append(row)
    return table


def fixed_combination(scalars, table):
    """Σ scalar·point for the points of a table: since it holds the multiples of all windows, one set of buckets serves all."""
    buckets = [None] * (2 ** (FIXED_WINDOW - 1) + 1)
    for scalar, row in zip(scalars, table):
        for digit, (point, opposite) in zip(digits(scalar % L, FIXED_WINDOW), row):
            if digit:
                point, digit = (point, digit) if digit > 0 else (opposite, -digit)
                buckets[digit] = point if buckets[digit] is None else add(buckets[digit], point)
    return weighted(buckets)


def is_identity(point):
    return point[0] == 0 or point[1] == 0


def map_to_group(data):
    return add(elligator(data[:32]), elligator(data[32:]))


def generators():
    stream = hashlib.shake_256(b"GeneratorsChain" + b"G" + bytes(4)).digest(64 * 256)
    vector = [map_to_group(stream[64 * i : 64 * i + 64]) for i in range(256)]
    base = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
    blinding = map_to_group(hashlib.sha3_512(base).digest())
    form = map_to_group(hashlib.sha512(b"PoP-R255-P9-v1" + b"/linear form generator").digest())
    return vector, blinding, form


# --- section 4: merlin -----------------------------------------------------------------------------------------------


def keccak_constants():
    """The walk of steps rho and pi as (place, rotation), and the constants of step iota."""
    walk, x, y = [], 1, 0
    for t in range(24):
        x, y = y, (2 * x + 3 * y) % 5
        walk.append((x + 5 * y, (t + 1) * (t + 2) // 2 % 64))
    constants, register = [], 1
    for _ in range(24):
        constants.append(0)
        for j in range(7):
            register = (register << 1 ^ (register >> 7) * 0x71) % 256
            if register & 2:
                constants[-1] ^= 1 << ((1 << j) - 1)
    return walk, constants


WALK, IOTA = keccak_constants()


def keccak(state):
    lanes = [int.from_bytes(state[8 * i : 8 * i + 8], "little") for i in range(25)]
    mask = 2**64 - 1
    for constant in IOTA:
        parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        turned = [(p << 1 | p >> 63) & mask for p in parity]
        flips = [parity[(x + 4) % 5] ^ turned[(x + 1) % 5] for x in range(5)]
        current = lanes[1] ^ flips[1]
        moved = [lanes[0] ^ flips[0]] * 25
        for place, rotation in WALK:
            moved[place] = (current << rotation | current >> (64 - rotation)) & mask
            current = lanes[place] ^ flips[place % 5]
        for y in range(0, 25, 5):
            a, b, c, d, e = moved[y : y + 5]
            lanes[y : y + 5] = a ^ (~b & c), b ^ (~c & d), c ^ (~d & e), d ^ (~e & a), e ^ (~a & b)
        lanes[0] ^= constant
    return bytearray(b"".join(lane.to_bytes(8, "little") for lane in lanes))


class Transcript:
    RATE = 166

    def __init__(self, label):
        self.state = keccak(bytes([1, self.RATE + 2, 1, 0, 1, 96]) + b"STROBEv1.0.2" + bytes(182))
        self.position = self.begin = 0
        self.drawn = []
        self.operate(18, b"Merlin v1.0")
        self.append(b"dom-sep", label)

    def run(self):
        self.state[self.position] ^= self.begin
        self.state[self.position + 1] ^= 4
        self.state[self.RATE + 1] ^= 0x80
        self.state = keccak(self.state)
        self.position = self.begin = 0

    def absorb(self, data):
        for byte in data:
            self.state[self.position] ^= byte
            self.position += 1
            if self.position == self.RATE:
                self.run()

    def operate(self, flags, data=b""):
        before, self.begin = self.begin, self.position + 1
        self.absorb([before, flags])
        if flags & 36 and self.position:
            self.run()
        self.absorb(data)

    def append(self, label, message):
        self.operate(18, label + len(message).to_bytes(4, "little"))
        self.operate(2, message)

    def challenge(self, label):
        self.operate(18, label + (64).to_bytes(4, "little"))
        self.operate(7)
        out = bytearray()
        for _ in range(64):
            out.append(self.state[self.position])
            self.state[self.position] = 0
            self.position += 1
            if self.position == self.RATE:
                self.run()
        self.drawn.append(int.from_bytes(out, "little") % L)
        return self.drawn[-1]


# --- section 2: the relation, as rows --------------------------------------------------------------------------------

COLUMNS, SLOTS = 146, 16


def sparse(*terms):
    """A form: column -> coefficient; the key None is the constant, "c" the output of the slot before."""
    form = {}
    for column, coefficient in terms:
        form[column] = (form.get(column, 0) + coefficient) % L
    return form


def plus(a, b, factor=1):
    form = dict(a)
    for column, coefficient in b.items():
        form[column] = (form.get(column, 0) + factor * coefficient) % L
    return form


def permutation_rows(tag):
    """(A, B) of the 132 S-boxes, and the output, all as forms of the columns."""
    state = [sparse((None, tag))] + [sparse((i, 1)) for i in range(8)]
    rows = []
    for number in range(68):
        state = [plus(s, sparse((None, reference.ROUNDS[number][i]))) for i, s in enumerate(state)]
        for i in range(9 if number < 4 or number >= 64 else 1):
            output = sparse((8 + len(rows), 1))
            rows.append((state[i], output))
            state[i] = output
        mixed = []
        for i in range(9):
            total = {}
            for j in range(9):
                total = plus(total, state[j], reference.MATRIX[i][j])
            mixed.append(total)
        state = mixed
    return rows, state[1]


def relation():
    """Rows (A, B, E, D) of every kind of slot, the kind of every slot, and the output of a permutation as a form."""
    kinds = {}
    for tag in (1, 2, 3, 4):
        sboxes, output = permutation_rows(tag)
        kinds[tag] = [(a, b, {}, {}) for a, b in sboxes]
    child = [sparse((i, 1), ("c", -1)) for i in range(8)]
    product = [sparse((140 + i, 1)) for i in range(6)]
    kinds[2].append(({}, product[0], child[0], child[1]))
    for i in range(1, 6):
        kinds[2].append(({}, product[i], product[i - 1], child[i + 1]))
    kinds[2].append(({}, {}, product[5], child[7]))
    kinds["bounds"] = [({},) + (sparse((i, 1)),) * 3 for i in range(88)]
    kinds["bounds"].append((sparse((88, 1)), sparse((89, 1)), {}, {}))
    kinds["bounds"].append(({}, sparse((92, 1)), sparse((90, 1)), sparse((91, 1))))
    kinds["bounds"].append(({}, sparse((95, 1)), sparse((93, 1)), sparse((94, 1))))
    return kinds, [3, 1, 4] + [2] * 10 + ["bounds"], output


def ties(public):
    """(terms, value): terms are (slot, column or "out", coefficient)."""
    one = [((0, 1), public["ext"]), ((0, 2), public["k"])] + [((0, i), 0) for i in range(3, 8)]
    result = [([cell + (1,)], value) for cell, value in one]
    result.append(([(0, "out", 1)], public["nf"]))
    result.append(([(1, 0, 1), (0, 0, -1)], 0))
    result += [([(1, i, 1)], 0) for i in range(2, 8)]
    result.append(([(2, 0, 1), (1, "out", -1)], 0))
    result += [([(2, i, 1)], 0) for i in range(4, 8)]
    result.append(([(12, "out", 1)], public["root"]))
    bits = lambda first, count: [(13, first + i, 2**i) for i in range(count)]
    result.append(([(2, 1, 1)] + bits(0, 40), public["issued"]))
    result.append(([(2, 2, -1)] + bits(40, 40), -public["expires"]))
    result.append(([(2, 3, -1)] + bits(80, 8), -public["assurance"]))
    assert len(result) == 24
    return result


# --- section 3: the protocol -----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def denominators(count):
    """1 / ∏ (i − j) over all j other than i."""
    return [pow(math.prod(i - j for j in range(count) if j != i), -1, L) for i in range(count)]


def lagrange(count, x):
    values = []
    for i, value in enumerate(denominators(count)):
        for j in range(count):
            if j != i:
                value = value * (x - j) % L
        values.append(value)
    return values


def equality(point):
    values = [1]
    for coordinate in point:
        basis = lagrange(4, coordinate)
        values = [value * weight % L for value in values for weight in basis]
    return values


def inner(a, b):
    return sum(x * y for x, y in zip(a, b)) % L


def scalar(data):
    value = int.from_bytes(data, "little")
    if value >= L:
        raise Rejected("a scalar is not canonical")
    return value


def verify(block, setup):
    """The challenges of a good proof; Rejected for every other."""
    table, (kinds, slots, output) = setup
    proof = block["proof"]
    if proof[:1] != b"\x01":
        raise Rejected("another version")
    if len(proof) != 1441:
        raise Rejected("another length")
    elements = [proof[1 + 32 * i : 33 + 32 * i] for i in range(45)]
    W, Pj, ev, Q, (S, c, zeta) = elements[:14], elements[14:20], elements[20:24], elements[24:26], elements[26:29]
    folds = [elements[29 + 2 * i : 31 + 2 * i] for i in range(6)]
    last = [scalar(data) for data in elements[41:45]]
    a, b, e, d = [scalar(data) for data in ev]
    c_value, zeta_value = scalar(c), scalar(zeta)
    commitments, mask = [decode(data) for data in W + Pj + Q], decode(S)
    fold_points = [(decode(low), decode(high)) for low, high in folds]

    integer = lambda name: int.from_bytes(block[name], "big")
    number = lambda value: value.to_bytes(8, "little")
    time = lambda name: b"\x01" + number(integer(name)) if name in block else b"\x00"
    public = {name: scalar(block[name]) for name in ("root", "ext", "nf")}
    public["k"], public["assurance"] = integer("k"), integer("assurance")
    public["issued"] = integer("issued") if "issued" in block else 2**40 - 1
    public["expires"] = integer("expires") if "expires" in block else 0

    t = Transcript(b"PoP-R255-P9-v1 membership")
    t.append(b"version", number(1))
    t.append(b"suite", b"PoP-R255-P9-v1")
    t.append(b"depth", number(10))
    t.append(b"circuit", block["circuit"])
    t.append(b"root", block["root"])
    t.append(b"ext", block["ext"])
    t.append(b"k", number(public["k"]))
    t.append(b"nf", block["nf"])
    t.append(b"signal", block["signal"])
    t.append(b"nonce", block["nonce"])
    t.append(b"issued", time("issued"))
    t.append(b"expires", time("expires"))
    t.append(b"assurance", bytes([public["assurance"]]))
    for data in W:
        t.append(b"W", data)
    tau = [t.challenge(b"tau") for _ in range(6)]
    r = []
    for data in Pj:
        t.append(b"P", data)
        r.append(t.challenge(b"r"))
    t.append(b"ev", b"".join(ev))
    gamma = t.challenge(b"gamma")
    r2 = []
    for data in Q:
        t.append(b"Q", data)
        r2.append(t.challenge(b"r'"))
    xi, rho = t.challenge(b"xi"), t.challenge(b"rho")
    t.append(b"S", S)
    t.append(b"cm", c)
    chi = t.challenge(b"chi")
    t.append(b"zeta", zeta)
    y = t.challenge(b"y")
    x = []
    for low, high in folds:
        t.append(b"L", low)
        t.append(b"R", high)
        x.append(t.challenge(b"x"))

    # Σ_ℓ ⟨f_ℓ, w_ℓ⟩ = T_γ, row by row. eq(r, ·) is a factor for the slot times one for the row, so slots of one kind differ
    # by a factor.
    f = [[0] * COLUMNS for _ in range(SLOTS)]
    target = inner([a, b, e, d], [pow(gamma, k, L) for k in range(4)])

    def use(slot, column, factor):
        if column in ("out", "c"):
            for inner_column, coefficient in output.items():
                use(slot - (column == "c"), inner_column, factor * coefficient)
        else:
            f[slot][column] = (f[slot][column] + factor) % L

    row_weights, combined, gammas = equality(r[2:]), {}, [pow(gamma, k, L) for k in range(4)]
    for kind, rows in kinds.items():
        sums = combined[kind] = {}
        for row, forms in enumerate(rows):
            for k, form in enumerate(forms):
                factor = gammas[k] * row_weights[row] % L
                for column, coefficient in form.items():
                    sums[column] = sums.get(column, 0) + factor * coefficient
    for slot, (kind, weight) in enumerate(zip(slots, equality(r[:2]))):
        for column, coefficient in combined[kind].items():
            if column is None:
                target -= weight * coefficient
            else:
                use(slot, column, weight * coefficient % L)
    for k, (terms, value) in enumerate(ties(public)):
        factor = pow(gamma, 4 + k, L)
        target += factor * value
        for slot, column, coefficient in terms:
            use(slot, column, factor * coefficient % L)

    # The ten equations: bⱼ for the vectors v₀..v₈ and the value T.
    slot_weights = equality(r2)
    forms = [[0] * COLUMNS] + [[0] * 16 for _ in range(6)] + [[0] * 7 for _ in range(2)]
    value = 0

    def accumulate(j, coefficients, power, sign=1):
        for i, coefficient in enumerate(coefficients):
            forms[j][i] = (forms[j][i] + sign * pow(xi, power, L) * coefficient) % L

    for j in range(1, 7):
        accumulate(j, lagrange(4, tau[j - 1]), j - 1)
        if j > 1:
            accumulate(j - 1, lagrange(16, r[j - 2]), j - 1, -1)
    accumulate(6, lagrange(16, r[5]), 6)
    value += pow(xi, 6, L) * (pow(a, 5, L) + e * d - b)
    accumulate(7, [1] * 4, 7)
    value += pow(xi, 7, L) * target
    accumulate(8, [1] * 4, 8)
    accumulate(7, lagrange(7, r2[0]), 8, -1)
    accumulate(0, [inner(slot_weights, [f[slot][i] for slot in range(SLOTS)]) for i in range(COLUMNS)], 9)
    accumulate(8, lagrange(7, r2[1]), 9, -1)
    b_vector = [pow(rho, 8 - j, L) * coefficient % L for j, form in enumerate(forms) for coefficient in form]
    assert len(b_vector) == 256
    value = value * pow(rho, 8, L) % L

    # X as factors of sent points, of H and of U, and its folding; what is expected of it over G and U.
    X, by_blinding, by_form = [(1, mask)], -zeta_value, y * (c_value + chi * value)
    weights = slot_weights[:14] + [pow(rho, j, L) for j in range(1, 9)]
    X += [(chi * weight, point) for weight, point in zip(weights, commitments)]
    G = [1]
    for (low, high), challenge in zip(fold_points, x):
        half = len(b_vector) // 2
        b_vector = [(challenge * b_vector[i] + b_vector[i + half]) % L for i in range(half)]
        G = [weight * factor % L for weight in G for factor in (challenge, 1)]
        X = [(challenge * factor % L, point) for factor, point in X] + [(1, low), (challenge * challenge, high)]
        by_blinding, by_form = challenge * by_blinding % L, challenge * by_form % L
    by_vector = [-weight * z for weight in G for z in last]
    by_form -= y * inner(last, b_vector)
    fixed = fixed_combination(by_vector + [by_blinding, by_form], table)
    if not is_identity(add(combination(X), fixed)):
        raise Rejected("the equation does not hold")
    return t.drawn


def blocks(text):
    for part in text.split("\n\n"):
        lines = [line.split(" ") for line in part.splitlines() if line and not line.startswith("#")]
        if lines:
            yield {name: bytes.fromhex(value) for name, value in lines}


@functools.lru_cache(maxsize=1)
def setup():
    vector, blinding, form = generators()
    return multiples(vector + [blinding, form]), relation()


def judge(block):
    try:
        verify(block, setup())
        return "accepted"
    except Rejected as reason:
        return f"rejected: {reason}"


def main():
    arguments, jobs = sys.argv[1:], 1
    if arguments[:1] == ["--jobs"]:
        arguments, jobs = arguments[2:], int(arguments[1])
    paths = arguments or [HERE / "proof-v1.txt"]
    everything = (block for path in paths for block in blocks(pathlib.Path(path).read_text()))
    setup()
    good = True
    with multiprocessing.Pool(jobs) as pool:
        for verdict in pool.imap(judge, everything, chunksize=4):
            good = good and verdict == "accepted"
            print(verdict, flush=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
