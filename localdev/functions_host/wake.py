"""A bell: many may ring it, one waits for it."""

import asyncio


class Bell:
    """Rings are remembered until heard, and any number of them count as one."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits, or the next to wait."""
        self._event.set()

    def clear(self) -> None:
        """Forget earlier rings: call before looking for work, so that a ring during the look is heard."""
        self._event.clear()

    async def wait(self, seconds: float) -> None:
        """Return at the next ring, or after ``seconds`` in silence."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
