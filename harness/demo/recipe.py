"""The recipe of the demo checkpoint, in stages, from nothing to the end.

First the language model learns to look things up in captions (text alone), then to find an option's letter and to
compare what it found with what was asked; the vision tower is aligned with its words; and then all is trained jointly
on images and videos, in the direct and the grounded format, with more and more hallucinated captions. Option drills
from the first step on kept the look-up from forming, hence several text stages, each with fresh optimisers.
"""

from __future__ import annotations

from typing import Final

from harness.demo.curriculum import Mixture
from harness.demo.training import Stage

RECIPE: Final = (
    Stage(
        name="look-up",
        steps=280,
        batch=128,
        muon=0.02,
        adam=3e-3,
        hold=0.5,
        mixture=Mixture(drills=0.65, blind=1.0),
    ),
    Stage(
        name="options",
        steps=560,
        batch=96,
        muon=0.02,
        adam=3e-3,
        hold=0.6,
        mixture=Mixture(drills=0.75, option_drills=0.2, choice_drills=0.35, comparison_drills=0.3, blind=1.0, most=6),
    ),
    Stage(
        name="practice",
        steps=400,
        batch=96,
        muon=0.015,
        adam=2e-3,
        hold=0.5,
        mixture=Mixture(drills=0.75, option_drills=0.15, choice_drills=0.4, comparison_drills=0.35, blind=1.0, most=6),
    ),
    Stage(name="vision", steps=360, batch=128, muon=0.02, adam=2e-3, hold=0.5, easy=0.45),
    Stage(
        name="joint",
        steps=1000,
        batch=64,
        muon=0.012,
        adam=1.5e-3,
        hold=0.5,
        mixture=Mixture(
            drills=0.15,
            option_drills=0.3,
            choice_drills=0.45,
            comparison_drills=0.15,
            object_drills=0.6,
            most=6,
            blind=0.1,
            direct=0.3,
            asked=(0.75, 0.3),
        ),
    ),
    Stage(
        name="expect",
        steps=1300,
        batch=64,
        muon=0.01,
        adam=1.2e-3,
        hold=0.5,
        mixture=Mixture(
            drills=0.1,
            option_drills=0.35,
            choice_drills=0.5,
            comparison_drills=0.1,
            object_drills=0.7,
            most=6,
            video=0.45,
            blind=0.06,
            direct=0.25,
            negatives=(0.2, 0.15, 0.65),
            asked=(0.95, 0.45),
            unasked=0.1,
            video_noise=0.8,
        ),
    ),
)
