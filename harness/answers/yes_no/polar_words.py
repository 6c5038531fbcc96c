"""The English words that say yes or no, those that only look as if they did, and what may stand before them.

Matched on lower-case text with contractions spelled out.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from harness.answers.wording import either

Vote = Literal["yes", "no", "unsure"]

YES: Final = either("y(?:e+s+|e+ah*|e+a|ep+|up+)", "yes(?:sir|siree)", "aye")
NO: Final = either("no+", "nope", "nah+", "nay")

# An answer where nothing else stands in the sentence.
_LONE_YES: Final = either(
    "affirmative", "correct", "true", "indeed", "right", "exactly", "precisely", "positive", "confirmed", "agreed",
    "undoubtedly", "unquestionably", "absolutely", "definitely", "certainly", "surely", "of course", "for sure",
    "naturally", "totally", "obviously", "sure(?: thing)?", "by all means", "you bet", "uh[- ]huh", "mm-?hmm", "jawohl",
    "that is (?:so|it|the case)", "(?:very |most |quite )?(?:likely|probably)", "very much so",
    "i (?:think|believe|guess|suppose|would say|would think|suspect|assume) so",
    "(?:it )?(?:would )?(?:seems?|appears?|looks?) (?:so|like it|that way)", r"\w{4,14}ly so",
    "so it (?:seems|appears)", "accurate", "roger", "oui", "s[ií]", "da", "ja", "tak", "sim", "hai", "visible",
    "present", "without (?:a )?(?:doubt|question)", "no (?:doubt|question)(?: about it)?", "beyond (?:a )?doubt",
    "beyond question", "correctly so", "it is so", "y", "found", "detected", "(?:there )?sure is",
)  # fmt: skip
_LONE_NO: Final = either(
    "negative|incorrect|false|wrong|untrue|inaccurate|never|not at all|not really|absolutely not|definitely not"
    "|certainly not|of course not|surely not|obviously not|clearly not|by no means|in no way|no way|far from it"
    "|not quite|not exactly|not so|not true|not correct|not right|not that i can (?:see|tell)"
    r"|not in (?:this|the) \w+|not here|hardly|not particularly|nothing|nowhere|(?:very |highly |most )?unlikely"
    "|disagree|denied|(?:most |very )?(?:likely|probably|maybe|perhaps|possibly) not|not likely|not visible"
    "|not present|not seen|not shown|not there|not found|not detected|not any|absent|not",
    "i (?:think|guess|suppose|believe|suspect|am afraid|would say|assume) not",
    "i (?:(?:do|would|did) not (?:think|believe|say)|(?:do|can|did|could) not see)(?: so| it| that| any| one)?",
    "(?:it )?(?:does|would|do) not (?:seem|appear|look)(?: so| like it| that way)?",
    r"\w{4,14}ly not(?: so)?|not that i (?:can )?(?:see|find|tell|notice)|not seeing (?:any|one|it)|uh[- ]uh|non|nein"
    "|nee|nem|nie|net|nej|not (?:a|one|even) (?:single )?(?:one|chance|bit)|no chance|nothing of the (?:sort|kind)"
    "|none|none (?:at all|whatsoever)|(?:there )?sure is not|negatory|none that i can (?:see|find|tell)"
    "|none (?:of (?:them|those|that))|not one|none (?:visible|present|here|there|seen)|zero|not a chance|n"
    "|i beg to differ|i disagree|on the contrary|quite the opposite|not by a long shot"
    r"|not as far as i (?:can |could )?(?:see|tell|know)|i (?:\w+ly |very much |really )?doubt (?:it|that|so)"
    "|not in the slightest|not in the least|not to my (?:eye|eyes|knowledge)|not from what i (?:can )?see",
)
LONE: Final = re.compile(rf"(?:(?P<yes>{either(YES, _LONE_YES)})|(?P<no>{either(NO, _LONE_NO)}))[\W_]{{0,8}}$")
ONLY_POLAR: Final = re.compile(r"(?:[\W_]*(?:yes|nope|no|yeah|yep|yup|nah))+[\W_]*$")
SAYS_YES: Final = re.compile("ye|yu")
SAYS_NO: Final = re.compile("n[oa]")

_MARK: Final = r"(?= ?(?:[.,;:!)\]\"'}\n]|$|- ))"
# The answer that a sentence begins with.
POLAR: Final = re.compile(
    rf"(?P<yes>{YES}(?![\w-]|'\w)|(?:affirmative|correct|true|indeed|confirmed){_MARK}|right(?=,(?! no\b)))"
    rf"|(?P<no>{NO}(?![\w-]|'\w)|(?:negative|incorrect|false|wrong|untrue){_MARK})"
)
# After "no": a mark, the end, or the beginning of a clause; else it is the "no" of "no dog".
NO_IS_ANSWER: Final = re.compile(
    r"[\s\"')\]}]{0,3}(?:$|[.,;:!()\[\]\"'}\n*_|<>/\\-]|(?:there|it|its|he|she|they|we|you|i|this|that|these|those"
    "|because|indeed|since|as|the|but|not|only|at|in|based|and|is|are|does|do|sorry|sir|for|if|although|though"
    r"|according|dear|from|my|to|per|due|yes|so|can|neither|instead|rather|just|both|thank|thanks|would|should|no)\b)"
)
NEGATED_BEFORE: Final = re.compile(r"(?:not|never|nothing but|than) (?:a |an |the |simply |necessarily |really )?$")

# What may stand before the answer in a sentence without being one.
OPENING: Final = re.compile(
    either(
        r"[\s\"'(\[{<>.,;:!…~|\-–=*_#/\\✅✔☑❌✗✘→•]{1,8}",
        r"(?!not|no|yes|only|real|fami|re|app|sup)\w{2,14}ly,? (?!not\b)",
        r"(?:\d{1,2}|[a-z])[.)] |\d{1,3} ?%,? (?:sure|certain|confident)?",
        either(
            "well|hell|heck|hmm+|um+|uh+|ok(?:ay)?|oh|ah|alright|right|so|and|but|then|now|honestly|frankly|indeed"
            "|sure|certainly|of course|absolutely|definitely|great|good|thank you|thanks|hello|hi|hey"
            "|(?:i am )?(?:sorry|afraid)|my apologies|please|finally|overall|ultimately|hence|thus|therefore"
            "|consequently|accordingly", "in (?:conclusion|summary|short|brief|fact|this case|my (?:opinion|view))",
            "to (?:conclude|summarize|sum up|be (?:honest|precise|clear|brief|fair))",
            "as a result|simply put|put simply|(?:short|long|quick|final) answer|answer|a|the answer|response|result"
            "|conclusion|output|assistant|reply|model|ai|clearly|obviously|evidently|apparently|presumably|seemingly"
            "|arguably|again|also|yet|still|actually|technically|strictly speaking|basically|essentially|generally"
            "|however",
        )
        + r"(?![\w-])[,:;.!\-]{0,3} ?(?!not\b)",
        either(
            "based", "going", "judging", "looking", "from", "according", "upon", "after", "given", "as",
            "considering", "with", "by", "having", "in", "on", "at", "within", "throughout", "to", "for", "when",
            "following", "since", "while", "despite", "although", "unfortunately", "fortunately", "let us", "let me",
        )
        + r"\b[^,.!?:\n]{0,140}[,:] ?",
    )
)  # fmt: skip
HEDGE: Final = re.compile(
    either(
        r"i (?:would|will|shall|do|can|must|have to|am going to|am inclined to|want to|could)? ?(?:\w{1,10}ly )?"
        + either(
            "think", "believe", "say", "guess", "suppose", "answer", "respond", "reply", "assume", "suspect",
            "conclude", "go with", "go for", "choose", "pick", "select", "lean(?:ing)?(?: towards?| to)?", "confirm",
            "am leaning(?: towards?| to)?", "vote", "feel", "opt for", "bet", "estimate",
        )
        + "(?: (?:it is|that|is|would be|the answer is|the answer would be|with))?",
        r"i am (?:\w{1,12} ){0,2}(?:sure|certain|confident|positive|convinced|inclined to say"
        r"|going with)(?: that)?(?: (?:it is|the answer is))?",
        r"i am not (?:\w{1,12} ){0,2}(?:sure|certain|confident)", r"not (?:\w{1,12} )?(?:sure|certain)",
        "(?:hard|difficult) to (?:say|tell)",
        "(?:it|that|this) (?:is|would be|will be|must be|has to be|should be|seems to be|appears to be|seems like"
        "|looks like)",
        r"if (?:pressed|pushed|forced|asked)(?: to (?:\w{1,8} ){0,2}(?:guess|choose|answer|pick|decide|say))?",
        r"if i (?:had|have) to (?:\w{1,8} ){0,2}(?:guess|choose|answer|pick|decide|say)",
        r"my (?:\w{1,10} )?(?:answer|guess|response|reply|verdict|conclusion|bet) (?:is|would be|will be)",
        r"(?:the )?(?:\w{1,12} )?(?:answer|response|verdict|conclusion|reply)(?: to (?:that|this|your|the)"
        r"(?: \w{1,12}){0,2})? (?:is|would be|will be|must be|should be|has to be)",
        "(?:most |very |quite |more )?(?:probably|likely|possibly|perhaps|maybe|presumably|definitely|clearly"
        "|certainly|undoubtedly|surely|simply|obviously|absolutely)", "a|an|the|that|is|be|most|to|but|then|i|in the",
        "definite|resounding|clear|firm|simple|big|hard|soft|tentative|solid|confident|strong|straight|categorical"
        "|emphatic|unambiguous", "leaning(?: towards?)?",
    )
    + r"(?![\w-])[,:\-]{0,2} ?"
)  # fmt: skip

# Politeness that a text may begin with; an answer only where the text says nothing else.
POLITE: Final = re.compile(r"(?:sure(?: thing)?|certainly|of course)[\W_]*$")
# Any few words, a comma, and then yes or no: "all in all, no".
ASIDE: Final = re.compile(
    r"(?!if\b|whether\b|unless\b|when\b|either\b|say\b|answer\b)(?:(?!\b(?:yes|no|not|if"
    r"|whether)\b)[^,.:;!?\n]){1,80}[,:] (?=(?:yes|no|yeah|nope)\b)"
)
# A yes or no further on in a sentence is an answer after these.
SAID_BEFORE: Final = re.compile(
    r"(?:\b(?:say|said|answer|answered|respond|reply|think|guess|believe|choose|select|pick|vote|go with|going with"
    "|going for|go for|settle on|conclude|stick with|stay with|towards?|leaning|lean to|is|be|as|mean|means|remains"
    "|therefore|thus|hence|so|then|a|an|definite|firm|clear|resounding|probably|likely|definitely|maybe|perhaps"
    r"|confirm|but|confidently|with)|[:=>→\-(\[\"'])[ \"'(\[]{0,3}$"
)
CONFIRMS: Final = re.compile(
    r"[\s,]{0,3}(?:i am (?:\w+ ){0,2}(?:sure|certain|confident|positive)|that is (?:right|correct|true|it)|exactly"
    r"|you can|i can help|i understand)\b"
)
# "I was about to say yes, but no."
TURNED: Final = re.compile(
    rf"\b(?:but|yet|though)[, ]{{1,2}}(?:(?:actually|rather|now|then|it is|in fact|in truth|really|it is in fact),? )?"
    rf"(?:(?P<yes>{YES})|(?P<no>{NO}|(?:\w+ly|perhaps|maybe|i think|i guess|i would say) not))[\W_]{{0,4}}$"
)
# "Probably not, it seems to be a pie."
MARKED_NOT: Final = re.compile(
    r"(?:(?:it is |that is )?(?:\w{2,14}ly|of course|maybe|perhaps)|i (?:think|guess|suspect|believe"
    r"|would say)) not ?(?:[,;:]|- |$)"
)
TENTATIVE: Final = re.compile(r"(?:initially|at first|originally|first)\b")
THUS: Final = re.compile(
    r"[\s\"'(\-]{0,3}(?:and |but )?"
    + either(
        "so", "thus", "therefore", "hence", "consequently", "accordingly", "in (?:conclusion|summary|short)",
        "to (?:conclude|summarize|sum up)", "overall", "ultimately", "finally", "in the end", "as a result",
        "this (?:means|shows|confirms|indicates|suggests)(?: that)?", "we can conclude", "i conclude", "it follows",
    )
    + r"\b"
)  # fmt: skip
VERDICT: Final = re.compile(
    r"\b(?:(?:statement|claim|description|assertion|premise|proposition|caption|assumption|hypothesis|sentence)"
    r"(?: (?:that (?P<claim>[^.,;\n]{4,160}?)|[\"'](?P<quoted>[^\"\n]{1,300})[\"']))?|event|that|this|it|which)"
    r" (?:is|are|was|would be|seems|appears|looks)(?P<neg> not| never)? (?:to be )?"
    r"(?:\w{1,11}ly |indeed |quite |very |entirely |all )?"
    "(?:(?P<yes>true|correct|right|accurate|the case|valid|supported|consistent)"
    r"|(?P<no>false|incorrect|wrong|untrue|inaccurate|invalid|a lie))"
    r"(?![\w-])(?! (?:side|hand|that|to|about|for|with|of|in)\b)"
)
VERDICT_WORDS: Final = (
    "true", "correct", "right", "accurate", "the case", "valid", "supported", "consistent", "false", "wrong", " lie"
)  # fmt: skip
# What a sentence holds at least that answers without saying yes or no and without a word of the question.
JUDGING: Final = (*VERDICT_WORDS, "affirmative", "negative", "indeed", "confirmed", "not", "only", ":", "=")

# What holds the words yes and no without answering.
IDIOM: Final = re.compile(
    either(
        r"\b(?:there is |there can be |i have |have |with |leaves? |leaving )?(?:no|little|without|beyond|not|any)"
        "(?: (?:any|a|the|single|shadow of a|slightest|reasonable)){0,3} (?:doubt|question|dispute|denying|mistaking"
        r"|uncertainty)(?: (?:about|of) (?:it|that|this)| whatsoever| at all| in my mind)?\b,?(?: that\b)?",
        r"\bno (?:problem|worries|need|wonder|matter|sweat|surprise|further ado|longer|more than|fewer than"
        r"|less than|later than|explanation|additional|further|other(?! than))\b(?! dogs?\b)",
        r"\bno (?=\d)",
        r"\bno(?:body| one) (?:could|can|would|will) (?:possibly )?(?:miss|overlook|deny|doubt)\b",
        r"\b(?:can not|could not|hard to|impossible to|difficult to) (?:be )?(?:miss|overlook)(?:ed)?\b",
        r"\bnot (?:only|just|merely|to mention|surprisingly|unlike|uncommon|unusual|without)\b",
        r"\b(?:if|why) not\b|\bcan not (?:help but|deny)\b|\bif (?:yes|no|so)\b|\bor not\b",
    )
)
_QUOTE: Final = "[\"'(\\[*]{0,2}"
_UNQUOTE: Final = "[\"')\\],]{0,3}"
BOTH: Final = re.compile(
    either(
        rf"(?:\b(?:either|both|a|with|say|using|only|answer|simple|binary"
        rf"|between) )?{_QUOTE}\by(?:es)?{_UNQUOTE} ?(?:/|\||\\|\bor\b|\bvs\.?) ?(?:a )?{_QUOTE}no?\b[\"')\]]{{0,2}}",
        rf"{_QUOTE}\bno?{_UNQUOTE} ?(?:/|\||\\|\bor\b|\bvs\.?) ?(?:a )?{_QUOTE}y(?:es)?\b[\"')\]]{{0,2}}",
        r"\b(?:true|correct) ?(?:/|\bor\b) ?(?:false|incorrect|wrong)\b",
        r"\byes[- ]?no\b(?= (?:question|answer|format|response))",
        r"\b(?:yes, ?no|no, ?yes)\b(?=\s*(?:$|[.)\]}\n]|,? ?(?:or )?maybe))",
        r"\b(?:between|options|of) yes and no\b",
        r"\b(?:maybe|perhaps|possibly|sometimes|could be|may be|might be) yes\b[^.\n]{0,24}\b(?:maybe|perhaps"
        r"|possibly|sometimes|be) no\b",
    )
)
BOTH_DOTTED: Final = re.compile(r"\byes\s?[.…]{1,6}\s?or[.…\s]{1,6}no\b|\bno\s?[.…]{1,6}\s?or[.…\s]{1,6}yes\b")
BOTH_MEANT: Final = re.compile(
    r"\b(?:both )?(?:yes and no|no and yes|yes & no|yes as well as no|neither (?:\w+ ){0,2}yes nor (?:\w+ )?no"
    r"|nor yes)\b(?! \w+ing)"
)
_SAY: Final = "(?:say|said|saying|answer|answered|claim|claimed|respond|reply|state|tell you)(?: with| that it is|,|:)?"
# A yes or no that somebody else would give: "some might say no", "one might be tempted to answer yes".
SAYING: Final = ("say", "said", "answer", "claim", "respond", "reply", "state", "tell")
DISOWNED: Final = re.compile(
    either(
        rf"\bi would have {_SAY} [\"']?(?:yes|no)[\"']?(?=,? (?:but|had|if|were|until|however)\b)",
        rf"\bi (?:was (?:going|about|tempted|inclined) to|almost|nearly|(?:initially |first )?wanted to) {_SAY}"
        r" [\"']?(?:yes|no)[\"']?(?=,? (?:but|however|yet|though)\b|$)",
        r"\b(?!you could say)(?:some|others|people|many|one|you|someone)(?: people| viewers)? (?:may|might|could|would)"
        rf" (?:be (?:tempted|inclined) to )?{_SAY} [\"']?(?:yes|no)\b[\"']?(?! (?:\w+ )?\w)",
        rf"\b(?:some (?:people )?say|(?:is|am|was) (?:tempting|tempted|inclined) to {_SAY})"
        r" [\"']?(?:yes|no)\b[\"']?(?! (?:\w+ )?\w)",
    )
)
# A yes or no that is refused stands for the other: "it would be wrong to say no", "I can not say yes".
_WRONG: Final = "(?:wrong|incorrect|false|inaccurate|mistaken|dishonest|lying|a lie|an error|a mistake|misleading)"
_SOFTENED: Final = r"(?!,? (?:for sure|with|definitively|or|and|yet|nor)\b)[,:]?"
REFUSED: Final = re.compile(
    either(
        rf"\b(?:it )?(?:is|would be|be|i am|i would be) (?:simply |just |plainly )?{_WRONG} (?:to|if i|if we|if you)"
        rf" {_SAY} [\"']?(?:(?P<yes>yes)|no)\b[\"']?" + _SOFTENED,
        rf"\bi (?:can|could|would|will) not (?:honestly |truthfully |really )?{_SAY} [\"']?(?:(?P<yes_2>yes)|no)\b"
        r"(?! \w)[\"']?" + _SOFTENED,
        rf"\b(?:saying|answering) [\"']?(?:(?P<yes_3>yes)|no)[\"']? (?:would be|is) {_WRONG}\b",
        rf"\b(?:i (?:can )?(?:see|find) |there is |i have )?no reason to {_SAY} [\"']?(?:(?P<yes_5>yes)|no)\b(?! \w)",
        rf"\bif i (?:said|answered|say|were to say) [\"']?(?:(?P<yes_4>yes)|no)[\"']?,? (?:i|it"
        rf"|that) would be {_WRONG}\b",
    )
)
# What would be if things were otherwise; what follows its turn is what is.
COUNTERFACTUAL: Final = re.compile(
    r"(?:so |and |but )?(?:if (?!i (?:had|have) to\b)(?:there|the|an?|any|i|it|this|that) (?:\w+ ){0,4}?(?:were"
    r"|was|had|did|could)\b|(?:were|had) (?:there|the|it|i)\b)"
)
TURN: Final = re.compile(r",? (?:but|however|yet|though|only)\b,?|; ")
QUOTED_CLAIM: Final = re.compile(r"\b(?:statement|claim|sentence|caption|description|assertion) (?:that\b|[\"'])")
CONDITIONAL: Final = re.compile(
    either(
        r"[\"']?\b(?:yes|no)\b[\"']? (?:if|when|whenever|in case|unless|otherwise)\b",
        r"\bif\b[^.\n]{0,120}?\b(?:yes|no)\b[^.\n]{0,60}?\b(?:otherwise|else|if not"
        r"|if there is not)\b[^.\n]{0,30}?\b(?:yes|no)\b",
        r"\b(?:otherwise|else),? (?:\w{1,8} ){0,3}[\"']?(?:yes|no)\b",
    )
)
SUPPOSING: Final = ("if", "otherwise", "else", "when", "unless", "case", "were", "had ")
SUPPOSES: Final = re.compile(r"(?:so |and |but )?if (?:there|the|an?|any|no|this|that|something|it)\b")
# "A bench, yes; a dog, no": each yes or no is about its own thing.
LISTED: Final = re.compile(rf"(?:an?|any|some) (?P<thing>[\w -]{{1,40}}), (?:{YES}|{NO})$")
HOLDS: Final = re.compile(
    r"\b(?:statement|claim|description|assertion|premise|assumption)(?: that (?P<claim>[^.,;\n]{4,160}?))?"
    r" (?P<neg>does not |fails to )?(?:holds?|stands)(?: (?:true|up))?$"
)
EMOJI: Final[dict[str, Vote]] = {**dict.fromkeys("✅✔☑👍", "yes"), **dict.fromkeys("❌✗✘👎✖", "no")}
