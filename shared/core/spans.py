"""Lengths of time about as people say them."""


def span(seconds: float) -> str:
    """``45 minutes``, ``5 hours``, ``3.5 days``, ``60 days``."""
    if seconds < 2 * 3600:
        return _several(seconds / 60, "minute")
    if seconds < 3 * 86_400:
        return _several(seconds / 3600, "hour")
    days = round(seconds / 86_400, 1)
    return f"{days:.0f} days" if days >= 10 or days == int(days) else f"{days:.1f} days"


def _several(count: float, one: str) -> str:
    whole = round(count)
    return f"{whole} {one}{'' if whole == 1 else 's'}"
