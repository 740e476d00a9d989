"""Compare localdev's Functions host with the real one.

The same apps are run under the real host and under localdev's, each on services of its own, and what can be seen of them
from outside is compared.

* **program**: a way to run an app: localdev's host, Core Tools, a container, or any other command.
* **reference**: what localdev's host is held against: a real host where there is one, else what is written down in
  ``expected/``.
* **scenario**: one thing done to an app, always under the same instance ids.
* **seen**: what came of a scenario, as JSON: status, output, history, without times and drawn ids.
* **difference**: a place where two things seen are not the same.

``seen``, ``differences`` and ``traces`` decide in plain values; ``programs`` and ``management`` act; ``hazards`` and ``product`` say
what is done.
"""
