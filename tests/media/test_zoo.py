"""Every file of the zoo opens, or costs its sample one line, in bounded time."""

import re
import time
from pathlib import Path

import pytest
from media_zoo import Exhibit, build_zoo, exhibits

from harness.core.errors import MediaError
from harness.media.images import open_image
from harness.media.videos import open_video


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoo") / "files"
    build_zoo(folder)
    return folder


@pytest.mark.parametrize("exhibit", [exhibit for exhibit in exhibits()], ids=lambda exhibit: exhibit.name)
def test_exhibit(exhibit: Exhibit, zoo: Path) -> None:
    start = time.monotonic()
    path = zoo / exhibit.name
    if exhibit.error is None:
        opened = open_image(path) if exhibit.kind == "image" else open_video(path, 4)
        assert opened is not None
    else:
        with pytest.raises(MediaError) as caught:
            open_image(path) if exhibit.kind == "image" else open_video(path, 4)
        message = str(caught.value)
        assert re.search(exhibit.error, message), message
        assert "\n" not in message
        assert exhibit.name in message
    assert time.monotonic() - start < 20
