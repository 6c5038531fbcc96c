"""Threads are set where a small model computes, and nowhere else."""

import pytest
import torch

from harness.core.worlds import shipped_checkpoints
from harness.engines import Decoding, Request
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.threads import threads_for


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("width", "device", "omp", "inside"),
    [(8, "cpu", None, 1), (8, "cuda", None, 3), (8, "cpu", "2", 3), (4500, "cpu", None, 3)],
)
def test_one_thread_is_for_small_models_on_a_cpu_unless_the_user_says_so(width, device, omp, inside, monkeypatch):
    if omp:
        monkeypatch.setenv("OMP_NUM_THREADS", omp)
    with threads_for(torch.nn.Linear(width, width, device="meta"), device)():
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == 3


@pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)
def test_what_runs_beside_and_after_the_engine_has_its_threads():
    from harness.engines.hf import HfEngine

    engine = HfEngine(resolve_checkpoint("demo"))
    engine.load()
    request = Request(task="t", sample_id="1", prompt="Is there a dog?", media=(), open_media=list)
    for _, response in engine.generate([request], Decoding(max_new_tokens=2)):
        assert response.error is None
        assert torch.get_num_threads() == 3
    engine.close()
    assert torch.get_num_threads() == 3
