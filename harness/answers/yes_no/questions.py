"""What a yes/no question asks: the thing or the event, in word stems, so that sentences can be held against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.answers.wording import clean, either, find_all, holds, lower, spell_out, word_set
from harness.answers.yes_no.polar_words import Vote

TOKEN: Final = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[,;:.()\"'-]")

# Words that say nothing of what is asked; the medium's own names are among them.
STOP: Final = word_set(
    "a an the this that these those is are was were be been being am do does did done has have had having can could "
    "will would shall should may might must of in on at to from by with for and or as it its he she they them his her "
    "their there here i you we me my your our any some one ones what which who whom when where how if then than so "
    "just also very really quite based according about into onto up out over under not no s t happen happens happened "
    "happening occur occurs occurred event events allow allows us learn make makes making during while someone "
    "something anything anyone else other another through within inside contain contains show shows display displays "
    "include includes feature features yes indeed clearly only but however image images picture pictures photo photos "
    "photograph video videos clip scene frame frames footage screen view visual foreground background depicted shown "
    "visible present seen"
)

# Names for the same thing: what a model may say (on the right; `_` joins words) for what is asked. A kind is no name.
_SAME: Final[dict[str, str]] = {
    "person": "people human man woman boy girl child kid baby adult guy lady gentleman player men women children "
    "individual pedestrian someone somebody skier surfer rider skateboarder snowboarder worker crowd",
    "tv": "television monitor screen telly", "cell phone": "phone cellphone smartphone mobile telephone iphone",
    "couch": "sofa loveseat", "sofa": "couch", "airplane": "plane aeroplane aircraft jet airliner",
    "motorcycle": "motorbike", "bicycle": "bike", "dining table": "table", "potted plant": "plant",
    "refrigerator": "fridge", "donut": "doughnut", "sports ball": "ball football basketball baseball volleyball",
    "fire hydrant": "hydrant", "teddy bear": "teddy stuffed_bear", "remote": "remote_control controller",
    "laptop": "notebook_computer", "handbag": "purse bag", "suitcase": "luggage", "backpack": "rucksack knapsack",
    "skis": "ski", "baby": "infant toddler", "child": "kid", "tie": "necktie", "cup": "mug",
    "frisbee": "flying_disc disc", "bus": "coach", "cow": "cattle", "baseball bat": "bat",
    "tennis racket": "racket racquet", "baseball glove": "glove mitt", "traffic light": "stoplight traffic_signal",
    "wine glass": "wineglass goblet", "parking meter": "meter", "hot dog": "hotdog",
}  # fmt: skip
# Wider words whose denial denies what was asked: no animals, so no dog.
_WIDER: Final[dict[str, str]] = {
    "animal": "dog cat horse sheep cow elephant bear zebra giraffe bird wolf fox coyote",
    "vehicle": "car truck bus motorcycle bicycle train airplane boat",
    "person": "man woman child baby boy girl adult",
    **dict.fromkeys(("human", "people"), "person man woman child baby boy girl adult"),
    "furniture": "couch chair bed table",
    "food": "pizza cake sandwich donut apple banana orange carrot broccoli",
    "fruit": "apple banana orange",
    "bag": "backpack handbag suitcase",
}
HUMANS: Final = word_set("person human man woman child boy girl adult baby kid")

_IRREGULAR: Final = {
    "people": "person", "persons": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse",
    "knives": "knife", "geese": "goose", "feet": "foot", "teeth": "tooth", "wolves": "wolf", "leaves": "leaf",
    "loaves": "loaf", "shelves": "shelf", "oxen": "ox", "scissors": "scissor", "skis": "ski", "glasses": "glass",
    "buses": "bus", "held": "hold", "ran": "run", "sat": "sit", "stood": "stand", "wore": "wear", "worn": "wear",
    "took": "take", "taken": "take", "ate": "eat", "went": "go", "goes": "go", "gone": "go", "lying": "lie",
    "lies": "lie", "lay": "lie", "laid": "lie", "threw": "throw", "thrown": "throw", "tvs": "tv", "rode": "ride",
} | {word: word for word in word_set("was is has this its does bus grass tennis gas lens left")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What a yes/no question asks.

    Attributes:
        text: the question as an echo of it would read.
        things: for "is there a X": the ways to name X, each as word stems; empty for other questions.
        frame: stems of the question's content words outside quotes.
        quoted: stems of the content words inside quotes.
        negative: whether the question itself is negated: "is the man not wearing a hat?".
        wider: stems of wider words that the thing falls under.
        hints: letters of which a sentence must hold some to speak of it, so that most sentences can be passed over.
    """

    text: str
    things: tuple[tuple[str, ...], ...]
    frame: frozenset[str]
    quoted: frozenset[str]
    negative: bool
    wider: frozenset[str]
    hints: tuple[str, ...]

    def vote(self, affirms: bool) -> Vote:
        """What a sentence answers that affirms, or denies, the matter of the question."""
        return "yes" if affirms is not self.negative else "no"

    def touches(self, text: str) -> bool:
        """Whether a sentence may speak of what is asked; cheap, and true too often rather than too rarely."""
        return holds(text, self.hints)

    def places_touched(self, low: str, words: str) -> list[int]:
        """Where a text may speak of what is asked, in ascending order.

        Args:
            low: the text.
            words: its vocabulary in one string, which is far shorter: most hints are in no word.
        """
        found: list[int] = []
        for hint in self.hints:
            if hint in words or not hint.isalnum():
                found += find_all(low, hint)
        return sorted(found)

    def is_about(self, text: str) -> bool:
        """Whether another text speaks of what this question asks."""
        stems = [stem(token) for token in TOKEN.findall(text)]
        if self.things:
            return any(places(stems, thing) for thing in self.things)
        return len(self.frame.intersection(stems)) * 2 >= len(self.frame)


