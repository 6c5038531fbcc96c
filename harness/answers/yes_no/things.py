"""Whether a sentence says that a thing is there: for questions such as "is there a dog in the image?"."""

from __future__ import annotations

import re
from typing import Final

from harness.answers.refusals import is_unsure
from harness.answers.wording import holds, word_set
from harness.answers.yes_no.polar_words import Vote
from harness.answers.yes_no.questions import HUMANS, NEGATION, TOKEN, Question, negations, places, stem
from harness.answers.yes_no.short_replies import is_no_claim

_BREAK: Final = word_set(
    "but however although though whereas while yet because since so except besides instead unlike ; : . unless if"
    " also only"
)
# Words that may follow a thing without making it a part of a longer name ("dog bowl").
_LINKS: Final = word_set(
    "in on at is are was were be been with and or nor near by behind under beneath underneath below above over beside "
    "besides next to from of off out up down into onto inside outside within without among around along alongside "
    "across against between past through toward towards during before after until atop amid per via visible present "
    "shown seen depicted there here that which who whose where when if while as although though because since so "
    "however but also too either neither anywhere nearby somewhere together right left instead then now today for can "
    "could will would may might must should does do did has have had not never appears appear seems seem looks look "
    "sits sit stands stand lies lie rests hangs runs it the a an this its his her their my all itself being about "
    "like than you i we mentioned asked yes no whatsoever ever still anymore yet again actually found gone absent "
    "missing"
)
_ASSERTING: Final = word_set(
    "a an one two three four five several some many multiple the is are was were has have see sees show shows"
    " contain contains include includes depict depicts feature"
    " features there appears appear seems can spot notice observe visible present no not any another"
)
_MAY_BREAK: Final = _BREAK | frozenset((",", "and", "or", "-", "("))
_SUBORDINATES: Final = frozenset(("that", "which", "who", ",", "("))
_FINITE: Final = word_set("is are was were can could does do did has have appears appear seems sits stands lies")
_EXCEPT: Final = re.compile(
    r"(?:except|other than|apart from|aside from|besides|but|beyond|save)(?: for)?(?: the| a| an| one| some| this)?$"
)
_EXCEPT_WORDS: Final = word_set(
    "except other apart aside besides but beyond save instead rather unlike place"  # one at least is in either pattern
)
_EMPTIED: Final = word_set("empty bare void clear vacant emptied cleared")
_IS: Final = (["is"], ["are"], ["was"], ["were"], ["can"])
_ALL: Final = frozenset(("everything", "all", "every"))
_INSTEAD: Final = re.compile(r"\b(?:instead of|rather than|unlike|in place of)(?: a| an| the| any)?(?: \w+)?$")
_RESEMBLES: Final = re.compile(
    r"\b(?:resembl\w+|similar to|mistaken for|confused with|shaped like|in the shape of|shape of|picture of"
    r"|drawing of|statue of|toy|like)(?: a| an| the| some)?(?: \w+)?$"
)
_RESEMBLING: Final = word_set("like resembl mistaken confused similar shape picture drawing statue toy")
_SEEMS_LIKE: Final = re.compile(
    r"\b(?:looks?|seems?|appears?|what looks|what seems|feels?)(?: \w+ly)? like(?: a| an| the| some)?(?: \w+)?$"
)
_CONTRASTS: Final = re.compile(r"\b(?:but|however|though|yet|actually|although|only)\b")
_SEEMS_TO_BE: Final = re.compile(
    r"\b(?:looks?|seems?|appears?)(?: \w+ly)? (?:like|to be)(?: an?| the| some)?(?: \w+)?$"
)
_THOUGHT: Final = re.compile(r"\b(?:thought|mistook|initially|at first|expected|assumed)\b")
_NOT_THERE: Final = re.compile(
    r"(?: \w+){0,6}? (?:is|are|was|were|can|could|do|does|did|has|have|to be)(?: \w+ly| also| even| being)? (?:not"
    "|no longer|nowhere|absent|missing|never)(?P<degree> (?:clearly|fully|entirely|easily|completely|immediately|very"
    r"|readily))?(?: \w+ly| be| been| being| actually| even| to be){0,3}(?: (?:present|visible|seen|shown|there|here"
    "|in|exist|appear|depicted|found|included|detected|observed|evident|pictured|featured|part|identifiable|spotted"
    "|displayed|any|within|anywhere|identified|noticeable|discernible|apparent|located|available|captured|among|on|at"
    r"|contained|one|portrayed|real|to be (?:seen|found))\b|\s*$|\s*[,.;])"
)
_GONE_WORDS: Final = word_set("not no nowhere absent missing never lacking nonexistent non-existent")
_ABSENT: Final = re.compile(
    r"(?: \w+){0,4}? (?:(?:is|are|seems|appears|seem|appear)(?: to be)?(?: \w+ly)? (?:absent|missing|nowhere|lacking"
    r"|nonexistent|non-existent)|never (?:appears?|shows?|is|are|occurs?|comes?))\b"
)
# Without a verb: "bench not found".
_REPORTED: Final = re.compile(
    r" (?:(?P<not>not )?(?:detected|found|visible|present|seen|shown|there|observed|spotted|located|identified)"
    r"|(?P<gone>absent|missing))$"
)
_TURNS_OUT: Final = re.compile(
    r" (?:is|was|are|were|turns? out to be|turned out to be) (?:actually|really|in fact|just|only|not|a|an)\b"
)
_NOBODY: Final = re.compile(
    r"\b(?:nobody|no-?one|no one|not (?:see |find |spot |show |contain )?any ?(?:one|body|people|person|humans?))\b"
)
_NOTHING: Final = re.compile(
    r"(?:nothing (?:like that|of the sort|of that kind|similar|is|can|in|here|there|resembl\w+|visible|matching"
    "|relevant)|no such (?:thing|object|item|animal)|there is nothing|none (?:is|are|can|in|visible|present|here"
    r"|of (?:that|those|these))|(?:i|we) (?:do not|can not)? ?(?:see|find) (?:nothing|anything) (?:like|of))\b"
)


