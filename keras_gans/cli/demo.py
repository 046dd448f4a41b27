"""`keras-gans demo`: try exported models out in the browser.

Finds the exported models under a folder, NAME/VERSION/ each, and offers what their
newest versions can do on a page: translate pictures, draw digits, colour sketches, edit
faces, generate images. The page needs no network. It listens on this machine alone
unless --host says otherwise: there is no password.

Args:
    open: open the page in the browser of this machine

examples:
  keras-gans demo
  keras-gans demo runs/ --open
"""

from keras_gans.cli.common import add_served, find_served, needs_extra
from keras_gans.cli.common import say_what_is_there
from keras_gans.cli.options import add_verb


def add_to(verbs):
    verb, add = add_verb(verbs, "demo", _demo, __doc__)
    add_served(verb, 7860)
    add("--open", action="store_true")


def _demo(options):
    catalog = find_served(options)
    with needs_extra("The demo", "demo"):
        from keras_gans.serving.demo import page
    # Before models are loaded, which takes long.
    port = page.free_port(options.host, options.port)
    print(f"Loading the models in {catalog.root}", flush=True)
    abilities = page.load_abilities(catalog)
    say_what_is_there(catalog, abilities)

    def ready(url):
        names = ", ".join(ability.name for ability in abilities)
        print(f"{url}: {names}. Stop with Ctrl-C.", flush=True)
        if options.open:
            import webbrowser

            webbrowser.open(url)

    page.serve(abilities, options.host, port, ready)
    print("Stopped.")
