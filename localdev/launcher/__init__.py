"""Starts the one-machine stack, knows what runs of it, and stops it.

``Stack`` is the library; ``python -m localdev up | down | status`` the commands over it.  A *stack* is one data
directory and the processes that work on it; there may be several on a machine, each with ports of its own.
"""
