"""Every family trains on what it is evaluated on: a step of fine-tuning and one of GRPO, on an image and on a video."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from support_families import FAMILIES
from support_training import ONE_GRPO, ONE_SFT, write_seen_rows
from transformers import LogitsProcessor

from harness.core.errors import ModelError, UsageError
from harness.doctor.cases import make_cases
from harness.engines import make_engine
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.hf_batches import Prepared, prepare
from harness.engines.inputs import chat_prompt, size_limits
from harness.engines.weights import load_model
from trainers import assembly, checks
from trainers.data.loading import as_request, read_training
from trainers.data.schema import Example, row_from_example
from trainers.grpo import ExtendedGRPOTrainer
from trainers.lengths import longest
from trainers.models import load_processor, quiet_libraries
from trainers.recipe import load_recipe
from trainers.run import train
from trainers.showing import Prompt, encode_groups, end_tokens, response_ids, take_groups
from trainers.training import run_trainer
from trainers.trl_config import build_config

# Transformers 5.23 makes an array of a tensor in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FRAMES = 4
CASES = {case.sample_id: case for case in make_cases()}
REFUSED = {"phi4_multimodal": "TRL asks for image_token_id"}
"""Families that TRL does not train with GRPO, and why."""
HEADLESS = {"qwen2_5_omni"} if transformers.__version__.startswith("5.19") else set[str]()
"""Families whose head this Transformers does not part from the rest, so that they are not trained."""
NO_RUNS = {
    "internvl", "gemma3", "pixtral", "mistral3", "aya_vision", "smolvlm", "idefics3", "mllama", "phi4_multimodal",
}  # fmt: skip
"""Families that make other tokens of an image than one run, or one run of two images."""
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A step that was taken.

    Attributes:
        start: folder of the checkpoint that training started from.
        output: folder of the run.
        model: what was trained.
        examples: the rows: an image, a video.
        given: tensors that were given to each forward pass below the head, and to each call of `generate`.
        scored: what was scored by it, of GRPO: prompts and responses [B, T], and log-probabilities [B, C].
        log: what was logged.
    """

    start: Path
    output: Path
    model: Any
    examples: Sequence[Example]
    given: Sequence[Given]
    scored: Sequence[tuple[torch.Tensor, torch.Tensor]]
    log: Mapping[str, Any]

    def asked(self, engine: Any) -> list[Prepared]:
        """The rows as an evaluation asks them."""
        root = self.output.parent / "rows"
        shown: dict[str, Any] = {"prompt_format": "grounded", "num_frames": FRAMES}
        rows = [as_request(each, root, **shown) for each in self.examples]
        return [item for row in rows for item in prepare([row], engine.video_as)]


@lru_cache(maxsize=1)
def load_engine(folder: Path) -> Any:
    """The engine that would evaluate a checkpoint."""
    engine = make_engine("hf", resolve_checkpoint(str(folder)), {"device": "cpu"})
    engine.load()  # Refuses weights that are missing or have no place.
    return engine