_MEDIUM: Final = either("image", "picture", "photo", "photograph", "video", "scene", "clip", "frame", "footage") + "s?"
_IN_MEDIUM: Final = (
    rf"(?: (?:in|on|within|inside|at) (?:the|this|that|these) (?:given |provided |shown |above )?{_MEDIUM})?"
)
_ARTICLE: Final = "(?:an? |any |some |the |one |at least one |more than one )?"
_SEEN: Final = "(?: (?:visible|present|shown|seen|depicted|anywhere|located|appearing|to be seen))?"
_FORMS: Final = tuple(
    re.compile(form + r" ?\??$")
    for form in (
        rf"(?:is|are|was|were) there (?:not |actually |really "
        rf"|no )?{_ARTICLE}(?P<thing>[^,?]+?){_SEEN}{_IN_MEDIUM}{_SEEN}",
        rf"(?:does|do|did) (?:the|this|that) {_MEDIUM} (?:show|contain|have|include|depict|feature"
        rf"|display)s? {_ARTICLE}(?P<thing>[^,?]+?)",
        rf"(?:can|could|do|did) (?:you|we|i|one) (?:\w+ly )?(?:see|find|spot|observe|notice|detect"
        rf"|identify) {_ARTICLE}(?P<thing>[^,?]+?){_IN_MEDIUM}",
        rf"(?:is|are) {_ARTICLE}(?P<thing>[^,?]+?) (?:visible|present|shown|seen|depicted|featured|pictured"
        rf"|in the {_MEDIUM}){_IN_MEDIUM}",
    )
)
_PREAMBLE: Final = re.compile(
    r"^(?:based on|according to|in|from) (?:the|this) (?:\w+ )?(?:image|video|picture|photo|clip), ?"
)
_ACTION: Final = re.compile(r"\b\w{3,}(?:ing|ed)\b")
_RELATION: Final = word_set(
    "in on at by near behind under above below beside next to toward towards far away from of with without and or"
    " that which who is are the a an into onto over"
)
_OCCASION: Final = re.compile(r" when we [^?]+")
QUOTED: Final = re.compile(r"\"[^\"\n]{1,1200}\"|(?<![a-z])'[^\n]{1,1200}?'(?![a-z])")


@lru_cache(maxsize=32768)
def ask(question: str) -> Question:
    """Takes a question apart; cached, since every question is asked more than once."""
    text = spell_out(lower(clean(question[:2000])) + " ")
    body = _PREAMBLE.sub("", text.split("\n", 1)[0].strip())
    unquoted = QUOTED.sub(" ", body)
    things: tuple[tuple[str, ...], ...] = ()
    for form in _FORMS:
        match = form.match(body)
        if match and '"' not in match["thing"] and "'" not in match["thing"]:
            things = _names(match["thing"])
            break
    # "Should we heat the pot when we clean it" asks about the heating.
    frame = content(_OCCASION.sub("", unquoted) if "should we " in unquoted else unquoted)
    quoted = content(" ".join(QUOTED.findall(body)))
    head = things[0][-1] if things else ""
    wider = frozenset(stem(word) for word, kinds in _WIDER.items() if head in kinds.split())
    return Question(
        text=body if len(body) > 8 else "",
        things=things,
        frame=frame,
        quoted=quoted,
        negative=bool(re.search(r"\b(?:not|never|no|without)\b", unquoted)) and not re.match(r"\w+ not\b", unquoted),
        wider=wider,
        hints=_hints(things, wider)
        if things
        else tuple(
            sorted(
                {word[:5] for word in frame | quoted}
                | {other[:5] for word in frame for other in OPPOSITES.get(word, ())}
            )
        ),
    )


