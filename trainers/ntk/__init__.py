"""Similarity of samples by their last-layer neural tangent kernel, and the contrastive term that is built on it.

Imported lazily only: torch is imported at the top.
"""

from trainers.ntk.contrast import Contrast, contrast
from trainers.ntk.estimators import ntk_similarity
from trainers.ntk.gather import Tokens, gather_tokens
from trainers.ntk.gram import ntk_gram

__all__ = ["Contrast", "Tokens", "contrast", "gather_tokens", "ntk_gram", "ntk_similarity"]
