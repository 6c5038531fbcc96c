"""The leak check: a caption that gives the answer instead of describing earns no fidelity.

What is looked for is a verdict: "the answer is yes", "so no", "option B fits", "it must be the second option", an
option's letter or a yes or no that stands alone, whether or not the answer that it gives is right. Options, answers
and words that are seen in a picture ("Option B is printed on the slide", a sign that says "No") are none, as long as
nothing is concluded from them. How often that goes wrong: `python benchmarks/captions.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from harness.answers.text import sentences
from harness.core.types import AnswerKind

_IS: Final = (
    r"(?:is|are|was|(?:would|should|must|will|can|cannot|could|may|might|has\s+to|have\s+to|turns\s+out\s+to)\s+"
    r"(?:only\s+|then\s+)?be|becomes|comes\s+to|equals)"
)
_SO: Final = (
    r"\b(?:so|therefore|thus|hence|accordingly|consequently|as\s+a\s+result|it\s+follows\s+that"
    r"|(?:which|that|this)\s+(?:means|makes|implies|confirms)|meaning|making|confirming|i\.\s?e\.|we\s+(?:can\s+)?conclude(?:\s+that)?)"
)
_BEST: Final = r"(?:final|correct|right|best|true|expected|proper|appropriate|likeliest|most\s+likely)"
_SEEN: Final = (
    r"(?:to\s+be\s+(?:written|filled|entered)|printed|written|shown(?!\s+to\s+be)|displayed|listed|highlighted|circled"
    r"|underlined|ticked|crossed|marked|hidden|covered|visible|drawn|placed|left\s+blank|blank|empty|illegible|obscured"
    r"|upside|not\s+(?:visible|shown|legible|given)|(?:in|on|at|below|above|under|next\s+to|beside|within|inside)\b)"
)
"""What is said of an answer or an option that is seen in a picture."""
_CONCLUDES: Final = re.compile(
    rf"""</?\s*answer\s*> | \\boxed
      | \b(?:answer|verdict|{_BEST}\s+(?:option|choice|alternative|letter|response|reply|result|value|one))
        (?:\s(?!of\b|on\b|in\b)[^.:=]{{1,40}}?)?(?:,?\s{_IS}\s+|\s?[:=]\s?|\s-\s)(?!(?:only\s+|partly\s+)?{_SEEN})
      | \b(?:option|choice|alternative|response|reply|ans)\s*[:=](?!\s*{_SEEN})
      | \b(?:an\s+answer\s+of|{_IS}\s+the\s+(?:final\s+|right\s+|correct\s+)?answer\b
        |makes\s+the\s+(?:answer|reply|response))
      | \b(?:response|reply)\s+{_IS}\s+(?:an?\s+)?(?:yes|no|affirmative|negative)\b
      | (?:^|[;,]\s*)(?:to\s+answer|in\s+(?:answer|response|reply)\s+to)\s+(?:the|this|your)\s+question\s*[,:]\s*
        (?!(?:we|I|one|you|it|let)\b)
      | \bquestion\s+(?:is|can|could|should|must|may)\s[^.]{{0,24}}answered\b
      | \b(?:I|we|one)(?:'d|\s+would|\s+will|\s+can|\s+must|\s+should|\s+has\s+to|\s+have\s+to)?\s+
        (?:say\s+(?:that\s+)?["']?(?:yes|no)\b|answer|pick|choose|select|go\s+(?:with|for)|opt\s+for)\b
      | \b(?:statement|claim|assertion|premise|(?<!null\s)hypothesis|description\s+given
        |asked(?:\s+about|\s+for)?)\b[^.]{{0,30}}\s
        (?:{_IS}|does|do|seems|appears)\s[^.]{{0,12}}\b(?:true|false|correct|incorrect|right|wrong|accurate|hold)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_COMES_TO: Final = re.compile(
    rf"""{_SO}[,:]?\s+(?:the|its|their)\s+(?:\w+\s+)?
         (?:result|total|sum|area|perimeter|volume|length|probability|difference|ratio|value|number|count)\s+{_IS}\b
       | \bfinal\s+(?:value|result)\s+{_IS}\s+(?!{_SEEN})
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What is worked out, and so answers an open question."""
_YES_NO: Final = re.compile(
    rf"""^\W*(?:yes|no|true|false|correct|incorrect|affirmative|negative)\W*$
      | ^(?:clearly|definitely|certainly|indeed|obviously|overall|finally)?,?\s*(?:yes|no)\s*(?:[,:!;]|-\s|\.$)(?!\s*\d)
      | (?<!no\.)[;,]\s*(?:yes|no)\s*(?:$|[.!;])
      | {_SO}[,:]?\s+(?:(?:the|that|it|it's|that's|this|is|a|an|clear)\s+){{0,3}}["']?
        (?:yes|no|true|false)\b["']?\s*(?:$|[.,;:!)])
      | \b(?:it|that|this)(?:'s|\s+is|\s+makes\s+it)\s+(?:a\s+|an\s+)?(?:clear\s+|definite\s+|firm\s+)?
        (?:yes|no|true|false|affirmative)\s*(?:$|[.,;:!])
      | \bin\s+the\s+(?:affirmative|negative)\b
      | ^(?!.*\b(?:reads?|says?|sign|text|words?|written|labell?ed|button|printed|title|slogan)\b).*:\s*(?:yes|no)\W*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERED: Final = re.compile(r"\b(No)\.(?=\s?\d)", re.IGNORECASE)
_PICTURED: Final = re.compile(
    r"(?i)\b(?:printed|written|painted|shown|displayed|listed|lists|highlighted|circled|underlined|ticked|checked|crossed"
    r"|marked|labell?ed|labels?|reads?|says|titled?|headed|slide|menu|screen|poster|sign|worksheet|page|board|form|ballot"
    r"|buttons?|column|box(?:es)?|drop-?down|quiz|app|website|sheet|card|banner|sticker|keys?|panels?|vert(?:ex|ices)"
    r"|angle|points?|lines?|gate|section|figure|plots?|circuit|circles?|graph|diagram|beaker|hall|exit|platform)\b"
)
_VERDICT: Final = re.compile(
    rf"(?i){_SO}\b|\bmust be\b|\b(?:is|are|as) (?:the )?(?:most )?(?:correct|right|true|best|likely|likeliest|one)\b"
    r"|\b(?:fits?|match(?:es)?|appl(?:y|ies)|corresponds?|agrees?|points? to|consistent|holds|chosen?|best)\b"
    r"|\b(?:which|that) is (?:what|answer|option|choice)\b"
)
_ORDINAL: Final = (
    r"(?:first|second|third|fourth|fifth|last|former|latter|1st|2nd|3rd|4th)\s+(?:one\b|option|choice|alternative|answer"
    r"|of\s+(?:the|these|those)\s+(?:\w+\s+)?(?:options|choices|alternatives|answers)\b)"
)


def leaks_answer(caption: str, answer_kind: AnswerKind, choices: Mapping[str, str] | None = None) -> bool:
    """Whether a caption gives the answer away instead of describing what is seen.

    Args:
        caption: text of the caption section.
        answer_kind: of the question.
        choices: option letter to text, for multiple choice.
    """
    caption = _NUMBERED.sub(r"\1", caption)
    parts = [part for sentence in sentences(caption) for part in re.split(r"(?<=;)\s", sentence)]
    bare = [part.replace("*", "") for part in parts]
    if any(_CONCLUDES.search(part) for part in bare):
        return True
    own = {"yes_no": _YES_NO, "open": _COMES_TO}.get(answer_kind)
    if own is not None and any(own.search(part) for part in bare):
        return True
    return bool(choices) and _names_option(caption, parts, "".join(choices or ()))


def _names_option(caption: str, parts: list[str], letters: str) -> bool:
    """Whether one option is named, and not only as something that is seen; several that are named give nothing away."""
    forms = _option_forms(letters)
    if any(forms["verdict"].search(part) for part in parts):
        return True
    for part in parts:
        if not forms["named"].search(part) or (_PICTURED.search(part) and not _VERDICT.search(part)):
            continue
        if len({letter for found in forms["marked"].findall(caption) for letter in found if letter}) < 2:
            return True
    return False


@lru_cache(maxsize=32)
def _option_forms(letters: str) -> Mapping[str, re.Pattern[str]]:
    letter = rf"[{re.escape(letters)}]"
    word = r"(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Aa]lternative)s?"
    return {
        # B is correct; therefore C; it must be (D).
        "verdict": re.compile(
            rf"""(?:^|[\s(*"]){letter}[)*"]{{0,3}}\s(?:is|seems|would\sbe|must\sbe|fits|matches)\s
                 (?:the\s)?(?:most\s)?(?:correct|right(?!\s(?:angle|triangle|side|hand|child|half|part|end|edge))|true|best|likely|likeliest|answer)\b
              | (?i:{_SO}|\b(?:choose|pick|select|go\swith|it(?:'s|\sis|\smust\sbe)))[,:]?\s(?:the\s)?(?:{word}\s)?
                \W{{0,3}}{letter}\W{{0,3}}(?:$|[.,;!]|\s(?i:as|because|since|fits|matches)\b)
            """,
            re.VERBOSE,
        ),
        # (B), **B**, option B, a letter that stands alone or labels an option, the second option.
        "named": re.compile(
            rf"""(?<!\w)[(\[]\s?{letter}\s?[)\]] | (?:→|[-=]>)\s*{letter}\b | \*\*\s?{letter}\s?\*\*
              | \b{word}\s\W{{0,2}}{letter}\b | ^\W*{letter}\W*$ | [;:]\s*{letter}\W*$ | ^{letter}[.:)]\s
              | (?i:\b{_ORDINAL})
            """,
            re.VERBOSE,
        ),
        "marked": re.compile(
            rf"\(\s?({letter})\s?\)|\b{word}\s\W{{0,2}}({letter})\b|(?:^|\s)({letter})(?:[.:)](?=\s|$)|$)"
            rf"|\b(?:and|or|to|through)\s\W{{0,2}}({letter})\b",
            re.MULTILINE,
        ),
    }
