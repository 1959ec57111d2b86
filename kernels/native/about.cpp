// What this library is: asked by claims/kernels/native.py before anything else is called.
#include "simd.h"

#ifndef SOURCE_DIGEST
#error "the build passes -DSOURCE_DIGEST=\"<sha256 of the sources>\""
#endif

EXPORT const char* claims_source_digest() { return SOURCE_DIGEST; }

// Index in INSTRUCTION_SETS of the best build this CPU executes: the flags of setup.py, one by one.
EXPORT int claims_cpu_level() {
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vnni") &&
                  __builtin_cpu_supports("avx512vbmi");
    return avx512 ? 2 : avx2 ? 1 : 0;
#else
    return 0;
#endif
}
