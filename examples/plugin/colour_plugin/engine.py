"""An engine that needs no model: it compares a picture's mean colour with the colour that is asked about."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from PIL import Image

from harness.core.errors import MediaError
from harness.core.types import Response
from harness.engines import Decoding, Request, failed
from harness.engines.checkpoints import Checkpoint

COLOURS = ("red", "green", "blue")


class MeanColourEngine:
    """Answers yes where the strongest of red, green and blue is the one that the prompt names."""

    name = "mean_colour"
    video_as = None

    def __init__(self, checkpoint: Checkpoint, *, loud: bool = False) -> None:
        """Settings are keyword arguments; unknown ones are refused by name.

        Args:
            checkpoint: what --model names; this engine does not look at it.
            loud: answer in capitals.
        """
        self._loud = loud

    def describe(self) -> Mapping[str, Any]:
        """What changes the output: two sessions of one run must agree on it."""
        return {"loud": self._loud}

    def load(self) -> None:
        """Nothing to load."""

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """A response a request; what cannot be opened is an error of that sample alone."""
        for request in requests:
            if request.finished:
                continue
            try:
                (image,) = request.open_media()
                assert isinstance(image, Image.Image)
                mean = image.convert("RGB").resize((1, 1)).getpixel((0, 0))
                assert isinstance(mean, tuple)
                text = "Yes." if f" {COLOURS[mean.index(max(mean))]}?" in request.prompt else "No."
                yield request, Response(sample_id=request.sample_id, text=text.upper() if self._loud else text)
            except MediaError as error:
                yield request, failed(request, f"media: {error}")

    def close(self) -> None:
        """Nothing to free."""
