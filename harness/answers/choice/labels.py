"""Telling whether a letter in a text is an option's label, and what the words around it say about that option."""

from __future__ import annotations

import re
from typing import Final

from harness.answers.wording import either, holds, word_set

OPEN: Final = r"[\s\"'(\[{<:=.,\-|_~\\]{0,8}"
LABEL_NOUN: Final = either(
    "options?", "choices?", "letters?", "answers?", "alternatives?", "opt", "opci[óo]n", "letra", "opção", "opzione",
    "lettera", "buchstabe", "antwort", "respuesta", "r[ée]ponse", "resposta", "risposta", "ответ", "вариант", "选项",
    "選項", "選択肢", "보기", "الخيار", "विकल्प", "答案", "정답", "答え", "उत्तर", "जवाब", "الإجابة", "الجواب",
)  # fmt: skip
LABEL_WORD: Final = rf"(?:(?:the )?(?:\w{{1,12}} )?{either(LABEL_NOUN, 'item', 'statement', 'number')}[\s:#]{{0,3}})"
_ADVERB: Final = (
    "(?:(?:most |very |quite )?(?:likely|probably)|definitely|clearly|certainly|indeed|simply|therefore|thus|hence"
    "|perhaps|maybe|possibly|obviously|surely|actually|that|then|just|still|as follows|given by|in fact|for sure"
    r"|undoubtedly|to be|going to be|it is|it must be|la|el|le|die|a|o)[\s,:]{1,2}"
)
LABEL: Final = re.compile(
    rf"{OPEN}(?:{_ADVERB}){{0,3}}{LABEL_WORD}?{OPEN}(?P<label>[A-Za-z]|\d{{1,2}})(?![^\W_])", re.IGNORECASE
)
WHOLE: Final = re.compile(
    rf"[\W_]*(?:\d{{1,2}}[.)] |(?:Q: [^\n]{{0,300}}\s)?A: )?{LABEL_WORD}?[\W_]*(?P<label>[A-Za-z]|\d{{1,2}})[\W_]*$",
    re.IGNORECASE,
)
LOOP: Final = re.compile(
    r"[\W_]*(?P<label>[A-Za-z])(?:[\W_]{0,4}(?P=label)(?![^\W_]))+[\W_]*$|(?P<run>[A-E])(?P=run){2,}$"
)

# After a bare letter: what shows that it is a label and not a word, an initial or the beginning of a name.
AFTER_LABEL: Final = re.compile(
    r"\s?$|[)\]}:;!?\"'|,>~]|\s?[^\x00-\x7f]|\.(?:\s|$|[A-Z]|\")|\s?[\n(\[]|\s[->]\s|-{2}|\.{2,3}|/|\s(?:"
    "is|was|are|because|since|as|for|and|or|but|which|due|given|seems?|appears?|looks?|fits?|match(?:es)?|makes?"
    "|would|should|must|will|can|best|correctly|accurately|describes?|explains?|represents?|stands?|has|with|it"
    "|based|on|in|not|rather|instead|over|from|by|to|if|so|thus|therefore|hence|being|clearly|definitely|probably"
    "|correct|right|wrong|incorrect|only|alone|here|my|final|says?|states?|mentions?|refers?|corresponds?|aligns?"
    "|indicates?|reflects?|shows?|provides?|captures?|wins|works|remains|does|than|also|most|please|answer|option"
    "|ist|es|est|porque|weil|car|parce|cannot|can't|doesn't|isn't|reads|matched|ok|okay|i|maybe|though|then|obviously"
    r"|it's|looks|more|again|now)\b",
    re.IGNORECASE,
)
_AND: Final = (
    r"(?:and|or|&|/|\+|\||y|o|et|ou|und|oder|和|或|或者|与|及|または|と|또는|и|или|as well as|and/or|nor|to|through"
    "|then|and then|or not)"
)
SECOND: Final = re.compile(
    rf"[\s.)\]\"'}}]{{0,3}}(?:,? ?{_AND}|,) ?(?:also )?(?:the )?(?:option |choice |answer )?[\"'(\[{{]{{0,2}}"
    r"(?P<label>[A-Z]|\d{1,2})(?![^\W_]|'| \w{3,}\b)"
    r"|[\s.)\]\"'}]{0,3},? ?(?:and|or) (?:option |choice )?[\"'(\[{]{0,2}(?P<other>[A-Za-z])"
    r"(?=[\s.)\]\"'}]{0,3}(?:$|[.,;!?\n]| are\b| both\b| could\b| seem))"
)

