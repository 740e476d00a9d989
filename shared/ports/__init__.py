"""What use cases need from the world, in our nouns, with the promises every implementation keeps.

All are ``async``. All raise :mod:`shared.errors` and nothing else: ``Retryable`` after the implementation's own retries have
run out, ``Rejected`` and ``OutOfReach`` at once. Wrappers (metered, fault-injecting) implement the same protocols.

One module for each port, or for a few that nobody uses apart.
"""
