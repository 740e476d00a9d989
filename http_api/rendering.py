"""HTML out."""

from pathlib import Path
from typing import Final

import jinja2

from http_api.call import Answer

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: object) -> Answer:
    """Render a whole page. It loads nothing from anywhere: the policy says so to the browser."""
    return Answer(
        body=_TEMPLATES.get_template(template).render(**values).encode("utf-8"),
        media="text/html",
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'",
            "Cache-Control": "private, no-store",
        },
    )
