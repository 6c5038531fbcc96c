"""`harness train`: train a checkpoint from a recipe, evaluate it, compare it, and write its leaderboard."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness.commands.eval_arguments import REQUEUE
from harness.core.console import show
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from trainers.plan.machine import Machine
    from trainers.settings import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness train`."""
    add_recipe(parser).add_argument("--requeue", action="store_true", help=REQUEUE)
    plan = parser.add_argument_group(
        "the machine that --dry-run plans for; exit code 2 where the training does not fit"
    )
    plan.add_argument("--gpus", type=int, metavar="N", help="number of GPUs (default: as the launch file says, else 1)")
    plan.add_argument("--gpu-memory", type=float, metavar="GIB", help="of each (default: of this machine's, if any)")
    plan.add_argument(
        "--launch",
        metavar="FILE",
        help="configuration of 'accelerate launch', by path or name (default on several: zero3)",
    )
    plan.add_argument("--tokens-per-second", type=float, metavar="X", help="sampled by all GPUs (default: 1000)")
    parser.add_argument("--no-leaderboard", action="store_true", help="write no leaderboard of the evaluations")


def add_recipe(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """Declare the arguments that name a recipe and change it; gives the group of what does not go with `--fresh`."""
    parser.add_argument("recipe", metavar="RECIPE", help="YAML file, or a name such as demo/method")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="settings, e.g. train.max_steps=20, or a method, e.g. methods/papo",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check all that can be known before, and print the resolved recipe, the memory it takes, a prompt",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--fresh", action="store_true", help="throw away what an earlier run left in the output folder")
    return again


def run(arguments: argparse.Namespace) -> int:
    """Train, evaluate, write the leaderboard, print what was written where, and give the exit code.

    Raises:
        HarnessError: see `trainers.run.train`.
    """
    from trainers.recipe import load_recipe, recipe_stages

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    stages = recipe_stages(recipe)
    require_trl()
    if recipe.stages and not arguments.no_leaderboard:  # That of one stage is in its own output.
        from leaderboards.outputs import refuse_other_files
        from trainers.layout import BOARD

        refuse_other_files(Path(recipe.output).expanduser() / BOARD)
    if arguments.dry_run:
        from trainers.plan.machine import check_above_zero, plan_machine

        check_above_zero("--tokens-per-second", arguments.tokens_per_second)
        machine = plan_machine(arguments.gpus, arguments.gpu_memory, arguments.launch)
        for stage in stages:
            # What a later one starts from is not there yet, and is of the first one's kind.
            start = None if stage is stages[0] else recipe.model
            show(rehearsed(stage, arguments, start=start, selects=stage.selects, machine=machine))
        return 0
    from harness.evaluation.interrupts import ended_by_scheduler
    from harness.reports.diagnostics_report import PAGE
    from harness.reports.run_report import REPORT
    from trainers.layout import CURVES, FINAL, LOG
    from trainers.ranks import is_main_rank
    from trainers.run import train

    with ended_by_scheduler(arguments.requeue), naming(arguments.recipe):
        runs = train(recipe, fresh=arguments.fresh, source=own_file(arguments.recipe))
    if not is_main_rank():
        return 0
    written: dict[str, Path] = {}
    for number, stage in enumerate(stages, start=1):
        output = Path(stage.output).expanduser()
        of = f" of stage {number}" if recipe.stages else ""
        written |= {
            f"{name}{of}": output / file for name, file in (("checkpoint", FINAL), ("log", LOG), ("curves", CURVES))
        }
    for run_folder in runs:
        report = next((run_folder / name for name in (PAGE, REPORT) if (run_folder / name).is_file()), run_folder)
        name = run_folder.relative_to(Path(recipe.output).expanduser()) if recipe.stages else run_folder.name
        written[f"report of {name}"] = report
    if runs and not arguments.no_leaderboard:
        page, written["leaderboard as text"] = _write_board(recipe, runs)
        written["leaderboard"] = page
    if runs and recipe.eval.start:
        _print_difference(recipe, runs[0], runs[-1])
    show("\n".join(f"{name}: {path}" for name, path in written.items() if path.exists()))
    return 0