# "The only thing I see is a bench": whatever else was asked for is not there.
_NOTHING_ELSE: Final = re.compile(
    r"(?:the only (?:thing|object|item|animal|person|vehicle)s?\b.{0,60}? (?:is|are)"
    r"|all (?:that )?i (?:can )?see (?:is|are)"
    r"|(?:there is|i (?:can )?see) nothing (?:but|except|other than)) (?:an?|the|some|two|three|one|several)\b"
)


def thing_stance(sentence: str, asked: Question) -> Vote | None:
    """Whether a sentence says that the thing asked about is there.

    Args:
        sentence: lower case, contractions spelled out.
        asked: a question about a thing.
    """
    tokens = TOKEN.findall(sentence)
    stems = [stem(token) for token in tokens]
    found = sorted((place, len(name)) for name in asked.things for place in places(stems, name))
    votes = [vote for place, length in found if (vote := _thing_vote(tokens, place, place + length)) is not None]
    if not votes and not found and _NOTHING_ELSE.match(sentence):
        return asked.vote(False)
    if not votes:
        return asked.vote(False) if _denies_wider(tokens, stems, asked) else None
    if is_unsure(sentence):
        return "unsure"
    if is_no_claim(sentence) or (votes[-1] and _THOUGHT.search(sentence)):
        return None
    if len(set(votes)) > 1 and not _CONTRASTS.search(sentence):
        return "unsure"
    return asked.vote(votes[-1])


