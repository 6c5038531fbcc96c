"""Converters from published formats to the schema of training data; each maps one source row to one row.

- `video-r1`: `problem_id, problem, data_type, problem_type, options, solution, path`, and `process` with the reasoning
  in the cold-start file (github.com/tulerfeng/Video-R1). The target is in the `<answer>` of `solution`.
- `omnex`: the same layout with the method's sections in `process`, `<prethink>` for planning.
- `llava-cot`: `id, image, conversations` (Xkev/LLaVA-CoT-100k), whose answers hold `<SUMMARY> <CAPTION> <REASONING>
  <CONCLUSION>`: planning, caption, think and answer.
- `trl`: conversational rows, `prompt` (and `completion`) or `messages`, of one question, with `image`/`images`,
  `video`/`videos` or paths in the parts of a message, and the target in `solution`, `answer` or `ground_truth`: what
  is in its `<answer>`, and there in the last box of LaTeX.

What is neither yes or no nor an option is `open`. The kinds of Video-R1 and OMNEX-VL (numerical, OCR, free-form,
regression) become its `grade`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from string import ascii_uppercase
from typing import Any, Final

from harness.answers.forms import stated
from harness.answers.sections import LLAVA_COT
from harness.core.errors import DataError
from trainers.data import GRADE, Grade

Row = Mapping[str, Any]

_ANSWER: Final = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL | re.IGNORECASE)
_OPTION: Final = re.compile(r"^\s*\(?([A-Z])\s*[.):]\s*(.*)$", re.DOTALL)
_OPTION_LINE: Final = re.compile(r"^\s*\(?([A-Z])\s*[.):]\s*(\S.*?)\s*$", re.MULTILINE)
_MEDIA_TOKEN: Final = re.compile(r"<(?:image|video)>\s*")
_LETTER: Final = re.compile(r"\(?([A-Z])\s*(?:[.):]|$)")
_INSTRUCTION: Final = re.compile(
    r"(?<=[.?!\n])\s*(?:please\s+)?(?:answer|provide|give|select|choose|respond)\b", re.IGNORECASE
)
"""Where a sentence that may be an instruction begins."""
_HOW_TO_ANSWER: Final = frozenset({"option", "options", "letter", "choice", "choices", "word", "phrase", "yes", "no"})
_INSTRUCTING: Final = _HOW_TO_ANSWER | frozenset(
    "above and answer below best brief briefly by choose concise correct correctly directly either following for from "
    "give given in is it its just most of one only or phrases please provide question respond response right select "
    "short simple single that the then to tag tags using very with within words your eg etc".split()
)
"""Words that instructions are made of; a sentence that has any other may be the question itself."""
_AFTER_OPTIONS: Final = re.compile(
    r"(?:please\s+)?(?:answer|provide|give|select|choose|respond)\b[^?]*(?:option|letter|choice|word|phrase|yes or no)",
    re.IGNORECASE,
)
"""How an instruction begins where it can be no question any more, whatever its other words."""
_GRADES: Final[Mapping[str, Grade]] = {
    "numerical": "numerical", "OCR": "ocr", "free-form": "free_form", "regression": "regression",
}  # fmt: skip


def convert_video_r1(row: Row, where: str) -> dict[str, Any]:
    """A Video-R1 row, of the GRPO or the cold-start file."""
    solution = _need(row, "solution", where)
    match = _ANSWER.search(solution)
    answer = match[1] if match else solution.strip()
    media = []
    if (shown := _need(row, "data_type", where)) != "text":  # Its path is empty, or not there.
        paths: list[Any] = row["path"] if isinstance(row.get("path"), list) else [row.get("path")]
        if not all(isinstance(path, str) and path for path in paths):
            raise DataError(f"{where}: field 'path' is missing or not a path.")
        media = [{"kind": shown, "path": path.removeprefix("./")} for path in paths]
    converted: dict[str, Any] = {
        "id": _identifier(row, "problem_id", where),
        "media": media,
        "question": _without_instruction(_need(row, "problem", where)),
    }
    kind = _need(row, "problem_type", where)
    if kind == "multiple choice":
        choices = _options(row, where)
        if (letter := _leading_letter(answer, choices)) is None:
            raise DataError(f"{where}: field 'solution': {answer[:40]!r} is none of the options {', '.join(choices)}.")
        converted |= {"choices": choices, "answer": letter, "answer_kind": "choice"}
    else:
        converted |= _closed_or_open(answer)
        if converted["answer_kind"] == "open" and kind in _GRADES:
            converted[GRADE] = _GRADES[kind]
    process = row.get("process")
    if isinstance(process, str) and process.strip():
        converted["response"] = _own_tags(process.strip() if match is None else f"{process.strip()}\n{match[0]}")
    return converted


def convert_llava_cot(row: Row, where: str) -> dict[str, Any]:
    """A LLaVA-CoT row: its first turn that was answered in the four sections."""
    for asked, told in pairwise(_objects(row, "conversations", where)):
        response = told.get("value")
        if asked.get("from") != "human" or told.get("from") != "gpt" or not isinstance(response, str):
            continue
        if "<CONCLUSION>" in response:
            break
    else:
        raise DataError(f"{where}: field 'conversations': no answer holds <CONCLUSION>.")
    sections = {}
    for theirs, ours in LLAVA_COT.items():
        match = re.search(rf"<{theirs}>(.*?)</{theirs}>", response, re.DOTALL)
        if match is None:
            raise DataError(f"{where}: field 'conversations': the answer has no <{theirs}> section.")
        sections[ours] = match[1].strip()
    asked_text = _need(asked, "value", f"{where}: field 'conversations'")
    media = _media(row.get("image"), "image")
    asks = _asks(asked_text, sections["answer"], len(media), f"{where}: field 'conversations'")
    sections["answer"] = asks["answer"]
    response = " ".join(f"<{name}> {text} </{name}>" for name, text in sections.items())
    return {"id": _identifier(row, "id", where), "media": media, **asks, "response": response}


def convert_trl(row: Row, where: str) -> dict[str, Any]:
    """A conversational row of TRL."""
    field = "prompt" if row.get("prompt") else "messages"
    if isinstance(row.get(field), str):
        messages: list[Row] = [{"role": "user", "content": row[field]}]
    elif isinstance(row.get(field), list):
        messages = _objects(row, field, where)
    else:
        raise DataError(f"{where}: neither 'prompt' nor 'messages' is a list of messages.")
    if isinstance(row.get("completion"), str):
        messages = [*messages, {"role": "assistant", "content": row["completion"]}]
    elif isinstance(row.get("completion"), list):
        messages = [*messages, *_objects(row, "completion", where)]
    turns = [message for message in messages if message.get("role") not in ("system", "developer")]
    if [message.get("role") for message in turns] not in (["user"], ["user", "assistant"]):
        raise DataError(
            f"{where}: field '{field}': a row holds one question: one message of the user, and one of the assistant "
            f"after it or none; these are of {', '.join(str(message.get('role')) for message in turns) or 'nobody'}."
        )
    asked, parts = _message_parts(turns[0], where)
    media = _placed(parts, row, f"{where}: field '{field}'")
    told = None
    if len(turns) == 2:
        told, parts = _message_parts(turns[1], where)
        if parts:
            raise DataError(f"{where}: field '{field}': media in the assistant's message.")
    given = (row.get(field) for field in ("solution", "answer", "ground_truth"))
    solution = next((value for value in given if value is not None), told)
    if solution is None:
        raise DataError(f"{where}: no target: none of 'solution', 'answer', 'ground_truth', 'completion' is there.")
    if isinstance(solution, (list, dict)):
        raise DataError(f"{where}: the target ('solution', 'answer' or 'ground_truth') is a {type(solution).__name__}.")
    asks = _asks(asked, _final_answer(str(solution)), len(media), f"{where}: field '{field}'")
    converted = {"id": _identifier(row, "id", where), "media": media, **asks}
    return converted if told is None else {**converted, "response": _own_tags(told.strip())}


CONVERTERS: Final[Mapping[str, Callable[[Row, str], dict[str, Any]]]] = {
    "video-r1": convert_video_r1,
    "omnex": convert_video_r1,
    "llava-cot": convert_llava_cot,
    "trl": convert_trl,
}


def _asks(text: str, answer: str, media: int, where: str) -> dict[str, Any]:
    """Question, answer and its kind: lettered lines are options where the answer names one of them.

    Raises:
        DataError: there are more places for media in the text than media.
    """
    bare, places = _MEDIA_TOKEN.subn("", text)
    if places > media:
        raise DataError(f"{where}: {places} times <image> or <video>, and {media} media. Give their paths.")
    whole = _without_instruction(bare)
    question, choices = _split_options(whole)
    letter = _leading_letter(answer, choices)
    if letter is None:
        return {"question": whole, **_closed_or_open(answer)}
    return {
        "question": _without_instruction(question),
        "choices": choices,
        "answer": letter,
        "answer_kind": "choice",
    }


def _need(row: Row, field: str, where: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: field '{field}' is missing or not a text.")
    return value


def _identifier(row: Row, field: str, where: str) -> str:
    value = row.get(field)
    if isinstance(value, (list, dict)):
        raise DataError(f"{where}: field '{field}': a {type(value).__name__}, not a text or a number.")
    return where if value is None else str(value)


def _objects(row: Row, field: str, where: str) -> list[Row]:
    value = row.get(field)
    if not isinstance(value, list):
        raise DataError(f"{where}: field '{field}' is missing or not a list.")
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            raise DataError(f"{where}: field '{field}[{number}]': a {type(item).__name__}, not an object.")
    return value


def _media(value: Any, kind: str) -> list[dict[str, Any]]:
    """A path or a list of them as media; what is no path is refused when the row is read."""
    items = value if isinstance(value, list) else [] if value is None or value == "" else [value]
    return [
        {"kind": kind, "path": item["path"] if isinstance(item, dict) and "path" in item else item} for item in items
    ]


def _placed(parts: Sequence[tuple[str, Any]], row: Row, where: str) -> list[dict[str, Any]]:
    """The media of a question, in the order of its message's parts; those without a path take theirs from the row.

    A row may name again what a part names.

    Raises:
        DataError: a part has no path, or a path has no part.
    """
    fields = {kind: _media(row.get(f"{kind}s") or row.get(kind), kind) for kind in ("image", "video")}
    if not parts:
        return fields["image"] + fields["video"]
    placed = []
    for kind, path in parts:
        if (named := {"kind": kind, "path": path}) in fields[kind]:
            fields[kind].remove(named)
    for kind, path in parts:
        if path is None and not fields[kind]:
            raise DataError(f"{where}: the path of a part of the type {kind} is not given, nor is it in '{kind}s'.")
        placed.append(fields[kind].pop(0) if path is None else {"kind": kind, "path": path})
    for kind, left in fields.items():
        if left:
            raise DataError(f"{where}: {len(left)} more in '{kind}s' than parts of the type {kind}.")
    return placed


def _options(row: Row, where: str) -> dict[str, str]:
    options = row.get("options")
    if not isinstance(options, list) or len(options) < 2:
        raise DataError(f"{where}: field 'options': a multiple-choice row needs a list of two or more.")
    if any(not isinstance(option, (str, int, float)) for option in options):
        raise DataError(f"{where}: field 'options': an option is neither a text nor a number.")
    choices: dict[str, str] = {}
    for letter, option in zip(ascii_uppercase, options, strict=False):
        match = _OPTION.match(str(option))
        choices[match[1] if match else letter] = (match[2] if match else str(option)).strip()
    if len(choices) < len(options):
        raise DataError(f"{where}: field 'options': two options have the same letter.")
    return choices


def _leading_letter(answer: str, choices: Mapping[str, str]) -> str | None:
    """The option that an answer names: by its letter at the start, or by its whole text."""
    match = _LETTER.match(answer.strip())
    if match and match[1] in choices:
        return match[1]
    wanted = answer.strip().rstrip(".").casefold()
    same = [letter for letter, text in choices.items() if text.rstrip(".").casefold() == wanted]
    return same[0] if len(same) == 1 else None


def _final_answer(solution: str) -> str:
    """What a solution comes to: in its `<answer>`, and in the last box there."""
    match = _ANSWER.search(solution)
    answer = match[1] if match else solution.strip()
    boxes = [said.payload for said in stated(answer) if said.form == "boxed"]
    return boxes[-1] if boxes else answer


def _closed_or_open(answer: str) -> dict[str, str]:
    word = answer.strip().rstrip(".").lower()
    if word in ("yes", "no"):
        return {"answer": word, "answer_kind": "yes_no"}
    return {"answer": answer.strip(), "answer_kind": "open"}


def _without_instruction(question: str) -> str:
    """A question without what at its end says how to answer and nothing else: the prompt format has its own."""
    question = question.strip()
    if options := _option_lines(question):
        after = question[options[-1].end() :].replace("e.g.", "eg")
        told = [sentence.strip() for sentence in re.split(r"(?<=[.!?])\s+|\n", after) if sentence.strip()]
        if all(_AFTER_OPTIONS.match(sentence) and "?" not in sentence for sentence in told):
            question = question[: options[-1].end()].strip()
    for start in _INSTRUCTION.finditer(question):
        sentences = question[start.start() :].lower().replace("e.g.", "eg")
        words = set(re.findall(r"[^\W_]+", sentences))
        letters = {word for word in words if len(word) == 1 and word.isalpha()}  # A, B, C, and that of "option's".
        if "?" not in sentences and words & _HOW_TO_ANSWER and words <= _INSTRUCTING | letters:
            return question[: start.start()].strip()
    return question


def _option_lines(question: str) -> list[re.Match[str]]:
    """Lettered lines: two or more, from A on without a gap; else none."""
    lines = list(_OPTION_LINE.finditer(question))
    letters = [line[1] for line in lines]
    return lines if len(lines) > 1 and letters == list(ascii_uppercase[: len(lines)]) else []


def _split_options(question: str) -> tuple[str, dict[str, str]]:
    """A question without its lettered lines, and those; as it stands where it has none.

    It stands too where a line between or after them has no letter: whether it goes on with an option or with the
    question cannot be told.
    """
    lines = _option_lines(question)
    if not lines:
        return question, {}
    choices = {line[1]: line[2] for line in lines}
    stem = re.sub(
        r"\b(?:Options|Choices)\s*:?\s*$", "", question[: lines[0].start()].strip(), flags=re.IGNORECASE
    ).strip()
    others = _OPTION_LINE.sub("", question[lines[0].start() :]).strip()
    return (stem, choices) if stem and not others else (question, {})


def _message_parts(message: Row, where: str) -> tuple[str, list[tuple[str, Any]]]:
    """The text of a message, and kind and path of its media in order; the path is `None` where it stands elsewhere."""
    place = f"{where}: field 'content' of the {message['role']}'s message"
    content = message.get("content")
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise DataError(f"{place}: neither a text nor a list of parts.")
    texts, media = [], []
    for part in content:
        kind = part.get("type") or next((kind for kind in ("image", "video") if part.get(kind)), "text")
        if kind == "text":
            texts.append(part.get("text") or "")
        elif kind in ("image", "video"):
            value = part.get(kind) or part.get("path")
            media.append((kind, value.get("path") if isinstance(value, dict) else value))
        else:
            raise DataError(f"{place}: a part of the type {kind!r}, none of text, image and video.")
    if not all(isinstance(text, str) for text in texts):
        raise DataError(f"{place}: the text of a part is none.")
    return "\n".join(texts).strip(), media


def _own_tags(response: str) -> str:
    """A response with `<planning>` where the method's own checkpoints write `<prethink>`."""
    return re.sub(r"<(/?)prethink>", r"<\1planning>", response, flags=re.IGNORECASE)
