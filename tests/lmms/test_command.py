"""lmms-eval's own command with our model and our tasks, as docs/engines.md has it, on the demo."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
import support_processes

ROOT = Path(__file__).parents[2]


def test_the_documented_command_runs(tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    (line,) = re.findall(
        r"(?m)^HARNESS_DATA=demo python (-m lmms_eval .*)$", (ROOT / "docs" / "engines.md").read_text()
    )
    command = [sys.executable, *line.split(), "--limit", "4", "--log_samples", "--output_path", str(tmp_path)]
    done = support_processes.run(command, cwd=ROOT, env={**os.environ, "HARNESS_DATA": "demo"}, timeout=300)
    # lmms-eval's exit code does not tell.
    results = tmp_path.rglob("*_results.json")
    found = [json.loads(path.read_text()) for path in results]
    assert found, done.stdout + done.stderr
    scores = found[0]["results"]["harness_pope"]
    assert 0 <= scores["accuracy,none"] <= 1
    (samples,) = tmp_path.rglob("*_samples_harness_pope.jsonl")
    lines = [json.loads(text) for text in samples.read_text().splitlines()]
    assert len(lines) == 4
    assert all(line["filtered_resps"][0] for line in lines)
