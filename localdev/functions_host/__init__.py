"""A small Azure Functions host: runs an unmodified Python v2 app on one machine.

Words used throughout:

* **app**: the directory with ``function_app.py``, ``host.json`` and maybe ``local.settings.json``.
* **hub**: the name under which instances, tasks and timers of one app share a database.
* **instance**: one orchestration, known by its id; an **execution** is one life of it
  (``continue_as_new`` ends one and begins the next under the same id).
* **history**: the events of one execution, in the order the SDK must see them again.
* **inbox**: events that have arrived (or, for timers, will arrive) and were not yet replayed.
* **episode**: one replay: take events from the inbox, ask the SDK, write down what it decided.
* **task**: one scheduled activity; a host **leases** it, and an **attempt** numbers each lease.
* **owner**: one running host process, alive as long as it holds its advisory lock.

``replay`` and ``episode`` decide in plain values; ``store_*`` hold the SQL; the workers act.
"""
