// Vectors of a fixed number of lanes, kept in as many registers as the instruction set needs for them: one source for
// all sets, and the same bits on all of them, because the order of every sum is fixed by the lanes and not by the width
// of a register. The build forbids fused multiply-add (-ffp-contract=off) for the same reason. Registers are the
// compiler's own vector types; intrinsics appear only where it does not find the instruction by itself.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define REGISTER 64
#define ALL_LANES 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#elif defined(__AVX2__)
#define REGISTER 32
#define ALL_LANES 0, 1, 2, 3, 4, 5, 6, 7
#else
#define REGISTER 16
#define ALL_LANES 0, 1, 2, 3
#endif

template <class T, int COUNT> struct Lanes {
    typedef T Part __attribute__((vector_size(REGISTER)));
    static constexpr int WIDTH = REGISTER / sizeof(T), PARTS = COUNT / WIDTH;
    Part part[PARTS];
    T operator[](int lane) const { return part[lane / WIDTH][lane % WIDTH]; }
};

typedef Lanes<double, 8> f64x8;
typedef Lanes<uint64_t, 8> u64x8;
typedef Lanes<float, 16> f32x16;
typedef Lanes<uint32_t, 16> u32x16;
typedef Lanes<int32_t, 16> i32x16;

template <class T> struct MaskOf;
template <> struct MaskOf<double> { typedef int64_t type; };
template <> struct MaskOf<uint64_t> { typedef int64_t type; };
template <class T, int COUNT> using Mask = Lanes<typename MaskOf<T>::type, COUNT>;  // 0 or -1 in each lane

#define LANEWISE(OP)                                                                                  \
    template <class T, int COUNT> INLINE Lanes<T, COUNT> operator OP(Lanes<T, COUNT> a, Lanes<T, COUNT> b) { \
        for (int i = 0; i < a.PARTS; ++i) a.part[i] = a.part[i] OP b.part[i];                         \
        return a;                                                                                     \
    }                                                                                                 \
    template <class T, int COUNT> INLINE Lanes<T, COUNT> operator OP(Lanes<T, COUNT> a, T b) {        \
        for (int i = 0; i < a.PARTS; ++i) a.part[i] = a.part[i] OP b;                                 \
        return a;                                                                                     \
    }
LANEWISE(+) LANEWISE(-) LANEWISE(*) LANEWISE(&) LANEWISE(|) LANEWISE(^)
#undef LANEWISE
#define SHIFT(OP)                                                                                     \
    template <class T, int COUNT> INLINE Lanes<T, COUNT> operator OP(Lanes<T, COUNT> a, int bits) {   \
        for (int i = 0; i < a.PARTS; ++i) a.part[i] = a.part[i] OP bits;                              \
        return a;                                                                                     \
    }
SHIFT(<<) SHIFT(>>)
#undef SHIFT
#define COMPARE(OP)                                                                                   \
    template <class T, int COUNT> INLINE Mask<T, COUNT> operator OP(Lanes<T, COUNT> a, T b) {         \
        Mask<T, COUNT> mask;                                                                          \
        for (int i = 0; i < a.PARTS; ++i) mask.part[i] = a.part[i] OP b;                              \
        return mask;                                                                                  \
    }
COMPARE(<) COMPARE(>) COMPARE(==) COMPARE(!=)
#undef COMPARE

template <class T, int COUNT> INLINE Lanes<T, COUNT> select(Mask<T, COUNT> mask, Lanes<T, COUNT> a, Lanes<T, COUNT> b) {
    for (int i = 0; i < a.PARTS; ++i) a.part[i] = mask.part[i] ? a.part[i] : b.part[i];
    return a;
}
template <class V, class T> INLINE V all(T value) { return V{} + value; }
template <class To, class From> INLINE To as(From value) {  // the same bits
    static_assert(sizeof(To) == sizeof(From), "bits are kept");
    To result;
    memcpy(&result, &value, sizeof result);
    return result;
}
// Memory of any alignment. Register by register: compilers copy larger objects through the stack.
template <class V> struct Memory {
    INLINE V get(const void* p) {
        V v;
        memcpy(&v, p, sizeof v);
        return v;
    }
};
template <class T, int COUNT> struct Memory<Lanes<T, COUNT>> {
    INLINE Lanes<T, COUNT> get(const void* p) {
        Lanes<T, COUNT> v;
        for (int i = 0; i < v.PARTS; ++i) v.part[i] = Memory<typename Lanes<T, COUNT>::Part>::get((const char*)p + i * REGISTER);
        return v;
    }
};
template <class V, class T> INLINE V load(const T* p) { return Memory<V>::get(p); }
template <class V, class T> INLINE void store(T* p, V v) { memcpy(p, &v, sizeof v); }
template <class T, class U, int COUNT> INLINE void store(T* p, Lanes<U, COUNT> v) {
    for (int i = 0; i < v.PARTS; ++i) store((char*)p + i * REGISTER, v.part[i]);
}

