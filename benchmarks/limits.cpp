// What the memory of this machine can do: the two loops that the kernels are measured against.
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
