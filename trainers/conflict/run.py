"""The conflict map of a stored run: its own responses as sequences, under its own checkpoint or another one.

Files beside the run: `conflict.json`, the figures; `conflict.npy`, the map, [B, B] in the order of `samples` in the
figures; `conflict.png`, its picture. Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from accelerate.utils import align_module_device  # type: ignore[import-untyped]
from numpy.typing import NDArray

from harness.core.errors import DataError, MediaError, ModelError, StoreError, UsageError
from harness.core.files import write_atomically, write_errors
from harness.core.types import Sample, SampleRecord
from harness.diagnostics.conflict import FIGURES, MAP, PICTURE, SCHEMA_VERSION
from harness.diagnostics.run_folder import latest_records, read_settings
from harness.engines import Request, VideoAs
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint
from harness.engines.hf_device import placement, resolve_device, resolve_dtype
from harness.engines.inputs import choose_video_as
from harness.engines.preparation import one_line
from harness.engines.weights import load_model as load_whole
from harness.media import OpenMedia
from harness.runs.folder import read_run
from harness.runs.records import RUN
from trainers.conflict.figures import describe
from trainers.conflict.states import Forced, force
from trainers.models import load_processor, quiet_libraries
from trainers.ntk import ntk_similarity
from trainers.ntk.gather import sizes_of_ranks
from trainers.settings import Estimator, NtkSettings

SEED: Final = 0
_FEWEST: Final = 2
_SHADES: Final = 12
"""Of either colour in the picture, which would take megabytes with all."""


def map_run(
    folder: Path,
    *,
    open_media: OpenMedia | None,
    samples: int,
    model: str | None = None,
    trust_remote_code: bool = False,
    seed: int = SEED,
) -> dict[str, Any]:
    """Compute the map of a run and store it in the run's folder.

    Args:
        folder: a finished run.
        open_media: opens a sample's images and videos; `None`: samples that have some are left out.
        samples: most responses that are compared; more are drawn from with the seed.
        model: another checkpoint than the run's own.
        trust_remote_code: Python code that comes with the checkpoint may be run; that of the run's own may where the
            run did.
        seed: of the draw.

    Returns:
        The figures, as stored.

    Raises:
        StoreError: not a finished run, or its folder cannot be written.
        UsageError: the run was blind, its checkpoint is not at hand or was quantised by vLLM, or fewer than two samples
            are asked for.
        DataError: fewer than two responses can be compared.
        ModelError: the checkpoint cannot be loaded, or memory does not suffice.
    """
    if samples < _FEWEST:
        raise UsageError(f"--conflict-samples {samples} is out of range: a pair takes 2.")
    checkpoint = _checkpoint(folder, model, trust_remote_code)
    settings = read_settings(folder)
    if settings.get("blind"):
        raise UsageError(f"{folder} was asked without its images; give the run that saw them.")
    start = time.monotonic()
    records = [record for record in latest_records(folder) if record.response.text.strip()]
    places = sorted(random.Random(seed).sample(range(len(records)), min(samples, len(records))))
    opened, unopened = _check_media([records[place] for place in places], open_media)
    if len(opened) < _FEWEST:
        why = f": {next(iter(unopened.values()))}" if unopened else "."
        raise DataError(f"{folder}: {len(opened)} responses can be compared, a pair takes 2{why}")
    described = dict(settings.get("engine_settings") or {})
    # Another checkpoint may take another place than the run's.
    placed = {} if model is not None else {name: described.get(name) for name in ("device_map", "quantization")}
    try:
        network, processor = load_model(checkpoint, **placed)
        video_as = settings.get("video_as") or choose_video_as(processor, None, checkpoint.name)
        sequences = _sequences(opened, open_media)
        similarity = similarity_of(
            network, processor, sequences, max_pixels=described.get("max_pixels"), video_as=video_as
        )
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"memory does not suffice for the gradients of {checkpoint.name!r}: {one_line(error)} Compare fewer "
            "responses: harness diagnose RUN --conflict --conflict-samples N."
        ) from error
    figures = {
        "schema_version": SCHEMA_VERSION,
        "model": checkpoint.name,
        "weights": checkpoint.weights,
        "compared": len(opened),
        "of": len(records),
        "seed": seed,
        "unopened": len(unopened),
        **describe(
            similarity,
            [(record.sample.task, record.sample.id) for record in opened],
            ["/".join(filter(None, (record.sample.task, record.sample.subset))) for record in opened],
            [_asked(record.sample) for record in opened],
            [(record.sample.task, record.sample.cluster or record.sample.id) for record in opened],
        ),
        "seconds": round(time.monotonic() - start, 1),
    }
    _write(folder, similarity, figures)
    return figures


@torch.no_grad()
def similarity_of(
    model: Any,
    processor: Any,
    sequences: Sequence[Forced],
    *,
    max_pixels: int | None = None,
    video_as: VideoAs = "native",
    estimator: Estimator = "exact",
    shared: bool = False,
) -> NDArray[np.float64]:
    """Cosines of the gradients of the sequences' mean log-probability with respect to the LM head: [B, B].

    Symmetric, with a diagonal of ones; see `trainers.ntk.estimators`. Where it is shared each process gives sequences
    of its own, and all get the cosines of all, in the order of the ranks.
    """
    tokens = force(model, processor, sequences, max_pixels=max_pixels, video_as=video_as)
    with align_module_device(model.get_output_embeddings(), tokens.hidden.device):  # It may lie in memory or on disk.
        head = model.get_output_embeddings().weight.detach().to(tokens.hidden.device)
    sizes = sizes_of_ranks(tokens) if shared else None
    cosine = ntk_similarity(tokens, head, NtkSettings(estimator=estimator), sizes).double().clamp(-1, 1)
    result: NDArray[np.float64] = cosine.cpu().numpy()
    return result


def _checkpoint(folder: Path, model: str | None, trust_remote_code: bool) -> Checkpoint:
    """The checkpoint that was asked for, or the run's own, if it is still what it was."""
    if not (folder / RUN).is_file():
        raise StoreError(f"{folder} is not a finished run: the conflict map is made of its stored responses.")
    run = read_run(folder)
    if model is None and run.weights is None:
        raise UsageError(
            f"{folder} is of a model without files ({run.model}); gradients need weights. Give --conflict-model CKPT."
        )
    described = dict(run.settings.get("engine_settings") or {})
    if model is None and run.engine != "hf" and described.get("quantization") is not None:
        raise UsageError(
            f"the weights of {folder} were quantised by its engine {run.engine!r} ({described['quantization']}), whose "
            "gradients are not those of the checkpoint. Give --conflict-model CKPT."
        )
    # Trust in the run's checkpoint is none in another one.
    trusted = trust_remote_code or (model is None and bool(described.get("trust_remote_code")))
    try:
        checkpoint = resolve_checkpoint(model or run.model, trust_remote_code=trusted, sees=True)
    except ModelError as error:
        raise ModelError(f"{error} Give the run's checkpoint, or another one, with --conflict-model.") from error
    if checkpoint.folder is None:
        raise UsageError(f"model {checkpoint.name!r} has no files; gradients need weights.")
    if model is None and checkpoint.weights != run.weights:
        raise ModelError(
            f"checkpoint {run.model!r} has other weights than the run in {folder} was made with. Give the one that is "
            "meant with --conflict-model."
        )
    return checkpoint


