"""What a verify was asked to do."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self

from shared.model.restore import RestoreOrder, Selection


class VerifyLevel(StrEnum):
    """How much a verify proves. Each of the first three does what the one before it does; a drill is another proof."""

    QUICK = "quick"
    """Every manifest is readable, every object is there in its recorded size, the catalogue agrees with the vault."""
    SAMPLE = "sample"
    """And a part of the files is read again and hashed, another part each time."""
    FULL = "full"
    """And every file is, and every other byte of the share's objects."""
    DRILL = "drill"
    """A part of the files is restored into a scratch share, read back and compared with what was saved."""

    @property
    def has_parts(self) -> bool:
        """Whether it is about a part of the files, another part each time."""
        return self in (VerifyLevel.SAMPLE, VerifyLevel.DRILL)


SCRATCH: Final = "afb-drill-"
"""What the names of scratch shares begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOrder:
    """What a verify run was asked to do."""

    level: VerifyLevel
    restore_point: int
    """``run_no`` of the restore point to verify; with ``all_points``, of the newest."""
    all_points: bool = False
    """It and all restore points before it."""
    parts: int = 1
    """SAMPLE and DRILL: after so many of them every file has been read."""
    part: int = 0
    """SAMPLE and DRILL: which part this one reads."""
    account_url: str = ""
    """DRILL: the account in which the scratch share is made."""
    credential: str = ""
    """DRILL: the name of the credential for it."""
    scratch: str = ""
    """DRILL: the end of the scratch share's name, which nobody can guess; see :func:`scratch_order`."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON. What only drills have is left out of others, of which releases before it must make sense."""
        told = {f.name: getattr(self, f.name) for f in fields(self)} | {"level": self.level.value}
        return {name: value for name, value in told.items() if value != "" or name == "level"}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**(wire | {"level": VerifyLevel(wire["level"])}))


def scratch_order(run_id: int, order: VerifyOrder) -> RestoreOrder:
    """What a drill restores, and where: chosen files of all the share into a share of its own, which nothing else has the name of."""
    return RestoreOrder(
        restore_point=order.restore_point,
        account_url=order.account_url,
        share_name=f"{SCRATCH}{run_id}-{order.scratch}",
        credential=order.credential,
        create_share=False,  # it was made, with a tag, when the drill opened
        selection=Selection(parts=order.parts, part=order.part),
        keeps_undo=False,
        requested_by="a drill",
    )
