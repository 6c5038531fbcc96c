"""What to measure on the day a GPU is at hand: unattended, in under 40 minutes, one table at the end.

    python benchmarks/gpu.py                    measure, on one GPU of 24 GB or more
    python benchmarks/gpu.py --list             say what would be measured, and how long it is expected to take
    python benchmarks/gpu.py --tiny             the same on CPU with a model of a million weights: a rehearsal
    python benchmarks/gpu.py --only step        parts whose names hold the word

Measured are: samples a second of `vllm` and `hf` and of lmms-eval's two backends, one after the other on such images; a
step of the recipe for Qwen2.5-VL-3B on one GPU with a colocated vLLM: its seconds, the share of the contrastive term at
a vocabulary of 152,000 (`top_tokens`, and `exact`), the gap between the log-probabilities of sampling and of scoring,
and the peak of PyTorch's memory, to be held against the plan of `harness train --dry-run`. Weights are random and
nothing is downloaded: the configuration is that of the hub, the tokenizer the demo's, filled up to the vocabulary.

A part that fails, or takes twice its time, is told in the table, and the next one is begun.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tabulate import tabulate

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))
PIXELS: Final = 401_408
GAP: Final = "sampling/sampling_logp_difference/mean"
TINY: Final = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 4096,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
}  # fmt: skip
"""What is other in a rehearsal's language model."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that is measured in a process of its own.

    Attributes:
        name: for people.
        minutes: that it is expected to take on a GPU.
        command: that writes figures to the file that is appended to it.
        read: rows of the table from those figures.
    """

    name: str
    minutes: float
    command: Sequence[str]
    read: Callable[[Any], Iterator[Row]]


def make_model(folder: Path, *, tiny: bool) -> Path:
    """A checkpoint of Qwen2.5-VL-3B's sizes, or of tiny ones, with random weights and the demo's tokenizer."""
    import torch
    from support_sizes import config_of
    from tokenizers import AddedToken
    from transformers import Qwen2_5_VLForConditionalGeneration

    from harness.engines.checkpoints import resolve_checkpoint
    from harness.engines.inputs import load_processor
    from harness.engines.loaders import load_config

    demo = resolve_checkpoint("demo")
    processor, known = load_processor(demo), load_config(demo)
    config = config_of("qwen2_5_vl_3b", **(TINY if tiny else {}))
    for name in ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id"):
        setattr(config, name, getattr(known, name))
    if tiny:
        for name in ("depth", "hidden_size", "intermediate_size", "num_heads", "fullatt_block_indexes"):
            setattr(config.vision_config, name, getattr(known.vision_config, name))
    vocabulary = config.text_config.vocab_size
    lacking = range(len(processor.tokenizer), vocabulary)
    processor.tokenizer.add_tokens([AddedToken(f"<filler-{number}>") for number in lacking])
    processor.image_processor.size = {"shortest_edge": 3136, "longest_edge": 7056 if tiny else PIXELS}
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32 if tiny else torch.bfloat16)
    model = Qwen2_5_VLForConditionalGeneration(config)
    torch.set_default_dtype(torch.float32)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_rows(folder: Path, count: int) -> Path:
    """Questions about images of 640x480."""
    from throughput import make_data

    folder.mkdir()
    make_data(folder, "images", count)
    rows = [
        {"id": path.stem, "media": [path.name], "question": "Is there a red circle ?", "answer": "yes",
         "answer_kind": "yes_no"}
        for path in sorted(folder.glob("*.jpg"))
    ]  # fmt: skip
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def throughput_rows(figures: Any) -> Iterator[Row]:
    """Samples a second."""
    for row in figures:
        yield {"figure": f"{row['side']}, samples a second", "value": round(row["samples_per_s"], 2)}


def step_rows(figures: Any) -> Iterator[Row]:
    """A step's parts, the gap and the memory."""
    seconds = {part["part"]: part["seconds"] for part in figures["parts"]}
    kernel = seconds["kernel forward"] + seconds["kernel backward"]
    yield {"figure": "seconds of a step", "value": round(seconds["step"], 2)}
    yield {"figure": "of them, sampling", "value": f"{seconds['generation'] / seconds['step']:.1%}"}
    yield {"figure": "of them, contrastive term", "value": f"{kernel / seconds['step']:.1%}"}
    gaps = [entry[GAP] for entry in figures["log"] if GAP in entry]
    yield {"figure": "gap of log-probabilities to the colocated vLLM", "value": gaps[-1] if gaps else "none: no vLLM"}
    yield {"figure": "peak of memory, GiB", "value": round(figures["peak_bytes"] / 2**30, 2)}


