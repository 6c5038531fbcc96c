"""The Transformers engine on the demo checkpoint: batching changes nothing, and one bad sample costs itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from PIL import Image
from support_families import build
from torch import Tensor
from transformers import GenerationConfig

from harness.answers.reading import read_answer
from harness.core.errors import EngineError, HarnessError, MediaError, ModelError, UsageError
from harness.core.prompts import instruction
from harness.core.types import Media, Response
from harness.engines import Decoding, Engine, Request, Tokens, hf_choosing, make_engine
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint
from harness.engines.contrasts import Contrast, read_contrast
from harness.engines.hf_batches import prepare
from harness.engines.hf_generation import _undecided
from harness.media.videos import Video

DECODING = Decoding(max_new_tokens=48)
QUESTION = f"Is there a red circle in the image?\n{instruction('grounded', 'yes_no')}"


def make_request(
    index: int,
    *,
    kind: str = "image",
    prompt: str = QUESTION,
    broken: bool = False,
    finished: bool = False,
    budget: int | None = None,
) -> Request:
    def open_media() -> list[object]:
        if broken:
            raise MediaError(f"image {index} is truncated.")
        rng = np.random.default_rng(index)
        if kind == "video":
            frames = rng.integers(0, 255, (4, 84, 84, 3), dtype=np.uint8)
            return [Video(frames=frames, fps=4.0, indices=(0, 1, 2, 3), total_frames=4, duration_s=1.0)]
        size = int(rng.choice([56, 84, 112]))
        return [Image.fromarray(rng.integers(0, 255, (size, 84, 3), dtype=np.uint8))]

    return Request(
        task="t",
        sample_id=str(index),
        prompt=prompt,
        media=(Media(kind="video" if kind == "video" else "image", source=str(index)),),
        open_media=open_media,  # type: ignore[arg-type]
        finished=finished,
        max_new_tokens=budget,
    )


def generate(engine: Engine, requests: Sequence[Request], decoding: Decoding = DECODING) -> dict[str, Response]:
    return {request.sample_id: response for request, response in engine.generate(requests, decoding)}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    loaded = make_engine("hf", resolve_checkpoint("demo"), {"batch_size": 4, "device": "cpu"})
    loaded.load()
    yield loaded
    loaded.close()


def test_images_and_videos_of_many_sizes_are_all_answered(engine: Engine) -> None:
    requests = [make_request(index, kind="video" if index % 3 == 0 else "image") for index in range(10)]
    responses = generate(engine, requests)
    assert sorted(responses, key=int) == [str(index) for index in range(10)]
    for response in responses.values():
        assert response.error is None
        assert response.text
        assert response.text == response.text.strip()
        assert response.prompt_tokens is not None
        assert 0 < (response.visual_tokens or 0) < response.prompt_tokens
        assert response.completion_tokens is not None
        assert response.completion_tokens <= 48
    assert len({response.text for response in responses.values()}) > 1


def test_a_tag_that_the_chat_template_opens_begins_the_response(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor = engine._processor  # type: ignore[attr-defined]
    opened = processor.chat_template + "{% if add_generation_prompt %}<think>\n{% endif %}"
    monkeypatch.setattr(processor, "chat_template", opened)
    (response,) = generate(engine, [make_request(0, budget=4)]).values()
    assert response.text.startswith("<think>")
    assert read_answer(response.text, "yes_no", question=QUESTION).outcome == "cut_off"


def test_a_batch_answers_as_single_requests_do(engine: Engine) -> None:
    requests = [make_request(index) for index in range(6)]
    together = generate(engine, requests)
    alone = {request.sample_id: generate(engine, [request])[request.sample_id] for request in requests}
    assert {key: value.text for key, value in together.items()} == {key: value.text for key, value in alone.items()}
    assert {value.batch_size for value in together.values()} == {4, 2}
    assert {value.batch_size for value in alone.values()} == {1}
    counts = [
        {key: (of.prompt_tokens, of.visual_tokens) for key, of in answered.items()} for answered in (together, alone)
    ]
    assert counts[0] == counts[1]


def test_several_questions_about_one_image_open_and_process_it_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = engine._processor.image_processor  # type: ignore[attr-defined]
    original, calls = type(part).preprocess, []

    def count(*arguments: object, **options: object) -> object:
        calls.append("processed")
        return original(*arguments, **options)

    monkeypatch.setattr(type(part), "preprocess", count)

    def about(image: int, question: int) -> Request:
        shown = make_request(image)

        def open_media() -> object:
            calls.append("opened")
            return shown.open_media()

        prompt = QUESTION.replace("red", ("red", "blue", "green", "yellow", "purple")[question])
        return replace(shown, sample_id=f"{image}-{question}", prompt=prompt, open_media=open_media)  # type: ignore[arg-type]

    requests = [about(image, question) for question in range(5) for image in range(3)]  # A window has 16.
    together = generate(engine, requests)
    assert sorted(calls) == ["opened"] * 3 + ["processed"] * 3
    alone = {request.sample_id: generate(engine, [request])[request.sample_id] for request in requests}
    assert {key: of.text for key, of in together.items()} == {key: of.text for key, of in alone.items()}
    assert len({of.text for of in together.values()}) > 3


def test_finished_requests_are_not_answered_again(engine: Engine) -> None:
    requests = [make_request(index, finished=index in (0, 3, 7)) for index in range(9)]
    assert set(generate(engine, requests)) == {"1", "2", "4", "5", "6", "8"}
    assert generate(engine, [make_request(index, finished=True) for index in range(40)]) == {}


def test_windows_beyond_a_finished_one_are_reached(engine: Engine) -> None:
    requests = [make_request(index, finished=index < 32) for index in range(34)]
    assert set(generate(engine, requests)) == {"32", "33"}


def test_a_continued_run_computes_the_batches_of_an_undisturbed_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[tuple[str, ...]] = []
    original = type(engine)._generate_batch  # type: ignore[attr-defined]

    def spy(self: object, batch: Sequence[object], decoding: Decoding) -> object:
        batches.append(tuple(item.request.sample_id for item in batch))  # type: ignore[attr-defined]
        return original(self, batch, decoding)

    monkeypatch.setattr(type(engine), "_generate_batch", spy)
    generate(engine, [make_request(index) for index in range(8)])
    undisturbed = set(batches)
    batches.clear()
    generate(engine, [make_request(index, finished=index == 2) for index in range(8)])
    assert set(batches) == undisturbed


def test_a_bad_image_costs_its_sample_only(engine: Engine) -> None:
    responses = generate(engine, [make_request(index, broken=index == 2) for index in range(5)])
    assert responses["2"].error == "media: image 2 is truncated."
    assert responses["2"].text == ""
    assert [responses[str(index)].error for index in (0, 1, 3, 4)] == [None] * 4


def raise_error(error: Exception) -> list[object]:
    raise error


def test_half_a_character_in_a_prompt_costs_its_sample_only(engine: Engine) -> None:
    requests = [
        replace(make_request(index), prompt="Is it red? \ud83d" if index == 1 else "Is it red?") for index in range(3)
    ]
    responses = generate(engine, requests)
    assert responses["1"].error == "prompt: the question of sample '1' holds half a character (U+D83D). Mend the data."
    assert [responses[index].error for index in ("0", "2")] == [None, None]


def test_an_unexpected_error_at_opening_costs_its_sample_only(engine: Engine) -> None:
    unexpected = AttributeError("'NoneType' object has no attribute 'extradata'")
    bad = replace(make_request(1), open_media=partial(raise_error, unexpected))  # type: ignore[arg-type]
    nothing = replace(make_request(3), open_media=lambda: [None])  # type: ignore[list-item, return-value]
    responses = generate(engine, [make_request(0), bad, make_request(2), nothing])
    assert responses["1"].error == "AttributeError: 'NoneType' object has no attribute 'extradata'"
    assert str(responses["3"].error).startswith("AttributeError: ")
    assert [responses[index].error for index in ("0", "2")] == [None, None]


@pytest.mark.parametrize("error", [UsageError("no such task"), EngineError("it died")])
def test_an_error_of_the_run_at_opening_ends_the_run(engine: Engine, error: HarnessError) -> None:
    bad = replace(make_request(1), open_media=partial(raise_error, error))  # type: ignore[arg-type]
    with pytest.raises(type(error), match=str(error)):
        generate(engine, [make_request(0), bad])


def test_an_unexpected_error_of_the_processor_costs_its_sample_only(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = type(engine)._encode  # type: ignore[attr-defined]

    def encode(self: object, batch: Sequence[object]) -> object:
        if any(item.request.sample_id == "1" for item in batch):  # type: ignore[attr-defined]
            raise KeyError("pixel_values")
        return original(self, batch)

    monkeypatch.setattr(type(engine), "_encode", encode)
    responses = generate(engine, [make_request(index) for index in range(3)])
    assert responses["1"].error == "KeyError: 'pixel_values'"
    assert [responses[index].error for index in ("0", "2")] == [None, None]
    assert [responses[index].batch_size for index in ("0", "2")] == [1, 1], "the batch of three has not run"


def test_a_sample_that_the_processor_refuses_costs_itself_only(engine: Engine) -> None:
    def too_narrow() -> list[object]:
        return [Image.new("RGB", (2000, 5))]

    bad = Request(
        task="t",
        sample_id="bad",
        prompt=QUESTION,
        media=(Media(kind="image", source="x"),),
        open_media=too_narrow,  # type: ignore[arg-type]
    )
    responses = generate(engine, [make_request(0), bad, make_request(1), make_request(2)])
    assert responses["bad"].error is not None
    assert "aspect ratio" in responses["bad"].error
    assert all(responses[str(index)].error is None for index in range(3))


def test_a_response_that_reaches_the_budget_is_marked(engine: Engine) -> None:
    responses = generate(engine, [make_request(0, budget=3), make_request(1)])
    assert responses["0"].finish_reason == "length"
    assert responses["0"].completion_tokens == 3


def test_sampling_repeats_with_its_seed(engine: Engine) -> None:
    requests = [make_request(index) for index in range(4)]
    hot = Decoding(max_new_tokens=24, temperature=1.5, seed=1)
    first = {key: value.text for key, value in generate(engine, requests, hot).items()}
    again = {key: value.text for key, value in generate(engine, requests, hot).items()}
    other = {
        key: value.text
        for key, value in generate(engine, requests, Decoding(max_new_tokens=24, temperature=1.5, seed=2)).items()
    }
    assert first == again
    assert first != other


def test_settings_out_of_range() -> None:
    demo = resolve_checkpoint("demo")
    with pytest.raises(UsageError, match="--batch-size"):
        make_engine("hf", demo, {"batch_size": 0})
    for max_pixels in (0, -1):
        with pytest.raises(UsageError, match=f"--max-pixels {max_pixels} is not a positive number"):
            make_engine("hf", demo, {"max_pixels": max_pixels})
    with pytest.raises(UsageError, match="workers 0 is not a positive number"):
        make_engine("hf", demo, {"workers": 0})
    with pytest.raises(UsageError, match="setting 'batch_size' of engine 'hf' is True: Input should be a valid int"):
        make_engine("hf", demo, {"batch_size": True})
    with pytest.raises(UsageError, match="dtype 'int8'"):
        make_engine("hf", demo, {"dtype": "int8"})
    with pytest.raises(UsageError, match="device 'quantum'"):
        make_engine("hf", demo, {"device": "quantum"})
    with pytest.raises(ModelError, match="no files"):
        make_engine("hf", Checkpoint(name="x", folder=None), {})


def test_the_cap_on_pixels_is_that_of_a_frame_whatever_shares_its_batch() -> None:
    def open_media(num_frames: int) -> list[object]:
        frames = np.random.default_rng(0).integers(0, 255, (num_frames, 280, 280, 3), dtype=np.uint8)
        indices = tuple(range(num_frames))
        return [Video(frames=frames, fps=1.0, indices=indices, total_frames=num_frames, duration_s=float(num_frames))]

    def grids(*frames_each: int) -> list[list[int]]:
        rows = [
            replace(make_request(count, kind="video"), open_media=partial(open_media, count))  # type: ignore[arg-type]
            for count in frames_each
        ]
        assert all(response.error is None for response in generate(capped, rows).values())
        inputs = capped._encode([item for row in rows for item in prepare([row])])  # type: ignore[attr-defined]
        return [[int(size) for size in grid] for grid in inputs["video_grid_thw"]]

    capped = make_engine("hf", resolve_checkpoint("demo"), {"max_pixels": 3136, "device": "cpu"})
    capped.load()
    # 56 x 56 pixels are 4 x 4 patches of 14 x 14; two frames are one step in time.
    assert grids(2) == [[1, 4, 4]]
    assert grids(2, 8) == [[1, 4, 4], [4, 4, 4]]
    image = capped._encode(prepare([make_request(0)]))  # type: ignore[attr-defined]
    assert int(image["image_grid_thw"][0].prod()) * 14 * 14 <= 3136
    capped.close()


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "steam_engine"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    engine = make_engine("hf", resolve_checkpoint(str(tmp_path)), {"device": "cpu"})
    with pytest.raises(ModelError, match="cannot be loaded"):
        engine.load()


def test_a_model_that_does_not_fit_the_device_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", refuse)
    engine = make_engine("hf", resolve_checkpoint("demo"), {"device": "cpu"})
    with pytest.raises(
        ModelError, match=r"'demo' does not fit cpu: CUDA out of memory.*2\.00 GiB\. .*--device-map auto"
    ):
        engine.load()


def test_log_probabilities_of_the_answer_unless_they_are_not_wanted(engine: Engine) -> None:
    seen: list[Tokens] = []
    request = replace(make_request(0), observe=seen.append)
    told = generate(engine, [request])["0"]
    assert told.answer_logprobs is not None
    (tokens,) = seen
    assert tokens.ids is not None
    assert len(tokens.ids) == len(tokens.logprobs) == told.completion_tokens
    assert max(tokens.logprobs) <= 0
    assert set(told.answer_logprobs) <= {round(value, 6) for value in tokens.logprobs}
    untold = generate(engine, [request], replace(DECODING, logprobs=False))["0"]
    assert (untold.text, untold.answer_logprobs, len(seen)) == (told.text, None, 1)


def test_what_a_checkpoint_says_of_generation_decides_no_token(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = generate(engine, [make_request(index) for index in range(2)])
    own = GenerationConfig(
        eos_token_id=[2],
        num_beams=3,
        no_repeat_ngram_size=1,
        min_new_tokens=40,
        suppress_tokens=[5],
        return_dict_in_generate=True,
        of_its_code="kept",
    )
    monkeypatch.setattr(engine._model, "generation_config", own)  # type: ignore[attr-defined]
    asked = generate(engine, [make_request(index) for index in range(2)])
    figures = [{key: (of.text, of.answer_logprobs) for key, of in found.items()} for found in (plain, asked)]
    assert figures[0] == figures[1]
    assert engine._model.generation_config is own  # type: ignore[attr-defined]
    assert own.num_beams == 3
    assert vars(_undecided(own)) == vars(GenerationConfig(eos_token_id=[2], of_its_code="kept"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("changes", [{}, {"temperature": 1.0, "logprobs": False}])
def test_logits_that_are_no_numbers_fail_their_sample(
    value: float, changes: dict[str, float], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tokens] = []
    requests = [replace(make_request(index, budget=3), observe=seen.append) for index in range(3)]
    choose = hf_choosing.TokenChooser.__call__

    def overflown(self: hf_choosing.TokenChooser, ids: torch.LongTensor, scores: Tensor) -> Tensor:
        scores[1, 7] = value
        scores[2, 7] = -torch.inf  # Another token that is out of question.
        return choose(self, ids, scores)

    monkeypatch.setattr(hf_choosing.TokenChooser, "__call__", overflown)
    responses = generate(engine, requests, replace(DECODING, **changes))  # type: ignore[arg-type]
    assert sorted(response.error is None for response in responses.values()) == [False, True, True]
    (broken,) = (response for response in responses.values() if response.error is not None)
    assert broken.text == ""
    assert "not finite numbers (NaN or infinite): try --dtype" in str(broken.error)
    assert len(seen) == (0 if changes else 2)


HOT = Decoding(max_new_tokens=24, temperature=1.5, top_p=0.9, seed=1)


def texts_of(engine: Engine, requests: Sequence[Request], decoding: Decoding = HOT) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for request, response in engine.generate(requests, decoding):
        texts.setdefault(request.sample_id, []).append(response.text)
    return texts


def test_several_responses_of_a_prompt(engine: Engine) -> None:
    requests = [replace(make_request(index), n=6) for index in range(3)]
    texts = texts_of(engine, requests)
    assert [len(texts[str(index)]) for index in range(3)] == [6, 6, 6]
    assert all(len(set(of_one)) > 1 for of_one in texts.values())
    assert texts_of(engine, requests) == texts


def test_a_draw_depends_on_its_seed_and_not_on_its_company(engine: Engine) -> None:
    six = texts_of(engine, [replace(make_request(1), n=6)])["1"]
    assert texts_of(engine, [make_request(2), replace(make_request(1), n=3), make_request(0)])["1"] == six[:3]
    later = [texts_of(engine, [make_request(1)], replace(HOT, seed=seed))["1"][0] for seed in (1, 2)]
    assert later[0] == six[0]
    assert later[0] != later[1]


def test_several_responses_of_a_bad_image_all_fail(engine: Engine) -> None:
    responses = [response for _, response in engine.generate([replace(make_request(0, broken=True), n=3)], HOT)]
    assert [response.error for response in responses] == ["media: image 0 is truncated."] * 3


def test_several_greedy_responses_are_a_mistake(engine: Engine) -> None:
    with pytest.raises(UsageError, match="temperature"):
        list(engine.generate([replace(make_request(0), n=2)], DECODING))


VCD, M3ID = read_contrast("vcd:alpha=1,beta=0"), read_contrast("m3id:decay=0.5,beta=0")


def decoding(contrast: Contrast | None, **changes: float) -> Decoding:
    return replace(DECODING, contrast=contrast, **changes)


def texts(engine: Engine, requests: list[Request], decoding: Decoding) -> dict[str, str]:
    responses = generate(engine, requests, decoding)
    assert {response.error for response in responses.values()} == {None}
    return {name: response.text for name, response in responses.items()}


@pytest.mark.parametrize("contrast", [VCD, M3ID])
def test_rows_of_a_batch_answer_as_they_do_alone(
    contrast: Contrast, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = [make_request(0), make_request(1), make_request(2, kind="video"), make_request(3)]
    together = texts(engine, requests, decoding(contrast))
    assert together == {
        name: text for item in requests for name, text in texts(engine, [item], decoding(contrast)).items()
    }
    assert together != texts(engine, requests, decoding(None))
    assert capsys.readouterr().err.count("2 forward passes a token") <= 1  # Told once an engine.


def test_the_cost_of_a_contrast_is_measured_once_it_is_warm_and_is_no_part_of_a_response(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, measured = [make_request(0)], []

    def cost(*_: object) -> str:
        measured.append(len(seconds))
        return ""

    # It takes a thousand seconds.
    monkeypatch.setattr("harness.engines.hf.time.monotonic", lambda: perf_counter() + 1000 * len(measured))
    monkeypatch.setattr("harness.engines.hf.cost_on", cost)
    monkeypatch.setattr(engine, "_contrasted", 0)
    seconds: list[float] = []
    for _ in range(3):
        seconds += [response.seconds or 0.0 for response in generate(engine, requests, decoding(VCD)).values()]
    assert measured == [1]
    assert max(seconds) < 1000


@pytest.mark.parametrize("contrast", [replace(VCD, alpha=0.0), replace(M3ID, decay=0.0)])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_no_weight_is_plain_decoding(contrast: Contrast, temperature: float, engine: Engine) -> None:
    requests = [make_request(number) for number in range(3)]
    plain, same = (texts(engine, requests, decoding(of, temperature=temperature)) for of in (None, contrast))
    assert same == plain


def seen_by(engine: Engine, contrast: Contrast, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Tensor], list[Tensor]]:
    """Logits of the first token with and without what each of two images of one size shows."""
    shown, others = [], []

    def recorded(contrast: Contrast, logits: Tensor, other: Tensor, step: int) -> Tensor:
        if step == 1:
            shown.append(logits)
            others.append(other)
        return logits

    monkeypatch.setattr(hf_choosing, "contrasted", recorded)
    for colour in ("red", "blue"):
        image = Image.new("RGB", (84, 84), colour)
        request = replace(make_request(0, prompt="What is this?", budget=2), open_media=lambda image=image: [image])
        texts(engine, [request], decoding(contrast))
    return shown, others


def test_without_its_image_a_prompt_says_the_same_of_any(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    (red, blue), (hidden, same) = seen_by(engine, M3ID, monkeypatch)
    assert not torch.allclose(red, blue, atol=1e-3)
    assert torch.allclose(hidden, same, atol=1e-5)
    (red, _), (noised, _) = seen_by(engine, VCD, monkeypatch)
    assert not torch.allclose(red, noised, atol=1e-3)


def test_an_image_that_is_seen_beside_the_prompt_cannot_be_hidden(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = engine._model.config.get_text_config()  # type: ignore[attr-defined]
    monkeypatch.setattr(settings, "cross_attention_layers", [1], raising=False)
    with pytest.raises(UsageError, match=r"sees images by cross-attention.*Use --decoding vcd"):
        generate(engine, [make_request(0)], decoding(M3ID))


def test_prompts_without_an_image_are_answered_plainly(engine: Engine) -> None:
    request = replace(make_request(0, prompt="Is there a red circle?"), media=(), open_media=list)
    assert texts(engine, [request], decoding(VCD)) == texts(engine, [request], decoding(None))


@pytest.mark.parametrize("name", ["llava", "internvl"])
def test_other_families(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine("hf", resolve_checkpoint(str(build(name, tmp_path / name))), {"batch_size": 4})
    engine.load()
    requests = [make_request(number, budget=8, prompt="What is this?") for number in range(3)]
    plain = texts(engine, requests, decoding(None))
    for contrast in (VCD, M3ID):
        together = texts(engine, requests, decoding(contrast))
        assert together == {
            key: text for one in requests for key, text in texts(engine, [one], decoding(contrast)).items()
        }
        assert texts(engine, requests, decoding(replace(contrast, alpha=0.0, decay=0.0))) == plain
    (red, blue), (hidden, same) = seen_by(engine, M3ID, monkeypatch)
    assert not torch.equal(red, blue)
    assert torch.allclose(hidden, same, atol=1e-6)
    engine.close()
