"""The demo: one share, end to end, seen from outside.

It uses the product as a customer would, through its HTTP API, and Azure Files as anybody may, through the SDK.  It imports
nothing of the product, so that what it proves does not rest on the code it proves.

* *plan*: what is to be written to a share: planned directories and files, each with its facts.
* *facts*: what a directory or file has besides its content: attributes, times, permission, metadata.
* *reading*: everything that can be read of a share, or of a share snapshot, through the SDK.
* *difference*: a path, and something that one reading has there and the other has not.
* *state*: what the share looked like at one of the demo's backups, kept in a share snapshot of the demo's own.
"""
