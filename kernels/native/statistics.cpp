// Mean, minimum and maximum of every column in one pass: claims/kernels/mean_split.py says in which order.
#include "simd.h"
#include "parallel.h"

static const int64_t PIECE_ROWS = 1024, STRIP = 1024;
static const int TOGETHER = REGISTER / 16;  // groups of eight columns whose sums and extremes fit into registers

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

// 8 GROUPS columns of a few rows from `x` on, added to what was found above them.
template <int GROUPS, class T>
static inline void descend(const T* x, int64_t rows, int64_t columns, Running* running) {
    Running r[GROUPS];
    for (int g = 0; g < GROUPS; ++g) r[g] = running[g];
    for (int64_t row = 0; row < rows; ++row)
        for (int g = 0; g < GROUPS; ++g) r[g].add(load8(x + row * columns + 8 * g));
    for (int g = 0; g < GROUPS; ++g) running[g] = r[g];
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
        // A few rows at a time, and as much of each line as there are registers for: what is left for later is no longer
        // in the first cache where rows lie a power of two apart.
        for (int64_t row = begin; row < end; row += 8) {
            const T* from = x + row * columns + first;
            int64_t few = std::min<int64_t>(8, end - row), j = 0;
            for (; j + 8 * TOGETHER <= width; j += 8 * TOGETHER)
                descend<TOGETHER>(from + j, few, columns, running + j / 8);
            for (; j + 8 <= width; j += 8) descend<1>(from + j, few, columns, running + j / 8);
            for (int64_t r = 0; r < few && j < width; ++r) running[j / 8].add(load_tail(from + r * columns + j, width - j));
        }
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
