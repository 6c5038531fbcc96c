"""Texts that are instructions to whatever shows them: as names, questions, responses and files, everywhere at once."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from faults_inputs import QUICK, ask, read_strictly
from faults_runs import LIMIT_S, Case, Outcome, ended
from hostile_server import Answer, HostileServer
from media_zoo import png_of
from support_browser import CHROMIUM, open_browser, open_page
from support_kills import run_command

TEXTS: Final = {
    "ANSI colours": "\x1b[31mred\x1b[0m",
    "ANSI clear": "\x1b[2J\x1b[Hgone",
    "ANSI of one byte": "\x9b2Jgone",
    "OSC title": "\x1b]0;owned\x07",
    "OSC link": "\x1b]8;;http://e.vil\x1b\\click\x1b]8;;\x1b\\",
    "OSC clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "DCS": '\x1bP$q"p\x1b\\',
    "carriage return": "wrong\rright\b\b\b\v\f",
    "script": "<script>window.hacked = 1</script>",
    "end of a script": "</script><img src=x onerror=window.hacked=1>",
    "comment in a script": "<!--<script>",
    "attribute": '" onmouseover="window.hacked=1" x=\'',
    "SVG": "<svg onload=window.hacked=1><foreignObject>",
    "template": "{{ 7*7 }}{% raw %}${window.hacked=1}#{7*7}<%= 7*7 %>",
    "Markdown": "a|b **bold** `c` [x](http://e.vil) ![y](http://e.vil/z) <b>b</b>\n# head\n- item",
    "link of a script": "[x](javascript:window.hacked=1) <javascript:window.hacked=1>",
    "LaTeX": "\\input{/etc/passwd}\\write18{id} 100% & {b} ~^ $e$ #1 _",
    "formula": '=HYPERLINK("http://e.vil","x")',
    "formula of a command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "bidi": "\u202egnp.exe\u2066x\u2069\u200f\u061c",
    "zero width": "y\u200be\u200bs\ufeff\u2060\u00ad",
    "NUL": "a\x00b\x01\x7f\x85\u2028\u2029",
    "surrogates": "\ud83d \udc36\udfff",
    "long": "w" * 1_000_000,
}
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_MARKUP: Final = re.compile(
    r"<(script|img src=x|svg onload|b>|!--<)|\]\((http://e\.vil|javascript:)|\*\*bold\*\*|^# head|^- item", re.MULTILINE
)


class _Page(HTMLParser):
    """What a page would do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts, self.bad = 0, list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            foreign = name in ("src", "srcset", "data") and not (value or "").startswith("data:")
            script = name in ("href", "xlink:href", "action") and re.match(
                r"\s*(javascript|data|vbscript):", value or ""
            )
            if name.startswith("on") or foreign or script or tag in ("base", "iframe", "object", "embed", "form"):
                self.bad.append(f"<{tag} {name}={str(value)[:60]}>")


def wrong_in(path: Path) -> str | None:
    """What a text has done to a file that was written; `None`: nothing."""
    try:
        text = path.read_text(encoding="utf-8")
        match path.suffix:
            case ".json" | ".jsonl":
                read_strictly(path)
            case ".svg":
                if any(tag.tag.endswith(("script", "foreignObject")) for tag in ElementTree.fromstring(text).iter()):
                    return "a script"
            case ".html":
                page = _Page(text)
                known = len(re.findall(r"'sha256-", text.partition("<title>")[0])) + 1
                return f"{page.bad[:3]}, {page.scripts} scripts" if page.bad or page.scripts != known else None
            case ".csv":
                cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
                bad = [cell for cell in cells if cell.startswith(("=", "@", "\t")) or _UNSEEN.search(cell)]
                return f"cell {bad[0]!r}" if bad else None
            case ".tex":
                plain = re.sub(r"\\[\\{}%&#_$]|\\textbackslash(\{\})?", "", text)
                if re.search(r"\\(input|write18)|(?<!\\)\\\\input", plain) or plain.count("{") != plain.count("}"):
                    return "a command, or braces that do not match"
            case ".md":
                plain = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
                plain = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", plain)
                plain = re.sub(r"\\[^\w\s]", "", plain)
                if found := _MARKUP.search(plain):
                    return f"Markdown {found[0]!r}"
                if unseen := _UNSEEN.search(text):
                    return f"the character {unseen[0]!r}"
    except (ValueError, ElementTree.ParseError, csv.Error) as error:
        return f"cannot be read: {error}"
    return None


