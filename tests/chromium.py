"""Debian's Chromium for tests of pages: `-m browser`."""

import contextlib
import json
import os
import shutil
import time

import pytest


def skip_without():
    """Skips the test if there is no Chromium to drive."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install chromium-driver")


@contextlib.contextmanager
def opened(url, downloads, width=1280, height=1200):
    """Opens a page in a Chromium of its own.

    Args:
        url: String.
        downloads: Folder for what is downloaded.
        width, height: Size of the window.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage"]
    arguments += [f"--window-size={width},{height}", "--hide-scrollbars"]
    # A camera that shows a test picture, and may be used.
    arguments += [f"--use-fake-{what}-for-media-stream" for what in ("ui", "device")]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Which root cannot have.
    for argument in arguments:
        options.add_argument(argument)
    options.add_experimental_option(
        "prefs", {"download.default_directory": os.fspath(downloads)}
    )
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options, service)
    try:
        browser.set_page_load_timeout(120)
        browser.get(url)
        yield browser
    finally:
        browser.quit()


def until(condition, what, seconds=60):
    """Waits until a function returns something true, and returns that."""
    from selenium.common.exceptions import StaleElementReferenceException

    end = time.monotonic() + seconds
    while True:
        # What is looked at may be drawn anew at the same time.
        with contextlib.suppress(StaleElementReferenceException):
            if found := condition():
                return found
        assert time.monotonic() < end, f"{what}: not within {seconds} seconds"
        time.sleep(0.1)


def requested(browser):
    """Returns the URLs that the page asked for so far, without data in them."""
    messages = (
        json.loads(e["message"])["message"] for e in browser.get_log("performance")
    )
    urls = (
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    )
    return [url for url in urls if not url.startswith(("data:", "blob:"))]


def complaints(browser):
    """Returns what the console says of errors."""
    return [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]
