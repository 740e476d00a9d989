"""Measurements, each a subcommand of ``python -m benchmarks``; what their numbers mean is in docs/BENCHMARKS.md.

A subcommand is a module with ``add(parsers)``, which declares its options and sets ``run`` to the function that
measures; results are one flat JSON object, metric to number, and a table on the terminal.
"""