def content(text: str) -> frozenset[str]:
    """The stems of a text's content words."""
    tokens = [
        token
        for token in TOKEN.findall(text)
        if token not in STOP and (len(token) > 1 or token.isdigit()) and token[0].isalnum()
    ]
    return frozenset(stem(token) for token in tokens) - STOP


def _hints(things: tuple[tuple[str, ...], ...], wider: frozenset[str]) -> tuple[str, ...]:
    irregular = tuple(form for form, base in _IRREGULAR.items() if any(stem(base) in name for name in things))
    nobody = ("no one", "nobody", "anyone", "anybody", "any one")
    named = (name[-1] for name in things)
    return tuple(dict.fromkeys((*named, *irregular, *wider, *nobody, "nothing", "such", "none", "anything")))


def _names(thing: str) -> tuple[tuple[str, ...], ...]:
    """The ways to name a thing, as stems; empty if it is no plain thing but a scene ("a man holding a cup")."""
    words = thing.split()
    if len(words) > 4 or _ACTION.search(" ".join(words[1:])) or any(word in _RELATION for word in words):
        return ()
    names = [tuple(stem(word) for word in words)]
    names += [tuple(stem(word) for word in same.split("_")) for same in _SAME.get(" ".join(words), "").split()]
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=16384)
def stem(token: str) -> str:
    """A crude stem: enough for plurals and the common verb forms to meet."""
    base = _IRREGULAR.get(token)
    if base is not None:
        return base if base == token else stem(base)
    if len(token) <= 3 or not token.isascii():
        return token
    if token.endswith("'s"):
        token = token[:-2]
    if token.endswith("ies") and len(token) > 4:
        return token[:-3] + "y"
    if token.endswith(("ches", "shes", "sses", "xes")):
        return token[:-2]
    if token.endswith("ing") and len(token) > 5:
        return _undouble(token[:-3])
    if token.endswith("ed") and len(token) > 4:
        return _undouble(token[:-2])
    if token.endswith("s") and not token.endswith(("ss", "us", "sis", "nis")):
        token = token[:-1]
    return token[:-1] if token.endswith("e") and len(token) > 3 else token


def _undouble(base: str) -> str:
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    return base[:-1] if base.endswith("e") else base


# Words that exclude each other, by either and by its stem.
OPPOSITES: Final[dict[str, frozenset[str]]] = {}
for _pair in (
    "earlier later", "before after", "above beneath", "longer shorter", "beginning end", "start end", "left right",
    "above below", "near far", "next far", "open closed", "inside outside", "indoors outdoors", "up down", "big small",
    "large small", "bigger smaller", "larger smaller", "taller shorter", "faster slower", "old young", "older younger",
    "male female", "day night", "hot cold", "wet dry", "full empty", "front behind", "more less", "increase decrease",
    "first last", "standing sitting", "black white", "man woman", "indoor outdoor", "push pull", "early late",
    "alive dead", "forward backward", "forward back", "forwards backwards", "move still", "move stationary",
    "move parked", "moving stationary", "moving still", "asleep awake", "empty occupied", "on off",
    "horizontally vertically", "running lying", "running sitting", "running standing", "walking sitting",
    "walking lying", "walking standing", "standing lying", "clockwise counterclockwise",
):  # fmt: skip
    for _one, _two in (_pair.split(), _pair.split()[::-1]):
        for _key in {_one, stem(_one)}:
            OPPOSITES[_key] = OPPOSITES.get(_key, frozenset()) | {_two}


def places(stems: list[str], name: tuple[str, ...]) -> list[int]:
    """Where a name begins in a sentence, both as stems."""
    length = len(name)
    return [
        start
        for start in range(len(stems) - length + 1)
        if stems[start] == name[0] and tuple(stems[start : start + length]) == name
    ]


NEGATION: Final = word_set(
    "not no never without none neither nor nobody nothing nowhere lack lacks lacking absent absence missing fail"
    " fails failed unable 0 devoid false untrue incorrect"
    " mistake unlikely doubt doubtful deny denies impossible zero hardly barely free exclude excludes excluding wrong"
)
_DETERMINERS: Final = frozenset(("no", "neither", "nor", "none", "zero", "0", "nothing"))


def negations(tokens: list[str]) -> int:
    """How often a clause is negated; the negations of a list ("no cats, no dogs") are one."""
    found = NEGATION.intersection(tokens)
    if found <= _DETERMINERS:
        return bool(found)
    verbs = sum(token in found and token not in _DETERMINERS for token in tokens)
    return verbs + (not found.isdisjoint(_DETERMINERS))
