// What this machine can do: the loops that the kernels are measured against. Memory is read, written and copied; nothing but
// products, random words or the simplest vector instructions is done, in registers, as fast as they come.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include "../kernels/native/philox.h"

static const int CHAINS = 12;  // independent sums, enough to hide the latency of each

// Maximum of all entries: every byte is read once, and little is computed.
extern "C" float read_all(const float* x, int64_t count) {
    float best[64];
    for (float& b : best) b = -1e30f;
    int64_t i = 0;
    for (; i + 64 <= count; i += 64)
        for (int64_t j = 0; j < 64; ++j) best[j] = x[i + j] > best[j] ? x[i + j] : best[j];
    for (; i < count; ++i) best[0] = x[i] > best[0] ? x[i] : best[0];
    float largest = best[0];
    for (float b : best) largest = b > largest ? b : largest;
    return largest;
}

// Numbers that no memory has held before, written past the caches. The pointer on 64 bytes.
extern "C" void write_past_caches(float* y, int64_t count) {
    static float value = 0;
    value += 1;
    int64_t i = 0;
#if defined(__AVX512F__)
    for (__m512 v = _mm512_set1_ps(value); i + 16 <= count; i += 16) _mm512_stream_ps(y + i, v);
#elif defined(__SSE2__)
    for (__m128 v = _mm_set1_ps(value); i + 4 <= count; i += 4) _mm_stream_ps(y + i, v);
#endif
#if defined(__SSE2__)
    _mm_sfence();
#endif
    for (; i < count; ++i) y[i] = value;
}

// A copy that writes past the caches, which saves reading the destination first. Both pointers on 64 bytes.
extern "C" void copy_past_caches(const float* x, float* y, int64_t count) {
    int64_t i = 0;
#if defined(__AVX512F__)
    typedef float f32x16 __attribute__((vector_size(64)));
    for (; i + 64 <= count; i += 64)
        for (int64_t j = 0; j < 64; j += 16) {
            f32x16 v;
            memcpy(&v, x + i + j, 64);
            __builtin_ia32_movntps512(y + i + j, v);
        }
#elif defined(__SSE2__)
    for (; i + 64 <= count; i += 64)
        for (int64_t j = 0; j < 64; j += 4) _mm_stream_ps(y + i + j, _mm_loadu_ps(x + i + j));
#endif
#if defined(__SSE2__)
    _mm_sfence();
#endif
    memcpy(y + i, x + i, size_t(count - i) * sizeof(float));
}

// `count` random words, by the kernels' own generator; nothing is done with them.
extern "C" uint64_t draw_words(int64_t count, uint64_t key) {
    u64x8 all[4] = {};
    for (int64_t i = 0; i < count; i += 32) {
        u64x8 words[4];
        philox8(uint64_t(i / 4), key, words);
        for (int j = 0; j < 4; ++j) all[j] = all[j] ^ words[j];
    }
    return all[0][0] ^ all[1][1] ^ all[2][2] ^ all[3][3];
}

// `count` products of a byte 0-3 and a signed one, summed exactly in 32 bits.
extern "C" int32_t multiply_bytes(int64_t count) {
#if defined(__AVX512VNNI__)
    __m512i sum[CHAINS], digits = _mm512_set1_epi8(1), x = _mm512_set1_epi8(3);
    for (int c = 0; c < CHAINS; ++c) sum[c] = _mm512_set1_epi32(c);  // unlike, or one would do for all
    for (int64_t i = 0; i < count; i += 64 * CHAINS)
        for (int c = 0; c < CHAINS; ++c) sum[c] = _mm512_dpbusd_epi32(sum[c], digits, x);
    for (int c = 1; c < CHAINS; ++c) sum[0] = _mm512_add_epi32(sum[0], sum[c]);
    return _mm512_reduce_add_epi32(sum[0]);
#elif defined(__AVX2__)
    __m256i sum[CHAINS], digits = _mm256_set1_epi8(1), x = _mm256_set1_epi8(3), one = _mm256_set1_epi16(1);
    for (int c = 0; c < CHAINS; ++c) sum[c] = _mm256_set1_epi32(c);
    for (int64_t i = 0; i < count; i += 128 * CHAINS)
        for (int c = 0; c < CHAINS; ++c) {  // four products fit into 16 bits before they are widened
            __m256i pairs = _mm256_maddubs_epi16(_mm256_xor_si256(digits, sum[c]), x);
            for (int more = 1; more < 4; ++more) pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(pairs, x));
            sum[c] = _mm256_add_epi32(sum[c], _mm256_madd_epi16(pairs, one));
        }
    for (int c = 1; c < CHAINS; ++c) sum[0] = _mm256_add_epi32(sum[0], sum[c]);
    return _mm256_extract_epi32(sum[0], 0);
#else
    int32_t sum[64] = {};
    for (int64_t i = 0; i < count; i += 64)
        for (int j = 0; j < 64; ++j) sum[j] += int32_t(int8_t(i)) * 3;
    return sum[0] ^ sum[63];
#endif
}

// `count` products of float32 numbers, each with a sum, fused where the machine can.
extern "C" float multiply_floats(int64_t count) {
    f32x16 sum[CHAINS];
    for (int c = 0; c < CHAINS; ++c) sum[c] = all<f32x16>(float(c));
    for (int64_t i = 0; i < count; i += 16 * CHAINS)
        for (int c = 0; c < CHAINS; ++c) sum[c] = sum[c] * all<f32x16>(0.5f) + all<f32x16>(0.25f);
    for (int c = 1; c < CHAINS; ++c) sum[0] = sum[0] + sum[c];
    return sum[0][0];
}

// `count` steps of a lane of 32 bits: the simplest vector instructions, in turns so that none can be left out.
extern "C" uint32_t take_steps(int64_t count) {
    u32x16 v[CHAINS];
    for (int c = 0; c < CHAINS; ++c) v[c] = all<u32x16>(uint32_t(c));
    for (int64_t i = 0; i < count; i += 32 * CHAINS)
        for (int c = 0; c < CHAINS; ++c) v[c] = (v[c] ^ 0x9E3779B9u) + 0x7F4A7C15u;
    for (int c = 1; c < CHAINS; ++c) v[0] = v[0] ^ v[c];
    return v[0][0];
}
