"""`harness train` and `harness select`: arguments, and what they print."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import UsageError

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
        from trainers.preview import preview

        print(preview(recipe))
        return 0
    from trainers.run import train

    train(
        recipe,
        fresh=arguments.fresh,
        update_leaderboard=None if arguments.no_leaderboard else update_leaderboard,
    )
    return 0


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
    from harness.checkpoints import resolve_checkpoint
    from trainers.recipe import load_recipe

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    require_trl()
    from trainers.preparation import prepare
    from trainers.selection.stage import select_rows

    if recipe.algorithm != "grpo":
        raise UsageError(
            f"recipe {arguments.recipe!r} is {recipe.algorithm}; only grpo recipes have rewards to select by."
        )
    output = Path(recipe.output).expanduser()
    checkpoint = resolve_checkpoint(recipe.model)
    examples, root, judge = prepare(recipe, output)
    file = select_rows(recipe, checkpoint, examples, root, output, judge, fresh=arguments.fresh)
    if judge is not None:
        judge.close()
    print(file)
    return 0