def texts(work: Path) -> Iterator[Case]:
    """A server whose model, and data whose questions and files are named so, through every command that shows them."""
    for label, text in TEXTS.items():

        def attempt(place: Path, text: str = text) -> tuple[int, Outcome, str]:
            name = os.fsdecode(os.fsencode(re.sub("[/\0]|[\ud800-\udc7f\udd00-\udfff]", "", text))[:200]) + ".png"
            whole = text.encode("utf-8", "replace").decode()
            data, logs = place / "data", [place / f"log{n}.txt" for n in range(9)]
            data.mkdir()
            (data / name).write_bytes(png_of((0, 0, 255)))
            rows = [
                {"question_id": f"{number} {whole}", "question": f"Is there a {text}?", "image": name,
                 "answer": "yes", "category": category, "id": str(number), "image_source": name}
                for number, category in enumerate(("random", "popular", "adversarial") * 2)
            ]  # fmt: skip
            (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            model = f"openai:{whole[:1000]}".replace("\0", "")
            runs = [place / "runs" / which for which in "ab"]
            done = []
            for run, said in zip(runs, (f"{text} yes", f"no {text}"), strict=True):
                with HostileServer(lambda prompt, before, said=said: Answer(text=said)) as server:  # type: ignore[misc]
                    argv: list[Any] = ask(server, data, run, "--tasks", "pope")
                    argv[2] = model
                    code = run_command(argv, log=str(logs[len(done)]), within_s=LIMIT_S, settings=QUICK)
                    done.append(code)
                    if code == 2:  # Refused as the name of a model; then the rest without it.
                        argv[2] = "openai:m"
                        done.append(run_command(argv, log=str(logs[len(done)]), within_s=LIMIT_S, settings=QUICK))
            if set(done) == {2} and "test.jsonl" in logs[0].read_text():
                return 1, "survived", "refused as data"
            board = ["leaderboard", "build", "--runs", place / "runs", "--out", place / "board", "--title", text[:1000]]
            for argv in (
                ["diagnose", runs[0]],
                ["compare", *runs],
                ["score", "--run", runs[0], "--explain", f"random/0 {whole}"],
                board,
            ):
                done.append(run_command(argv, log=str(logs[len(done)]), within_s=LIMIT_S))
            for code, log in zip(done, logs, strict=False):
                if wrong := ended(code, log):
                    return 1, wrong[0], f"{log.name}: {wrong[1]}"
                if unseen := _UNSEEN.search(log.read_text(errors="replace")):
                    return 1, "leaked", f"{unseen[0]!r} on the terminal ({log.name})"
            if not (runs[0] / "run.json").exists() or not (place / "board").exists():
                return 1, "lost", f"exit codes {done}: {logs[len(done) - 1].read_text()[-300:]}"
            pages = [path for where in (place / "runs", place / "board") for path in where.rglob("*") if path.is_file()]
            for path in pages:
                if found := wrong_in(path):
                    return 1, "leaked", f"{path.relative_to(place)}: {found}"
            if CHROMIUM:
                with open_browser() as browser:
                    for path in (path for path in pages if path.suffix == ".html"):
                        complaints: list[str] = []
                        page = open_page(browser, path, complaints)
                        if page.evaluate("window.hacked !== undefined") or complaints:
                            return 1, "leaked", f"{path.relative_to(place)} in a browser: {complaints[:2]}"
            return 1, "survived", ""

        yield Case(row="texts", name=label, attempt=attempt)
