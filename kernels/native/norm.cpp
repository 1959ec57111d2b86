// RMSNorm and its Jacobian-vector product, row by row; formulas and conventions: claims/kernels/norm.py.
#include <type_traits>
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

template <class T> static Scale scale_of(const T* x, int64_t d, double eps, double squares) {
    double power = power_for(x, d, squares);
    if (power != 1) squares = sum_of_squares(x, d, power);
    double rms = std::hypot(std::sqrt(squares / double(d)), std::sqrt(eps) * power);
    return {power, rms == 0 ? 0 : 1 / rms};
}

template <class T> static void norm_row(const T* x, int64_t d, double eps, T* y) {
    Scale s = scale_of(x, d, eps, sum_of_squares(x, d, 1));
    auto unit = [&](f64x8 v) { return scaled(x, v, s.power) * s.inverse; };
    for_row(d, [&](int64_t i) { store8(y + i, unit(load8(x + i))); },
            [&](int64_t i, int64_t n) { store_tail(y + i, n, unit(load_tail(x + i, n))); });
}

// Rows of whole cache lines, written past the caches. While one is written the squares of the next are added up, in
// the order of row_sum, so that memory and arithmetic never wait for each other; the last row is followed by itself.
template <class T> static void stream_rows(const T* x, int64_t rows, int64_t d, double eps, T* y) {
    double squares = sum_of_squares(x, d, 1);
    for (int64_t r = 0; r < rows; ++r, y += d) {
        Scale s = scale_of(x, d, eps, squares);
        const T* next = r + 1 < rows ? x + d : x;
        f64x8 sums[4] = {}, unit[4];
        for (int64_t i = 0; i < d; i += 32) {
            prefetch<32>(next + i);
            for (int k = 0; k < 4; ++k) {
                unit[k] = scaled(x, load8(x + i + 8 * k), s.power) * s.inverse;
                f64x8 v = load8(next + i + 8 * k);
                sums[k] = sums[k] + v * v;
            }
            stream32(y + i, unit);
        }
        squares = total(sums);
        x = next;
    }
    stream_fence();
}

template <class T> static bool is_zero(const T* x, int64_t d) {
    for (int64_t i = 0; i < d; ++i)
        if (!(load1(x + i) == 0)) return false;
    return true;
}

// (x / rms).h / d. The products of a float64 row need its scale to stay in range; all others are exact without it.
template <class T> static double along_row(const T* x, const T* h, int64_t d, Scale s) {
    if (std::is_same<T, double>::value) {
        auto unit = [&](f64x8 v) { return scaled(x, v, s.power) * s.inverse; };
        return row_sum(d, [&](int64_t i) { return unit(load8(x + i)) * load8(h + i); },
                       [&](int64_t i, int64_t n) { return unit(load_tail(x + i, n)) * load_tail(h + i, n); }) / double(d);
    }
    double product = row_sum(d, [&](int64_t i) { return load8(x + i) * load8(h + i); },
                             [&](int64_t i, int64_t n) { return load_tail(x + i, n) * load_tail(h + i, n); });
    return product / double(d) * s.inverse;
}

template <class T> INLINE f64x8 jvp(const T* x, Scale s, double along, f64x8 vx, f64x8 vh) {
    auto unit = [&](f64x8 v) { return scaled(x, v, s.power) * s.inverse; };
    return unit(vh - unit(vx) * along);
}

template <class T> static void jvp_row(const T* x, const T* h, int64_t d, double eps, T* y) {
    Scale s = scale_of(x, d, eps, sum_of_squares(x, d, 1));
    if (s.inverse == 0 && is_zero(x, d)) {  // an infinite row has inverse 0 as well
        memset(y, 0, size_t(d) * sizeof(T));
        return;
    }
    double along = along_row(x, h, d, s);
    auto value = [&](f64x8 vx, f64x8 vh) { return jvp(x, s, along, vx, vh); };
    for_row(d, [&](int64_t i) { store8(y + i, value(load8(x + i), load8(h + i))); },
            [&](int64_t i, int64_t n) { store_tail(y + i, n, value(load_tail(x + i, n), load_tail(h + i, n))); });
}

// As stream_rows, with x.h beside the squares; not for float64.
template <class T> static void stream_jvp_rows(const T* x, const T* h, int64_t rows, int64_t d, double eps, T* y) {
    double squares = sum_of_squares(x, d, 1), along = along_row(x, h, d, {1, 1});
    for (int64_t r = 0; r < rows; ++r, y += d) {
        Scale s = scale_of(x, d, eps, squares);
        along *= s.inverse;
        int64_t step = r + 1 < rows ? d : 0;
        f64x8 sums[4] = {}, products[4] = {}, value[4];
        for (int64_t i = 0; i < d; i += 32) {
            prefetch<32>(x + step + i), prefetch<32>(h + step + i);
            for (int k = 0; k < 4; ++k) {
                int64_t j = i + 8 * k;
                value[k] = jvp(x, s, along, load8(x + j), load8(h + j));
                f64x8 v = load8(x + step + j);
                sums[k] = sums[k] + v * v;
                products[k] = products[k] + v * load8(h + step + j);
            }
            stream32(y + i, value);
        }
        if (s.inverse == 0 && is_zero(x, d)) memset(y, 0, size_t(d) * sizeof(T));
        squares = total(sums);
        along = total(products) / double(d);
        x += step, h += step;
    }
    stream_fence();
}

EXPORT void rms_norm(int64_t dtype, const void* x, int64_t rows, int64_t d, double eps, void* y, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        bool streamed = worth_streaming((const T*)y, rows, d);
        parallel_for(rows, GRAIN / d, 1, threads, [=](int64_t begin, int64_t end) {
            if (streamed) return stream_rows((const T*)x + begin * d, end - begin, d, eps, (T*)y + begin * d);
            for (int64_t r = begin; r < end; ++r) norm_row((const T*)x + r * d, d, eps, (T*)y + r * d);
        });
    });
}

EXPORT void rms_norm_jvp(int64_t dtype, const void* x, const void* h, int64_t rows, int64_t d, double eps, void* y,
                         int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        bool streamed = !std::is_same<T, double>::value && worth_streaming((const T*)y, rows, d);
        parallel_for(rows, GRAIN / d, 1, threads, [=](int64_t begin, int64_t end) {
            const T *point = (const T*)x + begin * d, *tangent = (const T*)h + begin * d;
            T* to = (T*)y + begin * d;
            if (streamed) return stream_jvp_rows(point, tangent, end - begin, d, eps, to);
            for (int64_t r = 0; r < end - begin; ++r) jvp_row(point + r * d, tangent + r * d, d, eps, to + r * d);
        });
    });
}
