"""Prunes and sweeps."""