_ASIDE: Final = r"[)\]}.:\"'*]{0,3}(?:\s?\([^()\n]{0,160}\))?"
NOT_BEFORE: Final = re.compile(
    either(
        r"\bnot|n't|\bnever|\bneither|\bnor|\bexcept(?: for)?|\bexclud\w+|\beliminat\w+|\brul\w+ out|\breject\w*"
        r"|\bdiscard\w*|\bdismiss\w*|不是|并非|排除|不选|\brather than|\binstead of|\bunlike|\bwithout|\bthan"
        r"|\bopposed to|\bwrong|\bincorrect|\bversus|\bvs\.?",
        r"\b(?:don't|do not|wouldn't|would not)(?: (?:think|believe|say|suppose))?(?: that)?(?: (?:it|this|that"
        r"|the answer)(?:'s| is| would be| could be))?",
        r"\bno|\b(?:anything|all|everything) (?:but|except)|\bavoid\w*|\bskip\w*|\bcross(?:ed|ing)? out"
        r"|\bcontradicts?|\bdisagree with|\bbeyond|\bdifferent from|\bover",
        r"\b(?:beats?|trumps?|outweighs?|scratch|forget(?: about)?|drop|ignor(?:e|ing)|disregard(?:ing)?)",
        r"\bnot (?:the case|true|correct|right) that|\balthough|\beven though|\bwhile|\bwhereas",
    )
    + "(?: (?:be|choose|pick|select|the|any|either|option|choice|answer|letter|a|an|necessarily|really|just|it is))"
    r"{0,4}[ :]?[\"'(\[{]{0,2}\Z"
)
_DENYING_WORDS: Final = (
    "no", "n't", "never", "except", "不", "并非", "排除", "exclud", "eliminat", "rul", "reject", "discard", "dismiss",
    "than", "instead", "unlike", "without", "opposed", "wrong", "incorrect", "vs", "versus", " but", "avoid", "skip",
    "cross", "contradict", "disagree", "beyond", "different", "over",
    "hough", "while", "whereas", "beat", "trump", "outweigh", "scratch", "forget", "drop", "ignor", "disregard",
)  # fmt: skip


def denied_before(before: str) -> bool:
    """Whether the words before a label reject it: "not B", "rather than B", "rule out B"."""
    return holds(before, _DENYING_WORDS) and NOT_BEFORE.search(before) is not None


_ALL_BUT: Final = re.compile(
    r"\b(?:all|every|everything|any|each)(?: (?:of|the|these|other|answer|option|choice|one)s?){0,4}"
    r" (?:but|except(?: for)?|other than|apart from|besides)(?: (?:for|option|choice|answer|letter))? ?[\"'(\[]{0,2}\Z"
)
_NONE_BETTER: Final = re.compile(
    r"\b(?:no|nothing|none)\b[^.;\n]{0,32}\b(?:better|other|\w+er|more \w+) than (?:option |choice )?[\"'(\[]{0,2}\Z"
)
_ALL_WRONG: Final = re.compile(
    r"[)\]\"']{0,2},? (?:is|are|were|was|can be|could be|must be|have been|has been) (?:\w+ly )?(?:wrong|incorrect"
    r"|false|ruled out|eliminated|excluded|invalid|rejected|dismissed|discarded|implausible|inconsistent)\b"
)
_ASKED_BEFORE: Final = re.compile(
    r"(?:^|[.!?\n]\s?)(?:so |and |but |or |then )?(?:is it|could it be|is the answer|what about|how about)"
    r" (?:option |choice )?[\"'(\[]{0,2}\Z"
)
_ASKED_AND_AFFIRMED: Final = re.compile(r"[)\]\"']{0,2}\? ?(?:yes|correct|right|indeed|exactly)\b")


