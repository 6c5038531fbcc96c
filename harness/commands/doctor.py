"""`harness doctor`: is this machine ready, do the engines agree on a checkpoint, is a run like what was reported?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.commands.eval_arguments import TRUST
from harness.core.console import show, to_json
from harness.core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness doctor`."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    group = parser.add_argument_group("comparing the engines", "do they tell the same story of a checkpoint?")
    group.add_argument("--engines", metavar="CKPT", help="ask every engine that is usable the same, and compare")
    group.add_argument("--base-url", action="append", metavar="URL", help="a server of it, compared too; repeatable")
    group.add_argument("--served-name", metavar="NAME", help="what the server calls it (default: as CKPT)")
    group.add_argument("--dtype", metavar="TYPE", help="float32 (default), bfloat16 or float16")
    group.add_argument("--device", metavar="DEVICE", help="torch device (hf)")
    group.add_argument("--max-pixels", type=int, metavar="N", help="cap on the pixels of an image or frame")
    group.add_argument("--video-as", choices=("native", "frames"), help="show videos as videos, or as images")
    group.add_argument("--trust-remote-code", action="store_true", default=None, help=TRUST)
    group.add_argument("--max-model-len", type=int, metavar="N", help="tokens of prompt and response (vllm)")
    group.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="of a token's log-probability (default: 0.001 in float32, else 0.1)",
    )
    likeness = parser.add_argument_group("comparing a run with reported numbers", "were they had in the same way?")
    likeness.add_argument("--protocol", type=Path, metavar="RUN", help="a run folder")
    likeness.add_argument("--against", metavar="NAME", help="the reported row (default: all of the run's benchmarks)")
    likeness.add_argument(
        "--reference",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="reported numbers (default: those that come along)",
    )
    # The first option of a group asks its question, and the others go with it.
    questions = [[action.dest for action in of._group_actions] for of in (group, likeness)]
    parser.set_defaults(options_of={asks: options for asks, *options in questions})


def run(arguments: argparse.Namespace) -> int:
    """Look at the machine, compare the engines on a checkpoint, or a run with reported numbers.

    Raises:
        HarnessError: what is asked for cannot be compared.
    """
    given = {what: _given(arguments, names) for what, names in arguments.options_of.items()}
    asked = [what for what in given if getattr(arguments, what) is not None]
    for what, options in given.items():
        if options and what not in asked:
            raise UsageError(f"--{next(iter(options)).replace('_', '-')} goes with --{what}.")
    if len(asked) > 1:
        raise UsageError("--engines and --protocol are two questions. Ask one at a time.")
    if asked == ["engines"]:
        from harness.doctor.engines import run_engine_check

        return run_engine_check(arguments.engines, **given["engines"], as_json=arguments.json)
    if asked == ["protocol"]:
        from harness.doctor.protocol import run_protocol_check

        return run_protocol_check(arguments.protocol, **given["protocol"], as_json=arguments.json)
    return _print_checks(as_json=arguments.json)


def _given(arguments: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _print_checks(*, as_json: bool) -> int:
    """Print the checks; exit code 2 when something that is needed is missing, else 0."""
    from harness.doctor.checks import examine

    checks = list(examine())
    if as_json:
        show(to_json([asdict(check) for check in checks]))
    else:
        from tabulate import tabulate

        show(tabulate([asdict(check) for check in checks], headers="keys"))
    return 2 if any(check.state == "missing" for check in checks) else 0
