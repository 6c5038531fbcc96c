"""A checkpoint's results as hub metadata: `model-index` in its model card, and `.eval_results/*.yaml`.

Built and checked with huggingface_hub's own classes. Only results over all questions of a benchmark, asked with their
images and videos, are published: a run with `--limit` or `--blind` is not the benchmark, nor one with samples that have
no response. Several benchmarks may rest on one data set of the hub: `model-index` tells them apart by the data's
configuration, which is the task, `.eval_results` by the task's id in the data set's `eval.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from harness.benchmarks.registry import find_benchmarks
from harness.core.errors import DataError, UsageError
from harness.reports.differences import in_words
from harness.reports.markdown import escape, table
from harness.reports.splicing import markers, splice
from harness.reports.text import UNKNOWN, interval, number, public_path, span
from leaderboards.board import Cell, Column, Group
from leaderboards.markdown import BLOCK, UNSETTLED_NOTE

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

HUB_SOURCE: Final = re.compile(r"hub:(?P<id>[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?)(?:@(?P<revision>[\w.-]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One benchmark of a checkpoint that may be published.

    Attributes:
        column: the task.
        cell: the result.
        dataset: hub id of the data, or `None` where they are no hub data set.
        revision: of the data, or `None`.
        group: that it stands in.
    """

    column: Column
    cell: Cell
    dataset: str | None
    revision: str | None
    group: Group


def published_results(groups: Sequence[Group], label: str) -> tuple[list[Result], list[str]]:
    """A checkpoint's results, of each task the first in the order of the groups; and what was left out, with why."""
    results: dict[str, Result] = {}
    left_out: list[str] = []
    rows = [(group, row) for group in groups for row in group.rows if row.label == label]
    for group, row in rows:
        for column in group.columns:
            cell = row.cells.get(column.task)
            if cell is None:
                continue
            reason = _unfit(cell, column, group, results)
            if reason:
                left_out.append(f"{column.title} ({group.title}): {reason}")
            else:
                match = HUB_SOURCE.fullmatch(str(cell.run.record.data[column.task].get("source")))
                dataset, revision = (match["id"], match["revision"]) if match else (None, None)
                results[column.task] = Result(column=column, cell=cell, dataset=dataset, revision=revision, group=group)
    return list(results.values()), left_out


def _unfit(cell: Cell, column: Column, group: Group, taken: Mapping[str, Result]) -> str | None:
    if cell.metric.value is None:
        return "its headline is undefined"
    if group.limit is not None:
        return "it was run with --limit, so it is not a result of the benchmark"
    if column.protocol.blind is not None:
        return "it was asked with --blind, without its images and videos, so it is not a result of the benchmark"
    if errors := cell.result.errors:
        return (
            f"{errors} of {cell.result.samples} samples have no response, so it is not a result of the benchmark. The "
            "run's command, given again, asks these alone"
        )
    if column.task in taken:
        return f"the result under “{taken[column.task].group.title}” is published"
    return None


def make_card(existing: str | None, label: str, results: Sequence[Result]) -> str:
    """The model card's text: what was there, with this checkpoint's results brought up to date.

    Results of the same benchmark and metric are replaced, all other metadata and text stay.

    Args:
        existing: text of the card so far; `None`: there is none.
        label: of the checkpoint.
        results: what is published.

    Raises:
        DataError: the existing card's metadata is not valid.
        UsageError: its markers are broken.
    """
    card = _read_card(existing if existing is not None else f"---\n{{}}\n---\n# {escape(label)}\n")
    fresh = list(_eval_results(results))
    replaced = {_key(result) for result in fresh}
    data = cast("ModelCardData", card.data)
    data.model_name = data.model_name or label
    data.eval_results = [*(result for result in data.eval_results or [] if _key(result) not in replaced), *fresh]
    block = "\n".join(_block(results))
    text = card.text
    if not any(marker in text for marker in markers(BLOCK)):
        text = "\n".join([text.rstrip(), "", "## Evaluation", "", *markers(BLOCK), ""])
    card.text = splice(text, block, BLOCK, "the model card")
    content = str(card)
    _read_card(content)
    return content


def _key(result: EvalResult) -> tuple[Any, ...]:
    return (*result.unique_identifier, result.metric_type, result.metric_name)


def _read_card(content: str) -> ModelCard:
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        return ModelCard(content)
    except (ValueError, KeyError, TypeError, YAMLError) as error:
        message = " ".join(str(error).split())
        raise DataError(f"the model card's metadata is not valid: {message}. Mend its first block.") from error


def _eval_results(results: Sequence[Result]) -> Iterator[EvalResult]:
    """Strict headline, and the published evaluator's figure where it has one, in percent."""
    from huggingface_hub import EvalResult

    for result in results:
        cell, protocol = result.cell, result.column.protocol
        for kind, value in (("strict", cell.metric.value), ("official evaluator", cell.official)):
            if value is None:
                continue
            yield EvalResult(
                task_type=f"{result.column.facts.media or 'image'}-text-to-text",
                dataset_type=result.dataset or public_path(str(cell.run.record.data[result.column.task].get("source"))),
                dataset_name=result.column.title,
                dataset_config=result.column.task,
                dataset_revision=result.revision,
                dataset_args={"questions": protocol.count, "digest": protocol.digest, "prompt": protocol.prompt},
                metric_type=protocol.headline.rpartition("/")[2],
                metric_name=f"{protocol.headline} ({kind})",
                metric_value=round(result.column.scale * value, 2),
            )


