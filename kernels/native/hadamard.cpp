// Blockwise Hadamard transform: claims/kernels/hadamard.py says what is computed, bit by bit.
//
// Sums and differences are taken between whole registers, or between runs of consecutive numbers in a small buffer of
// float (double for double). Along the last axis the first strides are shorter than a register: there, lanes of one
// register meet.
#include "lanes.h"
#include "parallel.h"

struct Transform {
    int64_t block;
    const double* signs;  // or null
    bool inverse;
    double scale;

    // What entry i is multiplied by before and after the sums and differences.
    double before(int64_t i) const { return signs && !inverse ? signs[i] : 1.0; }
    double after(int64_t i) const { return signs && inverse ? scale * signs[i] : scale; }
};

template <class R> static inline void butterflies(R* run, int64_t half, int64_t width) {
    R *a = run, *b = run + half * width;
    for (int64_t i = 0; i < half * width; ++i) {
        R sum = a[i] + b[i], difference = a[i] - b[i];
        a[i] = sum;
        b[i] = difference;
    }
}

// Strides from `half` on, of all blocks in `count` entries of `width` numbers.
template <class R> static void long_strides(R* x, int64_t count, int64_t width, int64_t block, int64_t half) {
    for (; half < block; half *= 2)
        for (int64_t first = 0; first < count; first += 2 * half) butterflies(x + first * width, half, width);
}

// Stride HALF within a register: each lane meets the one whose number differs in this bit. The upper of the two has
// its sign changed first: a + (-b) is a - b.
template <int HALF> static inline floats butterfly(floats v, floats partner) {
    words sign = {};
    for (int lane = 0; lane < LANES; ++lane) sign[lane] = lane & HALF ? SIGN : 0;
    return partner + (floats)((words)v ^ sign);
}
static inline floats short_strides(floats v, int64_t block) {
    if (block > 1) v = butterfly<1>(v, __builtin_shufflevector(v, v, SWAP1));
    if (block > 2) v = butterfly<2>(v, __builtin_shufflevector(v, v, SWAP2));
#if REGISTER >= 32
    if (block > 4) v = butterfly<4>(v, __builtin_shufflevector(v, v, SWAP4));
#endif
#if REGISTER == 64
    if (block > 8) v = butterfly<8>(v, __builtin_shufflevector(v, v, SWAP8));
#endif
    return v;
}

// The factors of each element of a group of whole blocks.
template <class R> struct Factors {
    std::vector<R> before, after;

    Factors(const Transform& t, int64_t group) {
        for (int64_t i = 0; i < group; ++i) {
            before.push_back(R(t.before(i % t.block)));
            after.push_back(R(t.after(i % t.block)));
        }
    }
};

// A whole group: all blocks in `group` consecutive elements, by way of `buffer`.
static void whole_group(const double* x, int64_t group, const Transform& t, const Factors<double>& f, double* buffer,
                        double* out, bool) {
    for (int64_t i = 0; i < group; ++i) buffer[i] = x[i] * f.before[size_t(i)];
    long_strides(buffer, group, 1, t.block, 1);
    for (int64_t i = 0; i < group; ++i) out[i] = buffer[i] * f.after[size_t(i)];
}
template <class T>
static void whole_group(const T* x, int64_t group, const Transform& t, const Factors<float>& f, float* buffer, T* out,
                        bool streamed) {
    const float *before = f.before.data(), *after = f.after.data();
    for (int64_t i = 0; i < group; i += LANES) {
        prefetch<LANES>(x + i);
        floats v = short_strides(load_floats(x + i) * load_floats(before + i), t.block);
        if (t.block > LANES) store(buffer + i, v);
        else store_floats(out + i, v * load_floats(after + i), streamed);
    }
    if (t.block <= LANES) return;
    long_strides(buffer, group, 1, t.block, LANES);
    for (int64_t i = 0; i < group; i += LANES)
        store_floats(out + i, load_floats(buffer + i) * load_floats(after + i), streamed);
}

