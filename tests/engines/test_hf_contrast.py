"""Contrastive decoding: logits by hand, and noise that belongs to its row."""

from dataclasses import replace
from math import exp, inf, log

import pytest
import torch

from harness.engines.contrasts import read_contrast
from harness.engines.hf_choosing import TokenChooser
from harness.engines.hf_contrast import contrasted, cost_on, doubled

VCD, M3ID = read_contrast("vcd:alpha=1,beta=0"), read_contrast("m3id:decay=0.5,beta=0")


def test_visual_contrastive_decoding_by_hand() -> None:
    logits, noised = torch.tensor([[2.0, 1.0, -3.0]]), torch.tensor([[3.0, 0.5, -9.0]])
    assert contrasted(VCD, logits, noised, 1).tolist() == [[1.0, 1.5, 3.0]]
    assert contrasted(replace(VCD, alpha=0.5), logits, noised, 1).tolist() == [[1.5, 1.25, 0.0]]
    # log .1 = -2.3: what is below -.3 is implausible.
    assert contrasted(replace(VCD, beta=0.1), logits, noised, 1).tolist() == [[1.0, 1.5, -inf]]
    assert torch.equal(contrasted(replace(VCD, alpha=0.0), logits, noised, 1), logits)


def test_mutual_information_decoding_by_hand() -> None:
    shown, hidden = torch.tensor([[log(0.6), log(0.3), log(0.1)]]), torch.tensor([[log(0.8), log(0.1), log(0.1)]])
    factor = exp(0.5 * 2) - 1
    expected = [log(0.6) + factor * log(0.6 / 0.8), log(0.3) + factor * log(0.3 / 0.1), log(0.1)]
    assert contrasted(M3ID, shown + 7, hidden - 7, 2)[0].tolist() == pytest.approx(expected, abs=1e-5)
    assert contrasted(replace(M3ID, decay=0.0), shown, hidden, 2)[0].tolist() == pytest.approx(shown[0].tolist())
    # .6 is not below .5: the model is sure enough without.
    sure = contrasted(replace(M3ID, threshold=0.5), shown, hidden, 2)
    assert sure[0].tolist() == pytest.approx(shown[0].tolist(), abs=1e-6)
    # log .2 + log .6: a sixth of the most probable is just below .12.
    assert contrasted(replace(M3ID, beta=0.2), shown, hidden, 2)[0].tolist()[2] == -inf


@pytest.mark.parametrize(("decay", "step"), [(1.0, 2000), (0.1, 1000), (0.02, 8000)])
def test_mutual_information_decoding_has_numbers_however_long_the_response(decay: float, step: int) -> None:
    shown, hidden = torch.tensor([[0.0, 1.0, -80.0]]), torch.tensor([[0.0, 0.5, 80.0]])
    scores = contrasted(replace(M3ID, decay=decay), shown, hidden, step)
    assert scores.isfinite().all()
    assert scores.argmax().item() == 1


def test_cost_counts_tokens_up_to_the_end_which_may_be_the_padding_too() -> None:
    end = 9
    made = torch.tensor([[5, 6, end, end], [5, 6, 7, 8]])
    line = cost_on(VCD, lambda: torch.full((2, 1), end), {end}, made, 0.5)
    assert "; 14 tokens/s, " in line
    assert "on the second batch" in line


def test_both_halves_are_given_what_the_first_chooses_and_keep_its_own_probability() -> None:
    logits, noised = torch.tensor([[2.0, 1.0, -3.0]]), torch.tensor([[3.0, 0.5, -9.0]])
    chooser = TokenChooser(None, max_new_tokens=1, contrast=replace(VCD, beta=0.1))
    ids = torch.zeros((2, 1), dtype=torch.long)
    assert chooser(ids, torch.cat([logits, noised])).argmax(dim=1).tolist() == [1, 1]  # type: ignore[arg-type]
    assert chooser.logprobs() == [pytest.approx([logits.log_softmax(dim=1)[0, 1].item()])]


def test_noise_is_that_of_the_steps_and_belongs_to_its_row() -> None:
    rows = [
        {"input_ids": torch.tensor([[1]]), "pixel_values": torch.full((length, 3 * 2 * 500), 2.0)} for length in (3, 5)
    ]
    both = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    one = doubled(rows[1], VCD, [7], rows.__getitem__, set(), 2)["pixel_values"]
    two = doubled(both, VCD, [6, 7], rows.__getitem__, set(), 2)["pixel_values"]
    assert torch.equal(two[:8], both["pixel_values"])
    assert torch.equal(two[-5:], one[-5:])
    betas = [1 / (1 + exp(6 - 12 * step / 999)) * (0.5e-2 - 1e-5) + 1e-5 for step in range(501)]
    kept = exp(sum(log(1 - beta) for beta in betas))
    noise = (one[-5:] - kept**0.5 * 2.0) / (1 - kept) ** 0.5
    assert noise.mean().item() == pytest.approx(0, abs=0.05)
    assert noise.std().item() == pytest.approx(1, abs=0.05)
    frames = one[-5:].reshape(5, 3, 2, 500)
    assert torch.equal(frames[:, :, 0], frames[:, :, 1])  # One image, in both frames of its patches.
