"""Headers that say yes or no."""

from collections.abc import Mapping

from localdev.files_emulator.errors import bad_header


def is_set(headers: Mapping[str, str], name: str) -> bool:
    """Return whether a header says ``true``; it may say ``false`` or be empty or missing.

    :raises ServiceError: it says anything else, which is not to be mistaken for no.
    """
    text = headers.get(name)
    if not text:
        return False
    word = text.lower()
    if word not in ("true", "false"):
        raise bad_header(name, text)
    return word == "true"
