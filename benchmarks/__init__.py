"""Benchmarks: commands that measure, and the results they gave."""
