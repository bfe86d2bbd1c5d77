"""Functions that emitted modules bring along, each only where something calls it."""

from __future__ import annotations

LOCAL_RESPONSE_NORM = '''
def local_response_norm(
    x: jax.Array, size: int, *, alpha: float, beta: float, k: float
) -> jax.Array:
    """Divides by (k + alpha * the sum of the squares of `size` channels around) ** beta."""
    around = (size // 2, (size - 1) // 2)
    window, padding = [1] * (x.ndim - 1) + [size], [(0, 0)] * (x.ndim - 1) + [around]
    sums = lax.reduce_window(x * x, 0.0, lax.add, window, [1] * x.ndim, padding)
    return x / (k + alpha * sums) ** beta
'''

AVG_POOL_INSIDE = '''
def avg_pool_inside(
    x: jax.Array,
    window: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    padding: str | Sequence[tuple[int, int]],
) -> jax.Array:
    """Average pool that does not count padding; Flax divides by float32 numbers."""
    y = nnx.avg_pool(x, window, strides, padding, count_include_pad=False)
    return y.astype(x.dtype)
'''

DILATED_MAX_POOL = '''
def dilated_max_pool(
    x: jax.Array,
    window: tuple[int, int],
    *,
    strides: tuple[int, int],
    dilation: tuple[int, int],
    padding: Sequence[tuple[int, int]],
) -> jax.Array:
    """Max pool over elements `dilation` apart; written as slices, so it has a gradient."""
    borders = ((0, 0, 0), *((lo, hi, 0) for lo, hi in padding), (0, 0, 0))
    x = lax.pad(x, jnp.array(-jnp.inf, x.dtype), borders)
    size = [
        (n - (k - 1) * d - 1) // s
        for n, k, d, s in zip(x.shape[1:3], window, dilation, strides, strict=True)
    ]
    taps = [
        x[
            :,
            i * dilation[0] : i * dilation[0] + size[0] * strides[0] + 1 : strides[0],
            j * dilation[1] : j * dilation[1] + size[1] * strides[1] + 1 : strides[1],
        ]
        for i in range(window[0])
        for j in range(window[1])
    ]
    return reduce(jnp.maximum, taps)
'''

CHANNEL_SHUFFLE = '''
def channel_shuffle(x: jax.Array, groups: int) -> jax.Array:
    """The first channels of all groups, then their second ones, and so on."""
    return x.reshape(*x.shape[:-1], groups, -1).swapaxes(-1, -2).reshape(x.shape)
'''

DEPTH_TO_SPACE = '''
def depth_to_space(x: jax.Array, factor: int, *, order: str = "crd") -> jax.Array:
    """Groups of factor * factor channels become squares of positions."""
    n, height, width, _ = x.shape
    if order == "crd":
        x = jnp.moveaxis(x.reshape(n, height, width, -1, factor, factor), 3, 5)
    else:
        x = x.reshape(n, height, width, factor, factor, -1)
    return x.swapaxes(2, 3).reshape(n, factor * height, factor * width, -1)
'''

SPACE_TO_DEPTH = '''
def space_to_depth(x: jax.Array, factor: int, *, order: str = "crd") -> jax.Array:
    """Squares of factor * factor positions become channels."""
    n, height, width = x.shape[0], x.shape[1] // factor, x.shape[2] // factor
    x = x.reshape(n, height, factor, width, factor, -1).swapaxes(2, 3)
    if order == "crd":
        x = jnp.moveaxis(x, 5, 3)
    return x.reshape(n, height, width, -1)
'''

NEAREST = '''
def nearest(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Resizes to `size` by taking the element above and to the left."""
    rows, columns = (np.arange(m) * n // m for n, m in zip(x.shape[1:3], size, strict=True))
    return x[:, rows][:, :, columns]
'''

