#!/usr/bin/env python3
"""Known answers for the statistics of `personhood::evaluation`, straight from their definitions.

Python 3 with numpy; `python3 oracle.py > answers.json`. Nothing here is shared with the Rust code but the definitions in
its documentation and the numbers of SplitMix64 that choose people: every threshold is tried, and a replicate of the
bootstrap really makes a list of the people drawn, copies and all, and compares them pair by pair.
"""

import json
import math

import numpy as np

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class SplitMix64:
    def __init__(self, state):
        self.state = state & MASK

    def next(self):
        self.state = (self.state + GAMMA) & MASK
        return mix(self.state)

    def below(self, bound):
        return (self.next() * bound) >> 64


def made_set(seed, people, eyes, pictures, grid, lost):
    """Samples as [class, person] and a distance for each pair: on a coarse grid, so that there are ties; `lost` of 100 have none."""
    random = SplitMix64(seed)
    samples = []
    for person in range(people):
        for eye in range(eyes):
            samples += [[person * eyes + eye, person]] * (1 + random.below(pictures))
    distances = {}
    for b in range(len(samples)):
        for a in range(b):
            genuine = samples[a][0] == samples[b][0]
            spread = sum(random.below(grid) for _ in range(4)) / (4 * grid)
            distance = math.floor((0.15 + 0.35 * spread if genuine else 0.30 + 0.25 * spread) * 200) / 200
            # What 32 bits keep.
            distance = float(np.float32(distance))
            distances[a, b] = None if random.below(100) < lost else distance
    return samples, distances


def kinds(samples, distances):
    genuine, impostor = [], []
    for (a, b), distance in distances.items():
        (genuine if samples[a][0] == samples[b][0] else impostor).append(math.inf if distance is None else distance)
    return np.array(genuine), np.array(impostor)


def rates(genuine, impostor):
    """EER and FNMR at FMR 1e-2 … 1e-5 by trying every threshold, the one beyond everything included."""
    if not len(genuine) or not len(impostor):
        return None
    candidates = sorted(set(genuine) | set(impostor))
    # Strictly below: the candidates themselves, and one above all (`<=` the last).
    points = [((impostor < t).mean(), (genuine >= t).mean()) for t in candidates] + [(1.0, 0.0)]
    for (fmr0, fnmr0), (fmr1, fnmr1) in zip(points, points[1:]):
        if fmr1 >= fnmr1:
            share = (fnmr0 - fmr0) / ((fnmr0 - fmr0) + (fmr1 - fnmr1))
            eer = fmr0 + share * (fmr1 - fmr0)
            break
    at = []
    for target in (100, 1000, 10000, 100000):
        allowed = [t for t in candidates if int((impostor < t).sum()) * target <= len(impostor)]
        at.append(float((genuine >= max(allowed)).mean()))
    return float(eer), at


def replicate(samples, distances, seed, number):
    people = sorted({person for _, person in samples}, key=[person for _, person in samples].index)
    random = SplitMix64(mix(seed) + number * (GAMMA << 32))
    drawn = [people[random.below(len(people))] for _ in people]
    copies = [(copy, index) for copy, person in enumerate(drawn) for index, s in enumerate(samples) if s[1] == person]
    genuine, impostor = [], []
    for j, (copy_b, b) in enumerate(copies):
        for copy_a, a in copies[:j]:
            if copy_a != copy_b and samples[a][1] == samples[b][1]:
                continue  # two copies of one person
            distance = distances[min(a, b), max(a, b)]
            distance = math.inf if distance is None else distance
            (genuine if samples[a][0] == samples[b][0] else impostor).append(distance)
    return rates(np.array(genuine), np.array(impostor))


def answers(seed, **shape):
    samples, distances = made_set(seed, **shape)
    genuine, impostor = kinds(samples, distances)
    eer, fnmr = rates(genuine, impostor)
    near, far = genuine[np.isfinite(genuine)], impostor[np.isfinite(impostor)]
    hits = attempts = 0
    for probe in range(len(samples)):
        to = lambda same: [
            math.inf if d is None else d
            for (a, b), d in distances.items()
            if probe in (a, b) and (samples[a][0] == samples[b][0]) == same
        ]
        mates, others = to(True), to(False)
        if mates:
            attempts += 1
            hits += min(mates) < math.inf and (not others or min(mates) < min(others))
    replicates = [r for number in range(60) if (r := replicate(samples, distances, 7, number))]
    percentiles = lambda values: [float(v) for v in np.percentile(values, [2.5, 97.5])]
    return {
        "samples": samples,
        "distances": [distances[a, b] for b in range(len(samples)) for a in range(b)],
        "genuine": len(genuine),
        "impostor": len(impostor),
        "eer": eer,
        "fnmr_at_fmr": fnmr,
        "d_prime": float((far.mean() - near.mean()) / math.sqrt((near.var(ddof=1) + far.var(ddof=1)) / 2)),
        "degrees_of_freedom": float(far.mean() * (1 - far.mean()) / far.var(ddof=1)),
        "rank1": [hits, attempts],
        "bootstrap": {
            "seed": 7,
            "replicates": 60,
            "used": len(replicates),
            "eer": percentiles([r[0] for r in replicates]),
            "fnmr_at_fmr": [percentiles([r[1][k] for r in replicates]) for k in range(4)],
        },
    }


if __name__ == "__main__":
    sets = [
        answers(1, people=9, eyes=1, pictures=5, grid=60, lost=0),
        answers(2, people=6, eyes=2, pictures=4, grid=20, lost=4),
        answers(3, people=3, eyes=2, pictures=3, grid=8, lost=25),
        answers(4, people=14, eyes=1, pictures=3, grid=200, lost=1),
    ]
    print(json.dumps(sets, separators=(",", ":")))
