"""The contrastive term of the sequences of one rank or of all: for tests and the processes that they start."""

from contextlib import ExitStack
from unittest.mock import patch

import torch

from trainers.ntk import by_gradient, estimators, gram, term_of_batch, tokens_to_compare
from trainers.settings import NtkSettings

CASES = {
    "pairs": {},
    "gradient": {},
    "top_tokens": {"estimator": "top_tokens", "max_tokens": 3},
    "hidden": {"estimator": "hidden"},
}
"""Settings of the term by what is sent between ranks."""
LENGTHS = (3, 6, 4, 4)
PROMPTS = torch.tensor([0, 1, 0, 2])


def term_and_gradient(case, sequences, *, micro_batch, ranks=1):
    """The term, and its gradient in the states of all sequences, zero for those that are not this rank's.

    Args:
        case: of `CASES`.
        sequences: numbers of this rank's sequences.
        micro_batch: how many of them are in one.
        ranks: among which the gradient will be averaged.
    """
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(sum(LENGTHS), 5, generator=generator, dtype=torch.float64)
    head = torch.randn(29, 5, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 29, (sum(LENGTHS),), generator=generator)
    logprobs = (hidden @ head.T).log_softmax(1).gather(1, targets[:, None]).squeeze(1)
    owner = torch.arange(len(LENGTHS)).repeat_interleave(torch.tensor(LENGTHS))
    settings = NtkSettings(threshold=None, quantile=0.5, **CASES[case])
    parts, places = [], []
    for batch in torch.tensor(sequences).split(micro_batch):
        rows = torch.isin(owner, batch).nonzero().squeeze(1)
        sequence = torch.searchsorted(batch, owner[rows])
        tokens, kept = tokens_to_compare(
            hidden[rows], targets[rows], sequence, logprobs[rows], PROMPTS[batch], settings
        )
        parts.append(tokens)
        places.append(rows[kept])
    with ExitStack() as stack:  # One way to the kernel, whatever is cheaper; in so small pieces that there are several.
        for module in (estimators, gram):
            stack.enter_context(patch.object(module, "is_cheaper", lambda *_: case == "gradient"))
        stack.enter_context(patch.object(by_gradient, "MOST_NUMBERS", 100))
        term = term_of_batch(parts, head, settings, scale=ranks)
    gradient = torch.zeros_like(hidden)
    for rows, pull in zip(places, term.gradients, strict=True):
        gradient[rows] = pull
    return term.loss, gradient
