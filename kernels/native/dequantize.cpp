// The way back from codes, and the element-wise codecs: dequantize.py, e2m1.py and e4m3.py of claims/kernels/formats.
#include "lanes.h"
#include "parallel.h"

// E4M3 and E8M0 put their fields where float32 has them, up to the bias (a power of two, also for subnormals).
static inline float e4m3_value(uint8_t code) {
    uint32_t word = uint32_t(code & 127u) << 20;
    float value;
    memcpy(&value, &word, 4);
    value *= 0x1p120f;
    if ((code & 127) == 127) value = NAN;
    return code & 128 ? -value : value;
}
static inline float e8m0_value(uint8_t code) {
    uint32_t word = code == 255 ? 0x7fc00000u : code == 0 ? 0x00400000u : uint32_t(code) << 23;
    float value;
    memcpy(&value, &word, 4);
    return value;
}

// The values of one byte's two codes, low nibble first.
struct Pairs {
    float value[256][2];
    constexpr Pairs() : value() {
        const float magnitude[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
        for (int byte = 0; byte < 256; ++byte)
            for (int i = 0; i < 2; ++i) {
                float m = magnitude[byte >> 4 * i & 7];
                value[byte][i] = byte >> 4 * i & 8 ? -m : m;
            }
    }
};
[[maybe_unused]] alignas(64) static constexpr Pairs PAIRS;

// Sixteen values from eight bytes.
static inline void decode16(const uint8_t* codes, float* values) {
#if REGISTER == 64
    const floats table = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
    __m512i pairs = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i*)codes));
    __m512i code = _mm512_or_si512(pairs, _mm512_slli_epi64(pairs, 28));  // the permutation looks at four bits
    store(values, (floats)_mm512_permutexvar_ps(code, (__m512)table));
#else
    for (int i = 0; i < 8; ++i) memcpy(values + 2 * i, PAIRS.value[codes[i]], 8);
#endif
}

// The values of all codes of six or eight bits: sign and magnitude, in units of the smallest subnormal number.
template <class E> struct Values {
    float value[1 << E::BITS];
    Values() {
        for (uint32_t code = 0; code < 1u << E::BITS; ++code) {
            uint32_t size = code & ((1u << (E::BITS - 1)) - 1), field = size >> E::M, mantissa = size & ((1u << E::M) - 1);
            float v = field == 0 ? std::ldexp(float(mantissa), E::LOWEST - E::M)
                                 : std::ldexp(float(mantissa | 1u << E::M), int(field) - 1 + E::LOWEST - E::M);
            // E5M2 has an infinity and three NaN above its largest value, E4M3 one NaN, the others nothing.
            if (v > E::limit()[0]) v = E::M == 2 && mantissa == 0 ? INFINITY : NAN;
            value[code] = code >> (E::BITS - 1) ? -v : v;
        }
    }
};

template <class E> static inline void decode16(const Values<E>& of, const uint8_t* codes, float* values) {
    if constexpr (E::BITS == 4) return decode16(codes, values);
    if constexpr (E::BITS == 8)
        for (int i = 0; i < 16; ++i) values[i] = of.value[codes[i]];
    if constexpr (E::BITS == 6)
        for (int i = 0; i < 16; i += 4, codes += 3) {
            uint32_t word = codes[0] | uint32_t(codes[1]) << 8 | uint32_t(codes[2]) << 16;
            for (int j = 0; j < 4; ++j) values[i + j] = of.value[word >> 6 * j & 63];
        }
}

struct Packed {
    const uint8_t* codes;
    const uint8_t* scales;
    int64_t k, block, tile;
};

// Columns [column, column + width) of one row; column is a multiple of 16.
template <class E, class T>
static void unpack_row(const Values<E>& of, const Packed& q, int64_t row, int64_t column, int64_t width,
                       float tensor_scale, float largest, T* out, bool streamed) {
    int64_t blocks = (q.k + q.block - 1) / q.block;
    const uint8_t* codes = q.codes + (row * blocks * q.block + column) * E::BITS / 8;
    const uint8_t* scales = q.scales + row / q.tile * blocks;
    const int shift = q.block == 16 ? 4 : 5;  // sooner than a division
    for (int64_t c = 0; c < width; c += 16) {
        uint8_t code = scales[(column + c) >> shift];
        float scale = q.block == 16 ? e4m3_value(code) : e8m0_value(code);
        float values[16];
        decode16(of, codes + c * E::BITS / 8, values);
        T part[16], *to = c + 16 <= width ? out + c : part;
        for (int i = 0; i < 16; i += LANES) {
            floats value = load_floats(values + i), v = value * scale * tensor_scale;
            floats finite = smaller(same(largest), larger(same(-largest), v));  // v last: a NaN stays
            if (E::HIGHEST == 15) finite = magnitude(value) == EXPONENT ? v : finite;  // and a code of infinity
            store_floats(to + i, finite, streamed && to != part);
        }
        if (to == part) memcpy(out + c, part, size_t(width - c) * sizeof(T));
    }
}

