"""The contrastive term by hand, and its edges."""

import math

import pytest
import torch

from trainers.ntk.contrast import contrast as contrast_by
from trainers.settings import NtkSettings


def matrix(rows):
    return torch.tensor(rows, dtype=torch.float64)


def contrast(similarity, prompt, *, present=None, **settings):
    return contrast_by(similarity, prompt, NtkSettings(**settings), present=present)


SIMILARITY = matrix([[1.0, 0.8, 0.2], [0.8, 1.0, 0.6], [0.2, 0.6, 1.0]])
PROMPTS = torch.tensor([0, 1, 2])


def test_loss_by_hand():
    result = contrast(SIMILARITY, PROMPTS, threshold=0.5, temperature=0.5)
    # Only the pair (0, 2) is a positive; anchor 1 has none and is left out.
    rows = [
        -math.log(math.exp(0.4) / (math.exp(0.4) + math.exp(1.6))),
        -math.log(math.exp(0.4) / (math.exp(0.4) + math.exp(1.2))),
    ]
    assert result.loss.item() == pytest.approx(sum(rows) / 2, rel=1e-12)
    assert result.statistics["positives"] == pytest.approx(1 / 3)
    assert result.statistics["empty_rows"] == pytest.approx(1 / 3)
    assert result.statistics["anchors"] == 2
    assert result.statistics["pairs"] == 6
    assert (result.statistics["q05"], result.statistics["q50"], result.statistics["max"]) == (0.2, 0.6, 0.8)


def test_least_similar_fills_an_empty_row():
    result = contrast(SIMILARITY, PROMPTS, threshold=0.5, temperature=0.5, empty_rows="least_similar")
    rows = [
        -math.log(math.exp(0.4) / (math.exp(0.4) + math.exp(1.6))),
        -math.log(math.exp(1.2) / (math.exp(1.2) + math.exp(1.6))),
        -math.log(math.exp(0.4) / (math.exp(0.4) + math.exp(1.2))),
    ]
    assert result.loss.item() == pytest.approx(sum(rows) / 3, rel=1e-12)
    assert result.statistics["empty_rows"] == pytest.approx(1 / 3)


def test_the_gradient_separates_negatives_and_joins_positives():
    similarity = SIMILARITY.clone().requires_grad_()
    contrast(similarity, PROMPTS, threshold=0.5).loss.backward()
    assert similarity.grad[0, 2] < 0 < similarity.grad[0, 1]
    assert similarity.grad[1].abs().max() == 0
    assert torch.isfinite(similarity.grad).all()


def test_samples_of_one_prompt_are_no_pair():
    result = contrast(SIMILARITY, torch.tensor([0, 0, 1]), threshold=0.5)
    assert result.statistics["pairs"] == 4
    assert result.statistics["max"] == 0.6


def test_one_prompt_alone_gives_zero_with_a_graph():
    similarity = SIMILARITY.clone().requires_grad_()
    result = contrast(similarity, torch.tensor([3, 3, 3]), quantile=0.5)
    result.loss.backward()
    assert result.loss.item() == 0
    assert similarity.grad.abs().max() == 0
    assert math.isnan(result.statistics["positives"])
    assert result.statistics["anchors"] == 0


def test_a_threshold_above_all_pairs_is_inert():
    similarity = SIMILARITY.clone().requires_grad_()
    result = contrast(similarity, PROMPTS, threshold=0.9)
    result.loss.backward()
    assert result.statistics["positives"] == 1
    assert result.loss.item() == 0
    assert similarity.grad.abs().max() == 0


def test_quantile_sets_the_threshold():
    # The six ordered pairs: 0.2 0.2 0.6 0.6 0.8 0.8.
    for quantile, expected in ((0.1, 0.2), (1 / 3, 0.2), (0.5, 0.6), (0.66, 0.6), (0.9, 0.8)):
        assert contrast(SIMILARITY, PROMPTS, quantile=quantile).statistics["threshold"] == expected


def test_absent_samples_do_not_count():
    present = torch.tensor([True, False, True])
    result = contrast(SIMILARITY, PROMPTS, threshold=0.5, present=present)
    assert result.statistics["pairs"] == 2
    assert result.statistics["max"] == 0.2
