// Mean, minimum and maximum of every column in one pass: claims/kernels/mean_split.py says in which order.
#include "simd.h"
#include "parallel.h"

static const int64_t PIECE_ROWS = 1024, STRIP = 1024;

struct Running {
    f64x8 sum, low, high;

    void add(f64x8 v) {
        for (int i = 0; i < v.PARTS; ++i) {
            sum.part[i] += v.part[i];
            low.part[i] = v.part[i] < low.part[i] ? v.part[i] : low.part[i];
            high.part[i] = v.part[i] > high.part[i] ? v.part[i] : high.part[i];
        }
    }
};

// Eight columns (or the last `width` ones) of a few rows from `x` on, added to what was found above them.
template <class T> static inline void descend(const T* x, int64_t rows, int64_t columns, int64_t width, Running* running) {
    Running r = *running;
    if (width >= 8)
        for (int64_t row = 0; row < rows; ++row) r.add(load8(x + row * columns));
    else
        for (int64_t row = 0; row < rows; ++row) r.add(load_tail(x + row * columns, width));
    *running = r;
}

// Columns [first, first + width) of a matrix with `columns` columns; `out` holds three rows of `columns` floats.
template <class T>
static void strip(const T* x, int64_t rows, int64_t columns, int64_t first, int64_t width, float* out) {
    const f64x8 infinity = all<f64x8>(double(INFINITY)), zero = {};
    double total[STRIP] = {};
    Running running[STRIP / 8];
    for (Running& r : running) r = {zero, infinity, zero - infinity};
    for (int64_t begin = 0; begin < rows; begin += PIECE_ROWS) {
        int64_t end = std::min(begin + PIECE_ROWS, rows);
        for (Running& r : running) r.sum = zero;
        // A few rows at a time: they stay in the cache, and the sums of eight columns in registers.
        for (int64_t row = begin; row < end; row += 8)
            for (int64_t j = 0; j < width; j += 8)
                descend(x + row * columns + first + j, std::min<int64_t>(8, end - row), columns, width - j, running + j / 8);
        for (int64_t j = 0; j < width; ++j) total[j] += running[j / 8].sum[int(j % 8)];
    }
    for (int64_t j = 0; j < width; ++j) {
        // Rounding keeps the order: the extreme of the rounded numbers is the rounded extreme.
        const Running& r = running[j / 8];
        int lane = int(j % 8);
        out[first + j] = rows ? float(total[j] / double(rows)) : 0.0f;
        out[columns + first + j] = rows ? float(r.low[lane]) : 0.0f;
        out[2 * columns + first + j] = rows ? float(r.high[lane]) : 0.0f;
    }
}

EXPORT void column_statistics(const void* x, int64_t dtype, int64_t rows, int64_t columns, float* out, int64_t threads) {
    int64_t strips = (columns + STRIP - 1) / STRIP;
    parallel_for(strips, 1 + 65536 / (rows * STRIP + 1), 1, threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            int64_t first = i * STRIP, width = std::min(STRIP, columns - first);
            if (dtype == BF16) strip((const bf16*)x, rows, columns, first, width, out);
            else if (dtype == F64) strip((const double*)x, rows, columns, first, width, out);
            else strip((const float*)x, rows, columns, first, width, out);
        }
    });
}
