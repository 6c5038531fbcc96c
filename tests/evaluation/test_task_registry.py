from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support_benchmarks import write_all

from harness.benchmarks.digests import digest_samples
from harness.benchmarks.registry import find_benchmarks, own_tasks_dir
from harness.core.errors import DataError, MediaError, UsageError
from harness.core.prompts import SECTIONS, take_apart
from harness.core.types import Response, SampleRecord
from harness.diagnostics.run_folder import read_settings
from harness.evaluation.run import evaluate
from harness.evaluation.settings import EvalConfig
from harness.evaluation.task_registry import expand_tasks, list_tasks, load_task
from harness.lmms.index import lmms_eval_tasks
from harness.media.videos import Video
from harness.runs.asked import sections_of
from leaderboards.build import BoardConfig, build_board

FOUR = ["pope", "videohallucer", "mmbench", "mmvu"]
"""Those about hallucination first, each kind by name."""


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("copies"))


def test_task_is_ready_to_be_asked(copies: Path) -> None:
    task = load_task("videohallucer", data=str(copies), num_frames=3, prompt_format="direct")
    assert (task.name, task.version, task.source) == ("videohallucer", "1.0", f"dir:{copies.name}")
    assert task.max_new_tokens is None
    sample = task.samples[0]
    assert sample.prompt == "Is 0 there?\nAnswer the question using yes or no."
    (video,) = task.open_media(sample.id)
    assert isinstance(video, Video)
    assert video.indices == (0, 2, 5)
    assert digest_samples(task.samples) != digest_samples(task.samples[:4])


def test_prompt_format_is_used(copies: Path) -> None:
    task = load_task("mmbench", data=str(copies), prompt_format="grounded")
    lines = task.samples[0].prompt.split("\n")
    assert lines[:3] == ["Look closely.", "Which is it, 0?", "A. option w of 0"]
    assert "<planning>" in lines[-1]


def test_harness_name_is_the_same_task(copies: Path) -> None:
    assert load_task("harness_pope", data=str(copies)).name == "pope"


def test_responses_are_judged_and_summed_up(copies: Path) -> None:
    task = load_task("pope", data=str(copies))
    records = []
    for sample in task.samples:
        response = Response(sample_id=sample.id, text="yes")
        records.append(SampleRecord(sample=sample, response=response, verdict=task.judge(sample, response)))
    result = task.summarise(records)
    assert result.headline == "mean/accuracy"
    assert result.metrics["mean/accuracy"].value == pytest.approx(0.5)
    assert result.metrics["mean/yes_ratio"].value == pytest.approx(1.0)


def test_one_missing_video_fails_alone(copies: Path, tmp_path: Path) -> None:
    shutil.copytree(copies / "mmvu", tmp_path / "mmvu")
    (tmp_path / "mmvu/videos/Art/1.mp4").unlink()
    task = load_task("mmvu", data=str(tmp_path))
    with pytest.raises(MediaError, match=r"^video missing: videos/Art/1\.mp4\.$"):
        task.open_media("validation_1")
    assert len(task.open_media("validation_0")) == 1


def test_loading_imports_neither_lmms_eval_nor_torch(copies: Path) -> None:
    code = (
        "import sys\n"
        "from harness.evaluation.task_registry import load_task, list_tasks\n"
        f"task = load_task('pope', data={str(copies)!r}); task.open_media(task.samples[0].id); list_tasks()\n"
        "print([name for name in ('lmms_eval', 'torch', 'datasets', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pop", "task 'pop' not found. Did you mean 'pope'? List them with 'harness tasks'."),
        ("VideoHalucer", "task 'VideoHalucer' not found. Did you mean 'videohallucer'?"),
        ("realworldq", "Did you mean 'realworldqa'"),
        ("zzzzzzzz", "task 'zzzzzzzz' not found. List them with 'harness tasks'"),
    ],
)
def test_unknown_task_gives_the_nearest_names(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_task(name)
    assert message in str(caught.value)


def test_group_is_named_with_its_tasks() -> None:
    with pytest.raises(UsageError, match=r"'mmmu' is a group of tasks\. Name its tasks instead: --tasks mmmu_val,"):
        load_task("mmmu")


def test_groups_expand() -> None:
    assert expand_tasks(["pope", "harness_mmvu", "pope"]) == ["pope", "mmvu"]
    names = expand_tasks(["pope", "mathvista_testmini"])
    assert names[0] == "pope"
    assert set(names[1:]) == {"mathvista_testmini_cot", "mathvista_testmini_solution", "mathvista_testmini_format"}
    assert len(expand_tasks(["mmlu"])) > 50
    with pytest.raises(UsageError, match="'nonsense_task' not found"):
        expand_tasks(["pope", "nonsense_task"])


def test_list(copies: Path) -> None:
    tasks = {task.name: task for task in list_tasks()}
    assert list(tasks) == list(find_benchmarks())
    assert [name for name in tasks if name in FOUR] == FOUR
    assert tasks["mmbench"].metric == "all/circular"
    assert tasks["pope"].data == "lmms-lab-encoder/POPE"
    everything = [task.name for task in list_tasks(everything=True)]
    assert everything[: len(tasks)] == list(tasks)
    assert "realworldqa" in everything
    # Under these names ours are run, so theirs are not offered.
    assert everything.count("pope") == 1


def test_tasks_dir_is_used_before_the_harnesss_own(tmp_path: Path, copies: Path) -> None:
    shutil.copytree(own_tasks_dir() / "pope", tmp_path / "mine/pope")
    record = tmp_path / "mine/pope/benchmark.py"
    record.write_text(record.read_text().replace('version="1.0"', 'version="7"'))
    assert load_task("pope", data=str(copies), tasks_dir=tmp_path / "mine").version == "7"
    assert load_task("pope", data=str(copies)).version == "1.0"
    assert [task.name for task in list_tasks(tasks_dir=tmp_path / "mine")] == list(find_benchmarks())
    with pytest.raises(UsageError, match=r"tasks folder .*gone does not exist"):
        load_task("pope", tasks_dir=tmp_path / "gone")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("hub=", "colour="), r"benchmark\.py cannot be loaded: TypeError: .*'colour'"),
        (("BENCHMARK =", "RECORD ="), r"benchmark\.py has no BENCHMARK"),
        (('name="pope"', 'name="pop"'), r"called 'pop', its folder 'pope'"),
        (("def read_row", "def read row"), r"benchmark\.py cannot be loaded: SyntaxError"),
    ],
)
def test_a_broken_benchmark_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    shutil.copytree(own_tasks_dir() / "pope", tmp_path / "pope")
    record = tmp_path / "pope/benchmark.py"
    record.write_text(record.read_text().replace(*change))
    with pytest.raises(DataError, match=said):
        find_benchmarks(tmp_path)