def _check_media(
    records: Sequence[SampleRecord], open_media: OpenMedia | None
) -> tuple[list[SampleRecord], dict[str, str]]:
    """The records whose media can be opened, and why the others cannot."""
    kept, unopened = [], {}
    for record in records:
        try:
            if record.sample.media and open_media is None:
                raise MediaError("the run's data were not found; give them with --data.")
            if open_media is not None and record.sample.media:
                open_media(record.sample)
            kept.append(record)
        except MediaError as error:
            unopened[record.sample.id] = str(error)
    return kept, unopened


def _sequences(records: Sequence[SampleRecord], open_media: OpenMedia | None) -> list[Forced]:
    numbers: dict[Any, int] = {}
    return [
        Forced(
            request=Request(
                task=record.sample.task,
                sample_id=record.sample.id,
                prompt=record.sample.prompt,
                media=record.sample.media,
                open_media=partial(open_media, record.sample) if open_media and record.sample.media else list,
            ),
            response=record.response.text,
            ended=record.response.finish_reason != "length",
            number=numbers.setdefault(_asked(record.sample), len(numbers)),
        )
        for record in records
    ]


def _asked(sample: Sample) -> tuple[Any, ...]:
    """What makes two samples the same prompt: a benchmark may ask one question of one image in several splits."""
    shown = sample.cluster or tuple(media.source for media in sample.media) or sample.id
    return sample.task, sample.prompt, shown


def load_model(
    checkpoint: Checkpoint, *, device_map: str | None = None, quantization: str | None = None
) -> tuple[Any, Any]:
    """A checkpoint's model, in evaluation mode, and its processor.

    Args:
        checkpoint: the checkpoint.
        device_map: how it is spread, as in an evaluation.
        quantization: how its weights are rounded, as in an evaluation.

    Raises:
        ModelError: it cannot be loaded.
        UsageError: it cannot be quantised so here.
    """
    device = resolve_device("auto")
    dtype = resolve_dtype("auto", device)
    placed = placement(checkpoint, device, dtype, device_map, quantization)
    with quiet_libraries():
        processor = load_processor(checkpoint, None)
        model = load_whole(checkpoint, dtype=dtype, **placed)
    return (model if placed else model.to(device)).eval(), processor


def _write(folder: Path, similarity: NDArray[np.float64], figures: Mapping[str, Any]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, similarity.astype(np.float32))
    with write_errors(folder / MAP):
        (folder / MAP).write_bytes(buffer.getvalue())
        (folder / PICTURE).write_bytes(draw_map(similarity, [item["part"] for item in figures["samples"]]))
    write_atomically(folder / FIGURES, json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


def draw_map(similarity: NDArray[np.float64], parts: Sequence[str]) -> bytes:
    """A PNG of the map, at least 320 pixels wide: blue -1, white 0, red 1; grey lines between parts."""
    from PIL import Image

    value = np.clip(similarity, -1, 1)
    red, blue = np.array([178.0, 24.0, 43.0]), np.array([33.0, 102.0, 172.0])
    far = np.where((value > 0)[..., None], red, blue)
    # The square root shows the small similarities, of which most of a map is made.
    strength = (np.sqrt(np.abs(value)) * _SHADES).round()[..., None] / _SHADES
    pixels = (255 + (far - 255) * strength).astype(np.uint8)
    scale = max(1, -(-320 // len(value)))
    pixels = pixels.repeat(scale, 0).repeat(scale, 1)
    for place in range(1, len(parts)):
        if parts[place] != parts[place - 1]:
            pixels[place * scale, :] = pixels[:, place * scale] = 128
    buffer = io.BytesIO()
    Image.fromarray(pixels).quantize(2 * _SHADES + 2).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
