#!/usr/bin/env python3
"""Known answers of the layers below a proof: generators, commitments, transcript. Python 3 alone, beside verify.py.

    python3 testdata/membership/vectors.py            compare vectors.json with what is computed
    python3 testdata/membership/vectors.py --write    write it

The hash, the tree, identity commitments and nullifiers are in testdata/poseidon/vectors.json, the proof in proof-v1.txt.

Written for this project; Apache-2.0 as the rest.
"""

import hashlib
import json
import sys

from verify import D, HERE, L, P, SQRT_AD_MINUS_ONE, SQRT_M1, absolute, blocks, combination, generators, negative, setup, sqrt_ratio, verify


def encode(point):
    """RFC 9496, section 4.3.2."""
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    _, invsqrt = sqrt_ratio(1, u1 * u2 * u2 % P)
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inv = den1 * den2 * t % P
    if negative(t * z_inv % P):
        x, y = y * SQRT_M1 % P, x * SQRT_M1 % P
        den2 = den1 * sqrt_ratio(1, (-1 - D) % P)[1] % P
    if negative(x * z_inv % P):
        y = -y % P
    return absolute(den2 * (z - y) % P).to_bytes(32, "little")


def main():
    vector, blinding, form = generators()
    digest = hashlib.sha512(b"".join(map(encode, vector + [blinding, form]))).hexdigest()
    # Values of all sizes at all positions: i^5 at position i, and the greatest blinding factor.
    values = [pow(i, 5, L) for i in range(256)]
    (golden,) = blocks((HERE / "proof-v1.txt").read_text())
    answers = {
        "generators": {
            "first": encode(vector[0]).hex(),
            "last": encode(vector[255]).hex(),
            "blinding": encode(blinding).hex(),
            "form": encode(form).hex(),
            "sha512_of_all": digest,
        },
        "commitment_of_fifth_powers": encode(combination([*zip(values, vector), (L - 1, blinding)])).hex(),
        "challenges_of_the_golden_proof": [x.to_bytes(32, "little").hex() for x in verify(golden, setup())],
    }
    text = json.dumps(answers, indent=1) + "\n"
    path = HERE / "vectors.json"
    if sys.argv[1:] == ["--write"]:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit("vectors.json is not what is computed")


if __name__ == "__main__":
    main()
