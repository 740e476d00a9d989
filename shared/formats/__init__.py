"""Bytes: what the service sends, what the vault and the catalogue hold. docs/FORMAT.md is the reader's copy."""
