"""Readers of schema/fbs, written by flatc (``make generate``); only this file is by hand."""
