"""Logs that other harnesses wrote about our questions; see `fixtures/recorded/README.md`."""

import json
from pathlib import Path

from support_scoring import OURS, SPLITS, Row, pope_rows

LOGS = Path(__file__).resolve().parents[1] / "fixtures" / "recorded"

LMMS_POPE = LOGS / "lmms-eval" / "20260102_030405_samples_pope.jsonl"
LMMS_MMBENCH = LOGS / "lmms-eval" / "20260102_030405_samples_mmbench_en_dev_static.jsonl"
VLM_POPE = LOGS / "vlmevalkit" / "seer-1_POPE_auxmatch.xlsx"
VLM_MMBENCH = LOGS / "vlmevalkit" / "seer-1_MMBench_DEV_EN.xlsx"
VLM_MMBENCH_TSV = LOGS / "vlmevalkit" / "seer-1_MMBench_DEV_EN.tsv"
VLM_MMBENCH_RESULT = LOGS / "vlmevalkit" / "seer-1_MMBench_DEV_EN_exact_matching_result.xlsx"
SCOPE_REVIEWS = tuple(LOGS / "evalscope" / "reviews" / f"pope_{split}.jsonl" for split in SPLITS)
SCOPE_PREDICTIONS = tuple(LOGS / "evalscope" / "predictions" / f"pope_{split}.jsonl" for split in SPLITS)
SCOPE_MMBENCH = LOGS / "evalscope" / "reviews" / "mm_bench_en.jsonl"
INSPECT_POPE = LOGS / "inspect" / "pope.eval"
INSPECT_MMBENCH = LOGS / "inspect" / "mmbench.json"


def logged_rows() -> list[Row]:
    """The POPE rows that the logs are about, in their order."""
    rows = pope_rows(OURS)
    return [row for split in SPLITS for row in [of for of in rows if of["category"] == split][::11][:6]]


def write_rows(path: Path, rows: list[Row]) -> Path:
    """A file of rows, for `--samples` or as a log."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
