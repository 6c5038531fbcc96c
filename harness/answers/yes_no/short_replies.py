"""Replies that lean on the question for their matter ("It does not."), and those that are read without a question."""

from __future__ import annotations

import re
from typing import Final

from harness.answers.refusals import is_unsure
from harness.answers.wording import either, holds

_SUBJECT: Final = either(
    "it", "he", "she", "they", "there", "that", "this", "we", "you", "i", "these", "those", "one",
    r"(?:the|this|that|both|all|some|such) (?!answer|question|response|conclusion|reason)\w+(?: \w+)?",
    r"such an? \w+",
    "what (?:you|was|the question) (?:are |is )?(?:asking|asked|mention(?:ed)?|describe(?:d)?)(?: about| for)?",
)  # fmt: skip
_AUX: Final = "(?:is|are|was|were|does|do|did|has|have|can|could|should|will|would|may)"
_WHERE: Final = "(?:in|from|within) (?:the|this|that) (?:image|video|picture|photo|scene|frame|clip)"
_ELLIPTIC: Final = re.compile(
    r"(?:\w+ly,? |in fact,? |indeed,? |you bet |sure |however,? |but |and |so |from what i can see,? "
    rf"|as far as i can (?:see|tell),? )?{_SUBJECT} (?:\w+ly |indeed |sure )?{_AUX}(?P<not>(?: \w+ly)? not)?"
    r"(?: (?!beside|behind|near|above|below|under|next|in|on|by|to|like|with|around)\w+"
    r"(?= (?:one|it|that|them|any|so)$))?(?: "
    + either(
        r"\w+ly|indeed|so|that|it|any|one|some|be|there|(?P<none>none)|do so|do that|do this|happen|occur|take place"
        "|the case|here|at all|visible|present|in view", _WHERE,
    )
    + "){0,3}$"
)  # fmt: skip
_SIGHT: Final = "(?:see|find|spot|observe|detect|notice|identify|locate|recogni[sz]e|found|saw|spotted|noticed)"
_SEEN_IT: Final = re.compile(
    rf"(?:\w+,? ){{0,3}}?(?:(?:i|we|you) |(?=(?:do|can|could|did) ))(?P<not>(?:do|can|could"
    rf"|did)(?: \w+ly)? not )?(?:can |do |could )?(?:\w+ly )?{_SIGHT} (?P<none>no |nothing|none)?"
    r"(?:any|it|one|them|that|this|some|such (?:an? )?\w+|anything|something|those|these|objects?|thing)?"
    rf"(?: (?:of that kind|like that|of those|of the sort|anywhere|here|there|at all|{_WHERE})){{0,3}}$"
)
_THERE_IS: Final = re.compile(
    "there (?:is|are|was|were) (?:(?:one|some|several|two|three|many|a few|a couple|plenty|indeed|more than one"
    r"|at least one)|(?P<no>none|not any|not one|not a single one|no such \w+))\b(?: (?:of (?:them|those|these)|in|on"
    r"|at|near|behind|under|to|by|beside|next|visible|present|here|there|that|which|standing|sitting|lying)\b.*)?$"
)
_COUNTED: Final = re.compile(
    r"i (?:can )?count (?:at least )?(?:an?|one|two|three|four|five|six|\d+|several|many)(?: (?:of (?:them"
    r"|those)|here|there))*$"
)
_NONE_DO: Final = re.compile(
    r"(?P<none>none) (?:of (?:them|these|those|the \w+)(?: \w+)? )?(?:do|does|did|has|have|is|are|was|were|can)(?: "
    r"(?:one|any|so|that|it|visible|present|there))?$"
)
# The end of a sentence that began otherwise: "I looked for a car but did not find any".
_TAIL: Final = re.compile(
    rf"(?:(?P<vain>(?:came|come) (?:up|away) (?:empty|with nothing)|(?:found|saw|see|find) (?:none|nothing|no such \w+)"
    rf"|had no luck|failed|without success|to no avail|in vain)|there (?:is|are|was|were) (?P<none>none|not any"
    rf"|not one|no such \w+)"
    rf"|(?:{_SUBJECT} )?{_AUX}(?: \w+ly)? (?P<not>not)(?: {_SIGHT})?(?: (?:one|any|it|them|that|anything))?"
    rf"|(?:{_SUBJECT} )?(?:found|saw|spotted|do see|can see|there is|there are) (?:one|it|some|several|two)"
    rf"|(?:(?:it )?(?:can|could) (?:still )?be (?:made out|seen|discerned|spotted))\b.*)"
    rf"(?: (?:here|there|at all|anywhere|{_WHERE}))?$"
)


