"""`harness doctor`: is this machine ready, and do the engines agree on a checkpoint?"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

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
    group.add_argument("--max-model-len", type=int, metavar="N", help="tokens of prompt and response (vllm)")
    group.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="of a token's log-probability (default: 0.001 in float32, else 0.1)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Look at the machine, or compare the engines on a checkpoint.

    Raises:
        HarnessError: the engines cannot be compared.
    """
    options = ("base_url", "served_name", "dtype", "device", "max_pixels", "video_as", "max_model_len", "tolerance")
    given = {name: value for name in options if (value := getattr(arguments, name)) is not None}
    if arguments.engines is None:
        if given:
            raise UsageError(f"--{next(iter(given)).replace('_', '-')} goes with --engines CKPT.")
        return _print_checks(as_json=arguments.json)
    from harness.doctor.engines import run_engine_check

    return run_engine_check(arguments.engines, **given, as_json=arguments.json)


def _print_checks(*, as_json: bool) -> int:
    """Print the checks; exit code 2 when something that is needed is missing, else 0."""
    from harness.doctor.checks import examine

    checks = list(examine())
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        from tabulate import tabulate

        print(tabulate([asdict(check) for check in checks], headers="keys"))
    return 2 if any(check.state == "missing" for check in checks) else 0
