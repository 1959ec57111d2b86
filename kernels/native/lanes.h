// Vectors of float32 as wide as a register, the shuffles that the small formats need, and their arithmetic.
// Lanes never meet except in exact operations (maxima, moves), so the width changes no bit of a result.
#pragma once
#include "philox.h"

#define LANES (REGISTER / 4)
#if REGISTER == 64
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define FRONT 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define BACK 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define SWAP1 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14
#define SWAP2 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13
#define SWAP4 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11
#define SWAP8 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7
#elif REGISTER == 32
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#define FRONT 0, 8, 1, 9, 2, 10, 3, 11
#define BACK 4, 12, 5, 13, 6, 14, 7, 15
#define SWAP1 1, 0, 3, 2, 5, 4, 7, 6
#define SWAP2 2, 3, 0, 1, 6, 7, 4, 5
#define SWAP4 4, 5, 6, 7, 0, 1, 2, 3
#else
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#define FRONT 0, 4, 1, 5
#define BACK 2, 6, 3, 7
#define SWAP1 1, 0, 3, 2
#define SWAP2 2, 3, 0, 1
#endif

typedef Floats floats;
typedef uint32_t words __attribute__((vector_size(REGISTER)));
typedef int32_t ints __attribute__((vector_size(REGISTER)));
typedef uint8_t bytes __attribute__((vector_size(REGISTER / 4)));

static const uint32_t SIGN = 0x80000000u, EXPONENT = 0x7f800000u, LARGEST = 0x7f7fffffu;

static inline floats same(float value) { return floats{} + value; }
static inline floats from_bits(uint32_t word) { return (floats)(words{} + word); }

// For lanes without NaN; compilers do not find these instructions by themselves.
static inline floats larger(floats a, floats b) {
#if REGISTER == 64
    return (floats)_mm512_max_ps((__m512)a, (__m512)b);
#elif REGISTER == 32
    return (floats)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return a > b ? a : b;
#endif
}
static inline floats smaller(floats a, floats b) {
#if REGISTER == 64
    return (floats)_mm512_min_ps((__m512)a, (__m512)b);
#elif REGISTER == 32
    return (floats)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return a < b ? a : b;
#endif
}

// For words below 2^31, which order magnitudes: Inf lies above every finite number and NaN above Inf.
static inline words larger(words a, words b) {
#if REGISTER == 64
    return (words)_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif REGISTER == 32
    return (words)_mm256_max_epi32((__m256i)a, (__m256i)b);
#else
    return (ints)a > (ints)b ? a : b;
#endif
}
static inline words magnitude(floats v) { return (words)v & ~SIGN; }

// Bits of a where the mask has ones, of b elsewhere.
static inline words choose(uint32_t mask, words a, words b) {
#if REGISTER == 64
    return (words)_mm512_ternarylogic_epi32(_mm512_set1_epi32(int(mask)), (__m512i)a, (__m512i)b, 0xca);
#else
    return (a & mask) | (b & ~mask);
#endif
}

static inline uint32_t largest_lane(words v) {
    uint32_t most = 0;
    for (int lane = 0; lane < LANES; ++lane) most = v[lane] > most ? v[lane] : most;
    return most;
}

static inline floats load_floats(const float* p) { return load<floats>(p); }
static inline floats load_floats(const bf16* p) { return widen(load<Halves>(p)); }

// The first n lanes, then zeros.
template <class T> static inline floats load_some(const T* p, int64_t n) {
    T part[LANES] = {};
    memcpy(part, p, size_t(n < LANES ? n : LANES) * sizeof(T));
    return load_floats(part);
}

static inline void store_floats(float* p, floats v) { store(p, v); }
static inline void store_floats(bf16* p, floats v) { store(p, narrow<words, Halves>(v)); }
// The first n lanes.
template <class T> static inline void store_some(T* p, int64_t n, floats v) {
    T part[LANES];
    store_floats(part, v);
    memcpy(p, part, size_t(n < LANES ? n : LANES) * sizeof(T));
}
// Past the caches if `streamed` (see worth_streaming).
static inline void store_floats(float* p, floats v, bool streamed) { streamed ? stream(p, v) : store(p, v); }
static inline void store_floats(bf16* p, floats v, bool streamed) {
    streamed ? stream(p, narrow<words, Halves>(v)) : store_floats(p, v);
}

