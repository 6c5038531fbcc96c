"""The sample-conflict map: figures by hand, similarities against autograd on the demo model, a run that shows it."""

import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from support_families import build
from support_training import TINY_SFT

from harness import cli
from harness.core.errors import DataError, ModelError, StoreError, UsageError
from harness.core.types import Media
from harness.core.worlds import shipped_checkpoints
from harness.diagnostics.conflict import read_conflict
from harness.doctor.cases import make_cases
from harness.engines import Request
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.inputs import choose_video_as
from harness.engines.weights import load_model
from harness.evaluation.run import evaluate
from harness.evaluation.settings import EvalConfig
from harness.reports.conflict import conflict_lines, read_map, word_map
from trainers.conflict import run as conflict_run
from trainers.conflict.figures import describe, jackknife
from trainers.conflict.probe import probed_rows
from trainers.conflict.run import draw_map, map_run, similarity_of
from trainers.conflict.states import Forced, force
from trainers.data.schema import example_from_row
from trainers.models import load_processor
from trainers.recipe import load_recipe
from trainers.run import train
from trainers.showing import end_tokens, response_begun, response_ids

needs_checkpoint = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)

MAP = np.array([[1.0, 0.6, -0.2, 1.0], [0.6, 1.0, 0.1, 0.6], [-0.2, 0.1, 1.0, -0.2], [1.0, 0.6, -0.2, 1.0]])
NAMES = [("pope", "random/0"), ("pope", "random/1"), ("mmvu", "2"), ("pope", "popular/0")]
PARTS = ["pope/random", "pope/random", "mmvu", "pope/popular"]
PROMPTS = ["a", "b", "c", "a"]  # The last sample is the first one again.


def described():
    return describe(MAP, NAMES, PARTS, PROMPTS, ["i", "j", "k", "i"])


def test_figures_by_hand():
    figures = described()
    # Pairs of different prompts: 01 .6, 02 -.2, 12 .1, 13 .6, 23 -.2.
    assert figures["pairs"] == 5
    assert (figures["least"], figures["greatest"], figures["quantiles"]["p50"]) == (-0.2, 0.6, 0.1)
    assert figures["mean"]["value"] == pytest.approx(0.9 / 5)
    assert figures["below_threshold"]["value"] == pytest.approx(3 / 5)
    assert figures["opposed"]["value"] == pytest.approx(2 / 5)
    assert sum(figures["histogram"]) == 5
    blocks = {(block["one"], block["other"]): (block["mean"], block["pairs"]) for block in figures["blocks"]}
    assert blocks["pope/random", "pope/random"] == (0.6, 1)
    assert blocks["pope/random", "mmvu"] == (-0.05, 2)
    assert blocks["pope/random", "pope/popular"] == (0.6, 1)
    assert blocks["mmvu", "mmvu"] == (None, 0)


def worded(figures):
    return {"model": "m", "compared": 4, "of": 4, "seed": 0, "unopened": 0, **figures}


def test_means_by_part_are_shown_as_a_matrix():
    blocks = word_map(worded(described())).blocks
    headers, rows = blocks
    assert headers == ["mean similarity", "1", "2", "3"]
    assert rows == [
        ["1 pope/random", "0.600", "−0.050", "0.600"],
        ["2 mmvu", "−0.050", "\u2013", "−0.200"],
        ["3 pope/popular", "0.600", "−0.200", "\u2013"],
    ]
    assert word_map(worded(describe(MAP, NAMES, ["all"] * 4, PROMPTS, [0, 1, 2, 0]))).blocks is None
    many = describe(np.eye(13), [("t", str(n)) for n in range(13)], [f"t/{n}" for n in range(13)], range(13), range(13))
    assert word_map(worded(many)).blocks[1][12] == ["t/12", "\u2013"]


def test_pairs_are_named_once_a_pair_of_prompts_and_lowest_first():
    figures = described()
    assert [pair["cosine"] for pair in figures["conflicting"]] == [-0.2, 0.1, 0.6]
    assert figures["conflicting"][0]["one"] == {"task": "pope", "id": "random/0"}
    assert figures["conflicting"][0]["other"] == {"task": "mmvu", "id": "2"}
    assert figures["alike"][0]["cosine"] == 0.6


