"""Tiny checkpoints with random weights of the families that people have: configuration, tokenizer, processor, template.

Each is made in a fraction of a second and has the traits that matter here of its family: whether its chat template
knows videos or leaves them out, who adds the first token, how an image becomes visual tokens. `build` writes one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers.utils import logging

from harness.engines.weights import use_hub_names

CORPUS = [
    "Is there a red circle in the image? Answer yes or no. The video shows a person who walks. Which of these options "
    "is right? A. B. C. D. planning caption think answer <think> </think> <answer> </answer> Please answer with the "
    "option's letter from the given choices directly. yes no Yes. No. green square triangle before after event object"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family.

    Attributes:
        make: gives model and processor.
        image_tokens: visual tokens of an image of 90 x 120 pixels, counted by hand from the sizes below.
        video_tokens: visual tokens of a video of 4 frames, 84 x 84 pixels, or of these as images.
        takes_videos: the family has a way for videos; else its processor and template leave them out.
        end: tokens that end a response.
    """

    make: Callable[[], tuple[Any, Any]]
    image_tokens: int
    video_tokens: int
    takes_videos: bool
    end: Sequence[str]


def build(name: str, folder: Path) -> Path:
    """Write the checkpoint of a family into a folder; the same bytes every time."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, processor = FAMILIES[name].make()
    _enliven(model)
    tokenizer = processor.tokenizer
    settings = model.generation_config
    settings.eos_token_id = [tokenizer.convert_tokens_to_ids(token) for token in FAMILIES[name].end]
    settings.pad_token_id, settings.bos_token_id = tokenizer.pad_token_id, tokenizer.bos_token_id
    if (whole := getattr(model, "config_of_whole", None)) is None:
        use_hub_names(model)
    model.save_pretrained(folder)
    (whole or model.config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _enliven(model: Any) -> None:
    """Weights so large that every input shows in the output; as initialised, an image moves the logits by nothing."""
    generator = torch.Generator().manual_seed(0)
    embedded = 0.1 if model.config.get_text_config().tie_word_embeddings else 0.5  # Else all say what was said last.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "gate" in name and parameter.dim() <= 1:  # The cross attention of Llama 3.2 begins closed.
                parameter.fill_(0.8)
            elif parameter.dim() >= 2:
                deviation = embedded if "embed" in name else 1.3 / math.sqrt(parameter[0].numel())
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * deviation)


def _tokenizer(
    special: Sequence[str],
    *,
    eos: str,
    pad: str,
    bos: str | None = None,
    unk: str | None = None,
    adds_bos: bool = False,
    words: Sequence[str] = (),
    **named: str,
) -> Any:
    """A byte-level tokenizer of some 380 tokens; `named` are tokens that the family calls by name, `words` others."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=376, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    added = dict.fromkeys(token for token in (pad, bos, eos, unk, *special, *named.values()) if token is not None)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in added])
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    known = {"eos_token": eos, "pad_token": pad, "bos_token": bos, "unk_token": unk}
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        padding_side="left",
        model_max_length=32768,
        extra_special_tokens=named,
        **{name: token for name, token in known.items() if token is not None},
    )


def _template(
    turn: str, end: str, ask: str, *, start: str = "", refuses: bool = False, media_first: bool = False, **kinds: str
) -> str:
    """A chat template.

    Args:
        turn: how a turn begins, in Jinja.
        end: how it ends.
        ask: what the model goes on from.
        start: what the prompt begins with.
        refuses: parts of an unknown kind are an error; else they are left out without a word.
        media_first: whatever the order of the parts, text comes last.
        **kinds: placeholders of the kinds of media that the template knows.
    """

    def parts(of: Mapping[str, str], last: str = "") -> str:
        branches = "{% elif ".join(f"part['type'] == '{kind}' %}}{{{{ {text} }}}}" for kind, text in of.items())
        return f"{{% for part in message['content'] %}}{{% if {branches}{last}{{% endif %}}{{% endfor %}}"

    media, text = {kind: repr(place) for kind, place in kinds.items()}, {"text": "part['text']"}
    last = "{% else %}{{ raise_exception('Unrecognized content type!') }}" if refuses else ""
    content = parts(media) + parts(text) if media_first else parts(media | text, last)
    asked = f"{{% if add_generation_prompt %}}{{{{ {ask!r} }}}}{{% endif %}}"
    return f"{start}{{% for message in messages %}}{turn}{content}{{{{ {end!r} }}}}{{% endfor %}}{asked}"


