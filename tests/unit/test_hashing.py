"""BLAKE3, derived per share."""

from blake3 import blake3

from shared.core.hashing import ShareHasher
from tests.support.formats import noise

OURS = ShareHasher("contoso", 7)


def test_the_context_names_tenant_and_share():
    # docs/FORMAT.md promises these texts to strangers.
    context = "azure-files-backup 2026 content contoso/7"
    assert OURS.digest(b"abc") == blake3(b"abc", derive_key_context=context).digest()
    context = "azure-files-backup 2026 chunk digests contoso/7"
    digests = [noise(32, 1), noise(32, 2)]
    assert OURS.digest_of_chunks(digests) == blake3(b"".join(digests), derive_key_context=context).digest()
    assert OURS.digest_of_joined([b"".join(digests)[:40], b"".join(digests)[40:]]) == OURS.digest_of_chunks(digests)


def test_shares_have_unrelated_digests():
    others = [ShareHasher("contoso", 8), ShareHasher("fabrikam", 7), ShareHasher("contoso/7", 7)]
    assert len({hasher.digest(b"abc") for hasher in (OURS, *others)}) == 4


def test_a_list_of_digests_is_not_mistaken_for_a_file_with_the_same_bytes():
    digests = [noise(32, 1), noise(32, 2)]
    assert OURS.digest_of_chunks(digests) != OURS.digest(b"".join(digests))
    assert OURS.digest_of_chunks([]) != OURS.digest(b"")


def test_a_file_fed_piece_by_piece_has_the_same_digest():
    data = noise(10_000)
    hasher = OURS.hasher()
    for at in range(0, len(data), 999):
        hasher.update(data[at : at + 999])
    assert hasher.digest() == OURS.digest(data)


def test_one_digest_does_not_leak_into_the_next():
    assert OURS.digest(b"a") == OURS.digest(b"a")
    first, second = OURS.hasher(), OURS.hasher()
    first.update(b"a")
    assert second.digest() == OURS.digest(b"")
