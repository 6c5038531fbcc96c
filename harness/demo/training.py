"""Training stages of the demo checkpoint: one loop for text and pictures, one for the vision tower alone.

Matrices are trained with Muon, embeddings, norms and biases with AdamW. A stage is measured in steps and draws its own
random numbers from (seed, stage name), so that a seed decides the result whatever the speed of the machine, and a
build that was interrupted goes on from its last finished stage with the same numbers. Imported lazily only.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F

from harness.demo.batches import IMAGE_GRID, collate, fast_vision, patchify, token_losses
from harness.demo.curriculum import Mixture, draw_batch, draw_cells
from harness.demo.tokenizer import VOCABULARY
from harness.demo.world import GRID, OBJECTS, POSITIONS

Log = Callable[[str], None]
WARMUP_STEPS: Final = 30
FLOOR: Final = 0.02
EASY_OPACITY: Final = ((0.07, 0.24), (0.5, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the recipe.

    Attributes:
        name: names its checkpoint and decides its random numbers.
        steps: optimiser steps.
        batch: examples a step.
        muon: learning rate of the matrices.
        adam: learning rate of everything else.
        hold: share of the steps before the rate falls, linearly, to 2 %.
        mixture: what is shown; `None` for a vision stage.
        easy: in a vision stage, the share of steps that show hardly any faint objects.
        unless: leave the stage out where at least this share of the questions with options is answered right before
            it (`look_up.share_of_options_found`); `None`: never.
    """

    name: str
    steps: int
    batch: int
    muon: float
    adam: float
    hold: float = 0.5
    mixture: Mixture | None = None
    easy: float = 0.0
    unless: float | None = None


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one stage of one seed."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _optimisers(module: Any, stage: Stage) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the rest; frozen parameters are left out."""
    named = [(name, value) for name, value in module.named_parameters() if value.requires_grad]
    matrices = [value for name, value in named if value.ndim == 2 and "embed_tokens" not in name]
    chosen = {id(value) for value in matrices}
    rest = [value for _, value in named if id(value) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=stage.muon, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=stage.adam, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _steps(stage: Stage, optimisers: list[torch.optim.Optimizer]) -> Iterator[int]:
    """The step numbers of a stage, with the learning rates set for each: a short warm-up, a plateau, a linear fall."""
    for step in range(stage.steps):
        progress = step / stage.steps
        fall = 1.0 if progress < stage.hold else max(FLOOR, (1 - progress) / (1 - stage.hold))
        factor = min(1.0, (step + 1) / WARMUP_STEPS) * fall
        for optimiser, rate in zip(optimisers, (stage.muon, stage.adam), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
        yield step


def _update(loss: torch.Tensor, module: Any, optimisers: list[torch.optim.Optimizer]) -> None:
    module.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()


def train_stage(model: Any, tokenizer: Any, stage: Stage, seed: int, log: Log) -> None:
    """Train the whole model (in a stage without pictures: all but the vision tower) on a stage's mixture."""
    assert stage.mixture is not None
    rng = generator(seed, stage.name)
    model.requires_grad_(True)
    model.model.visual.requires_grad_(stage.mixture.text < 1)
    optimisers = _optimisers(model, stage)
    model.train()
    started, recent = time.process_time(), []
    with fast_vision():
        for step in _steps(stage, optimisers):
            batch = draw_batch(rng, stage.mixture, stage.batch)
            losses = token_losses(model, collate(tokenizer, batch, late=bool(rng.random() < 0.5)))
            _update(losses.mean(), model, optimisers)
            recent.append(losses.mean().item())
            if (step + 1) % 50 == 0:
                cpu = time.process_time() - started
                log(f"{stage.name} step {step + 1}/{stage.steps} loss {np.mean(recent[-50:]):.4f} cpu {cpu:.0f} s")
    model.requires_grad_(True)


def align_vision(model: Any, stage: Stage, seed: int, log: Log) -> None:
    """Train the vision tower so that each merged token points at the word embeddings of its object and position.

    The language model stays as it is: it has learnt to read words, and is now given words. At the end the tower's
    output is scaled to one and a half times the root mean square of the embeddings, which is what the language model
    expects its input to look like.
    """
    rng = generator(seed, stage.name)
    visual = model.model.visual
    ids = {token: index for index, token in enumerate(VOCABULARY)}
    embeddings = model.model.language_model.embed_tokens.weight.detach()
    objects = embeddings[[*(ids[name] for name in OBJECTS), ids["none"]]]
    places = embeddings[[ids[name] for name in POSITIONS]]
    target_places = torch.arange(GRID * GRID).repeat(stage.batch)
    weights = torch.ones(len(OBJECTS) + 1)
    weights[-1] = 0.4
    sharpness = torch.nn.Parameter(torch.tensor(1.0))
    holder = torch.nn.ModuleDict({"visual": visual})
    holder.register_parameter("sharpness", sharpness)
    optimisers = _optimisers(holder, stage)
    visual.train()
    started = time.process_time()
    grid = torch.tensor([IMAGE_GRID] * stage.batch)
    features = torch.zeros(1)
    with fast_vision():
        for step in _steps(stage, optimisers):
            easy = step < stage.easy * stage.steps
            images, cells = draw_cells(rng, stage.batch, EASY_OPACITY if easy else None)
            features = visual(torch.from_numpy(patchify(images)), grid).pooler_output
            wanted = torch.from_numpy(cells).flatten()
            scores = features @ objects.T * sharpness
            loss = F.cross_entropy(scores, wanted, weight=weights)
            loss = loss + 0.5 * F.cross_entropy(features @ places.T * sharpness, target_places)
            _update(loss, holder, optimisers)
            if (step + 1) % 50 == 0:
                seen = wanted < len(OBJECTS)
                hits = (scores.argmax(-1) == wanted)[seen].float().mean().item()
                cpu = time.process_time() - started
                at = f"{stage.name} step {step + 1}/{stage.steps}"
                log(f"{at} loss {loss.item():.3f} objects {hits:.3f} cpu {cpu:.0f} s")
    with torch.no_grad():
        factor = 1.5 * embeddings.pow(2).mean().sqrt() / features.detach().pow(2).mean().sqrt()
        last = visual.merger.mlp[2]
        last.weight.mul_(factor)
        last.bias.mul_(factor)