_IT_SEEMS: Final = re.compile(
    r"(?:i (?:really )?(?P<not>do not) (?:think|believe|see that)(?: that)? |(?:to me,? )?it (?:\w+ly )?(?:seems"
    "|appears|looks)(?: to me)?(?: like| as if| as though| that)?,? )(?=there |it |he |she |they |that |so )"
)
_SHOWN: Final = re.compile(
    r"(?:that|this|it|(?:the|this|that|such an?) (?:event|step|action|moment|instruction|part)) (?:is|was)(?: \w+ly)?"
    rf"(?P<not> not)?(?: \w+ly)? (?:shown|depicted|demonstrated|seen)(?: {_WHERE})?$"
)
# "That is what happens in the video."
_IS_WHAT: Final = re.compile(
    r"(?:that|this|which|it) (?:is|was)(?P<not> not)?(?: \w+ly| indeed)? (?:what|how it|how things"
    "|the (?:order|sequence)) (?:(?:is|was) )?(?:happens|happened|occurs|happening|shown|seen|depicted|takes place"
    f"|(?:we|i|you) (?:can )?see|goes|go|(?:the )?(?:image|video|picture|clip) shows)(?: (?:here|{_WHERE}))?$"
)


_REPLIES: Final = (_IS_WHAT, _SHOWN, _THERE_IS, _COUNTED, _NONE_DO, _ELLIPTIC, _SEEN_IT)


def elliptic_reply(sentence: str) -> bool | None:
    """Whether a reply without matter of its own affirms; `None` if the sentence is none."""
    seems = _IT_SEEMS.match(sentence) if sentence.startswith(("it ", "to me", "i ")) else None
    if seems and seems["not"]:
        affirms = elliptic_reply(sentence[seems.end() :])
        return None if affirms is None else not affirms
    if seems:
        sentence = sentence[seems.end() :]
    for form in _REPLIES:
        match = form.match(sentence)
        if match is not None:
            return _affirms(match)
    return None


def _affirms(match: re.Match[str]) -> bool:
    """Whether a reply affirms: the named groups of its form are what denies."""
    return not any(match.groupdict().values())


def tail_reply(sentence: str) -> bool | None:
    """Whether the last clause of a sentence affirms or denies what the first ones only name; `None` if neither."""
    for mark in (", but ", ", and ", ", yet ", " but ", " and ", ", "):
        head, _, tail = sentence.rpartition(mark)
        match = _TAIL.match(tail) if head else None
        if match is not None:
            return _affirms(match)
    return None