// Rows become columns: each round interleaves the first half of the vectors with the second.
static inline void transpose(floats v[LANES]) {
    for (int round = 1; round < LANES; round *= 2) {
        floats w[LANES];
        for (int i = 0; i < LANES / 2; ++i) {
            w[2 * i] = __builtin_shufflevector(v[i], v[i + LANES / 2], FRONT);
            w[2 * i + 1] = __builtin_shufflevector(v[i], v[i + LANES / 2], BACK);
        }
        for (int i = 0; i < LANES; ++i) v[i] = w[i];
    }
}

// Lane b is the largest lane of v[b]: each round halves what is left of every vector and keeps their order.
static inline words largest_of_each(words v[LANES]) {
    for (int left = LANES; left > 1; left /= 2)
        for (int i = 0; i < left / 2; ++i)
            v[i] = larger(__builtin_shufflevector(v[2 * i], v[2 * i + 1], EVEN),
                          __builtin_shufflevector(v[2 * i], v[2 * i + 1], ODD));
    return v[0];
}

// E2M1 codes 0-7 of 0 <= y <= 6 (in the lowest three bits), to nearest, ties to even. Adding a power of two whose last
// place is the step of y's binade (1/2 below 2, 1 below 4, then 2) rounds y to that step, and the low bits of the sum
// count steps. Codes go on counting from binade to binade, two a binade, which the powers have in their last places: an
// even number, so that ties stay ties. They are looked up by the exponent, 127 to 129, of which a permutation takes the
// last bits.
static inline words nearest_code(floats y) {
    words exponent = (words)larger(y, same(1)) >> 23;
#if REGISTER == 64
    const floats power = {0x1p23f + 2, 0x1p24f + 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1p22f};
    return (words)(y + (floats)_mm512_permutexvar_ps((__m512i)exponent, (__m512)power));
#elif REGISTER == 32
    const floats power = {0x1p23f + 2, 0x1p24f + 8, 0, 0, 0, 0, 0, 0x1p22f};
    return (words)(y + (floats)_mm256_permutevar8x32_ps((__m256)power, (__m256i)exponent));
#else
    return (words)(y + (floats)(((exponent + 22u) << 23) + 2u * (exponent - 127u)));
#endif
}

