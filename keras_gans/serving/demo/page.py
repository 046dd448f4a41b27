"""The page of the demo, and the server of it."""

import contextlib
import os
import pathlib
import signal
import tempfile
import threading

import gradio as gr
from starlette.middleware import Middleware

from keras_gans import export
from keras_gans.serving.demo.abilities import ABILITIES
from keras_gans.serving.demo.tabs import TABS, add_tabs
from keras_gans.serving.listening import listen

TITLE = "keras_gans"
_HERE = pathlib.Path(__file__).parent
_MAX_FILE_SIZE = "20mb"
# Seconds after which pictures of visitors are deleted.
_KEPT = 3600
# A browser loads nothing from elsewhere, whatever the page or its libraries ask for.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; frame-ancestors 'self'"
)
_ACCENT = gr.themes.Color(
    c50="#fff4ed",
    c100="#ffe6d5",
    c200="#fecaaa",
    c300="#fda474",
    c400="#fb733c",
    c500="#e8590c",
    c600="#c2410c",
    c700="#9a3412",
    c800="#7c2d12",
    c900="#5c2410",
    c950="#431407",
)


def load_abilities(catalog):
    """Loads the newest version of each model; what cannot be loaded becomes `refused`.

    Args:
        catalog: A `keras_gans.serving.Catalog`.

    Returns:
        List of `keras_gans.serving.demo.abilities.Ability`.
    """
    abilities = []
    for name in catalog.models:
        model = catalog.latest(name)
        try:
            ability = ABILITIES[model.kind](model, export.load(model.path))
        # Damaged graphs raise almost anything.
        except Exception as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            catalog.refused[model.path] = f"It cannot be loaded ({reason})."
        else:
            abilities.append(ability)
    order = [kind for kind, *_ in TABS]
    return sorted(abilities, key=lambda ability: order.index(ability.servable.kind))


def make_page(abilities):
    """Makes the page, a `gradio.Blocks`, with tabs for what models can do."""
    kinds = [ability.servable.kind for ability in abilities]
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(_KEPT, _KEPT)
    ) as page:
        gr.Markdown(
            "# What the models can do\nYour pictures go nowhere but to the machine "
            "that runs this page.",
            elem_classes="title",
        )
        with gr.Tabs():
            for ability, kind in zip(abilities, kinds):
                # Of one kind there may be several.
                add_tabs(ability, f": {ability.name}" * (kinds.count(kind) > 1))
    return page


@contextlib.contextmanager
def running(abilities, host="127.0.0.1", port=7860):
    """Serves the page as long as the context lasts.

    Args:
        abilities: What `load_abilities` returns.
        host: String, the address to listen on. The default is this machine alone.
        port: Integer, 0 for any that is free.

    Yields:
        The URL.

    Raises:
        OSError: If the address cannot be used.
    """
    port = free_port(host, port)
    # What Gradio asks the server itself would go to the proxy of an institute, if any.
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), host, "127.0.0.1")))
    with tempfile.TemporaryDirectory(prefix="keras_gans-demo-") as folder:
        # Pictures of visitors, gone when the server is.
        changes = {"GRADIO_TEMP_DIR": folder, "NO_PROXY": direct, "no_proxy": direct}
        with _environment(changes):
            page = make_page(abilities)
            _, url, _ = page.launch(**_options(host, port))
            try:
                yield url.rstrip("/")
            finally:
                page.close(verbose=False)


def serve(abilities, host="127.0.0.1", port=7860, ready=print):
    """Serves the page until the process is told to stop, by SIGTERM or Ctrl-C.

    Args:
        abilities, host, port: As of `running`.
        ready: Function that is called with the URL once the page is there.
    """
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        with running(abilities, host, port) as url:
            ready(url)
            stop.wait()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _environment(changes):
    """Changes environment variables as long as the context lasts."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _options(host, port):
    return {
        "server_name": host,
        "server_port": port,
        "share": False,
        "quiet": True,
        "prevent_thread_lock": True,
        "show_error": True,
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "mcp_server": False,
        "pwa": False,
        "enable_monitoring": False,
        "max_file_size": _MAX_FILE_SIZE,
        "theme": _theme(),
        "css_paths": _HERE / "page.css",
        "js": (_HERE / "page.js").read_text(encoding="utf-8"),
        "app_kwargs": {"middleware": [Middleware(_Policy)]},
    }


def _theme():
    system = "ui-sans-serif", "system-ui", "sans-serif"
    return gr.themes.Base(
        primary_hue=_ACCENT,
        secondary_hue=_ACCENT,
        neutral_hue="stone",
        text_size="lg",
        spacing_size="lg",
        radius_size="lg",
        font=system,
        font_mono=("ui-monospace", "monospace"),
    ).set(
        body_background_fill="*neutral_50",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_200",
        block_background_fill="white",
        block_border_width="1px",
        block_label_background_fill="transparent",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        slider_color="*primary_600",
        slider_color_dark="*primary_500",
        checkbox_background_color_selected="*primary_600",
        checkbox_border_color_selected="*primary_600",
    )


def free_port(host, port):
    """Returns the port if it can be listened on, or one that can for 0.

    Raises:
        OSError: If it cannot.
    """
    with listen(host, port) as listening:
        return listening.getsockname()[1]


class _Policy:
    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        async def send_with_policy(message):
            if message["type"] == "http.response.start":
                header = b"content-security-policy", _POLICY.encode()
                message["headers"] = [*message["headers"], header]
            await send(message)

        await self._app(scope, receive, send_with_policy)
