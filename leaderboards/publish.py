"""Putting a board where people look: a README, a web folder, a model card, the hub."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.errors import DataError, UsageError
from harness.reports.splicing import update_document
from leaderboards.board import Board, Group, Row
from leaderboards.build import find_checkpoint
from leaderboards.markdown import BLOCK, readme_block
from leaderboards.outputs import FORMATS, PICTURES, write_if_changed, write_pages
from leaderboards.screenshot import SCREENSHOT, take_screenshot


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishConfig:
    """Where a board is published; what is `None` is left alone.

    Attributes:
        readme: file with markers.
        rows: most rows of the table in the README.
        pages: folder for a web server.
        reports: whether the runs' reports are copied there and linked.
        screenshot: whether a picture of the page is taken beside it, for the README to show.
        page_url: address of the page for the README; `None`: the page in `pages`.
        card: name of the checkpoint whose model card and evaluation results are written.
        card_dir: folder of the card; `None`: the checkpoint's own.
        task_ids: task to its id in its data set's `eval.yaml`.
        repo: model repository that card and results are committed to.
        dry_run: only say what would be committed.
    """

    readme: Path | None = None
    rows: int = 10
    pages: Path | None = None
    reports: bool = True
    screenshot: bool = False
    page_url: str | None = None
    card: str | None = None
    card_dir: Path | None = None
    task_ids: Mapping[str, str] = field(default_factory=dict)
    repo: str | None = None
    dry_run: bool = True

    def __post_init__(self) -> None:
        """Check what can be checked without looking at files.

        Raises:
            UsageError: nothing is to be published, or an option lacks the one that it belongs to.
        """
        if self.readme is None and self.pages is None and self.card is None and self.repo is None:
            raise UsageError("nothing to publish to: give --readme FILE, --pages DIR, or --card NAME.")
        if self.card is None and (self.repo is not None or self.card_dir is not None or self.task_ids):
            raise UsageError("--push, --card-dir and --task-id need --card NAME, the checkpoint that is published.")
        if self.screenshot and self.pages is None:
            raise UsageError("--screenshot needs --pages DIR, the page that it is of.")
        if self.rows < 1:
            raise UsageError(f"--rows {self.rows} is out of range: it must be at least 1.")


def publish_board(board: Board, config: PublishConfig) -> list[str]:
    """Publish a board, and say what was done, a line each.

    Raises:
        UsageError: a README without markers, an unknown checkpoint, a folder that is missing, or the hub refuses.
        StoreError: a file cannot be written.
        DataError: an existing model card cannot be read or is not valid.
    """
    done: list[str] = []
    if config.pages is not None:
        done += [str(path) for path in write_pages(board, config.pages, reports=config.reports)]
        if config.screenshot:
            done.append(str(take_screenshot(config.pages / FORMATS["html"][0])))
    if config.readme is not None:
        changed = update_document(config.readme, _block(board, config, config.readme), BLOCK, "--readme")
        done.append(f"{config.readme}: {'brought up to date' if changed else 'is up to date'}")
    if config.card is not None:
        done += _publish_card(board, config, config.card)
    return done


def _block(board: Board, config: PublishConfig, readme: Path) -> str:
    pictures = page = screenshot = None
    if config.pages is not None:
        folder = Path(os.path.relpath(config.pages.resolve(), readme.resolve().parent)).as_posix()
        page = f"{folder}/{FORMATS['html'][0]}"
        light, dark = PICTURES.values()
        if (config.pages / light).exists():
            pictures = (f"{folder}/{light}", f"{folder}/{dark}")
        if config.screenshot:
            screenshot = f"{folder}/{SCREENSHOT}"
    page = config.page_url or page
    return readme_block(board, most=config.rows, pictures=pictures, page=page, screenshot=screenshot)


def _publish_card(board: Board, config: PublishConfig, name: str) -> list[str]:
    from leaderboards import hub
    from leaderboards.card import make_card, make_eval_results, published_results

    groups = _checkpoints(board, name)
    row = find_checkpoint(groups, name, "--card")
    results, left_out = published_results(groups, row.label)
    entries, without_entry = make_eval_results(results, config.task_ids)
    done = [f"left out: {reason}" for reason in (*left_out, *without_entry)]
    if not results:
        return [*done, f"{row.label}: nothing to publish"]
    files = {str(hub.RESULTS / entry): text for entry, text in entries.items()}
    if config.repo is not None and not config.dry_run:
        user = hub.require_login(config.repo)
        files[hub.CARD] = make_card(hub.fetch_card(config.repo), row.label, results)
        return [*done, f"committed as {user}: {hub.push(config.repo, files)}", *_listed(files)]
    folder = _card_folder(row, name, config)
    if folder is not None:
        files[hub.CARD] = make_card(_existing_card(folder / hub.CARD), row.label, results)
        for name_, text in files.items():
            write_if_changed(folder / name_, text)
        done += [str(folder / name_) for name_ in files]
    else:
        files[hub.CARD] = make_card(None, row.label, results)
    if config.repo is not None:
        done.append(f"dry run: would commit to the model repository {config.repo} (do it with --no-dry-run):")
        done += _listed(files)
    return done


def _checkpoints(board: Board, name: str) -> list[Group]:
    """The groups with a row for each checkpoint: a card is of one, and a mean over seeds is of none.

    Raises:
        UsageError: the name is of several seeds together.
    """
    groups = [replace(group, rows=[own for row in group.rows for own in _of_row(row)]) for group in board.groups]
    labels = {row.label for group in groups for row in group.rows}
    for row in (row for group in board.groups for row in group.rows):
        if row.label == name and name not in labels:
            raise UsageError(
                f"--card {name!r} is the mean over {len(row.seeds)} seeds, which is no checkpoint's. Give one of them: "
                f"{', '.join(row.other_names)}."
            )
    return groups


def _of_row(row: Row) -> Iterator[Row]:
    """The checkpoints that a row stands for; the one whose results it shows with their differences to the baseline."""
    for member in row.members or (row,):
        is_shown = member.label == row.label and not row.seeds
        yield replace(row, key=member.key) if is_shown else member


def _existing_card(path: Path) -> str | None:
    """Text of the card that a folder has; `None` where it has none.

    Raises:
        DataError: it cannot be read as text.
    """
    try:
        # Bytes, so that line ends stay as they are.
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}. Save it as UTF-8.") from error


def _card_folder(row: Row, name: str, config: PublishConfig) -> Path | None:
    """Where the card is written; with `--push` alone, nowhere.

    Raises:
        UsageError: it is not known where.
    """
    if config.card_dir is not None:
        return config.card_dir
    if config.repo is not None:
        return None
    model = name if any(run.record.model == name for run in row.runs) else row.latest.model
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    raise UsageError(f"--card {row.label!r}: its model {model!r} is no folder here. Give --card-dir DIR.")


def _listed(files: Mapping[str, str]) -> Sequence[str]:
    return [f"  {path} ({len(text.encode())} bytes)" for path, text in sorted(files.items())]
