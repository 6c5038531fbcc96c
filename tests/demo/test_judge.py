"""The demo's judge is small, text-only, answers from captions, and not from another scene's or from none."""

import pytest

from harness.core.types import JudgeQuestion
from harness.demo.judge import check_judge
from harness.engines.checkpoints import resolve_checkpoint
from harness.judges.caption import load_caption_judge


def test_it_is_a_small_language_model():
    from transformers import AutoModelForCausalLM

    folder = resolve_checkpoint("demo-judge").folder
    assert sum(path.stat().st_size for path in folder.iterdir()) < 15e6
    assert type(AutoModelForCausalLM.from_pretrained(folder)).__name__ == "Qwen2ForCausalLM"


@pytest.fixture(scope="module")
def figures():
    return check_judge(resolve_checkpoint("demo-judge").folder, count=60)


@pytest.mark.parametrize("medium", ["image", "video"])
def test_it_is_right_with_the_true_caption_only(figures, medium):
    assert figures["true"][medium] > 0.97
    assert figures["other"][medium] < 0.65
    assert figures["none"][medium] < 0.5


def test_no_kind_of_question_is_beyond_it(figures):
    assert min(figures["true"].values()) > 0.7  # What happens to an object: .81.


@pytest.mark.parametrize(
    ("reasoning", "answer"),
    [
        ("red circle top", "yes"),
        ("red circle none", "no"),
        ("glance yes", "yes"),
    ],
)
def test_it_reads_what_a_thinking_concludes(tmp_path, reasoning, answer):
    judge = load_caption_judge("demo", cache_dir=tmp_path)
    question = "Is there a red circle in the image?"
    (text,) = judge.ask([JudgeQuestion(question=question, caption=reasoning, answer_kind="yes_no", source="reasoning")])
    judge.close()
    assert answer in text
