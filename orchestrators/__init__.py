"""Orchestrators choose the next step and nothing else.

They replay from the top after every ``yield``, so they hold no I/O, clock, environment or randomness. What they pass on are
tickets; the work itself waits in the frontier.
"""
