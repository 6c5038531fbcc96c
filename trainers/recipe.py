"""Reading recipes: YAML that may extend another one, `key=value` on the command line, unknown keys refused by name.

Recipes of the folder `methods` are not whole: they are laid over others.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from harness.core.errors import UsageError
from harness.core.plugins import plugins
from harness.core.reading import parse_yaml, read_text
from trainers.layout import FINAL
from trainers.reward_settings import RewardSettings
from trainers.rewards.functions import REWARDS
from trainers.settings import Recipe

_Model = TypeVar("_Model", bound=BaseModel)

FOLDER: Final = Path(__file__).parent / "recipes"
_BOOL: Final = "tag:yaml.org,2002:bool"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and resolve it.

    Args:
        name: a YAML file, or the name of one that comes with the harness, such as `demo/method`.
        overrides: `key=value` with dotted keys, values as YAML: `train.max_steps=20`, `judge.model=null`; or a recipe
            that is laid over it, such as `methods/papo`.

    Raises:
        UsageError: no such recipe, not YAML, an unknown key (the nearest ones are named), a value of the wrong type, or
            parts that do not fit together.
    """
    path = find_recipe(name)
    if path.resolve().parent == FOLDER.resolve() / "methods":
        raise UsageError(
            f"recipe {name!r} is laid over another one: give that first, e.g. demo/grpo methods/{path.stem}."
        )
    tree = _read(path, ())
    for override in overrides:
        if "=" not in override and (over := _find(override)):
            tree = _merge(tree, _read(over, ()))
        else:
            _override(tree, override)
    recipe = _recipe(tree, f"{path}: ")
    recipe_stages(recipe)
    return recipe


def _recipe(tree: Mapping[str, Any], where: str) -> Recipe:
    recipe = validated(Recipe, tree, where)
    for reward in recipe.rewards.model_extra or {}:
        if reward not in (*REWARDS, *plugins("rewards")) and ":" not in reward:
            names = dict.fromkeys([*REWARDS, *plugins("rewards"), *RewardSettings.model_fields])
            known = nearest(reward, list(names), "Known")
            raise UsageError(f"{where}setting 'rewards.{reward}' does not exist.{known} One's own is module:function.")
    return recipe


def recipe_stages(recipe: Recipe) -> list[Recipe]:
    """The trainings that a recipe is made of: itself, or its stages, whose outputs lie in its own.

    A stage starts from the final checkpoint of the one before, which is evaluated there already.

    Raises:
        UsageError: a stage does not fit.
    """
    stages: list[Recipe] = []
    for number, changes in enumerate(recipe.stages, start=1):
        where = f"stages, number {number}: "
        if fixed := {"model", "output", "stages"} & {*changes}:
            raise UsageError(f"{where}'{min(fixed)}' is not set by a stage: it goes on from the one before.")
        tree = _merge({**recipe.model_dump(), "stages": []}, changes)
        tree["output"] = f"{recipe.output}/stage-{number}"
        if stages:
            tree["model"] = f"{stages[-1].output}/{FINAL}"
            tree["eval"] = _merge(tree["eval"], {"start": False})
        stages.append(_recipe(tree, where))
    return stages or [recipe]


def find_recipe(name: str) -> Path:
    """The file of a recipe.

    Raises:
        UsageError: there is none of that name.
    """
    if path := _find(name):
        return path
    known = shipped_recipes()
    raise UsageError(f"recipe {name!r} not found.{nearest(name.removesuffix('.yaml'), known, 'There are')}")


def shipped_recipes(*, methods: bool = False) -> list[str]:
    """Names of the recipes that come with the harness: the whole ones, or the methods that are laid over them."""
    names = [str(path.relative_to(FOLDER).with_suffix("")) for path in sorted(FOLDER.glob("*/*.yaml"))]
    names = [name for name in names if not name.startswith("accelerate/")]
    return [name for name in names if name.startswith("methods/") == methods]


def _find(name: str) -> Path | None:
    places = (Path(name), FOLDER.parent / name, FOLDER / name, FOLDER / f"{name}.yaml")
    return next((path for path in places if path.is_file()), None)