def test_hub_ids_are_settings_not_code() -> None:
    code = "".join(path.read_text() for path in (own_tasks_dir().parent / "harness").rglob("*.py"))
    for benchmark in find_benchmarks().values():
        assert benchmark.source.hub is None or benchmark.source.hub not in code


def test_names_agree_with_lmms_eval() -> None:
    entries = lmms_eval_tasks()
    assert entries["mmmu_val"].kind == "task"
    assert entries["mmmu"].kind == "group"
    assert "mmmu_val" in entries["mmmu"].members
    # A name that is included from a template, and a tag.
    assert entries["refcoco+_bbox_testA"].kind == "task"
    assert entries["public_eval_qwen3_5_family"].kind == "tag"
    assert "realworldqa" in entries["public_eval_qwen3_5_family"].members


def test_demo_data() -> None:
    task = load_task("mmbench", data="demo")
    assert task.source == "demo"
    assert task.open_media(task.samples[0].id)
    assert replace(task.samples[0], prompt="").prompt == ""


def test_yes_no_questions_are_asked_as_letters(copies: Path) -> None:
    """Letters are the prompt's, not the data's: questions, digest and gold answers stay as they are."""
    words, letters = (load_task("pope", data=str(copies), prompt_format="think", letters=of) for of in (False, True))
    sample = letters.samples[0]
    assert sample.prompt.split("\n")[1:3] == ["A. yes", "B. no"]
    assert "then give the letter of the right option between <answer>" in sample.prompt
    assert digest_samples(letters.samples) == digest_samples(words.samples)
    records = []
    for sample in letters.samples:
        text = f"<think>Yes or no?</think><answer>{'A' if sample.target == 'yes' else 'B'}</answer>"
        response = Response(sample_id=sample.id, text=text)
        records.append(SampleRecord(sample=sample, response=response, verdict=letters.judge(sample, response)))
    assert {record.verdict.answer for record in records} == {"yes", "no"}
    result = letters.summarise(records)
    assert result.metrics["mean/accuracy"].value == 1
    assert set(result.official.values()) == {None}  # POPE's evaluator takes "B" for a yes.
    other = load_task("mmbench", data=str(copies), prompt_format="think", letters=True).samples
    assert other == load_task("mmbench", data=str(copies), prompt_format="think").samples


def test_letters_are_a_protocol_of_their_own(copies: Path, tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": sample.id, "response": {"yes": "A", "no": "B"}[sample.target]})
        for sample in load_task("pope", data=str(copies)).samples
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))
    options = {"responses": tmp_path / "answers.jsonl"}
    for prompt, name in (("letters", "direct-letters"), ("think-letters", "think-letters"), ("think", "think")):
        config = EvalConfig(
            model="m",
            tasks=("pope",),
            data=str(copies),
            engine="replay",
            prompt=prompt,
            engine_options=options,
            out=tmp_path / "runs" / name,
        )
        run = evaluate(config).run
        assert run.prompt_format == run.settings["prompt"] == name
        right = run.tasks["pope"].metrics["mean/accuracy"].value
        assert right == (0 if prompt == "think" else 1)  # There A and B mean nothing.
        asked_for = sections_of(read_settings(tmp_path / "runs" / name), "pope")
        assert asked_for == SECTIONS[take_apart(name)[0]]
    board = build_board(BoardConfig(runs=[tmp_path / "runs"]))
    assert {group.title for group in board.groups} == {
        f"{name} prompt, all questions" for name in ("direct-letters", "think", "think-letters")
    }
    for prompt, message in (("letter", "prompt 'letter' does not exist"), ("x-letters", "'x-letters' does not exist")):
        with pytest.raises(UsageError, match=message):
            EvalConfig(model="m", tasks=("pope",), prompt=prompt)
    with pytest.raises(UsageError, match=r"none of mmbench has yes/no questions .* Use --prompt think"):
        evaluate(replace(config, tasks=("mmbench",), prompt="think-letters", out=tmp_path / "none"))