def affirmed_around(before: str, after: str) -> bool:
    """Whether a label is the one left, or confirmed: "all except B are wrong", "none better than B", "is it B? Yes"."""
    if "than" in before and _NONE_BETTER.search(before) is not None:
        return True
    if _ALL_WRONG.match(after) is not None:
        return _ALL_BUT.search(before) is not None
    return _ASKED_AND_AFFIRMED.match(after) is not None and _ASKED_BEFORE.search(before) is not None


_STILL_THE_SUBJECT: Final = (
    r"(?:(?!\b(?:is|are|was|seems?|fits?|matches|because|since|as|but|and|or|while|whereas|so|not|rather|instead|over"
    r"|if)\b)[^.;\n]){0,160}?"
)
VERDICT_AFTER: Final = re.compile(
    rf"(?:{_ASIDE}|[)\]}}.:\"'*]{{0,3}}[,:.-]?\s{_STILL_THE_SUBJECT}),?\s?"
    + either(
        "is|are|was|were|must be|would be|should be|can be|could be|has to be|seems?|appears?|looks|remains|becomes"
        "|stands out as|-|:|=", "\u2192", "sounds|feels|turns out to be",
    )
    + "(?: to be| as)?(?: (?:also|clearly|definitely|likely|probably|therefore|thus|obviously|certainly|indeed|simply"
      "|still|in fact|a|an|the|our|my|only|single|one|most|more|very|much|by far|be|been|completely|entirely|largely"
      "|highly)){0,6} ?(?:(?P<yes>"
    + either(
        "correct", "right", "best", "true", "accurate", "answer", "appropriate", "suitable", "valid", "plausible",
        "proper", "winner", "ideal", "logical", "reasonable", "fitting", "consistent", "better", "likely", "match",
        "choice", "option", "closest", "strongest", "sensible", "✔", "✅", "✓", "yes", "supported", "it",
    )
    + ")|(?P<no>(?:not|n't|incorrect|wrong|false|ruled out|eliminated|excluded|unlikely|irrelevant|inaccurate"
      "|impossible|invalid|implausible|out|inconsistent|contradicted|too|unrelated|rejected|worse|less|never"
      r"|unsupported|partially|partly|✗|❌|✘|no|incomplete|misleading|off|untrue|absent)))(?![\w-])"
)  # fmt: skip
FITS_AFTER: Final = re.compile(
    rf"{_ASIDE},?\s(?:(?:also|clearly|definitely|likely|probably|best|correctly|accurately|perfectly|only|really"
    rf"|most closely|closely|seems? to|appears? to|would)\s){{0,3}}"
    + either(
        "fits?", "match(?:es)?", "makes? (?:the most |more |most |perfect )?sense", "works", "describes?",
        "explains?", "represents?", "stands out", "wins", "captures?", "reflects?", "aligns?", "corresponds",
        "applies", "it is", "for sure", "please", "is my", "be", "holds", "remains", "is left", "stands", "survives",
    )
    + r"(?![\w-])"
)  # fmt: skip
TICKED: Final = re.compile(rf"{_ASIDE}[.:]?\s?[-:]?\s?[✅✔✓☑]")
REJECTED: Final = (
    r"(?:wrong|incorrect|false|eliminated|ruled out|excluded|discarded|rejected|dismissed|not|unlikely|implausible|out)"
    r"\b(?! only)"
)
# "B, C and D are incorrect": what the last of a list is said to be holds for the first as well.
LIST_REJECTED: Final = re.compile(
    r"[)\]\"']{0,2}(?:\s?(?:,|&|/|and|or|,\s?(?:and|or))\s?(?:options? )?[(\[\"']{0,2}[A-Z][)\]\"']{0,2}){1,6}\s(?:are"
    r"|were|can|should|could|must|may|have|do)(?: all| both| be| been| safely| therefore| \w+ly)* " + REJECTED
)
CROSSED: Final = re.compile(rf"{_ASIDE}[.:]?\s?[-:]?\s?[❌✗✘✖]")
FIRST_BEFORE: Final = re.compile(
    r"(?:^|[\s(\[\"'])(?P<label>[a-z])[)\].\"']{0,2},? (?:and|or|&|\+|/|as well as|to|through|then"
    r"|and then) (?:(?:option|choice|answer) )?[\"'(\[{]{0,2}\Z"
)
_LISTED_AFTER: Final = re.compile(
    r"[)\]\"']{0,2}(?:, ?[(\[\"']{0,2}[A-Z][)\]\"']{0,2}){1,5},? (?:and|or|&) [(\[\"']{0,2}[A-Z](?![\w'])"
)
_LIKEWISE: Final = re.compile(r"\b(?:so|as) (?:is|are|was) (?:option )?[(\[\"']{0,2}\Z")


