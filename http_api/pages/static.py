"""``/static/{name}``: see :mod:`http_api.assets`."""

from http_api.assets import static_file
from http_api.routes import Routes

routes = Routes("static")
routes.get("/static/{name}", static_file, None, {200: "*/*", 304: None}, transaction=False, shown=False)
bp = routes.blueprint
