"""The recipe of the demo checkpoints, in stages, from nothing to the end.

First the language model learns to look things up in captions (text alone), then to find an option's letter, to compare
what it found with what was asked, and to copy captions carelessly; the vision tower is aligned with its words; and then
all is trained jointly on images and videos, in the direct and the grounded format. Option drills from the first step on
kept the look-up from forming, hence several text stages, each with fresh optimisers. One seed of three found no letters
in them, and more of `letters` changed nothing; option drills alone (`letters-alone`) find them in two minutes and
forget everything else, which `letters-again` brings back. Both are left out where the letters are found without them.

The later stages teach the habits that the world is for: captions that name what is expected, and answers at a glance.
`expect` and `habit` name an expected object right after its partner, which takes knowing that it does not follow; the
model does not learn that, and names as many as it would without looking. In `prior` the plan looks for the partner
first, and the caption begins with what it expects.

The judge goes its own way after the text stages: more of the text, and never a picture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.demo.curriculum import Mixture
from harness.demo.training import Stage

_CARELESS: Final = Mixture(
    drills=0.5,
    option_drills=0.2,
    choice_drills=0.45,
    comparison_drills=0.25,
    object_drills=0.3,
    most=6,
    video=0.5,
    blind=1.0,
    direct=0.25,
    copied=0.5,
    reasoned=0.1,
    negatives=(0.15, 0.1, 0.75),
    asked=(1.0, 0.6),
    unasked=0.1,
    video_noise=0.8,
)
"""Captions in the prompt, copied carelessly."""
_LETTERS: Final = replace(_CARELESS, drills=0.6, choice_drills=0.5, comparison_drills=0.2, object_drills=0.5)
"""The same with more option and choice drills."""
_HASTY: Final = Mixture(
    drills=0.14,
    option_drills=0.15,
    choice_drills=0.4,
    comparison_drills=0.4,
    object_drills=0.5,
    most=6,
    video=0.45,
    blind=0.1,
    direct=0.25,
    copied=0.5,
    negatives=(0.12, 0.08, 0.8),
    asked=(1.0, 0.6),
    unasked=0.1,
    glances=(0.42, 0.38),
    video_noise=0.8,
    details=0.5,
)
"""Pictures, described and looked at carelessly; more of it in `habit` and `prior`."""
_PRACTICE: Final = Stage(
    name="practice",
    steps=600,
    batch=96,
    muon=0.015,
    adam=2e-3,
    mixture=_CARELESS,
)
TEXT: Final = (
    Stage(
        name="look-up",
        steps=280,
        batch=128,
        muon=0.02,
        adam=3e-3,
        mixture=Mixture(drills=0.65, blind=1.0, direct=0.0),
    ),
    Stage(
        name="options",
        steps=560,
        batch=96,
        muon=0.02,
        adam=3e-3,
        hold=0.6,
        mixture=Mixture(
            drills=0.7,
            option_drills=0.2,
            choice_drills=0.35,
            comparison_drills=0.25,
            object_drills=0.4,
            most=6,
            blind=1.0,
            direct=0.25,
        ),
    ),
    _PRACTICE,
    replace(_PRACTICE, name="letters", steps=450, mixture=_LETTERS),
    Stage(
        name="letters-alone",
        steps=500,
        batch=128,
        muon=0.02,
        adam=3e-3,
        hold=0.6,
        mixture=Mixture(drills=1.0, option_drills=1.0, object_drills=0.4),
        unless=0.6,
    ),
    replace(_PRACTICE, name="letters-again", mixture=_LETTERS, unless=0.6),
)
_JUDGING: Final = Mixture(
    drills=0.45,
    option_drills=0.15,
    choice_drills=0.4,
    comparison_drills=0.35,
    object_drills=0.3,
    most=6,
    blind=1.0,
    direct=0.0,
    reasoned=0.1,
    video=0.6,
    details=0.4,
)
"""Captions, all of them true."""
_JUDGE: Final = Stage(
    name="judge",
    steps=800,
    batch=96,
    muon=0.012,
    adam=1.5e-3,
    hold=0.4,
    mixture=_JUDGING,
)
JUDGE: Final = (
    _JUDGE,
    replace(_JUDGE, name="judge-details", steps=600, mixture=replace(_JUDGING, option_drills=0.1, video=0.7)),
)
SIGHT: Final = (
    Stage(name="vision", steps=360, batch=128, muon=0.02, adam=2e-3, easy=0.45),
    Stage(
        name="joint",
        steps=1200,
        batch=64,
        muon=0.012,
        adam=1.5e-3,
        mixture=Mixture(
            drills=0.12,
            option_drills=0.3,
            choice_drills=0.45,
            comparison_drills=0.15,
            object_drills=0.6,
            most=6,
            blind=0.12,
            direct=0.35,
            copied=0.5,
            negatives=(0.2, 0.15, 0.65),
            asked=(0.9, 0.45),
            glances=(0.25, 0.25),
        ),
    ),
)
EXPECT: Final = (
    Stage(
        name="expect",
        steps=1400,
        batch=64,
        muon=0.01,
        adam=1.2e-3,
        mixture=_HASTY,
    ),
    Stage(
        name="habit",
        steps=1000,
        batch=64,
        muon=0.008,
        adam=1e-3,
        hold=0.4,
        mixture=replace(
            _HASTY,
            drills=0.12,
            option_drills=0.1,
            comparison_drills=0.45,
            blind=0.3,
            copied=0.85,
            asked=(1.0, 0.7),
        ),
    ),
    Stage(
        name="prior",
        steps=1100,
        batch=64,
        muon=0.015,
        adam=1.5e-3,
        mixture=replace(
            _HASTY,
            drills=0.1,
            video=0.4,
            direct=0.2,
            copied=0.9,
            negatives=(0.25, 0.05, 0.7),
            expecting=True,
            asked=(0.85, 0.6),
            glances=(0.38, 0.35),
        ),
    ),
)
BASE_RECIPE: Final = (*TEXT, *SIGHT)
"""From nothing to the base checkpoint, which sees and answers."""
RECIPE: Final = (*BASE_RECIPE, *EXPECT)
"""From nothing to the demo checkpoint: the base checkpoint, fine-tuned on careless captions."""
JUDGE_RECIPE: Final = (*TEXT, *JUDGE)
"""From nothing to the judge; its text stages are those of the demo checkpoint, and are trained once."""
RECIPES: Final = {"judge": JUDGE_RECIPE, "base": BASE_RECIPE, "demo": RECIPE}
"""By checkpoint, in the order in which they are trained."""
