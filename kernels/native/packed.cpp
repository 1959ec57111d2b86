// Products of activations with packed ternary codes; definitions: claims/kernels/packed.py.
#include <type_traits>
#include <vector>
#include "parallel.h"
#include "simd.h"

static const int64_t BLOCK = 256;      // columns whose codes fill 64 bytes
static const int64_t WORK = 1 << 22;   // products that are worth a thread
static const int64_t NEAR = 32;        // activations at a time, so that they stay in a near cache

// Whether products of whole bytes are summed up exactly; instructions without that saturate at 16 bits.
#if defined(__AVX512VNNI__)
static const bool EXACT_BYTES = true;
#else
static const bool EXACT_BYTES = false;
#endif
typedef Lanes<int8_t, 64> Bytes;

// acc += u * s for 64 bytes u in 0..3 and s signed, products added to some lane or other: exact on every path.
INLINE i32x16 dot(i32x16 acc, u32x16 u, Bytes x) {
#if defined(__AVX512VNNI__)
    acc.part[0] = (i32x16::Part)_mm512_dpbusd_epi32((__m512i)acc.part[0], (__m512i)u.part[0], (__m512i)x.part[0]);
#elif REGISTER == 32
    for (int i = 0; i < 2; ++i) {
        __m256i pairs = _mm256_maddubs_epi16((__m256i)u.part[i], (__m256i)x.part[i]);
        acc.part[i] += (i32x16::Part)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    }
#elif defined(__SSE2__)
    for (int i = 0; i < 4; ++i) {
        __m128i zero = _mm_setzero_si128(), digits = (__m128i)u.part[i];
        __m128i low = _mm_srai_epi16(_mm_unpacklo_epi8(zero, (__m128i)x.part[i]), 8);
        __m128i high = _mm_srai_epi16(_mm_unpackhi_epi8(zero, (__m128i)x.part[i]), 8);
        acc.part[i] += (i32x16::Part)_mm_madd_epi16(_mm_unpacklo_epi8(digits, zero), low) +
                       (i32x16::Part)_mm_madd_epi16(_mm_unpackhi_epi8(digits, zero), high);
    }
#else
    uint8_t digits[64];
    int8_t s[64];
    int32_t sums[16];
    store(digits, u), store(s, x);
    for (int lane = 0; lane < 16; ++lane) {
        sums[lane] = 0;
        for (int j = 4 * lane; j < 4 * lane + 4; ++j) sums[lane] += digits[j] * s[j];
    }
    acc = acc + load<i32x16>(sums);
#endif
    return acc;
}

