"""Nouns. Pure values, no I/O.

*Share*: one Azure Files share of a tenant. *Node*: a directory or a file of its tree. *Entry*: what a listing says of a node.
*Page*: up to 64 neighbouring entries of one directory; *manifest*: the vault's record of one page at one run. *Segment*:
the vault object that holds one batch's manifests. *Bundle*: a TAR of small files. *Chunk*: a content-addressed piece of a
larger file. *Run*: one execution of a job; a committed backup run is a *restore point*. *Frontier*: the directories a run
still has to visit. *Ticket* and *receipt*: the small JSON into and out of an activity.
"""
