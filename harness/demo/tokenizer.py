"""The demo checkpoint's word-level tokenizer and its processor.

Words decide what a model of a million parameters can learn: each object, position, tag and option letter is one token,
and so is each whole instruction sentence of `harness.core.prompts`, matched on the raw text. Everything else is split
at whitespace; a word outside the vocabulary becomes `<unk>`. Imported lazily only: transformers is imported at the top.
"""

from __future__ import annotations

from typing import Any, Final

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

from harness.core.prompts import FORMATS, instruction
from harness.core.types import AnswerKind
from harness.demo.asking import LETTERS
from harness.demo.world import COLOR_NAMES, DIRECTIONS, OBJECTS, POSITIONS, SHAPES, VERBS

SPECIAL: Final = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
TAGS: Final = tuple(f"<{slash}{tag}>" for tag in ("planning", "caption", "think", "answer") for slash in ("", "/"))
KINDS: Final[tuple[AnswerKind, ...]] = ("yes_no", "choice", "open")
_WORDS: Final = """
user assistant none yes no 1 2 3 4 5 stays first last ? ; : . , Is there a an in the image video at when
starts Where is was does What color object How many objects are Which look for count all Caption of to Does
move turn appear disappear change before after do In which direction moves turns changes it place its color asked glance
"""
INSTRUCTIONS: Final = tuple(dict.fromkeys(instruction(form, kind) for form in FORMATS for kind in KINDS))
_WORLD: Final = (*OBJECTS, *POSITIONS, *COLOR_NAMES, *SHAPES, *DIRECTIONS, *VERBS)
_OPTIONS: Final = (*LETTERS, *(f"{letter}." for letter in LETTERS))
VOCABULARY: Final = tuple(dict.fromkeys((*SPECIAL, "<unk>", *TAGS, *_WORLD, *_WORDS.split(), *_OPTIONS, *INSTRUCTIONS)))
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}{% if message['role'] != 'system' %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PATCH: Final = 14
MERGE: Final = 2
TEMPORAL_PATCH: Final = 2


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer; `decode(encode(text))` gives back a response with single spaces."""
    model = models.WordLevel({token: index for index, token in enumerate(VOCABULARY)}, unk_token="<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(r"[?;,:]"), "isolated")]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(tag, normalized=False, lstrip=True, rstrip=True) for tag in TAGS])
    tokenizer.add_tokens([AddedToken(text, normalized=False, lstrip=True, rstrip=True) for text in INSTRUCTIONS])
    tokenizer.add_tokens([AddedToken(name, normalized=False, single_word=True) for name in OBJECTS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token="<unk>",
        additional_special_tokens=list(SPECIAL[1:]),
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def build_processor() -> Any:
    """The Qwen2.5-VL processor of the demo checkpoint: 84x84 pixels stay 84x84, nine merged tokens a frame."""
    shared = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "patch_size": PATCH}
    shared |= {"temporal_patch_size": TEMPORAL_PATCH, "merge_size": MERGE}
    cell = (PATCH * MERGE) ** 2
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": cell, "longest_edge": 9 * cell}, **shared),
        tokenizer=build_tokenizer(),
        video_processor=Qwen2VLVideoProcessor(
            size={"shortest_edge": cell, "longest_edge": 9 * cell}, cap_pixels_per_frame=False, **shared
        ),
        chat_template=CHAT_TEMPLATE,
    )
