"""`harness train` and `harness select`: arguments, and what they print."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from trainers.settings import Recipe

UpdateLeaderboard = Callable[[Sequence[Path], Path, str | None], None]
"""Takes folders that hold runs, the folder that the leaderboard is written to, and the checkpoint to compare with."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness train`."""
    _add_recipe(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="print the resolved recipe, the memory it takes, a prompt"
    )
    parser.add_argument("--no-leaderboard", action="store_true", help="do not update the leaderboard afterwards")


def add_select_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness select`."""
    _add_recipe(parser)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="YAML file, or a name such as demo/method")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings, e.g. train.max_steps=20")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run left in the output folder")


def run(arguments: argparse.Namespace, *, update_leaderboard: UpdateLeaderboard | None = None) -> int:
    """Run `harness train` and give the exit code.

    Args:
        arguments: parsed.
        update_leaderboard: builds a leaderboard from folders of runs; called when the evaluation is done.
    """
    from trainers.recipe import load_recipe

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    require_trl()
    if arguments.dry_run:
        print(_preview(recipe))
        return 0
    from trainers.run import train

    train(
        recipe,
        fresh=arguments.fresh,
        update_leaderboard=None if arguments.no_leaderboard else update_leaderboard,
        source=_own_file(arguments.recipe),
    )
    return 0


def _own_file(name: str) -> Path | None:
    """The file of a recipe; `None` for one that comes with the harness."""
    from trainers.recipe import FOLDER, find_recipe

    path = find_recipe(name)
    return None if path.resolve().is_relative_to(FOLDER.resolve()) else path


def _preview(recipe: Recipe) -> str:
    """The text of a dry run, which draws the demo's first row, if it shows that, into a temporary folder."""
    from harness.engines.checkpoints import resolve_checkpoint
    from trainers.assembly import check_recipe
    from trainers.preview import preview
    from trainers.recipe import as_yaml

    selects = recipe.algorithm == "grpo" and recipe.selection.enabled
    check_recipe(recipe, resolve_checkpoint(recipe.model), Path(recipe.output).expanduser(), selects=selects)
    with TemporaryDirectory() as folder:
        elsewhere = replace(recipe, output=folder, data=replace(recipe.data, demo_rows=1))
        return preview(elsewhere).replace(as_yaml(elsewhere), as_yaml(recipe), 1)


def require_trl() -> None:
    """Say what is missing before anything else is tried.

    Raises:
        UsageError: TRL is not installed.
    """
    from importlib.util import find_spec

    if find_spec("trl") is None:
        raise UsageError("training needs the package 'trl', which is not installed: pip install 'trl>=1.16,<2' peft.")


def run_select(arguments: argparse.Namespace) -> int:
    """Run `harness select` and give the exit code.

    Raises:
        UsageError: the recipe trains on responses and has nothing to select by.
    """
    from harness.engines.checkpoints import resolve_checkpoint
    from trainers.recipe import load_recipe

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    require_trl()
    from trainers.assembly import check_recipe, check_rows
    from trainers.preparation import prepare
    from trainers.run import check_output, hold_output
    from trainers.selection.stage import select_rows

    if recipe.algorithm != "grpo":
        raise UsageError(
            f"recipe {arguments.recipe!r} is {recipe.algorithm}; only grpo recipes have rewards to select by."
        )
    output = Path(recipe.output).expanduser()
    check_output(recipe, output, _own_file(arguments.recipe))
    checkpoint = resolve_checkpoint(recipe.model)
    check_recipe(recipe, checkpoint, output, selects=True)
    with hold_output(output):
        examples, root, judge = prepare(recipe, output)
        check_rows(recipe, output, len(examples), judge)
        file = select_rows(recipe, checkpoint, examples, root, output, judge, fresh=arguments.fresh)
    if judge is not None:
        judge.close()
    print(file)
    return 0
