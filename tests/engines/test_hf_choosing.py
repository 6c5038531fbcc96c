"""Drawing the next token of each row, against probabilities worked out by hand."""

from __future__ import annotations

from math import exp, log

import pytest
import torch

from harness.engines.hf_choosing import TokenChooser, draw, penalise

LOGITS = torch.tensor([[log(0.1), log(0.6), log(0.3)]])


@pytest.mark.parametrize(
    ("uniform", "top_p", "token"),
    [
        (0.0, 1.0, 0), (0.09, 1.0, 0), (0.11, 1.0, 1), (0.69, 1.0, 1), (0.71, 1.0, 2), (0.999999999, 1.0, 2),
        # By falling probability: token 1 up to 0.6, token 2 up to 0.9, token 0.
        (0.0, 0.99, 1), (0.59, 0.99, 1), (0.61, 0.99, 2), (0.91, 0.99, 0),
        # Nucleus of 0.7: tokens 1 and 2, of which token 1 has two thirds.
        (0.66, 0.7, 1), (0.67, 0.7, 2), (0.999999999, 0.7, 2),
        (0.999999999, 0.5, 1), (0.5, 0.0, 1),
    ],
)  # fmt: skip
def test_a_draw_inverts_the_distribution(uniform: float, top_p: float, token: int) -> None:
    assert draw(LOGITS, torch.tensor([[uniform]], dtype=torch.float64), top_p).tolist() == [[token]]


@pytest.mark.parametrize(("top_k", "token"), [(0, 2), (1, 1), (2, 2), (3, 2), (9, 2)])
def test_the_most_probable_k_are_drawn_from(top_k: int, token: int) -> None:
    almost = torch.tensor([[0.999999999]], dtype=torch.float64)
    assert draw(LOGITS, almost, 1.0, top_k).tolist() == [[token]]
    # Of two tokens, 0.6 and 0.3, the first has two thirds.
    for uniform, drawn in ((0.66, 1), (0.67, 2)):
        assert draw(LOGITS, torch.tensor([[uniform]], dtype=torch.float64), 1.0, 2).tolist() == [[drawn]]


def test_repeated_tokens_are_penalised_and_padding_is_not() -> None:
    scores = torch.tensor([[2.0, -2.0, 1.0, 3.0], [2.0, -2.0, 1.0, 3.0]])
    ids = torch.tensor([[3, 0, 1], [3, 3, 2]])  # Token 3 pads the first row, and is in the second; 1 and 2 are new.
    mask = torch.tensor([[0, 1], [0, 1]])
    assert penalise(scores, ids, mask, 2.0).tolist() == [[1.0, -4.0, 1.0, 3.0], [2.0, -2.0, 0.5, 1.5]]
    chooser = TokenChooser(None, max_new_tokens=1, repetition_penalty=4.0, mask=mask)
    assert chooser(ids, scores).argmax(dim=1).tolist() == [3, 0]  # type: ignore[arg-type]
    raw = scores.log_softmax(dim=1)
    assert [row[0] for row in chooser.logprobs()] == pytest.approx([raw[0, 3].item(), raw[1, 0].item()])


def test_draws_follow_the_distribution_and_the_temperature() -> None:
    count = 20_000
    logits = LOGITS.expand(count, 3)
    chooser = TokenChooser(range(count), max_new_tokens=1, temperature=0.5)
    chosen = chooser(torch.zeros((count, 1), dtype=torch.long), logits).argmax(dim=1)  # type: ignore[arg-type]
    squares = [0.01, 0.36, 0.09]
    shares = torch.bincount(chosen, minlength=3) / count
    assert shares.tolist() == pytest.approx([square / 0.46 for square in squares], abs=0.01)
    # The temperature decides the choice, not what is kept of it.
    kept = {round(exp(row[0]), 4) for row in chooser.logprobs()}
    assert kept == {0.1, 0.6, 0.3}


def test_greedy_takes_the_most_probable_and_leaves_the_scores_alone() -> None:
    chooser = TokenChooser(None, max_new_tokens=2)
    scores = torch.cat([LOGITS, LOGITS.flip(1) + 5.0])
    assert chooser(torch.zeros((2, 1), dtype=torch.long), scores) is scores  # type: ignore[arg-type]
    chooser(torch.zeros((2, 2), dtype=torch.long), scores)  # type: ignore[arg-type]
    assert torch.tensor(chooser.logprobs()).exp().flatten().tolist() == pytest.approx([0.6] * 4)


def test_a_row_draws_the_same_in_any_batch() -> None:
    logits = torch.randn((3, 500), generator=torch.Generator().manual_seed(0))

    def chosen(seeds: list[int], rows: torch.Tensor) -> list[list[int]]:
        chooser = TokenChooser(seeds, max_new_tokens=5)
        ids = torch.zeros((len(seeds), 1), dtype=torch.long)
        return torch.stack([chooser(ids, rows).argmax(1) for _ in range(5)], 1).tolist()  # type: ignore[arg-type]

    together = chosen([7, 8, 9], logits)
    assert chosen([8], logits[1:2]) == together[1:2]
    assert chosen([9], logits[1:2]) != together[1:2]
