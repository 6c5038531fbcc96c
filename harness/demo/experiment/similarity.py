"""The similarity map of a file of training rows under a checkpoint.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from harness.core.prompts import build_prompt
from harness.engines.checkpoints import Checkpoint
from trainers.data.loading import open_pictures
from trainers.data.schema import read_examples
from trainers.ntk import ntk_similarity
from trainers.settings import Estimator


@torch.inference_mode()
def similarity_map(checkpoint: Checkpoint, file: Path, *, estimator: Estimator = "exact") -> Any:
    """Similarity of the rows' own responses: [B, B], a numpy array.

    Args:
        checkpoint: whose gradients are compared.
        file: rows with a response and images each.
        estimator: see `trainers.ntk.estimators`.
    """
    processor = AutoProcessor.from_pretrained(checkpoint.folder)
    model = AutoModelForImageTextToText.from_pretrained(checkpoint.folder).eval()
    examples = list(read_examples(file, require_response=True))
    prompts, whole = [], []
    for example in examples:
        content = [*({"type": "image"} for _ in example.sample.media)]
        content.append({"type": "text", "text": build_prompt(example.sample, "grounded")})
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        prompts.append(text)
        whole.append(f"{text}{example.response}{processor.tokenizer.eos_token}")
    images = [open_pictures(example, file.parent, 1) for example in examples]
    before = processor(text=prompts, images=images, padding=True, padding_side="right", return_tensors="pt")
    inputs = processor(text=whole, images=images, padding=True, padding_side="right", return_tensors="pt")
    states = model.model(**inputs).last_hidden_state
    begin = before["attention_mask"].sum(1, keepdim=True)
    place = torch.arange(states.shape[1])[None, :]
    # The state before a token predicts it.
    mask = inputs["attention_mask"].bool() & (place >= begin)
    sequence = torch.arange(len(examples))[:, None].expand_as(mask)
    similarity = ntk_similarity(
        states[:, :-1][mask[:, 1:]],
        model.get_output_embeddings().weight,
        inputs["input_ids"][mask],
        sequence[mask],
        len(examples),
        estimator=estimator,
    )
    return similarity.float().numpy()
