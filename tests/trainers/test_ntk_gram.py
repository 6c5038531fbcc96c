"""The streamed kernel against autograd, by hand, and its backward against finite differences."""

import math

import pytest
import torch

from harness.core.errors import UsageError
from trainers.ntk import by_gradient
from trainers.ntk import gram as gram_module
from trainers.ntk.estimators import mean_states, ntk_similarity, tokens_to_compare, top_tokens
from trainers.ntk.gram import ntk_cosine, ntk_gram
from trainers.ntk.primitives import mean_weights
from trainers.settings import NtkSettings


def reference(hidden, lm_head, targets, sequence, num_sequences, token_weights=None):
    """The definition: gradients of the sequences' weighted log-probabilities, and their inner products."""
    head = lm_head.detach().requires_grad_(True)
    logprobs = torch.log_softmax(hidden @ head.T, -1).gather(1, targets[:, None]).squeeze(1)
    gradients = []
    for number in range(num_sequences):
        member = sequence == number
        if not member.any():
            gradients.append(torch.zeros_like(head).flatten())
            continue
        values = logprobs[member]
        total = values.mean() if token_weights is None else (values * token_weights[member]).sum()
        (gradient,) = torch.autograd.grad(total, head, create_graph=True)
        gradients.append(gradient.flatten())
    stacked = torch.stack(gradients)
    return stacked @ stacked.T


def differentiable_reference(hidden, lm_head, targets, sequence, num_sequences):
    """The kernel from materialised residuals."""
    onehot = torch.nn.functional.one_hot(targets, len(lm_head)).to(hidden.dtype)
    residuals = onehot - torch.softmax(hidden @ lm_head.T, -1)
    residuals = residuals * mean_weights(sequence, num_sequences, hidden.dtype)[:, None]
    member = torch.nn.functional.one_hot(sequence, num_sequences).to(hidden.dtype)
    return member.T @ ((residuals @ residuals.T) * (hidden @ hidden.T)) @ member


def target_logprobs(hidden, lm_head, targets):
    return torch.log_softmax(hidden @ lm_head.T, -1).gather(1, targets[:, None]).squeeze(1)


def tokens_of(hidden, lm_head, targets, sequence, num_sequences, **settings):
    logprobs = target_logprobs(hidden, lm_head, targets).detach()
    prompt = torch.arange(num_sequences)
    return tokens_to_compare(hidden, targets, sequence, logprobs, prompt, NtkSettings(**settings))[0]


def similarity_by(hidden, lm_head, *rest, **settings):
    return ntk_similarity(tokens_of(hidden, lm_head, *rest, **settings), lm_head, NtkSettings(**settings))


def draw(count=23, width=6, vocabulary=37, sequences=4, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, width, generator=generator, dtype=dtype)
    lm_head = torch.randn(vocabulary, width, generator=generator, dtype=dtype)
    targets = torch.randint(0, vocabulary, (count,), generator=generator)
    targets[1] = targets[0]  # Equal targets within and across sequences take a path of their own.
    targets[-1] = targets[0]
    sequence = torch.randint(0, sequences, (count,), generator=generator)
    return hidden, lm_head, targets, sequence, sequences


