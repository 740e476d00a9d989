"""Backups measured whole: the product's own code in processes of its own, the real services, peers beside it.

``world`` starts the services and protects shares, ``worker`` is the process that is measured, ``fleet`` starts some of
them and takes a run through, ``phases`` are the measurements, ``command`` is the subcommand.
"""
