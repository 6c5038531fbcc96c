"""Judges that are a checkpoint on this machine: a tiny language model with random weights."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from harness.core.errors import ModelError, UsageError
from harness.core.types import JudgePrompt, JudgeQuestion
from harness.engines import make_engine
from harness.engines.checkpoints import resolve_checkpoint
from harness.judges.answer import open_answer_judge
from harness.judges.caption import load_caption_judge
from harness.judges.local import TransformersJudge, VllmJudge, load_tokenizer, plan_batches, render

TEMPLATE = (
    "{% for message in messages %}<user> {{ message['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)
WORDS = [f"w{number}" for number in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judge")
    vocabulary = {word: i for i, word in enumerate(["<pad>", "<end>", "<unk>", "<user>", "<assistant>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<end>",
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=TEMPLATE,
    ).save_pretrained(path)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.5,
        eos_token_id=1,
        pad_token_id=0,
    )
    Qwen2ForCausalLM(config).save_pretrained(path)
    return path


def prompts() -> list[JudgePrompt]:
    return [JudgePrompt(" ".join(WORDS[n : n + 1 + n % 7]), begun=" w1" if n % 2 else "") for n in range(20)]


def test_a_batch_answers_as_single_prompts_do(folder: Path) -> None:
    model = TransformersJudge(resolve_checkpoint(str(folder)), max_new_tokens=8, device="cpu")
    together = dict(model.complete(prompts()))
    alone = {i: dict(model.complete([prompt]))[0] for i, prompt in enumerate(prompts())}
    assert together == alone
    assert len(set(together.values())) > 3
    model.close()


def test_what_a_checkpoint_says_of_generation_decides_no_token(folder: Path) -> None:
    model = TransformersJudge(resolve_checkpoint(str(folder)), max_new_tokens=8, device="cpu")
    plain = dict(model.complete(prompts()))
    model._model.generation_config.no_repeat_ngram_size = 1
    assert dict(model.complete(prompts())) == plain
    model.close()


def test_a_prompt_that_does_not_fit_fails_alone(folder: Path) -> None:
    model = TransformersJudge(resolve_checkpoint(str(folder)), max_new_tokens=8, device="cpu")
    found = dict(model.complete([JudgePrompt("w1 " * 250), JudgePrompt("w1 w2")]))
    assert list(found) == [1]
    assert list(model.complete([])) == []
    model.close()


def test_a_judge_that_does_not_fit_the_device_says_what_helps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch.nn.Module, "to", refuse)
    with pytest.raises(ModelError, match=r"^judge .* does not fit cpu: CUDA out of memory\. Name a smaller judge"):
        TransformersJudge(resolve_checkpoint(str(folder)), max_new_tokens=8, device="cpu")


def test_vllm_is_asked_for_by_name_where_it_is_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.engines.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="judge 'vllm:judge0' needs the package 'vllm'"):
        open_answer_judge(f"vllm:{folder}")
    with pytest.raises(UsageError, match="needs the package 'vllm'"):
        load_caption_judge(str(folder), engine="vllm")
    with pytest.raises(UsageError, match="engine 'vllm' needs the package 'vllm'"):
        make_engine("vllm", resolve_checkpoint(str(folder)), {})


def test_vllm_keeps_standard_output_free_with_a_judge_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[str | None] = []
    monkeypatch.setattr(os, "environ", {})

    def start(**_: object) -> None:
        streams.append(os.environ.get("VLLM_LOGGING_STREAM"))

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=start, SamplingParams=dict))
    VllmJudge(resolve_checkpoint(str(folder)), max_new_tokens=8, memory=0.3)
    assert streams == ["ext://sys.stderr"]


def test_the_tokenizer_is_the_one_that_was_saved(folder: Path) -> None:
    # AutoTokenizer gives a qwen2 model Qwen's own pre-tokenizer, with which these words are lost.
    tokenizer = load_tokenizer(folder)
    assert tokenizer.tokenize("w1 w2 nothing") == ["w1", "w2", "<unk>"]
    assert render(tokenizer, JudgePrompt("w3", begun="w4")) == "<user> w3 <assistant> w4"


def test_identity_names_weights_and_prompt_version(folder: Path, tmp_path: Path) -> None:
    judge = load_caption_judge(str(folder), cache_dir=tmp_path, engine="hf")
    checkpoint = resolve_checkpoint(str(folder))
    assert checkpoint.weights is not None
    assert checkpoint.weights in judge.identity
    assert judge.identity.endswith("prompt:general-3")
    question = JudgeQuestion(question="w5", caption="w6", answer_kind="yes_no")
    assert judge.ask([question, question])[0] is not None
    judge.close()


def test_a_checkpoint_says_how_it_wants_to_be_asked(folder: Path, tmp_path: Path) -> None:
    (folder / "harness.json").write_text(json.dumps({"judge_prompt": "demo"}), encoding="utf-8")
    assert load_caption_judge(str(folder), cache_dir=tmp_path).identity.endswith("prompt:demo-1")
    (folder / "harness.json").write_text(json.dumps({"judge_prompt": "rhymes"}), encoding="utf-8")
    with pytest.raises(ModelError, match="rhymes"):
        load_caption_judge(str(folder), cache_dir=tmp_path)
    (folder / "harness.json").unlink()


def test_batches_hold_similar_lengths_within_the_budget() -> None:
    lengths = [10, 3, 50, 9, 4, 51]
    batches = plan_batches(lengths, 102)
    assert sorted(index for batch in batches for index in batch) == list(range(6))
    assert batches[0] == [5, 2]
    assert all(len(batch) * max(lengths[index] for index in batch) <= 102 for batch in batches)
    assert plan_batches([500], 102) == [[0]]
