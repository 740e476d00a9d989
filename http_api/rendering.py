"""HTML out: whole pages for browsers, fragments for htmx, from the same templates. A page includes its fragment."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2

from http_api import shown_as
from http_api.assets import asset_url
from http_api.call import Answer, AnyCall
from http_api.encoding import LEAST_BYTES, gzipped, takes_gzip
from http_api.guard import PAGE_HEADERS
from http_api.pages import cron_words
from http_api.problems import Told
from http_api.reply import Reply
from http_api.tabs import Tab, tabs_of
from shared.core.access import may
from shared.model.access import Action, Principal
from shared.model.share import Share, Tenant
from shared.wiring import App

HTML: Final = "text/html"
_VARY: Final = "HX-Request, HX-History-Restore-Request, Accept-Encoding"
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    auto_reload=False,  # they are part of the program
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(shown_as.FILTERS)
_TEMPLATES.filters["cron_words"] = cron_words.in_words
_TEMPLATES.globals["asset"] = asset_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is around every page: who looks at it, and where they are."""

    principal: Principal
    now: dt.datetime
    signed_in_by_platform: bool
    """Whether there is a session of App Service authentication that can be ended."""
    tenant: Tenant | None = None
    share: Share | None = None
    tab: str = ""
    """Which of the tabs is this page's; they are those of the share, of the tenant, or of the platform."""

    def may(self, action: str) -> bool:
        """Whether they may do this here: buttons that would be refused are not shown."""
        tenant_id = self.tenant.tenant_id if self.tenant else None
        return may(self.principal, Action(action), tenant_id, self.share.share_id if self.share else None)

    def may_on_tenant(self, action: str) -> bool:
        """The same of the tenant as a whole, where :meth:`may` is about one share of it."""
        return self.tenant is not None and may(self.principal, Action(action), self.tenant.tenant_id)

    def may_on_platform(self, action: str) -> bool:
        """The same for all tenants."""
        return may(self.principal, Action(action))

    @property
    def tabs(self) -> list[Tab]:
        """The sections of where they are."""
        return tabs_of(self.tenant_url, self.share_url, self.may)

    @property
    def tenant_url(self) -> str:
        """Of the tenant's page; empty outside of one."""
        return f"/tenants/{self.tenant.tenant_id}" if self.tenant else ""

    @property
    def share_url(self) -> str:
        """Of the share's page; empty outside of one."""
        return f"{self.tenant_url}/shares/{self.share.share_id}" if self.share else ""

    @property
    def api_url(self) -> str:
        """Of the share, or the tenant, in the API: for what a browser fetches as it is, such as downloads."""
        return f"/api{self.share_url or self.tenant_url}"


def wants_fragment(headers: Mapping[str, str]) -> bool:
    """Whether htmx asked. A history restore is htmx too, but needs the whole page: the back button must never land on a bare row."""
    return "hx-request" in headers and "hx-history-restore-request" not in headers


def page(call: AnyCall, template: str, *, tab: str = "", fragment: str = "", **values: object) -> Answer:
    """Render a page, or its ``fragment`` alone if htmx asked for that.

    :param tab: which of the tabs is this page's.
    :param values: what the template sees beside ``frame`` and ``filled``.
    """
    chosen = fragment if fragment and wants_fragment(call.headers) else template
    frame = Frame(
        principal=call.principal,
        now=call.now,
        signed_in_by_platform=call.app.settings.in_azure,
        tenant=call.loaded_tenant,
        share=call.loaded_share,
        tab=tab,
    )
    body, headers = _sent(chosen, call.headers, frame=frame, filled=call.filled, **values)
    return Answer(body=body, media=HTML, headers=headers)


def see(location: str, answer: Answer | None = None) -> Answer:
    """After a form: go to a page, as by a link. What ``answer`` has to be done after the commit is done.

    The address is never one that somebody else chose: it is made of what the route named.
    """
    then = answer.then if answer is not None else None
    return Answer(status=303, location=location, then=then)


def problem_page(told: Told, headers: Mapping[str, str], app: App) -> Reply:
    """What went wrong, for people; for htmx as a message where the answer would have been."""
    problem = told.problem
    sign_in = "/.auth/login/aad?post_login_redirect_uri=/" if problem.status == 401 and app.settings.in_azure else ""
    body, sent = _sent(
        "_problem.html" if wants_fragment(headers) else "problem.html", headers, problem=problem, sign_in=sign_in
    )
    return Reply(status=problem.status, body=body, media=HTML, headers={**sent, **told.headers})


def _sent(template: str, asked: Mapping[str, str], **values: Any) -> tuple[bytes, dict[str, str]]:
    body = _TEMPLATES.get_template(template).render(**values).encode("utf-8")
    headers = {**PAGE_HEADERS, "Vary": _VARY}
    if len(body) > LEAST_BYTES and takes_gzip(asked):
        return gzipped(body), {**headers, "Content-Encoding": "gzip"}
    return body, headers
