// Total, radial and transverse energy of dy against y, one pass a row; formulas: claims/kernels/energy.py.
#include "parallel.h"
#include "rows.h"

static const int64_t GRAIN = 1 << 16;  // entries that are worth a thread

struct Sums { double total, along, norm; };

template <class T> static Sums sums(const T* y, const T* dy, int64_t d, double power) {
    // Two accumulators each hide the latency of the additions.
    f64x8 total[2] = {}, along[2] = {}, norm[2] = {};
    auto add = [&](int k, f64x8 vy, f64x8 vd) {
        vy = vy * power;
        total[k] = total[k] + vd * vd;
        along[k] = along[k] + vy * vd;
        norm[k] = norm[k] + vy * vy;
    };
    int64_t i = 0;
    for (; i + 16 <= d; i += 16) {
        prefetch<16>(y + i), prefetch<16>(dy + i);
        add(0, load8(y + i), load8(dy + i));
        add(1, load8(y + i + 8), load8(dy + i + 8));
    }
    for (; i + 8 <= d; i += 8) add(0, load8(y + i), load8(dy + i));
    if (i < d) add(1, load_tail(y + i, d - i), load_tail(dy + i, d - i));
    return {sum(total[0] + total[1]), sum(along[0] + along[1]), sum(norm[0] + norm[1])};
}

EXPORT void transverse_energy(int64_t dtype, const void* y, const void* dy, int64_t rows, int64_t d, double* total,
                              double* radial, double* transverse, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        parallel_for(rows, GRAIN / (d + 1), 1, threads, [=](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
                const T *row = (const T*)y + r * d, *change = (const T*)dy + r * d;
                Sums s = sums(row, change, d, 1);
                double power = power_for(row, d, s.norm);
                if (power != 1) s = sums(row, change, d, power);  // the direction of y is all that counts
                double part = s.norm == 0 ? 0 : s.along * (s.along / s.norm);
                total[r] = s.total;
                radial[r] = part != part || part < s.total ? part : s.total;  // Cauchy-Schwarz; NaN goes through
                transverse[r] = s.total - radial[r];
            }
        });
    });
}
