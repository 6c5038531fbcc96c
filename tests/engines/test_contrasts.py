"""Names of contrastive decoding, and what is said of those that do not exist."""

import pytest

from harness.core.errors import UsageError
from harness.engines.contrasts import Contrast, read_contrast


def test_methods_are_read_and_written_with_all_parameters() -> None:
    assert read_contrast("vcd") == Contrast(method="vcd", alpha=0.5, beta=0.1, noise_step=500)
    assert str(read_contrast("vcd")) == "vcd:alpha=0.5,beta=0.1,noise_step=500"
    assert str(read_contrast("m3id:beta=0,decay=0.1")) == "m3id:decay=0.1,threshold=1,beta=0"
    assert read_contrast(str(read_contrast("vcd:alpha=1"))) == read_contrast("vcd:alpha=1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("opera", r"'opera' does not exist. Choose one of: vcd, m3id"),
        ("vcd:decay=1", r"vcd has no parameter 'decay'. It has: alpha, beta, noise_step"),
        ("vcd:alpha=-1", r"alpha must be a number of at least 0"),
        ("vcd:alpha=inf", r"alpha must be a number of at least 0"),
        ("vcd:noise_step=1000", r"noise_step must be a whole number between 0 and 999"),
        ("vcd:noise_step=1.5", r"noise_step must be a whole number"),
        ("m3id:threshold=2", r"threshold must be a number between 0 and 1"),
        ("m3id:beta", r"beta must be a number"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_contrast(text)
