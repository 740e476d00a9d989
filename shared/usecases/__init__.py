"""Verbs a user would recognise. Each module is one; the order of its effects is its safety argument."""
