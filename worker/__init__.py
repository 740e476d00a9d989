"""Worker processes: the same use cases as the activities, pulled by plain stateless processes.

A worker has no state but what it remembers of its own failures: any number may run, come, go and be killed at any time. It
takes part in every run that is running, and opens and closes those whose driver is ``workers``, for which it claims the right
like any other batch (:meth:`shared.db.catalogue.PostgresCatalogue.claim_control`), so that one of them does it at a time and
another takes over when it dies.
"""
