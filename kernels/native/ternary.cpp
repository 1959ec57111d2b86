// Sign and ternary codes of weights, their 2-bit form, and products from that form; definitions: claims/kernels/ternary.py.
#include <vector>
#include "parallel.h"
#include "rows.h"

static const int64_t BLOCK = 256;      // columns whose codes fill 64 bytes
static const int64_t WORK = 1 << 22;   // products that are worth a thread
static const int64_t GRAIN = 1 << 16;  // entries that are worth a thread

EXPORT void absolute_sum(int64_t dtype, const void* x, int64_t rows, int64_t d, double* sums, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        parallel_for(rows, GRAIN / (d + 1), 1, threads, [=](int64_t begin, int64_t end) {
            auto magnitude = [](f64x8 v) { return as<f64x8>(as<u64x8>(v) & ~(uint64_t(1) << 63)); };
            for (int64_t r = begin; r < end; ++r) {
                const T* row = (const T*)x + r * d;
                sums[r] = row_sum(d, [&](int64_t i) { return magnitude(load8(row + i)); },
                                  [&](int64_t i, int64_t n) { return magnitude(load_tail(row + i, n)); });
            }
        });
    });
}

// +1 or -1 where |x| > bound of the row, else 0; a bound of -1 stands for the sign alone, with +1 for zero and NaN.
EXPORT void weight_codes(int64_t dtype, const void* x, int64_t rows, int64_t d, const double* bounds, int8_t* codes,
                         int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        parallel_for(rows, GRAIN / (d + 1), 1, threads, [=](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
                const T* row = (const T*)x + r * d;
                int8_t* code = codes + r * d;
                double bound = bounds[r];
                if (bound == -1) {
                    for (int64_t i = 0; i < d; ++i) code[i] = int8_t(1 - 2 * (load1(row + i) < 0));
                } else {
                    for (int64_t i = 0; i < d; ++i) {
                        double v = load1(row + i);
                        code[i] = int8_t(int(v > bound) - int(v < -bound));
                    }
                }
            }
        });
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

// acc += u * s for 64 bytes u in 0..3 and s signed, products added to some lane or other: exact on every path.
INLINE i32x16 dot(i32x16 acc, u32x16 u, const int8_t* s) {
#if defined(__AVX512VNNI__)
    acc.part[0] = (i32x16::Part)_mm512_dpbusd_epi32((__m512i)acc.part[0], (__m512i)u.part[0], _mm512_loadu_si512(s));
#elif REGISTER == 32
    for (int i = 0; i < 2; ++i) {
        __m256i pairs = _mm256_maddubs_epi16((__m256i)u.part[i], _mm256_loadu_si256((const __m256i*)(s + 32 * i)));
        acc.part[i] += (i32x16::Part)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    }
#elif defined(__SSE2__)
    for (int i = 0; i < 4; ++i) {
        __m128i zero = _mm_setzero_si128(), digits = (__m128i)u.part[i], x = _mm_loadu_si128((const __m128i*)(s + 16 * i));
        __m128i low = _mm_srai_epi16(_mm_unpacklo_epi8(zero, x), 8), high = _mm_srai_epi16(_mm_unpackhi_epi8(zero, x), 8);
        acc.part[i] += (i32x16::Part)_mm_madd_epi16(_mm_unpacklo_epi8(digits, zero), low) +
                       (i32x16::Part)_mm_madd_epi16(_mm_unpackhi_epi8(digits, zero), high);
    }
#else
    uint8_t digits[64];
    int32_t sums[16];
    store(digits, u);
    for (int lane = 0; lane < 16; ++lane) {
        sums[lane] = 0;
        for (int j = 4 * lane; j < 4 * lane + 4; ++j) sums[lane] += digits[j] * s[j];
    }
    acc = acc + load<i32x16>(sums);
#endif
    return acc;
}

INLINE u32x16 load_codes(const uint8_t* row, int64_t block, int64_t bytes) {
    int64_t left = bytes - 64 * block;
    if (left >= 64) return load<u32x16>(row + 64 * block);
    uint8_t padded[64] = {};
    memcpy(padded, row + 64 * block, size_t(left));
    return load<u32x16>(padded);
}

// For B activations at once: y[b] = sum of code * x[b] = sum of digit * x[b] - sum of x[b].
template <int B>
static void product_i8(const uint8_t* row, int64_t bytes, int64_t blocks, const int8_t* x, const int32_t* x_sum, int32_t* y,
                       int64_t stride) {
    i32x16 acc[B][2] = {};
    for (int64_t block = 0; block < blocks; ++block) {
        u32x16 codes = load_codes(row, block, bytes);
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) {
            u32x16 digits = (codes >> (2 * s)) & 0x03030303u;
            for (int b = 0; b < B; ++b)
                acc[b][s % 2] = dot(acc[b][s % 2], digits, x + (b * blocks + block) * BLOCK + 64 * s);
        }
    }
    for (int b = 0; b < B; ++b) {
        i32x16 total = acc[b][0] + acc[b][1];
        int32_t value = -x_sum[b];
        for (int lane = 0; lane < 16; ++lane) value += total[lane];
        y[b * stride] = value;
    }
}

