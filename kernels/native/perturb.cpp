// Sign flips by Philox words that never leave the registers and first cache lines, and the magnitude step.
#include <vector>
#include "parallel.h"
#include "philox.h"
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

// Away from zero by step (towards it if negative); zeros stay. In float64, rounded once: for the narrower types this
// is the float32 sum, as a float64 sum of two float32 numbers rounds to the same float32.
EXPORT void magnitude_step(int64_t dtype, const void* x, int64_t count, double step, void* y, int64_t threads) {
    with_type(dtype, [&](auto type) {
        using T = decltype(type);
        const double size = dtype == F64 ? step : double(float(step));
        auto moved = [=](f64x8 v) {
            f64x8 by = select(v > 0.0, all<f64x8>(size), select(v < 0.0, all<f64x8>(-size), f64x8{}));
            return select(v == 0.0, v, v + by);  // not v + 0, which would lose the sign of a zero
        };
        bool streamed = worth_streaming((T*)y, 1, count / 32 * 32);
        parallel_for(count, GRAIN, 64, threads, [=](int64_t begin, int64_t end) {
            const T* from = (const T*)x;
            T* to = (T*)y;
            int64_t i = begin;
            for (; i + 32 <= end; i += 32) {
                prefetch<32>(from + i);
                f64x8 v[4];
                for (int k = 0; k < 4; ++k) v[k] = moved(load8(from + i + 8 * k));
                if (streamed) stream32(to + i, v);
                else
                    for (int k = 0; k < 4; ++k) store8(to + i + 8 * k, v[k]);
            }
            for_row(end - i, [&](int64_t j) { store8(to + i + j, moved(load8(from + i + j))); },
                    [&](int64_t j, int64_t n) { store_tail(to + i + j, n, moved(load_tail(from + i + j, n))); });
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
