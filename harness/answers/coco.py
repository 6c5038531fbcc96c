"""The 80 object categories of COCO (Lin et al., ECCV 2014) with everyday synonyms, for finding them in captions.

The categories are COCO's; the synonyms are common English words for the same things. A word that names several
categories (`bat`, `glass`), or mostly something else (the calf of a leg, a tennis coach, to play football), is left
out, so that a mention is never counted against the wrong one, and what holds a name without naming a thing of the
category (`train station`, an orange cat) is listed beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.answers.objects import plurals

COCO_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "person": (
        "man", "woman", "boy", "girl", "child", "kid", "baby", "lady", "guy", "player", "pedestrian", "rider", "skier",
        "surfer", "snowboarder", "skateboarder", "cyclist", "toddler",
    ),
    "bicycle": ("bike", "cycle"),
    "car": ("automobile", "sedan", "suv", "taxi", "cab", "hatchback"),
    "motorcycle": ("motorbike", "moped", "scooter"),
    "airplane": ("plane", "aeroplane", "aircraft", "jet", "airliner"),
    "bus": ("minibus",),
    "train": ("locomotive", "tram", "railcar"),
    "truck": ("lorry", "pickup"),
    "boat": ("ship", "sailboat", "canoe", "kayak", "ferry", "rowboat", "yacht"),
    "traffic light": ("traffic signal", "stoplight", "stop light"),
    "fire hydrant": ("hydrant",),
    "stop sign": (),
    "parking meter": (),
    "bench": (),
    "bird": ("seagull", "pigeon", "duck", "goose", "parrot", "owl", "sparrow", "swan"),
    "cat": ("kitten", "kitty"),
    "dog": ("puppy", "pup"),
    "horse": ("pony", "foal"),
    "sheep": ("lamb", "ewe"),
    "cow": ("cattle", "bull", "ox"),
    "elephant": (),
    "bear": ("panda", "polar bear", "grizzly"),
    "zebra": (),
    "giraffe": (),
    "backpack": ("rucksack", "knapsack"),
    "umbrella": ("parasol",),
    "handbag": ("purse",),
    "tie": ("necktie", "bow tie"),
    "suitcase": ("luggage",),
    "frisbee": (),
    "skis": ("ski",),
    "snowboard": (),
    "sports ball": ("soccer ball", "tennis ball"),
    "kite": (),
    "baseball bat": (),
    "baseball glove": ("catcher's mitt", "baseball mitt"),
    "skateboard": (),
    "surfboard": (),
    "tennis racket": ("racket", "racquet", "tennis racquet"),
    "bottle": (),
    "wine glass": ("wineglass", "goblet"),
    "cup": ("mug",),
    "fork": (),
    "knife": (),
    "spoon": (),
    "bowl": (),
    "banana": (),
    "apple": (),
    "sandwich": ("burger", "hamburger", "cheeseburger"),
    "orange": ("tangerine", "mandarin"),
    "broccoli": (),
    "carrot": (),
    "hot dog": ("hotdog",),
    "pizza": (),
    "donut": ("doughnut",),
    "cake": ("cupcake",),
    "chair": ("armchair", "stool"),
    "couch": ("sofa", "loveseat", "settee"),
    "potted plant": ("houseplant", "flowerpot"),
    "bed": (),
    "dining table": ("table",),
    "toilet": ("urinal",),
    "tv": ("television", "monitor"),
    "laptop": ("notebook computer",),
    "mouse": ("computer mouse",),
    "remote": ("remote control", "game controller"),
    "keyboard": (),
    "cell phone": ("cellphone", "mobile phone", "smartphone", "phone", "iphone"),
    "microwave": ("microwave oven",),
    "oven": ("stove",),
    "toaster": (),
    "sink": ("washbasin",),
    "refrigerator": ("fridge", "freezer"),
    "book": (),
    "clock": (),
    "vase": (),
    "scissors": (),
    "teddy bear": ("stuffed animal", "stuffed bear"),
    "hair drier": ("hair dryer", "hairdryer", "blow dryer"),
    "toothbrush": (),
}  # fmt: skip
_NOT_BEFORE: Final[Mapping[str, str]] = {
    "train": "station track platform line yard", "bus": "stop station shelter lane", "car": "park wash seat",
    "truck": "stop", "boat": "house", "bird": "house bath cage feeder", "dog": "house bed bowl leash food toy",
    "cat": "tree bed food toy", "cow": "boy", "horse": "shoe racing", "apple": "tree juice pie", "banana": "tree leaf",
    "orange": "juice tree", "carrot": "cake", "cake": "stand", "toilet": "paper", "table": "cloth top tennis lamp",
    "book": "shelf case store", "chair": "lift", "ski": "lift slope resort jacket lodge", "bottle": "cap",
    "keyboard": "player", "mouse": "pad trap", "kite": "surfing surfer",
    "remote": "area location place region part village beach island", "jet": "skiing skier",
    "baby": "bird duck goose cat dog horse sheep lamb cow elephant bear panda polar zebra giraffe animal carrot corn",
}  # fmt: skip
_NOT_BEHIND: Final[Mapping[str, str]] = {"player": "cd dvd media record", "bed": "flower garden lake river truck"}
_BEHIND_A_NOUN: Final = (
    "on|in|at|by|is|are|sits?|lies|lying|sitting|next|near|beside|with|to|from|under|or|that|which|has"
)
_AND_ANOTHER: Final = (
    r"(?<!\bin an orange)(?<!\bwearing an orange)(?:,?\s+and\s+(?:an?|the|some|two|three)|,\s+(?:an?|the|some))\s+"
    r"(?!(?:white|black|brown|gr[ae]y|red|blue|green|yellow|pink|purple|beige|tan|gold|silver|light|dark|striped"
    r"|tabby)\b)"
)
"""Behind "an orange" another thing, not another colour of the same: "an orange and a banana"."""
NO_OBJECTS: Final = (
    *(
        rf"{word}(?= (?:{'|'.join(form for noun in nouns.split() for form in (noun, *plurals(noun)))})\b)"
        for word, nouns in _NOT_BEFORE.items()
    ),
    *(rf"(?<=\b{before} ){word}s?" for word, nouns in _NOT_BEHIND.items() for before in nouns.split()),
    r"jet[ -]skis?",
    r"bear(?= in mind\b)",
    rf"(?<!\ban )orange(?=,?\s+(?!(?:{_BEHIND_A_NOUN})\b)\w)",
    rf"(?<=\ban )orange(?=,?\s+(?!(?:{_BEHIND_A_NOUN})\b)\w)(?!{_AND_ANOTHER})",
    r"(?<=\bis )orange",
    r"(?<=\bare )orange",
)
"""What holds a name and names no such object, as regular expressions for lower-case text; `orange` as a colour."""
