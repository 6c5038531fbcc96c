"""The demo's judge is made once, answers from captions, and not from another scene's."""

from pathlib import Path

import pytest

import harness.judge
from harness.demo.judge import demo_judge
from harness.judge import caption_supports, load_judge
from harness.scoring.sections import split_sections
from trainers.data.demo import write_demo_rows
from trainers.data.schema import read_examples


@pytest.mark.skipif(
    not (Path(harness.judge.__file__).parent / "demo" / "checkpoint" / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)
def test_the_judge_reads_captions(tmp_path):
    folder = demo_judge(tmp_path)
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert demo_judge(tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    examples = list(read_examples(write_demo_rows(tmp_path / "data", 120, 5)))
    captions = [split_sections(example.response).caption for example in examples]
    judge = load_judge(str(folder), cache_dir=tmp_path)
    own, others = (
        sum(
            bool(right)
            for right in caption_supports(judge, list(zip((e.sample for e in examples), texts, strict=True)))
        )
        / len(examples)
        for texts in (captions, captions[17:] + captions[:17])
    )
    judge.close()
    assert own > 0.85
    assert others < 0.6