def parts(model: Path, rows: Path, *, tiny: bool) -> list[Part]:
    """What is measured, in its order."""
    from importlib.util import find_spec

    def throughput(side: str, minutes: float) -> Part:
        samples = (
            ("--samples", "4", "--rounds", "1", "--max-new-tokens", "4")
            if tiny
            else ("--samples", "96", "--rounds", "3")
        )
        command = ("throughput.py", "--model", str(model), "--sides", side, "--kinds", "images", *samples)
        return Part(name=f"throughput of {side}", minutes=minutes, command=command, read=throughput_rows)

    def step(estimator: str) -> Part:
        settings = [
            f"model={model}", f"data.train={rows}", f"ntk.estimator={estimator}", "rewards.caption=0",
            "conflict_rows=0", "eval.tasks=[]",
        ]  # fmt: skip
        if tiny:
            settings += [
                "data.max_pixels=7056", "train.max_completion_length=8", "train.per_device_train_batch_size=8",
                "train.num_generations=4", "train.gradient_accumulation_steps=1", "train.bf16=false",
                f"train.use_vllm={str(find_spec('vllm') is not None).lower()}", "max_logprob_gap=10",
                "train.vllm_enable_sleep_mode=false",
            ]  # fmt: skip
        command = ("train_step.py", "one_gpu/method_24gb", *settings, "--steps", "3")
        return Part(name=f"step of the 3B recipe, {estimator}", minutes=5, command=command, read=step_rows)

    sides = (("vllm", 4.0), ("hf", 4.0), ("lmms-vllm@512", 5.0), ("lmms-qwen@32", 5.0))
    return [*(throughput(*side) for side in sides), step("top_tokens"), step("exact")]


def measure(part: Part, file: Path, limit_s: float) -> list[Row]:
    """Run a part to its end, its limit or its failure; rows of the table either way."""
    start = time.monotonic()
    command = [sys.executable, str(HERE / part.command[0]), *part.command[1:], "--json", str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        failed = f"failed: {last[:100]}" if done.returncode or not file.is_file() else None
    except subprocess.TimeoutExpired:
        failed = f"took more than {limit_s / 60:.0f} minutes"
    found = [{"figure": failed, "value": None}] if failed else list(part.read(json.loads(file.read_text())))
    minutes = round((time.monotonic() - start) / 60, 1)
    return [{"part": part.name, **row, "minutes": minutes} for row in found or [{"figure": "failed: no figures"}]]


def main() -> None:
    """Measure, and print the table; exit code 1 where a part failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a rehearsal with tiny sizes, also on CPU")
    parser.add_argument("--list", action="store_true", help="only say what would be measured")
    parser.add_argument("--only", default="", metavar="WORD", help="parts whose names hold it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table to a file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planned = parts(folder / "model", folder / "rows" / "rows.jsonl", tiny=arguments.tiny)
        planned = [part for part in planned if arguments.only in part.name]
        if not planned:
            parser.error(f"no part's name holds {arguments.only!r}; --list names them")
        shown = [{"part": part.name, "minutes": part.minutes, "runs": part.command[0]} for part in planned]
        total = sum(part.minutes for part in planned) + 3
        print(tabulate(shown, headers="keys"))
        print(f"\nexpected on a GPU: {total:.0f} minutes, 3 of them to write the model", flush=True)
        if arguments.list:
            return
        make_model(folder / "model", tiny=arguments.tiny)
        make_rows(folder / "rows", 24)
        rows = []
        for number, part in enumerate(planned):
            rows += measure(part, folder / f"{number}.json", (20 if arguments.tiny else 2 * part.minutes) * 60)
            print(f"{part.name}: {rows[-1]['minutes']} minutes", file=sys.stderr, flush=True)
    print(tabulate(rows, headers="keys"))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    if any(row.get("value") is None for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