@pytest.fixture(params=["pairs", "gradient"])
def way(request, monkeypatch):
    """Both ways to the kernel, whatever is cheaper; small pieces, so that there are several."""
    monkeypatch.setattr(gram_module, "is_cheaper", lambda *_: request.param == "gradient")
    monkeypatch.setattr(by_gradient, "MOST_NUMBERS", 100)
    return request.param


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("chunk_size", [1, 7, 37, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_gram_equals_autograd(chunk_size, weighted):
    hidden, lm_head, targets, sequence, count = draw()
    weights = torch.rand(len(targets), dtype=torch.float64) if weighted else None
    expected = reference(hidden, lm_head, targets, sequence, count, weights)
    gram = ntk_gram(hidden, lm_head, targets, sequence, count, token_weights=weights, chunk_size=chunk_size)
    assert ((gram - expected).norm() / expected.norm()).item() <= 1e-13
    assert torch.equal(gram, gram.T) or (gram - gram.T).abs().max() < 1e-15


@pytest.mark.usefixtures("way")
def test_gram_by_hand():
    # Two tokens of their own sequences, three words, zero logits: p = 1/3 each.
    hidden = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    lm_head = torch.zeros(3, 2, dtype=torch.float64)
    gram = ntk_gram(hidden, lm_head, torch.tensor([0, 1]), torch.tensor([0, 1]), 2)
    # r = (2/3, -1/3, -1/3) and (-1/3, 2/3, -1/3): |r|^2 = 2/3, r.r' = -1/3; h.h = 1 and 2, h.h' = 1.
    expected = torch.tensor([[2 / 3, -1 / 3], [-1 / 3, 4 / 3]], dtype=torch.float64)
    torch.testing.assert_close(gram, expected, rtol=1e-14, atol=0)
    assert ntk_cosine(gram)[0, 1].item() == pytest.approx(-1 / (2 * math.sqrt(2)), rel=1e-14)


@pytest.mark.usefixtures("way")
def test_gram_gives_a_sequence_without_tokens_zeros():
    hidden, lm_head, targets, sequence, _ = draw(sequences=3)
    gram = ntk_gram(hidden.requires_grad_(), lm_head, targets, sequence * 2, 6)
    assert gram[1].abs().max() == 0
    assert gram[:, 5].abs().max() == 0
    similarity = ntk_cosine(gram)
    similarity.sum().backward()
    assert torch.isfinite(hidden.grad).all()
    torch.testing.assert_close(
        similarity.diagonal(), torch.tensor([1, 0, 1, 0, 1, 0], dtype=torch.float64), rtol=1e-12, atol=0
    )


@pytest.mark.usefixtures("way")
def test_backward_passes_gradcheck():
    hidden, lm_head, targets, sequence, count = draw(count=9, width=3, vocabulary=11, sequences=3)
    hidden.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda h: ntk_gram(h, lm_head, targets, sequence, count, chunk_size=4), (hidden,), eps=1e-6, atol=1e-7
    )
    assert torch.autograd.gradcheck(
        lambda h: ntk_cosine(ntk_gram(h, lm_head, targets, sequence, count, chunk_size=4)), (hidden,)
    )


@pytest.mark.usefixtures("way")
def test_backward_equals_autograd_of_materialised_residuals():
    hidden, lm_head, targets, sequence, count = draw()
    cotangent = torch.randn(count, count, dtype=torch.float64)
    grads = []
    for gram in (ntk_gram, differentiable_reference):
        states = hidden.clone().requires_grad_()
        (gram(states, lm_head, targets, sequence, count) * cotangent).sum().backward()
        grads.append(states.grad)
    assert ((grads[0] - grads[1]).norm() / grads[1].norm()).item() <= 1e-12


def test_both_ways_have_the_same_gradient(monkeypatch):
    hidden, lm_head, targets, sequence, count = draw(count=40)
    cotangent = torch.randn(count, count, dtype=torch.float64)
    grads = []
    for choice in (False, True):
        monkeypatch.setattr(gram_module, "is_cheaper", lambda *_, choice=choice: choice)
        states = hidden.clone().requires_grad_()
        (ntk_gram(states, lm_head, targets, sequence, count, chunk_size=9) * cotangent).sum().backward()
        grads.append(states.grad)
    assert float((grads[0] - grads[1]).norm() / grads[0].norm()) <= 1e-12


def test_many_tokens_go_by_gradient():
    assert by_gradient.is_cheaper(49_000, 64, 3584)
    assert not by_gradient.is_cheaper(4096, 64, 3584)


@pytest.mark.usefixtures("way")
def test_sure_tokens_keep_their_precision_in_float32():
    # Every target has a probability of about 1 - 1e-9: 1 - p is zero in float32, the sum of the others is not.
    generator = torch.Generator().manual_seed(1)
    basis = torch.linalg.qr(torch.randn(16, 16, generator=generator, dtype=torch.float64)).Q
    hidden = 4 * (basis[:12] + 0.7 * basis[12])
    lm_head = torch.randn(37, 16, generator=generator, dtype=torch.float64) / 8
    lm_head[:12] += 6 * basis[:12]
    targets, sequence = torch.arange(12), torch.arange(12) % 4
    assert -1e-8 < float(target_logprobs(hidden, lm_head, targets).max()) < 0
    gradients, similarities = [], []
    for dtype in (torch.float64, torch.float32):
        states = hidden.detach().clone().to(dtype).requires_grad_()
        similarity = ntk_cosine(ntk_gram(states, lm_head.to(dtype), targets, sequence, 4, chunk_size=5))
        similarity.square().sum().backward()
        gradients.append(states.grad.double())
        similarities.append(similarity.detach().double())
    torch.testing.assert_close(similarities[1], similarities[0], rtol=1e-4, atol=1e-5)
    assert float((gradients[1] - gradients[0]).norm() / gradients[0].norm()) < 1e-3


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_lower_precision_sums_in_float32(dtype, tolerance):
    hidden, lm_head, targets, sequence, count = draw(count=40)
    exact = ntk_cosine(ntk_gram(hidden, lm_head, targets, sequence, count))
    low = hidden.to(dtype).requires_grad_()
    gram = ntk_gram(low, lm_head.to(dtype), targets, sequence, count, chunk_size=10)
    assert gram.dtype == torch.float32
    assert float((ntk_cosine(gram).detach().double() - exact).abs().max()) < tolerance
    gram.sum().backward()
    assert low.grad.dtype == dtype


@pytest.mark.usefixtures("way")
def test_a_head_of_another_precision_is_cast_by_chunk():
    hidden, lm_head, targets, sequence, count = draw(dtype=torch.float32)
    narrow = lm_head.bfloat16()
    mixed = ntk_gram(hidden.requires_grad_(), narrow, targets, sequence, count, chunk_size=5)
    torch.testing.assert_close(mixed, ntk_gram(hidden, narrow.float(), targets, sequence, count))
    mixed.sum().backward()
    assert hidden.grad.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": torch.zeros(5, dtype=torch.int64)}, "targets has shape"),
        ({"sequence": torch.zeros(5, dtype=torch.int64)}, "sequence has shape"),
        ({"lm_head": torch.zeros(5, 3)}, "do not fit"),
        ({"num_sequences": 0}, "at least 1"),
        ({"token_weights": torch.ones(3)}, "token_weights has shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(change, message):
    hidden, lm_head, targets, sequence, count = draw()
    arguments = {
        "hidden": hidden, "lm_head": lm_head, "targets": targets, "sequence": sequence, "num_sequences": count,
    } | change  # fmt: skip
    with pytest.raises(UsageError, match=message):
        ntk_gram(**arguments)


def test_top_tokens_keeps_the_least_likely_of_each_sequence():
    logprobs = torch.tensor([-1.0, -5.0, -0.1, -2.0, -3.0, -0.5])
    sequence = torch.tensor([1, 0, 0, 0, 1, 2])
    assert top_tokens(logprobs, sequence, 2).tolist() == [0, 1, 3, 4, 5]
    assert top_tokens(logprobs, sequence, 1).tolist() == [1, 4, 5]
    assert top_tokens(logprobs, sequence, 9).tolist() == [0, 1, 2, 3, 4, 5]


def test_top_tokens_with_all_tokens_is_exact():
    arguments = draw()
    exact = similarity_by(*arguments)
    torch.testing.assert_close(similarity_by(*arguments, estimator="top_tokens", max_tokens=100), exact)
    assert not torch.allclose(similarity_by(*arguments, estimator="top_tokens", max_tokens=1), exact)


def test_hidden_is_the_cosine_of_mean_states():
    hidden, lm_head, targets, sequence, count = draw()
    features = torch.stack([hidden[sequence == number].mean(0) for number in range(count)])
    torch.testing.assert_close(mean_states(tokens_of(hidden, lm_head, targets, sequence, count)), features)
    expected = torch.nn.functional.cosine_similarity(features[:, None], features[None], dim=-1)
    torch.testing.assert_close(similarity_by(hidden, lm_head, targets, sequence, count, estimator="hidden"), expected)


@pytest.mark.parametrize("certainty", [20.0, 28.0, 32.0, 36.0, 44.0, 60.0, 110.0])
def test_gradients_of_certain_sequences_are_finite(certainty):
    # Probabilities of all but the target from 1e-9 down to 0: squares of the gradients lie near the end of float32.
    head = torch.eye(3)
    hidden = torch.tensor([[certainty, 0.0, 0.0], [0.0, certainty, 0.0], [0.3, 0.1, 0.2]], requires_grad=True)
    cosine = ntk_cosine(ntk_gram(hidden, head, torch.tensor([0, 1, 2]), torch.arange(3), 3))
    (cosine[0, 1] + cosine[0, 2] * 0.0 + cosine[2, 1]).backward()
    assert cosine.isfinite().all()
    assert hidden.grad.isfinite().all()
    assert cosine[2, 2].item() == pytest.approx(1.0)
