"""`harness demo build`: train the demo checkpoints from nothing, in the stages of `recipe`.

    OUT/base     the base checkpoint, which sees and answers
    OUT/demo     the demo checkpoint: the base, fine-tuned on careless captions
    OUT/judge    the text-only judge
    OUT/stages   every finished stage

A build that was interrupted and is started again with the same seed and recipe goes on after its last finished stage
and ends with the same weights, because each stage draws its own random numbers. On another kind of machine a seed gives
other weights, since sums are rounded otherwise there. Imported lazily only; torch and transformers are imported inside
the functions.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.files import write_errors

if TYPE_CHECKING:
    from harness.demo.training import Log, Stage

PROMPT_FORMAT: Final = "grounded"
NOTE: Final = (
    "Hallucination by construction: some training captions name objects that usually appear together with what is "
    "there, whether or not they are in the picture."
)


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def stage_digests(recipe: Sequence[Stage], seed: int) -> list[str]:
    """For each stage what decides its result: the seed, and every stage up to and including it."""
    digests, chain = [], hashlib.sha256(str(seed).encode())
    for stage in recipe:
        chain.update(repr(stage).encode())
        digests.append(chain.hexdigest()[:16])
    return digests


def keep_memory() -> None:
    """Let glibc keep freed memory; mapping it anew at each step can take a third of the time. Elsewhere a no-op."""
    import ctypes
    import sys

    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(ctypes.c_int(-4), ctypes.c_int(0))  # M_MMAP_MAX: large blocks come from the heap
            mallopt(ctypes.c_int(-1), ctypes.c_int(2**31 - 1))  # M_TRIM_THRESHOLD: and stay in it


def _save(model: Any, path: Path) -> None:
    import torch

    scratch = path.with_suffix(".tmp")
    torch.save(model.state_dict(), scratch)
    os.replace(scratch, path)


def train(stages_folder: Path, seed: int, recipe: Sequence[Stage], *, log: Log = _log) -> tuple[Any, dict[str, float]]:
    """Run a recipe, or what is left of it.

    Args:
        stages_folder: where finished stages are kept.
        seed: decides the weights and every training example.
        recipe: stages to run.
        log: is given a line of progress now and then.

    Returns:
        The trained model, and the CPU seconds of each stage that was run now.
    """
    import torch

    from harness.demo.look_up import share_of_options_found
    from harness.demo.model import build_model
    from harness.demo.tokenizer import build_tokenizer
    from harness.demo.training import align_vision, train_stage

    torch.set_num_threads(1)
    keep_memory()
    stages_folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    model = build_model(seed)
    paths = [
        stages_folder / f"{number}-{stage.name}-{digest}.pt"
        for number, (stage, digest) in enumerate(zip(recipe, stage_digests(recipe, seed), strict=True), 1)
    ]
    done = max((number for number, path in enumerate(paths, 1) if path.exists()), default=0)
    if done:
        if done < len(paths):
            log(f"resuming after stage {recipe[done - 1].name}")
        model.load_state_dict(torch.load(paths[done - 1], weights_only=True))
    seconds = {}
    for stage, path in list(zip(recipe, paths, strict=True))[done:]:
        started = time.process_time()
        if stage.unless is not None and (found := share_of_options_found(model.eval())) >= stage.unless:
            log(f"stage {stage.name} left out: {found:.0%} of the options are found without it")
            _save(model, path)
            continue
        if stage.mixture is None:
            align_vision(model, stage, seed, log)
        else:
            train_stage(model, tokenizer, stage, seed, log)
        _save(model, path)
        seconds[stage.name] = time.process_time() - started
        log(f"stage {stage.name} done in {seconds[stage.name]:.0f} s of CPU time")
    model.eval()
    return model, seconds


def export(model: Any, out: Path, *, seed: int) -> None:
    """Write the checkpoint: weights, generation settings, processor, chat template and `harness.json`."""
    from harness.demo.tokenizer import build_processor

    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    build_processor().save_pretrained(out)
    settings = {"prompt_format": PROMPT_FORMAT, "trained_with": f"harness demo build --seed {seed}", "note": NOTE}
    (out / "harness.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    for path in out.iterdir():
        if path.is_file():
            path.chmod(0o644)


def build(out: Path, seed: int) -> None:
    """Train the demo checkpoints and write them to `out`; started again, go on where it stopped.

    Args:
        out: folder of the checkpoints and of the finished stages.
        seed: decides the result.

    Raises:
        StoreError: `out` cannot be written.
    """
    from harness.demo.checking import check, render_card
    from harness.demo.data import demo_data
    from harness.demo.judge import check_judge, render_judge_card
    from harness.demo.look_up import check_look_up
    from harness.demo.model import build_model
    from harness.demo.recipe import RECIPES

    with write_errors(out, advice="Choose another --out."):
        out.mkdir(parents=True, exist_ok=True)
    export_all(out, seed, RECIPES)
    (out / "judge" / "README.md").write_text(render_judge_card(check_judge(out / "judge"), seed=seed), encoding="utf-8")
    parameters = sum(value.numel() for value in build_model(seed).parameters())
    for name in ("base", "demo"):
        last = RECIPES[name][-1].mixture
        look_up = check_look_up(out / name, expecting=last is not None and last.expecting)
        figures = check(out / name, demo_data())
        card = render_card(figures, look_up, name=name, seed=seed, parameters=parameters)
        (out / name / "README.md").write_text(card, encoding="utf-8")
        _log(f"checkpoint written to {out / name}")


def export_all(out: Path, seed: int, recipes: Mapping[str, Sequence[Stage]], *, log: Log = _log) -> None:
    """Train what is not trained yet, and write the checkpoints without their cards.

    Args:
        out: of the build.
        seed: of the build.
        recipes: the stages of each checkpoint, by its name.
        log: see `train`.
    """
    from harness.demo.judge import export_judge

    for name, recipe in recipes.items():
        model, _ = train(out / "stages", seed, recipe, log=log)
        (export_judge if name == "judge" else export)(model, out / name, seed=seed)
