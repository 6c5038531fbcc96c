"""Matching an open answer with its target: a word, a phrase, a number with its unit, a formula."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from harness.answers.open.formulas import same_formula
from harness.answers.open.phrases import (
    BLANK,
    DRAWN_BLANK,
    Blank,
    equal_words,
    plain_text,
    read_blank,
    singular,
    words_of,
)
from harness.answers.open.quantities import same_quantity
from harness.answers.refusals import is_placeholder, is_unsure

_OPPOSITES: Final = tuple(
    frozenset(pair.split())
    for pair in (
        "left right", "odd even", "high low", "higher lower", "increase decrease", "increased decreased",
        "increases decreases",
        "positive negative", "first second", "bigger smaller", "larger smaller", "upper lower",
        "open-loop closed-loop",
        "clockwise counterclockwise", "formal informal", "parasympathetic sympathetic", "max min", "in out", "dc ac",
        "hot cold", "up down", "implicit explicit", "odd neither", "rise fall", "expansion contraction",
    )
)  # fmt: skip
_HEDGES: Final = re.compile(
    "^(?:(?:most |very )?(?:probably|likely|possibly|perhaps|maybe|presumably|definitely|clearly|approximately|about"
    "|around|roughly|nearly|almost|exactly|simply|called|known as|named|i (?:think|believe|guess|would say|am sure)"
    "(?: that)?(?: it is)?|(?:it|this|that|he|she|they|these|those) (?:is|are|was|were|would be|must be|should be"
    "|could be|might be)(?: (?:called|known as|referred to as|termed|an example of|a type of|a kind of|a case of"
    r"|most likely|likely|probably))*|the (?:answer|term|result|name) (?:is|would be)|≈|~|=|option|answer)[\s,:]*)+"
)
_LED_IN: Final = re.compile(
    r"(?:the|this|that|these|those|in|based|according|from|as|it|they|he|she|i|we|an?|there|each)\b"
)
_LINK: Final = re.compile(
    " (?:is|are|was|were|be|becomes|has|have|contains|uses|shows|demonstrates|illustrates|represents|depicts|involves"
    "|called|as|termed|named|by|see|observe)(?: (?:called|known as|referred to as|termed|named|considered"
    "|identified as|classified as|described as|an example of|a type of|a kind of|a form of|most likely|likely|probably"
    "|approximately|about|primarily|mainly|clearly|typically|commonly|used|using|likely to be|demonstrating|showing))*"
    "(?: to be)?(?: (?:a|an|the|its|their))?(?= )"
)
_PARENTHESIS: Final = re.compile(r"^(?P<outer>[^()]+?)\s*\((?P<inner>[^()]+)\)(?P<rest>[^()]*)$")
_NEGATED: Final = re.compile(
    r"\b(?:not|never|neither|nor|no|without|cannot|isn't|other than|anything but|instead of|rather than|except"
    r"|unlike|absence of|lack of)\b"
)
_LIST: Final = re.compile(r"\s*(?:,|;|\n|/|\bor\b|\band\b|\||&)\s*")
_RANGE: Final = re.compile(r"\b(?:between|from) (?:about |approximately )?[\d.,]+[^\d.;]{0,20} (?:and|to) [\d.,]*\d")
_CONTRAST: Final = re.compile(
    r",? (?:rather than|instead of|as opposed to|and not|but not|not|because|since|due to|which)\b"
)


def match_open(answer: str | None, target: str, question: str | None = None) -> bool | None:
    """Whether an open answer is the target, as far as rules can tell.

    Args:
        answer: the answer's text (see `read_answer`); `None` is no answer.
        target: the gold answer; `X (Y)`, `X or Y` and `X/Y` list aliases.
        question: the question. Words that it already holds around its blank ("the ____ force") may stand in the
            answer or be missing, as may a unit that it names.

    Returns:
        `True` where the answer certainly is the target: equal but for case, punctuation, articles, accents, plural,
        number format or unit; an alias; the target in a plain sentence that names it; an equal formula.
        `False` where it certainly is not: empty, a placeholder or refusal, an echo of the question, negated, a part of
        the target only, several answers at once, another number, the opposite.
        `None` where rules cannot settle it: a paraphrase, or more than was asked. Never raises.
    """
    if answer is None or len(answer) > 2000:
        return False if answer is None else None
    given = plain_text(answer)
    if not re.search(r"[^\W_]", given) or is_placeholder(given):
        return False
    asked = plain_text(DRAWN_BLANK.sub(f" {BLANK} ", question)) if question else ""
    context = read_blank(asked)
    if _is_echo(given, asked):
        return False
    core = context.fill(given, 5) or given
    aliases = _aliases(plain_text(target))
    verdicts = [_match_alias(core, alias, context) for alias in aliases]
    if context.after and same_quantity(core, f"{aliases[0]} {context.after[0]}") is True:
        return True  # in another unit than the question names behind its blank
    if True in verdicts or _pairs_aliases(core, aliases) or _ends_with(given, aliases, context):
        return True
    if is_unsure(given) or given.split()[0] in ("yes", "no") or re.fullmatch(r"[a-h]\W*", given):
        return False
    if _RANGE.search(core) and len(re.findall(r"\d+", target)) == 1:
        return False
    if _lists_several(core, plain_text(target)):
        return False
    return False if all(verdict is False for verdict in verdicts) else None


def _aliases(target: str) -> tuple[str, ...]:
    """The target and what it lists beside itself."""
    found = [target]
    match = _PARENTHESIS.match(target)
    if match is not None and words_of(match["outer"]):
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
    equal = body.rfind("=")
    if equal > 0 and not re.search(r"[,;<>!]", body[:equal]):
        yield body[: equal + 1], body[equal + 1 :].strip()  # "3 + 3 = 6"
    if _LED_IN.match(body):
        for link in _LINK.finditer(body[:400]):
            yield body[: link.end()], body[link.end() :].strip()


def _match_alias(given: str, alias: str, context: Blank) -> bool | None:
    wanted = words_of(alias)
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
    wanted = [words_of(alias) for alias in aliases]
    return all(any(equal_words(words_of(part), other) for other in wanted) for part in (match["outer"], match["inner"]))


def _ends_with(given: str, aliases: tuple[str, ...], context: Blank) -> bool:
    """Whether an answer is an alias after words that come from the question: "the temperature rises above 41"."""
    filled = context.fill(given, 2)
    if filled is not None and any(_same(filled, alias, words_of(alias), context) for alias in aliases):
        return not _NEGATED.search(given)
    words = words_of(given)
    if not given.startswith(("it ", "the ", "this ", "they ")):
        return False
    for alias in aliases:
        wanted = words_of(alias)
        before = words[: -len(wanted)] if wanted else ()
        if (
            before
            and words[-len(wanted) :] == wanted
            and all(singular(word) in context.stems | _PRONOUNS for word in before)
        ):
            return not _NEGATED.search(given)
    return False


_PRONOUNS: Final = frozenset(("it", "thi", "this", "they", "ha", "has", "is", "was", "were", "are"))


def _same(given: str, alias: str, wanted: tuple[str, ...], context: Blank) -> bool:
    words = words_of(given)
    if not words:
        return False
    if equal_words(words, wanted):
        return True
    quantity = same_quantity(given, alias, context.words)
    if quantity is not None:
        return quantity
    if any(equal_words(trimmed, wanted) for trimmed in _without_context(words, context)):
        return True
    if any(equal_words(words, trimmed) for trimmed in _without_neighbours(wanted, context)):
        return True
    parenthesis = _PARENTHESIS.match(given)
    if parenthesis is not None:
        outer, inner = words_of(parenthesis["outer"] + " " + parenthesis["rest"]), words_of(parenthesis["inner"])
        if equal_words(outer, wanted) and (
            _abbreviates(inner, outer) or (set(inner) <= set(wanted) and not _NEGATED.search(parenthesis["inner"]))
        ):
            return True
        if equal_words(inner, wanted) and _abbreviates(inner, outer):
            return True
    return same_formula(given, alias)


def _without_neighbours(words: tuple[str, ...], context: Blank) -> Iterator[tuple[str, ...]]:
    """The words, and the words without what stands right after or right before the question's blank."""
    yield words
    for size in range(min(len(context.after), len(words) - 1), 0, -1):
        if tuple(map(singular, words[-size:])) == tuple(map(singular, context.after[:size])):
            yield words[:-size]
            break
    for size in range(min(len(context.before), len(words) - 1), 0, -1):
        if words[:size] == context.before[-size:]:
            yield words[size:]
            break


def _without_context(words: tuple[str, ...], context: Blank) -> Iterator[tuple[str, ...]]:
    """Likewise, and without the noun that the question asks for."""
    yield from _without_neighbours(words, context)
    if len(words) > 1 and words[-1].isalpha() and singular(words[-1]) in context.nouns:
        yield words[:-1]


def _abbreviates(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    return (
        len(short) == 1
        and len(long) > 1
        and short[0].isalpha()
        and short[0] == "".join(word[0] for word in long if word not in ("of", "and", "for", "in"))
    )


def _settle_difference(given: str, alias: str, wanted: tuple[str, ...], context: Blank) -> bool | None:
    """Why an answer that is not the alias certainly is wrong: `False`; or `None`."""
    words = words_of(given)
    if not words:
        return False
    stems, wanted_stems = set(map(singular, words)), set(map(singular, wanted))
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
    return len(parts) >= 3 or (" or " not in target and re.search(r"\bor\b", given) is not None)
