"""``python -m benchmarks plan``: what a daily run and a first backup of very many files take, by simulation (docs/BILLION.md)."""