_MEDIUM: Final = "(?:image|picture|photo|photograph|video|scene|frame|clip)s?"
_DENIES: Final = re.compile(
    either(
        r"^(?:\w+,? ){0,3}?there (?:is|are|was|were|appears?|seems?)(?: to be)? (?:no|not|nothing|none)\b",
        r"^(?:\w+,? ){0,3}?there (?:does|do) not (?:appear|seem)",
        rf"\b(?:i|we|you) (?:do|can|could|did|am|are)(?: \w+ly)? not (?:able to )?(?:actually |really "
        rf"|clearly )?{_SIGHT}",
        rf"\b(?:i|we) (?:am|are|was|were) unable to {_SIGHT}",
        rf"\b(?:i|we) {_SIGHT} (?:no|nothing|none)\b",
        rf"\b{_MEDIUM} (?:does|do|did) not (?:\w+ly )?(?:show|contain|include|depict|feature|have|display|appear"
        rf"|seem|provide)",
        rf"\b{_MEDIUM} (?:shows?|contains?|includes?|depicts?|features?|has|have|displays?|is without"
        rf"|is devoid of) (?:no|none|nothing)\b",
        r"\b(?:is|are|was|were)(?: \w+ly)? not(?: \w+ly)? (?:present|visible|shown|seen|depicted|in the (?:image"
        r"|picture|photo|video)|there|any|featured|included|pictured)\b",
        rf"\b{_MEDIUM} lacks?\b",
        r"\b(?:is|are) (?:absent|missing)\b",
        r"\bcan not be (?:seen|found|spotted|observed)\b",
        r"^no \w+(?: \w+){0,3} (?:is|are|was|were|can|could|appears?|in|exists?)\b",
        r"^none (?:of|is|are|can|in|visible|present|that)\b",
    )
)
_DENYING_WORDS: Final = ("no", "unable", "lack", "absent", "missing", "devoid", "without")
_AFFIRMS: Final = re.compile(
    either(
        r"^(?:\w+,? ){0,3}?there (?:is|are|was|were|appears? to be|seems? to be|seems)(?: \w+ly)? (?:an?|one|two"
        r"|three|four|some|several|many|multiple|at least|the|indeed)\b",
        rf"\b(?:i|we|you) (?:can |do |could )?(?:\w+ly )?{_SIGHT}(?: \w+ly)? (?:an?|one|two|three|some|several|many"
        rf"|the|it|them)\b",
        rf"\b{_MEDIUM} (?:\w+ly )?(?:shows?|contains?|depicts?|features?|includes?|has|displays?|does (?:show"
        rf"|contain|depict|feature|include|have))\b",
        r"\b(?:is|are)(?: \w+ly)? (?:present|visible|shown|depicted|featured)\b",
    )
)
_NOT_A_CLAIM: Final = re.compile(
    either(
        r"\b(?:whether|if there|if the|if a|if any|asks?|asking|asked|(?<!in )question|i need to|i will|i should"
        "|let us|let me|going to|look for|looking for|search for|searching for|would be|would have|task|first,? i|plan"
        r"|should check|must check|scan)\b",
        r"(?<!able )(?<!failed )(?<!fails )(?<!fail )(?<!not )(?<!unable )\bto (?:check|see if|determine|find"
        r"|identify|verify|look)\b",
        r"\b(?:typically|usually|generally|often),? (?:such|these|those|this (?:kind|type|sort) of)\b",
        r"\bin order to\b|\bchecking\b|^(?:analy[sz]ing|examining|scanning|inspecting|reviewing)\b",
    )
)
_NOT_A_CLAIM_WORDS: Final = (
    "whether", "if ", "ask", "question", "i need", "i will", "i should", "let ", "going to", "look for", "looking for",
    "search", "to see if", "to determine", "to find", "to identify", "to verify", "to look",
    "would ", "task", "first", "plan", "check", "scan", "examining", "inspecting", "reviewing", "analy", "order",
    "typically", "usually", "generally", "often",
)  # fmt: skip


def is_no_claim(sentence: str) -> bool:
    """Whether a sentence says what is asked, supposed or planned, and not what is."""
    return holds(sentence, _NOT_A_CLAIM_WORDS) and _NOT_A_CLAIM.search(sentence) is not None


_NO_OTHER: Final = re.compile(r"\bno (?:other|more)\b")
_ANY_NO: Final = re.compile(r"\b(?:no|not|without)\b")


def plain_reply(sentence: str) -> bool | None:
    """Whether a sentence of the plainest forms affirms something, where it is not known what was asked."""
    if holds(sentence, _DENYING_WORDS) and _DENIES.search(sentence):
        return _NO_OTHER.search(sentence) is not None
    elliptic = elliptic_reply(sentence)
    if elliptic is not None:
        return elliptic
    if _AFFIRMS.search(sentence) and not is_unsure(sentence):
        return None if _ANY_NO.search(sentence) else True
    return None
