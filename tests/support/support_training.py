"""Tiny training runs from the demo checkpoint, in this process."""

import argparse
import gc

from trainers.recipe import load_recipe
from trainers.run import train

TINY = (
    "data.demo_rows=12", "selection.first=4", "selection.step=4", "selection.most=8", "eval.tasks=[]",
    "train.max_steps=2", "train.save_steps=1", "train.save_total_limit=9",
)  # fmt: skip
TINY_GRPO = (
    *TINY, "train.per_device_train_batch_size=8", "train.num_generations=4", "train.gradient_accumulation_steps=2",
    "train.max_completion_length=40", "train.warmup_steps=0", "train.learning_rate=1e-3",
    # Hot enough that the few responses to a prompt differ, whatever the demo checkpoint is good at.
    "train.temperature=2.0", "selection.temperature=2.0",
)  # fmt: skip
TINY_SFT = (*TINY, "train.per_device_train_batch_size=4", "train.warmup_steps=0", "train.learning_rate=1e-3")


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
    tiny = TINY_SFT if name.endswith("sft") else TINY_GRPO
    recipe = load_recipe(name, [*tiny, f"output={output}", *overrides])
    return train(recipe, fresh=fresh)
