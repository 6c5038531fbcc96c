"""A loss over the tokens of one rank or of all: for tests and the processes that they start."""

import torch

from trainers.ntk import Tokens, contrast, gather_tokens, ntk_similarity
from trainers.settings import NtkSettings


def make_tokens():
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(17, 5, generator=generator, dtype=torch.float64)
    head = torch.randn(29, 5, generator=generator, dtype=torch.float64)
    sequence = torch.tensor([0] * 3 + [1] * 6 + [2] * 4 + [3] * 4)
    tokens = Tokens(
        hidden=hidden,
        targets=torch.randint(0, 29, (17,), generator=generator),
        sequence=sequence,
        logprobs=torch.zeros(17, dtype=torch.float64),
        prompt=torch.tensor([0, 1, 0, 2]),
    )
    return tokens, head


def loss_and_gradient(whole, head, rank):
    """The loss and its gradient in all states: local ones of `rank`, or all of them for `None`."""
    states = whole.hidden.clone().requires_grad_()
    first = 0 if rank in (None, 0) else 2
    last = 4 if rank is None else first + 2
    local = (whole.sequence >= first) & (whole.sequence < last)
    tokens = Tokens(
        hidden=states[local],
        targets=whole.targets[local],
        sequence=whole.sequence[local] - first,
        logprobs=whole.logprobs[local],
        prompt=whole.prompt[first:last],
    )
    tokens = gather_tokens(tokens)
    settings = NtkSettings(quantile=0.5)
    loss = contrast(ntk_similarity(tokens, head, settings), tokens.prompt, settings).loss
    world = 1 if rank is None else 2
    (loss * world).backward()
    return loss.detach(), states.grad
