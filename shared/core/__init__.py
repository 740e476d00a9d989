"""Decisions. Plain values in, plain values out; runs in microseconds and needs no fixture."""
