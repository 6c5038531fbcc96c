"""What a demo checkpoint answers after a true caption: the skill that its answers rest on, apart from what it sees.

The model gets a question without its picture and the beginning of a response, up to where the thinking begins; it
goes on greedily. Imported lazily only; torch and transformers are imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.demo.chains import word_prompt, word_response
from harness.demo.curriculum import IMAGE_FAMILIES, VIDEO_FAMILIES, draw_query
from harness.demo.questions import Query, resolve
from harness.demo.world import Scene

SEED: Final = 8
MAX_NEW_TOKENS: Final = 24
OPTION_COUNT: Final = 20
MEDIA: Final = {"image": IMAGE_FAMILIES, "video": VIDEO_FAMILIES}


def answer_after_captions(model: Any, drawn: Sequence[tuple[Query, Scene]], *, expecting: bool = False) -> list[bool]:
    """Whether the model answers each question right, after the true caption of its scene.

    Args:
        model: of the demo's tokenizer, in evaluation mode.
        drawn: questions and their scenes.
        expecting: let the plan say where an object's partner is, as the last stage of the recipe does.
    """
    import torch

    from harness.demo.tokenizer import build_tokenizer

    tokenizer = build_tokenizer()
    prompts, wanted = [], []
    for query, scene in drawn:
        begun, mark, _ = word_response(query, scene, "grounded", expecting=expecting).partition("<think>")
        prompts.append(word_prompt(query, "grounded", blind=True) + begun + mark)
        wanted.append(resolve(query, scene)[1])
    encoded = tokenizer(prompts, return_tensors="pt", padding=True)
    with torch.inference_mode():
        output = model.generate(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
        )
    texts = tokenizer.batch_decode(output[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True)
    answers = [text.rpartition("<answer>")[2].partition("</answer>")[0].strip() for text in texts]
    return [answer == right for answer, right in zip(answers, wanted, strict=True)]


def draw_kinds(seed: int, count: int) -> Iterator[tuple[str, list[tuple[Query, Scene]]]]:
    """`count` questions of each kind, `image/FAMILY` or `video/FAMILY`, with the scenes that they are about."""
    rng = np.random.default_rng(seed)
    for medium, families in MEDIA.items():
        for family in families:
            yield f"{medium}/{family}", [draw_query(rng, family, video=medium == "video") for _ in range(count)]


def with_media(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares by kind, and behind those of `image` and `video` the medium's own: its kinds weighted as in training."""
    figures: dict[str, float] = {}
    for medium, families in MEDIA.items():
        own = {f"{medium}/{family}": shares[f"{medium}/{family}"] for family in families}
        total = sum(weight * share for weight, share in zip(families.values(), own.values(), strict=True))
        figures |= {**own, medium: total / sum(families.values())}
    return figures


def check_look_up(checkpoint: Path, *, expecting: bool, count: int = 60) -> dict[str, float]:
    """Share of questions answered right after a true caption.

    Args:
        checkpoint: folder of the checkpoint.
        expecting: see `answer_after_captions`.
        count: questions of each kind.

    Returns:
        See `with_media`.
    """
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(checkpoint).eval()
    drawn = draw_kinds(SEED, count)
    return with_media(
        {kind: sum(answer_after_captions(model, asked, expecting=expecting)) / count for kind, asked in drawn}
    )


def share_of_options_found(model: Any) -> float:
    """Share of the questions with options that are answered by the right letter, after a true caption.

    Args:
        model: see `answer_after_captions`.
    """
    asked = [item for _, drawn in draw_kinds(SEED, OPTION_COUNT) for item in drawn if item[0].options]
    return sum(answer_after_captions(model, asked)) / len(asked)
