"""What in a response is not its answer: a polite frame, what it takes back, questions that it invents afterwards."""

from __future__ import annotations

import re
from typing import Final

from harness.core.reading import parse_json

_TURN_END: Final = re.compile(
    r"</s>|<[|｜]?(?:im_end|eo[mst](?:_id)?|return|end(?:[_▁]?of[_▁]?(?:text|turn|sentence|utterance))?"
    r"|END_OF_TURN_TOKEN)[|｜]?>"
)
_BOX_TOKENS: Final = re.compile(r"<\|begin_of_box\|>(.{0,300}?)<\|end_of_box\|>", re.DOTALL)
_JSON: Final = re.compile(r"\{[^{}]{1,4000}\}(?=\W*$)")
_KEYS: Final = ("final_answer", "answer", "prediction", "choice", "option")
_NEXT_QUESTION: Final = re.compile(
    r"\n[ \t*#]*(?:(?:next |new |another |follow-up )?(?:question|problem|q|exercise|example)[ \t]*\d*[ \t]*[:.]"
    r"|(?:user|human|assistant|system|instruction|input|hint|choices|options)[ \t]*:"
    r"|(?:#+ )?(?:question|problem) \d+\b|the (?:multiple-choice )?question is:)",
    re.IGNORECASE,
)
_NUMBERING: Final = re.compile(r"^\W{0,8}(?:no\.|question|problem) ?\d+\W+", re.IGNORECASE)
_OPENING: Final = re.compile(
    r"^\W{0,8}(?:(?![^\n]{0,90}answer)(?:sure|certainly|of course|okay|ok)\b"
    r"(?:[,.!]? (?:i|i'd|i'll|let|let's|here|we|this|happy|to)\b[^.:!\n]{0,60})?[.:!]\s+"
    r"|(?:yes,? )?i(?:'d| can| would| will) [^.!\n]{0,40}\b(?:help|assist)\b[^.!\n]{0,40}[.!]\s+"
    r"|i (?:can )?see the image\.\s+){1,3}(?=\S)",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(
    r"(?:^|(?<=[.!?\n]))[ \t]*(?:(?:is|was) there anything (?:else|more)|do you have (?:any )?other|let me know if"
    r"|i hope (?:this|that)|please let me know|feel free to|would you like|if you have any (?:other|more|further))"
    r"[^\n]*",
    re.IGNORECASE,
)
_CLOSING_WORDS: Final = ("anything", " other", "et me know", "hope th", "eel free", "ould you like", "further")
_TAKEN_BACK: Final = re.compile(
    r"^.*(?:\b(?:(?:wait|correction|hold on)(?= ?[,:.!\n-]| no\b)|scratch that|on second thought|i meant"
    r"|let me (?:correct|reconsider)[^.:,]*|or rather|actually(?=,? no\b)|oh,? actually|i was wrong"
    r"|i apologi[sz]e for the (?:mistake|error|confusion)|(?<=[.,] )(?:sorry|hmm))\b[,:.]?"
    r"|(?<=\w)(?:\.|\.\.\.|,) (?:no, (?=[\w(])(?!yes|no\b)|actually,? (?=\(?[A-J]\b|yes|no)))",
    re.IGNORECASE | re.DOTALL,
)
_MAYBE_TAKEN_BACK: Final = re.compile(
    r"[Ww]ait|[Cc]orrect|[Ss]cratch|thought|[Hh]old|meant|[Ll]et me|rather|[Aa]ctually|wrong|apolog|[Ss]orry|[Hh]mm"
    r"|[,.] [Nn]o, "
)
_CODE: Final = re.compile(
    r"^(?:def \w+\(|import \w+(?:$|[.,]| as )|print\(|from [\w.]+ import (?:\*|\w+(?:$|,| as ))|return "
    r"|for [\w, ]{1,40} in \S+(?:, \S+)*:$|if [^\n:=<>()]*[=<>()].*:$)",
    re.MULTILINE,
)
_CODE_LINE: Final = re.compile(
    r"^(?:python3?$|(?:def |import |print\(|from \w+ import|return |(?:for|while|if|elif|with) .*:|else:|[\])}]).*"
    r"|[\w.\[\], ]{1,60}[-+*/]?= ?[^=].*|(?: {2,}|\t)\S.*)$",
    re.MULTILINE,
)
"""A line of a program, in a text that holds one."""
_CORRECTION_LENGTH: Final = 400
"""Characters of a response in which a correction is looked for: in longer working "wait" begins another thought."""


def cut_turns(response: str) -> str:
    """The response up to the first end-of-turn token that the engine left in the text; box tokens as a LaTeX box."""
    response = _BOX_TOKENS.sub(r"\\boxed{\1}", response) if "<|begin_of_box|>" in response else response
    end = _TURN_END.search(response) if "<" in response else None
    return response[: end.start()] if end is not None and response[: end.start()].strip() else response


def answer_in_json(text: str) -> str | None:
    """The answer that a JSON object at the end gives under a name of an answer, or as its only true value."""
    match = _JSON.search(text) if text.rstrip(" \n`").endswith("}") else None
    try:
        given = parse_json(match[0]) if match else None
    except ValueError:
        return None
    if not isinstance(given, dict):
        return None
    named = {str(name).lower().replace(" ", "_"): value for name, value in given.items()}
    found = next((named[key] for key in _KEYS if isinstance(named.get(key), str | int | float)), None)
    true = [str(name) for name, value in given.items() if value is True]
    return str(found) if found is not None else true[0] if len(true) == 1 else None


def cut_tail(text: str) -> tuple[str, str]:
    """A plain text up to the question that a model invents after its answer, and that question with what follows."""
    if any(words in text for words in _CLOSING_WORDS):
        text = _CLOSING.sub("", text)
    text = _OPENING.sub("", _NUMBERING.sub("", text).strip())
    for tail in _NEXT_QUESTION.finditer(text):
        head = text[: tail.start()].strip()
        if head and not head.endswith(":"):  # "The question is:" introduces the question that was asked.
            return head, text[tail.start() :].strip()
    return text, ""


def without_program(text: str) -> str:
    """What a plain text says in front of and behind the program that it holds: what that would print, nobody knows."""
    lines = list(_CODE_LINE.finditer(text)) if _CODE.search(text) else []
    return f"{text[: lines[0].start()]}{text[lines[-1].end() :]}".strip() if lines else text


def correction(text: str) -> str | None:
    """What a short plain text says after it takes back what it said; `None` where it takes nothing back."""
    is_short = len(text) < _CORRECTION_LENGTH
    match = _TAKEN_BACK.match(text) if is_short and _MAYBE_TAKEN_BACK.search(text) else None
    return text[match.end() :].strip(" .,:-") if match else None


def introduces(head: str) -> bool:
    """Whether a text before what may be an invented question says that it writes the question down."""
    return re.match(r"\W{0,8}(?:the )?(?:multiple-choice )?question(?: is|:)", head, re.IGNORECASE) is not None


def restates(piece: str, known: str) -> bool:
    """Whether a piece of a response mostly repeats the question and its options."""
    words = set(re.findall(r"\w{3,}", piece[:400].lower()))
    return 2 * len(words & set(re.findall(r"\w{3,}", known.lower()))) > len(words)
