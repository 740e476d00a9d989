"""What is remembered of records: up to a size, what was asked for last the longest."""

from shared.model.manifest import ManifestRef, PageRecord
from shared.usecases.index_cache import WIDE_PAGES, IndexCache


def test_the_directories_of_a_segment_are_there_each_once():
    cache = IndexCache()
    assert cache.get((1, 2, 3)) is None
    assert sorted(cache.put((1, 2, 3), [5, 7, 5])) == [5, 7]
    assert sorted(cache.get((1, 2, 3))) == [5, 7]
    assert cache.get((2, 2, 3)) is None


def test_the_segments_asked_for_last_stay():
    cache = IndexCache(ids_max=4)
    for n in range(2):
        cache.put((1, 1, n), [1, 2])
    cache.get((1, 1, 0))
    cache.put((1, 1, 2), [1, 2])
    assert [cache.get((1, 1, n)) is not None for n in range(3)] == [True, False, True]
    cache.put((1, 1, 2), [1, 2])
    cache.put((1, 1, 3), range(9))  # more than there is room for
    assert all(cache.get((1, 1, n)) is None for n in range(4))


def test_first_pages_are_remembered_of_wide_directories_of_their_own_share():
    cache = IndexCache(pages_max=2 * WIDE_PAGES)
    places = [ManifestRef(1, 1, offset, 100) for offset in range(4)]
    wide = PageRecord(1, 0, 1, 0, (), (), page_nos=tuple(range(WIDE_PAGES)))
    cache.put_first(1, places[0], PageRecord(1, 0, 1, 0, (), (), page_nos=tuple(range(WIDE_PAGES - 1))))
    assert cache.first(1, places[0]) is None
    for place in places[1:]:
        cache.put_first(1, place, wide)
    assert [cache.first(1, place) is not None for place in places] == [False, False, True, True]
    assert cache.first(2, places[3]) is None