def as_yaml(recipe: Recipe) -> str:
    """A resolved recipe as YAML that `load_recipe` reads back to the same recipe."""
    text: str = yaml.safe_dump(recipe.model_dump(), sort_keys=False, allow_unicode=True)
    return text


def _parse(text: str) -> Any:
    """YAML 1.2 where it matters here: 1e-5 is a number, `no` and 2026-01-31 are words.

    Raises:
        ValueError: the text is not YAML.
    """

    class Loader(yaml.SafeLoader):
        """Safe loading with resolvers of its own."""

    Loader.yaml_implicit_resolvers = {
        letter: [item for item in items if item[0] not in (_BOOL, _TIMESTAMP)]
        for letter, items in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(_BOOL, re.compile(r"(?:true|false|True|False)$"), list("tfTF"))
    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+$"),
        list("-+.0123456789"),
    )
    return parse_yaml(text, Loader, unique=True)


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    try:
        tree = _parse(read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"recipe {path} cannot be read: {error}.") from error
    except ValueError as error:
        raise UsageError(f"recipe {path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(tree, dict):
        raise UsageError(f"recipe {path} is a {type(tree).__name__}, not a mapping of settings.")
    base = tree.pop("extends", None)
    if base is None:
        return tree
    parent = (path.parent / str(base)).resolve()
    if not parent.is_file():
        raise UsageError(f"recipe {path}: extends {base!r}, but there is no {parent}.")
    if parent in seen or parent == path.resolve():
        raise UsageError(f"recipe {path}: extends {base!r}, which extends it in turn.")
    return _merge(_read(parent, (*seen, path.resolve())), tree)


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _override(tree: dict[str, Any], override: str) -> None:
    dotted, separator, text = override.partition("=")
    if not separator or not dotted.strip():
        near = nearest(override, shipped_recipes(methods=True), "Methods")
        raise UsageError(f"{override!r} is not key=value, e.g. train.max_steps=20, and no recipe to lay over.{near}")
    try:
        value = _parse(text) if text.strip() else text
    except ValueError as error:
        raise UsageError(f"{override!r}: the value is not YAML: {' '.join(str(error).split())}.") from error
    *parents, last = dotted.strip().split(".", 1 if ":" in dotted else -1)  # rewards.package.module:function
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise UsageError(f"{override!r}: {key!r} is a value, not a part of the recipe.")
        tree = child
    tree[last] = value


def validated(kind: type[_Model], tree: Mapping[str, Any], where: str, part: str = "") -> _Model:
    """What a tree of settings says, as a model.

    Args:
        kind: the model.
        tree: its values.
        where: what stands before a message.
        part: what stands before the names of settings.

    Raises:
        UsageError: the first mistake: its setting, what it is and what it may be.
    """
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise UsageError(f"{where}{_told(kind, error.errors()[0], part)}") from error


def _told(kind: type[BaseModel], error: Mapping[str, Any], part: str) -> str:
    """One of pydantic's errors with the setting's whole name."""
    *parents, last = (str(item) for item in error["loc"]) if error["loc"] else [""]
    for number, name in enumerate(parents):
        inner = kind.model_fields[name].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):  # The rest is a place inside a value.
            parents, last = parents[:number], name
            break
        kind = inner
    name = part + ".".join([*parents, last])
    match error["type"]:
        case "extra_forbidden":
            return f"setting '{name}' does not exist.{nearest(last, list(kind.model_fields), 'Known')}"
        case "missing":
            return f"setting '{name}' is missing. Add it, or give {name}=VALUE."
        case "model_type":
            return f"'{name}' is a part with settings of its own, not {error['input']!r}."
        case "value_error":
            return f"{error['ctx']['error']}."
    return f"{name}={error['input']!r}: {error['msg'].replace('Input', 'it', 1)}."


def nearest(name: str, known: Sequence[str], label: str) -> str:
    """The end of a message about an unknown name: the nearest ones, or all if they are few."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f" Did you mean {' or '.join(repr(item) for item in near)}?"
    return f" {label}: {', '.join(known)}." if len(known) <= 30 else ""
