"""What is measured of a checkpoint beside its scores: diagnostics, exploration, similarity of samples, its log.

Imported lazily only: torch is imported where a model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness.core.types import Sample, SampleRecord, Status
from harness.demo.checking import ask
from harness.demo.experiment.settings import DETAILS, HEADLINES, MAX_NEW_TOKENS, Experiment
from harness.engines.checkpoints import resolve_checkpoint
from harness.runs.folder import read_run
from harness.runs.records import read_records

MAP_SEED: Final = 52
"""Of the questions of the similarity map, which are trained on by no row."""
MAP_TWINS: Final = 40
MAP_OTHERS: Final = 20
CURVES: Final = {
    "reward": "reward",
    "rewards/accuracy/mean": "accuracy",
    "rewards/caption/mean": "caption",
    "constant_groups": "constant_groups",
    "ntk/loss": "ntk_loss",
    "loss": "loss",
}
STATUS: Final[Mapping[Status, str]] = {
    "correct": "1", "incorrect": "0", "unanswered": "-", "not_understood": "?", "error": "e"
}  # fmt: skip


def measure_run(
    experiment: Experiment, model: str, run: Path, steps: Sequence[Mapping[str, Any]], *, whole: bool
) -> dict[str, Any]:
    """What a result holds of a run beside what was run and what it cost.

    Args:
        experiment: of its block.
        model: the checkpoint that was asked.
        run: its run folder.
        steps: of the log of its training up to there; none where it was not trained.
        whole: diagnostics, exploration, similarity and curves, too.
    """
    record = read_run(run)
    records = list(read_records(run))
    kept = {
        "weights": record.weights,
        "commit": record.git_commit,
        "started": record.started,
        "data": {task: dict(of) for task, of in record.data.items()},
        "scores": {
            task: {name: record.tasks[task].metrics[name].value for of, name, _ in (*HEADLINES, *DETAILS) if of == task}
            for task in record.tasks
        },
        "verdicts": compress_verdicts(records),
        "glances": glances(records),
    }
    return kept | (_look_closer(experiment, model, run, steps) if whole else {})


def _look_closer(experiment: Experiment, model: str, run: Path, steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from harness.diagnostics.diagnose import diagnose

    diagnosed = diagnose(run, annotations=experiment.questions).figures  # By the world's own rules.
    known = [
        figure for figure in diagnosed if figure.metric.value is not None and figure.metric.name.startswith("all/")
    ]
    return {
        "diagnostics": {figure.metric.name: round(figure.metric.value or 0.0, 5) for figure in known},
        "diagnostic_titles": {figure.metric.name: figure.spec.title for figure in known if figure.spec.headline},
        "exploration": _explore(experiment, model) if experiment.sampled else {},
        "similarity": measure_similarity(experiment.out / f"map-{experiment.world}", model),
        "log": read_curves(steps) if steps else {},
    }


def compress_verdicts(records: Sequence[SampleRecord]) -> dict[str, dict[str, Any]]:
    """Verdicts by task, in the order of the questions' ids.

    Returns:
        For each task `status`, a sign each (see `STATUS`), and `answers`: by their place those that do not follow from
        sign and question (see `implied_answer`).
    """
    tasks: dict[str, list[SampleRecord]] = {}
    for record in sorted(records, key=lambda record: record.sample.id):
        tasks.setdefault(record.sample.task, []).append(record)
    return {
        task: {
            "status": "".join(STATUS[item.verdict.status] for item in items),
            "answers": {
                str(place): item.verdict.answer
                for place, item in enumerate(items)
                if item.verdict.answer != implied_answer(item.sample, item.verdict.status)
            },
        }
        for task, items in tasks.items()
    }


def implied_answer(sample: Sample, status: Status) -> str | None:
    """The answer that a verdict implies, where it does: the target, or to a yes/no question the other answer."""
    if status == "correct":
        return sample.target
    if status == "incorrect" and sample.answer_kind == "yes_no":
        return "no" if sample.target == "yes" else "yes"
    return None


def glances(records: Sequence[SampleRecord]) -> dict[str, float]:
    """Share of the answers to yes/no questions whose thinking does not read the caption, over all and by task."""
    from harness.answers.sections import split_sections
    from harness.demo.questions import GLANCE

    begun: dict[str, list[bool]] = {}
    for record in records:
        if record.sample.answer_kind == "yes_no" and record.response.error is None:
            glanced = (split_sections(record.response.text).think or "").startswith(GLANCE)
            for part in ("all", record.sample.task):
                begun.setdefault(part, []).append(glanced)
    return {f"{part}/glances": round(sum(found) / len(found), 5) for part, found in begun.items()}


def _explore(experiment: Experiment, model: str) -> dict[str, float]:
    """Eight samples at temperature 1 of some held-out questions about images."""
    from harness.diagnostics.repeats import join_repeats, measure_repeats
    from harness.diagnostics.run_folder import by_key, latest_records

    settings: dict[str, Any] = {"tasks": ("pope", "mmbench"), "prompt": "grounded", "max_new_tokens": MAX_NEW_TOKENS}
    settings |= {"limit": experiment.sampled, "temperature": 1.0, "repeats": 8}
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        ask(model, experiment.questions, folder, **settings)
        first = latest_records(folder)
        others = [by_key(latest_records(path)) for path in sorted((folder / "repeats").iterdir())]
        figures = measure_repeats(join_repeats(first, others), part="all")
    return {f.metric.name.rpartition("/")[2]: round(f.metric.value, 5) for f in figures if f.metric.value is not None}


def measure_similarity(folder: Path, model: str) -> dict[str, Any]:
    """The similarity of questions whose conflict is known, by the exact kernel and by its proxy.

    The sequences are the true responses, the same for every checkpoint, so that maps before and after training compare.

    Returns:
        For each estimator what `summarise_blocks` says.
    """
    from harness.demo.experiment.pool import read_labels, write_map
    from trainers.conflict.run import load_model, similarity_of
    from trainers.conflict.states import force_rows
    from trainers.data.schema import read_examples
    from trainers.settings import Estimator
    from trainers.showing import Rows

    file = write_map(folder, MAP_TWINS, MAP_OTHERS, MAP_SEED)
    sides = [label["conflict"] for label in read_labels(file).values()]
    rows = list(read_examples(file, require_response=True))
    network, processor = load_model(resolve_checkpoint(model))
    shown = Rows(processor, file.parent, prompt_format="grounded", num_frames=1, max_pixels=None, video_as="native")
    sequences = force_rows(rows, shown)
    estimators: Sequence[Estimator] = ("exact", "hidden")
    return {
        estimator: summarise_blocks(similarity_of(network, processor, sequences, estimator=estimator), sides)
        for estimator in estimators
    }


def summarise_blocks(matrix: Any, sides: Sequence[str | None]) -> dict[str, float]:
    """Mean similarity within and across the sides of the conflicts, and quantiles of all pairs.

    Args:
        matrix: [B, B].
        sides: [B], `name:P` or `withhold:P` for a conflict about the pair of objects P, or `None`.

    Returns:
        `name` and `withhold`: mean over pairs on one side of one conflict; `opposed`: on its two sides; `other_pair`:
        of two conflicts; `none`: with a question that is in no conflict. Quantiles `q05` ... `q99`, and the shares
        `above_0.54` and `below_0`.
    """
    import numpy as np

    side = np.array([str(item).partition(":")[0] for item in sides])
    about = np.array([str(item).partition(":")[2] for item in sides])
    same = (about[:, None] == about[None, :]) & (about != "")[:, None]
    both = (about != "")[:, None] & (about != "")[None, :]
    upper = np.triu(np.ones(matrix.shape, bool), 1)
    blocks = {
        "name": same & (side == "name")[:, None] & (side == "name")[None, :],
        "withhold": same & (side == "withhold")[:, None] & (side == "withhold")[None, :],
        "opposed": same & (side[:, None] != side[None, :]),
        "other_pair": both & ~same,
        "none": ~both,
    }
    figures = {key: float(matrix[block & upper].mean()) for key, block in blocks.items() if (block & upper).any()}
    pairs = matrix[upper]
    figures |= {f"q{round(100 * q):02d}": float(np.quantile(pairs, q)) for q in (0.05, 0.5, 0.9, 0.99)}
    figures["above_0.54"] = float((pairs > 0.54).mean())
    figures["below_0"] = float((pairs < 0).mean())
    return {key: round(value, 5) for key, value in figures.items()}


def read_curves(steps: Sequence[Mapping[str, Any]]) -> Mapping[str, list[float]]:
    """Curves of the steps of a training log, a mean over ten updates each."""
    tens = [steps[start : start + 10] for start in range(0, len(steps), 10)]
    return {
        short: [round(fmean(float(entry[name]) for entry in ten), 4) for ten in tens]
        for name, short in CURVES.items()
        if all(name in entry for entry in steps)
    }
