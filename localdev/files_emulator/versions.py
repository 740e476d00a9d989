"""Service versions: dates that clients put into ``x-ms-version``, and what began with some of them."""

import re
from functools import lru_cache

DEFAULT = "2026-10-06"

#: Since when a bearer token may ask for files and directories, and since when for shares and the service.
BEARER_DATA = "2022-11-02"
BEARER_MANAGEMENT = "2024-11-04"
#: Since when Files has shared access signatures that a user's delegation key signs.
USER_DELEGATION = "2025-07-05"

#: Every version of the service there is known to be, oldest first.
KNOWN = (
    *("2014-02-14", "2015-02-21", "2015-04-05", "2015-07-08", "2015-12-11", "2016-05-31", "2017-04-17", "2017-07-29"),
    *("2017-11-09", "2018-03-28", "2018-11-09", "2019-02-02", "2019-07-07", "2019-10-10", "2019-12-12", "2020-02-10"),
    *("2020-04-08", "2020-06-12", "2020-08-04", "2020-10-02", "2020-12-06", "2021-02-12", "2021-04-10", "2021-06-08"),
    *("2021-08-06", "2021-10-04", "2021-12-02", "2022-11-02", "2023-01-03", "2023-05-03", "2023-08-03", "2023-11-03"),
    *("2024-02-04", "2024-05-04", "2024-08-04", "2024-11-04", "2025-01-05", "2025-05-05", "2025-07-05", "2025-11-05"),
    *("2026-02-06", "2026-04-06", "2026-06-06", "2026-10-06"),
)

_FORM = re.compile(r"20\d\d-[01]\d-[0-3]\d", re.ASCII)


@lru_cache(maxsize=64)
def is_version(text: str, *, strict: bool = False) -> bool:
    """Accept what looks like a version; if ``strict``, only one that there is."""
    return text in KNOWN if strict else _FORM.fullmatch(text) is not None
