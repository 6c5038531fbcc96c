"""`harness select`: choose training data by reward variance."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.train import add_recipe, naming, own_file, rehearsed, require_trl
from harness.core.console import show
from harness.core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness select`."""
    add_recipe(parser)


def run(arguments: argparse.Namespace) -> int:
    """Select, print the files, that of the selected rows first, and give the exit code.

    Raises:
        UsageError: the recipe trains on responses and has nothing to select by.
    """
    from trainers.recipe import load_recipe

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    require_trl()
    if arguments.dry_run and recipe.algorithm == "grpo":
        show(rehearsed(recipe, arguments, selects=True, trains=False))
        return 0
    from trainers.trl_vllm import leave_out_vllm

    leave_out_vllm(recipe)
    from trainers.assembly import check_recipe, check_rows
    from trainers.preparation import prepare
    from trainers.run import check_output, hold_output
    from trainers.selection.rollouts import PLOT, SELECTED, SELECTION
    from trainers.selection.stage import select_rows

    if recipe.algorithm != "grpo":
        raise UsageError(
            f"recipe {arguments.recipe!r} is {recipe.algorithm}; only grpo recipes have rewards to select by."
        )
    output = Path(recipe.output).expanduser()
    with naming(arguments.recipe):
        check_output(recipe, output, own_file(arguments.recipe))
        checkpoint = recipe.resolve_model()
        check_recipe(recipe, checkpoint, output, selects=True)
    with hold_output(output), naming(arguments.recipe):
        examples, root, judge = prepare(recipe, output)
        check_rows(recipe, checkpoint, output, examples, root, judge=judge)
        file = select_rows(recipe, checkpoint, examples, root, output, judge, fresh=arguments.fresh)
    if judge is not None:
        judge.close()
    show("\n".join(str(file.with_name(name)) for name in (SELECTED, SELECTION, PLOT)))
    return 0
