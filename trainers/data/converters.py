"""Converters from published formats to the schema of training data; each maps one source row to one row.

- `video-r1`: `problem_id, problem, data_type, problem_type, options, solution, path`, and `process` with the reasoning
  in the cold-start file (github.com/tulerfeng/Video-R1). The target is in the `<answer>` of `solution`.
- `omnex`: the same layout with the method's sections in `process`, `<prethink>` for planning.
- `llava-cot`: `id, image, conversations` (Xkev/LLaVA-CoT-100k), whose answers hold `<SUMMARY> <CAPTION> <REASONING>
  <CONCLUSION>`: planning, caption, think and answer.
- `trl`: conversational rows, `prompt` (and `completion`) or `messages`, with `image`/`images`, and the target in
  `solution` or `answer`.

What is neither yes or no nor an option is `open`. The kinds of Video-R1 and OMNEX-VL (numerical, OCR, free-form,
regression) become its `grade`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from string import ascii_uppercase
from typing import Any, Final

from harness.core.errors import DataError
from trainers.data import GRADE, Grade

Row = Mapping[str, Any]

_ANSWER: Final = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL | re.IGNORECASE)
_OPTION: Final = re.compile(r"^\s*\(?([A-Z])\s*[.):]\s*(.*)$", re.DOTALL)
_OPTION_LINE: Final = re.compile(r"^\s*\(?([A-Z])\s*[.):]\s*(\S.*?)\s*$", re.MULTILINE)
_MEDIA_TOKEN: Final = re.compile(r"<(?:image|video)>\s*")
_LETTER: Final = re.compile(r"\(?([A-Z])\s*(?:[.):]|$)")
_INSTRUCTION: Final = re.compile(
    r"^\s*(?:please\s+)?(?:answer|provide|give|select|choose|respond)\b[^\n]*"
    r"(?:option|letter|choice|word|phrase|yes or no)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_GRADES: Final[Mapping[str, Grade]] = {
    "numerical": "numerical", "OCR": "ocr", "free-form": "free_form", "regression": "regression",
}  # fmt: skip
_LLAVA_COT: Final = {"SUMMARY": "planning", "CAPTION": "caption", "REASONING": "think", "CONCLUSION": "answer"}


def convert_video_r1(row: Row, where: str) -> dict[str, Any]:
    """A Video-R1 row, of the GRPO or the cold-start file."""
    solution = _need(row, "solution", where)
    match = _ANSWER.search(solution)
    answer = match[1] if match else solution.strip()
    paths: list[Any] = row["path"] if isinstance(row.get("path"), list) else [row.get("path")]
    if not all(isinstance(path, str) and path for path in paths):
        raise DataError(f"{where}: field 'path' is missing or not a path.")
    media = [{"kind": _need(row, "data_type", where), "path": path.removeprefix("./")} for path in paths]
    converted: dict[str, Any] = {
        "id": _identifier(row, "problem_id", where),
        "media": [] if media and media[0]["kind"] == "text" else media,
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
    for theirs, ours in _LLAVA_COT.items():
        match = re.search(rf"<{theirs}>(.*?)</{theirs}>", response, re.DOTALL)
        if match is None:
            raise DataError(f"{where}: field 'conversations': the answer has no <{theirs}> section.")
        sections[ours] = match[1].strip()
    asked_text = _need(asked, "value", f"{where}: field 'conversations'")
    asks = _asks(asked_text, sections["answer"])
    if asks["answer_kind"] != "choice":  # Options that the answer names none of stay part of the question.
        question, choices = _split_options(asks["question"])
        asks["question"] = "\n".join([question, *(f"{key}. {text}" for key, text in choices.items())])
    sections["answer"] = asks["answer"]
    response = " ".join(f"<{name}> {text} </{name}>" for name, text in sections.items())
    return {"id": _identifier(row, "id", where), "media": _listed(row.get("image")), **asks, "response": response}


def convert_trl(row: Row, where: str) -> dict[str, Any]:
    """A conversational row of TRL."""
    field = "prompt" if row.get("prompt") else "messages"
    if isinstance(row.get(field), str):
        messages: list[Row] = [{"role": "user", "content": row[field]}]
    elif isinstance(row.get(field), list):
        messages = _objects(row, field, where)
    else:
        raise DataError(f"{where}: neither 'prompt' nor 'messages' is a list of messages.")
    completion = row.get("completion")
    if isinstance(completion, list):
        messages = [*messages, *_objects(row, "completion", where)]
    users = [message for message in messages if message.get("role") == "user"]
    if not users:
        raise DataError(f"{where}: field '{field}': no message of the user.")
    asked = _message_text(users[0], where)
    told = next((_message_text(message, where) for message in messages if message.get("role") == "assistant"), None)
    if told is None and isinstance(completion, str):
        told = completion
    solution = row.get("solution", row.get("answer", row.get("ground_truth")))
    if solution is None and told is not None:
        solution = told
    if solution is None:
        raise DataError(f"{where}: no target: none of 'solution', 'answer', 'ground_truth', 'completion' is there.")
    if isinstance(solution, (list, dict)):
        raise DataError(f"{where}: the target ('solution', 'answer' or 'ground_truth') is a {type(solution).__name__}.")
    match = _ANSWER.search(str(solution))
    media = _listed(row.get("images", row.get("image"))) + _listed(row.get("videos", row.get("video")))
    asks = _asks(asked, match[1] if match else str(solution).strip())
    converted = {"id": _identifier(row, "id", where), "media": media, **asks}
    return converted if told is None else {**converted, "response": _own_tags(told.strip())}


CONVERTERS: Final[Mapping[str, Callable[[Row, str], dict[str, Any]]]] = {
    "video-r1": convert_video_r1,
    "omnex": convert_video_r1,
    "llava-cot": convert_llava_cot,
    "trl": convert_trl,
}


def _asks(text: str, answer: str) -> dict[str, Any]:
    """Question, answer and its kind: lettered lines are options where the answer names one of them."""
    whole = _without_instruction(_MEDIA_TOKEN.sub("", text))
    question, choices = _split_options(whole)
    letter = _leading_letter(answer, choices)
    if letter is None:
        return {"question": whole, **_closed_or_open(answer)}
    return {"question": question, "choices": choices, "answer": letter, "answer_kind": "choice"}


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


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    items = value if isinstance(value, list) else [value]
    return [item["path"] if isinstance(item, dict) and "path" in item else item for item in items]


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


def _closed_or_open(answer: str) -> dict[str, str]:
    word = answer.strip().rstrip(".").lower()
    if word in ("yes", "no"):
        return {"answer": word, "answer_kind": "yes_no"}
    return {"answer": answer.strip(), "answer_kind": "open"}


def _without_instruction(question: str) -> str:
    """A question without the line that says how to answer: the prompt format has its own."""
    return _INSTRUCTION.sub("", question).strip() or question.strip()


def _split_options(question: str) -> tuple[str, dict[str, str]]:
    """A question without its lettered lines, and those: two or more, from A on without a gap; else as it stands."""
    lines = list(_OPTION_LINE.finditer(question))
    choices = {line[1]: line[2] for line in lines}
    if len(choices) < 2 or list(choices) != list(ascii_uppercase[: len(lines)]):
        return question, {}
    stem = re.sub(
        r"\b(?:Options|Choices)\s*:?\s*$", "", question[: lines[0].start()].strip(), flags=re.IGNORECASE
    ).strip()
    return (stem, choices) if stem else (question, {})


def _message_text(message: Row, where: str) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = [part.get("text") or "" for part in content if part.get("type", "text") == "text"]
        if all(isinstance(text, str) for text in texts):
            return "\n".join(texts).strip()
    raise DataError(f"{where}: field 'content' of the {message['role']}'s message: neither a text nor a list of parts.")


def _own_tags(response: str) -> str:
    """A response with `<planning>` where the method's own checkpoints write `<prethink>`."""
    return re.sub(r"<(/?)prethink>", r"<\1planning>", response, flags=re.IGNORECASE)
