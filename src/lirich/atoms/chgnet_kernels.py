"""The row-wise part of CHGNet's layers, forward and backward, compiled by numba.

A layer of CHGNet sends each row (a directed bond, an angle) through a gated perceptron: ``silu(LN(c)) · σ(LN(g))``. As
tensor operations that is a dozen passes over the memory; here it is one. What a row takes from its two bonds and its
atom is gathered from small tables that were multiplied with the weights before the gathering, which is the same sum in
another order: ``W·[a, b, c] = Wa·a + Wb·b + Wc·c``.

All arrays are float32, rows of 128: the core in the first 64 columns, the gate in the others. Indices are int32.
"""

from __future__ import annotations

import numpy as np

from lirich.atoms.compiled import compiled

WIDTH = 64
"""Features of an atom, a bond and an angle in CHGNet."""

_F = np.float32
_HALF, _ONE = _F(0.5), _F(1.0)
_SHARE = _F(1.0 / WIDTH)
_EPSILON = _F(1e-5)
"""What torch's LayerNorm adds to the variance."""

# tanh as a rational function, within a few units in the last place of float32: Eigen 3.4 (ptanh_float); beyond _CLAMP
# tanh is 1 in float32.
_CLAMP = _F(7.90531110763549805)
_A1, _A3, _A5, _A7 = (
    _F(4.89352455891786e-03),
    _F(6.37261928875436e-04),
    _F(1.48572235717979e-05),
    _F(5.12229709037114e-08),
)
_A9, _A11, _A13 = _F(-8.60467152213735e-11), _F(2.00018790482477e-13), _F(-2.76076847742355e-16)
_B0, _B2, _B4, _B6 = (
    _F(4.89352518554385e-03),
    _F(2.26843463243900e-03),
    _F(1.18534705686654e-04),
    _F(1.19825839466702e-06),
)

_LOOSE = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered; NaN stays NaN
_jit = compiled(fastmath=_LOOSE)
_inlined = compiled(fastmath=_LOOSE, inline="always")


@_inlined
def _sigmoid(x):
    t = min(max(x * _HALF, -_CLAMP), _CLAMP)
    s = t * t
    p = t * (_A1 + s * (_A3 + s * (_A5 + s * (_A7 + s * (_A9 + s * (_A11 + s * _A13))))))
    q = _B0 + s * (_B2 + s * (_B4 + s * _B6))
    return _HALF + _HALF * (p / q)


@_inlined
def _normalised(row, first, bias, out):
    """Write the normalised ``row + bias``, 64 columns from *first*, to *out*; return one over its deviation."""
    mean = _F(0)
    for k in range(WIDTH):
        value = row[first + k] + bias[first + k]
        out[k] = value
        mean += value
    mean *= _SHARE
    square = _F(0)
    for k in range(WIDTH):
        value = out[k] - mean
        out[k] = value
        square += value * value
    scale = _ONE / np.sqrt(square * _SHARE + _EPSILON)
    for k in range(WIDTH):
        out[k] *= scale
    return scale


@_inlined
def _normalised_back(gradient, normal, gamma, first, scale, row):
    """Write the gradient by what was normalised to *row*, from the one by its scaled and shifted result."""
    mean, along = _F(0), _F(0)
    for k in range(WIDTH):
        value = gradient[k] * gamma[first + k]
        gradient[k] = value
        mean += value
        along += value * normal[k]
    mean *= _SHARE
    along *= _SHARE
    for k in range(WIDTH):
        row[first + k] = scale * (gradient[k] - mean - normal[k] * along)


@_jit
def hidden(dense, z, h, p1, i1, p2, i2, p3, i3):
    """Write ``h = silu(z)``, z being the sum of three gathered rows and, where *dense*, of what z holds already."""
    for r in range(z.shape[0]):
        a, b, c, zr, hr = p1[i1[r]], p2[i2[r]], p3[i3[r]], z[r], h[r]
        if dense:
            for k in range(2 * WIDTH):
                x = zr[k] + a[k] + b[k] + c[k]
                zr[k] = x
                hr[k] = x * _sigmoid(x)
        else:
            for k in range(2 * WIDTH):
                x = a[k] + b[k] + c[k]
                zr[k] = x
                hr[k] = x * _sigmoid(x)


@_jit
def hidden_back(z, dh, d1, i1, d2, i2, d3, i3):
    """Turn z into the gradient by z, and add its rows to the gradients by the three tables."""
    for r in range(z.shape[0]):
        a, b, c, zr, hr = d1[i1[r]], d2[i2[r]], d3[i3[r]], z[r], dh[r]
        for k in range(2 * WIDTH):
            x = zr[k]
            s = _sigmoid(x)
            zr[k] = hr[k] * s * (_ONE + x * (_ONE - s))
        for k in range(2 * WIDTH):
            a[k] += zr[k]
        for k in range(2 * WIDTH):
            b[k] += zr[k]
        for k in range(2 * WIDTH):
            c[k] += zr[k]


