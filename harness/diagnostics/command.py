"""`harness diagnose`: its arguments, what it prints, and how it exits. Only the standard library at the top."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import OpenMedia


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness diagnose`."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder that 'harness eval' wrote")
    parser.add_argument("--judge", metavar="MODEL", help="demo, a text-only checkpoint, or openai:MODEL")
    parser.add_argument("--base-url", metavar="URL", help="address of the judge's server (openai:MODEL)")
    parser.add_argument("--blind", type=Path, metavar="RUN", help="run of the same questions with the images withheld")
    parser.add_argument(
        "--repeats", type=Path, nargs="+", default=[], metavar="RUN", help="runs of the same questions, other seeds"
    )
    parser.add_argument(
        "--annotations", type=Path, metavar="PATH", help="annotations.jsonl, or a folder with it per task"
    )
    parser.add_argument(
        "--data", metavar="hub|demo|DIR", help="where the images are, for the page (default: as in the run)"
    )
    parser.add_argument("--no-images", action="store_true", help="leave the images out of the page")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Diagnose a run and print a summary; 0 even where a judge failed: what is missing is said.

    Raises:
        HarnessError: no such run, unreadable annotations, or no such judge.
    """
    from harness.diagnostics.diagnose import diagnose
    from harness.judge import load_judge

    judge = load_judge(arguments.judge, base_url=arguments.base_url) if arguments.judge else None
    try:
        diagnosis = diagnose(
            arguments.run_folder,
            judge=judge,
            blind=arguments.blind,
            repeats=arguments.repeats,
            annotations=arguments.annotations,
            open_media=None if arguments.no_images else find_media(arguments.run_folder, arguments.data),
        )
    finally:
        if judge is not None:
            judge.close()
    if arguments.json:
        import json

        print(json.dumps(diagnosis.to_json(), indent=2, ensure_ascii=False))
    else:
        from harness.diagnostics.markdown import summary_lines

        print("\n".join(summary_lines(arguments.run_folder)))
    for line in diagnosis.missing:
        print(f"missing: {line}", file=sys.stderr)
    return 0


def find_media(folder: Path, data: str | None = None) -> OpenMedia | None:
    """How to open the media of a run's samples again; `None`, with a warning, where its data cannot be found.

    Args:
        folder: the run folder.
        data: where the data are; `None`: where the run had them from.
    """
    from harness.diagnostics.run_folder import latest_records, read_data, read_settings
    from harness.errors import HarnessError, MediaError
    from harness.evaluation.data import digest_samples
    from harness.evaluation.tasks import load_task

    records = latest_records(folder)
    tasks = {}
    for name, of in read_data(folder).items():
        source = str(of.get("source", ""))
        where = data or ("demo" if source == "demo" else "hub" if source.startswith("hub:") else None)
        try:
            if where is None:
                raise MediaError(f"give the folder of {source or 'its data'} with --data.")
            task = load_task(name, data=where, num_frames=read_settings(folder).get("num_frames", 8))
            by_id = {sample.id: sample for sample in task.samples}
            asked = [by_id[r.sample.id] for r in records if r.sample.task == name and r.sample.id in by_id]
            if digest_samples(asked) != of.get("digest"):
                raise MediaError(f"what {where!r} holds is not what the run was on.")
            tasks[name] = task
        except HarnessError as error:
            print(f"warning: the page has no images of {name}: {error}", file=sys.stderr)
    if not tasks:
        return None

    def open_media(sample: Any) -> Any:
        if sample.task not in tasks:
            raise MediaError(f"the data of {sample.task} were not found.")
        return tasks[sample.task].open_media(sample.id)

    return open_media
