"""``afb``: the product from a command line. It knows the product by its HTTP API only.

::

    address    what a person types: tenant/share:/path@point          (pure)
    config     which app, as whom: kept in a file that only its owner reads
    client     requests, with retries, pages and problems
    names      from what was typed to what the API calls it
    output     tables for people, a line of JSON per thing for programs
    follow     a run from its start to its end
    commands/  one module for each group of commands
"""
