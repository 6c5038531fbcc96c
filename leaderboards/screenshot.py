"""A picture of a board's page for a README, taken by the Chromium of the system."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from harness.core.errors import UsageError
from harness.core.files import replacement, write_errors

SCREENSHOT: Final = "page.png"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_SIZE: Final = (1280, 960)
"""Pixels: what a reader sees of the page without scrolling."""
_COLOURS: Final = 96
"""With which the picture of a page of text takes about a third of its bytes and looks the same."""
_SECONDS: Final = 60


def take_screenshot(page: Path) -> Path:
    """Write the picture beside the page and give its path.

    Raises:
        UsageError: there is no Chromium, or it took no picture.
        StoreError: the picture cannot be written.
    """
    from PIL import Image

    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        raise UsageError(f"--screenshot needs one of {', '.join(_NAMES)} on the PATH: install it, or leave it out.")
    with TemporaryDirectory() as scratch:
        taken = Path(scratch) / SCREENSHOT
        command = [
            *(browser, "--headless", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000"),
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # As root, it starts without one only.
            *(f"--user-data-dir={scratch}/profile", f"--window-size={_SIZE[0]},{_SIZE[1]}"),
            *(f"--screenshot={taken}", page.resolve().as_uri()),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
            image = Image.open(taken).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"--screenshot: {browser} took no picture of {page}: {error}.") from error
    target = page.with_name(SCREENSHOT)
    with replacement(target) as file, write_errors(target):
        image.save(file.buffer, format="PNG", optimize=True)
    return target
