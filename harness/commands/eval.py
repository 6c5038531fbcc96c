"""`harness eval`: evaluate, then diagnose, then report. Only the standard library and the settings at the top."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.console import show, to_json
from harness.core.errors import UsageError
from harness.evaluation.settings import EvalConfig

if TYPE_CHECKING:
    from harness.evaluation.ranks import Ranks
    from harness.evaluation.run import Outcome

REQUEUE: Final = "exit with 0 on SIGTERM: a scheduler will start the same command again"
TRUST: Final = "run Python code that comes with the checkpoint, where it has any: it can do anything on this machine"

_EXAMPLES: Final = """examples:
  harness eval --model demo --tasks NAME,NAME --limit 60 --out runs/demo
  harness eval --model Qwen/Qwen2.5-VL-3B-Instruct --tasks NAME --engine vllm --prompt think
  harness eval --model openai:MODEL --base-url http://localhost:8000/v1 --tasks ./mine.csv --dry-run
  harness eval eval.yaml --limit 0.1     settings of a file (model: demo, tasks: [NAME], ...) and what overrides them"""

_LISTS: Final = ("tasks", "track")
"""Options that take several names with commas between them."""
_ENGINE_OPTIONS: Final = (
    "base_url",
    "api_key_env",
    "batch_size",
    "device",
    "device_map",
    "dtype",
    "quantization",
    "max_pixels",
    "video_as",
    "tensor_parallel",
    "pipeline_parallel",
    "data_parallel",
    "distributed_executor",
    "max_model_len",
    "gpu_memory_utilization",
    "responses",
)


def expand(argv: Sequence[str]) -> list[str]:
    """Settings of a YAML file that is named first, as options; those that follow override them.

    Raises:
        UsageError: the file cannot be read, or does not hold settings.
    """
    if not argv or not argv[0].endswith((".yaml", ".yml")):
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
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    several = {action.dest for action in parser._actions if isinstance(action, argparse._AppendAction)}
    options = []
    for name, value in settings.items():
        if isinstance(value, list) and name not in _LISTS and str(name).replace("-", "_") not in several:
            raise UsageError(
                f"{path}: {name} is a list, and takes one value. A run is of one model; write a file each."
            )
        options += _options(str(name), value)
    return [*options, *argv[1:]]


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
    parser.add_argument("--model", required=True, metavar="CKPT", help="local folder, hub id, 'demo', or openai:NAME")
    parser.add_argument(
        "--tasks", required=True, metavar="NAME,...", help="what to ask; 'harness tasks' lists the names"
    )
    parser.add_argument(
        "--data",
        metavar="hub|demo|DIR",
        help="where the questions are (default: as an lmms-eval task's YAML says, else hub, or demo for 'demo')",
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
    parser.add_argument("--fresh", action="store_true", help="start over where the folder holds a run")
    parser.add_argument("--requeue", action="store_true", help=REQUEUE)
    parser.add_argument(
        "--max-failures", type=int, default=0, metavar="N", help="failed samples before the exit code is 1 (default: 0)"
    )
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument(
        "--conflict", action="store_true", help="map how the gradients of the samples agree; loads the checkpoint again"
    )
    add_track_argument(parser)
    parser.add_argument("--no-diagnose", action="store_true", help="leave the diagnostics and report.html out")
    parser.add_argument("--revision", metavar="REV", help="revision of a hub checkpoint")
    parser.add_argument("--trust-remote-code", action="store_true", help=TRUST)
    parser.add_argument("--json", action="store_true", help="print the run's record as JSON")
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
        "--engine-arg", action="append", metavar="KEY=VALUE", help="any argument of vLLM's engine, may be repeated"
    )
    group.add_argument("--responses", type=Path, metavar="FILE", help="recorded responses, or a run folder (replay)")


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
    """The settings of an evaluation from its arguments.

    Raises:
        UsageError: an engine argument is not of the form KEY=VALUE.
    """
    return EvalConfig(
        model=arguments.model,
        tasks=_names(arguments.tasks),
        data=arguments.data,
        prompt=arguments.prompt,
        engine=arguments.engine,
        engine_options=_engine_options(arguments),
        out=arguments.out,
        limit=arguments.limit,
        seed=arguments.seed,
        num_frames=arguments.num_frames,
        max_new_tokens=arguments.max_new_tokens,
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        top_k=arguments.top_k,
        repetition_penalty=arguments.repetition_penalty,
        decoding=arguments.decoding,
        system_prompt=arguments.system_prompt,
        repeats=arguments.repeats,
        blind=arguments.blind,
        judge=arguments.judge,
        judge_base_url=arguments.judge_base_url,
        judge_api_key_env=arguments.judge_api_key_env,
        audit=arguments.audit,
        max_failures=arguments.max_failures,
        fresh=arguments.fresh,
        tasks_dir=arguments.tasks_dir,
        allow_outside=tuple(arguments.allow_outside),
        revision=arguments.revision,
        trust_remote_code=arguments.trust_remote_code,
    )


def _engine_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The engine settings that were given; those that were not are left to the engine."""
    options = {name: value for name in _ENGINE_OPTIONS if (value := getattr(arguments, name)) is not None}
    if arguments.engine_arg is not None:
        options["engine_args"] = dict(_key_value(text) for text in arguments.engine_arg)
    return options


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


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, diagnose, report, print the table (or the run's record as JSON), and give the exit code.

    Where a launcher has started several processes, they share the evaluation, and rank 0 does the rest.

    Raises:
        HarnessError: see the tree in `harness.core.errors`; what was finished is stored, and the same call goes on.
    """
    from harness.evaluation.interrupts import ended_by_scheduler
    from harness.evaluation.ranks import run_together
    from harness.reports.tracking import check_trackers

    check_trackers(arguments.track)
    if arguments.dry_run:
        return _foresee(read_config(arguments))
    with ended_by_scheduler(arguments.requeue):
        return run_together(partial(_run, read_config(arguments), arguments), requeue=arguments.requeue)


def _foresee(config: EvalConfig) -> int:
    """Say what an evaluation would ask for."""
    from harness.evaluation.estimate import estimate
    from harness.evaluation.plan import make_plan
    from harness.evaluation.run import folders_of
    from harness.reports.text import plain_table

    plan = make_plan(config)
    folders = folders_of(plan, config)
    try:
        found = estimate(plan, folders, fresh=config.fresh)
    finally:
        plan.engine.close()
        if plan.judge is not None:
            plan.judge.close()
    headers = ["task", "samples", "stored", "tokens a prompt", "tokens a response, at most"]
    prompts = ["unknown" if of.prompt_tokens is None else f"{of.prompt_tokens:,.0f}" for of in found.tasks]
    rows = [
        [of.task, of.samples, of.stored, prompt, of.budget] for of, prompt in zip(found.tasks, prompts, strict=True)
    ]
    show(f"{plan.checkpoint.name} on {plan.engine_name}, prompt {plan.prompt_format}\n\n{plain_table(headers, rows)}\n")
    for line in found.lines():
        show(line)
    show(f"run: {folders[0]}; leave --dry-run out to make it")
    return 0


def _run(config: EvalConfig, arguments: argparse.Namespace, ranks: Ranks) -> int:
    from harness.diagnostics.specs import diagnostics
    from harness.evaluation.run import evaluate, run_worker

    if ranks.rank:
        run_worker(config, ranks)
        return 0
    if not arguments.no_diagnose:
        diagnostics()  # A package whose diagnostic is broken is named before anything is asked.
    outcome = evaluate(config, ranks)
    return conclude(
        outcome,
        conflict=arguments.conflict,
        diagnosed=not arguments.no_diagnose,
        as_json=arguments.json,
        max_failures=config.max_failures,
        track=arguments.track,
    )


def conclude(
    outcome: Outcome,
    *,
    conflict: bool,
    diagnosed: bool,
    as_json: bool,
    max_failures: int,
    track: Sequence[str] = (),
) -> int:
    """Diagnose and report a finished evaluation, print it, send it to trackers, and give the exit code."""
    from harness.api import explain
    from harness.reports.tracking import track_run

    missing = explain(outcome, conflict=conflict, diagnosed=diagnosed)
    if as_json:
        from dataclasses import asdict

        show(to_json(asdict(outcome.run)))
    else:
        _print_tables(outcome)
    for line in missing:
        show(f"missing: {line}", file=sys.stderr)
    for problem in track_run(outcome.folder, track):
        show(f"warning: {problem}", file=sys.stderr)
    return _warn(outcome, max_failures)


def _print_tables(outcome: Outcome) -> None:
    from harness.reports.audit import audit_table
    from harness.reports.diagnostics_report import PAGE, cause_table
    from harness.reports.run_report import REPORT, baseline_line, blind_headlines, headline_table

    show(headline_table(outcome.run))
    show(baseline_line(outcome.run, blind_headlines(outcome.folder)))
    if outcome.run.audit is not None and (audited := audit_table(outcome.run.audit)):
        show(f"\n{audited}")
    causes = cause_table(outcome.folder)
    if causes is not None:
        show(f"\n{causes}")
    show(f"\nrun: {outcome.folder}\nreport: {outcome.folder / REPORT}")
    if (outcome.folder / PAGE).exists():
        show(f"every sample: {outcome.folder / PAGE}")


def _warn(outcome: Outcome, max_failures: int) -> int:
    """Say what did not work, and give the exit code."""
    from harness.reports.run_report import REPORT
    from harness.runs.records import SAMPLES

    if outcome.judge_problem is not None:
        show(f"warning: {outcome.judge_problem}. Run the same command to ask it again.", file=sys.stderr)
    if outcome.failures <= max_failures:
        return 0
    named = "; ".join(str(path / SAMPLES) for path in outcome.failed_repeats)
    show(
        f"warning: {outcome.failures} samples could not be scored (tolerated: {max_failures}); "
        f"{outcome.folder / REPORT} names them{f', and those of the repeats are in {named}' if named else ''}. "
        "Run the same command to try them again.",
        file=sys.stderr,
    )
    return 1
