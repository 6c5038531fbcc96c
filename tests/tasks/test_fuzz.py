"""No string breaks the published evaluators' readers."""

from fuzz_read_answer import CHOICES, responses
from hypothesis import HealthCheck, given, settings
from support_scoring import benchmark_of, samples_of, task_module

from harness.benchmarks.verdicts import official_text
from harness.benchmarks.yes_no import read_letters
from harness.core.types import Response

read_pope = task_module("pope").read_pope
read_vlmevalkit = task_module("hallusionbench").read_vlmevalkit
read_mmbench = task_module("mmbench").read_mmbench
read_rating, read_published = task_module("mmhal_bench").read_rating, task_module("mmhal_bench").read_published
read_list = task_module("object_halbench").read_list
videohallucer_hit = task_module("videohallucer").videohallucer_hit


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(responses())
def test_the_published_readers_read_everything(response: str) -> None:
    text = official_text(response)
    assert all(line in response for line in text.split("\n"))
    assert read_pope(text) in ("yes", "no")
    for read in (read_letters, read_vlmevalkit):
        assert read(text) in ("yes", "no", None)
    assert videohallucer_hit(text, "yes") in (True, False)
    assert read_mmbench(text, CHOICES) in (*CHOICES, "Z", None)


CAPTIONED = {
    "chair": {"question_id": "1", "gt_object": ["dog", "person"]},
    "amber_generative": {
        "id": 1,
        "query": "q",
        "truth": ["dog"],
        "hallu": ["cat"],
        "vocabulary": ["dog", "cat", "man"],
    },
}


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(responses())
def test_captions_and_replies_of_judges_are_read_whatever_they_are(response: str) -> None:
    for task, row in CAPTIONED.items():
        (sample,) = samples_of(task, [row])
        verdict = benchmark_of(task).judge(sample, Response(sample_id=sample.id, text=response))
        assert verdict.status in ("correct", "incorrect", "unanswered")
        assert verdict.scores["invented"] <= verdict.scores["mentions"]
        assert verdict.scores["found"] <= verdict.scores["there"]
    assert read_rating(response) is None or 0 <= read_rating(response).rating <= 6
    assert 0 <= read_published(response) <= 6
    assert isinstance(read_list(response), list | None)
