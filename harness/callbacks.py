"""A callback for trainers of Transformers and TRL: evaluate the model while it is trained.

    trainer = SFTTrainer(..., callbacks=[Evaluate(["./mine.csv"], every_steps=50, best="mine.csv:all/accuracy")])

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from accelerate.utils import parse_flag_from_env  # type: ignore[import-untyped]
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from harness.benchmarks.plain import scored_in
from harness.core.console import show
from harness.core.errors import UsageError
from harness.core.files import to_path, write_atomically
from harness.core.types import RunRecord
from harness.evaluation.live import ask_live, find_figure, is_whole, plan_live, read_live
from harness.evaluation.ranks import Ranks, share_work
from harness.evaluation.run import count_failures
from harness.evaluation.settings import EvalConfig, Texts, read_config, read_names
from harness.reports.evaluations import PREFIX, evaluation_plots
from harness.reports.svg import picture
from harness.runs.comparison import compare_runs
from harness.runs.records import SAMPLES

FOLDER: Final = "evaluations"
"""In the output folder of a training: a run folder `step-N` for each evaluation, `best.json` and `curves.svg`."""
BEST: Final = "best.json"
CURVES: Final = "curves.svg"
FAILURES: Final = f"{PREFIX}failures"
"""Logged where it is not 0: questions of an evaluation that count as wrong because they could not be answered."""
_ENDS: Final = (FAILURES, "/low", "/high", "/p", "/difference")


class Evaluate(TrainerCallback):  # type: ignore[misc]  # Transformers has no types.
    """Evaluates the model itself, without a second copy of it, every so many steps, and before the first.

    Each evaluation is compared with the start's by the paired test of `harness compare`, and logged (see
    `harness.reports.evaluations.PREFIX`). Random numbers and modes are put back: training goes on as if the model had
    not been asked. Evaluations are stored as they go; one that was killed goes on where it was. Where more than
    `max_failures` questions could not be answered, it is not compared and counts neither for `best` nor `patience`.

    Attributes:
        log: is given the figures of each evaluation, by name, as trainers' `log`; `None`: they join `log_history`.
    """

    def __init__(
        self,
        tasks: Texts | EvalConfig,
        *,
        every_steps: int,
        best: str | None = None,
        patience: int | None = None,
        start: str | None = None,
        out: Path | str | None = None,
        log: Callable[[dict[str, float]], None] | None = None,
        **settings: Any,
    ) -> None:
        """Check what can be checked without the model.

        Args:
            tasks: names of tasks, as `harness eval` takes them; or all that is asked, with `model` the start.
            every_steps: steps of the optimiser from one evaluation to the next.
            best: a figure as `TASK:metric`: a checkpoint is saved where it is better than ever, and kept.
            patience: evaluations without a better value of `best` after which training stops; `None`: it goes on.
            start: the checkpoint that training starts from; `None`: what the model was loaded from.
            out: folder of the evaluations; `None`: `evaluations` in the trainer's output folder.
            log: see above.
            **settings: others of `harness.evaluation.settings.EvalConfig`: `data`, `limit`, `prompt`,
                `max_failures`, ...

        Raises:
            UsageError: a setting is not known, of another type, or out of its range.
        """
        counts = {"every_steps": every_steps} | ({} if patience is None else {"patience": patience})
        for name, count in counts.items():
            if type(count) is not int or count < 1:
                raise UsageError(f"{name} is {count!r}, and must be a whole number of at least 1.")
        if patience is not None and best is None:
            raise UsageError("patience waits for a better value of a figure: name it, best=TASK:metric.")
        if isinstance(tasks, EvalConfig):
            self._config = tasks
        else:
            self._config = read_config({"model": start or "", "tasks": read_names(tasks), **settings})
        self._every, self._best, self._patience = every_steps, best, patience
        self._out = None if out is None else to_path(out)
        self._runs: dict[int, RunRecord] = {}
        self._figures: dict[int, dict[str, float]] = {}
        self.log = log

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Ask the start, or read what earlier sessions have asked.

        Raises:
            UsageError: the weights are divided among processes, or `best` is not the name of a figure.
            StoreError: earlier sessions asked with other settings.
            HarnessError: see `harness.evaluation.run.evaluate`.
        """
        refuse_sharded(model, args)
        self._out = self._out or Path(args.output_dir) / FOLDER
        name = self._config.model or model.config._name_or_path
        self._config = replace(self._config, model=name)
        share_work(self._make_plan)
        if state.is_world_process_zero:
            for step in range(0, state.global_step + 1, self._every) if state.global_step else ():
                if (run := read_live(self._plan, self._folder(step))) is not None:
                    self._runs[step] = run
                    self._figures[step] = self._compare(step)
                    if step < state.global_step:  # Else what failed is asked again.
                        self._warn(step, None, state)
        if state.global_step % self._every == 0:
            self._evaluate(args, state, control, model)
            control.should_save = False  # It is what was saved, or the start.

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Evaluate where it is time.

        Raises:
            HarnessError: see `harness.evaluation.run.evaluate`.
        """
        if state.global_step % self._every == 0:
            self._evaluate(args, state, control, model)

    def _make_plan(self, ranks: Ranks) -> None:
        """On the first process first: what it fetches, the others find."""
        if ranks.rank:
            ranks.wait_for("planned")
        self._plan = plan_live(self._config)
        if self._best is not None:
            self._figure = find_figure(self._plan, self._best, self._config.tasks_dir, "best")
        if ranks.rank == 0:
            ranks.publish("planned")

    def _folder(self, step: int) -> Path:
        assert self._out is not None
        return self._out / f"step-{step}"

    def _evaluate(self, args: Any, state: Any, control: Any, model: Any) -> None:
        """Ask, tell, and decide; all processes answer, the first does the rest, and the others follow."""
        step, best, since = state.global_step, 0, 0

        def work(ranks: Ranks) -> None:
            if ranks.rank == 0:
                # Else it was asked before its checkpoint was saved, and is in its log.
                is_new = step not in self._runs or not is_whole(self._plan, self._runs[step])
                ranks.publish("is new", json.dumps(is_new))
            else:
                is_new = json.loads(ranks.wait_for("is new"))
            name = f"{args.output_dir} at step {step}"
            done = ask_live(self._plan, self._config, model, self._folder(step), name, ranks) if is_new else None
            if done is not None:
                self._runs[step] = done.run
                self._figures.pop(step, None)
                self._warn(step, done.judge_problem, state)

        share_work(work)
        if state.is_world_process_zero:
            if step not in self._figures:
                self._figures[step] = self._compare(step)
                self._tell(state, control)
            best, since = self._best_so_far()
        best, since = _as_first_rank(args, best, since)
        if self._best is None:
            return
        if best == step > 0:
            control.should_save = True
            state.best_global_step = step
            state.best_model_checkpoint = str(Path(args.output_dir) / f"checkpoint-{step}")
        if self._patience is not None and since >= self._patience:
            control.should_training_stop = True
            _say(f"no better {self._best} than at step {best} in {since} evaluations: training stops", state)

    def _compare(self, step: int) -> dict[str, float]:
        """The figures of an evaluation, with their intervals and their differences to the start, by their names."""
        wanted = {(name, of.headline): None for name, of in self._runs[step].tasks.items()}
        if self._best is not None:
            wanted[self._figure[:2]] = None
        found: dict[str, float | None] = {}
        for task, name in wanted:
            metric = self._runs[step].tasks[task].metrics[name]
            key = f"{PREFIX}{task}:{name}"
            found |= {key: metric.value, f"{key}/low": metric.low, f"{key}/high": metric.high}
        if failures := count_failures(self._runs[step]):
            found[FAILURES] = failures
        first = min(self._runs)
        if step > first and self._is_sound(step) and self._is_sound(first):
            folders = self._folder(first), self._folder(step)
            scored = scored_in(folders, self._config.tasks_dir)
            names = ",".join(dict.fromkeys(["headline", *(name for _, name in wanted)]))
            for comparison in compare_runs(*folders, scored, metrics=names):
                for item in comparison.metrics:
                    if (comparison.task, item.name) in wanted:
                        key = f"{PREFIX}{comparison.task}:{item.name}/difference"
                        found |= {key: item.value, f"{key}/low": item.low, f"{key}/high": item.high, f"{key}/p": item.p}
        return {name: value for name, value in found.items() if value is not None}

    def _is_sound(self, step: int) -> bool:
        return count_failures(self._runs[step]) <= self._config.max_failures

    def _warn(self, step: int, problem: str | None, state: Any) -> None:
        """Say what did not work in an evaluation; `problem`: the judge's."""
        if problem is not None:
            _say(f"warning: step {step}: {problem}.", state)
        if failures := count_failures(self._runs[step]):
            left_out = "" if self._is_sound(step) else " The step is not compared, and cannot be the best."
            _say(
                f"warning: step {step}: {failures} samples could not be scored and count as wrong (tolerated: "
                f"{self._config.max_failures}); {self._folder(step) / SAMPLES} names them.{left_out}",
                state,
            )

    def _tell(self, state: Any, control: Any) -> None:
        step, figures = state.global_step, self._figures[state.global_step]
        first = min(self._runs)
        against = "the start" if first == 0 else f"step {first}"
        for key, value in figures.items():
            if key.endswith(_ENDS):
                continue
            text = f"{key.removeprefix(PREFIX)} {value:.3f}{_ends(figures, key)}"
            difference = f"{key}/difference"
            if difference in figures:
                text += f", {figures[difference]:+.3f} to {against}{_ends(figures, difference)}"
            _say(f"step {step}: {text}", state)
        if self.log is None:
            state.log_history.append({"step": step, **figures})
        else:
            wanted = control.should_log
            self.log(figures)
            control.should_log = wanted  # Of the step's own figures.
        plots = evaluation_plots([{"step": step, **of} for step, of in sorted(self._figures.items())])
        assert self._out is not None
        write_atomically(self._out / CURVES, picture(plots, columns=2))

    def _best_so_far(self) -> tuple[int, int]:
        """The step of the best value, the earliest of equal ones, and how many sound evaluations have come since."""
        if self._best is None:
            return 0, 0
        task, metric, better = self._figure
        sound = {step: run for step, run in sorted(self._runs.items()) if self._is_sound(step)}
        values = {step: run.tasks[task].metrics[metric].value for step, run in sound.items()}
        known = {step: value for step, value in values.items() if value is not None}
        best = max(known, key=lambda step: better * known[step], default=min(self._runs))
        facts = {"figure": self._best, "value": known.get(best), "step": best}
        assert self._out is not None
        write_atomically(self._out / BEST, json.dumps(facts, indent=2) + "\n")
        return best, sum(step > best for step in values)