// Codes of element types: the order of claims.kernels.native.DTYPES.
enum Dtype : int64_t { F32 = 0, F64 = 1, BF16 = 2 };
struct bf16 { uint16_t bits; };

// bfloat16 is the upper half of a float32; rounding is to nearest, ties to even, and a NaN stays a (quiet) NaN.
INLINE float widen(bf16 x) {
    uint32_t word = uint32_t(x.bits) << 16;
    float value;
    memcpy(&value, &word, 4);
    return value;
}
INLINE bf16 narrow(float x) {
    uint32_t word;
    memcpy(&word, &x, 4);
    return {uint16_t(x != x ? 0x7fc0u : (word + 0x7fffu + (word >> 16 & 1)) >> 16)};
}

// The same for vectors of numbers.
template <class Words, class Halves, class Floats> INLINE Halves narrow(Floats v) {
    Words word = (Words)v, ordered = (Words)(v == v), rounded = (word + 0x7fffu + (word >> 16 & 1u)) >> 16;
    return __builtin_convertvector((rounded & ordered) | (~ordered & 0x7fc0u), Halves);
}

// Numbers become twice as wide, or half. Intrinsics, as compilers take several instructions.
typedef float HalfFloats __attribute__((vector_size(REGISTER / 2)));
typedef int32_t HalfInts __attribute__((vector_size(REGISTER / 2)));
typedef uint32_t HalfWords __attribute__((vector_size(REGISTER / 2)));
typedef uint16_t Halves __attribute__((vector_size(REGISTER / 2)));
typedef uint16_t QuarterHalves __attribute__((vector_size(REGISTER / 4)));
typedef f32x16::Part Floats;
typedef f64x8::Part Doubles;
#if REGISTER == 64
INLINE HalfFloats widen(QuarterHalves v) { return (HalfFloats)_mm256_slli_epi32(_mm256_cvtepu16_epi32((__m128i)v), 16); }
INLINE Floats widen(Halves v) { return (Floats)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)v), 16); }
INLINE Doubles to_doubles(HalfFloats v) { return (Doubles)_mm512_cvtps_pd((__m256)v); }
INLINE Doubles to_doubles(HalfInts v) { return (Doubles)_mm512_cvtepi32_pd((__m256i)v); }
INLINE HalfFloats to_floats(Doubles v) { return (HalfFloats)_mm512_cvtpd_ps((__m512d)v); }
#elif REGISTER == 32
INLINE HalfFloats widen(QuarterHalves v) {
    return (HalfFloats)_mm_slli_epi32(_mm_cvtepu16_epi32(_mm_cvtsi64_si128((long long)v)), 16);
}
INLINE Floats widen(Halves v) { return (Floats)_mm256_slli_epi32(_mm256_cvtepu16_epi32((__m128i)v), 16); }
INLINE Doubles to_doubles(HalfFloats v) { return (Doubles)_mm256_cvtps_pd((__m128)v); }
INLINE Doubles to_doubles(HalfInts v) { return (Doubles)_mm256_cvtepi32_pd((__m128i)v); }
INLINE HalfFloats to_floats(Doubles v) { return (HalfFloats)_mm256_cvtpd_ps((__m256d)v); }
#else
INLINE HalfFloats widen(QuarterHalves v) { return (HalfFloats)(__builtin_convertvector(v, HalfWords) << 16); }
INLINE Floats widen(Halves v) { return (Floats)(__builtin_convertvector(v, u32x16::Part) << 16); }
INLINE Doubles to_doubles(HalfFloats v) { return __builtin_convertvector(v, Doubles); }
INLINE Doubles to_doubles(HalfInts v) { return __builtin_convertvector(v, Doubles); }
INLINE HalfFloats to_floats(Doubles v) { return __builtin_convertvector(v, HalfFloats); }
#endif

INLINE Floats to_floats(Doubles low, Doubles high) {
    return __builtin_shufflevector(to_floats(low), to_floats(high), ALL_LANES);
}

