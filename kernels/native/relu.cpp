// Sums over a row that a ReLU block's energies are made of, for inputs of both signs; formulas: claims/kernels/relu.py.
#include "parallel.h"
#include "rows.h"

static const int64_t GRAIN = 1 << 15;  // entries that are worth a thread
static const int SUMS = 10;

INLINE f64x8 relu(f64x8 v) { return select(v < 0.0, f64x8{}, v); }  // NaN goes through

// Ten accumulators are ten chains of additions: enough to hide their latency.
struct Moments {
    f64x8 sum[SUMS];

    void side(int k, f64x8 h, f64x8 moved) {
        f64x8 a = relu(h), b = relu(moved), change = b - a;
        sum[k] = sum[k] + a * a;
        sum[k + 1] = sum[k + 1] + a * change;
        sum[k + 2] = sum[k + 2] + change * change;
        sum[k + 3] = sum[k + 3] + b * b;
    }
    void add(f64x8 h, f64x8 dh) {
        f64x8 moved = h + dh, zero = {};
        side(0, h, moved);
        side(4, zero - h, zero - moved);
        sum[8] = sum[8] + h * dh;
        sum[9] = sum[9] + dh * dh;
    }
};

EXPORT void relu_moments(int64_t dtype, const void* h, const void* dh, int64_t rows, int64_t d, double* out, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        parallel_for(rows, GRAIN / (d + 1), 1, threads, [=](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
                const T *row = (const T*)h + r * d, *change = (const T*)dh + r * d;
                Moments moments = {};
                for_row(
                    d, [&](int64_t i) { moments.add(load8(row + i), load8(change + i)); },
                    [&](int64_t i, int64_t n) { moments.add(load_tail(row + i, n), load_tail(change + i, n)); });
                for (int k = 0; k < SUMS; ++k) out[r * SUMS + k] = sum(moments.sum[k]);
            }
        });
    });
}
