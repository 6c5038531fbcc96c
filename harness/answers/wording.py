"""Text normalisation that every reader of answers shares. Linear time; nothing here decides what an answer is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final


def either(*patterns: str) -> str:
    """A regular expression that matches any of the patterns."""
    return f"(?:{'|'.join(patterns)})"


def word_set(words: str) -> frozenset[str]:
    """The words of a list that is written as one text."""
    return frozenset(words.split())


def holds(text: str, pieces: Iterable[str]) -> bool:
    """Whether a text holds any of the pieces: the test that most patterns can be spared by."""
    for piece in pieces:  # noqa: SIM110 - a generator takes twice as long
        if piece in text:
            return True
    return False


def find_all(text: str, piece: str) -> list[int]:
    """Where a piece stands in a text, in ascending order; places that overlap count once."""
    found = []
    place = text.find(piece)
    while place >= 0:
        found.append(place)
        place = text.find(piece, place + len(piece))
    return found


# Numbers in words, as digits.
NUMBERS: Final = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14",
    "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "20",
    "thirty": "30", "forty": "40", "fifty": "50",
}  # fmt: skip

# Format characters that are seen by nobody: soft hyphen, zero-width and direction marks, variation selectors, tags.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_PUNCTUATION: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4\u02b9\u0060", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u300c\u300d\u300e\u300f", '"'),
        **dict.fromkeys("\u3010\u3014\u27e8\u3008\u300a", "("),
        **dict.fromkeys("\u3011\u3015\u27e9\u3009\u300b", ")"),
        **dict.fromkeys("\u2010\u2011\u2012\u2212\ufe63", "-"),
        **dict.fromkeys("\u2014\u2015\u2e3a", " - "),
        "\u2013": "-",
        "\u2044": "/",
        "\u00b7": " ",
        "\u2022": " ",
    }
)
# Characters whose compatibility form means something else: the square of n is not n2.
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-()ni0123456789+-")
_RAISED: Final = re.compile("([⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ₀₁₂₃₄₅₆₇₈₉₊₋ªº½⅓⅔¼¾⅛™]+)")

_PIECE: Final = 1024  # characters normalised at a time
_MARKS: Final = 64  # combining marks looked at when a piece ends


def _compose(text: str) -> str:
    """NFKC, in pieces: the standard library sorts a run of combining marks in quadratic time."""
    if len(text) <= _PIECE:
        return unicodedata.normalize("NFKC", text)
    pieces = []
    start = 0
    while start < len(text):
        end = min(start + _PIECE, len(text))
        for _ in range(_MARKS):
            if end < len(text) and unicodedata.combining(text[end]):
                end += 1
        pieces.append(unicodedata.normalize("NFKC", text[start:end]))
        start = end
    return "".join(pieces)


def fold(text: str) -> str:
    """NFKC without invisible characters, quotes and dashes in their ASCII forms."""
    if not text.isascii():
        text = _compose(_INVISIBLE.sub("", text)).translate(_PUNCTUATION)
    return text.replace("`", "'") if "`" in text else text


def fold_keeping_scripts(text: str) -> str:
    """Like `fold`, but superscripts, subscripts and fractions stay what they are: for text that is handed on."""
    if text.isascii():
        return text
    pieces = _RAISED.split(_INVISIBLE.sub("", text))
    pieces[::2] = [_compose(piece) for piece in pieces[::2]]
    return "".join(pieces)


def spell_scripts(text: str) -> str:
    """Writes raised and lowered digits on the line: `n²` as `n^2`, `H₂` as `H2`."""
    if text.isascii():
        return text

    def spell(match: re.Match[str]) -> str:
        run = match[0]
        line = run.translate(_SUPERSCRIPTS)
        return f"^{line}" if "\u2070" <= run[0] <= "\u207f" or run[0] in "¹²³" else line

    return re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ]+|[₀₁₂₃₄₅₆₇₈₉₊₋]+", spell, text)


_POWER: Final = re.compile(r"(?<=[\w)])\*\*(?=[\d({])")


def spell_powers(text: str) -> str:
    """Writes `n**2` as `n^2`, before Markdown takes the asterisks for emphasis."""
    return _POWER.sub("^", text) if "**" in text else text


_SPECIAL_TOKEN: Final = re.compile(
    r"<\|[^<>|\n]{1,40}\|>|</?s>|<(?:eos|bos|pad|unk|end_of_turn|start_of_turn|end_of_utterance)>|\[/?INST\]"
    r"|<(?:/?image|/?video|/?img)>|◁/?think▷",
    re.IGNORECASE,
)
_BOX_TOKEN: Final = re.compile(r"<\|begin_of_box\|>([^<>]{0,400})<\|end_of_box\|>")
_HTML: Final = re.compile(
    r"</?(?:b|i|u|em|strong|p|br|div|span|code|pre|mark|li|ul|ol|sub|sup|font|center|h[1-6])(?:\s[^<>]{0,80})?/?>",
    re.IGNORECASE,
)
_STEP_TAG: Final = re.compile(
    r"</?(?:summary|reasoning|rationale|analysis|observation|description|explanation|thought|thinking)>"
    r"|</(?:conclusion|final_answer|response|output|result|solution|ans|final)>",
    re.IGNORECASE,
)
_CONCLUSION_TAG: Final = re.compile(
    r"<(?:conclusion|final_answer|response|output|result|solution|ans|final)>", re.IGNORECASE
)
_STRUCK: Final = re.compile(r"~~[^~\n]{1,200}~~")
_TEX_TEXT: Final = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|sc)?|math(?:rm|bf|it|sf|tt)|operatorname|emph|mbox|bf|rm|it)\s?\{([^{}]{0,400})\}"
)
_TEX_NOISE: Final = re.compile(r"\\(?:[()\[\]]|left|right|displaystyle|,|;|!|quad|qquad)(?![a-z])|\$")
_REPEATED: Final = re.compile(r"([-.,!?;:*#=_~'\"()\[\]{}<>/|+\\。！？…])\1{3,}")
_LINE_MARK: Final = re.compile(r"^(?:#{1,6}|>{1,3}|[-+]) +")
_SCRIPT_SEAM: Final = re.compile(
    r"(?<=[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af])(?=[A-Za-z0-9])"
    r"|(?<=[A-Za-z0-9])(?=[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af])"
)


def strip_markup(text: str) -> str:
    r"""Drops what decorates a text: special tokens, HTML, Markdown emphasis, struck text, LaTeX text commands.

    `\boxed{...}` stays: it marks an answer.
    """
    if "<" in text or "[" in text or "◁" in text:
        if "begin_of_box" in text:
            text = _BOX_TOKEN.sub(r"\\boxed{\1}", text)
        text = _HTML.sub(" ", _SPECIAL_TOKEN.sub(" ", text))
        if "</" in text:
            text = _CONCLUSION_TAG.sub("\nConclusion: ", _STEP_TAG.sub("\n", text))
    if "~~" in text:
        text = _STRUCK.sub(" ", text)
    if "\\" in text:
        text = _TEX_TEXT.sub(r"\1", _TEX_TEXT.sub(r"\1", text))
        text = _TEX_NOISE.sub(" ", text)
    else:
        text = text.replace("$", " ")
    if "*" in text or "_" in text:  # most texts have neither, and one character is found many times faster than two
        text = text.replace("*", "").replace("__", "")
    return text


def tidy(text: str) -> str:
    """White space, bullets and long runs of one mark made short, so that what reads on stays linear."""
    if text.isprintable() and "  " not in text:
        text = _LINE_MARK.sub("", text.strip(), count=1) if text[:1] in "#>-+ " else text.strip()
    else:
        lines = []
        for line in text.splitlines():
            line = " ".join(line.split())
            if line and line[0] in "#>-+":
                line = _LINE_MARK.sub("", line, count=1)
            if line:
                lines.append(line)
        text = "\n".join(lines)
    return _REPEATED.sub(r"\1\1\1", text)


def clean(text: str) -> str:
    """The text that answers are read from: folded, without markup, tidy, unspaced scripts set apart from Latin."""
    text = fold(text)
    if not text.isascii():
        text = _SCRIPT_SEAM.sub(" ", text)
    return tidy(strip_markup(text))


def lower(text: str) -> str:
    """Lower case of the same length, so that positions agree with those in `text`."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