def make_eval_results(results: Sequence[Result], task_ids: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """`.eval_results` files by name, one per task, and what was left out and why.

    The value is the published evaluator's figure, which other entries of a hub leaderboard compare with, or the
    strict one where there is none; the notes hold the rest.

    Args:
        results: what is published.
        task_ids: task to its id in the data set's `eval.yaml`; where it is not given, `default` for the one benchmark
            that a data set is of, and no entry for others.

    Raises:
        UsageError: an id is of a task that gets no entry, or two tasks have one id in one data set.
        DataError: the hub's format does not hold a result.
    """
    files: dict[str, str] = {}
    left_out: list[str] = []
    taken: dict[tuple[str, str], Result] = {}
    for result in results:
        task_id = task_ids.get(result.column.task)
        reason = _without_entry(result, results, has_id=task_id is not None)
        if reason:
            left_out.append(f"{result.column.title}: {reason}")
            continue
        assert result.dataset is not None
        place = result.dataset, task_id or "default"
        other = taken.setdefault(place, result)
        if other is not result:
            raise UsageError(
                f"{other.column.title} and {result.column.title} would both be the task {place[1]!r} of the data set "
                f"{place[0]}. Give each its own with --task-id TASK=ID."
            )
        files[f"{result.column.task}.yaml"] = _entry(result, *place)
    if unknown := sorted(task for task in task_ids if f"{task}.yaml" not in files):
        known = ", ".join(sorted({result.column.task for result in results if result.dataset is not None})) or "none"
        raise UsageError(f"--task-id {unknown[0]}: no such task gets an .eval_results entry. Those that can: {known}.")
    return files, left_out


def _without_entry(result: Result, results: Sequence[Result], *, has_id: bool) -> str | None:
    """Why a result gets no `.eval_results` entry; `None`: it gets one."""
    task, facts = result.column.task, result.column.facts
    if result.dataset is None:
        return "its data are no hub data set, so it has no .eval_results entry"
    if has_id:
        return None
    needs = f"so it has no .eval_results entry without --task-id {task}=ID"
    if facts.asks_as is not None:
        return f"the data set {result.dataset} is {facts.asks_as}'s, which it judges by other labels, {needs}"
    known = find_benchmarks(problems=[]).values()
    others = {of.name for of in known if of.source.hub == result.dataset and of.asks_as is None}
    others |= {of.column.task for of in results if of.dataset == result.dataset and of.column.facts.asks_as is None}
    if others := others - {task}:
        return f"the data set {result.dataset} is also that of {', '.join(sorted(others))}, {needs}"
    return None


def _entry(result: Result, dataset: str, task_id: str) -> str:
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml, parse_eval_result_entries

    cell = result.cell
    value = cell.official if cell.official is not None else cell.metric.value
    assert value is not None
    entry = EvalResultEntry(
        dataset_id=dataset,
        task_id=task_id,
        value=round(result.column.scale * value, 2),
        dataset_revision=result.revision,
        date=cell.run.record.started,
        notes=_notes(result),
    )
    data = eval_result_entries_to_yaml([entry])
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)
    if parse_eval_result_entries(yaml.safe_load(text)) != [entry]:
        raise DataError(f"{result.column.title}: the hub's format does not hold this result: {text!r}.")
    return text


def _notes(result: Result) -> str:
    cell, protocol, scale = result.cell, result.column.protocol, result.column.scale
    record, metric = cell.run.record, cell.metric
    which = "official evaluator" if cell.official is not None else "strict"
    found = [
        f"{protocol.headline} ({which})",
        f"strict {number(metric.value, scale)} {interval(metric.low, metric.high, scale)}".strip(),
        f"{protocol.prompt} prompt",
        f"{protocol.count} questions",
        f"{cell.result.unanswered} unanswered",
        *([f"{cell.result.unsettled} unsettled, range {span(metric.range, scale)}"] * (metric.range is not None)),
        f"harness {record.versions.get('harness', 'of unknown version')}",
    ]
    return "; ".join(found)


def _block(results: Sequence[Result]) -> Iterator[str]:
    rows = []
    has_unsettled = any(result.cell.result.unsettled for result in results)
    for result in results:
        cell, scale = result.cell, result.column.scale
        metric, delta = cell.metric, cell.delta
        against = UNKNOWN
        if delta is not None and result.group.baseline is not None:
            against = f"{escape(in_words(delta, scale))} against {escape(result.group.baseline)}"
        rows.append(
            [
                escape(result.column.title),
                escape(result.column.measure),
                number(metric.value, scale),
                interval(metric.low, metric.high, scale),
                *([span(metric.range, scale) or UNKNOWN] * has_unsettled),
                number(cell.official, scale),
                result.column.protocol.count,
                cell.result.unanswered,
                *([cell.result.unsettled] * has_unsettled),
                against,
            ]
        )
    heads = ["benchmark", "metric", "strict %", "95 % interval", *(["range"] * has_unsettled), "official %"]
    heads += ["questions", "unanswered", *(["unsettled"] * has_unsettled), "difference"]
    yield table(heads, rows, align=["left"] * len(heads))
    yield ""
    prompts = sorted({result.column.protocol.prompt for result in results})
    yield (
        "Strict: what each response means; no readable answer counts wrong. Official: what the benchmark's own "
        f"evaluator gives on the same responses. Prompt format: {escape(', '.join(prompts))}."
        + (f" {UNSETTLED_NOTE}" if has_unsettled else "")
    )
