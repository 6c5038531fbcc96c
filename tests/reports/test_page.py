"""`report.html` in a real browser: hostile texts stay texts, filters work, ten thousand samples stay usable."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page
from support_browser import Visit
from support_diagnostics import annotations_of, make_record, plant
from support_media import write_video
from support_runs import make_run

from harness.core.errors import MediaError
from harness.core.types import Agreement, Audit, Disagreement, Sample, SampleRecord
from harness.diagnostics.diagnose import Diagnosis, examine
from harness.media.videos import Video, open_video
from harness.reports import thumbnails
from harness.reports.conflict import word_map
from harness.reports.page import render_page
from harness.reports.thumbnails import Thumbnails, encode, make_thumbnails

NO_PICTURES = Thumbnails(uris=[], of_sample={}, left_out=0, failed=0)
HOSTILE = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> <!-- <script> "
    "<answer> \"yes\" & 'no' </answer> <think>\u2028 <b>bold</b> ${window.hacked = 1}</think> \ud83d\udc36"
)


def diagnosis_of(records: list[SampleRecord]) -> Diagnosis:
    return examine(records, prompt_format="grounded")


def planted_diagnosis(count: int) -> Diagnosis:
    planted = plant(count, seed=3)
    return examine(
        [one.record for one in planted],
        prompt_format="grounded",
        annotations=annotations_of(planted),
        blind={(one.record.sample.task, one.record.sample.id): one.blind for one in planted},
    )


def write(path: Path, diagnosis: Diagnosis, pictures: Thumbnails = NO_PICTURES, name: str = "run") -> str:
    path.write_text(render_page(diagnosis, run=None, name=name, pictures=pictures), encoding="utf-8")
    return path.as_uri()


def shown(page: Page) -> int:
    return int((page.locator("#count").text_content() or "").split()[0])


def test_texts_of_models_and_data_are_never_read_as_html(visit: Visit, tmp_path: Path) -> None:
    records = [
        make_record(HOSTILE, question=HOSTILE, sample_id="a/<b>&'\"%", task="pope"),
        make_record("", error=HOSTILE, sample_id=HOSTILE),
        make_record(HOSTILE, kind="choice", target="A", choices={"A": HOSTILE, "<i>B</i>": "x"}, sample_id="c"),
    ]
    page = visit(write(tmp_path / "report.html", diagnosis_of(records), name=HOSTILE))
    for place in range(3):
        page.locator(".row").nth(place).click()
        assert "<img src=x onerror" in (page.locator("#detail").text_content() or "")
    assert page.evaluate("window.hacked === undefined")
    assert page.locator("main b, main i, main img, header img").count() == 0


def test_filters_agree_with_the_figures(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(300)
    page = visit(write(tmp_path / "report.html", diagnosis))
    assert shown(page) == 300
    for cause, counts in diagnosis.attribution["pope"].items():
        if counts["n"]:
            page.locator(f"a[data-task=pope][data-cause={cause}]").click()
            assert shown(page) == counts["n"], cause
    page.locator("#reset").click()
    assert shown(page) == 300
    page.select_option("#f-flag", "looping")
    assert shown(page) == sum("looping" in finding.flags for finding in diagnosis.findings)
    page.select_option("#f-flag", "")
    page.select_option("#f-verdict", "correct")
    page.select_option("#f-task", "mmvu")
    right = [item for item in diagnosis.evidence if item.is_right and item.sample.task == "mmvu"]
    assert shown(page) == len(right)
    page.locator("#reset").click()
    page.fill("#f-text", "LOOK AGAIN AT")
    expected = sum("look again at" in item.record.response.text for item in diagnosis.evidence)
    page.locator("#count", has_text=f"{expected} of").wait_for()
    page.select_option("#f-cause", "truncation")
    page.select_option("#f-verdict", "correct")
    assert shown(page) == 0
    assert "No sample fits" in (page.locator("#detail").text_content() or "")


def test_a_link_opens_its_sample_and_keys_move_on(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(60)
    url = write(tmp_path / "report.html", diagnosis)
    item = diagnosis.evidence[41]
    page = visit(f"{url}#{item.sample.task}/{item.sample.id}")
    heading = page.locator("#detail h3")
    assert heading.text_content() == f"{item.sample.task} · {item.sample.id}"
    assert item.sample.question in (page.locator(".row[aria-selected=true]").text_content() or "")
    page.press("#list", "ArrowDown")
    assert (heading.text_content() or "").endswith(diagnosis.evidence[42].sample.id)
    page.press("#list", "End")
    assert (heading.text_content() or "").endswith(diagnosis.evidence[59].sample.id)


def test_examples_in_the_tables_lead_to_samples(visit: Visit, tmp_path: Path) -> None:
    page = visit(write(tmp_path / "report.html", planted_diagnosis(60)))
    page.locator("summary").nth(1).click()
    link = page.locator("details[open] a").first
    target = link.text_content() or ""
    link.click()
    page.locator("#detail h3", has_text=target).wait_for()


def test_ten_thousand_samples_stay_usable(visit: Visit, tmp_path: Path) -> None:
    base = planted_diagnosis(200)
    times = 50
    evidence, findings = [], []
    for turn in range(times):
        for item, finding in zip(base.evidence, base.findings, strict=True):
            sample_id = f"{item.sample.id}/{turn}"
            sample = replace(item.sample, id=sample_id)
            evidence.append(replace(item, record=replace(item.record, sample=sample)))
            findings.append(replace(finding, id=sample_id))
    url = write(tmp_path / "report.html", replace(base, evidence=evidence, findings=findings))
    start = time.monotonic()
    page = visit(url)
    seconds = time.monotonic() - start
    assert shown(page) == 10_000
    assert page.locator(".row").count() < 60
    start = time.monotonic()
    page.select_option("#f-cause", "truncation")
    assert shown(page) == times * sum(finding.cause == "truncation" for finding in base.findings)
    took_s = time.monotonic() - start
    page.locator("#reset").click()
    page.evaluate("document.getElementById('list').scrollTop = 9000 * 44")
    page.locator("#row-9002").wait_for()
    # Generous: machines that run tests are often busy.
    assert seconds < 15
    assert took_s < 1.5


def test_pictures_are_shown_and_a_narrow_window_does_not_scroll_sideways(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(30)
    samples = [item.sample for item in diagnosis.evidence]
    pictures = make_thumbnails(samples, lambda sample: [Image.new("RGB", (84, 84), "red")])
    page = visit(write(tmp_path / "report.html", diagnosis, pictures), width=390)
    assert page.locator("#detail img").evaluate("(image) => image.naturalWidth") == 84
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_page_is_one_file_that_names_no_address() -> None:
    page = render_page(planted_diagnosis(30), run=None, name="run", pictures=NO_PICTURES)
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)", page)
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page


def test_thumbnails_of_one_image_are_made_once_and_kept_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def open_media(sample: Sample) -> list[Image.Image | Video]:
        opened.append(sample.id)
        if sample.cluster == "image-1":
            raise MediaError("broken")
        return [Image.new("RGB", (400, 300), "blue")]

    samples = [make_record("", sample_id=str(n), cluster=f"image-{n // 4}").sample for n in range(20)]
    one = len(encode(Image.new("RGB", (400, 300), "blue")))
    monkeypatch.setattr(thumbnails, "_THREADS", 1)
    found = make_thumbnails(samples, open_media, budget_bytes=2 * one, shared={"pope"})
    assert opened == ["0", "4", "8"]
    assert (len(found.uris), found.failed, found.left_out) == (2, 4, 8)
    assert found.of_sample["pope", "0"] == found.of_sample["pope", "3"] == [0]
    assert found.of_sample["pope", "11"] == [1]
    assert len(found.of_sample) == 8
    assert make_thumbnails(samples, open_media, budget_s=0.0, shared={"pope"}).left_out == 20


def test_a_long_video_does_not_hold_up_the_page(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", 3000, options={"preset": "ultrafast"})
    sample = Sample(id="0", task="mmvu", target="x", answer_kind="open", question="?", media=())
    start = time.monotonic()
    found = make_thumbnails([sample], lambda sample: [open_video(path)], budget_s=0.05)
    assert found.failed == 1
    assert time.monotonic() - start < 1.0


def test_a_videos_frames_stand_side_by_side() -> None:
    import base64
    import io

    frames = np.zeros((8, 60, 80, 3), np.uint8)
    video = Video(frames=frames, fps=1.0, indices=tuple(range(8)), total_frames=8, duration_s=8.0)
    picture = Image.open(io.BytesIO(base64.b64decode(encode(video).split(",")[1])))
    assert picture.size == (4 * 80 + 3 * 2, 60)


def test_figures_and_their_plots_are_on_the_page(tmp_path: Path) -> None:
    records = [make_record("", sample_id=str(place)) for place in range(2)]
    for place, (probability, right) in enumerate(((0.9, True), (0.05, False))):
        response = replace(records[place].response, text="yes" if right else "no", answer_logprobs=(log(probability),))
        verdict = replace(records[place].verdict, answer=response.text, status="correct" if right else "incorrect")
        records[place] = replace(records[place], response=response, verdict=verdict)
    page = render_page(diagnosis_of(records), run=None, name="run", pictures=NO_PICTURES)
    assert "<figcaption>pope<span>2 answers, AURC 25.0 %</span></figcaption>" in page
    assert "<title>confidence 90.0 %: 100.0 % of 1 right</title>" in page
    assert "<title>calibration error (ECE): " in page
    assert "<h2>Calibration</h2>" not in render_page(planted_diagnosis(3), run=None, name="run", pictures=NO_PICTURES)


def test_the_map_of_conflict_is_on_the_page() -> None:
    figures = {"model": "<b>", "compared": 2, "of": 9, "seed": 0, "unopened": 0, "pairs": 1, "threshold": 0.54}
    rate = {"value": 0.1, "stderr": None}
    figures |= {"quantiles": {"p50": -0.1}, "least": -0.1, "greatest": -0.1, "mean": rate, "below_threshold": rate}
    pair = {"one": {"task": "t", "id": "<script>alert(1)</script>"}, "other": {"task": "t", "id": "b"}, "cosine": -0.1}
    figures |= {"opposed": rate, "histogram": [0, 9, 4], "blocks": [], "conflicting": [pair], "alike": []}
    conflict = word_map(figures)
    page = render_page(planted_diagnosis(3), run=None, name="run", pictures=NO_PICTURES, conflict=conflict)
    assert "2 of 9 responses, drawn with seed 0, 1 pairs of different prompts, under &lt;b&gt;." in page
    assert '<a href="#t%2F%3Cscript%3Ealert%281%29%3C%2Fscript%3E">t/&lt;script&gt;' in page
    assert "<title>-0.33 to 0.33: 9 pairs</title>" in page
    assert "<td>p50</td><td>−0.100</td>" in page


def test_what_the_judge_reads_otherwise_is_on_the_page() -> None:
    agreement = Agreement(value=0.5, low=0.1, high=0.9, n=2, failures=0, read=40)
    differs = Disagreement(task="pope", sample_id="random/1", rule="begins", read="yes", judge="<b>no")
    audit = Audit(wanted=100, kinds={"yes_no": agreement}, disagreements=[differs])
    run = replace(make_run(), audit=audit)
    page = render_page(planted_diagnosis(3), run=run, name="run", pictures=NO_PICTURES)
    assert "<td>[10.0, 90.0]</td>" in page
    assert '<td class="words">&lt;b&gt;no</td>' in page
    assert "Reading audit" not in render_page(
        planted_diagnosis(3), run=replace(run, audit=None), name="run", pictures=NO_PICTURES
    )


def test_the_judges_causes_stand_beside_the_true_ones() -> None:
    confusion = {"pope": {"right": {"right": 3, "reasoning": 1}, "perception": {"perception": 2}}}
    diagnosis = replace(planted_diagnosis(3), confusion=confusion)
    page = render_page(diagnosis, run=None, name="run", pictures=NO_PICTURES)
    assert re.findall(r'--shade: (\d+)%" title="right found as (\w+)">(\d+)<', page) == [
        ("75", "right", "3"), ("0", "perception", "0"), ("25", "reasoning", "1"),
    ]  # fmt: skip
