#!/usr/bin/env python3
"""How many rounds the known attacks on Poseidon reach over this field, and what the suite's rounds leave. Python 3 alone.

    python3 testdata/poseidon/margin.py        exit status 0 if the suite has at least the rounds that its designers ask for

Attacks and their round numbers: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (USENIX Security 2021), section 5.5 and
appendix C: statistical, interpolation, three Gröbner bases; and Ashur, Buschman, Mahzoun, "Algebraic cryptanalysis of Poseidon"
(ePrint 2023/537), equation 4 on the degree of regularity, with exponent 2 of linear algebra. The designers' margin on top: two full
rounds and 7.5 % of the partial ones.

Written for this project; Apache-2.0 as the rest.
"""

import math
import sys

L = 2**252 + 27742317777372353535851937790883648493
T, ALPHA, SECURITY = 9, 5, 128
R_F, R_P = 8, 60
BITS = math.log2(L)
LOG_ALPHA = math.log2(ALPHA)


def costs(full, partial):
    """Name of every attack, and the bits of work that it needs for so many rounds, as its formula has them."""
    third = T // 3
    over = (full - 1) * T + partial + third + third * full // 2 + partial + ALPHA
    under = third * full // 2 + partial + ALPHA
    return {
        # The degree of the permutation in one variable; interpolation needs as many values.
        "interpolation": (full + partial - 1 - math.ceil(math.log(T, ALPHA))) * LOG_ALPHA,
        "Gröbner basis, univariate": (full + partial) * LOG_ALPHA,
        # R_F + R_P rounds against t − 1 + log_α(2)·min(M/(t+1), n/2), solved for M.
        "Gröbner basis, full rounds first": min((full + partial - T + 1) * LOG_ALPHA, BITS / 2) * (T + 1),
        "Gröbner basis, one variable per S-box": 2 * LOG_ALPHA * ((T - 1) * full + partial - T + 2),
        "Gröbner basis, degree of regularity": 2 * math.log2(math.comb(over, under)),
    }


def statistical():
    """Full rounds against differential and linear attacks."""
    return 6 if SECURITY <= (math.floor(BITS) - (ALPHA - 1) / 2) * (T + 1) else 10


def enough(full, partial):
    return full >= statistical() and all(cost >= SECURITY for cost in costs(full, partial).values())


def with_margin(full, partial):
    return full + 2, math.ceil(1.075 * partial)


def least():
    """The cheapest rounds with the designers' margin, counted in S-boxes."""
    pairs = [with_margin(full, partial) for full in range(4, 20, 2) for partial in range(200) if enough(full, partial)]
    return min(pairs, key=lambda pair: (T * pair[0] + pair[1], pair[0]))


def main():
    full, partial = least()
    print(f"field of {BITS:.2f} bits, t = {T}, x^{ALPHA}: the suite has {R_F} full and {R_P} partial rounds")
    print(f"the designers' script with its margin asks for {full} and {partial}")
    print(f"full rounds against statistical attacks: {statistical()} needed, {R_F} there")
    for name, bits in costs(R_F, R_P).items():
        print(f"{name}: 2^{bits:.1f} (needed: 2^{SECURITY})")
    # Without the margin: partial rounds that could be taken away before the first attack works.
    spare = next(cut for cut in range(R_P + 1) if cut == R_P or not enough(R_F - 2, R_P - cut - 1))
    print(f"with two full rounds fewer, {spare} partial rounds could go as well before any of these reaches 2^{SECURITY}")
    sys.exit(not (enough(R_F, R_P) and R_F >= full and R_P >= partial))


if __name__ == "__main__":
    main()
