"""Segments are remembered up to a number of directories, those asked for last the longest."""

from shared.usecases.index_cache import IndexCache


def test_what_was_put_is_there_each_directory_once():
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
