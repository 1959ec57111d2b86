// RMSNorm and its Jacobian-vector product, row by row; formulas and conventions: claims/kernels/norm.py.
#include "parallel.h"
#include "rows.h"

static const int64_t GRAIN = 1 << 16;  // entries that are worth a thread

// Only rows of float64 are ever scaled (power_for).
INLINE f64x8 scaled(const double*, f64x8 v, double power) { return v * power; }
template <class T> INLINE f64x8 scaled(const T*, f64x8 v, double) { return v; }

template <class T> static double sum_of_squares(const T* x, int64_t d, double power) {
    auto square = [&](f64x8 v) { v = scaled(x, v, power); return v * v; };
    return row_sum(d, [&](int64_t i) { return square(load8(x + i)); },
                   [&](int64_t i, int64_t n) { return square(load_tail(x + i, n)); });
}

// A row is normalised in two factors, as the quotient itself may leave the range: x * power is near 1 for the float64
// rows that need it (power is 1 for all others), and times inverse it has mean square 1. Rows of zeros have inverse 0.
struct Scale { double power, inverse; };

template <class T> static Scale scale_of(const T* x, int64_t d, double eps) {
    double squares = sum_of_squares(x, d, 1), power = power_for(x, d, squares);
    if (power != 1) squares = sum_of_squares(x, d, power);
    double rms = std::hypot(std::sqrt(squares / double(d)), std::sqrt(eps) * power);
    return {power, rms == 0 ? 0 : 1 / rms};
}

template <class T> static void norm_row(const T* x, int64_t d, double eps, T* y, bool streamed) {
    Scale s = scale_of(x, d, eps);
    auto unit = [&](f64x8 v) { return scaled(x, v, s.power) * s.inverse; };
    if (streamed) {
        const int64_t line = 64 / sizeof(T);
        for (int64_t i = 0; i < d; i += line) {
            __builtin_prefetch(x + d + i);  // the next row, while this one is written
            for (int64_t j = i; j < i + line; j += 8) stream8(y + j, unit(load8(x + j)));
        }
        return;
    }
    for_row(d, [&](int64_t i) { store8(y + i, unit(load8(x + i))); },
            [&](int64_t i, int64_t n) { store_tail(y + i, n, unit(load_tail(x + i, n))); });
}

template <class T> static bool is_zero(const T* x, int64_t d) {
    for (int64_t i = 0; i < d; ++i)
        if (!(load1(x + i) == 0)) return false;
    return true;
}

template <class T> static void jvp_row(const T* x, const T* h, int64_t d, double eps, T* y) {
    Scale s = scale_of(x, d, eps);
    if (s.inverse == 0 && is_zero(x, d)) {  // an infinite row has inverse 0 as well
        memset(y, 0, size_t(d) * sizeof(T));
        return;
    }
    auto unit = [&](f64x8 v) { return scaled(x, v, s.power) * s.inverse; };
    double along = row_sum(d, [&](int64_t i) { return unit(load8(x + i)) * load8(h + i); },
                           [&](int64_t i, int64_t n) { return unit(load_tail(x + i, n)) * load_tail(h + i, n); });
    along /= double(d);
    auto value = [&](f64x8 vx, f64x8 vh) { return unit(vh - unit(vx) * along); };
    for_row(d, [&](int64_t i) { store8(y + i, value(load8(x + i), load8(h + i))); },
            [&](int64_t i, int64_t n) { store_tail(y + i, n, value(load_tail(x + i, n), load_tail(h + i, n))); });
}

EXPORT void rms_norm(int64_t dtype, const void* x, int64_t rows, int64_t d, double eps, void* y, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        bool streamed = worth_streaming(y, rows * d * int64_t(sizeof(T)), d * int64_t(sizeof(T)));
        parallel_for(rows, GRAIN / d, 1, threads, [=](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) norm_row((const T*)x + r * d, d, eps, (T*)y + r * d, streamed);
            stream_fence();
        });
    });
}

EXPORT void rms_norm_jvp(int64_t dtype, const void* x, const void* h, int64_t rows, int64_t d, double eps, void* y,
                         int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        parallel_for(rows, GRAIN / d, 1, threads, [=](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r)
                jvp_row((const T*)x + r * d, (const T*)h + r * d, d, eps, (T*)y + r * d);
        });
    });
}
