"""What installed packages add to the harness, by entry points.

    [project.entry-points."harness.benchmarks"]
    spatial = "my_package.spatial"                  # the package whose folder holds benchmark.py

    [project.entry-points."harness.engines"]
    echo = "my_package.echo:EchoEngine"             # a class of the protocol harness.engines.Engine

    [project.entry-points."harness.diagnostics"]
    shouting = "my_package.shouting:SHOUTING"       # what harness.diagnostics.specs.rate gives

    [project.entry-points."harness.rewards"]
    brief = "my_package.brief:brief"                # a function of samples and responses, see docs/training.md

    [project.entry-points."harness.formats"]
    careful = "my_package.careful:FORMAT"           # a mapping with the fields of a format's YAML, see docs/scoring.md

What is installed is trusted, as any Python package is; nothing of it is imported before its name is used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, Final, Literal

from harness.core.errors import UsageError

Group = Literal["worlds", "benchmarks", "engines", "diagnostics", "rewards", "formats"]
_ADVICE: Final = "Install the package again, or remove it."


@cache
def registered(group: Group) -> Mapping[str, Sequence[EntryPoint]]:
    """What packages have registered, by name; of each name all that differ."""
    from importlib.metadata import entry_points

    found: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=f"harness.{group}"):
        found.setdefault(point.name, {})[point.value] = point
    return {name: list(points.values()) for name, points in found.items()}


def only(points: Sequence[EntryPoint], group: Group) -> EntryPoint:
    """The one that has a name.

    Raises:
        UsageError: there are two.
    """
    if len(points) > 1:
        raise UsageError(f"{where(points[1], group)} and {where(points[0], group)} have one name. Remove one.")
    return points[0]


def plugins(group: Group) -> Mapping[str, EntryPoint]:
    """What packages have registered, by name.

    Raises:
        UsageError: two have one name.
    """
    return {name: only(points, group) for name, points in registered(group).items()}


def refuse_own_names(group: Group, own: Collection[str]) -> None:
    """Refuse packages that take a name of the harness's own.

    Raises:
        UsageError: one does.
    """
    for name in registered(group).keys() & set(own):
        raise UsageError(f"{where(registered(group)[name][0], group)} has the name of the harness's own. {_ADVICE}")


def load_plugin(point: EntryPoint, group: Group) -> Any:
    """What an entry point names.

    Raises:
        UsageError: it cannot be loaded.
    """
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # Another package's code.
        raise UsageError(
            f"{where(point, group)} cannot be loaded: {type(error).__name__}: {error}. {_ADVICE}"
        ) from error


def where(point: EntryPoint, group: Group) -> str:
    """An entry point as an error names it."""
    kind = group.removesuffix("s")
    return f"the {kind} {point.name!r} of the package {point.dist.name if point.dist else '?'} ({point.value})"
