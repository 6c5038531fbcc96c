"""What a training step of each method costs: responses, forward passes, and seconds beside those of plain GRPO.

    python benchmarks/methods.py [METHOD ...] [--steps 6] [--write]

Each method is laid over `demo/grpo` and trained for a few steps in a temporary folder, in one process.
Forward passes are counted by what goes through the policy, the reference apart. Seconds are of the CPU, so that other
programs do not count; the first step is left out. `--write` puts the table into docs/methods.md.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import torch
from tabulate import tabulate

PAGE: Final = Path(__file__).parents[1] / "docs" / "methods.md"
TABLE: Final = re.compile(r"(<!-- costs -->\n).*?(\n<!-- end of costs -->)", re.DOTALL)
VIDEOS: Final = ("data.demo_videos=0.5",)
"""T-GRPO needs videos, and is compared with plain GRPO on as many."""


def main() -> None:
    """Train, and print or write the table."""
    from trainers.recipe import shipped_recipes

    methods = ["method", *(name.removeprefix("methods/") for name in shipped_recipes(methods=True))]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="default: all of trainers/recipes/methods")
    parser.add_argument("--steps", type=int, default=6, metavar="N", help="default: 6")
    parser.add_argument("--write", action="store_true", help="write the table into docs/methods.md")
    arguments = parser.parse_args()

    plain = {videos: measure("demo/grpo", [*videos], arguments.steps) for videos in ((), VIDEOS)}
    rows = [told("grpo", plain[()], plain[()]), told("grpo, videos", plain[VIDEOS], plain[()])]
    for name in arguments.methods or methods:
        videos = VIDEOS if name == "t_grpo" else ()
        if name == "method":
            spent = measure("demo/no_selection", [], arguments.steps)
        else:
            spent = measure("demo/grpo", [f"methods/{name}", *videos], arguments.steps)
        rows.append(told(name, spent, plain[videos]))
    table = tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
    print(table)
    if arguments.write:
        PAGE.write_text(TABLE.sub(lambda found: found[1] + table + found[2], PAGE.read_text(encoding="utf-8")))


def told(name: str, spent: Counter[str], plain: Counter[str]) -> dict[str, str]:
    """A row of the table: figures of a step."""
    return {
        "recipe": name,
        "responses sampled": f"{spent['rollouts']:.0f}",
        "scored with gradient": f"{spent['with']:.0f}",
        "scored without": f"{spent['without']:.0f}",
        "CPU seconds": f"{spent['seconds']:.2f}",
        "beside GRPO": f"{spent['seconds'] / plain['seconds']:.2f}",
    }


def measure(name: str, overrides: list[str], steps: int) -> Counter[str]:
    """What a step takes, as a mean over all steps but the first."""
    from transformers import TrainerCallback

    from harness.engines.checkpoints import resolve_checkpoint
    from trainers.assembly import build_trainer
    from trainers.models import quiet_libraries
    from trainers.preparation import prepare
    from trainers.recipe import load_recipe
    from trainers.trl_config import build_config

    spent: Counter[str] = Counter()
    before: dict[str, float] = {}

    class Steps(TrainerCallback):  # type: ignore[misc]
        """Leaves the first step out."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 1:
                spent.clear()
                before.update(seconds=time.process_time(), rollouts=trainer.rollouts)

    settings = ["selection.enabled=false", f"train.max_steps={steps}", "train.save_strategy=no", "conflict_rows=0"]
    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        recipe = load_recipe(name, [*settings, f"output={folder}", f"judge.cache={folder}/judge", *overrides])
        output, checkpoint = Path(folder), resolve_checkpoint(recipe.model)
        examples, root, judge = prepare(recipe, output)
        config = build_config(recipe, output)
        trainer: Any = build_trainer(recipe, config, checkpoint, examples, root, judge=judge, facts={})
        trainer.add_callback(Steps())
        score = trainer._get_per_token_logps_and_entropies

        def counted(model: Any, ids: Any, *others: Any, **more: Any) -> Any:
            if model is not trainer.ref_model:
                spent["with" if torch.is_grad_enabled() else "without"] += len(ids)
            return score(model, ids, *others, **more)

        trainer._get_per_token_logps_and_entropies = counted
        trainer.train()
        spent["seconds"] = time.process_time() - before["seconds"]
        spent["rollouts"] = trainer.rollouts - before["rollouts"]
        trainer.release_model()
    return Counter({key: value / (steps - 1) for key, value in spent.items()})


if __name__ == "__main__":
    main()
