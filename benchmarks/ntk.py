"""Time and peak memory of the last-layer kernel, and the error of its estimators.

    python benchmarks/ntk.py                  tables on standard output
    python benchmarks/ntk.py --json FILE      the figures too

Each measurement runs in a process of its own, so that its peak memory is its own: the most that the process held above
what it held with its inputs made. Times are medians over repetitions, forward and backward, with as many threads as
OMP_NUM_THREADS says; compare ratios within one run, not seconds between machines.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEAD = "LM head, forward and backward"
FROZEN = "LM head, frozen weight"
STREAMED = "streamed"
RESIDUALS = "residuals held"
AUTOGRAD = "autograd, a gradient per sequence"

SHAPES = ((512, 896, 32_000), (512, 896, 151_936), (512, 1536, 151_936), (4096, 256, 32_000))
"""Tokens, width, vocabulary: 8 sequences, at Qwen2.5-VL's vocabulary and two widths; the last has many tokens."""
SEQUENCES = 8
KEPT = (4, 8, 16, 32, 64, 128, 192, 256, 384, 512)
"""Tokens of a response that `top_tokens` keeps."""
RESPONSES = ((64, 0.8), (768, 0.9), (768, 0.8))
"""Tokens of a response, and the share of them that the model is nearly certain of."""
QUANTILE = 0.9
"""`ntk.quantile` of the recipes."""


def make_inputs(tokens: int, width: int, vocabulary: int) -> tuple[Any, ...]:
    """States, head, targets and sequences, made without a matrix larger than the head: peak memory starts from here."""
    import torch

    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(tokens, width, generator=generator)
    lm_head = torch.randn(vocabulary, width, generator=generator).mul_(3 * width**-0.5)
    targets = torch.randint(0, vocabulary, (tokens,), generator=generator)
    sequence = torch.arange(tokens) * SEQUENCES // tokens
    return hidden, lm_head, targets, sequence


def lm_head_pass(hidden: Any, lm_head: Any, targets: Any, sequence: Any) -> Any:
    """Mean cross-entropy through the head: what any step costs."""
    import torch.nn.functional as F

    return F.cross_entropy(hidden @ lm_head.T, targets)


def residuals_held(hidden: Any, lm_head: Any, targets: Any, sequence: Any) -> Any:
    """The kernel from residuals of N x V, by autograd."""
    import torch
    import torch.nn.functional as F

    onehot = F.one_hot(targets, len(lm_head)).to(hidden.dtype)
    residuals = onehot - torch.softmax(hidden @ lm_head.T, -1)
    member = F.one_hot(sequence, SEQUENCES).to(hidden.dtype)
    member = member / member.sum(0)
    return member.T @ ((residuals @ residuals.T) * (hidden @ hidden.T)) @ member


def gradient_per_sequence(hidden: Any, lm_head: Any, targets: Any, sequence: Any) -> Any:
    """The kernel by its definition: one gradient of V x d a sequence, without a backward of its own."""
    import torch

    head = lm_head.detach().requires_grad_()
    gradients = []
    for number in range(SEQUENCES):
        member = sequence == number
        logprobs = torch.log_softmax(hidden[member].detach() @ head.T, -1)
        total = logprobs.gather(1, targets[member][:, None]).mean()
        gradients.append(torch.autograd.grad(total, head)[0].flatten())
    stacked = torch.stack(gradients)
    return stacked @ stacked.T


def measure(case: str, shape: tuple[int, int, int], chunk_size: int, repetitions: int) -> dict[str, float]:
    """Seconds and bytes of one implementation at one shape, in this process."""
    import torch

    from trainers.ntk import ntk_gram

    hidden, lm_head, targets, sequence = make_inputs(*shape)
    hidden.requires_grad_()
    lm_head.requires_grad_(case == HEAD)
    run: Callable[..., Any] = {
        HEAD: lm_head_pass,
        FROZEN: lm_head_pass,
        RESIDUALS: residuals_held,
        AUTOGRAD: gradient_per_sequence,
        STREAMED: lambda h, w, y, s: ntk_gram(h, w, y, s, SEQUENCES, chunk_size=chunk_size),
    }[case]
    before = peak_bytes()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        result = run(hidden, lm_head, targets, sequence)
        if result.requires_grad:
            torch.autograd.backward(result.sum())
        seconds.append(time.perf_counter() - start)
        hidden.grad = lm_head.grad = None
        del result
    return {"seconds": statistics.median(seconds), "bytes": peak_bytes() - before}


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else 1024 * peak


