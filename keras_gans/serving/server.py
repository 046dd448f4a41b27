"""Serves exported models over HTTP, by the REST protocol of TensorFlow Serving."""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import signal
import time

import orjson
import prometheus_client
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from keras_gans.checks import positive_integer
from keras_gans.serving.batching import Batcher
from keras_gans.serving.listening import listen
from keras_gans.serving.protocol import RequestError, read_request, write_reply

# What a client may take for sending a body.
_BODY_SECONDS = 60
# Between the signal to stop and the end of listening, and again to the closing of
# connections on which nothing is under way.
_DRAIN_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a server accepts.

    Attributes:
        max_body_bytes: Positive integer, the largest body of a request.
        max_batch_size: Positive integer, the most rows of a request and of a batch.
        max_pixels: Positive integer, the most pixels of all images of a request and of
            a batch. The memory that a network takes grows with it.
        max_requests: Positive integer, the most requests at once. Others are told to
            come again.
    """

    max_body_bytes: int = 16 * 2**20
    max_batch_size: int = 32
    max_pixels: int = 4 * 2**20
    max_requests: int = 64

    def __post_init__(self):
        for field in dataclasses.fields(self):
            positive_integer(field.name, getattr(self, field.name), TypeError)


def make_app(catalog, limits=Limits()):
    """Makes an ASGI application that serves exported models.

        GET  /v1/models                                  all models
        GET  /v1/models/NAME[/versions/N]                which versions there are
        GET  /v1/models/NAME[/versions/N]/metadata       signatures, and the model card
        POST /v1/models/NAME[/versions/N]:predict        {"instances": [...]}, or
                                                         {"inputs": ...}
        GET  /healthz                                    200, and 503 when it stops
        GET  /metrics                                    for Prometheus

    The replies are those of TensorFlow Serving: see
    https://www.tensorflow.org/tfx/serving/api_rest. A request that cannot be answered
    gets a status of 400 to 499 and one sentence, `{"error": "..."}`.

    Args:
        catalog: A `keras_gans.serving.Catalog`. Its models are loaded; what cannot be
            becomes one of `refused`.
        limits: `Limits`.
    """
    server = _Server(catalog, limits)
    routes = [
        Route("/v1/models", server.list_models),
        Route("/metrics", server.metrics),
        Route("/healthz", server.health),
    ]
    for path in ("/v1/models/{name}/versions/{version:int}", "/v1/models/{name}"):
        routes += [
            Route(f"{path}:predict", server.predict, methods=["POST"]),
            Route(f"{path}/metadata", server.metadata),
            Route(path, server.status),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield
        server.close()

    handlers = {
        RequestError: lambda request, error: _error(error.status, str(error)),
        HTTPException: lambda request, error: _error(
            error.status_code, f"{error.detail}."
        ),
        Exception: _internal_error,
    }
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.state.server = server
    return app


def serve(catalog, host="127.0.0.1", port=8501, limits=Limits(), ready=print):
    """Serves exported models until the process is told to stop.

    After SIGTERM or Ctrl-C what is under way is finished, and nothing new is accepted.

    Args:
        catalog: A `keras_gans.serving.Catalog`.
        host: String, the address to listen on. The default is this machine alone.
        port: Integer, 0 for any that is free.
        limits: `Limits`.
        ready: Function that is called with the URL once requests are accepted.

    Raises:
        OSError: If the address cannot be used.
    """
    sockets = [listen(host, port)]  # Before the models are loaded, which takes long.
    app = make_app(catalog, limits)
    config = uvicorn.Config(
        app, http="h11", ws="none", log_config=None, access_log=False, lifespan="on"
    )
    address = f"[{host}]" if ":" in host else host
    server = _DrainingServer(config, app.state.server)
    ready(f"http://{address}:{sockets[0].getsockname()[1]}")
    # When all is done, uvicorn raises the signal again, which shall not end the process
    # as if something had failed.
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        server.run(sockets)
    finally:
        signal.signal(signal.SIGTERM, before)


class _DrainingServer(uvicorn.Server):
    """Tells clients to close their connections before it closes them itself.

    Or a request that a client sends at that very moment would be lost.
    """

    def __init__(self, config, server):
        super().__init__(config)
        self._server = server

    async def shutdown(self, sockets=None):
        self._server.is_draining = True
        await asyncio.sleep(_DRAIN_SECONDS)
        # Connections that the kernel made and nobody took would be reset.
        waiting = [one for socket in sockets or [] for one in accept_all(socket)]
        for server in self.servers:
            server.close()
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol, connection
            )
        await asyncio.sleep(_DRAIN_SECONDS)
        await super().shutdown(sockets)

    def _make_protocol(self):
        return self.config.http_protocol_class(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )


def accept_all(listening):
    """Yields the connections that wait on a socket which does not block."""
    while True:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        yield connection


class _Server:
    """The models that are served, and the answers."""

    def __init__(self, catalog, limits):
        self.limits, self._loaded = limits, catalog.load()
        self.models = catalog.models
        self.is_draining, self._requests = False, 0
        self._registry = prometheus_client.CollectorRegistry()
        named = {"namespace": "keras_gans", "registry": self._registry}
        self._count = prometheus_client.Counter(
            "requests", "Predict requests.", ["model", "version", "status"], **named
        )
        self._seconds = prometheus_client.Histogram(
            "request_seconds", "Seconds of a predict request.", ["model"], **named
        )
        self._rows = prometheus_client.Histogram(
            "batch_rows",
            "Rows that are computed in one call.",
            buckets=[2**power for power in range(8)],
            **named,
        )
        prometheus_client.Gauge(
            "requests_in_progress", "Predict requests under way.", **named
        ).set_function(lambda: self._requests)
        self._batcher = Batcher(
            limits.max_batch_size, limits.max_pixels, self._rows.observe
        )
        # Few, or many large bodies at once would take much memory.
        self._readers = concurrent.futures.ThreadPoolExecutor(2, "json")

    def close(self):
        self._batcher.close()
        self._readers.shutdown()

    async def list_models(self, request):
        return _json(
            {"models": {name: [*map(str, v)] for name, v in self.models.items()}}
        )

    async def metrics(self, request):
        text = prometheus_client.generate_latest(self._registry)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    async def health(self, request):
        if self.is_draining:
            return _error(503, "The server is stopping.")
        return _json({"status": "ok"})

    async def status(self, request):
        versions = self._versions(request)
        if "version" in request.path_params:
            versions = [self._model(request).version]
        status = {"error_code": "OK", "error_message": ""}
        return _json(
            {
                "model_version_status": [
                    {"version": str(version), "state": "AVAILABLE", "status": status}
                    for version in sorted(versions, reverse=True)
                ]
            }
        )

    async def metadata(self, request):
        model = self._model(request)
        definitions = {
            name: signature.definition for name, signature in model.signatures.items()
        }
        spec = {"name": model.name, "signature_name": "", "version": str(model.version)}
        metadata = {"signature_def": {"signature_def": definitions}}
        # Where TensorFlow Serving has nothing, and its clients do not look.
        extra = {"kind": model.kind, "model_card": model.card}
        return _json({"model_spec": spec, "metadata": metadata | extra})

    async def predict(self, request):
        started = time.perf_counter()
        label, status = ("unknown", ""), 500
        try:
            model = self._model(request)
            label = model.name, str(model.version)
            response = await self._predict(request, model)
            status = 200
        except RequestError as error:
            status = error.status
            raise
        finally:
            self._count.labels(*label, status).inc()
            self._seconds.labels(label[0]).observe(time.perf_counter() - started)
        if self.is_draining:
            response.headers["Connection"] = "close"
        return response

    async def _predict(self, request, model):
        if self._requests >= self.limits.max_requests:
            must = f"{self.limits.max_requests} requests are under way, which is the"
            raise RequestError(f"{must} most there may be: try again later.", 429)
        self._requests += 1
        try:
            body = await self._body(request)
            read = functools.partial(
                read_request,
                body,
                model.signatures,
                self.limits.max_batch_size,
                self.limits.max_pixels,
            )
            del body
            loop = asyncio.get_running_loop()
            wanted = await loop.run_in_executor(self._readers, read)
            del read
            loaded = self._loaded[model.name, model.version]
            function = loaded.signatures[wanted.signature]
            outputs = await self._batcher.run(function, wanted)
            write = write_reply, outputs, wanted.is_row_format
            return _json_response(await loop.run_in_executor(self._readers, *write))
        finally:
            self._requests -= 1

    async def _body(self, request):
        limit = self.limits.max_body_bytes
        too_large = RequestError(f"The body may have at most {limit} bytes.", 413)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > limit:
                        raise too_large
        except ClientDisconnect:
            raise RequestError("The connection was closed.") from None
        except TimeoutError:
            must = f"The body must arrive within {_BODY_SECONDS} seconds."
            raise RequestError(must, 408) from None
        return bytes(body)

    def _versions(self, request):
        name = request.path_params["name"]
        if name not in self.models:
            known = ", ".join(self.models)
            raise RequestError(f"There is no such model; there are: {known}.", 404)
        return self.models[name]

    def _model(self, request):
        versions = self._versions(request)
        version = request.path_params.get("version", max(versions))
        if version not in versions:
            known = ", ".join(map(str, versions))
            raise RequestError(f"There is no such version; there are: {known}.", 404)
        return versions[version]


def _json(content):
    return _json_response(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _json_response(body, status=200):
    return Response(body, status, media_type="application/json")


def _error(status, message):
    response = _json_response(orjson.dumps({"error": message}), status)
    if status == 429:
        response.headers["Retry-After"] = "1"
    return response


def _internal_error(request, error):
    # What it was stands in the log: Starlette raises it again after this reply.
    return _error(500, "The server failed; its log says why.")
