"""What a training step of each method of docs/methods.md costs, beside one of plain GRPO.

    python benchmarks/methods.py [TEXT ...] [--steps 4] [--write]
    python benchmarks/methods.py --train DIR [--write]

The switch of each row of the page's table is laid over `demo/grpo` and trained for a few steps in a temporary folder,
all in one process. Sequences are counted as the policy scores them, the reference model's apart. Seconds are of the
CPU, so that other programs do not count; the first step is left out. `--write` puts the figures into the table.

With `--train` each method is trained instead until it has spent the same number of rollouts, evaluated on two of the
demo's sets, and held against plain GRPO on the same data by the paired test of `harness compare`: one seed, so that it
shows that each method trains and is measured, not which is best. Rejection-sampled fine-tuning has these rollouts of
the start, 16 of each of 120 prompts, and as many updates. What is in the folder already is taken as it is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import torch

from harness.reports.splicing import update_document

PAGE: Final = Path(__file__).parents[1] / "docs" / "methods.md"
_SWITCH, _COST = 3, 5
"""Cells of a row."""
ROLLOUTS: Final = 1920
_IMITATED: Final = {"demo/rft": [], "demo/rft_captions": ["--approved-captions"]}
"""Recipes of rejection-sampled fine-tuning, and how the responses for them are chosen."""
_FIGURES: Final = {"pope": "mean/accuracy", "videohallucer": "mean/both"}


def main() -> None:
    """Train, and print or write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="TEXT", help="rows whose switch holds it; default: all")
    parser.add_argument("--steps", type=int, default=4, metavar="N", help="default: 4")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/methods.md")
    parser.add_argument("--train", type=Path, metavar="DIR", help="train and compare, in this folder")
    arguments = parser.parse_args()
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    if arguments.train is not None and arguments.rows:
        parser.error("--train trains all rows")
    if not any(switch_of(line) and text in line for line in lines for text in arguments.rows or [""]):
        parser.error(f"no row of {PAGE.name} holds any of: {', '.join(arguments.rows)}")
    if arguments.train is not None:
        table = compare_trained(arguments.train)
        print(table)
        if arguments.write:
            update_document(PAGE, table, "trained", "--write")
        return

    measure([], 2)  # What a process does once is no method's.
    plain: dict[tuple[str, ...], Counter[str]] = {}
    for number, line in enumerate(lines):
        if (switch := switch_of(line)) is None or not any(text in line for text in arguments.rows or [""]):
            continue
        data = tuple(text for text in switch if text.startswith("data."))
        if data not in plain:
            plain[data] = measure([*data], arguments.steps)
        spent = measure(switch, arguments.steps) if switch != ["demo/grpo"] else plain[data]
        share = spent["seconds"] / plain[data]["seconds"]
        told = f"{spent['rollouts']:.0f}; {spent['with']:.0f}, {spent['without']:.0f}; {share:.2f}"
        print(f"{' '.join(switch)}: {told}")
        cells = line.split("|")
        cells[_COST] = f" {told} "
        lines[number] = "|".join(cells)
    if arguments.write:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def compare_trained(folder: Path) -> str:
    """Train what is not trained yet, and give the table of differences."""
    from tabulate import tabulate

    from harness.benchmarks.plain import scored_in
    from harness.runs.comparison import compare_runs

    rows = []
    switches = [of for line in PAGE.read_text(encoding="utf-8").splitlines() if (of := switch_of(line)) is not None]
    for switch in [*switches, *([name] for name in _IMITATED)]:
        own = [] if switch == ["demo/grpo"] else switch
        run = imitate(folder, switch[0]) if switch[0] in _IMITATED else train(folder, own)
        plain = train(folder, [text for text in own if text.startswith("data.")])
        figures = {
            comparison.task: next(item for item in comparison.metrics if item.name == _FIGURES[comparison.task])
            for comparison in compare_runs(plain, run, scored_in((plain, run), None))
        }
        cells = [" ".join(f"`{text}`" for text in own) or "`demo/grpo`"]
        for task in _FIGURES:
            item = figures[task]
            cells.append(f"{100 * item.b:.1f}")
            apart = f"{100 * item.value:+.1f} [{100 * item.low:.1f}, {100 * item.high:.1f}]"
            cells.append(("all the same" if not item.stderr else apart) if own else "–")
        rows.append(cells)
    heads = [
        "laid over `demo/grpo`, or a recipe",
        *(text for task in _FIGURES for text in (f"`{task}`", "beside GRPO")),
    ]
    return tabulate(rows, headers=heads, tablefmt="pipe", disable_numparse=True)


def train(folder: Path, switch: list[str]) -> Path:
    """The evaluation of a training with a switch, which is trained and asked where it is not yet."""
    name = "-".join(text.removeprefix("methods/").replace("=", "-") for text in switch) or "grpo"
    output = folder / name
    run = output / "runs" / "final"
    if not (run / "run.json").is_file():
        harness("train", "demo/grpo", *switch, f"max_rollouts={ROLLOUTS}", "conflict_rows=0", *asked(output))
    return run


def imitate(folder: Path, recipe: str) -> Path:
    """The same of a fine-tuning on the start's own right responses."""
    output, prompts = folder / recipe.removeprefix("demo/"), folder / "prompts"
    run, responses = output / "runs" / "final", folder / f"{recipe.removeprefix('demo/')}.jsonl"
    if not (run / "run.json").is_file():
        # The judge of the method's recipe approves of captions; it samples the same as plain GRPO's.
        sampled = ["selection.first=16", "selection.most=16", f"data.demo_rows={ROLLOUTS // 16}", f"output={prompts}"]
        harness("select", "demo/method", *sampled, "--right-responses", str(responses), *_IMITATED[recipe])
        data = [f"data.train={responses}", f"data.media_root={prompts / 'data'}", f"train.max_steps={ROLLOUTS // 64}"]
        harness("train", recipe, *data, "train.per_device_train_batch_size=64", *asked(output))
    return run


def asked(output: Path) -> list[str]:
    """Settings of where a training is put and what it is asked."""
    return ["eval.start=false", f"eval.tasks=[{','.join(_FIGURES)}]", f"output={output}"]


def harness(*arguments: str) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "harness", *arguments], check=True)


def switch_of(line: str) -> list[str] | None:
    """What a row of the table lays over `demo/grpo`; `None` where a line is no row of it."""
    cells = line.split("|")
    switch = cells[_SWITCH].strip() if len(cells) == 9 else ""
    return switch.strip("`").split() if switch.startswith("`") else None


def measure(switch: list[str], steps: int) -> Counter[str]:
    """What a step with a switch takes, as a mean over all steps but the first."""
    from train_step import make_trainer
    from transformers import TrainerCallback

    from trainers.models import quiet_libraries

    spent: Counter[str] = Counter()
    before: dict[str, float] = {}

    class Steps(TrainerCallback):  # type: ignore[misc]
        """Leaves the first step out."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 1:
                spent.clear()
                before.update(seconds=time.process_time(), rollouts=trainer.rollouts)

    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        trainer = make_trainer("demo/grpo", [f"train.max_steps={steps}", "conflict_rows=0", *switch], folder)
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
