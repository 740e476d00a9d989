"""What changed below a top folder: the unit of the roll-ups.

A *top folder* is a directory right below the root. Every live node is counted at one of them: a directory and its files at the
top folder above it, or that it is; the root and the files right in it at the root.
"""

from dataclasses import dataclass, fields


@dataclass(slots=True, kw_only=True)
class FolderChange:
    """Differences to add to a top folder's totals, and how many files made them."""

    directories: int = 0
    files: int = 0
    bytes: int = 0
    new_files: int = 0
    changed_files: int = 0
    deleted_files: int = 0

    def add(self, other: "FolderChange") -> None:
        """Add ``other``'s numbers to these."""
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))

    def subtract(self, other: "FolderChange") -> None:
        """Take ``other``'s directories, files and bytes off these: they are somewhere else."""
        self.directories -= other.directories
        self.files -= other.files
        self.bytes -= other.bytes
