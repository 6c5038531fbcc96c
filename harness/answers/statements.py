"""Statements that answer a yes/no question: they repeat it, word by word."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Literal

from harness.answers.forms import NOTHING, Found, is_concluding
from harness.answers.text import sentences
from harness.answers.values import digits

_DROPPED: Final = frozenset(
    "is are was were be been being do does did a an the of to there has have had it its any some this that these those"
    " can could will would appear appears seem seems actually really famous indeed both also you i see we they he she"
    " shown depicted visible provided image picture chart graph map figure photo video following labeled called value"
    " so therefore thus hence overall".split()
)
"""Words in which a question and a statement of the same may differ."""
_NEGATIONS: Final = frozenset(
    "not no never neither none nor cannot without isnt arent wasnt werent doesnt dont didnt cant wont hasnt havent"
    " couldnt lacks nowhere unable".split()
)
_HEDGES: Final = frozenset(
    "if whether may might could possibly perhaps unclear almost nearly barely hardly partially except unless would"
    " should only neither nor rather instead likely false incorrect unlikely asks asking question or doubt fail fails"
    " failed tried trying absence absent untrue thought wrong mistake zero 0 nothing while analyzing analyze wouldnt"
    " shouldnt impossible expected wonder said say says claims deny denying possible chance reason statue pretends"
    " tries wants refuses like resembling teddy toy hot stuffed".split()
)
"""Words beside which a repeated question may mean anything, unless the question has them too."""
_PARTIAL: Final = frozenset("just fully clearly entirely completely directly exactly necessarily".split())
"""Words whose negation is none of the whole."""
_SCENE: Final = re.compile(
    r"\b(?:according to|based on|from|in|on) (?:the |this |these )?(?:(?:given|provided|positive) ){0,2}"
    r"(?:sequence of )?(?:the )?"
    r"(?:images?|pictures?|charts?|graphs?|maps?|figures?|photos?|videos?|plots?|diagrams?|(?<!on the )tables?)"
    r"(?: (?:provided|given|shown|you provided))?,?",
    re.IGNORECASE,
)
_SETTING: Final = re.compile(
    r"^(?:among|in|on|of|at|according to|based on|from|for|given|considering)\b[^?]{1,200}?,? "
    r"(?=(?:is|are|was|were|does|do|did|has|have|can|will)\b)",
    re.IGNORECASE,
)
"""What a question says before it asks; a statement need not repeat it."""
_SET_IN_FRONT: Final = re.compile(
    r"^(?:(?:okay|ok|so|well|therefore|thus)[,:]? )?"
    r"(?:(?:al|even )?though|based on|according to|looking at|given|in|from|as) [^,]{1,120}, ",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r" (?:in|on|of|at) (?:the|this|a) \w+(?= (?:is|are|was|were|has|have|does)\b)")
"""Where the subject is; a question need not say it."""
_CLAUSE_END: Final = re.compile(
    r",? (?:as|because|since|which|who|while|whereas|although|though|but|with|without|unlike|indicating|meaning|due|so"
    r"|and it|not far)\b|, (?:and )?not\b| and (?:not|no)\b|;|(?<![( ]\w):\s|, and ",
    re.IGNORECASE,
)
_RELATIVE: Final = re.compile(r" that (?!(?:the|there|this|these|it|an?|they|he|she|in|both|[A-Z]\w*)\b)")
"""Where a relative clause begins: what it says is not said of what is asked about."""
_QUOTED: Final = re.compile(r"\"([^\"]*)\"|(?<= )'([^']*)'(?!\w)")
_IDENTITY: Final = re.compile(r"(?:Is|Are|Was|Were) (?:[A-Z]|this|that|it|these|those)")
"""Questions whose subject and predicate may change places: "Is Crimson the minimum?"."""
_WITHOUT: Final = re.compile(r"\b(?:but no|not|without)\b (?:any |an? )?([^.,;]*)", re.IGNORECASE)
_AFTER_NOUN: Final = frozenset(
    "in on at with by near from under over behind beside next inside outside and or here that which who where right"
    " left above below among between against across along around down up out made".split()
)
_NO_PARTICIPLES: Final = frozenset(
    "bed shed sled seed feed weed breed reed ring wing king string spring swing sling thing building painting drawing"
    " ceiling railing clothing bedding shaped sized colored coloured themed patterned".split()
)
"""Words on "ed" and "ing" that make another thing of the noun before them: "dog bed", "cat-shaped"."""
_TOKEN: Final = re.compile(r"[a-z0-9]+(?:\.\d+)?|[<>=+]|≥|≤")
_ASKS_EXISTENCE: Final = re.compile(r"\b(?:is|are|was|were) there\b|\b(?:do|can) you see\b", re.IGNORECASE)
_EXISTENCE: Final = re.compile(
    r"\bthere(?:'s| (?:is|are|was|were)(?:n't)?| (?:(?:do|does|did)(?: not|n't) )?(?:appears?|seems?) to be)\b"
    r"|\b(?:see|find|shows?|contains?|visible|present|depicts?|has|have|features?|includes?|displays?)\b"
    r"|\b(?:is|are|was|were|be)(?: not|n't)? (?:seen|shown|depicted|pictured"
    r"|(?:in|on) (?:the|this) (?:image|picture|photo|video|scene|frame))\b",
    re.IGNORECASE,
)
_NAMING: Final = re.compile(r"(?:(?:it|this|that)(?:'s| is)|(?:they|these|those)(?:'re| are))\b", re.IGNORECASE)
_BEHIND_NAMED: Final = re.compile(
    r"\s*(?:$|[.,;:!)])|\s+(?:in|on|at|with|by|near|under|behind|beside|next to|inside|outside|from)\b"
)
_NOUN_ALONE: Final = re.compile(r"(?:no|an?|some)\b", re.IGNORECASE)
"""Two ways to say that something is there: "It is a dog on a sofa." and, of the noun and nothing else, "No dog."."""
_PREDICATE: Final = re.compile(
    r"(?:so,? |therefore,? )?(?:it|this|that|they|he|she|the \w+) (?:is|are|was|were)\b", re.IGNORECASE
)
_COMPARED: Final = (
    "larger smaller,bigger smaller,longer shorter,taller shorter,greater less,greater fewer,greater smaller,more less"
    ",more fewer,higher lower,wider narrower,brighter darker,older younger,heavier lighter,faster slower"
)
_OPPOSITES: Final = frozenset(frozenset(pair.split()) for pair in _COMPARED.split(","))
_COMPARATIVES: Final = frozenset(word for pair in _OPPOSITES for word in pair)
_SAME: Final = re.compile(
    r"\b(?:the|of) (?:exact )?same (?:size|length|height|width|number|value|brightness|color)\b"
    r"|\bof (?:equal|identical) (?:size|length)\b",
    re.IGNORECASE,
)
_FEW: Final = 5
"""Sentences of a text whose first one may be the statement; in longer ones it sets the scene."""


_Stem = Callable[[str], str]


def read_statement(parts: Sequence[str], question: str, *, everywhere: bool = False) -> Found:
    """What the last sentence, the concluding ones, and in a short text the first one say of the question.

    A statement is an answer only if it repeats the words of the question, with at most one negation and no hedge.
    Where two of them contradict each other, nothing is read.

    Args:
        parts: the sentences of a plain text; at least one.
        question: the question.
        everywhere: whether to take every sentence, where something else has to agree with what they say.
    """
    asked = _asked(question)
    chosen = [part for part in parts[:-1] if everywhere or is_concluding(part)][-_FEW:]
    found: Found | None = None
    for part in dict.fromkeys((parts[-1], *reversed(chosen), *(parts[:1] if len(parts) < _FEW else ()))):
        answer = _echo(part, question, asked, may_add=everywhere)
        rule = "statement"
        if answer is None and _is_equal(part, asked):
            answer, rule = "no", "same size"
        if answer is not None and found is not None and answer != found.answer:
            return NOTHING
        if answer is not None and found is None:
            found = Found(answer, rule, part)
    return found or NOTHING


def asks_existence(question: str) -> bool:
    """Whether a question asks whether something is there."""
    return _ASKS_EXISTENCE.search(question) is not None


def _echo(sentence: str, question: str, asked: list[str], *, may_add: bool) -> Literal["yes", "no"] | None:
    """Yes where a statement repeats the question, no where it is negated once, or says the opposite of a comparison.

    `may_add`: whether other words may stand between those of the question.
    """
    known, stem = set(_tokens(question)), _stem_for(question)
    said = _QUOTED.sub(lambda match: match[0][1:-1] if set(_tokens(match[0])) <= known else ";", sentence)
    if asked and asks_existence(question) and (absent := _WITHOUT.search(said)):
        is_plain = not known & _NEGATIONS and not set(_tokens(said)) & (_HEDGES - known)
        is_plain = is_plain and (not _NAMING.match(said) or _stands_alone(absent[1], asked[-1], stem))
        if is_plain and _stems(_tokens(absent[1]), stem)[: len(asked)] == asked:  # "a cat, but no dog"
            return "no"
    clause = _CLAUSE_END.split(_PLACE.sub("", _SET_IN_FRONT.sub("", said)), maxsplit=1)[0]
    if not _RELATIVE.search(question):
        clause = _RELATIVE.split(clause, maxsplit=1)[0]
    if " and " not in question:
        clause = re.split(r" and (?=(?:the|an?|there|one|it|another)\b)", clause, maxsplit=1)[0]
    tokens = _tokens(clause)
    negations = [word for word in tokens if word in _NEGATIONS]
    if sentence.endswith("?") or not asked or len(negations) > 1 or set(tokens) & (_HEDGES - known):
        return None
    if re.search(r"\bother than\b", clause) or known & _NEGATIONS or (negations and set(tokens) & _PARTIAL):
        return None
    is_existence = asks_existence(question) or (len(asked) < 2 and not _PREDICATE.match(clause))
    words = [word for word in _stems(tokens, stem) if word not in _NEGATIONS]
    if is_existence and not _COMPARATIVES & set(asked) and not _EXISTENCE.search(clause):
        is_named = _NAMING.match(clause) and words[: len(asked)] == asked and _stands_alone(clause, asked[-1], stem)
        if not is_named and not (_NOUN_ALONE.match(clause) and words == asked):
            return None
    if may_add:
        is_repeated = _is_within(asked, words)
    elif is_existence and not _COMPARATIVES & set(asked):
        is_repeated = _is_within(asked, words) and not _is_compound(tokens, asked[-1], stem)
    else:
        is_repeated = _repeats(words, asked, may_turn=_IDENTITY.match(question) is not None)
    if is_repeated:
        return "no" if negations else "yes"
    for place, word in enumerate(words):
        for other in _COMPARATIVES:
            opposite = [*words[:place], other, *words[place + 1 :]]
            if frozenset((word, other)) in _OPPOSITES and not negations and _repeats(opposite, asked):
                return "no"
    return None


def _repeats(words: list[str], asked: list[str], *, may_turn: bool = False) -> bool:
    """Whether the words of a statement are those of the question: in its order, and nothing between them.

    No place may be said of something else before them. For a comparison others may stand between them, and most of the
    question's do where nothing else is said.
    """
    compared = _COMPARATIVES & set(asked)
    if compared:
        is_part = 2 * len(words) > len(asked) and compared <= set(words) and _is_within(words, asked)
        return is_part or _is_within(asked, words)
    turns = [asked[place:] + asked[:place] for place in range(len(asked) if may_turn else 1)]
    places = [place for place, word in enumerate(words) if not _AFTER_NOUN & set(words[:place])]
    return any(words[place : place + len(asked)] in turns for place in places)


def _is_compound(tokens: list[str], noun: str, stem: _Stem) -> bool:
    """Whether the noun that is asked for is part of a longer one: "dog bowl"."""
    stems = [stem(token) for token in tokens]
    after = tokens[stems.index(noun) + 1 :][:1] if noun in stems else []
    is_participle = bool(after) and after[0].endswith(("ing", "ed")) and after[0] not in _NO_PARTICIPLES
    return bool(after) and not (is_participle or after[0] in _DROPPED | _NEGATIONS | _AFTER_NOUN)


def _stands_alone(clause: str, noun: str, stem: _Stem) -> bool:
    """Whether a clause ends behind the noun, or says there where it is: "a dog on a sofa", not "a dog-shaped cloud"."""
    ends = (match.end() for match in re.finditer(r"\w+", clause.lower()) if stem(match[0]) == noun)
    end = next(ends, None)
    return end is not None and _BEHIND_NAMED.match(clause, end) is not None


def _is_within(few: list[str], many: list[str]) -> bool:
    rest = iter(many)
    return all(word in rest for word in few)


def _is_equal(sentence: str, asked: list[str]) -> bool:
    """Whether a statement says that things are equal, to the question whether one is more than the other."""
    if not _COMPARATIVES & set(asked) or {"same", "equal"} & set(asked):
        return False
    return bool(_SAME.search(sentence)) and not set(_tokens(sentence)) & (_NEGATIONS | _HEDGES)


def _tokens(text: str) -> list[str]:
    text = (
        re.sub(r"\(\w{1,12}\)", "", _SCENE.sub(" ", text))
        .lower()
        .replace("n't", "nt")
        .replace("can not", "cannot")
        .replace("'s", "")
        .replace("'re", "")
    )
    return _TOKEN.findall(digits(text))


def _stems(tokens: list[str], stem: _Stem) -> list[str]:
    return [stem(token) for token in tokens if token not in _DROPPED]


def _stem_for(question: str) -> _Stem:
    """What makes words comparable: nouns alone where it is asked what is there, as a man fishing is no fish."""
    return _stem_of_noun if asks_existence(question) else _stem


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    bare = re.sub(r"(?:ing|ed)$", "", word) if len(word) > 4 else word
    return re.sub(r"ss$", "s", bare) if bare != word else _stem_of_noun(word)


@lru_cache(maxsize=4096)
def _stem_of_noun(word: str) -> str:
    ending = r"e?s$" if len(word) > 4 else r"(?<=..[^isu])s$"  # "dogs"; not "this" and "plus"
    return re.sub(r"ss$", "s", word if word.endswith("ss") else re.sub(ending, "", word))  # "busses", "buss" and "bus"


def _asked(question: str) -> list[str]:
    asked = [sentence for sentence in sentences(question) if sentence.endswith("?")] or [question]
    return _stems(_tokens(_SETTING.sub("", asked[-1])), _stem_for(question))
