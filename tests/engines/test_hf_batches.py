"""Batches that grow to fit, without a GPU: what is learnt from a batch, and how a window is cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.engines import Request, hf_device
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint
from harness.engines.hf_batches import BatchSize, Prepared, plan_batches
from harness.engines.preparation import Opened
from harness.media.videos import Video

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
GIB = 2**30


def test_flash_attention_is_chosen_where_all_have_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checkpoint, broken = resolve_checkpoint("demo"), Checkpoint(name="x", folder=tmp_path)
    assert hf_device.resolve_attention(checkpoint, CUDA, torch.bfloat16) == "sdpa"
    monkeypatch.setattr(hf_device, "is_flash_attn_2_available", lambda: True)
    assert hf_device.resolve_attention(checkpoint, CUDA, torch.bfloat16) == "flash_attention_2"
    assert hf_device.resolve_attention(checkpoint, CUDA, torch.float32) == "sdpa"
    assert hf_device.resolve_attention(checkpoint, CPU, torch.bfloat16) == "sdpa"
    assert hf_device.resolve_attention(broken, CUDA, torch.bfloat16) == "sdpa"
    # Code that comes with a checkpoint may have neither.
    assert hf_device.resolve_attention(replace(checkpoint, trust_remote_code=True), CUDA, torch.bfloat16) is None


def item(name: str, size: int = 1, *, n: int = 1, budget: int | None = None, error: str | None = None) -> Prepared:
    request = Request(task="t", sample_id=name, prompt="", media=(), open_media=list, n=n, max_new_tokens=budget)
    return Prepared(
        request=request, opened=None if error else Opened(images=[], videos=[], shown=()), size=size, error=error
    )


def test_a_given_size_and_that_of_a_cpu_and_of_several_devices_stay() -> None:
    assert [BatchSize(None, CPU).rows, BatchSize(None, CUDA).rows, BatchSize(7, CUDA).rows] == [32, 16, 7]
    for size in (BatchSize(None, CPU), BatchSize(7, CUDA), BatchSize(None, CUDA, spread=True)):
        before = size.rows
        assert not size.grows
        size.begin()
        size.succeeded(before)
        size.ran_out(before)
        assert size.rows == before


def test_it_doubles_while_twice_as_much_fits() -> None:
    size = BatchSize(None, CUDA)
    assert size.grows
    size.learn(15, taken=1, available=10 * GIB)
    assert size.rows == 16, "a batch that was not full tells nothing"
    size.learn(16, taken=GIB, available=10 * GIB)
    size.learn(32, taken=2 * GIB, available=10 * GIB)
    size.learn(64, taken=4 * GIB, available=10 * GIB)
    assert size.rows == 128
    size.learn(128, taken=8 * GIB, available=10 * GIB)
    assert size.rows == 128
    for _ in range(9):
        size.learn(size.rows, taken=1, available=10 * GIB)
    assert size.rows == 256


def test_it_halves_when_memory_runs_out_and_does_not_try_that_again() -> None:
    size = BatchSize(None, CUDA)
    size.learn(16, taken=1, available=GIB)
    size.learn(32, taken=1, available=GIB)
    size.ran_out(64)
    assert size.rows == 32
    size.learn(32, taken=1, available=GIB)
    assert size.rows == 32
    size.ran_out(32)
    size.ran_out(1)
    assert size.rows == 1


def test_rows_of_one_kind_and_similar_length_go_together() -> None:
    window = [item("a", 5), item("b", 900), item("c", 6), item("d", 880), item("e", 7, budget=3), item("f", error="x")]
    batches = [[row.request.sample_id for row in batch] for batch in plan_batches(window, BatchSize(2, CPU))]
    assert batches == [["b", "d"], ["c", "a"], ["e"], ["f"]]


def test_as_many_images_and_frames_go_together() -> None:
    def film(name: str, count: int) -> Prepared:
        frames = np.zeros((count, 2, 2, 3), dtype=np.uint8)
        video = Video(frames=frames, fps=1.0, indices=tuple(range(count)), total_frames=count, duration_s=1.0)
        return replace(item(name, 9 - count), opened=Opened(images=[], videos=[video], shown=()))

    def pictures(name: str, count: int) -> Prepared:
        opened = Opened(images=[Image.new("RGB", (2, 2))] * count, videos=[], shown=())
        return replace(item(name), opened=opened)

    window = [film("a", 2), film("b", 8), pictures("e", 2), film("c", 2), film("d", 8), pictures("f", 1), item("g")]
    batches = [[row.request.sample_id for row in batch] for batch in plan_batches(window, BatchSize(4, CPU))]
    assert batches == [["g"], ["a", "c"], ["b", "d"], ["f"], ["e"]]


def test_responses_of_a_request_are_rows_and_are_split_where_they_are_too_many() -> None:
    batches = [
        [(row.request.sample_id, row.row) for row in batch]
        for batch in plan_batches([item("a", 5, n=3), item("b", 9, n=2)], BatchSize(4, CPU))
    ]
    assert batches == [[("b", 0), ("b", 1), ("a", 0), ("a", 1)], [("a", 2)]]


def test_a_size_that_grows_takes_effect_at_the_next_batch() -> None:
    size = BatchSize(None, CUDA)
    size.rows = 1
    lengths = []
    for batch in plan_batches([replace(item(str(number)), size=number) for number in range(8)], size):
        lengths.append(len(batch))
        size.learn(len(batch), taken=1, available=GIB)
    assert lengths == [1, 2, 4, 1]