INLINE f64x8 load8(const double* p) { return load<f64x8>(p); }
INLINE f64x8 load8(const float* p) {
    f64x8 v;
    for (int i = 0; i < v.PARTS; ++i) v.part[i] = to_doubles(load<HalfFloats>(p + i * v.WIDTH));
    return v;
}
// Words as numbers minus 2^31: there are instructions for signed integers only.
INLINE f64x8 load8(const uint32_t* p) {
    f64x8 v;
    for (int i = 0; i < v.PARTS; ++i) v.part[i] = to_doubles(load<HalfInts>(p + i * v.WIDTH) ^ INT32_MIN);
    return v;
}
INLINE f64x8 load8(const bf16* p) {
    f64x8 v;
    for (int i = 0; i < v.PARTS; ++i) v.part[i] = to_doubles(widen(load<QuarterHalves>(p + i * v.WIDTH)));
    return v;
}
INLINE void store8(double* p, f64x8 v) { store(p, v); }
INLINE void store8(float* p, f64x8 v) {
    for (int i = 0; i < v.PARTS; ++i) store(p + i * v.WIDTH, to_floats(v.part[i]));
}
INLINE void store8(bf16* p, f64x8 v) {
    for (int i = 0; i < v.PARTS; ++i) store(p + i * v.WIDTH, narrow<HalfWords, QuarterHalves>(to_floats(v.part[i])));
}

INLINE double load1(const float* p) { return *p; }
INLINE double load1(const double* p) { return *p; }
INLINE double load1(const bf16* p) { return widen(*p); }
INLINE void store1(float* p, double v) { *p = float(v); }
INLINE void store1(double* p, double v) { *p = v; }
INLINE void store1(bf16* p, double v) { *p = narrow(float(v)); }

// In one order, whatever the register width.
INLINE double sum(f64x8 v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

// The last n < 8 entries of a row, padded with zeros, and back.
template <class T> INLINE f64x8 load_tail(const T* p, int64_t n) {
    T padded[8] = {};
    memcpy(padded, p, size_t(n) * sizeof(T));
    return load8(padded);
}
template <class T> INLINE void store_tail(T* p, int64_t n, f64x8 v) {
    T padded[8];
    store8(padded, v);
    memcpy(p, padded, size_t(n) * sizeof(T));
}

// Call body(T{}) with the element type of a code.
template <class Body> static void with_type(int64_t dtype, const Body& body) {
    if (dtype == F32) body(float{});
    else if (dtype == F64) body(double{});
    else body(bf16{});
}

// Ask for N entries, so many bytes ahead: 2 KiB, not 4, whose line competes with the present one for its place in the
// cache.
template <int N, int AHEAD = 2048, class T> INLINE void prefetch(const T* p) {
    for (size_t byte = 0; byte < N * sizeof(T); byte += 64) __builtin_prefetch((const char*)p + AHEAD + byte);
}

// Store past the caches: worth it where the result is larger than they are, as it saves reading the lines to be
// overwritten. Needs addresses aligned to 64 bytes; the writes must be fenced before another thread reads.
template <class Piece> INLINE void stream(void* p, Piece v) {
#if REGISTER == 64
    if constexpr (sizeof v == 64) return _mm512_stream_si512((__m512i*)p, (__m512i)v);
#endif
#if REGISTER >= 32
    if constexpr (sizeof v == 32) return _mm256_stream_si256((__m256i*)p, (__m256i)v);
#endif
#if defined(__x86_64__)
    if constexpr (sizeof v == 16) return _mm_stream_si128((__m128i*)p, (__m128i)v);
    if constexpr (sizeof v == 8) return _mm_stream_si64((long long*)p, (long long)v);
#endif
    memcpy(p, &v, sizeof v);
}
INLINE void stream_register(double* p, Doubles low, Doubles high) { stream(p, low), stream(p + REGISTER / 8, high); }
INLINE void stream_register(float* p, Doubles low, Doubles high) { stream(p, to_floats(low, high)); }
INLINE void stream_register(bf16* p, Doubles low, Doubles high) {
    stream(p, narrow<u32x16::Part, Halves>(to_floats(low, high)));
}
// 32 results, rounded to the type of the memory, in whole cache lines.
template <class T> INLINE void stream32(T* p, const f64x8 v[4]) {
    constexpr int PARTS = f64x8::PARTS;
    for (int i = 0; i < 4 * PARTS; i += 2)
        stream_register(p + i * f64x8::WIDTH, v[i / PARTS].part[i % PARTS], v[(i + 1) / PARTS].part[(i + 1) % PARTS]);
}
static inline void stream_fence() {
#if defined(__x86_64__)
    _mm_sfence();
#endif
}
// Whether to stream rows of `d` entries to p.
template <class T> static inline bool worth_streaming(const T* p, int64_t rows, int64_t d) {
    return rows * d * int64_t(sizeof(T)) >= (8 << 20) && d % 32 == 0 && uintptr_t(p) % 64 == 0;
}
