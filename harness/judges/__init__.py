"""Models that judge: captions, and answers that no rule settles; their cache and what they run on."""
