"""HTML out."""

from pathlib import Path
from typing import Final

import jinja2

from http_api.call import Answer
from http_api.guard import PAGE_HEADERS

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: object) -> Answer:
    """Render a whole page. It loads nothing from anywhere but here: the policy says so to the browser."""
    text = _TEMPLATES.get_template(template).render(**values)
    return Answer(body=text.encode("utf-8"), media="text/html", headers=PAGE_HEADERS)
