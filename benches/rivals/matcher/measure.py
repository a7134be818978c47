#!/usr/bin/env python3
"""Comparisons a second of other matchers beside our exact search, one thread each, in one run.

    python3 -m venv venv && venv/bin/pip install open-iris==1.11.2 && venv/bin/pip install faiss-cpu simsimd
    apt-get install postgresql && cargo build --release --features cli
    venv/bin/python benches/rivals/matcher/measure.py target/release/personhood

One comparison is one probe against one entry of 12,800 bits at 31 rotations. FAISS and SimSIMD know no masks: they are given 31
turned probes and count less than half of what the others count. Everybody takes turns and is run several times; the table
has the median and all runs. Time is the processor's for whatever runs in this process and for ours, and the server's clock for
PostgreSQL, which gets a cluster of its own in a folder that is removed, with no parallel workers and its rows in memory.
Who is not installed is named and left out.
"""

import argparse
import atexit
import importlib.metadata
import json
import os
import pwd
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"

import numpy as np  # noqa: E402

ROWS, COLUMNS, TURNS = 16, 200, range(-15, 16)
RANDOM = np.random.default_rng(1)


def codes(count):
    """Codes and masks, as bits [entry, wavelet, row, column, part]; three bits of four are usable."""
    shape = (count, 2, ROWS, COLUMNS, 2)
    return RANDOM.random(shape) < 0.5, RANDOM.random(shape) < 0.75


def turned(bits):
    return [np.roll(bits, turn, axis=3) for turn in TURNS]


def packed(bits):
    return np.packbits(bits.reshape(len(bits), -1), axis=1)


class OpenIris:
    pairs = 40

    def __init__(self):
        from iris.io.dataclasses import IrisTemplate
        from iris.nodes.matcher.hamming_distance_matcher import HammingDistanceMatcher

        self.name = f"open-iris {importlib.metadata.version('open-iris')}, HammingDistanceMatcher"
        self.matcher = HammingDistanceMatcher(rotation_shift=15)
        code, mask = codes(self.pairs + 1)
        self.templates = [
            IrisTemplate(iris_codes=list(c), mask_codes=list(m), iris_code_version="v0.1") for c, m in zip(code, mask)
        ]

    def run(self):
        start = time.process_time()
        for template in self.templates[1:]:
            self.matcher.run(self.templates[0], template)
        return self.pairs / (time.process_time() - start)


class Faiss:
    entries = 60_000

    def __init__(self):
        import faiss

        faiss.omp_set_num_threads(1)
        self.name = f"FAISS {faiss.__version__}, IndexBinaryFlat, without masks"
        self.index = faiss.IndexBinaryFlat(2 * ROWS * COLUMNS * 2)
        self.index.add(RANDOM.integers(0, 256, (self.entries, 1600), dtype=np.uint8))
        self.probes = packed(np.concatenate(turned(codes(1)[0])))

    def run(self):
        start = time.process_time()
        self.index.search(self.probes, 1)
        return self.entries / (time.process_time() - start)


class SimSimd:
    entries = 20_000

    def __init__(self):
        import simsimd

        self.cdist = simsimd.cdist
        self.name = f"SimSIMD {simsimd.__version__}, cdist hamming, without masks"
        self.stored = RANDOM.integers(0, 256, (self.entries, 1600), dtype=np.uint8)
        self.probes = packed(np.concatenate(turned(codes(1)[0])))

    def run(self):
        start = time.process_time()
        self.cdist(self.probes, self.stored, metric="hamming", dtype="bin8")
        return self.entries / (time.process_time() - start)


