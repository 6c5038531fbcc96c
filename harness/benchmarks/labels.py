"""Labels that stand apart from a data set's rows: where their files are, and what they make of its questions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from harness.benchmarks.record import Benchmark, LabelFiles
from harness.benchmarks.tables import read_table
from harness.core.errors import DataError
from harness.core.files import cache_folder
from harness.core.types import Sample
from harness.media.bounds import is_within, within

HUB: Final = "hub:"
"""Begins the name of data that come from the hub: their labels are in the cache."""


@dataclass(slots=True)
class Labels:
    """The labels of a benchmark's questions, and how many of them were of use.

    Attributes:
        benchmark: whose questions they are of.
        found: label by sample id; `None`: the benchmark knows none, or their files are not there.
        source: how records name them; empty where there are none.
        places: where their files were looked for.
        used: questions that had one.
    """

    benchmark: Benchmark
    found: dict[str, Sample] | None = None
    source: str = ""
    places: list[Path] = field(default_factory=list)
    used: int = 0

    def label(self, sample: Sample) -> Sample | None:
        """A question as it is asked; `None`: it is not.

        Raises:
            DataError: it needs a label and there are no files, or the label of its id is of another question.
        """
        files = self.benchmark.labels
        if files is None or (self.found is None and not files.needed_by(sample)):
            return sample
        if self.found is None:
            raise DataError(f"{self.benchmark.name}: {_how_to_fetch(files, self.places)}")
        label = self.found.get(sample.id)
        if label is not None:
            _refuse_other_question(sample, label, files)
            self.used += 1
        return files.apply(sample, label)

    def apply(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """All questions as they are asked, without those that are not.

        Raises:
            DataError: see `label`, or not one label is of these questions.
        """
        asked = map(self.label, samples)
        yield from (sample for sample in asked if sample is not None)
        self.refuse_unused()

    def refuse_unused(self) -> None:
        """Notice labels that were made for other data.

        Raises:
            DataError: there are labels, and no question had one.
        """
        if self.found is not None and not self.used:
            raise DataError(
                f"{self.benchmark.name}: none of the {len(self.found)} labels of {self.source} is of these questions. "
                "Give the data that the labels were made for."
            )


def read_labels(benchmark: Benchmark, folder: Path | None, source: str, roots: Sequence[Path] | None = None) -> Labels:
    """Read the labels of a benchmark's questions, where their files are there.

    Args:
        benchmark: whose they are.
        folder: of its data; `None`: of its data only the name is known.
        source: the data's name: labels of the hub's data are looked for in the harness's cache folder too.
        roots: folders that files in the data's folder may be in, see `harness.media.bounds.within`; `None`: any.

    Raises:
        DataError: some of the files are missing, or a file is malformed or lies out of the data folder.
    """
    files = benchmark.labels
    if files is None:
        return Labels(benchmark)
    cache = cache_folder() / "labels" / files.name
    places = [] if folder is None else [folder]
    if folder is not None and (roots is None or is_within(folder.parent, roots)):
        places.append(folder.parent / benchmark.name)
    places += [cache] if source.startswith(HUB) else []
    for place in places:
        found = [path for file in files.files if (path := _find(place, file)) is not None]
        if not found:
            continue
        if len(found) < len(files.files):
            raise DataError(
                f"{benchmark.name}: {place} has {len(found)} of the {len(files.files)} files of {files.name} "
                f"({', '.join(files.files)}). Fetch the others too."
            )
        if roots is not None and place != cache:
            for path in found:
                within(path, roots)
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in found)).hexdigest()
        return Labels(benchmark, _read(files, found), f"{files.name}@sha256:{digest[:12]}")
    return Labels(benchmark, places=places)


def _find(place: Path, file: str) -> Path | None:
    paths = (place / file, place / PurePosixPath(file).name)
    return next((path for path in paths if path.is_file()), None)


def _read(files: LabelFiles, paths: Iterable[Path]) -> dict[str, Sample]:
    found: dict[str, Sample] = {}
    for path in paths:
        for index, row in enumerate(read_table(path).rows):
            where = f"{path}[{index}]"
            label = files.read(row, path.stem, where)
            if label is None:
                continue
            if label.id in found:
                raise DataError(f"{where}: question {label.id!r} has a second label. Fetch {files.name} again.")
            found[label.id] = label
    return found


def _refuse_other_question(sample: Sample, label: Sample, files: LabelFiles) -> None:
    """Ids are numbers, which other data have as well: a label has to be of the question and image that it says."""
    for what, ours, theirs in (
        ("question", sample.question.strip(), label.question.strip()),
        ("image", PurePosixPath(sample.cluster or "").stem, PurePosixPath(label.cluster or "").stem),
    ):
        if ours and theirs and ours != theirs:
            raise DataError(
                f"the label of {files.name} for {sample.id!r} is of {what} {theirs!r}, and the data have {ours!r}. "
                f"Give the data that the labels were made for, or take the files of {files.name} out of their folder."
            )


def _how_to_fetch(files: LabelFiles, places: Iterable[Path]) -> str:
    place = cache_folder() / "labels" / files.name
    looked = ", ".join(map(str, places)) or "no folder, since none was given"
    return (
        f"the labels of {files.name} ({files.licence}) are not there; looked in {looked}. Fetch them with 'git clone "
        f"{files.repository} {place} && git -C {place} checkout {files.commit}', or put {', '.join(files.files)} "
        "into the folder of the data."
    )