def _thing_vote(tokens: list[str], start: int, end: int) -> bool | None:
    """Whether the thing at `start:end` is said to be there; `None` when the words say something else."""
    following = tokens[end] if end < len(tokens) else ""
    if end - start == 1 and start and (tokens[start - 1], stem(tokens[start])) in (("hot", "dog"), ("teddy", "bear")):
        return None
    if tokens[end - 1].endswith("'s") or following == "'" or not _ends_name(tokens, end):
        return None
    left = start
    while left and (tokens[left - 1] not in _MAY_BREAK or not _new_clause(tokens, left - 1, following in _FINITE)):
        left -= 1
    scope = tokens[left:start]
    nearest = tokens[max(0, start - 8) : start]
    if not _EXCEPT_WORDS.isdisjoint(nearest):
        near = " ".join(nearest)
        if _EXCEPT.search(near):
            return _ALL.isdisjoint(tokens[:start]) or negations(tokens[: start - 1]) > 0
        if _INSTEAD.search(near):
            return False
    before = " ".join(scope[-8:])
    if holds(before, _RESEMBLING) and _RESEMBLES.search(before) and not _SEEMS_LIKE.search(before):
        return None
    # "The object in question, a dog, is not there": what is said of the one is said of the other.
    aside = following == "," and start > 1 and tokens[start - 2] == "," and tokens[end + 1 : end + 2] in _IS
    end += aside
    right = end
    while right < len(tokens) and tokens[right] not in _BREAK and tokens[right] not in _SUBORDINATES:
        right += 1
    after = " " + " ".join(tokens[end:right])
    denials = negations(scope) + ("of" in nearest[-2:] and not _EMPTIED.isdisjoint(nearest[-3:]))
    gone = not _GONE_WORDS.isdisjoint(tokens[end:right])
    missing = _NOT_THERE.match(after) if gone else None
    if missing and missing["degree"]:
        return None
    denials += bool(missing or (gone and _ABSENT.match(after)))
    reported = _REPORTED.match(after)
    if reported and not missing:
        return denials % 2 == (1 if reported["not"] or reported["gone"] else 0)
    if _TURNS_OUT.match(after) and _SEEMS_TO_BE.search(before):
        return False
    if denials % 2 == 0 and not _ASSERTING.intersection(tokens) and not (start and tokens[start - 1].isdigit()):
        return None
    return denials % 2 == 0


def _ends_name(tokens: list[str], end: int) -> bool:
    """Whether a name ends at `end`: what follows is no noun that makes it the name of another thing."""
    following = tokens[end] if end < len(tokens) else ""
    if not following.isalpha() or following in _LINKS or following.endswith(("ing", "ed", "ly")):
        return True
    return following.endswith("s") and (end + 1 == len(tokens) or tokens[end + 1] in _LINKS)


# Before a colon, what follows is denied: "what I cannot see: a dog".
_MISSING_LIST: Final = re.compile(
    r"\b(?:not (?:see|find|spot|show|contain|include|have|visible|present|shown|seen)|missing|absent|lacking)$"
)
_CLAUSE_OPENERS: Final = word_set(
    "there it i we he she they this that just only instead rather not is are which who shows contains showing the"
)


def _new_clause(tokens: list[str], index: int, is_subject: bool) -> bool:
    """Whether a clause begins after the mark or conjunction at `index`."""
    if tokens[index] == ":":
        return not _MISSING_LIST.search(" ".join(tokens[:index]))
    if tokens[index] in _BREAK:
        return True
    following = tokens[index + 2] if tokens[index + 1] == "and" else tokens[index + 1]
    if is_subject and tokens[index] == "," and following in ("a", "an", "one", "two", "some"):
        return True
    return following in _CLAUSE_OPENERS


_ANYTHING: Final = word_set("object thing animal item vehicl person creatur")  # stems


def _denies_wider(tokens: list[str], stems: list[str], asked: Question) -> bool:
    """Whether all that the thing belongs to is denied: "there are no animals", "nothing like that is there"."""
    text = " ".join(tokens)
    if _NOTHING.match(text) or (asked.things[0][-1] in HUMANS and _NOBODY.search(text)):
        return True
    return any(
        tokens[index - 1] in ("no", "any", "such")
        and not NEGATION.isdisjoint(tokens[:index])
        and (stems[index] in asked.wider or ("such" in tokens[:index] and stems[index] in _ANYTHING))
        for index in range(1, len(stems))
    )


def denies_quality(sentence: str, name: tuple[str, ...]) -> bool:
    """Whether the thing is there, but not as asked: "a bucket, but it is not red"."""
    if name[-1] not in sentence or "not" not in sentence:
        return False
    tokens = TOKEN.findall(sentence)
    stems = [stem(token) for token in tokens]
    return name[-1] in stems and any(
        "not" in tokens[max(0, index - 3) : index] for index, base in enumerate(stems) if base in name[:-1]
    )