class Postgres:
    entries = 4_000

    def __init__(self):
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.binaries, self.folder = binaries, tempfile.mkdtemp()
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        shutil.chown(self.folder, self.user)
        atexit.register(self.close)
        data = f"{self.folder}/data"
        self.command(binaries / "initdb", "-D", data, "-A", "trust", "-U", self.user)
        self.command(binaries / "pg_ctl", "-D", data, "-w", "-l", f"{self.folder}/log", "-o",
                     f"-c listen_addresses= -k {self.folder} -c max_parallel_workers_per_gather=0 -c jit=off", "start")
        self.name = f"PostgreSQL {self.sql('show server_version').split()[0]}, bit_count of bit(12800)"
        self.sql("create table entry (id int, code bit(12800) not null, mask bit(12800) not null);"
                 "create table probe (code bit(12800) not null, mask bit(12800) not null);"
                 "alter table entry alter code set storage plain, alter mask set storage plain;"
                 "alter table probe alter code set storage plain, alter mask set storage plain;")
        code, mask = codes(self.entries)
        text = lambda bits: bits.reshape(-1).astype(np.uint8) + ord("0")  # noqa: E731
        rows = [f"{i}\t{text(c).tobytes().decode()}\t{text(m).tobytes().decode()}" for i, (c, m) in enumerate(zip(code, mask))]
        self.sql("copy entry from stdin", "\n".join(rows) + "\n")
        code, mask = codes(1)
        rows = [f"{text(c).tobytes().decode()}\t{text(m).tobytes().decode()}" for c, m in zip(turned(code), turned(mask))]
        self.sql("copy probe from stdin", "\n".join(rows) + "\n")
        for table in ("entry", "probe"):
            self.sql(f"vacuum analyze {table}")

    def command(self, *command, stdin=None):
        prefix = ["runuser", "-u", self.user, "--"] if os.getuid() == 0 else []
        run = [*prefix, *map(str, command)]
        return subprocess.run(run, input=stdin, capture_output=True, text=True, check=True, cwd="/").stdout

    def sql(self, statement, stdin=None):
        return self.command(self.binaries / "psql", "-h", self.folder, "-d", "postgres", "-qAtX", "-c", statement, stdin=stdin)

    def run(self):
        answer = self.sql(
            "explain (analyze, timing off, format json) select id, min(bit_count((e.code # p.code) & e.mask & p.mask)::float8"
            " / nullif(bit_count(e.mask & p.mask), 0)) as distance from entry e, probe p group by id"
            " having min(bit_count((e.code # p.code) & e.mask & p.mask)::float8 / nullif(bit_count(e.mask & p.mask), 0)) < 0.345"
        )
        return self.entries / (json.loads(answer)[0]["Execution Time"] / 1000)

    def close(self):
        if Path(self.folder, "data/postmaster.pid").exists():
            self.command(self.binaries / "pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)


class Ours:
    def __init__(self, program, gallery):
        self.program, self.gallery = program, gallery
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        self.name = f"{version}, exact search of {gallery:,}"
        self.approximate = []

    def run(self):
        command = [self.program, "bench", "matcher", "--json", "--gallery", str(self.gallery), "--windows", "300"]
        report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        self.approximate.append(report.get("approximate_per_core_per_s"))
        return report["exact_per_core_per_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program of this package, built with --release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gallery", type=int, default=262_144)
    arguments = parser.parse_args()
    ours = Ours(arguments.program, arguments.gallery)
    matchers = [ours]
    for rival in (Faiss, SimSimd, OpenIris, Postgres):
        try:
            matchers.append(rival())
        except (ImportError, IndexError, FileNotFoundError, importlib.metadata.PackageNotFoundError) as reason:
            print(f"left out: {rival.__name__}: {reason}")
    runs = {matcher.name: [] for matcher in matchers}
    for _ in range(arguments.rounds):
        for matcher in matchers:
            runs[matcher.name].append(matcher.run())
    best = statistics.median(runs[ours.name])
    print(f"{'comparisons a second, one thread':<60} {'median':>12} {'ours is':>10}  all runs")
    for name, rates in runs.items():
        median = statistics.median(rates)
        print(f"{name:<60} {median:>12,.0f} {best / median:>9,.1f}x  {', '.join(f'{rate:,.0f}' for rate in rates)}")
    if all(ours.approximate):
        print("our approximate first stage, entries a second:", ", ".join(f"{rate:,.0f}" for rate in ours.approximate))


if __name__ == "__main__":
    main()
