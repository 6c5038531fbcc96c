"""Makes the table of words that AMBER's descriptions are scored by, once, with the model that its evaluator loads.

    git clone https://github.com/junyangwang0410/AMBER AMBER
    git -C AMBER checkout 534babf6bbfcce2e735c26289dedfb21cef3c939
    pip install 'spacy>=3.7,<4' && python -m spacy download en_core_web_lg
    python tasks/amber_generative/words.py AMBER

The evaluator takes two words for the same where the similarity of their vectors in spaCy's `en_core_web_lg` is above
.8. Its vocabulary is closed, so that all pairs fit into a small table, and scoring needs no model of 400 MB whose
figures change with its version: the table names the version that it was made with.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.benchmarks.registry import load_module
from harness.core.files import cache_folder, write_atomically

_AMBER: Final = load_module(Path(__file__).resolve().parent)
MODEL: Final = "en_core_web_lg"
THRESHOLD: Final = 0.8


def make_table(
    relation: Mapping[str, Sequence[str]],
    safe: Collection[str],
    similarity: Callable[[str, str], float],
    model: str,
) -> dict[str, Any]:
    """The table: the vocabulary with its associations, words that are always safe, and pairs of similar words.

    Args:
        relation: words to associated words, as in AMBER's `relation.json`.
        safe: words of its `safe_words.txt`.
        similarity: of two words.
        model: name and version of what gives it.
    """
    words = sorted({word for name, others in relation.items() for word in (name, *others)})
    # A word without a vector is not even similar to itself.
    similar = {word: [other for other in words if similarity(word, other) > THRESHOLD] for word in words}
    return {
        "version": _AMBER.VERSION,
        "model": model,
        "relation": {name: list(others) for name, others in relation.items()},
        "safe": list(safe),
        "similar": similar,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table of a checkout of AMBER."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("amber", type=Path, help="a checkout of AMBER's repository")
    parser.add_argument(
        "--out", type=Path, default=cache_folder() / _AMBER.PLACE, help="the table (default: %(default)s)"
    )
    given = parser.parse_args(arguments)
    try:
        relation = json.loads((given.amber / "data/relation.json").read_text(encoding="utf-8"))
        safe = (given.amber / "data/safe_words.txt").read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        print(f"error: {given.amber} is no checkout of AMBER: {error}.", file=sys.stderr)
        return 2
    try:
        import spacy

        nlp = spacy.load(MODEL)
    except (ImportError, OSError) as error:
        advice = f"pip install spacy && python -m spacy download {MODEL}"
        print(f"error: {str(error).splitlines()[0]} Install it: {advice}", file=sys.stderr)
        return 2
    read: dict[str, Any] = {}

    def similarity(one: str, other: str) -> float:
        for word in (one, other):
            if word not in read:
                read[word] = nlp(word)
        return float(read[one].similarity(read[other]))

    table = make_table(relation, safe, similarity, f"{MODEL} {nlp.meta['version']}, spaCy {spacy.__version__}")
    write_atomically(given.out, json.dumps(table, indent=1) + "\n")
    pairs = sum(map(len, table["similar"].values()))
    print(f"{given.out}: {len(read)} words, {pairs} ordered pairs of similar ones, {table['model']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