// Calls body(block, word) with the codes of each block of R rows, the last one padded with zeros. A row is too short for
// the hardware to read ahead, so later rows are asked for, into the second cache: it has more reads in flight at a time.
template <int R, class Body> INLINE void for_blocks(const uint8_t* codes, int64_t bytes, const Body& body) {
    int64_t whole = bytes / 64, left = bytes % 64;
    u32x16 word[R];
    for (int64_t block = 0; block < whole; ++block) {
        const uint8_t* at = codes + 64 * block;
        for (int r = 0; r < R; ++r) word[r] = load<u32x16>(at + r * bytes);
        for (int r = 0; r < R; ++r) __builtin_prefetch(at + (r + 4 * R) * bytes, 0, 2);
        body(block, word);
    }
    if (left == 0) return;
    for (int r = 0; r < R; ++r) {
        uint8_t padded[64] = {};
        memcpy(padded, codes + r * bytes + 64 * whole, size_t(left));
        word[r] = load<u32x16>(padded);
    }
    body(whole, word);
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

// Reorder a row of x, padded with zeros to whole blocks, so that plane s of a block meets bits 2s of the codes: a lane
// of `lane` columns holds its column s at plane s.
template <class T> static void arrange(const T* x, int64_t columns, int64_t lane, T* out) {
    int64_t lanes = BLOCK / lane;
    for (int64_t first = 0; first < columns; first += BLOCK, x += BLOCK, out += BLOCK) {
        T padded[BLOCK] = {};
        memcpy(padded, x, size_t(std::min(BLOCK, columns - first)) * sizeof(T));
        for (int64_t s = 0; s < lane; ++s)
            for (int64_t l = 0; l < lanes; ++l) out[s * lanes + l] = padded[lane * l + s];
    }
}

INLINE int32_t sum(i32x16 v) {
#if REGISTER == 64
    return _mm512_reduce_add_epi32((__m512i)v.part[0]);
#else
    for (int i = 1; i < v.PARTS; ++i) v.part[0] += v.part[i];
    int32_t total = 0;
    for (int lane = 0; lane < v.WIDTH; ++lane) total += v.part[0][lane];
    return total;
#endif
}

// The sums of R vectors.
template <int R> INLINE void sums_of(const i32x16 v[R], int32_t out[R]) {
#if REGISTER == 64
    if constexpr (R == 4) {  // together: pairs of lanes, then of pairs, as rows are brought side by side
        __m512i a = (__m512i)v[0].part[0], b = (__m512i)v[1].part[0], c = (__m512i)v[2].part[0], d = (__m512i)v[3].part[0];
        __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
        __m128i four = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
        return _mm_storeu_si128((__m128i*)out, four);
    }
#endif
    for (int r = 0; r < R; ++r) out[r] = sum(v[r]);
}

// R rows of codes times B activations, sums in registers. The first: sum of code * x = sum of digit * x - sum of x.
struct Int8 {
    typedef int8_t In;
    typedef int32_t Out;
    static constexpr int LANE = 4;  // columns in a lane of 32 bits, for `arrange`
    template <int R, int B>
    static void product(const uint8_t* codes, int64_t bytes, int64_t blocks, const In* x, const Out* x_sum, Out* y,
                        int64_t stride) {
        // Digits need not be moved down to be multiplied if each place has a sum of its own, of 1, 4, 16 or 64 times the
        // products: there are registers for one activation. 2^22 columns stay below 2^31, as 192 * 128 a column does.
        constexpr bool IN_PLACE = EXACT_BYTES && B == 1;
        constexpr int CHAINS = IN_PLACE ? 4 : 1;
        i32x16 acc[R][B][CHAINS] = {};
        for_blocks<R>(codes, bytes, [&](int64_t block, const u32x16* word) {
#pragma GCC unroll 4
            for (int s = 0; s < 4; ++s) {
                Bytes plane[B];
                for (int b = 0; b < B; ++b) plane[b] = load<Bytes>(x + (b * blocks + block) * BLOCK + 64 * s);
                for (int r = 0; r < R; ++r) {
                    u32x16 digits = IN_PLACE ? word[r] & (0x03030303u << (2 * s)) : (word[r] >> (2 * s)) & 0x03030303u;
                    for (int b = 0; b < B; ++b) acc[r][b][s % CHAINS] = dot(acc[r][b][s % CHAINS], digits, plane[b]);
                }
            }
        });
        for (int b = 0; b < B; ++b) {
            i32x16 whole[R];
            for (int r = 0; r < R; ++r) {
                whole[r] = acc[r][b][0];
                for (int chain = 1; chain < CHAINS; ++chain) whole[r] = whole[r] + (acc[r][b][chain] >> (2 * chain));
            }
            int32_t total[R];
            sums_of<R>(whole, total);
            for (int r = 0; r < R; ++r) y[b * stride + r] = total[r] - x_sum[b];
        }
    }
};

struct Float32 {
    typedef float In;
    typedef float Out;
    static constexpr int LANE = 16;
    template <int R, int B>
    static void product(const uint8_t* codes, int64_t bytes, int64_t blocks, const In* x, const Out*, Out* y,
                        int64_t stride) {
        f32x16 acc[R][B][2] = {};  // always two: the order of the sum may not depend on R and B
        for_blocks<R>(codes, bytes, [&](int64_t block, const u32x16* word) {
#pragma GCC unroll 16
            for (int s = 0; s < 16; ++s)
                for (int r = 0; r < R; ++r) {
                    f32x16 code = signed_digit(word[r] >> (2 * s));
                    for (int b = 0; b < B; ++b) {
                        const In* plane = x + (b * blocks + block) * BLOCK + 16 * s;
                        acc[r][b][s % 2] = acc[r][b][s % 2] + code * load<f32x16>(plane);
                    }
                }
        });
        for (int b = 0; b < B; ++b)
            for (int r = 0; r < R; ++r) {
                f32x16 total = acc[r][b][0] + acc[r][b][1];
                float part[8];
                for (int i = 0; i < 8; ++i) part[i] = total[i] + total[i + 8];
                for (int half = 4; half > 0; half /= 2)
                    for (int i = 0; i < half; ++i) part[i] += part[i + half];
                y[b * stride + r] = part[0];
            }
    }
};

template <int N> using Count = std::integral_constant<int, N>;

// y (n, rows) = x (n, columns) times the codes of `packed` (rows, bytes) transposed.
template <class Kind, int R, int B>
static void products(const typename Kind::In* x, int64_t n, int64_t columns, const uint8_t* packed, int64_t rows,
                     typename Kind::Out* y, int64_t threads) {
    typedef typename Kind::In In;
    typedef typename Kind::Out Out;
    const int64_t bytes = (columns + 3) / 4, blocks = (columns + BLOCK - 1) / BLOCK, step = blocks * BLOCK;
    std::vector<In> arranged(size_t(n * step));
    std::vector<Out> sums(size_t(n), 0);
    for (int64_t b = 0; b < n; ++b) {
        arrange(x + b * columns, columns, Kind::LANE, arranged.data() + b * step);
        if (std::is_integral<In>::value)
            for (int64_t i = 0; i < columns; ++i) sums[size_t(b)] += Out(x[b * columns + i]);
    }
    const In* planes = arranged.data();
    const Out* x_sum = sums.data();
    parallel_for(rows, WORK / (columns * n + 1) + 1, R, threads, [=](int64_t begin, int64_t end) {
        for (int64_t first = 0; first < n; first += NEAR) {
            int64_t last = std::min(n, first + NEAR), r = begin, b;
            auto tile = [&](auto height, auto width) {
                Kind::template product<decltype(height)::value, decltype(width)::value>(
                    packed + r * bytes, bytes, blocks, planes + b * step, x_sum + b, y + b * rows + r, rows);
            };
            for (; r + R <= end; r += R) {
                for (b = first; b + B <= last; b += B) tile(Count<R>{}, Count<B>{});
                for (; b < last; ++b) tile(Count<R>{}, Count<1>{});
            }
            for (; r < end; ++r)
                for (b = first; b < last; ++b) tile(Count<1>{}, Count<1>{});
        }
    });
}

// As many sums at once as there are registers for.
static const bool WIDE = REGISTER == 64;

EXPORT void ternary_product_i8(const int8_t* x, int64_t n, int64_t columns, const uint8_t* packed, int64_t rows, int32_t* y,
                               int64_t threads) {
    products<Int8, WIDE ? 4 : 1, 4>(x, n, columns, packed, rows, y, threads);
}

EXPORT void ternary_product_f32(const float* x, int64_t n, int64_t columns, const uint8_t* packed, int64_t rows, float* y,
                                int64_t threads) {
    products<Float32, WIDE ? 2 : 1, WIDE ? 4 : 2>(x, n, columns, packed, rows, y, threads);
}
