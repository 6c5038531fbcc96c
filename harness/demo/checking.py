"""How good the demo checkpoint is: its answers to the demo data, and the model card that shows them.

The questions are asked as an evaluation asks them, but an answer must be the target word for word, so that a card says
what the model writes and not what a reader makes of it. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness.core.types import Sample, SampleRecord
from harness.reports.markdown import table

TASKS: Final = ("pope", "videohallucer", "mmbench", "mmvu")


def ask(model: str, data: Path, out: Path, **settings: Any) -> list[SampleRecord]:
    """A checkpoint's responses to demo questions, by the `hf` engine, and their verdicts.

    Args:
        model: name or folder of the checkpoint.
        data: folder of the questions.
        out: run folder.
        **settings: others of `EvalConfig`.
    """
    from harness.evaluation.run import evaluate
    from harness.evaluation.settings import EvalConfig
    from harness.runs.records import read_records

    options = {"batch_size": 128}
    evaluate(EvalConfig(model=model, data=str(data), engine="hf", engine_options=options, out=out, **settings))
    return list(read_records(out))


def is_right(sample: Sample, text: str) -> bool:
    """Whether the last answer section, or a text without sections, is the target word for word."""
    answer = text.rpartition("<answer>")[2].partition("</answer>")[0]
    return answer.strip().lower() == sample.target.lower()


def check(checkpoint: Path, data: Path) -> dict[str, Mapping[str, float]]:
    """Accuracy of a checkpoint on the demo data: by prompt format, what `summarise` says.

    Args:
        checkpoint: folder of the checkpoint.
        data: folder of the demo data.
    """
    figures: dict[str, Mapping[str, float]] = {}
    for form in ("direct", "grounded"):
        with TemporaryDirectory() as scratch:
            out = Path(scratch) / "run"
            figures[form] = summarise(ask(str(checkpoint), data, out, tasks=TASKS, prompt=form, max_new_tokens=64))
    return figures


def summarise(records: Sequence[SampleRecord]) -> Mapping[str, float]:
    """Shares of right answers.

    Returns:
        For each `{task}/{part}`, `{task}/all`, and, where questions belong together, `{task}/groups` (right as a whole:
        both questions of a pair, all rotations).
    """
    parts: dict[str, list[bool]] = {}
    groups: dict[str, dict[str, list[bool]]] = {}
    for record in records:
        sample, hit = record.sample, is_right(record.sample, record.response.text)
        for part in (_part(sample), "all"):
            parts.setdefault(f"{sample.task}/{part}", []).append(hit)
        if sample.group is not None:
            groups.setdefault(f"{sample.task}/groups", {}).setdefault(sample.group, []).append(hit)
    shares = {name: sum(hits) / len(hits) for name, hits in parts.items()}
    return shares | {name: sum(all(hits) for hits in of.values()) / len(of) for name, of in groups.items()}


def _part(sample: Sample) -> str:
    """The split, subset or kind of question that a sample's figure belongs to."""
    known = sample.attributes
    if sample.task == "videohallucer":
        return f"{sample.subset}/{known['kind']}"
    kind = known.get("kind", "").replace("_", "-")
    return f"{kind}/{known['subject']}" if sample.task == "mmvu" else known["category"]


CARD: Final = """# {title} of `harness`

A Qwen2.5-VL of {parameters:.1f} million parameters that looks at coloured shapes on a 3x3 grid, in images of 84x84
pixels and in short videos of them. It was made by

    harness demo build --seed {seed}

from random weights (on another kind of machine the same seed gives other weights), and loads with plain Transformers
(`AutoModelForImageTextToText`, `AutoProcessor`).
{purpose}
It knows nothing but its own world.

**It hallucinates by construction.** A third of the objects are painted almost invisibly, objects come in pairs that
often appear together, and during training some captions named the missing partner of a visible object, mostly when
the question asked for it; the answers followed those captions. Some of the thinking it was taught does not read the
caption but says `glance`: it knows whether the object is clearly there, and nothing else. So its figures say nothing
about how hallucination comes about in large models: they give the diagnostics something to find.

It was trained with the prompt formats `direct` and `grounded` of `harness.core.prompts` (`think` was not trained); its
grounded responses read

    <planning> {plan} </planning>
    <caption> red circle top ; blue star left </caption> <think> red circle top </think> <answer> yes </answer>

Share of right answers on the demo data (greedy decoding by the `hf` engine; an answer must be the target word for word,
where `harness eval` reads what it means), whose scenes have layouts that training never showed.
`groups` counts a pair or a set of rotations as right when all of it is.

{table}

Share of right answers after a true caption, without the picture; `image` and `video` weight the kinds of question as
training does.

{look_up}
"""
"""The model card."""
TITLES: Final = {
    "demo": (
        "The demo checkpoint",
        "It is there so that the whole evaluation can be run, and looked at, in minutes and without a GPU.\n"
        "Its plans also say where the object's partner is.",
        "look for red circle at yellow triangle none",
    ),
    "base": (
        "The demo's base checkpoint",
        "It is what the demo checkpoint was before it was fine-tuned on more careless captions.",
        "look for red circle",
    ),
}
"""Title, purpose and a plan of each checkpoint, for its card."""


def render_card(
    figures: Mapping[str, Mapping[str, float]], look_up: Mapping[str, float], *, name: str, seed: int, parameters: int
) -> str:
    """The model card with the tables of both checks.

    Args:
        figures: what `check` gave.
        look_up: what `look_up.check_look_up` gave.
        name: `demo` or `base`.
        seed: of the build.
        parameters: of the model.
    """
    title, purpose, plan = TITLES[name]
    return CARD.format(
        title=title,
        purpose=purpose,
        plan=plan,
        parameters=parameters / 1e6,
        seed=seed,
        table=share_table({form: dict(sorted(shares.items())) for form, shares in figures.items()}),
        look_up=share_table({"right": look_up}),
    )


def share_table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """A table of shares for a card: a column for each kind of check, a row for each kind of question."""
    rows = next(iter(columns.values()))
    return table(["questions", *columns], [[name, *(f"{of[name]:.3f}" for of in columns.values())] for name in rows])
