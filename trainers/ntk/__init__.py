"""Similarity of samples by their last-layer neural tangent kernel, and the contrastive term that is built on it.

Imported lazily only: torch is imported at the top.
"""

from trainers.ntk.estimators import ntk_similarity, tokens_to_compare
from trainers.ntk.gather import Tokens
from trainers.ntk.gram import ntk_gram
from trainers.ntk.term import Term, term_of_batch

__all__ = ["Term", "Tokens", "ntk_gram", "ntk_similarity", "term_of_batch", "tokens_to_compare"]
