"""Judges for tests: models that follow a script, and tiny checkpoints that always reply the same."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.core.types import JudgePrompt
from harness.judges.answer import AnswerJudge
from harness.judges.model import JudgeModel


class Scripted:
    """A model whose replies are a function of the prompt; `None` is a failure."""

    problem: str | None = None

    def __init__(self, reply: Callable[[str], str | None]) -> None:
        self.reply = reply
        self.seen: list[str] = []
        self.batches: list[int] = []

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        self.batches.append(len(prompts))
        for place in reversed(range(len(prompts))):
            self.seen.append(prompts[place].user)
            yield place, self.reply(prompts[place].user)

    def close(self) -> None:
        pass


def judge_of(model: Scripted, *, is_verifier: bool = False) -> AnswerJudge:
    """An answer judge without a cache."""
    return AnswerJudge(JudgeModel(lambda: model, identity="scripted"), is_verifier=is_verifier)


def constant_judge(folder: Path, reply: str) -> Path:
    """A language model of a few hundred weights that replies one word to whatever it is asked.

    Its layer adds nothing, so that a token's successor follows from the token alone: the word, and after it the end.
    """
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    vocabulary = {word: i for i, word in enumerate(["<pad>", "<end>", "<unk>", reply])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(vocabulary),
            hidden_size=4,
            intermediate_size=4,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
            max_position_embeddings=8_192,
            tie_word_embeddings=False,
            eos_token_id=1,
            pad_token_id=0,
        )
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        model.model.norm.weight.fill_(1.0)
        model.model.embed_tokens.weight[:, 0] = 1.0
        model.model.embed_tokens.weight[3] = torch.tensor([0.0, 1.0, 0.0, 0.0])
        model.lm_head.weight[3, 0] = 1.0
        model.lm_head.weight[1, 1] = 1.0
    model.save_pretrained(folder)
    return folder
