"""Whether a plain sentence affirms or denies what a yes/no question asks: "There is no dog", "The man is not smiling".

English only. A sentence counts when it speaks of what was asked; its polarity is that of its negations within reach of
it. Where no question is known, only sentences of the plainest forms count.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from harness.scoring import cues
from harness.scoring.questions import HUMANS, OPPOSITES, QUOTED, TOKEN, Question, content, places, stem
from harness.scoring.short_replies import elliptic_reply, plain_reply, tail_reply
from harness.scoring.wording import either

Stance = Literal["yes", "no", "unsure"]

_NOT_A_CLAIM: Final = re.compile(
    either(
        r"\b"
        + either(
            "whether", "if there", "if the", "if a", "if any", "asks?", "asking", "asked", "question", "i need to", "i will", "i should", "let us", "let me", "going to",
            "look for", "looking for", "search for", "searching for", "would be", "would have", "task", "first,? i", "plan", "should check", "must check", "scan",
        )
        + r"\b",
        r"(?<!able )(?<!failed )(?<!fails )(?<!fail )(?<!not )(?<!unable )\bto (?:check|see if|determine|find|identify|verify|look)\b",
        r"\bin order to\b|\bchecking\b",
    )
)  # fmt: skip
_TURN: Final = re.compile(
    r", (?:but|however|though|yet) |;| but (?=(?:there|it|i|he|she|they|we|the|no|not|this|that|only|actually|can|could|is)\b)"
)
_HEDGED: Final = re.compile(
    r"\b(?:might|may|could)(?: \w+ly)? (?:be|have|contain|show|depict)\b|\b(?:possibly|maybe|perhaps)\b"
)
_SEEMS: Final = re.compile(r"\b(?:looks?|seems?|appears?) (?:\w+ly )?like\b|\bresembl|\bsimilar to\b|\bmistaken for\b")
_IN_TRUTH: Final = re.compile(r"(?:actually |in fact |really )?(?:it|that|this|they|he|she) (?:is|are|was|turns out)\b")
SENTENCE_READ: Final = 1600


def stance(sentence: str, asked: Question | None) -> Stance | None:
    """Whether a sentence affirms or denies what was asked.

    Args:
        sentence: lower case, contractions spelled out, without idioms such as "no doubt".
        asked: the question; `None` if unknown.

    Returns:
        `yes`, `no`, `unsure` for a sentence that says it cannot be told, `None` for one that says nothing about it.
    """
    sentence = sentence[:SENTENCE_READ].lstrip(" ([{<.,:;-=>*_|/\\").rstrip(" .,:;-")
    if not sentence:
        return None
    if asked is None:
        if cues.is_unsure(sentence):
            return "unsure"
        affirms = plain_reply(sentence)
        if affirms is None or _NOT_A_CLAIM.search(sentence):
            return None
        return "yes" if affirms else "no"
    tail = tail_reply(sentence)
    if tail is not None and asked.touches(sentence):
        return _signed(tail, asked)
    vote: Stance | None = None
    hedged = seeming = False
    for part in _TURN.split(sentence):
        following = _part_stance(part, asked)
        if following is None and hedged and cues.is_unsure(part):
            following = "unsure"
        if following is None and seeming and vote is not None and _IN_TRUTH.match(part):
            following = _signed(False, asked)
        vote = following or vote
        hedged = _HEDGED.search(part) is not None
        seeming = _SEEMS.search(part) is not None
    return vote


def _part_stance(sentence: str, asked: Question) -> Stance | None:
    vote: Stance | None = None
    if asked.touches(sentence):
        vote = _thing_stance(sentence, asked) if asked.things else _event_stance(sentence, asked)
    if vote is None:
        affirms = elliptic_reply(sentence)
        vote = None if affirms is None else _signed(affirms, asked)
    return vote


def _signed(affirms: bool, asked: Question) -> Stance:
    return "yes" if affirms is not asked.negative else "no"


# --- things: "is there a dog?" -------------------------------------------------------------------------------------

_NEGATION: Final = frozenset(
    "not no never without none neither nor nobody nothing nowhere lack lacks lacking absent absence missing fail fails failed unable 0 devoid false untrue incorrect"
    " unlikely doubt doubtful deny denies impossible zero hardly barely free exclude excludes excluding wrong".split()
)
_DETERMINERS: Final = frozenset(("no", "neither", "nor", "none", "zero", "0", "nothing"))
_BREAK: Final = frozenset(
    "but however although though whereas while yet because since so except besides instead unlike ; : . unless if also only".split()
)
# Words that may follow a thing without making it a part of a longer name ("dog bowl").
_LINKS: Final = frozenset(
    "in on at is are was were be been with and or nor near by behind under beneath underneath below above over beside besides next to from of off out up down into onto"
    " inside outside within without among around along alongside across against between past through toward towards during before after until atop amid per via"
    " visible present shown seen depicted there here that which who whose where when if while as although though because since so however but also too either neither"
    " anywhere nearby somewhere together right left instead then now today for can could will would may might must should does do did has have had not never"
    " appears appear seems seem looks look sits sit stands stand lies lie rests hangs runs it the a an this its his her their my all itself being about like than"
    " yes no whatsoever ever still anymore yet again actually".split()
)
_ASSERTING: Final = frozenset(
    "a an one two three four five several some many multiple the is are was were has have see sees show shows contain contains include includes depict depicts feature"
    " features there appears appear seems can spot notice observe visible present no not any another".split()
)
_FINITE: Final = frozenset("is are was were can could does do did has have appears appear seems sits stands lies".split())
_EXCEPT: Final = re.compile(
    r"(?:except|other than|apart from|aside from|besides|but|beyond|save)(?: for)?(?: the| a| an| one| some| this)?$"
)
_INSTEAD: Final = re.compile(r"\b(?:instead of|rather than|unlike|in place of)(?: a| an| the| any)?(?: \w+)?$")
_RESEMBLES: Final = re.compile(
    r"\b(?:resembl\w+|similar to|mistaken for|confused with|shaped like|in the shape of|shape of|picture of|drawing of|statue of|toy|like)(?: a| an| the| some)?(?: \w+)?$"
)
_SEEMS_LIKE: Final = re.compile(
    r"\b(?:looks?|seems?|appears?|what looks|what seems|feels?)(?: \w+ly)? like(?: a| an| the| some)?(?: \w+)?$"
)
_THOUGHT: Final = re.compile(r"\b(?:thought|mistook|initially|at first|expected|assumed)\b")
_NOT_THERE: Final = re.compile(
    r"(?: \w+){0,6}? (?:is|are|was|were|can|could|do|does|did|has|have|to be)(?: \w+ly| also| even| being)? (?:not|no longer|nowhere|absent|missing|never)"
    r"(?P<degree> (?:clearly|fully|entirely|easily|completely|immediately|very|readily))?(?: \w+ly| be| been| being| actually| even| to be){0,3}(?: "
    + either(
        "present", "visible", "seen", "shown", "there", "here", "in", "exist", "appear", "depicted", "found", "included", "detected", "observed", "evident", "pictured",
        "featured", "part", "identifiable", "spotted", "displayed", "any", "within", "anywhere", "identified", "noticeable", "discernible", "apparent", "located",
        "available", "captured", "among", "on", "at", "contained", "one", "portrayed", "real", "to be (?:seen|found)",
    )
    + r"\b|\s*$|\s*[,.;])"
)  # fmt: skip
_ABSENT: Final = re.compile(
    r"(?: \w+){0,4}? (?:(?:is|are|seems|appears|seem|appear)(?: to be)?(?: \w+ly)? (?:absent|missing|nowhere|lacking|nonexistent|non-existent)|never (?:appears?|shows?|is|are|occurs?|comes?))\b"
)
# Without a verb: "bench not found".
_REPORTED: Final = re.compile(
    r" (?:(?P<not>not )?(?:detected|found|visible|present|seen|shown|there|observed|spotted|located|identified)|(?P<gone>absent|missing))$"
)
_TURNS_OUT: Final = re.compile(r" (?:is|was|are|were|turns? out to be|turned out to be) (?:actually|really|in fact|just|only|not|a|an)\b")
_NOBODY: Final = re.compile(
    r"\b(?:nobody|no-?one|no one|not (?:see |find |spot |show |contain )?any ?(?:one|body|people|person|humans?))\b"
)
_NOTHING: Final = re.compile(
    r"(?:nothing (?:like that|of the sort|of that kind|similar|is|can|in|here|there|resembl\w+|visible|matching|relevant)|no such (?:thing|object|item|animal)"
    r"|there is nothing|none (?:is|are|can|in|visible|present|here|of (?:that|those|these))|(?:i|we) (?:do not|can not)? ?(?:see|find) (?:nothing|anything) (?:like|of))\b"
)


def _thing_stance(sentence: str, asked: Question) -> Stance | None:
    tokens = TOKEN.findall(sentence)
    stems = [stem(token) for token in tokens]
    found = sorted((place, len(name)) for name in asked.things for place in places(stems, name))
    votes = [vote for place, length in found if (vote := _thing_vote(tokens, place, place + length)) is not None]
    if not votes:
        return _signed(False, asked) if _denies_wider(tokens, stems, asked) else None
    if cues.is_unsure(sentence):
        return "unsure"
    if _NOT_A_CLAIM.search(sentence) or (votes[-1] and _THOUGHT.search(sentence)):
        return None
    if len(set(votes)) > 1 and not re.search(r"\b(?:but|however|though|yet|actually|although|only)\b", sentence):
        return "unsure"
    return _signed(votes[-1], asked)


def _thing_vote(tokens: list[str], start: int, end: int) -> bool | None:
    """Whether the thing at `start:end` is said to be there; `None` when the words say something else."""
    following = tokens[end] if end < len(tokens) else ""
    if end - start == 1 and start and (tokens[start - 1], stem(tokens[start])) in (("hot", "dog"), ("teddy", "bear")):
        return None
    if tokens[end - 1].endswith("'s") or following == "'" or not _ends_name(tokens, end):
        return None
    left = start
    while left and tokens[left - 1] not in _BREAK and not _new_clause(tokens, left - 1, following in _FINITE):
        left -= 1
    scope = tokens[left:start]
    near = " ".join(tokens[max(0, start - 8) : start])
    if _EXCEPT.search(near):
        return True
    if _INSTEAD.search(near):
        return False
    before = " ".join(scope[-8:])
    if _RESEMBLES.search(before) and not _SEEMS_LIKE.search(before):
        return None
    right = end
    while right < len(tokens) and tokens[right] not in _BREAK and tokens[right] not in ("that", "which", "who", ",", "("):
        right += 1
    after = " " + " ".join(tokens[end:right])
    negations = _negations(scope)
    missing = _NOT_THERE.match(after)
    if missing and missing["degree"]:
        return None
    negations += bool(missing or _ABSENT.match(after))
    reported = _REPORTED.match(after)
    if reported and not missing:
        return negations % 2 == (1 if reported["not"] or reported["gone"] else 0)
    if _TURNS_OUT.match(after) and _SEEMS_LIKE.search(before):
        return False
    if negations % 2 == 0 and not _ASSERTING.intersection(tokens):
        return None
    return negations % 2 == 0


def _ends_name(tokens: list[str], end: int) -> bool:
    """Whether a name ends at `end`: what follows is no noun that makes it the name of another thing."""
    following = tokens[end] if end < len(tokens) else ""
    if not following.isalpha() or following in _LINKS or following.endswith(("ing", "ed", "ly")):
        return True
    return following.endswith("s") and (end + 1 == len(tokens) or tokens[end + 1] in _LINKS)


def _negations(tokens: list[str]) -> int:
    """How often a clause is negated; the negations of a list ("no cats, no dogs") are one."""
    verbs = sum(token in _NEGATION and token not in _DETERMINERS for token in tokens)
    return verbs + any(token in _DETERMINERS for token in tokens)


def _new_clause(tokens: list[str], index: int, is_subject: bool) -> bool:
    """Whether a clause begins after the mark or conjunction at `index`."""
    if tokens[index] not in (",", "and", "or", "-", "("):
        return False
    following = tokens[index + 1] if index + 1 < len(tokens) else ""
    if following == "and" and index + 2 < len(tokens):
        following = tokens[index + 2]
    if is_subject and tokens[index] == "," and following in ("a", "an", "one", "two", "some"):
        return True
    return following in (
        "there", "it", "i", "we", "he", "she", "they", "this", "that", "just", "only", "instead", "rather", "not", "is", "are", "which", "who", "shows", "contains",
        "showing", "the",
    )  # fmt: skip


def _denies_wider(tokens: list[str], stems: list[str], asked: Question) -> bool:
    """Whether all that the thing belongs to is denied: "there are no animals", "nothing like that is there"."""
    text = " ".join(tokens)
    if asked.things[0][-1] in HUMANS and _NOBODY.search(text):
        return True
    if _NOTHING.match(text):
        return True
    for index in range(1, len(stems)):
        if tokens[index - 1] in ("no", "any", "such") and not _NEGATION.isdisjoint(tokens[:index]):
            if stems[index] in asked.wider:
                return True
            if "such" in tokens[:index] and stems[index] in ("object", "thing", "animal", "item", "vehicl", "person", "creatur"):
                return True
    return False


# --- events: "does the man talk to someone?" -----------------------------------------------------------------------

_CLAUSE: Final = re.compile(
    r"[;:]|, (?=(?:but|and|not|it|he|she|they|there|while|so|which|rather|instead)\b)|\b(?:but|however|although|whereas|because|since)\b"
)
_PRONOUN: Final = re.compile(r"(?:and |but |so )?(?:it|he|she|they|this|that|the event|the (?:first|former) event)\b")
_CONTRASTED: Final = re.compile(r"(?:and |but )?(?:not|rather than|instead of)\b")
_QUOTE_MARK: Final = "¤"


def _event_stance(sentence: str, asked: Question) -> Stance | None:
    if _NOT_A_CLAIM.search(sentence) and "should" not in asked.text:
        return None
    quoted = content(" ".join(QUOTED.findall(sentence)))
    vote: Stance | None = None
    for clause in _CLAUSE.split(QUOTED.sub(f" {_QUOTE_MARK} ", sentence)):
        affirms = _clause_affirms(clause.strip(), quoted, asked)
        if affirms is not None:
            unsure = "information" not in asked.text and cues.is_unsure(clause)
            vote = "unsure" if unsure else _signed(affirms, asked)
    return vote


def _clause_affirms(clause: str, quoted: frozenset[str], asked: Question) -> bool | None:
    """Whether a clause affirms the event; `None` if it speaks of something else.

    A denial needs most of the question's words, or to say little besides them; an affirmation needs nearly all.
    """
    own = content(clause)
    hits = len(own & asked.frame)
    opposite = False
    for word in asked.frame - own:
        if any(stem(other) in own for other in _opposites(word)):
            hits += 1
            opposite = True
    if _CONTRASTED.match(clause):
        return False if hits else None
    pronoun = _PRONOUN.match(clause) is not None
    wanted = len(asked.frame)
    if asked.quoted and not pronoun and not (_QUOTE_MARK in clause and len(quoted & asked.quoted) * 2 >= len(asked.quoted)):
        hits += len(own & asked.quoted)
        wanted += len(asked.quoted)
    if not hits and not (asked.quoted and not asked.frame):
        return None
    negations = _negations(TOKEN.findall(clause))
    terse = hits + pronoun >= 2 and hits * 5 >= len(own) * 3
    if negations % 2:
        if opposite:
            return None
        return False if hits * 5 >= wanted * 3 or terse else None
    nearly_all = hits * 4 >= wanted * 3
    terse_affirmation = hits == len(own) and ((pronoun and hits * 10 >= wanted * 3) or (hits > 2 and hits * 2 >= wanted))
    return not opposite if nearly_all or terse_affirmation else None


def _opposites(word: str) -> frozenset[str]:
    found: frozenset[str] = OPPOSITES.get(word, frozenset())
    return found | OPPOSITES.get(f"{word}e", frozenset())
