"""Accuracy out of distribution: TREC's classes, asked in another style."""
