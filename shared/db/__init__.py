"""Postgres: the catalogue.

One module per table group holds typed SQL functions that take an open connection and never commit; ``catalogue`` makes
transactions of them and implements the port. ``translate`` is the one place that knows the driver's exceptions.
"""
