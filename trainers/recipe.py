"""Reading recipes: YAML that may extend another one, `key=value` on the command line, unknown keys refused by name."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from harness.core.errors import UsageError
from trainers.settings import Recipe

FOLDER: Final = Path(__file__).parent / "recipes"
_MANAGED: Final = {
    "output_dir": "output",
    "seed": "seed",
    "data_seed": "seed",
    "reward_weights": "rewards",
    "model_init_kwargs": "train.dtype or train.attn_implementation",
    "remove_unused_columns": "nothing: the trainers need all columns",
    "max_pixels": "data.max_pixels",
    "resume_from_checkpoint": "nothing: the same command goes on from the last checkpoint",
}
"""Arguments of TRL that the recipe sets elsewhere."""
_BOOL: Final = "tag:yaml.org,2002:bool"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_LEAST: Final = {
    "learning_rate": 0,
    "weight_decay": 0,
    "max_grad_norm": 0,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "max_completion_length": 1,
}
"""Lowest values of arguments of TRL that it does not check itself."""
MODEL_ARGUMENTS: Final = ("dtype", "attn_implementation", "bits")
"""Keys of `train` that go to the loading of the model rather than to TRL."""


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and resolve it.

    Args:
        name: a YAML file, or the name of one that comes with the harness, such as `demo/method`.
        overrides: `key=value` with dotted keys, values as YAML: `train.max_steps=20`, `judge.model=null`.

    Raises:
        UsageError: no such recipe, not YAML, an unknown key (the nearest ones are named), a value of the wrong type, or
            parts that do not fit together.
    """
    path = find_recipe(name)
    tree = _read(path, ())
    for override in overrides:
        _override(tree, override)
    recipe: Recipe = _build(Recipe, tree, "", str(path))
    return recipe


def find_recipe(name: str) -> Path:
    """The file of a recipe.

    Raises:
        UsageError: there is none of that name.
    """
    for path in (Path(name), FOLDER.parent / name, FOLDER / name, FOLDER / f"{name}.yaml"):
        if path.is_file():
            return path
    known = [str(path.relative_to(FOLDER).with_suffix("")) for path in sorted(FOLDER.glob("*/*.yaml"))]
    known = [item for item in known if not item.startswith("accelerate/")]
    raise UsageError(f"recipe {name!r} not found.{_nearest(name.removesuffix('.yaml'), known, 'There are')}")


def as_yaml(recipe: Recipe) -> str:
    """A resolved recipe as YAML that `load_recipe` reads back to the same recipe."""
    import yaml

    text: str = yaml.safe_dump(plain(recipe), sort_keys=False, allow_unicode=True)
    return text


def plain(recipe: Recipe) -> dict[str, Any]:
    """A resolved recipe as JSON-able values."""
    tree = asdict(recipe)
    order = ("algorithm", "model", "output", "prompt", "seed", "data")
    return {key: tree[key] for key in (*order, *(key for key in tree if key not in order))}


def check_train_keys(recipe: Recipe, known: Sequence[str]) -> None:
    """Refuse keys of `train` that TRL does not have or that the recipe sets elsewhere.

    Args:
        recipe: the recipe.
        known: names of the arguments of TRL's configuration.

    Raises:
        UsageError: names the key and what to use instead.
    """
    for key in recipe.train:
        if key in _MANAGED:
            raise UsageError(f"train.{key} is set by the recipe itself. Use {_MANAGED[key]}.")
        if key not in known and key not in MODEL_ARGUMENTS:
            raise UsageError(f"train.{key} is no argument of TRL's configuration.{_nearest(key, known, 'It has')}")


def check_train_values(recipe: Recipe, hints: Mapping[str, Any]) -> None:
    """Refuse numbers and switches of `train` of a wrong type or out of range, which TRL takes as they are.

    Args:
        recipe: the recipe.
        hints: types of the arguments of TRL's configuration, by name.

    Raises:
        UsageError: names the key.
    """
    for key, value in recipe.train.items():
        kinds = _alternatives(hints.get(key, Any))
        if {bool, int, float}.issuperset(kind for kind in kinds if kind is not type(None)) and not _fits(value, kinds):
            expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise UsageError(f"train.{key}={value!r} is a {type(value).__name__}, expected {expected}.")
        if key in _LEAST and value is not None and not value >= _LEAST[key]:
            raise UsageError(f"train.{key} {value} is out of range: it must be at least {_LEAST[key]}.")
    temperature = recipe.train.get("temperature", 1.0)
    if recipe.algorithm == "grpo" and not temperature > 0:
        raise UsageError(f"train.temperature {temperature} is out of range: it must be above 0.")


def _fits(value: Any, kinds: Sequence[Any]) -> bool:
    if value is None or isinstance(value, bool):
        return type(value) in kinds
    if isinstance(value, int):
        return int in kinds or float in kinds or (bool in kinds and value in (0, 1))
    return isinstance(value, float) and float in kinds


def _parse(text: str) -> Any:
    """YAML 1.2 where it matters here: 1e-5 is a number, `no` and 2026-01-31 are words.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    import yaml

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
    try:
        return yaml.load(text, Loader)
    except ValueError as error:  # What looks like a number to PyYAML and is none, such as 0x_.
        raise yaml.YAMLError(str(error)) from error


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    import yaml

    try:
        tree = _parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"recipe {path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
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
    import yaml

    dotted, separator, text = override.partition("=")
    if not separator or not dotted.strip():
        raise UsageError(f"{override!r} is not key=value, e.g. train.max_steps=20.")
    try:
        value = _parse(text) if text.strip() else text
    except yaml.YAMLError as error:
        raise UsageError(f"{override!r}: the value is not YAML: {' '.join(str(error).split())}.") from error
    *parents, last = dotted.strip().split(".")
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise UsageError(f"{override!r}: {key!r} is a value, not a part of the recipe.")
        tree = child
    tree[last] = value


def _build(kind: Any, tree: Mapping[str, Any], prefix: str, where: str) -> Any:
    known = {item.name: item for item in fields(kind)}
    hints = get_type_hints(kind)
    values = {}
    for key, value in tree.items():
        if key not in known:
            raise UsageError(
                f"{where}: setting '{prefix}{key}' does not exist.{_nearest(str(key), list(known), 'Known')}"
            )
        values[key] = _value(hints[key], value, f"{prefix}{key}", where)
    missing = [name for name, item in known.items() if name not in values and _is_required(item)]
    if missing:
        raise UsageError(
            f"{where}: setting '{prefix}{missing[0]}' is missing. Add it, or give {prefix}{missing[0]}=VALUE."
        )
    return kind(**values)


def _is_required(item: Any) -> bool:
    from dataclasses import MISSING

    return item.default is MISSING and item.default_factory is MISSING


def _value(hint: Any, value: Any, name: str, where: str) -> Any:
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise UsageError(f"{where}: '{name}' is a part with settings of its own, not {value!r}.")
        return _build(hint, value, f"{name}.", where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UsageError(f"{where}: {name}={value!r} does not exist. Choose one of: {', '.join(get_args(hint))}.")
        return value
    for kind in _alternatives(hint):
        if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if kind is int and isinstance(value, bool):
            continue
        if isinstance(value, get_origin(kind) or kind):
            return value
    expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in _alternatives(hint))
    raise UsageError(f"{where}: {name}={value!r} is a {type(value).__name__}, expected {expected}.")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _nearest(name: str, known: Sequence[str], label: str) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f" Did you mean {' or '.join(repr(item) for item in near)}?"
    return f" {label}: {', '.join(known)}." if len(known) <= 30 else ""
