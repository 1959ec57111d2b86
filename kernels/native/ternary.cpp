// Sign and ternary codes of weights, and their 2-bit form; definitions: claims/kernels/ternary.py and packed.py.
#include <type_traits>
#include "parallel.h"
#include "rows.h"

static const int64_t GRAIN = 1 << 16;  // entries that are worth a thread

// Calls write(row, sum of its magnitudes).
template <class T, class Write>
static void absolute_sums(const T* x, int64_t rows, int64_t d, int64_t threads, const Write& write) {
    parallel_for(rows, GRAIN / (d + 1), 1, threads, [=](int64_t begin, int64_t end) {
        auto magnitude = [](f64x8 v) { return as<f64x8>(as<u64x8>(v) & ~(uint64_t(1) << 63)); };
        for (int64_t r = begin; r < end; ++r) {
            const T* row = x + r * d;
            write(r, row_sum(d, [&](int64_t i) { return magnitude(load8(row + i)); },
                             [&](int64_t i, int64_t n) { return magnitude(load_tail(row + i, n)); }));
        }
    });
}

EXPORT void absolute_sum(int64_t dtype, const void* x, int64_t rows, int64_t d, double* sums, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        absolute_sums((const T*)x, rows, d, threads, [=](int64_t r, double sum) { sums[r] = sum; });
    });
}

// In float64 for float64, else in float32.
EXPORT void absolute_mean(int64_t dtype, const void* x, int64_t rows, int64_t d, void* means, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        using Mean = std::conditional_t<std::is_same<T, double>::value, double, float>;
        absolute_sums((const T*)x, rows, d, threads, [=](int64_t r, double sum) { ((Mean*)means)[r] = Mean(sum / double(d)); });
    });
}

template <class T, class S>
static void code_rows(const T* x, int64_t begin, int64_t end, int64_t d, const S* scales, int64_t step, int8_t* codes) {
    for (int64_t r = begin; r < end; ++r) {
        const T* row = x + r * d;
        int8_t* code = codes + r * d;
        // Nothing is beyond a negative scale that zero isn't beyond; NaN is not exchanged for 0.
        double scale = load1(scales + r * step), bound = scale < 0 ? 0 : scale / 2;
        for (int64_t i = 0; i < d; ++i) {
            double v = load1(row + i);
            code[i] = int8_t(int(v > bound) - int(v < -bound));
        }
    }
}

// +1 or -1 where |x| > scale / 2, else 0; `step` is 1 with a scale for each row, 0 with one for all of them. Without
// scales the sign alone, with +1 for zero and NaN.
EXPORT void weight_codes(int64_t dtype, const void* x, int64_t rows, int64_t d, int64_t scale_dtype, const void* scales,
                         int64_t step, int8_t* codes, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        parallel_for(rows, GRAIN / (d + 1), 1, threads, [=](int64_t begin, int64_t end) {
            if (!scales) {
                const T* w = (const T*)x;
                for (int64_t i = begin * d; i < end * d; ++i) codes[i] = int8_t(1 - 2 * (load1(w + i) < 0));
                return;
            }
            with_type(scale_dtype, [=](auto scale) {
                code_rows((const T*)x, begin, end, d, (const decltype(scale)*)scales, step, codes);
            });
        });
    });
}

// The scales of a tensor of at most one piece, or of its rows, and their codes.
EXPORT void quantize_weights(int64_t dtype, const void* x, int64_t rows, int64_t d, int64_t by_row, int64_t ternary,
                             void* scales, int8_t* codes, int64_t threads) {
    absolute_mean(dtype, x, by_row ? rows : 1, by_row ? d : rows * d, scales, threads);
    with_type(dtype, [&](auto type) {
        int64_t scale_dtype = std::is_same<decltype(type), double>::value;
        weight_codes(dtype, x, rows, d, scale_dtype, ternary ? scales : nullptr, by_row, codes, threads);
    });
}

// Column 4j + s of a row is in bits 2s, 2s + 1 of byte j, as code + 1; columns beyond d are 0, coded as 1.
EXPORT void pack_ternary(const int8_t* codes, int64_t rows, int64_t d, uint8_t* packed, int64_t threads) {
    int64_t bytes = (d + 3) / 4;
    parallel_for(rows, GRAIN / (d + 1), 1, threads, [=](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const int8_t* row = codes + r * d;
            uint8_t* byte = packed + r * bytes;
            for (int64_t j = 0; j < d / 4; ++j) {
                // Four codes in one word: digits to two bits each, then gather the bits by a multiplication.
                uint32_t word = load<uint32_t>(row + 4 * j);
                word = ((word & 0x03030303u) + 0x01010101u) & 0x03030303u;
                byte[j] = uint8_t((word * 0x01041040u) >> 24);
            }
            if (d % 4) {
                int digits = 0;
                for (int64_t s = 0; s < 4; ++s) {
                    int code = d / 4 * 4 + s < d ? row[d / 4 * 4 + s] : 0;
                    digits |= ((code + 1) & 3) << (2 * s);
                }
                byte[d / 4] = uint8_t(digits);
            }
        }
    });
}
