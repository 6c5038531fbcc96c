"""Share of a training step spent in generation, rewards, the contrastive term and the update.

    python benchmarks/train_step.py demo/method [key=value ...] [--steps 10] [--json FILE]

The recipe is trained for a few steps in a temporary folder, without selection and evaluation, and its parts are timed
from outside, the judge with nothing remembered. The first step is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

from tabulate import tabulate


def timed(spent: dict[str, list[float]], name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that adds the time of each call to `spent[name][-1]`."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            spent[name][-1] += time.perf_counter() - start

    wrapper.__name__ = getattr(call, "__name__", name)
    return wrapper


def allow_weights_on_cpu() -> None:
    """Have vLLM on CPU take new weights: it packs them, and what is packed cannot be loaded into."""
    import os

    from torch.nn.functional import linear
    from vllm.model_executor.layers import utils

    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    utils.dispatch_cpu_unquantized_gemm = lambda layer, remove_weight: setattr(layer, "cpu_linear", linear)


def make_trainer(name: str, settings: Sequence[str], folder: str) -> Any:
    """The trainer of a recipe in an empty folder, without selection and checkpoints, its judge remembering nothing."""
    from harness.engines.checkpoints import resolve_checkpoint
    from trainers.assembly import build_trainer
    from trainers.preparation import prepare
    from trainers.recipe import load_recipe
    from trainers.trl_config import build_config

    own = ["selection.enabled=false", "train.save_strategy=no", f"output={folder}", f"judge.cache={folder}/judge"]
    recipe = load_recipe(name, [*own, *settings])
    examples, root, judge = prepare(recipe, Path(folder))
    config, checkpoint = build_config(recipe, Path(folder)), resolve_checkpoint(recipe.model)
    return build_trainer(recipe, config, checkpoint, examples, root, judge=judge, facts={})


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="demo/method", metavar="RECIPE")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="default: 10")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    arguments = parser.parse_args()

    import torch
    from transformers import TrainerCallback

    from trainers.recipe import load_recipe
    from trainers.trl_vllm import leave_out_vllm

    given = load_recipe(arguments.recipe, arguments.overrides)
    leave_out_vllm(given)  # Before TRL's trainers are imported.
    if given.train.get("use_vllm") and not torch.cuda.is_available():
        allow_weights_on_cpu()

    from trainers.extensions import contrastive
    from trainers.models import quiet_libraries
    from trainers.ntk.by_gradient import GramByGradient
    from trainers.ntk.gram import _StreamedGram

    spent: dict[str, list[float]] = defaultdict(lambda: [0.0])

    class Steps(TrainerCallback):
        """Starts a new count with each step."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.start = time.perf_counter()
            for values in spent.values():
                values.append(0.0)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            spent["step"][-1] = time.perf_counter() - self.start

    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        contrastive.term_of_batch = timed(spent, "kernel forward", contrastive.term_of_batch)  # type: ignore[assignment]
        trainer = make_trainer(arguments.recipe, [*arguments.overrides, f"train.max_steps={arguments.steps}"], folder)
        trainer.add_callback(Steps())
        for name in ("generation", *trainer.reward_func_names, "kernel forward", "kernel backward", "step"):
            spent[name].append(0.0)
        trainer._generate = timed(spent, "generation", trainer._generate)
        trainer.reward_funcs = [timed(spent, call.__name__, call) for call in trainer.reward_funcs]
        for kernel in (_StreamedGram, GramByGradient):
            kernel.backward = staticmethod(timed(spent, "kernel backward", kernel.backward))  # type: ignore[method-assign]
        trainer.train()
    means = {name: statistics.mean(values[-arguments.steps + 1 :]) for name, values in spent.items()}
    whole = means.pop("step")
    means["update and the rest"] = whole - sum(means.values())
    rows = [{"part": name, "seconds": round(v, 4), "share": f"{v / whole:.1%}"} for name, v in means.items()]
    rows.append({"part": "step", "seconds": round(whole, 4), "share": "100%"})
    print(tabulate(rows, headers="keys"))
    added = sum(means.get(name, 0.0) for name in ("caption", "kernel forward", "kernel backward"))
    print(f"\ncaption reward and contrastive term together: {added / whole:.1%} of a step")
    if arguments.json:
        peak = (
            torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 1024 * getrusage(RUSAGE_SELF).ru_maxrss
        )
        figures = {"parts": rows, "log": trainer.state.log_history, "peak_bytes": peak}
        arguments.json.write_text(json.dumps(figures, indent=2, default=str) + "\n")


if __name__ == "__main__":
    main()
