"""What a process of the app logs is scrubbed, whoever logs it and however: from the moment on that it has its settings."""

import subprocess
import sys

from shared.core.scrub import GONE
from tests.support.nested import REPOSITORY

KNOWN = "known-only-from-the-settings"
SIGNATURE = "Zm9yZ2VkLXNpZ25hdHVyZS1vZi1hLXNhcw%3D%3D"
PROGRAM = f"""
import asyncio, gc, logging, sys

async def main():
    from shared import settings, wiring
    from worker import events
    events.configure("DEBUG") if sys.argv[1] == "worker" else logging.basicConfig(level=logging.DEBUG)
    app = await wiring.make_app(settings.from_process())
    logging.getLogger("azure.core.pipeline").warning("GET https://a/?sig={SIGNATURE}")
    logging.getLogger("psycopg.pool").warning("connecting with %s", "{KNOWN}")
    logging.getLogger("shared.of.ours").error("it failed", extra={{"url": "https://a/?sig={SIGNATURE}", "key": "{KNOWN}"}})
    async def breaks():
        raise RuntimeError("AccountKey={KNOWN} and https://a/?sig={SIGNATURE}")
    task = asyncio.create_task(breaks())
    await asyncio.sleep(0.05)
    del task
    gc.collect()  # asyncio now says that nobody looked at it
    await app.aclose()
    print("done")

asyncio.run(main())
"""


def run(kind: str, url: str, storage: str) -> str:
    environ = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(REPOSITORY),
        "AFB_POSTGRES_URL": url,
        "AFB_VAULT_CONNECTION": storage,
        "AFB_CREDENTIAL_SOMETHING": KNOWN,
    }
    command = [sys.executable, "-c", PROGRAM, kind]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "done" in done.stdout
    return done.stdout + done.stderr


def test_no_logger_of_a_process_writes_a_secret(catalogue_url, azurite):
    for kind in ("app", "worker"):
        text = run(kind, catalogue_url, azurite.connection_string)
        assert KNOWN not in text
        assert SIGNATURE not in text
        assert text.count(GONE) >= 4, text
        assert "Traceback" in text
