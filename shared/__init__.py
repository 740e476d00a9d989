"""The library: nouns and bytes (pure), decisions (pure), use cases, adapters and SQL.

Imported by everything, imports none of the edges. The layers and who may know whom are in docs/ARCHITECTURE.md and held by
import-linter.
"""
