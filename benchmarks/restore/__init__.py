"""Restores and verifies."""
