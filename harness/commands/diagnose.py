"""`harness diagnose`: its arguments, what it prints, and how it exits. Only the standard library at the top."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.eval_arguments import TRUST, add_outside_argument
from harness.core.console import show, to_json

if TYPE_CHECKING:
    from harness.media import OpenMedia


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness diagnose`."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder that 'harness eval' wrote")
    parser.add_argument(
        "--caption-judge",
        metavar="MODEL",
        help="answers questions from the captions alone: demo, a text-only checkpoint, or openai:MODEL",
    )
    parser.add_argument("--caption-judge-base-url", metavar="URL", help="an OpenAI-compatible server for that judge")
    parser.add_argument(
        "--caption-judge-api-key-env",
        metavar="NAME",
        help="variable with that server's key (default: OPENAI_API_KEY without an address, else no key)",
    )
    parser.add_argument("--blind", type=Path, metavar="RUN", help="run of the same questions with the images withheld")
    parser.add_argument(
        "--repeats",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="runs that differ from it in their seed alone, such as RUN/repeats/* of 'harness eval --repeats K'",
    )
    parser.add_argument(
        "--annotations", type=Path, metavar="PATH", help="annotations.jsonl, or a folder with it per task"
    )
    parser.add_argument(
        "--data", metavar="hub|demo|DIR", help="where the images are, for the page (default: as in the run)"
    )
    add_outside_argument(parser)
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    group = parser.add_argument_group("sample conflict", "how the gradients of the samples agree; loads the checkpoint")
    group.add_argument("--conflict", action="store_true", help="make the map of the run's responses, or make it again")
    group.add_argument(
        "--conflict-samples",
        type=int,
        default=512,  # `harness.diagnostics.conflict.CONFLICT_SAMPLES`, which would be an import.
        metavar="N",
        help="responses that are compared (default: 512)",
    )
    group.add_argument("--conflict-model", metavar="CKPT", help="under this checkpoint (default: the run's own)")
    group.add_argument("--trust-remote-code", action="store_true", help=TRUST)
    parser.add_argument("--no-images", action="store_true", help="leave the images out of the page")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Diagnose a run and print a summary; 0 even where a judge failed: what is missing is said.

    Raises:
        HarnessError: no such run, one that was changed after its end, unreadable annotations, or no such judge.
    """
    from harness.core.errors import UsageError
    from harness.diagnostics.diagnose import diagnose
    from harness.judges.caption import load_caption_judge
    from harness.reports.writing import write_reports

    _check_run(arguments.run_folder)
    judge = None
    if arguments.caption_judge:
        judge = load_caption_judge(
            arguments.caption_judge,
            base_url=arguments.caption_judge_base_url,
            api_key_env=arguments.caption_judge_api_key_env,
        )
    elif arguments.caption_judge_base_url or arguments.caption_judge_api_key_env:
        raise UsageError("--caption-judge-base-url and --caption-judge-api-key-env need --caption-judge openai:MODEL.")
    media = None
    if not arguments.no_images or arguments.conflict:
        media = find_media(arguments.run_folder, arguments.data, arguments.tasks_dir, arguments.allow_outside)
    try:
        diagnosis = diagnose(
            arguments.run_folder,
            judge=judge,
            blind=arguments.blind,
            repeats=arguments.repeats,
            annotations=arguments.annotations,
        )
    finally:
        if judge is not None:
            judge.close()
    try:
        if arguments.conflict:  # Last: it takes longest, and the other runs that were given may be refused.
            from trainers.conflict.run import map_run

            map_run(
                arguments.run_folder,
                open_media=media,
                samples=arguments.conflict_samples,
                model=arguments.conflict_model,
                trust_remote_code=arguments.trust_remote_code,
            )
    finally:
        write_reports(arguments.run_folder, diagnosis, open_media=None if arguments.no_images else media)
    if arguments.json:
        from harness.diagnostics.conflict import read_conflict

        found = {**diagnosis.to_json(), "conflict": read_conflict(arguments.run_folder)}
        show(to_json(found))
    else:
        from harness.reports.diagnostics_report import summary_lines

        show("\n".join(summary_lines(arguments.run_folder)))
    for line in diagnosis.missing:
        show(f"missing: {line}", file=sys.stderr)
    return 0


def _check_run(folder: Path) -> None:
    """Refuse a run whose files do not belong together, before its diagnosis is replaced; say where it is not finished.

    Raises:
        StoreError: see `harness.runs.folder.read_sealed`.
    """
    from harness.diagnostics.run_folder import latest_records, read_settings
    from harness.runs.folder import read_sealed, unfinished
    from harness.runs.records import RUN

    if (folder / RUN).exists():
        read_sealed(folder)
    elif told := unfinished(folder, read_settings(folder), len(latest_records(folder))):
        show(f"warning: {folder} is not finished ({told}): run the same 'harness eval' again.", file=sys.stderr)


def find_media(
    folder: Path, data: str | None = None, tasks_dir: Path | None = None, allow_outside: Sequence[Path] = ()
) -> OpenMedia | None:
    """How to open the media of a run's samples again; `None`, with a warning, where its data cannot be found.

    Args:
        folder: the run folder.
        data: where the data are; `None`: where the run had them from.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        allow_outside: folders that they may be in besides the data's own.
    """
    from harness.benchmarks.digests import digest_samples
    from harness.benchmarks.fetch import OWN
    from harness.core.errors import HarnessError, MediaError
    from harness.core.worlds import worlds
    from harness.diagnostics.run_folder import latest_records, read_data, read_settings
    from harness.evaluation.task_registry import load_task

    records = latest_records(folder)
    frames = read_settings(folder).get("num_frames")
    tasks = {}
    for name, of in read_data(folder).items():
        source = str(of.get("source", ""))
        where = data or (source if source in worlds() else "hub" if source.startswith(("hub:", "yaml:", OWN)) else None)
        try:
            if where is None:
                raise MediaError(f"give the folder of {source or 'its data'} with --data.")
            task = load_task(
                name,
                data=where,
                tasks_dir=tasks_dir,
                allow_outside=allow_outside,
                num_frames=frames if type(frames) is int and frames > 0 else 8,
            )
            ids = {record.sample.id for record in records if record.sample.task == name}
            # In the order of the data, in which the digest was taken, whatever that of the records is by now.
            if digest_samples([sample for sample in task.samples if sample.id in ids]) != of.get("digest"):
                raise MediaError(f"what {where!r} holds is not what the run was on.")
            tasks[name] = task
        except HarnessError as error:
            show(f"warning: the page has no images of {name}: {error}", file=sys.stderr)
    if not tasks:
        return None

    def open_media(sample: Any) -> Any:
        if sample.task not in tasks:
            raise MediaError(f"the data of {sample.task} were not found.")
        return tasks[sample.task].open_media(sample.id)

    return open_media
