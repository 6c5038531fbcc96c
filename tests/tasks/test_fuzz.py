"""No string breaks the published evaluators' readers."""

from fuzz_read_answer import CHOICES, responses
from hypothesis import HealthCheck, given, settings
from support_scoring import task_module

from harness.benchmarks.verdicts import official_text
from harness.benchmarks.yes_no import read_letters

read_pope = task_module("pope").read_pope
read_vlmevalkit = task_module("hallusionbench").read_vlmevalkit
read_mmbench = task_module("mmbench").read_mmbench
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
