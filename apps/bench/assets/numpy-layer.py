"""A layer as a user of Python would run it, chunk by chunk. Answers each line of its input; arrays pass through files."""
import json
import sys
import time

import numpy as np


def heads(x, h):
    """[T, H D] as [H, T, D], a view."""
    return x.reshape(len(x), h, -1).swapaxes(0, 1)


def layer(query, key, value, beta, decay, state, h, chunk):
    """The delta rule, gated where there are gates, one a head: u solves (I + tril(beta K K^T * E, -1)) u = beta (V - K Z)."""
    q, k, v, b = (heads(x, h) for x in (query, key, value, beta))
    n, scale = q.shape[1], q.shape[2] ** -0.5
    z = state.copy()
    out = np.empty((n, h, v.shape[2]), q.dtype)
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        qc, kc, vc, bc = q[:, rows], k[:, rows], v[:, rows], b[:, rows]
        below, products = np.tril(qc @ kc.swapaxes(1, 2)), np.tril(kc @ kc.swapaxes(1, 2), -1)
        qs, ks, ke = qc, kc, kc
        if decay is not None:
            g = np.cumsum(heads(decay, h)[:, rows], axis=1)
            e = np.exp(np.minimum(g - g.swapaxes(1, 2), 0))
            below, products = below * e, products * e
            qs, ks, ke = qc * np.exp(g), kc * np.exp(g), kc * np.exp(g[:, -1:] - g)
        t = np.eye(products.shape[1], dtype=q.dtype) + bc * products
        u = np.linalg.solve(t, bc * (vc - ks @ z))
        out[rows] = (scale * (qs @ z + below @ u)).swapaxes(0, 1)
        if decay is not None:
            z *= np.exp(g[:, -1:])
        z += ke.swapaxes(1, 2) @ u
    return out, z


print(json.dumps({"numpy": np.__version__}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if "open" in job:
        h, n, k, v = job["open"]
        load = lambda name, *shape: np.fromfile(job["folder"] + "/" + name, "float32").reshape(shape)
        given = [load("query", n, h * k), load("key", n, h * k), load("value", n, h * v), load("beta", n, h)]
        given.append(load("decay", n, h) if job["gated"] else None)
        given.append(load("past", h, k, v) if job["past"] else np.zeros((h, k, v), "float32"))
        print("done", flush=True)
    elif "save" in job:
        for name, array in zip(("output", "state"), results):
            array.tofile(job["save"] + "/" + name)
        print("done", flush=True)
    else:
        times = []
        for _ in range(job["calls"]):
            begin = time.perf_counter()
            results = layer(*given, h, job["chunk"])
            times.append(1e3 * (time.perf_counter() - begin))
        print(json.dumps(times), flush=True)
