"""A headless Chromium, driven through its debugging pipe: no other package is needed."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

#: Where systems keep it.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

#: A browser that says nothing for so long, in seconds, has lost its way.
PATIENCE = 120


class Browser:
    """One page of a headless browser.

    Attributes:
        events: everything that the browser reported, as (name, parameters).
    """

    def __init__(self, profile: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()  # to the browser (its 3), from the browser (its 4)
        # /bin/sh moves the two ends to the numbers that Chromium expects
        command = f'exec "$0" "$@" 3<&{ours[0]} 4>&{theirs[1]}'
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", command, CHROMIUM or "chromium", *options],
            pass_fds=[ours[0], theirs[1]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._write, self._read = ours[1], theirs[0]
        self._buffer, self._number = b"", 0
        self._session = ""
        self.events: list[tuple[str, dict[str, Any]]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], PATIENCE)
            assert ready, f"the browser said nothing for {PATIENCE} s"
            read = os.read(self._read, 1 << 20)
            assert read, "the browser has closed"
            self._buffer += read
        message, self._buffer = self._buffer.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        if "method" in found:
            self.events.append((found["method"], found.get("params", {})))
        return found

    def open(self, url: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Load a page in a window of a size, and wait until it has loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=url)
        while "Page.loadEventFired" not in dict(self.events):
            self._next()

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def pixel(self, x: float, y: float) -> tuple[int, ...]:
        """The colour that the page has at a point of the window."""
        shot = self.call("Page.captureScreenshot")
        with Image.open(BytesIO(b64decode(shot["data"]))) as image:
            return image.convert("RGB").getpixel((int(x), int(y)))

    def press(self, key: str, code: int) -> None:
        """One key."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text="\r" if key == "Enter" and kind == "keyDown" else "",
            )

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
