"""`keras-gans demo`: try exported models out in the browser.

Finds the exported models under a folder, NAME/VERSION/ each, and offers what their
newest versions can do on a page: translate pictures, draw digits, colour sketches, edit
faces, generate images. The page needs no network. It listens on this machine alone
unless --host says otherwise: there is no password.

Args:
    root: folder of the models, or of runs with exports; SavedModels are programs, so
        links that lead out of it are refused (default: the models that come with the
        package)
    host: address to listen on; 0.0.0.0 is every one that this machine has
    port: port to listen on, 0 for any that is free
    open: open the page in the browser of this machine

examples:
  keras-gans demo
  keras-gans demo runs/ --open
"""

import pathlib
import sys

from keras_gans.cli.options import add_verb


def add_to(verbs):
    verb, add = add_verb(verbs, "demo", _demo, __doc__)
    add("root", type=pathlib.Path, metavar="DIR", nargs="?")
    add("--host", default="127.0.0.1")
    add("--port", type=int, metavar="N", default=7860)
    add("--open", action="store_true")
    return verb


def _demo(options):
    if not 0 <= options.port < 2**16:
        raise ValueError(f"--port must be in [0, 65535]. Received: {options.port}")
    from keras_gans.cli.common import packaged_model
    from keras_gans.serving import find

    try:
        from keras_gans.serving.demo import page
    except ModuleNotFoundError as error:
        raise ImportError(
            f"The demo needs the package {error.name}: pip install 'keras_gans[demo]'"
        ) from error
    root = options.root or packaged_model().parent
    catalog = find(root)
    # Before models are loaded, which takes long.
    port = page.free_port(options.host, options.port)
    print(f"Loading the models in {root}", flush=True)
    abilities = page.load_abilities(catalog)
    for path, reason in catalog.refused.items():
        print(f"Left out: {path}: {reason}", file=sys.stderr)
    if not abilities:
        raise FileNotFoundError(
            f"There is no exported model in '{root}'. `keras-gans export RUN "
            f"{root / 'NAME'}` makes one."
        )

    def ready(url):
        names = ", ".join(ability.name for ability in abilities)
        print(f"{url}: {names}. Stop with Ctrl-C.", flush=True)
        if options.open:
            import webbrowser

            webbrowser.open(url)

    page.serve(abilities, options.host, port, ready)
    print("Stopped.")
