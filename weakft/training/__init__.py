"""The end model: batching, the loop, the loss terms, pseudo-labels, the stages, the methods."""