_WITH_APOSTROPHE: Final = (
    ("can't", "can not"), ("won't", "will not"), ("shan't", "shall not"), ("ain't", "is not"), ("n't", " not"),
    ("'re ", " are "), ("'ve ", " have "), ("'ll ", " will "), ("i'm ", "i am "), ("i'd ", "i would "),
    ("there's ", "there is "), ("it's ", "it is "), ("that's ", "that is "), ("here's ", "here is "),
    ("he's ", "he is "), ("what's ", "what is "), ("who's ", "who is "), ("answer's ", "answer is "),
    ("let's ", "let us "),
    ("it'd ", "it would "), ("that'd ", "that would "),
)  # fmt: skip
_WITHOUT_APOSTROPHE: Final = (
    "isnt", "arent", "wasnt", "werent", "dont", "doesnt", "didnt", "hasnt", "havent", "couldnt", "shouldnt", "wouldnt"
)  # fmt: skip
_BARE: Final = re.compile(rf"\b({'|'.join(_WITHOUT_APOSTROPHE)}|cant|wont)\b")


def spell_out(text: str) -> str:
    """Writes English contractions out: `isn't` as `is not`, `can't` and `cannot` as `can not`, `it's` as `it is`.

    Args:
        text: in lower case.
    """
    if "'" in text:
        for short, full in _WITH_APOSTROPHE:
            if short in text:
                text = text.replace(short, full)
    text = text.replace("cannot", "can not")
    if "nt " in text and any(word in text for word in ("snt ", "dnt ", "ont ", "cant ", "rent ", "vent ")):
        text = _BARE.sub(lambda match: {"cant": "can", "wont": "will"}.get(match[0], match[0][:-2]) + " not", text)
    return text


_NO_WORD: Final = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_{|}~。，、；：！？…“”', " "))


def vocabulary(low: str) -> set[str]:
    """The words of a text, to ask cheaply which phrases can occur in it at all."""
    words = set(low.translate(_NO_WORD).split())
    if "'" in low:
        words |= {word.strip("'") for word in words if "'" in word}
    return words
