"""Sample conflict: the NTK similarity of the samples of a data set under a checkpoint."""