def own_file(name: str) -> Path | None:
    """The file of a recipe; `None` for one that comes with the harness."""
    from trainers.recipe import FOLDER, find_recipe

    path = find_recipe(name)
    return None if path.resolve().is_relative_to(FOLDER.resolve()) else path


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Name the user's recipe in what is said of settings: a file that was cut off may be a recipe of others."""
    try:
        yield
    except UsageError as error:
        path = own_file(name)
        if path is None or str(path) in str(error):
            raise
        raise UsageError(f"recipe {path}: {error}") from error


def rehearsed(
    recipe: Recipe,
    arguments: argparse.Namespace,
    *,
    start: str | None = None,
    selects: bool,
    machine: Machine | None = None,
) -> str:
    """The text of a dry run, which draws a world's rows into a temporary folder; the plan for a machine is shown first.

    What is in the output folder counts unless it is thrown away; `start` stands for a model that is not there yet.

    Raises:
        HarnessError: see `trainers.rehearsal.rehearse`.
    """
    from trainers.models import quiet_libraries
    from trainers.recipe import as_yaml
    from trainers.trl_vllm import leave_out_vllm

    leave_out_vllm(recipe)
    from trainers.preview import preview
    from trainers.rehearsal import rehearse

    with quiet_libraries(), naming(arguments.recipe):
        rehearse(
            recipe,
            start=start,
            source=own_file(arguments.recipe),
            fresh=arguments.fresh,
            selects=selects,
            machine=machine,
            **({} if machine is None or arguments.tokens_per_second is None else {"pace": arguments.tokens_per_second}),
            tell=show,
        )
    with TemporaryDirectory() as folder:
        data = recipe.data.model_copy(update={"demo_rows": 1})
        recipe = recipe if start is None else recipe.model_copy(update={"model": start})
        elsewhere = recipe.model_copy(update={"output": folder, "data": data})
        return preview(elsewhere).replace(as_yaml(elsewhere), as_yaml(recipe), 1)


def require_trl() -> None:
    """Say what is missing before anything else is tried.

    Raises:
        UsageError: TRL is not installed.
    """
    from importlib.util import find_spec

    if find_spec("trl") is None:
        raise UsageError("training needs the package 'trl', which is not installed: pip install 'trl>=1.16,<2' peft.")


def _print_difference(recipe: Recipe, start: Path, final: Path) -> None:
    """What training has changed: the headlines of the final checkpoint against those of the start, and a verdict."""
    from harness.benchmarks.plain import scored_in
    from harness.commands.compare import print_pair
    from harness.runs.comparison import compare_runs
    from trainers.evaluation import tasks_dir_of

    tasks_dir = tasks_dir_of(recipe)
    print_pair((start, final), compare_runs(start, final, scored_in((start, final), tasks_dir)), full=False)
    own = "" if tasks_dir is None else f" --tasks-dir {tasks_dir}"
    show(f"\nLook closer: harness compare {start} {final}{own} --html FILE\n")


def _write_board(recipe: Recipe, runs: Sequence[Path]) -> tuple[Path, Path]:
    """Of a recipe's own evaluations, in its own folder: boards of several recipes are `harness leaderboard build`."""
    from leaderboards.build import BoardConfig, build_board
    from leaderboards.outputs import FORMATS, write_board
    from trainers.evaluation import tasks_dir_of
    from trainers.layout import BOARD

    baseline = recipe.model if recipe.eval.start else None
    folder = Path(recipe.output).expanduser() / BOARD
    write_board(build_board(BoardConfig(runs=runs, baseline=baseline, tasks_dir=tasks_dir_of(recipe))), folder)
    return folder / FORMATS["html"][0], folder / FORMATS["md"][0]
