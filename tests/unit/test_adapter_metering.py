"""Meters of concurrent batches do not mix, and each request is reported once."""

from shared.adapters.metering import Meter
from shared.model.run import Counters


def test_what_was_taken_is_not_taken_again():
    meter = Meter()
    meter.files_request("list")
    meter.files_request("list")
    meter.vault_write(chunk=True)
    meter.vault_write(chunk=False)
    meter.vault_stored(10)
    expected = Counters(files_requests=2, files_lists=2, vault_writes=2, vault_chunk_writes=1, vault_bytes=10)
    assert meter.take() == expected
    assert meter.take() == Counters()
    meter.vault_read()
    assert meter.take() == Counters(vault_reads=1)


def test_a_reading_shows_operations_and_since_shows_what_came_after():
    meter = Meter()
    meter.files_request("list")
    before = meter.snapshot()
    meter.files_request("get_file")
    assert dict(meter.since(before).files) == {"get_file": 1}
    assert dict(before.files) == {"list": 1}
    assert meter.snapshot().counters().files_requests == 2
