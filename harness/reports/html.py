"""Pages from Jinja2 templates that escape every text: one file each, which opens offline and fetches nothing.

Styles, scripts, data and pictures are in the file, and its content security policy forbids the rest. Plots are put in
as elements; of texts, what a reader cannot see is taken out. Templates stand in the folder `templates` of their room;
those of this room are shared.
"""

from __future__ import annotations

import base64
from functools import cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, tostring

from harness.reports.text import one_line, web_address

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(template: str, *, room: str = "harness.reports", **values: Any) -> str:
    """A page.

    Args:
        template: name of its template.
        room: package that holds it.
        values: what it shows; `data` is JSON from `script_json`.
    """
    text = _environment(room).get_template(template).render(values)
    # Half a surrogate pair, as a response cut inside an emoji may hold, has no place in a file.
    return text.encode("utf-8", "replace").decode("utf-8")


def script_json(value: Any) -> Markup:
    """JSON that cannot end its script element, whatever the texts in it hold."""
    from jinja2.utils import htmlsafe_json_dumps

    return htmlsafe_json_dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@cache
def _environment(room: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in dict.fromkeys((room, "harness.reports"))]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"source": partial(_source, environment), "digest": partial(_digest, environment)}
    environment.filters |= {"address": lambda url: Markup(web_address(url)), "fragment": _fragment}
    return environment


def _show(value: Any) -> Any:
    from markupsafe import Markup

    if isinstance(value, Element):
        return Markup(tostring(value, encoding="unicode"))
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _fragment(key: str) -> str:
    """Part of an address after `#`."""
    return quote(key, safe="", errors="replace")


def _source(environment: Environment, name: str) -> Markup:
    """A style or script as it stands."""
    from markupsafe import Markup

    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def _digest(environment: Environment, name: str) -> str:
    """By which the content security policy knows a script."""
    return base64.b64encode(sha256(_source(environment, name).encode()).digest()).decode()
