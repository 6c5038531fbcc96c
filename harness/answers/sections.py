"""Taking a structured response apart: `<planning> <caption> <think> <answer>`.

One pass over the tags, linear in the length of the text whatever it holds. The tags in which families of models write
the same sections are read as these; the case of a tag does not matter where it is a word of the language.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from harness.core.prompts import SECTIONS, Section

SectionName = Section

SECTION_NAMES: Final[tuple[SectionName, ...]] = SECTIONS["grounded"]

LLAVA_COT: Final[dict[str, SectionName]] = {
    "SUMMARY": "planning", "CAPTION": "caption", "REASONING": "think", "CONCLUSION": "answer",
}  # fmt: skip
"""The tags of LLaVA-CoT."""

_OWN: Final[dict[str, SectionName]] = {"prethink": "planning", **{name: name for name in SECTION_NAMES}}
_NAMES: Final[dict[str, SectionName]] = {
    **{name.lower(): section for name, section in LLAVA_COT.items()},
    "thinking": "think", "analysis": "think", "seed:think": "think", "mm:think": "think",  # Seed, MiniMax
    "response": "answer",  # ERNIE
    **_OWN,
}  # fmt: skip
_WORDS: Final = "|".join(name if name != "summary" else "(?-i:SUMMARY)" for name in _NAMES)  # HTML has <summary>.
_TAG: Final = re.compile(
    rf"<[ \t]{{0,3}}(?P<slash>/?)[ \t]{{0,3}}(?P<name>{_WORDS})[ \t]{{0,3}}>"
    # Kimi, Magistral, Gemma, and the channels of gpt-oss, of which the last is the answer
    r"|(?P<opens>(?-i:◁think▷|\[THINK\]|<\|channel>(?:thought\b)?"
    r"|(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)\b[^<\n]{0,40}<\|message\|>))"
    r"|(?-i:◁/think▷|\[/THINK\]|<channel\|>"
    r"|(?:<\|end\|>\s?)?(?:<\|start\|>assistant)?<\|channel\|>final\b[^<\n]{0,40}<\|message\|>)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One section as it stands in the response.

    Attributes:
        name: which section it is.
        text: what is between its tags, without surrounding white space.
        closed: whether its closing tag is there.
        quotes: whether it is closed and holds further tags.
    """

    name: SectionName
    text: str
    closed: bool
    quotes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A response, taken apart.

    `planning`, `caption`, `think` and `answer` hold the text of the section that counts: the last complete one that is
    not empty, else the last unclosed one that is not empty, else the empty string; `None` when there is no such
    section. A tag inside another section that has both of its tags is quoted: it opens nothing.

    Attributes:
        planning: what to look for.
        caption: what is seen.
        think: the reasoning.
        answer: the final answer.
        structured: whether the response holds any tag at all, opening or closing.
        blocks: every section in the order of the response, repeated ones and unclosed ones included.
        outside: the text that belongs to no section.
        stray_tags: closing tags that close nothing.
        cut_off: whether the response ends inside a section other than the answer.
        foreign: whether any of its tags is none of `<planning> <prethink> <caption> <think> <answer>`.
    """

    planning: str | None
    caption: str | None
    think: str | None
    answer: str | None
    structured: bool
    blocks: tuple[Block, ...]
    outside: str
    stray_tags: int
    cut_off: bool
    foreign: bool

    @property
    def complete_answer(self) -> str | None:
        """The text of the last `<answer>` block that has both tags, empty or not; `None` where there is none."""
        return next((block.text for block in reversed(self.blocks) if block.name == "answer" and block.closed), None)

    def count(self, name: SectionName) -> int:
        """How many sections of that name the response holds, complete or not."""
        return sum(block.name == name for block in self.blocks)

    def is_well_formed(self, names: tuple[SectionName, ...] = SECTION_NAMES) -> bool:
        """Whether the response is exactly these sections: each once, complete, not empty, in order, nothing else.

        Nor may one quote a tag: an `<answer>` within `<think>` is a second one for most readers. Tags of other
        families are none that a prompt asks for.
        """
        return (
            tuple(block.name for block in self.blocks) == names
            and all(block.closed and block.text and not block.quotes for block in self.blocks)
            and not self.outside
            and not self.stray_tags
            and not self.foreign
        )


class _Tag(NamedTuple):
    start: int
    end: int
    name: SectionName
    closing: bool
    foreign: bool


@lru_cache(maxsize=8)  # Several read a response one after the other.
def split_sections(text: str) -> Sections:
    """Takes a response apart into its sections.

    - A section runs from its opening tag to its next closing tag; tags in between are quoted.
    - An `<answer>` that is opened again before it is closed starts anew.
    - A section without a closing tag ends where the next section opens, or with the text. An unclosed `<think>` ends
      only at an `<answer>` that ends the response: any other tag in it is quoted.
    - A first `</think>` without its opening tag (which some prompts end with) closes a thinking that began with the
      response, or after its last planning or caption; not where it merely trails behind the answer.

    Args:
        text: the response as generated; any string.

    Returns:
        the sections; never raises, linear time.
    """
    tags = [_tag(match) for match in _TAG.finditer(text)]
    closers: dict[SectionName, list[int]] = {name: [] for name in SECTION_NAMES}
    openers: list[int] = []
    for index, tag in enumerate(tags):
        (closers[tag.name] if tag.closing else openers).append(index)
    answer_openers = [i for i in openers if tags[i].name == "answer"]
    none = len(tags)  # where there is no such tag

    blocks: list[Block] = []
    outside: list[tuple[int, str]] = []  # with the number of blocks that precede the piece
    stray = 0
    position = 0  # where the text that belongs to no section goes on
    unprompted = True  # no thinking has begun so far
    cut_off = False
    index = 0
    while index < none:
        tag = tags[index]
        outside.append((len(blocks), text[position : tag.start].strip()))
        position = tag.end
        if tag.closing:
            if tag.name == "think" and unprompted and _closes_thinking(text, tag, blocks):
                _begin_with_thinking(blocks, outside)
                unprompted = False
            else:
                stray += 1
            index += 1
            continue

        unprompted = unprompted and tag.name != "think"
        closer = _after(closers[tag.name], index, none)
        if closer < none and not (tag.name == "answer" and _after(answer_openers, index, none) < closer):
            inner = text[tag.end : tags[closer].start].strip()
            blocks.append(Block(name=tag.name, text=inner, closed=True, quotes=closer > index + 1))
            position = tags[closer].end
            index = closer + 1
            continue

        end = _final_answer(text, tags, answer_openers, index) if tag.name == "think" else _after(openers, index, none)
        position = tags[end].start if end < none else len(text)
        blocks.append(Block(name=tag.name, text=_TAG.sub("", text[tag.end : position]).strip(), closed=False))
        cut_off = end == none and tag.name != "answer"
        index = end
    outside.append((len(blocks), text[position:].strip()))
    chosen: dict[SectionName, Block] = {}
    for block in blocks:
        best = chosen.get(block.name)
        if best is None or (bool(block.text), block.closed) >= (bool(best.text), best.closed):
            chosen[block.name] = block
    texts = {name: block.text for name, block in chosen.items()}
    return Sections(
        planning=texts.get("planning"),
        caption=texts.get("caption"),
        think=texts.get("think"),
        answer=texts.get("answer"),
        structured=bool(tags),
        blocks=tuple(blocks),
        outside="\n".join(piece for _, piece in outside if piece),
        stray_tags=stray,
        cut_off=cut_off,
        foreign=any(tag.foreign for tag in tags),
    )


def open_section(prompt: str) -> str:
    """The opening tag that a prompt ends with, and the white space behind it; empty where it ends with none."""
    tags = list(_TAG.finditer(prompt))
    is_open = bool(tags) and not _tag(tags[-1]).closing and not prompt[tags[-1].end() :].strip()
    return prompt[tags[-1].start() :] if is_open else ""


def _tag(match: re.Match[str]) -> _Tag:
    if match["name"] is None:
        return _Tag(match.start(), match.end(), "think", match["opens"] is None, foreign=True)
    name = match["name"].lower()
    return _Tag(match.start(), match.end(), _NAMES[name], match["slash"] == "/", name not in _OWN)


def _after(indices: list[int], index: int, none: int) -> int:
    """The first of the ascending `indices` that is greater than `index`; `none` if none is."""
    place = bisect_right(indices, index)
    return indices[place] if place < len(indices) else none


def _closes_thinking(text: str, tag: _Tag, blocks: list[Block]) -> bool:
    """Whether a first, lone `</think>` ends a thinking, and not merely trails behind the answer."""
    return all(block.name != "answer" for block in blocks) or bool(text[tag.end :].strip())


def _begin_with_thinking(blocks: list[Block], outside: list[tuple[int, str]]) -> None:
    """Turns what precedes a first lone `</think>` into a thinking."""
    kept = next((i + 1 for i in range(len(blocks) - 1, -1, -1) if blocks[i].name in ("planning", "caption")), 0)
    demoted = blocks[kept:]
    pieces = [(2 * number, piece) for number, piece in outside if number >= kept]
    pieces += [(2 * (kept + i) + 1, block.text) for i, block in enumerate(demoted)]
    outside[:] = [(number, piece) for number, piece in outside if number < kept]
    thinking = "\n".join(piece for _, piece in sorted(pieces, key=lambda entry: entry[0]) if piece)
    blocks[kept:] = [Block(name="think", text=thinking, closed=True, quotes=bool(demoted))]


def _final_answer(text: str, tags: list[_Tag], answer_openers: list[int], index: int) -> int:
    """The opening `<answer>` after tag `index` whose block ends the response; `len(tags)` where there is none."""
    if not answer_openers or answer_openers[-1] <= index:
        return len(tags)
    last = answer_openers[-1]
    closed = next((tag.end for tag in tags[last + 1 :] if tag.closing and tag.name == "answer"), len(text))
    return len(tags) if _TAG.sub("", text[closed:]).strip() else last