def test_the_jackknife_leaves_clusters_out():
    clusters = ["i", "j", "k", "i"]
    counted = np.array(PROMPTS)[:, None] != np.array(PROMPTS)[None, :]
    means = []
    for cluster in "ijk":
        kept = np.array([own != cluster for own in clusters])
        means.append(MAP[np.ix_(kept, kept)][counted[np.ix_(kept, kept)]].mean())
    expected = np.sqrt(2 / 3 * ((np.array(means) - np.mean(means)) ** 2).sum())
    assert jackknife(MAP, counted, clusters)["stderr"] == pytest.approx(expected, abs=1e-6)
    assert jackknife(MAP, counted, list("ijij"))["stderr"] is None
    assert jackknife(MAP, np.zeros((4, 4), bool), clusters) == {"value": None, "stderr": None}


def test_the_picture_has_a_colour_for_each_sign():
    picture = Image.open(io.BytesIO(draw_map(np.array([[1.0, -1.0], [-1.0, 0.0]]), ["a", "a"])))
    pixels = picture.convert("RGB")
    assert pixels.size == (320, 320)
    assert pixels.getpixel((10, 10)) == (178, 24, 43)
    assert pixels.getpixel((300, 10)) == (33, 102, 172)
    assert pixels.getpixel((300, 300)) == (255, 255, 255)


@pytest.fixture(scope="module")
def demo():
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = resolve_checkpoint("demo").folder
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())  # Apart from the embedding, if they were one.
    return model, AutoProcessor.from_pretrained(folder)


def forced(number, response, *, ended=True, shade=90, question="Is there a red circle in the image?"):
    picture = Image.new("RGB", (84, 84), (shade, 120, 40))
    return Forced(
        request=Request(
            task="t",
            sample_id=str(number),
            prompt=question,
            media=(Media(kind="image", source="x"),),
            open_media=lambda: [picture],
        ),
        response=response,
        ended=ended,
        number=number,
    )


SEQUENCES = (
    forced(0, "<planning> look for red circle </planning> <caption> red circle top </caption> <answer> yes </answer>"),
    forced(1, "<answer> no </answer>", shade=30),
    forced(2, "<answer> no", ended=False, shade=200, question="How many objects are there?"),
    forced(3, "<answer> no </answer>", shade=30),
)


def tokens_of(model, processor, sequence):
    return response_ids(processor, end_tokens(model, processor), sequence.response, ended=sequence.ended)


class Letters:
    """A tokenizer whose tokens are letters."""

    def __call__(self, text, **_):
        return {"input_ids": list(map(ord, text))}

    def decode(self, ids, **_):
        return "".join(map(chr, ids))


def test_a_tag_that_the_prompt_has_opened_is_not_learned_again():
    processor = SimpleNamespace(
        apply_chat_template=lambda *_, add_generation_prompt=False, **__: "<think>\n" if add_generation_prompt else "",
        tokenizer=Letters(),
    )
    assert response_begun(processor) == "<think>\n"
    for response in ("<think>\nso no</think>no", "<think>so no</think>no", "so no</think>no"):
        assert response_ids(processor, [0], response) == [*map(ord, "so no</think>no"), 0]


