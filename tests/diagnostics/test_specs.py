"""A diagnostic that is added in one line is in every report, page and board."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support_diagnostics import make_record, store

from harness.cli import main
from harness.diagnostics import specs
from harness.diagnostics.evidence import Evidence


def shouting(item: Evidence) -> bool:
    """Share of responses that shout."""
    return "!" in item.record.response.text


def test_a_diagnostic_of_one_line_is_shown_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = specs.rate(shouting, "not known: nobody listens", title="Shouted <loudly>", plotted=True, headline=True)
    with monkeypatch.context() as patched:
        patched.setattr(specs, "DIAGNOSTICS", (*specs.DIAGNOSTICS, line))
        for name, texts in (("calm", ("yes", "no", "no", "yes!")), ("loud", ("yes!", "no!", "no!", "yes"))):
            records = [make_record(text, sample_id=f"random/{n}") for n, text in enumerate(texts)]
            run = store(tmp_path / "runs" / name, records, prompt="direct")
            assert main(["diagnose", str(run), "--no-images"]) == 0
    figure = json.loads((run / "diagnostics.json").read_text())["metrics"]["pope/shouting"]
    assert figure["value"] == 0.75
    assert figure["examples"] == ["random/0", "random/1", "random/2"]
    assert (figure["title"], figure["definition"]) == ("Shouted <loudly>", "Share of responses that shout.")
    assert (figure["plotted"], figure["headline"], figure["better"], figure["scale"]) == (True, True, -1, "share")
    assert re.search(r"\| Shouted &lt;loudly&gt; +\| +75\.0 \|", (run / "report.md").read_text())
    page = (run / "report.html").read_text()
    assert page.count("Shouted &lt;loudly&gt;") >= 2  # The plot and the table.
    # The board is built where nobody knows the diagnostic any more.
    board = tmp_path / "board"
    assert main(["leaderboard", "build", "--runs", str(tmp_path / "runs"), "--out", str(board)]) == 0
    assert "Shouted" in (board / "index.html").read_text()
