"""Tiny training runs from the demo checkpoint, in this process."""

import argparse
import gc
import json

from support_media import picture, write_video

from trainers.recipe import load_recipe
from trainers.run import train

TINY = (
    "data.demo_rows=12", "selection.first=4", "selection.step=4", "selection.most=8", "eval.tasks=[]",
    "conflict_rows=0", "train.max_steps=2", "train.save_steps=1", "train.save_total_limit=9",
)  # fmt: skip
TINY_GRPO = (
    *TINY, "train.per_device_train_batch_size=8", "train.num_generations=4", "train.gradient_accumulation_steps=2",
    "train.max_completion_length=40", "train.warmup_steps=0", "train.learning_rate=1e-3",
    # Hot enough that the few responses to a prompt differ, whatever the demo checkpoint is good at.
    "train.temperature=2.0", "selection.temperature=2.0",
)  # fmt: skip
TINY_SFT = (*TINY, "train.per_device_train_batch_size=4", "train.warmup_steps=0", "train.learning_rate=1e-3")
ONE = ("data.num_frames=4", "train.max_steps=1", "train.save_total_limit=1")
ONE_SFT = (*TINY_SFT, *ONE, "train.per_device_train_batch_size=2", "conflict_rows=4")
ONE_GRPO = (
    *TINY_GRPO, *ONE, "train.gradient_accumulation_steps=1", "train.num_generations=2", "rewards.accuracy=0",
    "train.per_device_train_batch_size=4", "train.max_completion_length=6", "train.temperature=1.0",
    "rewards.format=0", "rewards.caption=0", "rewards.support_training:by_length=1",
)  # fmt: skip
"""A step on the two rows of `write_seen_rows`."""


def write_seen_rows(folder):
    """A row about an image and one about a video."""
    folder.mkdir(parents=True)
    picture(120, 90).save(folder / "a.png")
    write_video(folder / "a.mp4", 8, codec="mpeg4")
    sections = "<planning> look </planning> <caption> a red circle </caption> <think> seen </think>"
    rows = [
        {"id": kind, "media": [name], "question": f"Is there a red circle in the {kind}?", "answer": answer,
         "answer_kind": "yes_no", "response": f"{sections} <answer> {answer} </answer>"}
        for kind, name, answer in (("image", "a.png", "yes"), ("video", "a.mp4", "no"))
    ]  # fmt: skip
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def parse(add_arguments, *arguments):
    """A command's arguments from their texts."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def by_length(samples, responses):
    """A reward that tells the responses of a model that says nothing apart."""
    return [float(sum(map(ord, response.text)) % 97) for response in responses]


class YesJudge:
    """Answers yes to everything; `None` to every seventh question if it is told to fail."""

    identity = "yes"
    problem = None

    def __init__(self, fails=False):
        self.fails, self.asked = fails, 0

    def ask(self, questions):
        answers = [None if self.fails and (self.asked + n) % 7 == 6 else "yes" for n in range(len(questions))]
        self.asked += len(questions)
        return answers

    def close(self):
        pass


def train_tiny(name, output, *overrides, fresh=False):
    """Train a recipe for two steps."""
    gc.freeze()  # Accelerate collects garbage at the end of each run, over all that the imports made.
    tiny = TINY_SFT if load_recipe(name).algorithm == "sft" else TINY_GRPO
    recipe = load_recipe(name, [*tiny, f"output={output}", *overrides])
    return train(recipe, fresh=fresh)


def read_log(output):
    """What was logged, an entry a step."""
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
