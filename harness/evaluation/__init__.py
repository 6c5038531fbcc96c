"""From tasks to samples to responses to verdicts, in one direction."""