def in_own_process(function: str, **arguments: Any) -> Any:
    """Call a function of this module in a fresh interpreter.

    This process never imports torch: on Linux a child starts with its parent's peak memory as its own.
    """
    call = json.dumps({"function": function, "arguments": arguments})
    output = subprocess.run(
        [sys.executable, __file__, "--call", call], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return json.loads(output)


def time_and_memory(repetitions: int, only: int | None) -> list[dict[str, Any]]:
    """All implementations at all shapes."""
    rows = []
    for shape in SHAPES if only is None else SHAPES[only : only + 1]:
        tokens, _, vocabulary = shape
        cases = [(HEAD, 0), (FROZEN, 0), (STREAMED, 16384), (STREAMED, 4096), (RESIDUALS, 0)]
        if shape == SHAPES[0]:
            cases.append((AUTOGRAD, 0))
        figures = {
            case: in_own_process("measure", case=case[0], shape=shape, chunk_size=case[1], repetitions=repetitions)
            for case in cases
        }
        for (name, chunk_size), figure in figures.items():
            rows.append(
                {
                    "tokens, width, vocabulary": " x ".join(map(str, shape)),
                    "what": name + (f", chunk {chunk_size}" if chunk_size else ""),
                    "seconds": round(figure["seconds"], 2),
                    "of LM head": round(figure["seconds"] / figures[HEAD, 0]["seconds"], 2),
                    "peak MB": round(figure["bytes"] / 1e6),
                    "of one N x V": round(figure["bytes"] / (4 * tokens * vocabulary), 3),
                    "of residuals held": round(figure["bytes"] / figures[RESIDUALS, 0]["bytes"], 3),
                }
            )
    return rows


def estimator_errors(tokens_per_sequence: int, sure_share: float) -> list[dict[str, Any]]:
    """Error of each estimator's cosine against the exact one, over pairs of different sequences.

    "above the quantile" is the share of the pairs above the recipes' threshold that the estimator puts above it too.

    The states have what makes estimators differ on a language model: a mean that all share, a part of their sequence's
    own, and tokens that are mostly sure with a few that are not.
    """
    import torch

    from trainers.ntk import ntk_similarity, tokens_to_compare
    from trainers.settings import NtkSettings

    count, width, vocabulary = 16, 128, 8_000
    generator = torch.Generator().manual_seed(0)
    sequence = torch.arange(count).repeat_interleave(tokens_per_sequence)
    shared = torch.randn(1, width, generator=generator, dtype=torch.float64)
    own = torch.randn(count, width, generator=generator, dtype=torch.float64)
    hidden = torch.randn(len(sequence), width, generator=generator, dtype=torch.float64) + shared + 0.5 * own[sequence]
    lm_head = torch.randn(vocabulary, width, generator=generator, dtype=torch.float64) * width**-0.5
    targets = (3 * hidden @ lm_head.T).softmax(1).multinomial(1, generator=generator).squeeze(1)
    sure = torch.rand(len(sequence), generator=generator) < sure_share
    hidden[sure] += 12 * lm_head[targets[sure]] / lm_head[targets[sure]].norm(dim=1, keepdim=True)
    logprobs = (hidden @ lm_head.T).log_softmax(1)[torch.arange(len(targets)), targets]

    def cosines(states: Any, head: Any, **setting: Any) -> Any:
        settings = NtkSettings(**setting)
        tokens, _ = tokens_to_compare(states, targets, sequence, logprobs, torch.arange(count), settings)
        return ntk_similarity(tokens, head, settings).double()

    exact = cosines(hidden, lm_head)
    different = ~torch.eye(count, dtype=torch.bool)
    rows = [{"estimator": "exact, float32", "values": cosines(hidden.float(), lm_head.float())}]
    settings: list[tuple[str, dict[str, Any]]] = [
        *((f"top_tokens, {kept} of {tokens_per_sequence}", {"estimator": "top_tokens", "max_tokens": kept})
          for kept in KEPT if kept < tokens_per_sequence),
        ("hidden", {"estimator": "hidden"}),
    ]  # fmt: skip
    rows += [{"estimator": name, "values": cosines(hidden, lm_head, **setting)} for name, setting in settings]
    table = []
    for row in rows:
        pairs = row["values"][different], exact[different]
        above = [values > values.quantile(QUANTILE) for values in pairs]
        table.append(
            {
                "estimator": row["estimator"],
                "mean error": float(f"{float((pairs[0] - pairs[1]).abs().mean()):.2g}"),
                "largest error": float(f"{float((pairs[0] - pairs[1]).abs().max()):.2g}"),
                "correlation": round(float(torch.corrcoef(torch.stack(pairs))[0, 1]), 3),
                "above the quantile": round(float((above[0] & above[1]).sum() / above[1].sum()), 2),
            }
        )
    return table


def agreement() -> dict[str, float]:
    """Relative difference to autograd in float64, of the kernel and of its gradient in the states."""

    from trainers.ntk import ntk_gram

    inputs = [value.double() if value.is_floating_point() else value for value in make_inputs(96, 32, 1000)]
    results = []
    for run in (lambda *a: ntk_gram(*a, SEQUENCES, chunk_size=128), residuals_held):
        hidden = inputs[0].clone().requires_grad_()
        gram = run(hidden, *inputs[1:])
        gram.square().sum().backward()
        results.append((gram.detach(), hidden.grad))
    by_definition = gradient_per_sequence(*inputs)
    (gram, gradient), (_, expected) = results
    return {
        "kernel": float((gram - by_definition).norm() / by_definition.norm()),
        "gradient": float((gradient - expected).norm() / expected.norm()),
    }


def main() -> None:
    """Print the tables."""
    from tabulate import tabulate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="of each measurement (default: 3)")
    parser.add_argument("--shape", type=int, metavar="I", help="only this one of the shapes")
    parser.add_argument("--estimators", action="store_true", help="only the error of the estimators")
    parser.add_argument("--call", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call:
        call = json.loads(arguments.call)
        print(json.dumps(globals()[call["function"]](**call["arguments"])))
        return
    figures: dict[str, Any] = {
        "agreement with autograd, float64": in_own_process("agreement"),
        **{
            f"estimators, {length} tokens a response, sure of {sure:.0%}": in_own_process(
                "estimator_errors", tokens_per_sequence=length, sure_share=sure
            )
            for length, sure in RESPONSES
        },
    }
    if not arguments.estimators:
        figures["time and memory"] = time_and_memory(arguments.repetitions, arguments.shape)
    for title, table in figures.items():
        print(f"\n{title}\n")
        print(tabulate(table if isinstance(table, list) else [table], headers="keys"))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
