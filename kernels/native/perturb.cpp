// Sign flips by Philox words that never leave the registers and first cache lines, and the magnitude step.
#include <vector>
#include "lanes.h"
#include "parallel.h"
#include "rows.h"

static const int64_t GRAIN = 1 << 15;  // entries that are worth a thread; pieces are multiples of 32 entries

// Negate = flip the sign bit, whatever the value. A word below the threshold flips: word <= last with last =
// threshold - 1, so that 32 bits are enough for a threshold of 2**32.
template <class Word> static void flip(const Word* x, Word* y, int64_t begin, int64_t end, uint64_t key, uint32_t last) {
    const Word sign = Word(1) << (8 * sizeof(Word) - 1);
    alignas(64) uint32_t words[32];
    for (int64_t i = begin; i < end; i += 32) {
        philox32(uint64_t(i) / 4, key, words);
        if (i + 32 <= end) {
            for (int j = 0; j < 32; ++j) y[i + j] = x[i + j] ^ (words[j] <= last ? sign : Word(0));
        } else {
            for (int64_t j = 0; i + j < end; ++j) y[i + j] = x[i + j] ^ (words[j] <= last ? sign : Word(0));
        }
    }
}

EXPORT void sign_flip(int64_t bytes, const void* x, int64_t count, int64_t threshold, int64_t key, void* y,
                      int64_t threads) {
    if (threshold == 0) {
        if (x != y) memcpy(y, x, size_t(count * bytes));
        return;
    }
    uint32_t last = uint32_t(threshold - 1);
    parallel_for(count, GRAIN, 32, threads, [=](int64_t begin, int64_t end) {
        if (bytes == 2) flip((const uint16_t*)x, (uint16_t*)y, begin, end, uint64_t(key), last);
        else if (bytes == 4) flip((const uint32_t*)x, (uint32_t*)y, begin, end, uint64_t(key), last);
        else flip((const uint64_t*)x, (uint64_t*)y, begin, end, uint64_t(key), last);
    });
}

// energy[0] = sum of squares of the flipped entries, energy[1] = number of nonzero entries. Partial sums belong to
// fixed pieces of the tensor, so the result does not depend on the number of threads.
EXPORT void flip_energy(int64_t dtype, const void* x, int64_t count, int64_t threshold, int64_t key, double* energy,
                        int64_t threads) {
    const int64_t piece = 1 << 14;
    int64_t pieces = (count + piece - 1) / piece;
    const double bound = double(threshold) - 0x1p31;  // as load8 gives words
    std::vector<double> flipped(static_cast<size_t>(pieces)), moved(static_cast<size_t>(pieces));
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        double *flipped_of = flipped.data(), *moved_of = moved.data();
        parallel_for(pieces, 2, 1, threads, [=](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; ++p) {
                f64x8 squares = {}, nonzero = {};
                auto add = [&](f64x8 v, const uint32_t* word) {
                    f64x8 taken = select(load8(word) < bound, v, f64x8{});
                    squares = squares + taken * taken;
                    nonzero = nonzero + select(v != 0.0, all<f64x8>(1.0), f64x8{});
                };
                // Many words before the first is read: a load that straddles a store still in flight has to wait for it.
                alignas(64) uint32_t words[256];
                int64_t stop = std::min(count, (p + 1) * piece);
                for (int64_t i = p * piece; i < stop; i += 256) {
                    const T* entry = (const T*)x + i;
                    for (int64_t j = 0; j < std::min<int64_t>(256, stop - i); j += 32)
                        philox32(uint64_t(i + j) / 4, uint64_t(key), words + j);
                    for_row(std::min<int64_t>(256, stop - i), [&](int64_t j) { add(load8(entry + j), words + j); },
                            [&](int64_t j, int64_t n) { add(load_tail(entry + j, n), words + j); });
                }
                flipped_of[p] = sum(squares);
                moved_of[p] = sum(nonzero);
            }
        });
    });
    energy[0] = energy[1] = 0;
    for (size_t p = 0; p < flipped.size(); ++p) {
        energy[0] += flipped[p];
        energy[1] += moved[p];
    }
}

// Away from zero by `size` (towards it if negative); zeros stay, and keep their signs.
INLINE floats moved(floats v, float size) {
    floats by = (floats)((words)same(size) ^ ((words)v & SIGN));
    return v == 0.0f ? v : v + by;
}
template <class T> static void step_row(const T* x, int64_t n, double step, T* y, bool streamed) {
    const float size = float(step);
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
        prefetch<32>(x + i);
        for (int j = 0; j < 32; j += LANES) store_floats(y + i + j, moved(load_floats(x + i + j), size), streamed);
    }
    for (; i < n; i += LANES) store_some(y + i, n - i, moved(load_some(x + i, n - i), size));
}
static void step_row(const double* x, int64_t n, double step, double* y, bool) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] == 0 ? x[i] : x[i] + std::copysign(1.0, x[i]) * step;
}

EXPORT void magnitude_step(int64_t dtype, const void* x, int64_t count, double step, void* y, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        bool streamed = worth_streaming((T*)y, 1, count / 32 * 32);
        parallel_for(count, GRAIN, 64, threads, [=](int64_t begin, int64_t end) {
            step_row((const T*)x + begin, end - begin, step, (T*)y + begin, streamed);
            stream_fence();
        });
    });
}

// The words of claims.kernels.flip_mask_words as int64.
EXPORT void philox_words(int64_t first_block, int64_t count, int64_t key, int64_t* out, int64_t) {
    alignas(64) uint32_t words[32];
    for (int64_t i = 0; i < count; ++i) {
        if (i % 32 == 0) philox32(uint64_t(first_block + i / 4), uint64_t(key), words);
        out[i] = words[i % 32];
    }
}
