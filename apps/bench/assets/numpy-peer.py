"""What a user of Python would run. Answers each line of its input; arrays pass through files, row-major."""
import json
import sys

import numpy as np

try:
    import scipy
    from scipy.linalg import lapack
except ImportError:
    scipy = None


def solve(diag, q, k, b, chunk):
    """The article's chunk program, all heads at once: T_cc by a product, LAPACK for T_cc Y_c = B_c - Q_c Z."""
    h, n, r = q.shape
    y, z = np.empty_like(b), np.zeros((h, r, b.shape[2]), b.dtype)
    i = np.arange(chunk)
    for start in range(0, n, chunk):
        qc, kc = q[:, start : start + chunk], k[:, start : start + chunk]
        m = qc.shape[1]
        t = np.tril(qc @ kc.swapaxes(1, 2), -1)
        t[:, i[:m], i[:m]] = diag[:, start : start + chunk]
        y[:, start : start + chunk] = np.linalg.solve(t, b[:, start : start + chunk] - qc @ z)
        z += kc.swapaxes(1, 2) @ y[:, start : start + chunk]
    return y


def invert(diag, q, k, x):
    """T formed in x, then inverted there by LAPACK's trtri: nothing of size n x n is copied."""
    n = q.shape[1]
    trtri = lapack.strtri if x.dtype == np.float32 else lapack.dtrtri
    for head, t in enumerate(x):
        np.matmul(q[head], k[head].T, out=t)
        for i in range(n):  # np.tril would make a mask and a copy
            t[i, i + 1 :] = 0
        t.reshape(-1)[:: n + 1] = diag[head]
        # LAPACK reads columns: what is lower by rows is upper to it.
        inverse, info = trtri(t.T, lower=0, overwrite_c=1)
        if info != 0 or not np.shares_memory(inverse, t):
            raise ArithmeticError(f"trtri: info {info}, or a copy")
    return x


print(json.dumps({"numpy": np.__version__, "scipy": scipy and scipy.__version__}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if "open" in job:
        h, n, r, p = job["open"]
        load = lambda name, *shape: np.fromfile(job["folder"] + "/" + name, job["dtype"]).reshape(shape)
        diag, q, k, b = load("diag", h, n), load("q", h, n, r), load("k", h, n, r), load("b", h, n, p)
        inverse = job["operation"] == "inverse"
        out = np.full((h, n, n) if inverse else b.shape, np.nan, b.dtype)
    elif "save" in job:
        out.tofile(job["save"])
    elif inverse:
        out = invert(diag, q, k, out)
    else:
        out = solve(diag, q, k, b, job["chunk"])
    print("done", flush=True)