RESIZE = '''
def resize(
    x: jax.Array, size: tuple[int, int], *, cubic: bool = False, align_corners: bool = False
) -> jax.Array:
    """Resizes to `size` by linear or cubic interpolation, with the borders repeated."""
    rows = interpolation(x.shape[1], size[0], cubic, align_corners)
    columns = interpolation(x.shape[2], size[1], cubic, align_corners)
    return jnp.einsum("bhwc,Hh,Ww->bHWc", x, rows.astype(x.dtype), columns.astype(x.dtype))


def interpolation(n: int, m: int, cubic: bool, align_corners: bool) -> np.ndarray:
    """The m x n matrix that resizes n elements to m."""
    if align_corners:
        at = np.arange(m) * ((n - 1) / max(m - 1, 1))
    else:
        at = (np.arange(m) + 0.5) * (n / m) - 0.5
    if not cubic:
        at = np.clip(at, 0, n - 1)
    base = np.floor(at).astype(int)
    matrix = np.zeros((m, n))
    for tap in (-1, 0, 1, 2) if cubic else (0, 1):
        distance = np.abs(at - base - tap)
        weight = cubic_kernel(distance) if cubic else 1 - distance
        np.add.at(matrix, (np.arange(m), np.clip(base + tap, 0, n - 1)), weight)
    return matrix


def cubic_kernel(t: np.ndarray, a: float = -0.75) -> np.ndarray:
    """Weights of the cubic convolution kernel at distances up to 2."""
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, far)
'''

LAYER_SCALE = '''
class LayerScale(nnx.Module):
    """Multiplies each channel by a learnt factor, `init` at first."""

    def __init__(
        self,
        features: int,
        init: float,
        *,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        values = nnx.initializers.constant(init)(rngs.params(), (features,), param_dtype)
        self.scale = nnx.Param(values, initial=init)
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        return x * self.scale[...].astype(self.dtype)
'''

LOCAL_CONV = '''
class LocalConv(nnx.Module):
    """A convolution with other kernels and biases at every position of the output."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: tuple[int, int],
        *,
        positions: tuple[int, int],
        strides: tuple[int, int] = (1, 1),
        padding: Sequence[tuple[int, int]] = ((0, 0), (0, 0)),
        use_bias: bool = True,
        dtype: DTypeLike,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        draw = nnx.initializers.he_normal(batch_axis=(0, 1))
        shape = (*positions, *kernel_size, in_features, out_features)
        self.kernel = nnx.Param(draw(rngs.params(), shape, param_dtype))
        zeros = jnp.zeros((*positions, out_features), param_dtype)
        self.bias = nnx.Param(zeros) if use_bias else None
        self.strides, self.padding, self.dtype = strides, padding, dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        borders = ((0, 0, 0), *((lo, hi, 0) for lo, hi in self.padding), (0, 0, 0))
        x = lax.pad(x.astype(self.dtype), jnp.array(0, self.dtype), borders)
        kernel = self.kernel[...].astype(self.dtype)
        rows, columns, height, width, *features = kernel.shape
        down, across = self.strides
        taps = [
            x[:, i : i + down * rows : down, j : j + across * columns : across]
            for i in range(height)
            for j in range(width)
        ]
        kernel = kernel.reshape(rows, columns, height * width, *features)
        y = jnp.einsum("tnhwc,hwtcf->nhwf", jnp.stack(taps), kernel)
        return y if self.bias is None else y + self.bias[...].astype(self.dtype)
'''

HELPERS = {
    "LocalConv": LOCAL_CONV,
    "LayerScale": LAYER_SCALE,
    "local_response_norm": LOCAL_RESPONSE_NORM,
    "avg_pool_inside": AVG_POOL_INSIDE,
    "dilated_max_pool": DILATED_MAX_POOL,
    "channel_shuffle": CHANNEL_SHUFFLE,
    "depth_to_space": DEPTH_TO_SPACE,
    "space_to_depth": SPACE_TO_DEPTH,
    "nearest": NEAREST,
    "resize": RESIZE,
}
"""Source of each helper by the name that emitted code calls."""
