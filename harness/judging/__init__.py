"""What `harness.judge` is made of: prompts, the leak check, the cache, and the models that answer."""
