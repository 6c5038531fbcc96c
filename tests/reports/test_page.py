"""`report.html` in a real browser: hostile texts stay texts, filters work, ten thousand samples stay usable."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page
from support_browser import HEIGHTS, LOOKS, Visit, check_look
from support_diagnostics import annotations_of, make_record, plant
from support_media import write_video
from support_runs import make_run

from harness.answers.sections import SECTION_NAMES
from harness.core.errors import MediaError
from harness.core.files import write_atomically
from harness.core.types import Agreement, Audit, BenchmarkFacts, Disagreement, RunRecord, Sample, SampleRecord
from harness.diagnostics.diagnose import Diagnosis, examine
from harness.media.videos import Video, open_video
from harness.reports import thumbnails
from harness.reports.conflict import ConflictMap, word_map
from harness.reports.page import render_page, write_page
from harness.reports.page_data import PARTS, files_of, wrong_first
from harness.reports.page_verdict import summary
from harness.reports.thumbnails import Thumbnails, encode, make_thumbnails

NO_PICTURES = Thumbnails(uris=[], words=[], of_sample={}, left_out=0, failed=0)
HOSTILE = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> <!-- <script> "
    "<answer> \"yes\" & 'no' </answer> <think>\u2028 <b>bold</b> ${window.hacked = 1}</think> \ud83d\udc36"
)


AGREEMENT = Agreement(value=0.5, low=0.1, high=0.9, n=2, failures=0, read=40)
DIFFERS = Disagreement(task="pope", sample_id="random/1", rule="begins", read="yes", judge="<b>no")
AUDIT = Audit(wanted=100, kinds={"yes_no": AGREEMENT}, disagreements=[DIFFERS])


def conflict_map() -> ConflictMap:
    figures = {"model": "<b>", "compared": 2, "of": 9, "seed": 0, "unopened": 0, "pairs": 1, "threshold": 0.54}
    rate = {"value": 0.1, "stderr": None}
    figures |= {"quantiles": {"p50": -0.1}, "least": -0.1, "greatest": -0.1, "mean": rate, "below_threshold": rate}
    pair = {"one": {"task": "t", "id": "<script>alert(1)</script>"}, "other": {"task": "t", "id": "b"}, "cosine": -0.1}
    figures |= {"opposed": rate, "histogram": [0, 9, 4], "blocks": [], "conflicting": [pair], "alike": []}
    return word_map(figures)


def diagnosis_of(records: list[SampleRecord]) -> Diagnosis:
    return examine(records, expected=defaultdict(lambda: SECTION_NAMES))


def planted_diagnosis(count: int) -> Diagnosis:
    planted = plant(count, seed=3)
    return examine(
        [one.record for one in planted],
        expected=defaultdict(lambda: SECTION_NAMES),
        annotations=annotations_of(planted),
        blind={(one.record.sample.task, one.record.sample.id): one.blind for one in planted},
    )


def page_of(diagnosis: Diagnosis, pictures: Thumbnails = NO_PICTURES, **rest: Any) -> str:
    page, files = render_page(diagnosis, **{"run": None, "name": "run", "pictures": pictures} | rest)
    assert not files
    return page


def write(path: Path, diagnosis: Diagnosis, pictures: Thumbnails = NO_PICTURES, **rest: Any) -> str:
    page, files = render_page(diagnosis, **{"run": None, "name": "run", "pictures": pictures} | rest)
    path.write_text(page, encoding="utf-8")
    for name, text in files.items():
        write_atomically(path.parent / PARTS / name, text)
    return path.as_uri()


def shown(page: Page) -> int:
    return int((page.locator("#count").text_content() or "").split()[0])


def detail(page: Page) -> str:
    return page.locator("#detail").inner_text()


def told_run(diagnosis: Diagnosis) -> RunRecord:
    """A run of the tasks of a diagnosis, with a headline and a constant response to beat, or not."""
    (result,) = make_run().tasks.values()
    tasks = {
        task: replace(result, task=task, baselines={"always yes": 0.2 if task == "pope" else 0.4})
        for task in diagnosis.attribution
    }
    facts = {task: BenchmarkFacts(title=task.upper(), headline_title="accuracy in words") for task in tasks}
    return replace(make_run(), tasks=tasks, benchmarks=facts)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_verdict_causes_and_wrong_samples_are_on_the_first_screen(
    width: int, scheme: str, visit: Visit, tmp_path: Path
) -> None:
    diagnosis = planted_diagnosis(60)
    pictures = make_thumbnails([diagnosis.evidence[0].sample], lambda sample: [Image.new("RGB", (84, 84), "red")])
    diagnosis = replace(diagnosis, confusion={"pope": {"right": {"right": 3, "reasoning": 1}}})
    run = replace(told_run(diagnosis), audit=AUDIT)
    page = visit(write(tmp_path / "report.html", diagnosis, pictures, run=run, conflict=conflict_map()), width, scheme)
    verdict = page.locator(".verdicts").inner_text()
    assert "POPE" in verdict
    assert "accuracy in words" in verdict
    assert "50.0 %" in verdict
    first = page.locator(".row").first
    assert "right" not in first.inner_text()
    box = first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= HEIGHTS[width]
    page.locator("summary", has_text="definitions").first.click()
    check_look(page)
    page.locator("#reset").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "list"
    assert page.locator("#detail .bar").inner_text().endswith("2 of 60")


def test_a_verdict_says_whether_the_score_is_beyond_not_looking(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(60)
    page = visit(write(tmp_path / "report.html", diagnosis, run=told_run(diagnosis)))
    told = {row.split()[0]: row for row in page.locator(".verdicts tbody tr").all_inner_texts()}
    assert "better than not looking" in told["POPE"]
    assert "not shown" not in told["POPE"]
    assert "always yes 20.0 %" in told["POPE"]
    assert "not shown to be better" in told["MMVU"]
    for task, title in (("pope", "POPE"), ("mmvu", "MMVU")):
        wrong = sum(not item.is_right for item in diagnosis.evidence if item.sample.task == task)
        assert f"{wrong} wrong of" in told[title]


def test_the_summary_names_the_cause_of_most_wrong_answers() -> None:
    diagnosis = planted_diagnosis(60)
    wrong = sum(not item.is_right for item in diagnosis.evidence)
    counts = Counter(finding.cause for finding in diagnosis.findings if finding.cause not in (None, "unattributed"))
    ((cause, most), *_) = counts.most_common()
    assert summary(diagnosis).startswith(f"{wrong} of 60 answers are wrong. {most} of them went wrong in {cause}: ")
    direct = diagnosis_of([make_record("no", sample_id="1"), make_record("", error="lost", sample_id="2")])
    told = (
        "1 of 1 answers are wrong. Of 1 more samples there is no response. What they went wrong in could not be told."
    )
    assert summary(direct) == told


def test_texts_of_models_and_data_are_never_read_as_html(visit: Visit, tmp_path: Path) -> None:
    records = [
        make_record(HOSTILE, question=HOSTILE, sample_id="a/<b>&'\"%", task="pope"),
        make_record("", error=HOSTILE, sample_id=HOSTILE),
        make_record(HOSTILE, kind="choice", target="A", choices={"A": HOSTILE, "<i>B</i>": "x"}, sample_id="c"),
    ]
    for number, scripts in enumerate((True, False)):
        address = write(tmp_path / f"{number}.html", diagnosis_of(records), name=HOSTILE)
        page = visit(address, java_script_enabled=scripts)
        for place in range(3 * scripts):
            page.locator(".row").nth(place).click()
            assert "<img src=x onerror" in (page.locator("#detail").text_content() or "")
            assert page.evaluate("window.hacked === undefined")
        assert page.locator("main p b, main i:not([class]), main img, header img").count() == 0
        assert page.locator("noscript img, noscript b").count() == 0


def test_filters_agree_with_the_figures(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(300)
    page = visit(write(tmp_path / "report.html", diagnosis))
    assert shown(page) == 300
    for cause, counts in diagnosis.attribution["pope"].items():
        if counts["n"]:
            page.locator(f"#verdict a[data-task=pope][data-cause={cause}]").click()
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
    assert "No sample fits" in detail(page)


def test_the_address_follows_the_sample_and_keys_move_on(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(60)
    url = write(tmp_path / "report.html", diagnosis)
    order = [item.sample for item, _ in wrong_first(diagnosis)]
    assert [item.is_right for item, _ in wrong_first(diagnosis)] == sorted(item.is_right for item in diagnosis.evidence)
    page = visit(f"{url}#{order[41].task}/{order[41].id}")
    heading = page.locator("#detail h3")

    def is_at(place: int) -> bool:
        sample = order[place]
        named = unquote(page.url.partition("#")[2]) == f"{sample.task}/{sample.id}"
        return named and heading.text_content() == f"{sample.task} · {sample.id}"

    assert is_at(41)
    assert order[41].question in (page.locator(".row[aria-selected=true]").text_content() or "")
    page.press("#list", "ArrowDown")
    assert is_at(42)
    page.press("#list", "End")
    assert is_at(59)
    page.press("body", "ArrowLeft")
    assert is_at(58)
    page.press("body", "ArrowRight")
    assert is_at(59)
    page.get_by_label("previous sample").press("Enter")
    assert is_at(58)
    page.press("#f-text", "ArrowLeft")
    assert is_at(58)


def test_a_sample_shows_all_that_its_verdict_rests_on(visit: Visit, tmp_path: Path) -> None:
    text = "<planning> look </planning> <caption> 🐶 a cat </caption> <think> no dog </think> <answer> yes </answer> so"
    record = make_record(text, target="no", sample_id="1", task="pope")
    record = replace(record, sample=replace(record.sample, prompt="Is there a dog?\nAnswer in sections."))
    response = replace(record.response, answer_logprobs=(log(0.5),), prompt_tokens=90, visual_tokens=64)
    disagreement = Disagreement(task="pope", sample_id="1", rule="begins", read="yes", judge="no")
    audit = Audit(wanted=1, kinds={}, disagreements=[disagreement])
    diagnosis = diagnosis_of([replace(record, response=response)])
    frames = Video(frames=np.zeros((2, 60, 80, 3), np.uint8), fps=1.0, indices=(0, 7), total_frames=8, duration_s=8.0)
    pictures = make_thumbnails([record.sample], lambda sample: [frames])
    run = replace(told_run(diagnosis), audit=audit, settings={"engine_settings": {"max_pixels": 4096}})
    page = visit(write(tmp_path / "report.html", diagnosis, pictures, run=run))
    page.locator("summary", has_text="prompt as sent").click()
    for expected in (
        "wrong: read “yes”, right is “no”",
        "2 of 8 frames in 8.0 s, 80 × 60 pixels; scaled to at most 4096 pixels",
        "Is there a dog?\nAnswer in sections.",
        "the response begins with the answer",
        "reads it as no",
        "50.0 %",
        "prompt 90, 64 of them visual",
    ):
        assert expected in detail(page), expected
    assert page.locator(".part h4").all_inner_texts() == [
        "planning", "caption", "thinking", "answer", "outside the sections",
    ]  # fmt: skip
    assert page.locator(".part p").all_inner_texts() == ["look", "🐶 a cat", "no dog", "yes", "so"]
    assert page.locator("mark").all_inner_texts() == ["yes"]


def test_of_a_description_the_names_and_what_is_there_are_shown(visit: Visit, tmp_path: Path) -> None:
    record = make_record("A dog and a cat.", sample_id="1", task="pope")
    things = "; ".join(f"thing {number}" for number in range(12))
    record = replace(
        record,
        sample=replace(record.sample, answer_kind="caption", target=things),
        response=replace(record.response, answer_logprobs=(log(0.5),)),
        verdict=replace(
            record.verdict, answer="dog; cat", rule="objects", status="incorrect", scores={"invented": 1.0}
        ),
    )
    page = visit(write(tmp_path / "report.html", diagnosis_of([record])))
    assert "wrong: names “dog; cat”, there are “thing 0; thing 1;" in detail(page)
    assert things in detail(page)
    assert "the objects that a description names" in detail(page)
    assert "invented 1" in detail(page)
    assert "confidence" not in detail(page)


def test_a_report_leads_back_to_its_board_and_nowhere_else(visit: Visit, tmp_path: Path) -> None:
    url = write(tmp_path / "report.html", planted_diagnosis(3))
    page = visit(f"{url}?board=board/index.html%23sort#pope/0")
    assert page.locator("#board").get_attribute("href") == (tmp_path / "board/index.html").as_uri() + "#sort"
    for hostile in ("javascript:alert(1)", "https://e.vil/", "//e.vil/x"):
        assert not visit(f"{url}?board={hostile}").locator("#board").is_visible()


def test_a_board_can_ask_a_report_for_a_sample(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(9)
    pictures = make_thumbnails([diagnosis.evidence[0].sample], lambda sample: [Image.new("RGB", (84, 84), "red")])
    write(tmp_path / "report.html", diagnosis, pictures, most_inside=5)
    (tmp_path / "index.html").write_text("<title>board</title><iframe src='report.html'></iframe>")
    page = visit(tmp_path / "index.html")
    ask = """(key) => new Promise((done) => {
      addEventListener("message", (event) => done(event.data), { once: true });
      document.querySelector("iframe").contentWindow.postMessage({ key }, "*");
    })"""
    sample = diagnosis.evidence[0].sample
    told = page.evaluate(ask, f"{sample.task}/{sample.id}")
    assert told["sample"]["x"] == diagnosis.evidence[0].record.response.text
    assert told["images"] == pictures.uris
    assert page.evaluate(ask, "pope/none") == {"key": "pope/none", "sample": None, "images": None}


def test_without_scripts_the_samples_are_a_plain_table(visit: Visit, tmp_path: Path) -> None:
    diagnosis = planted_diagnosis(30)
    page = visit(write(tmp_path / "report.html", diagnosis), 390, java_script_enabled=False)
    rows = page.locator("noscript tbody tr").all_inner_texts()
    assert len(rows) == 30
    wrong = next(item.sample for item, _ in wrong_first(diagnosis))
    assert wrong.question in rows[0]
    assert not page.locator("#list").is_visible()
    assert not page.locator(".filters").is_visible()


def test_examples_in_the_tables_lead_to_samples(visit: Visit, tmp_path: Path) -> None:
    page = visit(write(tmp_path / "report.html", planted_diagnosis(60)))
    page.locator("summary", has_text="definitions").first.click()
    link = page.locator("details[open] td a").first
    target = link.get_attribute("title") or ""
    link.click()
    page.locator("#detail h3", has_text=target).wait_for()


def test_many_samples_are_loaded_as_they_are_looked_at(visit: Visit, tmp_path: Path) -> None:
    base = planted_diagnosis(200)
    times = 50
    evidence, findings = [], []
    for turn in range(times):
        for item, finding in zip(base.evidence, base.findings, strict=True):
            sample_id = f"{item.sample.id}/{turn}"
            sample = replace(item.sample, id=sample_id)
            evidence.append(replace(item, record=replace(item.record, sample=sample)))
            findings.append(replace(finding, id=sample_id))
    diagnosis = replace(base, evidence=evidence, findings=findings)
    pictures = make_thumbnails([evidence[-1].sample], lambda sample: [Image.new("RGB", (84, 84), "red")])
    path = tmp_path / "report.html"
    url = write(path, diagnosis, pictures)
    assert len(list((tmp_path / PARTS).glob("samples-*.js"))) == 20
    assert path.stat().st_size < 6_000_000
    start = time.monotonic()
    page = visit(f"{url}#{evidence[-1].sample.task}/{evidence[-1].sample.id}")
    page.locator("#detail img").wait_for()
    seconds = time.monotonic() - start
    assert evidence[-1].sections.caption in detail(page)
    assert shown(page) == 10_000
    assert page.locator(".row").count() < 60
    assert page.locator("script[src]").count() == 3  # That of the first sample, of this one, and of its picture.
    start = time.monotonic()
    page.select_option("#f-cause", "truncation")
    assert shown(page) == times * sum(finding.cause == "truncation" for finding in base.findings)
    took_s = time.monotonic() - start
    page.locator("#reset").click()
    page.evaluate("document.getElementById('list').scrollTop = 9000 * 44")
    page.locator("#row-9002").wait_for()
    page.fill("#f-text", "look again at")
    expected = times * sum("look again at" in item.record.response.text for item in base.evidence)
    page.locator("#count", has_text=f"{expected} of").wait_for()
    # Generous: machines that run tests are often busy.
    assert seconds < 15
    assert took_s < 1.5


def test_a_smaller_report_leaves_no_parts_of_a_larger_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.reports.page.MOST_INSIDE", 5)
    large, small = planted_diagnosis(9), planted_diagnosis(3)
    path = write_page(tmp_path, large)
    assert [file.name for file in files_of(path)] == ["report.html", "samples-0.js"]
    assert files_of(write_page(tmp_path, small)) == [path]


def test_the_page_is_one_file_that_names_no_address() -> None:
    page = page_of(planted_diagnosis(30))
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
    page = page_of(diagnosis_of(records))
    assert "<figcaption>pope<span>2 answers, AURC 25.0 %</span></figcaption>" in page
    assert "<title>confidence 90.0 %: 100.0 % of 1 right</title>" in page
    assert "<title>calibration error (ECE): " in page
    assert "Calibration</h2>" not in page_of(planted_diagnosis(3))


def test_the_map_of_conflict_is_on_the_page() -> None:
    page = page_of(planted_diagnosis(3), conflict=conflict_map())
    assert "2 of 9 responses, drawn with seed 0, 1 pairs of different prompts, under &lt;b&gt;." in page
    assert '<a href="#t%2F%3Cscript%3Ealert%281%29%3C%2Fscript%3E">t/&lt;script&gt;' in page
    assert "<title>-0.33 to 0.33: 9 pairs</title>" in page
    assert "<td>p50</td><td>−0.100</td>" in page


def test_what_the_judge_reads_otherwise_is_on_the_page() -> None:
    run = replace(make_run(), audit=AUDIT)
    page = page_of(planted_diagnosis(3), run=run)
    assert "<td>[10.0, 90.0]</td>" in page
    assert '<td class="words">&lt;b&gt;no</td>' in page
    assert "Reading audit" not in page_of(planted_diagnosis(3), run=replace(run, audit=None))


def test_the_judges_causes_stand_beside_the_true_ones() -> None:
    confusion = {"pope": {"right": {"right": 3, "reasoning": 1}, "perception": {"perception": 2}}}
    diagnosis = replace(planted_diagnosis(3), confusion=confusion)
    page = page_of(diagnosis)
    assert re.findall(r'--shade: (\d+)%" title="right found as (\w+)">(\d+)<', page) == [
        ("75", "right", "3"), ("0", "perception", "0"), ("25", "reasoning", "1"),
    ]  # fmt: skip
