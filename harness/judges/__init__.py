"""Models that judge: captions, and answers that no rule reads or settles; their cache and what they run on."""
