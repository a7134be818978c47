#!/usr/bin/env python3
"""Pictures a second of open-iris 1.11.2 without its network, beside ours, on the same pictures in the same run.

    python3 -m venv venv && venv/bin/pip install open-iris==1.11.2
    cargo build --release --features cli
    venv/bin/python benches/rivals/open_iris.py target/release/personhood

open-iris' pipeline is its own default one; only the network, which cannot be had everywhere, is replaced by the true masks
of synthetic eyes, so that segmentation costs it nothing. Ours does everything, from the file on. Both are given one
thread, take turns, and are measured by the processor time they use.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"

import cv2  # noqa: E402
import iris  # noqa: E402
import numpy as np  # noqa: E402
import yaml  # noqa: E402
from iris.io.dataclasses import SegmentationMap  # noqa: E402
from iris.io.class_configs import Algorithm  # noqa: E402
from iris.pipelines.iris_pipeline import IRISPipeline  # noqa: E402

cv2.setNumThreads(1)
CLASSES = ("eyeball", "iris", "pupil", "eyelashes")


class GivenMasks(Algorithm):
    """Stands where the network stands in open-iris' pipeline, and gives the masks that were set before."""

    class Parameters(Algorithm.Parameters):
        pass

    __parameters_type__ = Parameters
    masks = None

    def run(self, image):
        return SegmentationMap(predictions=GivenMasks.masks, index2class=dict(enumerate(CLASSES)))


def rival():
    config = yaml.safe_load(Path(IRISPipeline.DEFAULT_PIPELINE_CFG_PATH).read_text())
    network = next(node for node in config["pipeline"] if node["name"] == "segmentation")
    network["algorithm"] = {"class_name": "open_iris.GivenMasks", "params": {}}
    return IRISPipeline(config=config)


def masks_of(folder, picture):
    stem = folder / "truth" / picture.relative_to(folder).with_suffix("")
    planes = [cv2.imread(f"{stem}.{name}.png", cv2.IMREAD_GRAYSCALE) > 0 for name in CLASSES]
    return np.stack(planes, axis=-1).astype(np.float32)


def run_rival(pipeline, folder, pictures):
    """Milliseconds of each picture, and how many gave a template."""
    times, templates = [], 0
    for picture in pictures:
        image = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
        GivenMasks.masks = masks_of(folder, picture)
        begin = time.process_time()
        output = pipeline.run(iris.IRImage(img_data=image, image_id=picture.name, eye_side="left"))
        times.append((time.process_time() - begin) * 1e3)
        templates += output["error"] is None
    return times, templates


def run_ours(program, folder, threads=1):
    command = [program, "evaluate", "--sides", "--json", "--replicates", "1", "--threads", str(threads), str(folder)]
    begin = time.monotonic()
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(answer), time.monotonic() - begin


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program", help="the program `personhood`, built for release")
    arguments.add_argument("--people", type=int, default=3, help="invented people, two eyes and four pictures each [3]")
    arguments.add_argument("--rounds", type=int, default=2, help="turns of each [2]")
    arguments.add_argument("--sizes", nargs="+", default=["320x240", "640x480", "1440x1080"])
    options = arguments.parse_args()
    pipeline = rival()
    print(f"open-iris {iris.__version__}, {options.rounds} turns each, one thread, ms of processor time a picture")
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            eyes = [options.program, "eyes", "--quiet", "--size", size, "--people", str(options.people), "--captures", "2"]
            subprocess.run([*eyes, "--out", str(folder / "true")], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(
                [*eyes, "--pictures-only", "--out", str(folder / "bare")], check=True, stdout=subprocess.DEVNULL
            )
            pictures = sorted((folder / "true").glob("person-*/*.png"))
            theirs, ours = [], []
            for _ in range(options.rounds):
                times, templates = run_rival(pipeline, folder / "true", pictures)
                theirs.append(statistics.mean(times))
                report, _ = run_ours(options.program, folder / "bare")
                ours.append(report["ms_per_image"])
            ratios = [their / our for their, our in zip(theirs, ours)]
            rounded = lambda values: ", ".join(f"{value:.1f}" for value in values)
            print(
                f"{size}: {len(pictures)} pictures, templates {templates} and {report['templates']}; "
                f"open-iris without its network {rounded(theirs)}, ours {rounded(ours)}, "
                f"pictures a second {rounded(ratios)} times as many",
                flush=True,
            )


if __name__ == "__main__":
    # open-iris finds classes by the name of their module, and must find the one that is told the masks.
    import open_iris

    open_iris.main()
