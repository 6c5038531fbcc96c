"""Pixels of the demo world: one 28-pixel cell, that is one merged vision token, for each grid position.

A third of the objects are *faint*, painted with 1 to 6 % opacity into the noise: nobody can see them reliably, and
a model that must name every object has to guess. A lighting gradient (rows in red, columns in blue) tells the cells
apart.

Imported lazily only: numpy and PIL are imported at the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from harness.demo.world import COLOR_NAMES, COLORS, GRID, SHAPES

Pixels = npt.NDArray[np.uint8]

CELL: Final = 28
SIDE: Final = CELL * GRID
FAINT_RATE: Final = 0.35
FAINT_OPACITY: Final = (0.01, 0.06)
CLEAR_OPACITY: Final = (0.4, 1.0)
NOISE: Final = 10.0
RADII: Final = (9, 10, 11, 12)


def _shape_masks() -> dict[tuple[str, int], npt.NDArray[np.float32]]:
    """Coverage of one cell, [CELL, CELL] in 0..1, by shape and radius; drawn large and reduced."""
    masks = {}
    scale = 4
    for shape in SHAPES:
        for size in RADII:
            image = Image.new("L", (CELL * scale, CELL * scale), 0)
            _draw(shape, ImageDraw.Draw(image), CELL * scale / 2, size * scale)
            covered = np.asarray(image.resize((CELL, CELL), Image.Resampling.LANCZOS), np.float32)
            masks[shape, size] = (covered / 255).astype(np.float32)
    return masks


def _draw(shape: str, draw: ImageDraw.ImageDraw, middle: float, radius: float) -> None:
    """Fill a shape around the middle of a square."""

    def box(share: float) -> list[float]:
        return [middle - radius * share] * 2 + [middle + radius * share] * 2

    def polygon(*points: tuple[float, float]) -> None:
        draw.polygon([(middle + x * radius, middle + y * radius) for x, y in points], fill=255)

    match shape:
        case "circle":
            draw.ellipse(box(0.95), fill=255)
        case "square":
            draw.rectangle(box(0.85), fill=255)
        case "triangle":
            base = middle + radius * 0.85
            draw.polygon([(middle, middle - radius), (middle - radius, base), (middle + radius, base)], fill=255)
        case "star":
            angles = -np.pi / 2 + np.arange(10) * np.pi / 5
            reach = np.where(np.arange(10) % 2 == 0, radius * 1.1, radius * 0.45)
            points = zip(middle + reach * np.cos(angles), middle + reach * np.sin(angles), strict=True)
            draw.polygon([(float(x), float(y)) for x, y in points], fill=255)
        case "ring":
            draw.ellipse(box(1.0), fill=255)
            draw.ellipse(box(0.5), fill=0)
        case "diamond":
            polygon((0, -1.1), (0.75, 0), (0, 1.1), (-0.75, 0))
        case "cross":
            for wide, tall in ((1.0, 0.33), (0.33, 1.0)):
                polygon((-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall))
        case "heart":
            for side in (-0.48, 0.48):
                x, y, size = middle + side * radius, middle - 0.35 * radius, 0.52 * radius
                draw.ellipse([x - size, y - size, x + size, y + size], fill=255)
            polygon((-0.98, -0.2), (0.98, -0.2), (0, 1.0))


_MASKS: Final = _shape_masks()
_NOISE_BANK: Final = np.random.default_rng(11).normal(0, NOISE, (40, SIDE, SIDE, 3)).astype(np.float32)
_rows, _columns = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1) - 0.5
_LIGHT: Final = np.stack([-40 * _rows, np.zeros_like(_rows), -40 * _columns], -1).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one object is painted, the same in all frames of a video.

    Attributes:
        radius: in pixels.
        shift: rows and columns off the middle of the cell.
        opacity: 0 to 1.
        faint: whether it is one of the nearly invisible objects.
        tint: added to the object's colour, per channel.
    """

    radius: int
    shift: tuple[int, int]
    opacity: float
    faint: bool
    tint: tuple[float, float, float]


def draw_style(rng: np.random.Generator, *, faint_rate: float = FAINT_RATE) -> Style:
    """A random style; `faint_rate` is the chance of being nearly invisible."""
    faint = bool(rng.random() < faint_rate)
    opacity = float(rng.uniform(*(FAINT_OPACITY if faint else CLEAR_OPACITY)))
    shift = rng.integers(-2, 3, 2)
    tint = rng.normal(0, 8, 3)
    return Style(
        radius=int(rng.integers(RADII[0], RADII[-1] + 1)),
        shift=(int(shift[0]), int(shift[1])),
        opacity=opacity,
        faint=faint,
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
    )


def draw_brightness(rng: np.random.Generator) -> float:
    """Grey level of the background."""
    return float(rng.uniform(165, 225))


def paint(objects: list[tuple[int, int, Style]], brightness: float, rng: np.random.Generator) -> Pixels:
    """One frame, uint8 [SIDE, SIDE, 3].

    Args:
        objects: (cell, object, style) of each object to be seen.
        brightness: grey level of the background.
        rng: source of the noise.
    """
    image = _LIGHT + np.float32(brightness)
    for cell, obj, style in objects:
        mask = _MASKS[SHAPES[obj % len(SHAPES)], style.radius]
        mask = np.roll(mask, style.shift, (0, 1))[:, :, None] * np.float32(style.opacity)
        color = (np.array(COLORS[COLOR_NAMES[obj // len(SHAPES)]]) + style.tint).astype(np.float32)
        top, left = cell // GRID * CELL, cell % GRID * CELL
        patch = image[top : top + CELL, left : left + CELL]
        patch += (color - patch) * mask
    noise = _NOISE_BANK[rng.integers(len(_NOISE_BANK))]
    noise = noise[:: 1 - 2 * int(rng.integers(2)), :: 1 - 2 * int(rng.integers(2))]
    frame: Pixels = np.clip(image + noise, 0, 255).astype(np.uint8)
    return frame