def refuse_sharded(model: Any, args: Any) -> None:
    """Refuse a model that no process has whole.

    Args:
        model: the model.
        args: Transformers' settings of the training; FSDP's first version leaves no trace on the weights.

    Raises:
        UsageError: its weights are divided (ZeRO-3, FSDP).
    """
    if (
        args.fsdp
        or parse_flag_from_env("ACCELERATE_USE_FSDP")
        or any(hasattr(weight, "ds_id") or isinstance(weight, DTensor) for weight in model.parameters())
    ):
        raise UsageError(
            "the model's weights are divided among processes (ZeRO-3, FSDP), and it cannot be asked while it is "
            "trained. Evaluate the checkpoints that are saved (eval.every=true), or train with replicas."
        )


def _as_first_rank(args: Any, *values: int) -> list[int]:
    """What the first process says, in all of them."""
    if not torch.distributed.is_initialized():
        return list(values)
    told = torch.tensor(values, device=args.device)
    torch.distributed.broadcast(told, 0)
    return [int(value) for value in told]


def _ends(figures: Mapping[str, float], key: str) -> str:
    low, high = figures.get(f"{key}/low"), figures.get(f"{key}/high")
    return "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"


def _say(text: str, state: Any) -> None:
    if state.is_world_process_zero:
        show(text, file=sys.stderr)
