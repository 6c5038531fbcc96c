"""The arguments of `harness eval`; standard library and settings only, so that its help is there at once."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.evaluation.settings import EvalConfig

_ENGINE_OPTIONS: Final = (
    "base_url",
    "batch_size",
    "device",
    "dtype",
    "max_pixels",
    "tensor_parallel",
    "data_parallel",
    "max_model_len",
    "gpu_memory_utilization",
    "responses",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness eval`."""
    parser.add_argument("--model", required=True, metavar="CKPT", help="local folder, hub id, 'demo', or openai:NAME")
    parser.add_argument("--tasks", required=True, metavar="NAME,...", help="e.g. pope,videohallucer,mmbench,mmvu")
    parser.add_argument(
        "--data", metavar="hub|demo|DIR", help="where the questions are (default: hub; demo for 'demo')"
    )
    parser.add_argument("--prompt", default="auto", metavar="FORMAT", help="direct, think, grounded or auto (default)")
    parser.add_argument("--engine", default="auto", metavar="NAME", help="hf, vllm, api, replay or auto (default)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/MODEL-SETTINGS)")
    parser.add_argument("--limit", type=int, metavar="N", help="about N samples a task, in whole pairs and groups")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of sampling and of --limit (default: 0)")
    parser.add_argument("--num-frames", type=int, default=8, metavar="N", help="frames per video (default: 8)")
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help="token budget (default: by prompt format)")
    parser.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0 is greedy (default)")
    parser.add_argument("--samples", type=int, default=1, metavar="K", help="ask K times, with seeds that follow")
    parser.add_argument("--blind", metavar="grey|withheld", help="ask without showing the images and videos")
    parser.add_argument("--top-p", type=float, default=1.0, metavar="P", help="nucleus mass when sampling (default: 1)")
    parser.add_argument(
        "--judge", metavar="openai:MODEL", help="ask this model about open-ended answers that the rules cannot settle"
    )
    parser.add_argument("--judge-base-url", metavar="URL", help="an OpenAI-compatible server for the judge")
    parser.add_argument("--fresh", action="store_true", help="start over where the folder holds a run")
    parser.add_argument(
        "--max-failures", type=int, default=0, metavar="N", help="failed samples before the exit code is 1 (default: 0)"
    )
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of task plug-ins")
    parser.add_argument(
        "--conflict", action="store_true", help="map how the gradients of the samples agree; loads the checkpoint again"
    )
    parser.add_argument("--no-diagnose", action="store_true", help="leave the diagnostics and report.html out")
    parser.add_argument("--revision", metavar="REV", help="revision of a hub checkpoint")
    parser.add_argument("--json", action="store_true", help="print the run's record as JSON")
    group = parser.add_argument_group("engine settings")
    group.add_argument("--base-url", action="append", metavar="URL", help="address of a server, may be repeated (api)")
    group.add_argument("--batch-size", type=int, metavar="N", help="requests a batch (hf)")
    group.add_argument("--device", metavar="DEVICE", help="torch device (hf; default: CUDA where it is)")
    group.add_argument("--dtype", metavar="TYPE", help="bfloat16, float16, float32 or auto (default)")
    group.add_argument("--max-pixels", type=int, metavar="N", help="cap on the pixels of an image or frame")
    group.add_argument("--tensor-parallel", type=int, metavar="N", help="devices that share one copy (vllm)")
    group.add_argument("--data-parallel", type=int, metavar="N", help="copies of the model (vllm)")
    group.add_argument("--max-model-len", type=int, metavar="N", help="tokens of prompt and response (vllm)")
    group.add_argument("--gpu-memory-utilization", type=float, metavar="X", help="share of the GPU's memory (vllm)")
    group.add_argument(
        "--engine-arg", action="append", metavar="KEY=VALUE", help="any argument of vLLM's engine, may be repeated"
    )
    group.add_argument("--responses", type=Path, metavar="FILE", help="recorded responses, or a run folder (replay)")


def read_config(arguments: argparse.Namespace) -> EvalConfig:
    """The settings of an evaluation from its arguments.

    Raises:
        UsageError: an engine argument is not of the form KEY=VALUE.
    """
    return EvalConfig(
        model=arguments.model,
        tasks=tuple(name.strip() for name in arguments.tasks.split(",") if name.strip()),
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
        samples=arguments.samples,
        blind=arguments.blind,
        judge=arguments.judge,
        judge_base_url=arguments.judge_base_url,
        max_failures=arguments.max_failures,
        fresh=arguments.fresh,
        tasks_dir=arguments.tasks_dir,
        revision=arguments.revision,
        diagnose=not arguments.no_diagnose,
    )


def _engine_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The engine settings that were given; those that were not are left to the engine."""
    options = {name: value for name in _ENGINE_OPTIONS if (value := getattr(arguments, name)) is not None}
    if arguments.engine_arg is not None:
        options["engine_args"] = dict(_key_value(text) for text in arguments.engine_arg)
    return options


def _key_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--engine-arg {text!r} is not of the form KEY=VALUE.")
    try:
        return key, json.loads(value.lower() if value in ("True", "False") else value)
    except ValueError:
        return key, value
