"""Evaluate in the middle of a training by any trainer of Transformers or TRL: here Transformers' own, three steps.

python examples/evaluate_while_training.py FOLDER
"""

import sys
from pathlib import Path

from transformers import AutoModelForImageTextToText, AutoProcessor, Trainer, TrainingArguments

from harness.callbacks import Evaluate
from harness.core.worlds import shipped_checkpoints

START = shipped_checkpoints()["demo"]
"""The checkpoint that comes with the harness; any folder or hub id does."""


def train(folder: Path, *callbacks: Evaluate) -> Trainer:
    """Three steps on four texts."""
    processor = AutoProcessor.from_pretrained(START)
    texts = ["a red circle", "a blue square", "a green circle", "a red square"]
    rows = [{"input_ids": ids, "labels": ids} for ids in (processor.tokenizer(text)["input_ids"] for text in texts)]
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=3, save_steps=1, save_total_limit=2, logging_steps=1, report_to="none",
        per_device_train_batch_size=1, learning_rate=1e-3, use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    model = AutoModelForImageTextToText.from_pretrained(START)
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, callbacks=list(callbacks))
    trainer.train()
    return trainer


if __name__ == "__main__":
    evaluate = Evaluate(["pope"], every_steps=1, best="pope:mean/accuracy", data="demo", limit=12, max_new_tokens=48)
    train(Path(sys.argv[1]), evaluate)
