"""Keys are taken out of texts in the forms in which others give them back, and words stay in them."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core import secrets
from harness.core.secrets import hide_credentials, keep_credentials_secret, keep_secret, received, redact

KEY = "sk-proj-4f9A/7+c2Qz8vT1"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_patterns", {})
    monkeypatch.setattr(secrets, "_words", set())


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        KEY.upper(),
        " ".join(KEY),
        "\n".join(KEY),
        "\u200b".join(KEY),
        f"{KEY[:9]}\r\n\t{KEY[9:]}",
        f"{KEY[:4]}**{KEY[4:]}",
        quote(KEY, safe=""),
        KEY.encode().hex(),
        KEY.encode().hex(" ").upper(),
    ],
)
def test_every_form_of_a_key_is_hidden(form: str) -> None:
    keep_secret(KEY)
    assert redact(f"no: {form}!") == "no: ***!"


@given(before=st.text(max_size=5), after=st.text(max_size=5))
def test_base64_of_a_text_with_the_key_shows_nothing_of_it(before: str, after: str) -> None:
    keep_secret(KEY)
    coded = base64.b64encode(f"{before}{KEY}{after}".encode()).decode()
    shown = redact(coded)
    assert "***" in shown
    assert len(shown.replace("***", "")) <= len(coded) - 4 * (len(KEY) - 4) // 3


@pytest.mark.parametrize("word", ["EMPTY", "token", "dummy", "none", "pw", "password", "x", ""])
def test_what_could_be_a_word_of_any_text_is_left_alone(word: str) -> None:
    keep_secret(word)
    assert redact(f"The password or token is {word}; the cup is empty.") == (
        f"The password or token is {word}; the cup is empty."
    )


def test_a_short_key_is_hidden_as_it_is_alone() -> None:
    keep_secret("not-needed")
    assert redact("key not-needed: tools are not needed") == "key ***: tools are not needed"


def test_a_tree_is_cleaned_down_to_its_keys() -> None:
    keep_secret(KEY)
    assert received({KEY: [f"a {KEY}", {"b": "half \ud83d and \x00"}, 7, None, True, 0.5]}) == {
        "***": ["a ***", {"b": "half \ufffd and \ufffd"}, 7, None, True, 0.5]
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:pw@host:8000/v1", "http://***@host:8000/v1"),
        ("http://user:p@ss/w@host/v1", "http://***@host/v1"),
        ("https://host/v1?api_key=abc&b=c", "https://host/v1?api_key=***&b=***"),
        ("'http://u:p@h/?k=v' is no address, is it?", "'http://***@h/?k=***' is no address, is it?"),
        ("see http://host/v1 or mail me@host", "see http://host/v1 or mail me@host"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(text: str, shown: str) -> None:
    assert hide_credentials(text) == shown


def test_what_an_address_holds_is_known() -> None:
    keep_credentials_secret("user:hunter2%21", "api-version=2024&api_key=0123456789abcdef")
    coded = base64.b64encode(b"user:hunter2!").decode()
    assert (
        redact(f"hunter2! 0123456789abcdef {coded}").replace("*", "").strip(" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdz=") == ""
    )
