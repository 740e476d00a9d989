"""The Azure Files emulator, measured from outside: one server process, requests over loopback sockets.

It is known by its command line and its protocol alone. The load comes from processes of its own that only copy bytes
prepared before the clock starts; every answer's status is checked, and every content that is read.
"""