def gradient_by_autograd(model, processor, sequence):
    """Of the mean log-probability of the response, the sequence alone and unpadded."""
    content = [{"type": "image"}, {"type": "text", "text": sequence.request.prompt}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = processor(text=[text], images=list(sequence.request.open_media()), return_tensors="pt")
    ids = torch.tensor([tokens_of(model, processor, sequence)])
    for name, more in (("input_ids", ids), ("attention_mask", ids * 0 + 1), ("mm_token_type_ids", ids * 0)):
        inputs[name] = torch.cat([inputs[name], more], dim=1)
    logits = model(**inputs).logits[0, -ids.shape[1] - 1 : -1]
    mean = logits.log_softmax(-1)[torch.arange(ids.shape[1]), ids[0]].mean()
    (gradient,) = torch.autograd.grad(mean, model.get_output_embeddings().weight)
    return gradient.flatten()


@needs_checkpoint
def test_similarities_are_the_cosines_of_the_gradients(demo):
    similarity = similarity_of(*demo, SEQUENCES)
    gradients = torch.stack([gradient_by_autograd(*demo, sequence) for sequence in SEQUENCES])
    gradients = gradients / gradients.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(similarity, (gradients @ gradients.T).numpy(), atol=1e-4)
    np.testing.assert_array_equal(similarity, similarity.T)
    np.testing.assert_allclose(similarity.diagonal(), 1.0, atol=1e-5)
    assert similarity[1, 3] == pytest.approx(1.0, abs=1e-5)  # One sample twice.
    assert np.abs(similarity[0, 1:]).max() < 0.999


@needs_checkpoint
def test_only_a_response_that_ended_has_an_end_token(demo):
    tokens = force(*demo, SEQUENCES)
    lengths = torch.bincount(tokens.sequence).tolist()
    model, processor = demo
    assert lengths[1] == lengths[2] + 2  # `</answer>` and the end.
    assert tokens_of(model, processor, SEQUENCES[1])[-1] == processor.tokenizer.eos_token_id
    assert tokens.prompt.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("family", ["smolvlm", "mllama"])
def test_families_of_which_a_batch_is_more_than_a_list_of_images(family, tmp_path):
    checkpoint = resolve_checkpoint(str(build(family, tmp_path / family)))
    processor = load_processor(checkpoint, None)
    model = load_model(checkpoint, dtype=torch.float32).eval()
    names = ("90x120", "two images", "448x448", "a video of 2 s", "text alone")
    cases = {case.sample_id: case for case in make_cases()}
    shown = [
        Forced(request=cases[name], response=f"<answer> {name} </answer>", ended=True, number=number)
        for number, name in enumerate(names)
    ]
    video_as = choose_video_as(processor, None, family)
    together = similarity_of(model, processor, shown, video_as=video_as)
    for other in range(1, len(shown)):
        alone = similarity_of(model, processor, [shown[0], shown[other]], video_as=video_as)
        np.testing.assert_allclose(alone[0, 1], together[0, other], atol=1e-4)


@needs_checkpoint
def test_a_cap_on_pixels_is_that_of_a_frame_whatever_shares_the_batch(demo, monkeypatch):
    from harness.engines import inputs
    from harness.media.videos import Video

    def clip(frames):
        pixels = np.full((frames, 84, 84, 3), 90, dtype=np.uint8)
        return Video(
            frames=pixels, fps=1.0, indices=tuple(range(frames)), total_frames=frames, duration_s=float(frames)
        )

    limits, given = [], inputs.size_limits

    def limited(processor, max_pixels, frames):
        limits.append(frames)
        return given(processor, max_pixels, frames)

    monkeypatch.setattr(inputs, "size_limits", limited)
    clips = [
        replace(
            item,
            request=replace(
                item.request,
                media=(Media(kind="video", source="x"),),
                open_media=lambda frames=frames: [clip(frames)],
            ),
        )
        for number, frames in enumerate((2, 8, 2))
        for item in [forced(number, "<answer> no </answer>")]
    ]
    together = similarity_of(*demo, clips, max_pixels=3136)
    assert sorted(limits) == [2, 8]  # A processor that caps a video as a whole is told the frames that it has.
    limits.clear()
    np.testing.assert_allclose(similarity_of(*demo, clips[::2], max_pixels=3136), together[::2, ::2], atol=1e-4)
    assert limits == [2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    evaluate(
        EvalConfig(
            model="demo", tasks=("pope", "videohallucer"), data="demo", prompt="grounded", out=folder, limit=8,
            max_new_tokens=64,
        )
    )  # fmt: skip
    return folder


@pytest.fixture
def run(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "run"))


@needs_checkpoint
def test_diagnose_makes_the_map_and_shows_it(run, capsys):
    assert cli.main(["diagnose", str(run), "--conflict"]) == 0
    assert "sample conflict: " in capsys.readouterr().out
    figures = read_conflict(run)
    assert figures["compared"] == figures["of"] >= 16
    assert figures["weights"] == resolve_checkpoint("demo").weights
    map_ = np.load(run / "conflict.npy")
    assert map_.shape == (figures["compared"],) * 2
    parts = {sample["part"].split("/")[0] for sample in figures["samples"]}
    assert parts == {"pope", "videohallucer"}
    # The most conflicting pair is where the map says.
    places = {(item["task"], item["id"]): place for place, item in enumerate(figures["samples"])}
    pair = figures["conflicting"][0]
    one, other = (places[pair[side]["task"], pair[side]["id"]] for side in ("one", "other"))
    assert map_[one, other] == pytest.approx(pair["cosine"], abs=1e-4)
    report, page = (run / "report.md").read_text(), (run / "report.html").read_text()
    assert "### Sample conflict" in report
    assert "(conflict.png)" in report
    assert '<h2 id="conflict">' in page
    assert cli.main(["diagnose", str(run), "--no-images", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["conflict"] == figures


@needs_checkpoint
def test_an_evaluation_ends_with_the_map_where_it_is_wanted(tmp_path, capsys):
    command = ["eval", "--model", "demo", "--data", "demo", "--tasks", "pope", "--limit", "8", "--engine", "hf"]
    command += ["--out", str(tmp_path / "run")]
    assert cli.main(command) == 0
    assert read_conflict(tmp_path / "run") is None
    # The run is complete; only the map is missing.
    assert cli.main([*command, "--conflict"]) == 0
    figures = read_conflict(tmp_path / "run")
    assert figures["compared"] == 8
    assert "### Sample conflict" in (tmp_path / "run" / "report.md").read_text()
    assert '<h2 id="conflict">' in (tmp_path / "run" / "report.html").read_text()


@needs_checkpoint
def test_an_evaluation_whose_map_cannot_be_made_is_reported_and_says_so(tmp_path, capsys):
    command = ["eval", "--model", "demo", "--data", "demo", "--tasks", "pope", "--limit", "8", "--engine", "hf"]
    command += ["--out", str(tmp_path / "run"), "--blind", "grey", "--conflict"]
    assert cli.main(command) == 0
    assert "missing: sample conflict: " in capsys.readouterr().err
    assert (tmp_path / "run" / "report.md").exists()
    assert read_conflict(tmp_path / "run") is None


@needs_checkpoint
def test_tokens_are_those_that_were_generated(run, demo):
    from harness.diagnostics.run_folder import latest_records

    for record in latest_records(run):
        sequence = forced(0, record.response.text, ended=record.response.finish_reason == "stop")
        assert len(tokens_of(*demo, sequence)) == record.response.completion_tokens


@needs_checkpoint
def test_fewer_samples_are_drawn_with_a_seed(run):
    figures = map_run(run, open_media=opener(run), samples=5)
    again = map_run(run, open_media=opener(run), samples=5, seed=1)
    assert (figures["compared"], figures["pairs"] <= 10) == (5, True)
    assert [item["id"] for item in figures["samples"]] != [item["id"] for item in again["samples"]]
    assert "drawn with seed 1" in "\n".join(conflict_lines(run))


def opener(run):
    from harness.commands.diagnose import find_media

    return find_media(run)


@needs_checkpoint
def test_what_cannot_be_mapped_is_refused(run):
    with pytest.raises(UsageError, match="a pair takes 2"):
        map_run(run, open_media=None, samples=1)
    with pytest.raises(DataError, match=r"0 responses can be compared.*--data"):
        map_run(run, open_media=None, samples=4)
    stored = json.loads((run / "run.json").read_text())
    for changes, error, message in (
        ({"weights": "sha256:other"}, ModelError, "other weights"),
        ({"weights": None, "model": "openai:x"}, UsageError, "--conflict-model"),
        ({"settings": {**stored["settings"], "blind": "grey"}}, UsageError, "without its images"),
        ({"model": "/nowhere"}, ModelError, "--conflict-model"),
        (engine_settings(stored, "vllm", quantization="fp8"), UsageError, r"quantised by its engine 'vllm' \(fp8\)"),
    ):
        (run / "run.json").write_text(json.dumps({**stored, **changes}))
        with pytest.raises(error, match=message):
            map_run(run, open_media=None, samples=4)
    (run / "run.json").unlink()
    with pytest.raises(StoreError, match="not a finished run"):
        map_run(run, open_media=None, samples=4)


def engine_settings(stored, engine, **changes):
    described = {**stored["settings"]["engine_settings"], **changes}
    return {"engine": engine, "settings": {**stored["settings"], "engine_settings": described}}


def change_engine(run, engine, **changes):
    stored = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**stored, **engine_settings(stored, engine, **changes)}))


