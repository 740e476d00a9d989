"""The programs of the one-machine stack, one module each, and how to start and stop any of them.

Every service is a child process that listens on loopback only, writes one log file, is known by its process id and
start time, and is stopped by that and nothing else.
"""