def take_a_step(start: Path, folder: Path, name: str, *settings: str) -> Trained:
    """Train as `harness train` does, from the resolved recipe on."""
    file = write_seen_rows(folder / "rows")
    tiny = ONE_SFT if name.endswith("sft") else ONE_GRPO
    chosen = [*tiny, f"model={start}", f"output={folder / 'out'}", f"data.train={file}"]
    recipe = load_recipe(name, [*chosen, *settings])
    checkpoint, output = resolve_checkpoint(recipe.model), Path(recipe.output)
    examples = read_training(file, file.parent, limit=None, require_response=True)
    given: list[Given] = []
    scored: list[tuple[torch.Tensor, torch.Tensor]] = []

    def watch(model: Any) -> None:
        def watched(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **inputs: Any) -> Any:
                if "past_key_values" not in inputs:  # A step of sampling.
                    tensors = {key: value for key, value in inputs.items() if isinstance(value, torch.Tensor)}
                    given.append(tensors)
                return function(*arguments, **inputs)

            return call

        model.base_model.forward = watched(model.base_model.forward)
        model.generate = watched(model.generate)
        take_groups(model)

    score = ExtendedGRPOTrainer._get_per_token_logps_and_entropies

    def watch_score(trainer: Any, model: Any, ids: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        result = score(trainer, model, ids, *arguments, **options)
        scored.append((ids, result[0].detach()))
        return result

    with pytest.MonkeyPatch.context() as patched, quiet_libraries():
        patched.setattr(assembly, "take_groups", watch)
        patched.setattr(ExtendedGRPOTrainer, "_get_per_token_logps_and_entropies", watch_score)
        config = build_config(recipe, output)
        trainer = assembly.build_trainer(recipe, config, checkpoint, examples, file.parent, judge=None, facts={})
        model = run_trainer(trainer, output, {})
    log = json.loads((output / "log.jsonl").read_text().splitlines()[0])
    return Trained(
        start=start, output=output, model=model.eval(), examples=examples, given=given, scored=scored, log=log
    )


@pytest.fixture(scope="module", params=[name for name in FAMILIES if name not in HEADLESS])
def tuned(request: Any, family_checkpoint: Callable[[str], Path], tmp_path_factory: Any) -> Iterator[Trained]:
    folder = tmp_path_factory.mktemp(f"sft-{request.param}")
    return take_a_step(family_checkpoint(request.param), folder, "demo/sft")


@pytest.fixture(scope="module", params=[name for name in FAMILIES if name not in HEADLESS | REFUSED.keys()])
def rewarded(request: Any, family_checkpoint: Callable[[str], Path], tmp_path_factory: Any) -> Trained:
    folder = tmp_path_factory.mktemp(f"grpo-{request.param}")
    # TRL cannot load a reference model of a part, which Qwen2.5-Omni's is that writes text.
    settings = ["train.beta=0"] if request.param == "qwen2_5_omni" else []
    return take_a_step(family_checkpoint(request.param), folder, "demo/grpo", *settings)


def check_shown(step: Trained) -> None:
    """Each forward pass that had media was given the prompt and the media of an evaluation, and both rows were."""
    engine = load_engine(step.start)
    asked = step.asked(engine)
    seen = set()
    for given in step.given:
        count = len(given["input_ids"])
        for number, item in enumerate(asked):
            wanted = engine._encode([item] * count)
            if all(_equals(given, name, wanted) for name in wanted):
                seen.add(number)
                break
        else:
            pytest.fail(f"none of the rows is what was given: {[*given]}, {given['input_ids'].shape}")
    assert seen == {0, 1}


def _equals(given: Given, name: str, wanted: Mapping[str, torch.Tensor]) -> bool:
    """Whether a tensor is that of an evaluation; one of tokens without the padding before it and the response."""
    value, ids = wanted[name], wanted["input_ids"]
    if name not in given:
        return False
    if value.shape[:2] != ids.shape or value.is_floating_point():
        return torch.equal(given[name], value)
    start = int(given["attention_mask"][0].argmax())
    return torch.equal(given[name][:, start : start + ids.shape[1]], value)


def logprobs(engine: Any, item: Prepared, response: Sequence[int]) -> torch.Tensor:
    """[C], of a response's tokens, by the engine's own encoding and the model's own head."""
    inputs = dict(engine._encode([item]))
    length = inputs["input_ids"].shape[1]
    forced = _Forced(response)
    told = engine._model.generate(
        **inputs, max_new_tokens=len(response), do_sample=False, logits_processor=[forced], eos_token_id=None
    )
    assert told[0, length:].tolist() == list(response)
    return torch.stack(forced.logprobs)


class _Forced(LogitsProcessor):  # type: ignore[misc]  # Transformers is not typed.
    """Puts a response into the model's mouth, token by token, and keeps how probable the model held each."""

    def __init__(self, response: Sequence[int]) -> None:
        self.response, self.logprobs = response, list[torch.Tensor]()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        token = self.response[len(self.logprobs)]
        self.logprobs.append(scores[0].log_softmax(-1)[token])
        return torch.full_like(scores, -torch.inf).index_fill(1, torch.tensor(token), 0.0)


def test_fine_tuning_shows_what_an_evaluation_shows(tuned: Trained) -> None:
    check_shown(tuned)


def test_the_loss_is_that_of_the_responses_under_the_model_itself(tuned: Trained) -> None:
    engine = load_engine(tuned.start)
    ends = end_tokens(engine._model, engine._processor)
    told = []
    for item, example in zip(tuned.asked(engine), tuned.examples, strict=True):
        ids = response_ids(engine._processor, ends, example.response or "")
        assert ids[-1] in ends
        told.append(logprobs(engine, item, ids))
    assert tuned.log["loss"] == pytest.approx(-float(torch.cat(told).mean()), rel=1e-4)


def test_what_was_fine_tuned_reloads_whole_and_says_the_same(tuned: Trained) -> None:
    before = load_engine(tuned.start)._model
    engine = load_engine(tuned.output / "final")
    check_moved(before, engine._model)
    for item in tuned.asked(engine):
        inputs = engine._encode([item])
        with torch.inference_mode():
            assert torch.equal(engine._model(**inputs).logits, tuned.model(**inputs).logits)


def check_moved(start: Any, model: Any) -> None:
    """Weights of the part that sees and of the part that writes are others than at the start."""
    before = dict(start.named_parameters())
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    seeing = {name for name in moved if any(part in name for part in ("vision", "visual", "tower", "image_embed"))}
    assert seeing
    assert moved - seeing


def test_the_conflict_of_its_rows_is_measured(tuned: Trained) -> None:
    told = json.loads((tuned.output / "conflict.json").read_text())
    assert told["rows"] == 2
    assert told["before"]["mean"]["value"] != told["after"]["mean"]["value"]


def test_grpo_shows_what_an_evaluation_shows_in_sampling_and_in_scoring(rewarded: Trained) -> None:
    check_shown(rewarded)


def test_responses_are_scored_as_the_model_itself_would(rewarded: Trained) -> None:
    engine = load_engine(rewarded.start)
    prompts = [tuple(engine._encode([item])["input_ids"][0].tolist()) for item in rewarded.asked(engine)]
    (ids, scores) = rewarded.scored[0]
    count = scores.shape[1]
    pads = engine._processor.tokenizer.pad_token_id
    for row, told in zip(ids.tolist(), scores, strict=True):
        number = next(n for n, prompt in enumerate(prompts) if tuple(row[-count - len(prompt) : -count]) == prompt)
        response = row[-count:]
        while response and response[-1] == pads:
            response.pop()
        own = logprobs(engine, rewarded.asked(engine)[number], response)
        assert (own - told[: len(response)]).abs().max() < 2e-4


def test_grpo_moves_the_weights_of_every_part(rewarded: Trained) -> None:
    check_moved(load_engine(rewarded.start)._model, rewarded.model)


@pytest.mark.parametrize("family", REFUSED)
def test_what_grpo_does_not_take_is_refused_before_anything_is_spent(
    family: str, family_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = [*ONE_GRPO, f"model={family_checkpoint(family)}", f"output={tmp_path / 'out'}"]
    with pytest.raises(UsageError, match=REFUSED[family]):
        train(load_recipe("demo/grpo", settings))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not HEADLESS, reason="this Transformers parts the head of every family from the rest")
@pytest.mark.parametrize("family", sorted(HEADLESS))
@pytest.mark.parametrize(("recipe", "settings"), [("demo/sft", ONE_SFT), ("demo/grpo", ONE_GRPO)])
def test_a_family_without_a_head_of_its_own_is_refused(
    family: str, recipe: str, settings: list[str], family_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    more = [*settings, f"model={family_checkpoint(family)}", f"output={tmp_path / 'out'}"]
    with pytest.raises(ModelError, match="does not part its head"):
        train(load_recipe(recipe, more))


@pytest.mark.parametrize("family", ["qwen3_5", "gemma3", "mllama", "smolvlm"])
def test_the_contrastive_term_finds_its_states(
    family: str, family_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    step = take_a_step(family_checkpoint(family), tmp_path, "demo/no_selection", "ntk.quantile=0.5")
    assert step.log["ntk/pairs"] == 8
    assert step.log["ntk/loss"] > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cap_on_pixels_is_that_of_an_evaluation_or_is_refused(
    family: str, family_checkpoint: Callable[[str], Path]
) -> None:
    checkpoint = resolve_checkpoint(str(family_checkpoint(family)))
    plain = load_processor(checkpoint, None)
    opened = prepare([CASES["448x448"]])[0].opened
    assert opened is not None
    prompts = [Prompt(text=chat_prompt(plain, CASES["448x448"], opened), opened=opened)]
    try:
        size_limits(plain, 4096, 1)
    except ModelError:
        with pytest.raises(ModelError, match=r"^data\.max_pixels.*does not resize by a number of pixels"):
            load_processor(checkpoint, 4096)
        return
    capped = load_processor(checkpoint, 4096)
    (group,) = encode_groups(capped, prompts, 4096)
    patch = capped.image_processor.patch_size
    assert group.fields["image_grid_thw"].prod(1).item() * patch**2 <= 4096
    engine = make_engine("hf", checkpoint, {"device": "cpu", "max_pixels": 4096})
    wanted = engine._encode(prepare([CASES["448x448"]]))
    assert all(torch.equal(group.fields[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_images_are_handed_to_vllm_or_refused(
    family: str, family_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    checkpoint = resolve_checkpoint(str(family_checkpoint(family)))
    file = write_seen_rows(tmp_path / "rows")
    examples = read_training(file, file.parent, limit=None, require_response=False)
    recipe = load_recipe("demo/grpo", [*ONE_GRPO, "train.use_vllm=true", "data.video_as=frames"])
    with pytest.raises(UsageError, match=r"train\.use_vllm") if family in NO_RUNS else nullcontext():
        checks.check_rows(recipe, checkpoint, tmp_path / "out", examples, file.parent, judge=None)
    rows = assembly.show_rows(recipe, checkpoint, load_processor(checkpoint, None), file.parent)
    encoded = [rows.encode([json.dumps(row_from_example(each))])[0].fields["input_ids"].shape[1] for each in examples]
    assert longest(examples, rows, file.parent).prompt == max(encoded)


@pytest.mark.parametrize(("family", "outside"), [("qwen2_5_vl", False), ("llava", True), ("smolvlm", True)])
def test_an_adapter_whose_checkpoints_vllm_would_not_take_is_refused(
    family: str,
    outside: bool,
    family_checkpoint: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _: True)  # Whether vLLM is installed or not.
    monkeypatch.setattr(checks, "lora_room", lambda rank: 512 if rank <= 512 else None)
    checkpoint = resolve_checkpoint(str(family_checkpoint(family)))
    adapted = ["lora.rank=4", "eval.tasks=[pope]", "eval.every=true"]
    for settings, refused in (
        (["eval.engine=vllm"], outside),
        (["eval.engine=vllm", "lora.target_modules=[q_proj,v_proj]"], family == "smolvlm"),
        (["eval.engine=vllm", "lora.target_modules=[q_proj,v_proj]", "lora.rank=513"], True),
        (["eval.engine=vllm", "eval.every=false"], False),
        (["eval.engine=hf"], False),
    ):
        recipe = load_recipe("demo/sft", [*ONE_SFT, *adapted, *settings])
        with pytest.raises(UsageError, match=r"eval\.engine=hf, or eval\.every=false") if refused else nullcontext():
            checks.check_recipe(recipe, checkpoint, tmp_path / "out", selects=False)


def test_the_reference_of_an_adapter_is_the_model_with_it(
    family_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    start = family_checkpoint("qwen3_vl")
    model = load_model(resolve_checkpoint(str(start)), dtype=torch.float32)
    with quiet_libraries():
        adapted = get_peft_model(model, LoraConfig(target_modules=["q_proj"], init_lora_weights=False))
    adapted.peft_config["default"].base_model_name_or_path = str(start)
    adapted.save_pretrained(tmp_path / "adapter")
    step = take_a_step(tmp_path / "adapter", tmp_path, "demo/grpo", "train.beta=0.5")
    assert len(step.scored) == 2
    assert step.log["kl"] == pytest.approx(0, abs=1e-6)
