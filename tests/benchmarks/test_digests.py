"""What changes a fingerprint of data, and what does not."""

from dataclasses import replace
from pathlib import Path

from support_benchmarks import write_mmbench, write_mmvu

from harness.benchmarks.data import load_data
from harness.benchmarks.digests import digest_samples
from harness.benchmarks.registry import get_benchmark


def test_digest_sees_questions_and_media(tmp_path: Path) -> None:
    folder = write_mmbench(tmp_path)
    benchmark = load_data(get_benchmark("mmbench"), str(folder))
    digest = digest_samples(benchmark.samples)
    assert digest.startswith("sha256:")
    assert digest == digest_samples(load_data(get_benchmark("mmbench"), str(folder)).samples)
    assert digest != digest_samples(benchmark.samples[1:])
    assert digest != digest_samples(benchmark.samples[::-1])
    changed = [replace(benchmark.samples[0], target="B"), *benchmark.samples[1:]]
    assert digest != digest_samples(changed)


def test_digest_sees_replaced_video(tmp_path: Path) -> None:
    folder = write_mmvu(tmp_path)
    digests = {digest_samples(load_data(get_benchmark("mmvu"), str(folder)).samples)}
    (folder / "videos/Art/0.mp4").write_bytes(b"another")
    digests.add(digest_samples(load_data(get_benchmark("mmvu"), str(folder)).samples))
    (folder / "videos/Art/0.mp4").unlink()
    digests.add(digest_samples(load_data(get_benchmark("mmvu"), str(folder)).samples))
    assert len(digests) == 3
