"""What a run's requests cost: counters that adapters feed and a batch reads.

Each run scope has a meter of its own, given to the adapters it is built from, so that batches which run side by side in one
process each know their share. Counting happens in the event loop's thread only.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from shared.core.cost import OperationClass, class_of
from shared.errors import Retryable, Throttled
from shared.model.metric import STORAGE_ANSWERS, STORAGE_RETRIES
from shared.model.run import Counters
from shared.ports.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter shows at one moment, or the difference of two."""

    files: Counter[str] = field(default_factory=Counter)
    """Requests to the Azure Files service by operation, repeats included."""
    vault_writes: int = 0
    """Requests that write to the vault, repeats and refused ones included: that is what is paid for."""
    vault_chunk_writes: int = 0
    """The part of ``vault_writes`` that were chunks."""
    vault_reads: int = 0
    """Requests that read from the vault, listings and repeats included."""
    vault_bytes: int = 0
    """Bytes of the objects that were stored."""

    def __sub__(self, earlier: Self) -> "Reading":
        """What was added since ``earlier``."""
        return Reading(
            self.files - earlier.files,
            self.vault_writes - earlier.vault_writes,
            self.vault_chunk_writes - earlier.vault_chunk_writes,
            self.vault_reads - earlier.vault_reads,
            self.vault_bytes - earlier.vault_bytes,
        )

    def counters(self) -> Counters:
        """The same as a batch reports it."""
        classes: Counter[OperationClass] = Counter()
        for operation, requests in self.files.items():
            classes[class_of(operation)] += requests
        return Counters(
            files_requests=self.files.total(),
            files_lists=classes[OperationClass.LIST],
            files_reads=classes[OperationClass.READ],
            files_writes=classes[OperationClass.WRITE],
            vault_writes=self.vault_writes,
            vault_chunk_writes=self.vault_chunk_writes,
            vault_reads=self.vault_reads,
            vault_bytes=self.vault_bytes,
        )


class Meter:
    """Counts requests and bytes as adapters send them."""

    def __init__(self) -> None:
        self.files_requests: Counter[str] = Counter()
        self.vault_writes = 0
        self.vault_chunk_writes = 0
        self.vault_reads = 0
        self.vault_bytes = 0
        self._taken = Reading()

    def files_request(self, operation: str) -> None:
        """Count one request to the Azure Files service."""
        self.files_requests[operation] += 1

    def vault_write(self, *, chunk: bool) -> None:
        """Count one request that writes to the vault."""
        self.vault_writes += 1
        self.vault_chunk_writes += chunk

    def vault_read(self) -> None:
        """Count one request that reads from the vault."""
        self.vault_reads += 1

    def vault_stored(self, size_bytes: int) -> None:
        """Count the bytes of an object that was stored."""
        self.vault_bytes += size_bytes

    def snapshot(self) -> Reading:
        """What was counted so far."""
        return Reading(
            Counter(self.files_requests),
            self.vault_writes,
            self.vault_chunk_writes,
            self.vault_reads,
            self.vault_bytes,
        )

    def since(self, earlier: Reading) -> Reading:
        """What was counted after ``earlier`` was read."""
        return self.snapshot() - earlier

    def take(self) -> Counters:
        """What was counted since the last call, for the batch that asks."""
        now = self.snapshot()
        taken, self._taken = now - self._taken, now
        return taken.counters()


class Traffic:
    """Counts for the whole process what a service answered and what was sent again: a :class:`shared.adapters.storage_http.Traffic`."""

    __slots__ = ("_service", "_telemetry")

    def __init__(self, telemetry: Telemetry, service: str) -> None:
        """``service`` is ``files``, ``blob`` or ``table``."""
        self._telemetry = telemetry
        self._service = service

    def answered(self, operation: str, status: int) -> None:
        """An answer came; status 0: none did."""
        self._telemetry.count(STORAGE_ANSWERS, self._service, operation, str(status) if status else "none")

    def repeated(self, failure: Retryable) -> None:
        """A request is sent again, because of ``failure``."""
        self._telemetry.count(STORAGE_RETRIES, self._service, "busy" if isinstance(failure, Throttled) else "no_answer")