def listed_around(before: str, after: str) -> bool:
    """Whether a label begins a list of three or more, "A, B and C", or shares another's verdict, "so is D"."""
    return _LISTED_AFTER.match(after) is not None or _LIKEWISE.search(before) is not None


ONLY_LABELS: Final = re.compile(
    r"(?:[\s,.;:/&+|()\[\]?!-]*\b(?:[A-Za-z]|and|or|both|either|maybe|und|y|et)\b)+[\s,.;:/&+|()\[\]?!-]*$",
    re.IGNORECASE,
)
CORRECTED_BEFORE: Final = re.compile(
    r"[.?!,;)] ?no[,.:]? (?:actually |it is |it's |rather )?[\"'(\[]{0,2}\Z|\b(?:chang|switch|revis"
    r"|updat)\w* [^.\n]{0,30}\bfrom (?:option )?[(\"']?[a-z][)\"']? to (?:option )?[(\"']?\Z"
)
LISTED_VERDICT: Final = re.compile(
    r"[)\].:( ]{1,2}\s?(?:(?P<yes>correct|true|right|yes)|(?P<no>false|wrong|incorrect|no|not correct))(?=\s*(?:$"
    r"|[)\n.,;]))|\s?(?:(?:选项)?(?:是)?(?P<fit>正确|对的?(?![^\W_])|符合)|(?P<unfit>不对|错|不正确|不是|不符合|被排除))"
)
PREFERRED_TO: Final = re.compile(
    r"\b(?:rather than|instead of|unlike|than|over|as opposed to)\s(?:option |choice |answer )?[\"'(\[]{0,2}\Z"
)
INTERROGATIVE: Final = re.compile(
    r"(?:^|[.!?\n]\s?)(?:so |but |and |or |then |hmm,? )?(?:is|are|could|can|would|should|might|why|what|which|how"
    r"|do|does|did)\b[^.!?\n]{0,64}\Z"
)
SUPPOSED_BEFORE: Final = re.compile(r"(?:^|[.!?\n])[^.!?\n]{0,64}\b(?:if|were|had)\b[^.!?\n]{0,64}\Z")
UNFIT_AFTER: Final = re.compile(
    rf"{_ASIDE},?\s(?:(?:do|does|did|can|could|would|is|has|was)(?:\salso)?(?: not|n't)|fails|lacks|contradicts"
    rf"|ignores|misses|confuses|overlooks)\b"
)
CHOSEN_BEFORE: Final = re.compile(
    "(?:"
    + either(
        r"\b"
        + either(
            "choos(?:e|ing)|chose|chosen|select(?:ed|ing)?|pick(?:ed|ing)?|go(?:ing)? (?:with|for)|went with"
            "|opt(?:ing|ed)? for|vote(?: for)?|settle[sd]? on|stick(?:ing)? with|say|saying|guess|answer(?:ed|ing)?"
            "|conclude[sd]?|lean(?:ing)?(?: towards?| to)?|prefer|believe|think|suspect|bet on|points? to|pointing to"
            "|corresponds? to|match(?:es)?|leav(?:es|ing)(?: (?:us|me) with)?|indicates?|supports?|suggests?"
            r"|leads? (?:me |us )?to|narrow\w* (?:it )?down to|consistent with|favou?rs?|identif(?:y|ied) as|equals?",
            "(?:it|that|this|which) (?:is|must be|has to be|would be|should be|will be|can only be)",
            "(?:so|thus|therefore|hence),?|making|mark(?:ed)?|tick(?:ed)?|circle[sd]?|description in"
            "|described (?:in|by)|best matches|is|be|probably|definitely|maybe|perhaps|likely|but|it'?s|that's|elijo"
            "|escojo|wähle|choisis|scelgo|escolho|выбираю|(?:guess|choose|pick|say|decide),",
        )
        + "(?: that)?(?: (?:it is|the answer is|it's|with|for|on|is|to be|would be))?"
          "(?: (?:the )?(?:\\w{1,10} )?(?:option|choice|answer|letter|one|statement))?",
        r"\b(?:of|between|among|from) (?:options? )?[a-z](?:, [a-z]){0,4},? (?:and|or) [a-z],", "->", "=>", "\u2192",
        "是", "为", "选择", "選擇", "选", "選", "答案", "正解", "정답", "答え", "उत्तर", "जवाब", "الإجابة", "الجواب",
    )
    + r")[\s:,]{0,2}[\"'(\[{]{0,2}$"
)  # fmt: skip
SOMEONE_ELSE: Final = re.compile(
    r"\b(?:some|others|people|someone|one|you|many|students?|they)\b[^.]{0,24}\b(?:might|may|could|would|will|often"
    r"|mistakenly|wrongly|incorrectly)\b[^.,;]{0,24}$"
    r"|\btempt\w+ to\b[^.,;]{0,16}$|\bif\b(?! (?:i|we|you|one|forced|pressed|pushed|asked)\b)[^.,;]{0,60}$"
)

