"""Reading and matching answers that are free text: a word, a phrase, a number with its unit, a formula."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

from harness.scoring import cues
from harness.scoring.quantities import same_formula, same_quantity
from harness.scoring.wording import fold, lower, spell_out, spell_scripts, strip_markup, tidy, vocabulary

# --- reading -------------------------------------------------------------------------------------------------------

_SENTENCE_END: Final = re.compile(r"(?<![A-Z.])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bDr)(?<!\bSt)[.!?。！？]+(?=\s|$)|\n")
_INSTRUCTION: Final = re.compile(
    r"\b(?:please )?(?:answer|respond|reply)(?: to)?(?: the question)? (?:with|using|in) (?:an?|only|one)[^\n.]{0,40}?\b(?:words?|phrases?|sentence|number)\b[^\n.]{0,30}[.\n]?",
    re.IGNORECASE,
)
_WRAPPING: Final = " \t\n\"'“”‘’`*_:;,!，；："
_REFUSAL_READ: Final = 300
_DECIMAL: Final = re.compile(r"\.\d")
_POWER: Final = re.compile(r"(?<=[\w)])\*\*(?=[\d({])")
_JSON_VALUE: Final = re.compile(r"\s*\"((?:[^\"\\]|\\.){0,400})\"|\s*(-?[\d.]{1,30}|true|false|null)\b")


def read_open(text: str, question: str | None = None) -> str | None:
    r"""The final answer's text in a free text.

    What `\boxed{}`, a JSON key, "the final answer is" or "the answer is" announces, the last of them; else a short
    first sentence that stands before an explanation; else the text itself. What was taken back does not count.

    Args:
        text: the response without section tags.
        question: the question, so that an echo of it is no answer.

    Returns:
        the text in its own words, without quotes, markup and final full stop; `None` for an empty text, a placeholder,
        an echo of the question, or a refusal.
    """
    if "nswer" in text or "espond" in text or "eply" in text:
        text = _INSTRUCTION.sub(" ", text)
    text = tidy(strip_markup(_POWER.sub("^", text) if "**" in text else text))
    if question:
        asked = tidy(strip_markup(question[:2000]))
        if len(asked) > 8:
            text = text.replace(asked, " ").strip()
    low = lower(text)
    words = vocabulary(low)
    answer = _announced(text, low, words)
    if answer is None:
        start = cues.spans(low, words)[-1][0]
        answer = _first_or_all(text[start:].strip() or text, lower(question or ""))
    answer = _unwrap(answer)
    plain = spell_out(lower(answer[:_REFUSAL_READ]) + " ").strip()
    if not re.search(r"[^\W_]", answer) or cues.is_placeholder(plain):
        return None
    if cues.is_unsure(plain) and len(plain.split()) > 2:
        return None
    if re.match(r"(?:i am sorry|sorry,|i apologi[sz]e|unfortunately,? i)\b", plain):
        return None
    return answer


def _announced(text: str, low: str, words: Collection[str]) -> str | None:
    """What the strongest, last announcement announces."""
    found = [cue for cue in cues.conclusions(low, words) if low[cue.payload : cue.end].strip(_WRAPPING)]
    if not found:
        return None
    best = max(cue.rank for cue in found)
    cue = [cue for cue in found if cue.rank == best][-1]
    payload = text[cue.payload : cue.end]
    if low.startswith("\\boxed", cue.start):
        return payload
    before = low[cue.start : cue.payload]
    if before.rstrip().endswith(":") and ('":' in before or "':" in before):
        value = _JSON_VALUE.match(payload)
        if value is not None:
            return value[1] if value[1] is not None else value[2]
    if re.match(r"\s*(?:not|unclear|unknown)\b", payload.lower()):
        return payload
    payload = payload.lstrip(" \n")
    end = _SENTENCE_END.search(payload)
    stated = payload[: end.start()] if end else payload
    return re.split(r",? (?:because|since|as (?:the|it|this|shown|seen|evidenced)|which (?:is|means))\b", stated, maxsplit=1)[0]


def _first_or_all(text: str, asked: str) -> str:
    """A short first sentence or line that an explanation follows and that does not come from the question; else all."""
    end = _SENTENCE_END.search(text)
    if end is None or not text[end.end() :].strip():
        return text
    first = text[: end.start()]
    short = first.strip() and len(first.split()) <= 8 and lower(first.strip()) not in asked
    return first if short else text


def _unwrap(answer: str) -> str:
    answer = answer.rstrip(_WRAPPING + ".。").lstrip(_WRAPPING)
    pairs = {"(": ")", "[": "]", "{": "}", "<": ">"}
    while len(answer) > 1 and pairs.get(answer[0]) == answer[-1] and answer.count(answer[0]) == 1:
        answer = answer[1:-1].strip(_WRAPPING)
    return answer.lstrip(".") if not _DECIMAL.match(answer) else answer


# --- matching ------------------------------------------------------------------------------------------------------

_NUMBER_WORDS: Final = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
        " nineteen twenty".split()
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "once": "1", "twice": "2", "single": "1"}
_ORDINALS: Final = {"1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "5th": "fifth"}
_ROMAN: Final = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10", "xi": "11", "xii": "12"}
_ARTICLES: Final = frozenset(("a", "an", "the"))
_OPPOSITES: Final = tuple(
    frozenset(pair.split())
    for pair in (
        "left right", "odd even", "high low", "higher lower", "increase decrease", "increased decreased", "increases decreases",
        "positive negative", "first second", "bigger smaller", "larger smaller", "upper lower", "open-loop closed-loop",
        "clockwise counterclockwise", "formal informal", "parasympathetic sympathetic", "max min", "in out", "dc ac",
        "hot cold", "up down", "implicit explicit", "odd neither", "rise fall", "expansion contraction",
    )
)  # fmt: skip
_TOKEN: Final = re.compile(r"[-+]?\d+(?:[.,]\d+)*|[^\W_]+|[%°^+/=<>√π*]")
_HEDGES: Final = re.compile(
    r"^(?:(?:most |very )?(?:probably|likely|possibly|perhaps|maybe|presumably|definitely|clearly|approximately|about|around|roughly|nearly|almost|exactly|simply|called|known as|named"
    r"|i (?:think|believe|guess|would say|am sure)(?: that)?(?: it is)?|(?:it|this|that|he|she|they|these|those) (?:is|are|was|were|would be|must be|should be|could be|might be)"
    r"(?: (?:called|known as|referred to as|termed|an example of|a type of|a kind of|a case of|most likely|likely|probably))*|the (?:answer|term|result|name) (?:is|would be)"
    r"|≈|~|=|option|answer)[\s,:]*)+"
)
_LED_IN: Final = re.compile(r"(?:the|this|that|these|those|in|based|according|from|as|it|they|he|she|i|we|an?)\b")
_LINK: Final = re.compile(
    r" (?:is|are|was|were|be|becomes|uses|shows|demonstrates|illustrates|represents|depicts|involves|called|as|termed|named|by|see|observe)"
    r"(?: (?:called|known as|referred to as|termed|named|considered|identified as|classified as|described as|an example of|a type of|a kind of|a form of|most likely|likely|probably|approximately|about"
    r"|primarily|mainly|clearly|typically|commonly|used|using|likely to be|demonstrating|showing))*(?: to be)?(?: (?:a|an|the|its|their))?(?= )"
)
_BLANK: Final = "¤"  # what a question's blank is written as
_DRAWN_BLANK: Final = re.compile(r"\*{0,2}\(?_{2,}\)?\*{0,2}")
_ASKED_NOUN: Final = re.compile(
    r"\b(?:what|which)(?: (?:kind|type|sort|form|class|specific|famous|main|primary|particular|common|cinematic|excavation|physical))*(?: of)?(?: (?:\w+-)?\w+){0,3}? ?(?=\b(?:is|are|does|do|did|was|were|has|have|can|could|would|will|should|being|causes?|might|most|shown|used)\b)"
)
_ASKED_NAME: Final = re.compile(
    r"\bwhat (?:is|are|was|were) the (?:[\w-]+ ){0,2}?([\w-]+) (?:used|shown|in|of|that|being|for|demonstrated|depicted|illustrated|seen)\b"
)
_SUBJECT: Final = re.compile(
    r"(?:^|[.,;:] ?)(?:the|this) (?:\w+ of )?(?:[\w-]+ ){0,2}?([\w-]+) (?:in|shown|demonstrated|used|is|was|being|depicted|illustrated|that|which|most|at|are)\b[^.;:?]*$"
)
_PARENTHESIS: Final = re.compile(r"^(?P<outer>[^()]+?)\s*\((?P<inner>[^()]+)\)(?P<rest>[^()]*)$")
_NEGATED: Final = re.compile(r"\b(?:not|never|neither|nor|no|without|cannot|isn't|other than|anything but|instead of|rather than|except|unlike|absence of|lack of)\b")
_LIST: Final = re.compile(r"\s*(?:,|;|\n|/|\bor\b|\band\b|\||&)\s*")
_CONTRAST: Final = re.compile(r",? (?:rather than|instead of|as opposed to|and not|but not|not|because|since|due to|which)\b")


def match_open(answer: str | None, target: str, question: str | None = None) -> bool | None:
    """Whether an open answer is the target, as far as rules can tell.

    Args:
        answer: the answer's text (see `read_answer`); `None` is no answer.
        target: the gold answer; `X (Y)`, `X or Y` and `X/Y` list aliases.
        question: the question. Words that it already holds around its blank ("the ____ force") may stand in the answer or
            be missing, as may a unit that it names.

    Returns:
        `True` where the answer certainly is the target: equal but for case, punctuation, articles, accents, plural,
        number format or unit; an alias; the target in a plain sentence that names it; an equal formula.
        `False` where it certainly is not: empty, a placeholder or refusal, an echo of the question, negated, a part of
        the target only, several answers at once, another number, the opposite.
        `None` where rules cannot settle it: a paraphrase, or more than was asked. Never raises.
    """
    if answer is None or len(answer) > 2000:
        return False if answer is None else None
    given = _plain(answer)
    if not re.search(r"[^\W_]", given) or cues.is_placeholder(given):
        return False
    asked = _plain(_DRAWN_BLANK.sub(f" {_BLANK} ", question)) if question else ""
    context = _Context(asked)
    if _is_echo(given, asked):
        return False
    core = context.fill(given, 5) or given
    aliases = _aliases(_plain(target))
    verdicts = [_match_alias(core, alias, context) for alias in aliases]
    if True in verdicts or _pairs_aliases(core, aliases) or _ends_with(given, aliases, context):
        return True
    if cues.is_unsure(given) or given.split()[0] in ("yes", "no") or re.fullmatch(r"[a-h]\W*", given):
        return False
    if _lists_several(core, _plain(target)):
        return False
    return False if all(verdict is False for verdict in verdicts) else None


class _Context:
    """What a question says around its blank, so that the answer need not, or may."""

    __slots__ = ("after", "before", "nouns", "stems", "whole_after", "whole_before", "words")

    def __init__(self, asked: str) -> None:
        self.before: tuple[str, ...] = ()
        self.after: tuple[str, ...] = ()
        self.whole_before: tuple[str, ...] = ()
        self.whole_after: tuple[str, ...] = ()
        self.words = frozenset(_tokens(asked))
        self.stems = frozenset(map(_singular, self.words))
        if _BLANK in asked:
            before, after = asked.split(_BLANK, 1)
            self.whole_before = _tokens(re.split(r"[.;:!?](?=\s)", before)[-1])
            self.whole_after = _tokens(re.split(r"[.;:!?](?=\s|$)", after)[0])
            self.before = self.whole_before[-4:]
            self.after = _tokens(re.split(r"[.;:!?,]", after)[0])[:3]
        noun = _ASKED_NOUN.search(asked)
        name = _ASKED_NAME.search(asked)
        subject = _SUBJECT.search(asked.split(_BLANK)[0])
        nouns = (*(_tokens(noun[0])[1:] if noun else ()), *((subject[1],) if subject else ()), *((name[1],) if name else ()))
        self.nouns = frozenset(map(_singular, nouns))

    def fill(self, given: str, size: int) -> str | None:
        """What an answer that repeats the question's sentence puts into its blank; `None` if it does not repeat it.

        Args:
            given: the answer.
            size: how many words before the blank must be repeated, where there are so many.
        """
        for sentence in re.split(r"[.;!?](?=\s|$)", given):
            filled = self._fill_sentence(_tokens(sentence), size)
            if filled:
                return " ".join(filled)
        return None

    def _fill_sentence(self, words: tuple[str, ...], size: int) -> tuple[str, ...]:
        size = min(len(self.whole_before), size)
        after = self.whole_after[:3]
        if size < 2:
            start = 0 if len(after) > 1 and not size else None
        else:
            tail = self.whole_before[-size:]
            start = next((i + size for i in range(len(words) - size) if words[i : i + size] == tail), None)
        if start is None:
            return ()
        rest = words[start:]
        stop = next((i for i in range(1, len(rest) - len(after) + 1) if rest[i : i + len(after)] == after), None)
        if after and stop is None and not size:
            return ()
        return rest[:stop] if after else rest


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """Lower case, folded, without accents and markup, contractions spelled out."""
    text = spell_out(lower(strip_markup(fold(spell_scripts(_POWER.sub("^", text))))) + " ")
    if not text.isascii():
        text = text.translate(_ACCENTS)
    return " ".join(text.split())


_ACCENTS: Final = str.maketrans("áàâäãåéèêëíìîïóòôöõúùûüýÿñçøđł", "aaaaaaeeeeiiiiooooouuuuyyncodl")


def _tokens(text: str) -> tuple[str, ...]:
    """Words and numbers without articles; numbers as digits, hyphens and possessives gone."""
    text = re.sub(r"'s\b|s'(?=\s|$)|'", "", re.sub(r"(?<=[^\W\d_])-(?=\w)|(?<=\w)-(?=[^\W\d_])", " ", text))
    words = []
    for token in _TOKEN.findall(text):
        token = _ORDINALS.get(token, _NUMBER_WORDS.get(token, token))
        if token[0].isdigit():
            token = token.replace(",", "")
        if token not in _ARTICLES:
            words.append(token)
    return tuple(words)


def _singular(token: str) -> str:
    if len(token) > 4 and token.endswith("ies"):
        return token[:-3] + "y"
    if len(token) > 4 and token.endswith(("ches", "shes", "xes", "sses")):
        return token[:-2]
    return token[:-1] if len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is")) else token


def _aliases(target: str) -> tuple[str, ...]:
    """The target and what it lists beside itself."""
    found = [target]
    match = _PARENTHESIS.match(target)
    if match is not None and _TOKEN.search(match["outer"]):
        outer, inner, rest = match["outer"].strip(), match["inner"].strip(), match["rest"].strip()
        found.append(f"{outer} {rest}".strip())
        outer_words = outer.split()
        if " of " in outer and len(inner.split()) == 1:
            found.append(" ".join([*outer_words[:-1], inner]))
        else:
            found.append(f"{inner} {rest}".strip())
    elif re.search(r"\bor\b", target):
        found += [part.strip() for part in re.split(r"\bor\b", target)]
    elif re.fullmatch(r"[^\W\d_][^/\d]*[^\W\d_]/[^\W\d_][^/\d]{2,}", target):
        found += [part.strip() for part in target.split("/")]
    return tuple(dict.fromkeys(alias for alias in found if alias))


def _is_echo(given: str, asked: str) -> bool:
    """Whether an answer is the question, or a long piece of it."""
    if not asked:
        return False
    words = given.split()
    return given == asked or (len(words) > 4 and given.rstrip("?.! ") in asked)


def _readings(given: str) -> Iterator[tuple[str, str]]:
    """The answer, and what is left of it without hedges, a lead-in sentence, and a contrast or explanation behind.

    Each with what stood before it.
    """
    yield "", given
    body = _CONTRAST.split(given, maxsplit=1)[0]
    hedges = _HEDGES.match(body)
    start = hedges.end() if hedges is not None else 0
    if start or body != given:
        yield body[:start], body[start:].strip()
    if _LED_IN.match(body):
        for link in _LINK.finditer(body[:400]):
            yield body[: link.end()], body[link.end() :].strip()


def _match_alias(given: str, alias: str, context: _Context) -> bool | None:
    wanted = _tokens(alias)
    if not wanted:
        return None
    for before, reading in _readings(given):
        if reading and not _NEGATED.search(before) and _same(reading, alias, wanted, context):
            return True
    return _settle_difference(given, alias, wanted, context)


def _pairs_aliases(given: str, aliases: tuple[str, ...]) -> bool:
    """Whether an answer is one alias with another in parentheses: "DFS (depth-first search)"."""
    match = _PARENTHESIS.match(given)
    if match is None or match["rest"].strip():
        return False
    wanted = [_tokens(alias) for alias in aliases]
    return all(any(_equal(_tokens(part), other) for other in wanted) for part in (match["outer"], match["inner"]))


def _ends_with(given: str, aliases: tuple[str, ...], context: _Context) -> bool:
    """Whether an answer is an alias after words that come from the question: "the temperature rises above 41"."""
    filled = context.fill(given, 2)
    if filled is not None and any(_same(filled, alias, _tokens(alias), context) for alias in aliases):
        return not _NEGATED.search(given)
    words = _tokens(given)
    if not given.startswith(("it ", "the ", "this ", "they ")):
        return False
    for alias in aliases:
        wanted = _tokens(alias)
        before = words[: -len(wanted)] if wanted else ()
        if before and words[-len(wanted) :] == wanted and all(_singular(word) in context.stems | _PRONOUNS for word in before):
            return not _NEGATED.search(given)
    return False


_PRONOUNS: Final = frozenset(("it", "thi", "this", "they", "ha", "has", "is", "was", "were", "are"))


def _same(given: str, alias: str, wanted: tuple[str, ...], context: _Context) -> bool:
    words = _tokens(given)
    if not words:
        return False
    if _equal(words, wanted):
        return True
    quantity = same_quantity(given, alias, context.words)
    if quantity is not None:
        return quantity
    if any(_equal(trimmed, wanted) for trimmed in _without_context(words, context)):
        return True
    if any(_equal(words, trimmed) for trimmed in _without_neighbours(wanted, context)):
        return True
    parenthesis = _PARENTHESIS.match(given)
    if parenthesis is not None:
        outer, inner = _tokens(parenthesis["outer"] + " " + parenthesis["rest"]), _tokens(parenthesis["inner"])
        if _equal(outer, wanted) and (_abbreviates(inner, outer) or not _NEGATED.search(parenthesis["inner"]) and set(inner) <= set(wanted)):
            return True
        if _equal(inner, wanted) and _abbreviates(inner, outer):
            return True
    return same_formula(given, alias)


def _equal(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Equal words, the plural of the last one aside, and however they are joined."""
    if not one or not other:
        return False
    if one == other or (one[:-1] == other[:-1] and _singular(one[-1]) == _singular(other[-1]) and one[-1].isalpha()):
        return True
    joined, other_joined = "".join(one).replace("^", ""), "".join(other).replace("^", "")
    if joined == other_joined and joined[:1].isalpha() and len(joined) < 12 and "^" not in (*one, *other):
        return True
    return len(joined) > 3 and _singular(joined) == _singular(other_joined) and not (one[-1].isdigit() or one[0].isdigit())


