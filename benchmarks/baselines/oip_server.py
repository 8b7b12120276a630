"""A model server that speaks the Open Inference Protocol: one request at a time, 4 ms each and 0.05 ms a row.

python benchmarks/baselines/oip_server.py PORT
"""

import asyncio
import json
import sys

from aiohttp import web

REQUEST_SECONDS = 0.004
ROW_SECONDS = 0.000_05
METADATA = {
    "name": "bench",
    "inputs": [{"name": "n", "datatype": "FP32", "shape": [-1, 1]}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}],
}
device = asyncio.Lock()


async def infer(request: web.Request) -> web.Response:
    rows = json.loads(await request.text())["inputs"][0]["shape"][0]
    async with device:
        await asyncio.sleep(REQUEST_SECONDS + rows * ROW_SECONDS)
    scores = {"name": "scores", "datatype": "FP32", "shape": [rows, 2], "data": [0.99, 0.01] * rows}
    return web.json_response({"model_name": "bench", "outputs": [scores]})


async def metadata(_: web.Request) -> web.Response:
    return web.json_response(METADATA)


def main() -> None:
    app = web.Application()
    app.router.add_get("/v2/models/bench", metadata)
    app.router.add_post("/v2/models/bench/infer", infer)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