template <class E, class T>
static void dequantize(const Packed& q, int64_t rows, float tensor_scale, float largest, T* out, int64_t threads) {
    static const Values<E> of;
    bool streamed = worth_streaming(out, rows, q.k);
    parallel_for(rows, 65536 / (q.k + 1) + 1, 1, threads, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            unpack_row(of, q, row, 0, q.k, tensor_scale, largest, out + row * q.k, streamed);
        stream_fence();
    });
}

// A null tensor scale stands for 1.
EXPORT void dequantize_blocks(const uint8_t* codes, const uint8_t* scales, const float* tensor_scale, int64_t rows,
                              int64_t k, int64_t block, int64_t tile, int64_t element, int64_t dtype, void* out,
                              int64_t threads) {
    Packed q{codes, scales, k, block, tile};
    float scale = tensor_scale ? *tensor_scale : 1.0f;
    with_element(element, [&](auto of) {
        using E = decltype(of);
        if (dtype == BF16) dequantize<E>(q, rows, scale, 0x1.fep127f, (bf16*)out, threads);
        else dequantize<E>(q, rows, scale, 0x1.fffffep127f, (float*)out, threads);
    });
}

// Part of a matrix without its tensor scale: float32 (rows, columns), from multiples of the block and the tile on.
EXPORT void unpack_panel(const uint8_t* codes, const uint8_t* scales, int64_t row, int64_t rows, int64_t column,
                         int64_t columns, int64_t k, int64_t block, int64_t tile, int64_t element, float* out,
                         int64_t threads) {
    Packed q{codes, scales, k, block, tile};
    with_element(element, [&](auto number) {
        static const Values<decltype(number)> of;
        parallel_for(rows, 65536 / (columns + 1) + 1, 1, threads, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r)
                unpack_row(of, q, row + r, column, columns, 1.0f, 0x1.fffffep127f, out + r * columns, false);
        });
    });
}

// The element-wise codecs work in double, which holds all four float dtypes and rounds none of the steps below.
static inline uint8_t e2m1_of(double x, bool stochastic, uint32_t word) {
    double y = std::fmin(std::fabs(x), 6.0);
    int binade = (y >= 2) + (y >= 4);
    double in_steps = std::ldexp(y, 1 - binade);
    double lower = std::floor(in_steps), fraction = in_steps - lower;
    bool up = stochastic ? word < uint32_t(fraction * 4294967296.0)
                         : fraction > 0.5 || (fraction == 0.5 && std::fmod(lower, 2.0) == 1.0);
    return uint8_t(int(lower) + 2 * binade + up) | uint8_t(std::signbit(x) << 3);
}

static inline uint8_t e4m3_of(double x) {
    double y = std::fmin(std::fabs(x), 448.0);
    int exponent;
    std::frexp(std::fmax(y, 0x1p-6), &exponent);        // y < 2^exponent; the lowest binade reaches down to zero
    double in_steps = std::ldexp(y, 4 - exponent);      // below 16, so that adding 2^52 leaves no fraction
    int rounded = int(in_steps + 0x1p52 - 0x1p52);
    return uint8_t(rounded + (exponent + 5) * 8) | uint8_t(std::signbit(x) << 7);
}

template <class T>
static void e2m1_all(const T* x, int64_t n, bool stochastic, uint64_t key, uint8_t* codes, int64_t threads) {
    parallel_for(n, 65536, 32, threads, [&](int64_t begin, int64_t end) {
        uint32_t random[32] = {};
        for (int64_t i = begin; i < end; ++i) {
            if (stochastic && i % 32 == 0) philox32(uint64_t(i) / 4, key, random);
            codes[i] = e2m1_of(load1(x + i), stochastic, random[i % 32]);
        }
    });
}

EXPORT void e2m1_encode(const void* x, int64_t dtype, int64_t n, int64_t stochastic, int64_t key, uint8_t* codes,
                        int64_t threads) {
    if (dtype == BF16) e2m1_all((const bf16*)x, n, stochastic != 0, uint64_t(key), codes, threads);
    else if (dtype == F64) e2m1_all((const double*)x, n, stochastic != 0, uint64_t(key), codes, threads);
    else e2m1_all((const float*)x, n, stochastic != 0, uint64_t(key), codes, threads);
}

template <class T>
static void e4m3_all(const T* x, int64_t n, uint8_t* codes, int64_t threads) {
    parallel_for(n, 65536, 1, threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) codes[i] = e4m3_of(load1(x + i));
    });
}

EXPORT void e4m3_encode(const void* x, int64_t dtype, int64_t n, uint8_t* codes, int64_t threads) {
    if (dtype == BF16) e4m3_all((const bf16*)x, n, codes, threads);
    else if (dtype == F64) e4m3_all((const double*)x, n, codes, threads);
    else e4m3_all((const float*)x, n, codes, threads);
}
