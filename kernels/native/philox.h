// Philox4x32-10 (Salmon et al., SC 2011), eight counter blocks at a time: 32 words. See claims/kernels/philox.py for
// which word belongs to which element.
#pragma once
#include "simd.h"

// Unsigned products of the low 32 bits of each lane. Compilers do not see that the upper halves may be ignored.
INLINE u64x8 multiply_low(u64x8 a, uint64_t b) {
    for (int i = 0; i < a.PARTS; ++i) {
#if REGISTER == 64
        a.part[i] = (u64x8::Part)_mm512_mul_epu32((__m512i)a.part[i], _mm512_set1_epi64(int64_t(b)));
#elif REGISTER == 32
        a.part[i] = (u64x8::Part)_mm256_mul_epu32((__m256i)a.part[i], _mm256_set1_epi64x(int64_t(b)));
#elif defined(__SSE2__)
        a.part[i] = (u64x8::Part)_mm_mul_epu32((__m128i)a.part[i], _mm_set1_epi64x(int64_t(b)));
#else
        a.part[i] = (a.part[i] & 0xffffffffu) * b;
#endif
    }
    return a;
}

// words[j] holds word j of blocks first .. first + 7 in the low halves of its lanes; the upper halves are 0.
INLINE void philox8(uint64_t first, uint64_t key, u64x8 words[4]) {
    const uint64_t count[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    u64x8 block = load<u64x8>(count) + first;
    // Only low halves count: upper halves may hold anything until the end.
    u64x8 c0 = block, c1 = block >> 32, c2 = {}, c3 = {};
    uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
    for (int round = 0; round < 10; ++round) {
        u64x8 even = multiply_low(c0, 0xD2511F53u), odd = multiply_low(c2, 0xCD9E8D57u);
        c0 = (odd >> 32) ^ c1 ^ uint64_t(k0);
        c2 = (even >> 32) ^ c3 ^ uint64_t(k1);
        c1 = odd;
        c3 = even;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const uint64_t low = 0xffffffffu;
    words[0] = c0 & low;
    words[1] = c1 & low;
    words[2] = c2 & low;
    words[3] = c3 & low;
}

#if REGISTER == 64
#define FIRST_PAIRS 0, 8, 1, 9, 2, 10, 3, 11
#define LAST_PAIRS 4, 12, 5, 13, 6, 14, 7, 15
#elif REGISTER == 32
#define FIRST_PAIRS 0, 4, 1, 5
#define LAST_PAIRS 2, 6, 3, 7
#else
#define FIRST_PAIRS 0, 2
#define LAST_PAIRS 1, 3
#endif

// The same 32 words in element order: out[4 * block + word].
INLINE void philox32(uint64_t first, uint64_t key, uint32_t out[32]) {
    u64x8 w[4];
    philox8(first, key, w);
    // Two words make one 64-bit lane (little endian), and the two lanes of a block are to be neighbours.
    u64x8 front = w[0] | w[1] << 32, back = w[2] | w[3] << 32;
    for (int i = 0; i < front.PARTS; ++i) {
        uint32_t* pairs = out + 4 * front.WIDTH * i;
        store(pairs, __builtin_shufflevector(front.part[i], back.part[i], FIRST_PAIRS));
        store(pairs + 2 * front.WIDTH, __builtin_shufflevector(front.part[i], back.part[i], LAST_PAIRS));
    }
}