def _text(tokenizer: Any, **changes: Any) -> dict[str, Any]:
    """A language model of two layers."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,  # Of 32 channels each: vLLM on CPU has no narrower ones.
        "num_key_value_heads": 1,
        "max_position_embeddings": 32768,
        "tie_word_embeddings": False,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **changes,
    }


def _rope(sections: Sequence[int], **more: float) -> dict[str, Any]:
    return {"rope_type": "default", "mrope_section": list(sections), "rope_theta": 1e6, **more}


def _ids(tokenizer: Any, **names: str) -> dict[str, int]:
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}


def _part(family: str, kind: str, name: str) -> Any:
    """A class that Transformers has not at its top."""
    return getattr(import_module(f"transformers.models.{family}.{kind}_{family}"), name)


_VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_SIGLIP = {**_VISION, "image_size": 56, "patch_size": 14, "vision_use_head": False}
_SQUARE = {"height": 56, "width": 56}

# Qwen and its kin ----------------------------------------------------------------------------------------------------

_CHATML = "{{ '<|im_start|>' + message['role'] + '\\n' }}"
_QWEN_TEMPLATE = _template(
    _CHATML,
    "<|im_end|>\n",
    "<|im_start|>assistant\n",
    image="<|vision_start|><|image_pad|><|vision_end|>",
    video="<|vision_start|><|video_pad|><|vision_end|>",
)
_QWEN_IDS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
_QWEN_VISION = {"depth": 2, "num_heads": 2, "spatial_merge_size": 2, "temporal_patch_size": 2}


def _qwen_tokenizer(**named: str) -> Any:
    return _tokenizer(
        ["<|im_start|>"],
        eos="<|im_end|>",
        pad="<|endoftext|>",
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        vision_bos_token="<|vision_start|>",
        vision_eos_token="<|vision_end|>",
        **named,
    )


def _qwen2(kind: type[Any], processor: type[Any], config: type[Any], vision: Mapping[str, Any]) -> tuple[Any, Any]:
    tokenizer = _qwen_tokenizer()
    settings = config(
        text_config=_text(tokenizer, rope_parameters=_rope([4, 6, 6])),
        vision_config={**_QWEN_VISION, "patch_size": 14, **vision},
        tie_word_embeddings=False,
        **_ids(tokenizer, **_QWEN_IDS),
    )
    videos = _part("qwen2_vl", "video_processing", "Qwen2VLVideoProcessor")
    return kind(settings), processor(
        image_processor=hf.Qwen2VLImageProcessor(min_pixels=3136, max_pixels=50176),
        tokenizer=tokenizer,
        video_processor=videos(min_pixels=3136, max_pixels=12544),
        chat_template=_QWEN_TEMPLATE,
    )


def _qwen2_vl() -> tuple[Any, Any]:
    vision = {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2}
    return _qwen2(hf.Qwen2VLForConditionalGeneration, hf.Qwen2VLProcessor, hf.Qwen2VLConfig, vision)


_QWEN2_5_VISION = {
    "hidden_size": 32,
    "out_hidden_size": 64,
    "intermediate_size": 48,
    "window_size": 56,
    "fullatt_block_indexes": [1],
}


def _qwen2_5_vl() -> tuple[Any, Any]:
    vision = {**_QWEN2_5_VISION, "tokens_per_second": 2}
    return _qwen2(hf.Qwen2_5_VLForConditionalGeneration, hf.Qwen2_5_VLProcessor, hf.Qwen2_5_VLConfig, vision)


def _qwen2_5_omni() -> tuple[Any, Any]:
    sounds = {"audio_bos_token": "<|audio_bos|>", "audio_eos_token": "<|audio_eos|>", "audio_token": "<|AUDIO|>"}
    tokenizer = _qwen_tokenizer(**sounds)
    audio = {"d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 48, "output_dim": 64}
    ids = {f"{name}_token_index": f"<|{name}_pad|>" for name in ("image", "video")}
    edges = {f"{kind}_{edge}_token_id": f"<|{word}_{end}|>" for kind, word, ends in (
        ("vision", "vision", ("start", "end")), ("audio", "audio", ("bos", "eos")),
    ) for edge, end in zip(("start", "end"), ends, strict=True)}  # fmt: skip
    config = hf.Qwen2_5OmniConfig(
        thinker_config={
            "text_config": _text(tokenizer, rope_parameters=_rope([4, 6, 6])),
            "vision_config": {**_QWEN_VISION, "patch_size": 14, **_QWEN2_5_VISION},
            "audio_config": audio,
            **_ids(tokenizer, **ids, **edges, audio_token_index="<|AUDIO|>"),
        },
        enable_audio_output=False,
    )
    videos = _part("qwen2_vl", "video_processing", "Qwen2VLVideoProcessor")
    thinker = hf.Qwen2_5OmniThinkerForConditionalGeneration(config.thinker_config)
    thinker.config_of_whole = config  # Of which Transformers 5.23 saves no weights that it could read.
    return thinker, hf.Qwen2_5OmniProcessor(
        image_processor=hf.Qwen2VLImageProcessor(min_pixels=3136, max_pixels=50176),
        video_processor=videos(min_pixels=3136, max_pixels=12544),
        feature_extractor=hf.WhisperFeatureExtractor(feature_size=128),
        tokenizer=tokenizer,
        chat_template=_QWEN_TEMPLATE,
    )


def _qwen3(kind: type[Any], config: type[Any], text: Mapping[str, Any], vision: Mapping[str, Any]) -> tuple[Any, Any]:
    tokenizer = _qwen_tokenizer()
    settings = config(
        text_config=_text(tokenizer, head_dim=32, **text),
        vision_config={
            **_QWEN_VISION,
            "hidden_size": 32,
            "out_hidden_size": 64,
            "intermediate_size": 64,
            "patch_size": 16,
            "num_position_embeddings": 64,
            **vision,
        },
        **_ids(tokenizer, **_QWEN_IDS),
    )
    videos = _part("qwen3_vl", "video_processing", "Qwen3VLVideoProcessor")
    return kind(settings), hf.Qwen3VLProcessor(
        image_processor=hf.Qwen2VLImageProcessor(patch_size=16, size={"shortest_edge": 4096, "longest_edge": 65536}),
        tokenizer=tokenizer,
        video_processor=videos(patch_size=16, size={"shortest_edge": 4096, "longest_edge": 131072}),
        chat_template=_QWEN_TEMPLATE,
    )


def _qwen3_vl() -> tuple[Any, Any]:
    vision = {"depth": 3, "deepstack_visual_indexes": [0, 1]}
    text = {"rope_parameters": _rope([8, 4, 4], mrope_interleaved=True)}
    return _qwen3(hf.Qwen3VLForConditionalGeneration, hf.Qwen3VLConfig, text, vision)


def _qwen3_5() -> tuple[Any, Any]:
    text = {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "rope_parameters": _rope([2, 1, 1], mrope_interleaved=True, partial_rotary_factor=0.25),
    }
    return _qwen3(hf.Qwen3_5ForConditionalGeneration, hf.Qwen3_5Config, text, {})


def _glm4v() -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|begin_of_image|>", "<|end_of_image|>",
         "<|begin_of_video|>", "<|end_of_video|>"],
        eos="<|endoftext|>", pad="<|endoftext|>", image_token="<|image|>", video_token="<|video|>",
    )  # fmt: skip
    edges = {f"{kind}_{edge}_token_id": f"<|{word}_of_{kind}|>" for kind in ("image", "video")
             for edge, word in (("start", "begin"), ("end", "end"))}  # fmt: skip
    config = hf.Glm4vConfig(
        text_config=_text(tokenizer, rope_parameters=_rope([2, 2, 4], partial_rotary_factor=0.5)),
        vision_config={
            **_QWEN_VISION,
            "hidden_size": 32,
            "out_hidden_size": 64,
            "intermediate_size": 64,
            "patch_size": 14,
            "image_size": 112,
        },
        **_ids(tokenizer, image_token_id="<|image|>", video_token_id="<|video|>", **edges),
    )
    videos = _part("glm4v", "video_processing", "Glm4vVideoProcessor")
    template = _template(
        "{{ '<|' + message['role'] + '|>\\n' }}",
        "",
        "<|assistant|>\n",
        start="[gMASK]<sop>",
        image="<|begin_of_image|><|image|><|end_of_image|>",
        video="<|begin_of_video|><|video|><|end_of_video|>",
    )
    return hf.Glm4vForConditionalGeneration(config), hf.Glm4vProcessor(
        image_processor=hf.Glm4vImageProcessor(size={"shortest_edge": 6272, "longest_edge": 100352}),
        tokenizer=tokenizer,
        video_processor=videos(size={"shortest_edge": 6272, "longest_edge": 200704}),
        chat_template=template,
    )


def _video_llama_3() -> tuple[Any, Any]:
    tokenizer = _qwen_tokenizer()
    config = hf.VideoLlama3Config(
        text_config=hf.Qwen2Config(**_text(tokenizer)),
        vision_config={**_VISION, "patch_size": 14},
        **_ids(tokenizer, image_token_id="<|image_pad|>", video_token_id="<|video_pad|>"),
    )
    images = hf.VideoLlama3ImageProcessor(min_pixels=3136, max_pixels=50176)
    videos = _part("video_llama_3", "video_processing", "VideoLlama3VideoProcessor")
    return hf.VideoLlama3ForConditionalGeneration(config), hf.VideoLlama3Processor(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=videos(min_pixels=3136, max_pixels=50176),
        chat_template=_template(
            _CHATML, "<|im_end|>\n", "<|im_start|>assistant\n", image="<|image_pad|>\n", video="<|video_pad|>\n"
        ),
    )


# LLaVA and its kin ---------------------------------------------------------------------------------------------------

_CLIP = {**_VISION, "num_hidden_layers": 3, "image_size": 56, "patch_size": 14, "projection_dim": 32}
_CROP = {"size": {"shortest_edge": 56}, "crop_size": _SQUARE}
_TILES = [[56, 112], [112, 56], [112, 112]]
_LLAVA_ENDS = ("{{ message['role'].upper() + ': ' }}", " ", "ASSISTANT:")


def _llama_tokenizer(**named: str) -> Any:
    return _tokenizer([], bos="<s>", eos="</s>", pad="<pad>", unk="<unk>", adds_bos=True, **named)


def _llava_kind(
    kind: type[Any],
    config: type[Any],
    processor: type[Any],
    *,
    settings: Mapping[str, Any],
    template: str,
    **parts: Any,
) -> tuple[Any, Any]:
    named = {"image_token": "<image>", **({"video_token": "<video>"} if "video_processor" in parts else {})}
    tokenizer = _llama_tokenizer(**named)
    suffix = "index" if kind is hf.VideoLlavaForConditionalGeneration else "id"
    ids = {f"{name}_{suffix}": token for name, token in named.items()}
    chosen = {"vision_feature_select_strategy": "default"}
    made = config(
        vision_config=hf.CLIPVisionConfig(**_CLIP),
        text_config=hf.LlamaConfig(**_text(tokenizer)),
        vision_feature_layer=-2,
        **chosen,
        **_ids(tokenizer, **ids),
        **settings,
    )
    return kind(made), processor(
        tokenizer=tokenizer, patch_size=14, num_additional_image_tokens=1, chat_template=template, **chosen, **parts
    )


def _llava() -> tuple[Any, Any]:
    template = _template(*_LLAVA_ENDS, media_first=True, image="<image>\n")
    images = hf.CLIPImageProcessor(**_CROP)
    return _llava_kind(
        hf.LlavaForConditionalGeneration,
        hf.LlavaConfig,
        hf.LlavaProcessor,
        settings={},
        template=template,
        image_processor=images,
    )


def _llava_next() -> tuple[Any, Any]:
    return _llava_kind(
        hf.LlavaNextForConditionalGeneration,
        hf.LlavaNextConfig,
        hf.LlavaNextProcessor,
        settings={"image_grid_pinpoints": _TILES},
        template=_template("[INST] ", " [/INST]", "", media_first=True, image="<image>\n"),
        image_processor=hf.LlavaNextImageProcessor(image_grid_pinpoints=_TILES, **_CROP),
    )


def _llava_next_video() -> tuple[Any, Any]:
    videos = _part("llava_next_video", "video_processing", "LlavaNextVideoVideoProcessor")
    return _llava_kind(
        hf.LlavaNextVideoForConditionalGeneration,
        hf.LlavaNextVideoConfig,
        hf.LlavaNextVideoProcessor,
        settings={"image_grid_pinpoints": _TILES},
        template=_template(*_LLAVA_ENDS, media_first=True, image="<image>\n", video="<video>\n"),
        image_processor=hf.LlavaNextImageProcessor(image_grid_pinpoints=_TILES, **_CROP),
        video_processor=videos(**_CROP),
    )


def _video_llava() -> tuple[Any, Any]:
    images = _part("video_llava", "image_processing", "VideoLlavaImageProcessor")
    videos = _part("video_llava", "video_processing", "VideoLlavaVideoProcessor")
    return _llava_kind(
        hf.VideoLlavaForConditionalGeneration,
        hf.VideoLlavaConfig,
        hf.VideoLlavaProcessor,
        settings={"image_seq_length": 16, "video_seq_length": 8 * 17},
        template=_template(*_LLAVA_ENDS, media_first=True, image="<image>\n", video="<video>\n"),
        image_processor=images(**_CROP),
        video_processor=videos(**_CROP),
    )


def _llava_onevision() -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        ["<|im_start|>"], eos="<|im_end|>", pad="<|endoftext|>", image_token="<image>", video_token="<video>"
    )
    tiles = [[56, 56], [56, 112], [112, 56], [112, 112], [56, 168], [168, 168]]
    config = hf.LlavaOnevisionConfig(
        vision_config=hf.SiglipVisionConfig(**_SIGLIP),
        text_config=hf.Qwen2Config(**_text(tokenizer)),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_grid_pinpoints=tiles,
        **_ids(tokenizer, image_token_id="<image>", video_token_id="<video>"),
    )
    videos = _part("llava_onevision", "video_processing", "LlavaOnevisionVideoProcessor")
    return hf.LlavaOnevisionForConditionalGeneration(config), hf.LlavaOnevisionProcessor(
        image_processor=hf.LlavaOnevisionImageProcessor(size=_SQUARE, image_grid_pinpoints=tiles),
        tokenizer=tokenizer,
        video_processor=videos(size=_SQUARE),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_9",
        chat_template=_template(
            "{{ '<|im_start|>' + message['role'] + ' ' }}",
            "<|im_end|>",
            "<|im_start|>assistant\n",
            media_first=True,
            image="<image>\n",
            video="<video>\n",
        ),
    )


def _internvl() -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        ["<|im_start|>"],
        eos="<|im_end|>",
        pad="<|endoftext|>",
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    config = hf.InternVLConfig(
        vision_config={**_VISION, "image_size": [56, 56], "patch_size": [14, 14]},
        text_config=hf.Qwen2Config(**_text(tokenizer)),
        image_seq_length=4,
        downsample_ratio=0.5,
        **_ids(tokenizer, image_token_id="<IMG_CONTEXT>"),
    )
    videos = _part("internvl", "video_processing", "InternVLVideoProcessor")
    return hf.InternVLForConditionalGeneration(config), hf.InternVLProcessor(
        image_processor=hf.GotOcr2ImageProcessor(size=_SQUARE, crop_to_patches=True, min_patches=1, max_patches=6),
        tokenizer=tokenizer,
        video_processor=videos(size=_SQUARE),
        image_seq_length=4,
        chat_template=_template(
            _CHATML, "<|im_end|>\n", "<|im_start|>assistant\n", image="<IMG_CONTEXT>\n", video="<video>\n"
        ),
    )


# Families whose templates begin with the token that their tokenizers add, too ----------------------------------------

_BOS = "{{ bos_token }}"
_PIXTRAL_VISION = {**_VISION, "image_size": 140, "patch_size": 14}


def _gemma3() -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        ["<start_of_turn>", "<end_of_turn>"],
        words=["\n", "\n\n", "\n\n\n", "\n\n\n\n"],  # vLLM looks for them.
        bos="<bos>",
        eos="<eos>",
        pad="<pad>",
        unk="<unk>",
        adds_bos=True,
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )
    config = hf.Gemma3Config(
        text_config=hf.Gemma3TextConfig(
            **_text(tokenizer, tie_word_embeddings=True),
            head_dim=32,
            sliding_window=64,
            layer_types=["sliding_attention", "full_attention"],
        ),
        vision_config=hf.SiglipVisionConfig(**_SIGLIP),
        mm_tokens_per_image=4,
        **_ids(
            tokenizer,
            boi_token_index="<start_of_image>",
            eoi_token_index="<end_of_image>",
            image_token_index="<image_soft_token>",
        ),
    )
    template = _template(
        "{{ '<start_of_turn>' + message['role'] + '\\n' }}",
        "<end_of_turn>\n",
        "<start_of_turn>model\n",
        start=_BOS,
        image="<start_of_image>",
    )
    return hf.Gemma3ForConditionalGeneration(config), hf.Gemma3Processor(
        image_processor=hf.Gemma3ImageProcessor(size=_SQUARE),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=template,
    )


def _mistral_parts(merge: int) -> tuple[Any, Any, Any]:
    """Tokenizer, language model and processor of Pixtral and Mistral 3."""
    tokenizer = _tokenizer(
        ["[INST]", "[/INST]"],
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        unk="<unk>",
        adds_bos=True,
        image_token="[IMG]",
        image_break_token="[IMG_BREAK]",
        image_end_token="[IMG_END]",
    )
    edge = 14 * merge
    processor = hf.PixtralProcessor(
        image_processor=hf.PixtralImageProcessor(
            size={"longest_edge": 140}, patch_size={"height": edge, "width": edge}
        ),
        tokenizer=tokenizer,
        patch_size=14,
        spatial_merge_size=merge,
        chat_template=_template("[INST]", "[/INST]", "", start=_BOS, refuses=True, image="[IMG]"),
    )
    return tokenizer, hf.MistralConfig(**_text(tokenizer), head_dim=32, sliding_window=None), processor


def _pixtral() -> tuple[Any, Any]:
    tokenizer, text, processor = _mistral_parts(1)
    config = hf.LlavaConfig(
        vision_config=hf.PixtralVisionConfig(**_PIXTRAL_VISION),
        text_config=text,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        **_ids(tokenizer, image_token_id="[IMG]"),
    )
    return hf.LlavaForConditionalGeneration(config), processor


def _mistral3() -> tuple[Any, Any]:
    tokenizer, text, processor = _mistral_parts(2)
    config = hf.Mistral3Config(
        vision_config=hf.PixtralVisionConfig(**_PIXTRAL_VISION),
        text_config=text,
        vision_feature_layer=-1,
        spatial_merge_size=2,
        **_ids(tokenizer, image_token_index="[IMG]"),
    )
    return hf.Mistral3ForConditionalGeneration(config), processor


def _mllama() -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        ["<|start_header_id|>", "<|end_header_id|>"],
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
        pad="<|finetune_right_pad_id|>",
        adds_bos=True,
        image_token="<|image|>",
    )
    config = hf.MllamaConfig(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
            "max_num_tiles": 4,
            "intermediate_layers_indices": [0, 1],
            "vision_output_dim": 96,
            "supported_aspect_ratios": [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]],
        },
        text_config=_text(tokenizer, num_hidden_layers=3, cross_attention_layers=[1]),
        **_ids(tokenizer, image_token_index="<|image|>"),
    )
    template = _template(
        "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}",
        "<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        start=_BOS,
        image="<|image|>",
    )
    images = hf.MllamaImageProcessor(size=_SQUARE, max_image_tiles=4)
    processor = hf.MllamaProcessor(image_processor=images, tokenizer=tokenizer, chat_template=template)
    return hf.MllamaForConditionalGeneration(config), processor


def _aya_vision() -> tuple[Any, Any]:
    start, end = "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"
    places = ["<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>", "TILE", "TILE_GLOBAL"]
    tokenizer = _tokenizer(
        [start, *places, *(f"TILE_{number}" for number in range(1, 13))],
        bos="<BOS_TOKEN>",
        eos=end,
        pad="<PAD>",
        unk="<UNK>",
        adds_bos=True,
        image_token="<image>",
    )
    config = hf.AyaVisionConfig(
        vision_config=hf.SiglipVisionConfig(**_SIGLIP),
        text_config=hf.Cohere2Config(
            **_text(tokenizer, tie_word_embeddings=True),
            sliding_window=64,
            layer_types=["sliding_attention", "full_attention"],
        ),
        downsample_factor=2,
        **_ids(tokenizer, image_token_index="<|IMG_PATCH|>"),
    )
    template = _template(
        f"{{{{ '{start}' + message['role'] }}}}", end, f"{start}assistant", start=_BOS, image="<image>"
    )
    return hf.AyaVisionForConditionalGeneration(config), hf.AyaVisionProcessor(
        image_processor=hf.GotOcr2ImageProcessor(size=_SQUARE, crop_to_patches=True, min_patches=1, max_patches=4),
        tokenizer=tokenizer,
        patch_size=14,
        img_size=56,
        downsample_factor=2,
        chat_template=template,
    )


# Idefics and its kin -------------------------------------------------------------------------------------------------


def _idefics_kind(kind: type[Any], config: type[Any], processor: type[Any], **kinds: str) -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)],
        bos="<|im_start|>",
        eos="<end_of_utterance>",
        pad="<|im_end|>",
        unk="<|endoftext|>",
        fake_image_token="<fake_token_around_image>",
        image_token="<image>",
        global_image_token="<global-img>",
        end_of_utterance_token="<end_of_utterance>",
        **({"video_token": "<video>"} if "video" in kinds else {}),
    )
    settings = config(
        text_config=hf.LlamaConfig(**_text(tokenizer)),
        vision_config={**_VISION, "image_size": 64, "patch_size": 16},
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
        **_ids(tokenizer, image_token_id="<image>"),
    )
    edge = {"size": {"longest_edge": 128}, "max_image_size": {"longest_edge": 64}}
    parts: dict[str, Any] = {}
    if "video" in kinds:
        parts["image_processor"] = hf.SmolVLMImageProcessor(**edge)
        small = {"longest_edge": 64}
        parts["video_processor"] = _part("smolvlm", "video_processing", "SmolVLMVideoProcessor")(
            size=small, max_image_size=small, video_sampling={"fps": 1, "max_frames": 64, "video_size": small}
        )
    else:
        parts["image_processor"] = hf.Idefics3ImageProcessor(**edge)
    template = _template(
        "{{ message['role'] | capitalize + ':' }}",
        "<end_of_utterance>\n",
        "Assistant:",
        start="<|im_start|>",
        image="<image>",
        **kinds,
    )
    return kind(settings), processor(tokenizer=tokenizer, image_seq_len=4, chat_template=template, **parts)


def _smolvlm() -> tuple[Any, Any]:
    return _idefics_kind(hf.SmolVLMForConditionalGeneration, hf.SmolVLMConfig, hf.SmolVLMProcessor, video="<video>")


def _idefics3() -> tuple[Any, Any]:
    return _idefics_kind(hf.Idefics3ForConditionalGeneration, hf.Idefics3Config, hf.Idefics3Processor)


# Others --------------------------------------------------------------------------------------------------------------


def _phi4_multimodal() -> tuple[Any, Any]:
    tokenizer = _tokenizer(
        ["<|user|>", "<|assistant|>", "<|end|>"],
        eos="<|endoftext|>",
        pad="<|endoftext|>",
        image_token="<|endoftext10|>",
        audio_token="<|endoftext11|>",
    )
    config = hf.Phi4MultimodalConfig(
        **_text(tokenizer),
        vision_config={**_VISION, "num_hidden_layers": 3, "image_size": 64, "crop_size": 64, "patch_size": 2,
                       **_ids(tokenizer, image_token_id="<|endoftext10|>")},
        audio_config={"hidden_size": 32, "intermediate_size": 48, "num_blocks": 2, "num_attention_heads": 2,
                      "ext_pw_out_channel": 32, "depthwise_separable_out_channel": 32, "nemo_conv_channels": 16,
                      **_ids(tokenizer, audio_token_id="<|endoftext11|>")},
    )  # fmt: skip
    images = _part("phi4_multimodal", "image_processing", "Phi4MultimodalImageProcessor")
    sounds = _part("phi4_multimodal", "feature_extraction", "Phi4MultimodalFeatureExtractor")
    return hf.Phi4MultimodalForCausalLM(config), hf.Phi4MultimodalProcessor(
        # The processor counts the tokens of images of 32 x 32 patches.
        image_processor=images(size={"height": 64, "width": 64}, patch_size=2, dynamic_hd=2),
        audio_processor=sounds(),
        tokenizer=tokenizer,
        chat_template=_template(
            "{{ '<|' + message['role'] + '|>' }}", "<|end|>", "<|assistant|>", image="<|endoftext10|>"
        ),
    )


def _family(make: Callable[[], tuple[Any, Any]], images: int, videos: int, takes_videos: bool, *end: str) -> Family:
    return Family(make=make, image_tokens=images, video_tokens=videos, takes_videos=takes_videos, end=end)


FAMILIES: Mapping[str, Family] = {
    "qwen2_vl": _family(_qwen2_vl, 12, 18, True, "<|im_end|>"),
    "qwen2_5_vl": _family(_qwen2_5_vl, 12, 18, True, "<|im_end|>"),
    "qwen2_5_omni": _family(_qwen2_5_omni, 12, 288, True, "<|im_end|>"),
    "qwen3_vl": _family(_qwen3_vl, 12, 18, True, "<|im_end|>"),
    "qwen3_5": _family(_qwen3_5, 12, 18, True, "<|im_end|>"),
    "glm4v": _family(_glm4v, 12, 18, True, "<|endoftext|>", "<|user|>"),
    "video_llama_3": _family(_video_llama_3, 54, 36, True, "<|im_end|>"),
    "llava": _family(_llava, 16, 64, False, "</s>"),
    "llava_next": _family(_llava_next, 72, 352, False, "</s>"),
    "llava_next_video": _family(_llava_next_video, 72, 16, True, "</s>"),
    "video_llava": _family(_video_llava, 16, 68, True, "</s>"),
    "llava_onevision": _family(_llava_onevision, 148, 17, True, "<|im_end|>"),
    "internvl": _family(_internvl, 28, 16, True, "<|im_end|>"),
    "gemma3": _family(_gemma3, 4, 16, False, "<eos>", "<end_of_turn>"),
    "pixtral": _family(_pixtral, 63, 144, False, "</s>"),
    "mistral3": _family(_mistral3, 20, 36, False, "</s>"),
    "mllama": _family(_mllama, 1, 4, False, "<|eot_id|>"),
    "aya_vision": _family(_aya_vision, 20, 80, False, "<|END_OF_TURN_TOKEN|>"),
    "smolvlm": _family(_smolvlm, 20, 16, True, "<end_of_utterance>"),
    "idefics3": _family(_idefics3, 20, 80, False, "<end_of_utterance>"),
    "phi4_multimodal": _family(_phi4_multimodal, 647, 2180, False, "<|end|>"),
}