// A small float with M bits of mantissa whose smallest normal number is 2^LOWEST, in BITS bits with its sign, up to
// LIMIT = 2^HIGHEST times a significand with this mantissa field of a float32: claims/kernels/formats/minifloat.py.
// Codes of magnitudes 0 <= y <= LIMIT stand in the lowest BITS - 1 bits.
template <int M_, int LOWEST_, int BITS_, int HIGHEST_, uint32_t FRACTION_> struct Minifloat {
    static constexpr int M = M_, LOWEST = LOWEST_, BITS = BITS_, HIGHEST = HIGHEST_;
    static constexpr uint32_t FRACTION = FRACTION_, FIRST = 127 + LOWEST;  // exponent field of the lowest binade
    static floats limit() { return from_bits(uint32_t(127 + HIGHEST) << 23 | FRACTION); }

    // The exponent bits of y's binade; below the smallest normal number those of the lowest one.
    static words binade(floats y) { return (words)larger(y, from_bits(FIRST << 23)) & EXPONENT; }

    // To nearest, ties to even. Adding a power of two whose last place is the step of y's binade rounds y to that step,
    // and the low bits of the sum count steps. Codes go on counting from binade to binade, 2^M a binade.
    static words nearest(floats y, floats* value = nullptr) {
        words exponent = binade(y), power = exponent + (uint32_t(23 - M) << 23);
        floats sum = y + (floats)power;
        if (value) *value = sum - (floats)power;
        return (words)sum - power + ((exponent >> (23 - M)) - (FIRST << M));
    }

    // Of the lower or upper neighbour: up iff word < floor(2^32 (y - lower) / step).
    static words stochastic(floats y, words word) {
        words exponent = binade(y);
        floats in_steps = y * (floats)((uint32_t(254 + M) << 23) - exponent);  // times the reciprocal of the step
        ints lower = __builtin_convertvector(in_steps, ints);
        floats fraction = in_steps - __builtin_convertvector(lower, floats);
        // Only signed conversions are fast everywhere: the upper half of [0, 1) is moved down by one half and back.
        words upper = (words)(fraction >= 0.5f);
        floats rest = fraction - (floats)(upper & 0x3f000000u);
        words threshold = (words)__builtin_convertvector(rest * 4294967296.0f, ints) | (upper & SIGN);
        words up = (words)(word < threshold);  // all ones, that is -1, where true
        return (words)lower + ((exponent >> (23 - M)) - (FIRST << M)) - up;
    }
};
typedef Minifloat<3, -6, 8, 8, 0x600000> E4M3;
typedef Minifloat<2, -14, 8, 15, 0x600000> E5M2;
typedef Minifloat<3, 0, 6, 2, 0x700000> E2M3;
typedef Minifloat<2, -2, 6, 4, 0x600000> E3M2;
struct E2M1 : Minifloat<1, 0, 4, 2, 0x400000> {
    static words nearest(floats y) { return nearest_code(y); }
};

// Call body(Element{}) with an element by its number in claims.kernels.formats.minifloat.ELEMENTS.
template <class Body> static void with_element(int64_t element, const Body& body) {
    if (element == 0) body(E2M1{});
    if (element == 1) body(E4M3{});
    if (element == 2) body(E5M2{});
    if (element == 3) body(E2M3{});
    if (element == 4) body(E3M2{});
}

// 64 codes 0-15, two a byte: element 2i in the low nibble.
static inline void store_nibbles(uint8_t* p, const words code[64 / LANES]) {
#if REGISTER == 64
    __m512i four = (__m512i)(code[0] | code[1] << 8 | code[2] << 16 | code[3] << 24);
    __m512i pairs = _mm512_or_si512(four, _mm512_srli_epi64(four, 28));  // byte j of each eight belongs to vector j
    const __m512i order = _mm512_set_epi64(0, 0, 0, 0, 0x3b332b231b130b03, 0x3a322a221a120a02, 0x3931292119110901,
                                           0x3830282018100800);
    _mm256_storeu_si256((__m256i*)p, _mm512_castsi512_si256(_mm512_permutexvar_epi8(order, pairs)));
#else
    for (int i = 0; i < 64 / LANES; i += 2) {
        words low = __builtin_shufflevector(code[i], code[i + 1], EVEN);
        words high = __builtin_shufflevector(code[i], code[i + 1], ODD);
        store(p + i * LANES / 2, __builtin_convertvector(low | high << 4, bytes));
    }
#endif
}

// 64 codes of six bits, four in three bytes, the first in the lowest bits; or of eight.
template <int BITS> static inline void store_codes(uint8_t* p, const words code[64 / LANES]) {
    if constexpr (BITS == 4) return store_nibbles(p, code);
    uint8_t plain[64];
    for (int i = 0; i < 64 / LANES; ++i)
        store((BITS == 8 ? p : plain) + i * LANES, __builtin_convertvector(code[i], bytes));
    if constexpr (BITS == 6)
        for (int i = 0; i < 16; ++i, p += 3) {
            const uint8_t* c = plain + 4 * i;
            uint32_t word = c[0] | uint32_t(c[1]) << 6 | uint32_t(c[2]) << 12 | uint32_t(c[3]) << 18;
            p[0] = uint8_t(word), p[1] = uint8_t(word >> 8), p[2] = uint8_t(word >> 16);
        }
}
