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
    parser.add_argument(
        "--right-responses",
        type=Path,
        metavar="OUT",
        help="write the start's own right responses to OUT (JSONL), to fine-tune on: rejection sampling",
    )
    parser.add_argument(
        "--approved-captions", action="store_true", help="of these, those alone whose captions the judge approves of"
    )
    parser.add_argument(
        "--per-prompt", type=int, default=4, metavar="K", help="responses of one prompt that are taken (default: 4)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Select, print the files, that of the selected rows first, and give the exit code.

    Where a launcher has started several processes, they share the rollouts, and rank 0 does the rest.

    Raises:
        UsageError: the recipe trains on responses and has nothing to select by.
    """
    from trainers.recipe import load_recipe, recipe_stages
    from trainers.selection.right import check_right, check_target, right_responses, write_right_responses

    recipe = recipe_stages(load_recipe(arguments.recipe, arguments.overrides))[0]  # What the first stage trains on.
    require_trl()
    out: Path | None = arguments.right_responses and arguments.right_responses.expanduser()
    if out is None and arguments.approved_captions:
        raise UsageError("--approved-captions is about --right-responses OUT. Give both.")
    if arguments.per_prompt < 1:
        raise UsageError(f"--per-prompt {arguments.per_prompt} is out of range: it must be at least 1.")
    if out is not None and recipe.algorithm == "grpo":
        check_right(recipe, captions=arguments.approved_captions)
        check_target(recipe, out)
    if arguments.dry_run and recipe.algorithm == "grpo":
        show(rehearsed(recipe, arguments, selects=True))
        return 0
    from trainers.trl_vllm import leave_out_vllm

    leave_out_vllm(recipe)
    from trainers.checks import check_recipe, check_rows
    from trainers.data.loading import training_file
    from trainers.preparation import prepare
    from trainers.ranks import is_main_rank, wait_for_main_rank
    from trainers.run import check_output, hold_output
    from trainers.selection.rollouts import PLOT, ROLLOUTS, SELECTED, SELECTION
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
        if is_main_rank():
            training_file(recipe, output)
        wait_for_main_rank()
        examples, root, judge = prepare(recipe, output)
        check_rows(recipe, checkpoint, output, examples, root, judge=judge)
        file = select_rows(recipe, checkpoint, examples, root, output, judge, fresh=arguments.fresh)
        if out is not None and is_main_rank():
            captions = arguments.approved_captions
            rows, cost = right_responses(
                examples, file.with_name(ROLLOUTS), captions=captions, per_prompt=arguments.per_prompt
            )
            cost |= {"weights": checkpoint.weights, "approved_captions": captions, "per_prompt": arguments.per_prompt}
            write_right_responses(rows, cost, out)
    if judge is not None:
        judge.close()
    if not is_main_rank():
        return 0
    show("\n".join(str(file.with_name(name)) for name in (SELECTED, SELECTION, PLOT)))
    if out is not None:
        counts = "{rollouts} rollouts, {right} of them right: {rows} rows of {prompts} prompts".format_map(cost)
        show(f"{counts}\ntrain on them: data.train={out} data.media_root={root}")
    return 0