// 16 columns with their codes in the lowest two bits of each lane of v, and garbage above.
INLINE f32x16 signed_digit(u32x16 v) {
#if REGISTER == 64
    const f32x16 values = {{{-1, 0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2, -1, 0, 1, 2}}};
    // Looks at the lowest four bits, two of them garbage.
    return {{(f32x16::Part)_mm512_permutexvar_ps((__m512i)v.part[0], (__m512)values.part[0])}};
#else
    f32x16 result;
    for (int i = 0; i < v.PARTS; ++i)
        result.part[i] = __builtin_convertvector((i32x16::Part)(v.part[i] & 3u) - 1, f32x16::Part);
    return result;
#endif
}

template <int B>
static void product_f32(const uint8_t* row, int64_t bytes, int64_t blocks, const float* x, float* y, int64_t stride) {
    constexpr int CHAINS = B == 1 ? 4 : 1;  // independent sums that hide the latency of the additions
    f32x16 acc[B][CHAINS] = {};
    for (int64_t block = 0; block < blocks; ++block) {
        u32x16 codes = load_codes(row, block, bytes);
#pragma GCC unroll 16
        for (int s = 0; s < 16; ++s) {
            f32x16 code = signed_digit(codes >> (2 * s));
            for (int b = 0; b < B; ++b)
                acc[b][s % CHAINS] = acc[b][s % CHAINS] + code * load<f32x16>(x + (b * blocks + block) * BLOCK + 16 * s);
        }
    }
    for (int b = 0; b < B; ++b) {
        f32x16 total = acc[b][0];
        for (int chain = 1; chain < CHAINS; ++chain) total = total + acc[b][chain];
        float part[8];
        for (int i = 0; i < 8; ++i) part[i] = total[i] + total[i + 8];
        y[b * stride] = ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
    }
}

// Reorder a row of x, padded with zeros to whole blocks, so that plane s of a block meets bits 2s of the codes: a lane
// of `lane` columns holds its column s at plane s.
template <class T> static void arrange(const T* x, int64_t columns, int64_t blocks, int64_t lane, T* out) {
    int64_t lanes = BLOCK / lane;
    for (int64_t i = 0; i < blocks * BLOCK; ++i) {
        int64_t block = i / BLOCK, s = i % BLOCK / lanes, l = i % lanes, column = block * BLOCK + lane * l + s;
        out[i] = column < columns ? x[column] : T(0);
    }
}

// y (n, rows) = x (n, columns) times the codes of `packed` (rows, bytes) transposed; int8 in, int32 out.
EXPORT void ternary_product_i8(const int8_t* x, int64_t n, int64_t columns, const uint8_t* packed, int64_t rows, int32_t* y,
                               int64_t threads) {
    int64_t bytes = (columns + 3) / 4, blocks = (columns + BLOCK - 1) / BLOCK;
    std::vector<int8_t> arranged(size_t(n * blocks * BLOCK));
    std::vector<int32_t> sums(size_t(n), 0);
    for (int64_t b = 0; b < n; ++b) {
        arrange(x + b * columns, columns, blocks, 4, arranged.data() + b * blocks * BLOCK);
        for (int64_t i = 0; i < columns; ++i) sums[size_t(b)] += x[b * columns + i];
    }
    const int8_t* planes = arranged.data();
    const int32_t* x_sum = sums.data();
    parallel_for(rows, WORK / (columns * n + 1), 1, threads, [=](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const uint8_t* row = packed + r * bytes;
            int64_t b = 0, step = blocks * BLOCK;
            for (; b + 4 <= n; b += 4) product_i8<4>(row, bytes, blocks, planes + b * step, x_sum + b, y + b * rows + r, rows);
            for (; b < n; ++b) product_i8<1>(row, bytes, blocks, planes + b * step, x_sum + b, y + b * rows + r, rows);
        }
    });
}

// The same for float32 in and out, each sum in float32.
EXPORT void ternary_product_f32(const float* x, int64_t n, int64_t columns, const uint8_t* packed, int64_t rows, float* y,
                                int64_t threads) {
    int64_t bytes = (columns + 3) / 4, blocks = (columns + BLOCK - 1) / BLOCK;
    std::vector<float> arranged(size_t(n * blocks * BLOCK));
    for (int64_t b = 0; b < n; ++b) arrange(x + b * columns, columns, blocks, 16, arranged.data() + b * blocks * BLOCK);
    const float* planes = arranged.data();
    parallel_for(rows, WORK / (columns * n + 1) / 4, 1, threads, [=](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const uint8_t* row = packed + r * bytes;
            int64_t b = 0, step = blocks * BLOCK;
            for (; b + 4 <= n; b += 4) product_f32<4>(row, bytes, blocks, planes + b * step, y + b * rows + r, rows);
            for (; b < n; ++b) product_f32<1>(row, bytes, blocks, planes + b * step, y + b * rows + r, rows);
        }
    });
}