@_jit
def gated_sum(x, bias, gamma, beta, weights, iw, jw, two, owner, out):
    """Add the gated rows, times the weight of their bond (of both their bonds where *two*), to their owners."""
    x0, x1 = np.empty(WIDTH, _F), np.empty(WIDTH, _F)
    for r in range(x.shape[0]):
        _normalised(x[r], 0, bias, x0)
        _normalised(x[r], WIDTH, bias, x1)
        w1, w2, o = weights[iw[r]], weights[jw[r]], out[owner[r]]
        for k in range(WIDTH):
            y0 = x0[k] * gamma[k] + beta[k]
            y1 = x1[k] * gamma[WIDTH + k] + beta[WIDTH + k]
            w = w1[k] * w2[k] if two else w1[k]
            o[k] += y0 * _sigmoid(y0) * _sigmoid(y1) * w


@_jit
def gated_sum_back(x, bias, gamma, beta, weights, iw, jw, two, owner, dout, dweights):
    """Turn x into the gradient by x, and add the one by the weights to *dweights*."""
    x0, x1 = np.empty(WIDTH, _F), np.empty(WIDTH, _F)
    d0, d1, by_weight = np.empty(WIDTH, _F), np.empty(WIDTH, _F), np.empty(WIDTH, _F)
    for r in range(x.shape[0]):
        s0 = _normalised(x[r], 0, bias, x0)
        s1 = _normalised(x[r], WIDTH, bias, x1)
        w1, w2, do = weights[iw[r]], weights[jw[r]], dout[owner[r]]
        dw1, dw2 = dweights[iw[r]], dweights[jw[r]]
        for k in range(WIDTH):
            y0 = x0[k] * gamma[k] + beta[k]
            y1 = x1[k] * gamma[WIDTH + k] + beta[WIDTH + k]
            s = _sigmoid(y0)
            g = _sigmoid(y1)
            a = y0 * s
            dm = do[k] * (w1[k] * w2[k] if two else w1[k])
            by_weight[k] = a * g * do[k]
            d0[k] = dm * g * s * (_ONE + y0 * (_ONE - s))
            d1[k] = dm * a * g * (_ONE - g)
        if two:
            for k in range(WIDTH):
                dw1[k] += by_weight[k] * w2[k]
            for k in range(WIDTH):
                dw2[k] += by_weight[k] * w1[k]
        else:
            for k in range(WIDTH):
                dw1[k] += by_weight[k]
        _normalised_back(d0, x0, gamma, 0, s0, x[r])
        _normalised_back(d1, x1, gamma, WIDTH, s1, x[r])


@_jit
def gated_step(z, p1, i1, p2, i2, p3, i3, bias, gamma, beta, old, new):
    """Write ``new = old + gated(z)``, where three gathered rows are added to z first."""
    x0, x1 = np.empty(WIDTH, _F), np.empty(WIDTH, _F)
    for r in range(z.shape[0]):
        a, b, c, zr, before, after = p1[i1[r]], p2[i2[r]], p3[i3[r]], z[r], old[r], new[r]
        for k in range(2 * WIDTH):
            zr[k] += a[k] + b[k] + c[k]
        _normalised(zr, 0, bias, x0)
        _normalised(zr, WIDTH, bias, x1)
        for k in range(WIDTH):
            y0 = x0[k] * gamma[k] + beta[k]
            y1 = x1[k] * gamma[WIDTH + k] + beta[WIDTH + k]
            after[k] = before[k] + y0 * _sigmoid(y0) * _sigmoid(y1)


@_jit
def gated_step_back(z, d1, i1, d2, i2, d3, i3, bias, gamma, beta, dnew):
    """Turn z into the gradient by z, and add its rows to the gradients by the three tables."""
    x0, x1 = np.empty(WIDTH, _F), np.empty(WIDTH, _F)
    e0, e1 = np.empty(WIDTH, _F), np.empty(WIDTH, _F)
    for r in range(z.shape[0]):
        zr, dn = z[r], dnew[r]
        s0 = _normalised(zr, 0, bias, x0)
        s1 = _normalised(zr, WIDTH, bias, x1)
        for k in range(WIDTH):
            y0 = x0[k] * gamma[k] + beta[k]
            y1 = x1[k] * gamma[WIDTH + k] + beta[WIDTH + k]
            s = _sigmoid(y0)
            g = _sigmoid(y1)
            e0[k] = dn[k] * g * s * (_ONE + y0 * (_ONE - s))
            e1[k] = dn[k] * y0 * s * g * (_ONE - g)
        _normalised_back(e0, x0, gamma, 0, s0, zr)
        _normalised_back(e1, x1, gamma, WIDTH, s1, zr)
        a, b, c = d1[i1[r]], d2[i2[r]], d3[i3[r]]
        for k in range(2 * WIDTH):
            a[k] += zr[k]
        for k in range(2 * WIDTH):
            b[k] += zr[k]
        for k in range(2 * WIDTH):
            c[k] += zr[k]
