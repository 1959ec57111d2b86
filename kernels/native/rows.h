// Loops over the entries of a row, and what keeps sums of squares of a row inside the range of float64.
#pragma once
#include <algorithm>
#include "simd.h"

// Apply vector(i) to full groups of 8 entries of a row, then tail(i, n) to the rest.
template <class Vector, class Tail> INLINE void for_row(int64_t d, const Vector& vector, const Tail& tail) {
    int64_t i = 0;
    for (; i + 8 <= d; i += 8) vector(i);
    if (i < d) tail(i, d - i);
}

INLINE double total(const f64x8 sums[4]) { return sum((sums[0] + sums[1]) + (sums[2] + sums[3])); }

// Sum over a row: full(i) and rest(i, n) give 8 terms. Four accumulators hide the latency of the additions.
template <class Full, class Rest> INLINE double row_sum(int64_t d, const Full& full, const Rest& rest) {
    f64x8 sums[4] = {};
    int64_t i = 0;
    for (; i + 32 <= d; i += 32)
        for (int k = 0; k < 4; ++k) sums[k] = sums[k] + full(i + 8 * k);
    for (; i + 8 <= d; i += 8) sums[0] = sums[0] + full(i);
    if (i < d) sums[1] = sums[1] + rest(i, d - i);
    return total(sums);
}

// Power of two that brings the largest entry of a float64 row near 1, for rows whose squares leave the range without
// it; 1 for all others, and for rows with a NaN or an infinity.
static inline double power_for(const double* x, int64_t d, double squares) {
    if (squares > 0x1p-900 && squares < 0x1p900) return 1;
    double largest = 0;
    for (int64_t i = 0; i < d; ++i) {
        double magnitude = std::fabs(x[i]);
        if (!std::isfinite(magnitude)) return 1;
        largest = std::max(largest, magnitude);
    }
    if (largest == 0) return 1;
    int exponent;
    std::frexp(largest, &exponent);
    return std::ldexp(1.0, -std::max(-1000, std::min(1000, exponent)));
}
// Squares of the other types always fit.
template <class T> static inline double power_for(const T*, int64_t, double) { return 1; }