// Blocks of consecutive elements, in groups of a whole number of registers and of blocks (all are powers of two).
template <class T, class R>
static void along_last(const T* x, int64_t n, const Transform& t, T* out, int64_t threads) {
    int64_t group = std::max<int64_t>(t.block, 16 * LANES);
    bool streamed = worth_streaming(out, n / group, group);
    const Factors<R> factors(t, group);
    parallel_for((n + group - 1) / group, std::max<int64_t>(1, 65536 / group), 1, threads, [&](int64_t begin, int64_t end) {
        std::vector<R> buffer(factors.before.size());
        std::vector<T> last(factors.before.size());
        for (int64_t g = begin; g < end; ++g) {
            int64_t start = g * group, count = std::min(group, n - start);
            if (count == group) {
                whole_group(x + start, group, t, factors, buffer.data(), out + start, streamed);
                continue;
            }
            memcpy(last.data(), x + start, size_t(count) * sizeof(T));
            whole_group(last.data(), group, t, factors, buffer.data(), last.data(), false);
            memcpy(out + start, last.data(), size_t(count) * sizeof(T));
        }
        stream_fence();
    });
}

// `width` columns of one block of rows that lie `columns` apart.
template <class T, class R>
static void block_of_rows(const T* x, int64_t columns, int64_t width, const Transform& t, R* run, T* out) {
    for (int64_t i = 0; i < t.block; ++i) {
        R factor = R(t.before(i));
        for (int64_t j = 0; j < width; ++j) run[i * width + j] = R(load1(x + i * columns + j)) * factor;
    }
    long_strides(run, t.block, width, t.block, 1);
    for (int64_t i = 0; i < t.block; ++i) {
        R factor = R(t.after(i));
        for (int64_t j = 0; j < width; ++j) store1(out + i * columns + j, double(run[i * width + j] * factor));
    }
}

// Sums and differences between 16 registers.
static inline void across16(floats v[16]) {
    for (int half = 1; half < 16; half *= 2)
        for (int i = 0; i < 16; ++i)
            if (!(i & half)) {
                floats sum = v[i] + v[i + half], difference = v[i] - v[i + half];
                v[i] = sum;
                v[i + half] = difference;
            }
}

// The same for blocks of 16 in registers, LANES columns at a time; returns how many columns that does.
template <class T> static int64_t sixteen_rows(const T* x, int64_t columns, int64_t width, const Transform& t, float*, T* out) {
    int64_t done = 0;
    for (; t.block == 16 && done + LANES <= width; done += LANES) {
        floats v[16];
        for (int i = 0; i < 16; ++i) v[i] = load_floats(x + i * columns + done) * float(t.before(i));
        across16(v);
        for (int i = 0; i < 16; ++i) store_floats(out + i * columns + done, v[i] * float(t.after(i)));
    }
    return done;
}
static int64_t sixteen_rows(const double*, int64_t, int64_t, const Transform&, double*, double*) { return 0; }

// Blocks of elements that lie `columns` apart; neighbouring columns go together.
template <class T, class R>
static void along_columns(const T* x, int64_t n, int64_t columns, const Transform& t, T* out, int64_t threads) {
    int64_t width = std::min(columns, std::max<int64_t>(16, 4096 / t.block)), strips = (columns + width - 1) / width;
    int64_t units = n / (t.block * columns) * strips;
    parallel_for(units, std::max<int64_t>(1, 65536 / (width * t.block)), 1, threads, [&](int64_t begin, int64_t end) {
        std::vector<R> buffer(static_cast<size_t>(t.block * width));
        for (int64_t unit = begin; unit < end; ++unit) {
            int64_t start = unit / strips * t.block * columns + unit % strips * width;
            int64_t count = std::min(width, columns - unit % strips * width);
            int64_t done = sixteen_rows(x + start, columns, count, t, buffer.data(), out + start);
            block_of_rows(x + start + done, columns, count - done, t, buffer.data(), out + start + done);
        }
    });
}

template <class T, class R>
static void run(const void* x, int64_t n, int64_t columns, const Transform& t, void* out, int64_t threads) {
    if (columns == 1) along_last<T, R>((const T*)x, n, t, (T*)out, threads);
    else along_columns<T, R>((const T*)x, n, columns, t, (T*)out, threads);
}

EXPORT void hadamard_transform(const void* x, int64_t dtype, int64_t n, int64_t columns, int64_t block,
                               const double* signs, int64_t inverse, double scale, void* out, int64_t threads) {
    if (n == 0) return;
    Transform t{block, signs, inverse != 0, scale};
    if (dtype == F64) run<double, double>(x, n, columns, t, out, threads);
    else if (dtype == BF16) run<bf16, float>(x, n, columns, t, out, threads);
    else run<float, float>(x, n, columns, t, out, threads);
}
