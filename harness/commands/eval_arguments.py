"""The settings of `harness eval` as arguments and as a YAML file, and those that other commands share with it.

Only the standard library and the settings at the top.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from harness.commands.habits import explain_unknown
from harness.core.errors import UsageError
from harness.evaluation.settings import EvalConfig

REQUEUE: Final = "exit with 0 on SIGTERM: a scheduler will start the same command again"
TRUST: Final = "run Python code that comes with the checkpoint, where it has any: it can do anything on this machine"

_EXAMPLES: Final = """examples:
  harness eval --model demo --tasks NAME,NAME --limit 60 --out runs/demo
  harness eval --model Qwen/Qwen2.5-VL-3B-Instruct --tasks NAME --engine vllm --prompt think
  harness eval --model openai:MODEL --base-url http://localhost:8000/v1 --tasks ./mine.csv --dry-run
  harness eval eval.yaml --limit 0.1     settings of a file (model: demo, tasks: [NAME], ...) and what overrides them"""

_YAML: Final = (".yaml", ".yml")
_LISTS: Final = ("tasks", "track")
"""Options that take several names with commas between them."""


def expand(argv: Sequence[str]) -> list[str]:
    """Settings of a YAML file that is named first, as options; those that follow override them.

    An option that may be repeated overrides the file's whole list; of `--engine-arg`, each key overrides that key.

    Raises:
        UsageError: the file cannot be read, does not hold settings, one of them is wrong, or it is not named first.
    """
    if not argv or not argv[0].endswith(_YAML):
        if any(text.endswith(_YAML) for text in argv):
            late = [text for text in _parser().parse_known_args(argv)[1] if text.endswith(_YAML) and text[0] != "-"]
            if late:
                raise UsageError(
                    f"{late[0]}: a file of settings stands first: 'harness eval {late[0]} --limit 10 ...'."
                )
        return list(argv)
    from harness.core.reading import parse_yaml, read_text

    path = Path(argv[0])
    try:
        settings = parse_yaml(read_text(path), unique=True)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}. Give settings of 'harness eval', e.g. model: demo."
        ) from error
    if not isinstance(settings, dict):
        raise UsageError(f"{path} holds no settings. Give settings of 'harness eval' in it, e.g. model: demo.")
    parser = _parser()
    several = {action.dest for action in parser._actions if isinstance(action, argparse._AppendAction)}
    overridden = several & _named(parser, argv[1:]) - {"engine_arg"}
    options = []
    for name, value in settings.items():
        dest = str(name).replace("-", "_")
        if isinstance(value, list) and name not in _LISTS and dest not in several:
            raise UsageError(
                f"{path}: {name} is a list, and takes one value. A run is of one model; write a file each."
            )
        if dest not in overridden:
            options += _options(str(name), value)
    try:
        _, rest = parser.parse_known_args(options)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    if rest:
        raise UsageError(f"{path}: {explain_unknown(parser, rest)}. See 'harness eval --help'.")
    return [*options, *argv[1:]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise UsageError(f"{message}. See 'harness eval --help'.")


def _parser() -> argparse.ArgumentParser:
    """The arguments of `harness eval`, none of which has to be there."""
    parser = _Parser(add_help=False)
    add_arguments(parser)
    for action in parser._actions:
        action.required = False
    return parser


def _named(parser: argparse.ArgumentParser, argv: Sequence[str]) -> set[str]:
    """The arguments that options name, in full or by what they begin with."""
    known = parser._option_string_actions
    found = set()
    for option in {text.partition("=")[0] for text in argv if text.startswith("--")}:
        names = [option] if option in known else [name for name in known if name.startswith(option)]
        found |= {known[name].dest for name in names}
    return found


def _options(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, dict):
        return [part for key, item in value.items() for part in (option, f"{key}={json.dumps(item)}")]
    if isinstance(value, list):
        joined = [",".join(map(str, value))] if name in _LISTS else map(str, value)
        return [part for item in joined for part in (option, item)]
    if isinstance(value, bool):
        return [option] if value else []
    return [] if value is None else [f"{option}={value}"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness eval`."""
    parser.usage = "harness eval [SETTINGS.yaml] --model CKPT --tasks NAME,... [option ...]"
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--model", required=True, metavar="CKPT", help="local folder, hub id, demo, demo-base, or openai:NAME"
    )
    parser.add_argument(
        "--tasks", required=True, metavar="NAME,...", help="what to ask; 'harness tasks' lists the names"
    )
    parser.add_argument(
        "--data",
        metavar="hub|demo|DIR",
        help="where the questions are (default: as an lmms-eval task's YAML says, else hub, or demo for the demo's)",
    )
    add_outside_argument(parser)
    parser.add_argument(
        "--prompt",
        default="auto",
        metavar="FORMAT",
        help="direct, think, grounded, FILE.yaml, or auto (default); FORMAT-letters",
    )
    parser.add_argument("--engine", default="auto", metavar="NAME", help="hf, vllm, api, replay or auto (default)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/MODEL-SETTINGS)")
    parser.add_argument(
        "--limit",
        type=_count_or_share,
        metavar="N",
        help="about N samples a task, in whole pairs and groups; 0.1: a tenth",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of sampling and of --limit (default: 0)")
    parser.add_argument("--num-frames", type=int, default=8, metavar="N", help="frames per video (default: 8)")
    parser.add_argument(
        "--max-new-tokens", type=int, metavar="N", help="token budget (default: a task's own, else by prompt format)"
    )
    parser.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0 is greedy (default)")
    parser.add_argument(
        "--repeats", type=int, default=1, metavar="K", help="ask K times in all, with seeds that follow (default: 1)"
    )
    parser.add_argument("--blind", metavar="grey|withheld", help="ask without showing the images and videos")
    parser.add_argument("--top-p", type=float, default=1.0, metavar="P", help="nucleus mass when sampling (default: 1)")
    parser.add_argument(
        "--top-k", type=int, default=0, metavar="K", help="draw from the K most probable tokens (default: 0, all)"
    )
    parser.add_argument(
        "--repetition-penalty",
        type=float,
        default=1.0,
        metavar="X",
        help="above 1: against repetition (default: 1)",
    )
    parser.add_argument(
        "--decoding",
        metavar="METHOD",
        help="choose tokens by what the image adds: vcd or m3id, as vcd:alpha=1,beta=0.1 (hf; twice the work)",
    )
    parser.add_argument("--system-prompt", metavar="TEXT", help="a system's turn before each question")
    add_judge_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked, and ask nothing")
    again = parser.add_mutually_exclusive_group()  # Whenever it was queued again it would start over.
    again.add_argument("--fresh", action="store_true", help="start over where the folder holds a run")
    again.add_argument("--requeue", action="store_true", help=REQUEUE)
    parser.add_argument(
        "--max-failures",
        type=int,
        default=0,
        metavar="N",
        help="failed samples, and answers that the judge gave no verdict on, before the exit code is 1 (default: 0)",
    )
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument(
        "--conflict", action="store_true", help="map how the gradients of the samples agree; loads the checkpoint again"
    )
    add_track_argument(parser)
    parser.add_argument("--no-diagnose", action="store_true", help="leave the diagnostics and report.html out")
    parser.add_argument("--revision", metavar="REV", help="revision of a hub checkpoint")
    parser.add_argument("--trust-remote-code", action="store_true", help=TRUST)
    parser.add_argument("--json", action="store_true", help="print the run's record, or a dry run's figures, as JSON")
    group = parser.add_argument_group("engine settings")
    group.add_argument("--base-url", action="append", metavar="URL", help="address of a server, may be repeated (api)")
    group.add_argument("--api-key-env", metavar="NAME", help="variable with its key (api; default: OPENAI_API_KEY)")
    group.add_argument("--batch-size", type=int, metavar="N", help="requests a batch (hf)")
    group.add_argument("--device", metavar="DEVICE", help="torch device (hf; default: CUDA where it is)")
    group.add_argument(
        "--device-map",
        choices=("auto", "balanced", "balanced_low_0", "sequential"),
        help="spread the model over all devices, and over memory and disk what does not fit them (hf)",
    )
    group.add_argument("--dtype", metavar="TYPE", help="bfloat16, float16, float32 or auto (default)")
    group.add_argument(
        "--quantization",
        metavar="NAME",
        help="round the weights on loading: bnb-4bit or bnb-8bit (hf), or a method of vLLM's; a checkpoint that is "
        "quantised needs no flag",
    )
    group.add_argument("--max-pixels", type=int, metavar="N", help="cap on the pixels of an image or frame")
    group.add_argument(
        "--video-as",
        choices=("native", "frames"),
        help="show videos as videos, or frame by frame as images (default: native where the model takes them)",
    )
    group.add_argument("--tensor-parallel", type=int, metavar="N", help="devices that share one copy (vllm)")
    group.add_argument("--pipeline-parallel", type=int, metavar="N", help="parts that its layers are cut into (vllm)")
    group.add_argument("--data-parallel", type=int, metavar="N", help="copies of the model (vllm)")
    group.add_argument(
        "--distributed-executor",
        choices=("mp", "ray"),
        help="how the devices of a copy work together: in processes of this machine, or in a Ray cluster (vllm)",
    )
    group.add_argument("--max-model-len", type=int, metavar="N", help="tokens of prompt and response (vllm)")
    group.add_argument("--gpu-memory-utilization", type=float, metavar="X", help="share of the GPU's memory (vllm)")
    group.add_argument(
        "--engine-arg",
        action="append",
        metavar="KEY=VALUE",
        help="any setting of the engine, and of vLLM's any argument; may be repeated",
    )
    group.add_argument("--responses", type=Path, metavar="FILE", help="recorded responses, or a run folder (replay)")
    parser.set_defaults(of_engine=[action.dest for action in group._group_actions])


def add_outside_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the argument that lets data name files out of their folder, for every command that opens media."""
    parser.add_argument(
        "--allow-outside",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder that images and videos may be in besides the data's own, may be repeated",
    )


def add_track_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the argument that names trackers of results."""
    parser.add_argument(
        "--track",
        type=_names,
        default=(),
        metavar="NAME,...",
        help="send results to wandb, trackio, mlflow, tensorboard",
    )


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that name a judge of answers, for every command that reads responses."""
    parser.add_argument(
        "--judge",
        metavar="MODEL",
        help="ask openai:MODEL, hf:CHECKPOINT or vllm:CHECKPOINT about answers that the rules cannot read or settle",
    )
    parser.add_argument("--judge-base-url", metavar="URL", help="an OpenAI-compatible server for openai:MODEL")
    parser.add_argument(
        "--judge-api-key-env",
        metavar="NAME",
        help="variable with that server's key (default: OPENAI_API_KEY without --judge-base-url, else no key)",
    )
    parser.add_argument(
        "--audit",
        type=int,
        default=100,
        metavar="N",
        help="with --judge: ask about N answers of each kind that rules read, too (default: 100)",
    )


def read_config(arguments: argparse.Namespace) -> EvalConfig:
    """The settings of an evaluation from its arguments, which are called as they are.

    Raises:
        UsageError: an engine argument is not of the form KEY=VALUE.
    """
    # What was not given is left to the engine.
    options = {name: value for name in arguments.of_engine if (value := getattr(arguments, name)) is not None}
    if own := options.pop("engine_arg", None):
        options["engine_args"] = dict(map(_key_value, own))
    given = {of.name: getattr(arguments, of.name) for of in fields(EvalConfig) if of.name != "engine_options"}
    given |= {"tasks": _names(arguments.tasks), "allow_outside": tuple(arguments.allow_outside)}
    return EvalConfig(**given, engine_options=options)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _count_or_share(text: str) -> float:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of samples nor a share of them") from None


def _key_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--engine-arg {text!r} is not of the form KEY=VALUE.")
    try:
        return key, json.loads(value.lower() if value in ("True", "False") else value)
    except ValueError:
        return key, value
