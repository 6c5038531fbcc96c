"""Selection by reward variance: rollouts, mean and variance per prompt, and the half that is worth training on."""