@needs_checkpoint
def test_a_model_that_was_spread_or_quantised_is_loaded_as_in_the_run(run, monkeypatch):
    whole = map_run(run, open_media=opener(run), samples=4)
    change_engine(run, "hf", device_map="auto")
    demo = resolve_checkpoint("demo").folder
    size = (demo / "model.safetensors").stat().st_size
    memory = "transformers.integrations.accelerate.get_balanced_memory"
    monkeypatch.setattr(memory, lambda *_, **__: {"cpu": size // 2})
    spread = []
    load = conflict_run.load_whole
    monkeypatch.setattr(conflict_run, "load_whole", lambda *a, **k: spread.append(load(*a, **k)) or spread[-1])
    again = map_run(run, open_media=opener(run), samples=4)
    assert set(spread[0].hf_device_map.values()) == {"cpu", "disk"}
    assert again["mean"]["value"] == pytest.approx(whole["mean"]["value"], abs=1e-4)
    assert map_run(run, open_media=opener(run), samples=4, model="demo")
    change_engine(run, "hf", quantization="bnb-4bit")
    monkeypatch.setattr("harness.engines.hf_device.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="bitsandbytes"):
        map_run(run, open_media=opener(run), samples=4)


@needs_checkpoint
def test_a_map_that_does_not_fit_into_memory_is_missing_and_the_run_is_reported(tmp_path, capsys, monkeypatch):
    def fails(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(conflict_run, "similarity_of", fails)
    command = ["eval", "--model", "demo", "--data", "demo", "--tasks", "pope", "--limit", "8", "--engine", "hf"]
    assert cli.main([*command, "--out", str(tmp_path / "run"), "--conflict"]) == 0
    assert re.search(r"missing: sample conflict: .*CUDA out of memory.*--conflict-samples", capsys.readouterr().err)
    assert (tmp_path / "run" / "report.md").exists()


def test_a_broken_file_is_named_and_no_file_shows_nothing(tmp_path):
    assert read_conflict(tmp_path) is None
    assert read_map(tmp_path) is None
    (tmp_path / "conflict.json").write_text("{")
    with pytest.raises(StoreError, match=r"conflict\.json cannot be read"):
        read_conflict(tmp_path)


def test_probed_rows_take_their_response_from_the_data_or_the_rollouts(tmp_path):
    rows = [
        {"id": name, "question": "?", "answer": "yes", "answer_kind": "yes_no"} | ({"response": "r"} if own else {})
        for name, own in (("a", True), ("b", False), ("c", False))
    ]
    examples = [example_from_row(row, "row") for row in rows]
    rollouts = tmp_path / "rollouts.jsonl"
    stored = [{"id": "b", "number": 0, "text": "s"}, {"id": "c", "number": 1, "text": "t"}]
    rollouts.write_text("".join(json.dumps({**one, "total": 1.0, "parts": {}}) + "\n" for one in stored))
    found = probed_rows(examples, rollouts, 9, 0)
    assert [(row.sample.id, row.response) for row in found] == [("a", "r"), ("b", "s")]
    assert len(probed_rows(examples, rollouts, 1, 0)) == 1
    assert [row.sample.id for row in probed_rows(examples, tmp_path / "none", 9, 0)] == ["a"]


@needs_checkpoint
def test_training_tells_the_similarity_of_its_data_before_and_after(tmp_path):
    recipe = load_recipe("demo/sft", [*TINY_SFT, f"output={tmp_path}", "train.max_steps=1", "conflict_rows=64"])
    train(recipe)
    told = json.loads((tmp_path / "conflict.json").read_text())
    assert told["rows"] == 12
    assert told["before"]["mean"]["value"] != told["after"]["mean"]["value"]
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["conflict/mean_after"] for entry in log if "conflict/mean_after" in entry] == [
        told["after"]["mean"]["value"]
    ]
