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

from keras_gans.cli.common import check_port, needs_extra, packaged_model
from keras_gans.cli.common import say_what_is_there
from keras_gans.cli.options import add_verb


def add_to(verbs):
    _, add = add_verb(verbs, "demo", _demo, __doc__)
    add("root", type=pathlib.Path, metavar="DIR", nargs="?")
    add("--host", default="127.0.0.1")
    add("--port", type=int, metavar="N", default=7860)
    add("--open", action="store_true")


def _demo(options):
    check_port(options.port)
    from keras_gans.serving import find

    with needs_extra("The demo", "demo"):
        from keras_gans.serving.demo import page
    root = options.root or packaged_model().parent
    catalog = find(root)
    # Before models are loaded, which takes long.
    port = page.free_port(options.host, options.port)
    print(f"Loading the models in {root}", flush=True)
    abilities = page.load_abilities(catalog)
    say_what_is_there(catalog, root, abilities)

    def ready(url):
        names = ", ".join(ability.name for ability in abilities)
        print(f"{url}: {names}. Stop with Ctrl-C.", flush=True)
        if options.open:
            import webbrowser

            webbrowser.open(url)

    page.serve(abilities, options.host, port, ready)
    print("Stopped.")
