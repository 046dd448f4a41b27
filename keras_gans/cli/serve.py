"""`keras-gans serve`: serve exported models over HTTP.

Serves all exported models under a folder, NAME/VERSION/ each, by the REST protocol of
TensorFlow Serving: POST /v1/models/NAME:predict, and GET /v1/models for their names.
GET /healthz and /metrics are for load balancers and Prometheus. It listens on this
machine alone unless --host says otherwise: there is no password. After Ctrl-C or
SIGTERM it finishes what is under way.

Args:
    max_body: largest request in MiB
    max_batch_size: most images, or other rows, of a request and of a computation
    max_pixels: most pixels of all images of a request and of a computation
    max_requests: most requests at once; others are told to try again

examples:
  keras-gans serve saved_models/
  curl -d '{"signature_name": "serving_bytes", "instances": [{"b64": "..."}]}' \\
      http://127.0.0.1:8501/v1/models/digits:predict
"""

from keras_gans.cli.common import add_served, find_served, needs_extra
from keras_gans.cli.common import say_what_is_there
from keras_gans.cli.options import add_verb, positive


def add_to(verbs):
    verb, add = add_verb(verbs, "serve", _serve, __doc__)
    add_served(verb, 8501)
    add("--max-body", type=positive, metavar="MIB", default=16)
    add("--max-batch-size", type=positive, metavar="N", default=32)
    add("--max-pixels", type=positive, metavar="N", default=4 * 2**20)
    add("--max-requests", type=positive, metavar="N", default=64)


def _serve(options):
    catalog = find_served(options)
    with needs_extra("Serving", "serve"):
        from keras_gans.serving.server import Limits, serve
    limits = Limits(
        options.max_body * 2**20,
        options.max_batch_size,
        options.max_pixels,
        options.max_requests,
    )

    def ready(url):
        say_what_is_there(catalog, catalog.models)
        for name, versions in catalog.models.items():
            kind = catalog.latest(name).kind
            numbers = ", ".join(map(str, versions))
            print(f"{url}/v1/models/{name}: {kind}, version {numbers}")
        print("Stop with Ctrl-C.", flush=True)

    serve(catalog, options.host, options.port, limits, ready)
    print("Stopped; all requests were answered.")