WEIGHED: Final = re.compile(
    r"\b(?:consider|analy[sz]\w+|examin\w+|look(?:ing)? at|evaluat\w+|check\w*|start(?:ing)? with|discuss\w*"
    r"|compar\w+)\b[^.,;:]{0,24}$"
)
# Words that name what follows them; "Vitamin C", "Figure B" and "Group A" are no answers.
NAMING: Final = word_set(
    "vitamin type hepatitis plan figure fig panel point group class grade section team node part table appendix "
    "exhibit room building block level phase stage step case model series version category zone area region site line "
    "lane row column gate terminal platform bus route tier unit chapter box drawer shelf sample substance liquid "
    "solution gas metal material object item particle ball car vehicle person player student patient boy girl man "
    "woman subject character image picture photo video clip frame scene diagram graph chart map circle square "
    "triangle angle side corner edge vertex segment arrow label marker position location city country state company "
    "product brand drug compound element molecule protein factor receptor cell strain virus influenza complex subtype "
    "blood rh cup size key note minor major flat sharp string variable matrix vector set function event process "
    "thread machine computer server router host channel band signal wire resistor capacitor bulb lamp switch circuit "
    "battery electrode tube beaker flask test experiment condition treatment method algorithm scenario situation "
    "period era interval pair pairs container bottle tank pipe valve planet star magnet coil loop spring rod beam "
    "wheel gear pulley curve slope plane disk disc ring surface film layer slide mr mrs ms dr st prof"
)
INITIALS_AFTER: Final = re.compile(r"\. ?(?:coli\b|[A-Za-z]\.)")
NAME_AFTER: Final = re.compile(
    r"[-+#&*](?! )|\s?=|\s(?:cells?|major|minor|flat|sharp|language|batter(?:y|ies)|trees?|virus|rating|grade|team"
    "|movie|vitamin|lymphocytes?|clef|strings?|horizon|waves?|side|league|level|supply|type|class|section|sector"
    r"|factor|train)\b|\.[A-Z]\b|\.[A-Za-z]\.|°|\d"
)
LABELLED_BEFORE: Final = re.compile(rf"(?:\b{LABEL_NOUN}[は이가은는是为]?[\s:]{{0,2}}[\"'(\[{{]{{0,2}}|[(\[{{\"'])\Z")
PLAIN_BEFORE: Final = re.compile(
    r"(?:^|[.!?,;:\n(\[\"'=>-]|\b(?:\w{1,14}ly|but|and|so|then|with|as|that|is|be|for|to|by|say|think|choose|pick"
    r"|select))\s?\Z"
)