def _without_neighbours(words: tuple[str, ...], context: _Context) -> Iterator[tuple[str, ...]]:
    """The words, and the words without what stands right after or right before the question's blank."""
    yield words
    for size in range(min(len(context.after), len(words) - 1), 0, -1):
        if tuple(map(_singular, words[-size:])) == tuple(map(_singular, context.after[:size])):
            yield words[:-size]
            break
    for size in range(min(len(context.before), len(words) - 1), 0, -1):
        if words[:size] == context.before[-size:]:
            yield words[size:]
            break


def _without_context(words: tuple[str, ...], context: _Context) -> Iterator[tuple[str, ...]]:
    """Likewise, and without the noun that the question asks for."""
    yield from _without_neighbours(words, context)
    if len(words) > 1 and words[-1].isalpha() and _singular(words[-1]) in context.nouns:
        yield words[:-1]


def _abbreviates(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    return len(short) == 1 and len(long) > 1 and short[0].isalpha() and short[0] == "".join(word[0] for word in long if word not in ("of", "and", "for", "in"))


def _settle_difference(given: str, alias: str, wanted: tuple[str, ...], context: _Context) -> bool | None:
    """Why an answer that is not the alias certainly is wrong: `False`; or `None`."""
    words = _tokens(given)
    if not words:
        return False
    stems, wanted_stems = set(map(_singular, words)), set(map(_singular, wanted))
    if _NEGATED.search(given) and wanted_stems <= stems:
        return False
    if stems < wanted_stems:
        return None if wanted_stems - stems <= context.stems else False
    if context.stems and stems <= context.stems and not stems & wanted_stems:
        return False
    if len(words) == len(wanted) and len(words) < 5 and _differ_in_numbers_only(words, wanted):
        return False
    if any({one, other} == pair for pair in _OPPOSITES for one in words for other in wanted if len(words) <= 3):
        return False
    return False if same_quantity(given, alias, context.words) is False else None


def _differ_in_numbers_only(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    differing = [(one, other) for one, other in zip(words, wanted, strict=True) if one != other]
    return bool(differing) and all(one.isdigit() and other.isdigit() for one, other in differing)


def _lists_several(given: str, target: str) -> bool:
    """Whether an answer offers alternatives, or a list, where the target is one thing."""
    parts = [part for part in _LIST.split(given) if part.strip()]
    if len(parts) < 2:
        return False
    own = [part for part in _LIST.split(target) if part.strip()]
    if len(own) >= len(parts):
        return False
    return len(parts) >= 3 or bool(re.search(r"\bor\b", given)) and " or " not in target
