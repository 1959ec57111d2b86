// NVFP4 and MX quantization: claims/kernels/formats/nvfp4.py and mx.py say what is computed, bit by bit.
//
// A matrix (rows, k) is worked on in pieces of 256 elements of a row (16 blocks of 16, so that the arithmetic on scales
// fills a vector too), several at a time: neighbours in a row, or 16 rows where they share a scale. Where memory holds
// the matrix by columns 64 rows are staged together, so that several neighbouring cache lines are read at a time.
#include <atomic>

#include "parallel.h"
#include "stage.h"

struct Rounding {
    bool stochastic;
    uint64_t key;
};

static inline int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The largest of each of 16 consecutive blocks of 16.
static inline void block_largest(const float* x, uint32_t largest[BLOCKS]) {
    for (int first = 0; first < BLOCKS; first += LANES) {
        words v[LANES];
        for (int b = 0; b < LANES; ++b) {
            v[b] = magnitude(load_floats(x + 16 * (first + b)));
            for (int i = LANES; i < 16; i += LANES) v[b] = larger(v[b], magnitude(load_floats(x + 16 * (first + b) + i)));
        }
        store(largest + first, largest_of_each(v));
    }
}

// Scales that a piece could have: their codes, values, and what scales the elements.
struct Scales {
    uint8_t codes[BLOCKS];
    alignas(64) float steps[BLOCKS], factors[BLOCKS];
};

struct Nvfp4 {
    typedef E2M1 Element;
    static constexpr int BLOCK = 16;
    // An infinity counts as the largest finite number; rounded to nearest, both have the largest code near 6.
    static constexpr bool CHOOSES = false, CLAMPS = true;
    float tensor_scale, to_block_scale, encode;
    uint8_t* scales;
    int64_t stride;  // block scales a row of tiles

    Nvfp4(float amax, float largest_scale, uint8_t* scales, int64_t blocks) : scales(scales), stride(blocks) {
        float most = 3.40282347e+38f;
        encode = amax == 0 ? 1.0f : std::min(6.0f * largest_scale / std::min(amax, most), most);
        tensor_scale = 1.0f / encode;
        to_block_scale = encode * (1.0f / 6.0f);
    }

    // What scales the elements of blocks with these largest magnitudes, with scales `stretch` times those that put the
    // largest element at 6; their codes and values.
    floats factor(words largest, float stretch, words& code, floats& step) const {
        floats finite = smaller((floats)largest, from_bits(LARGEST));
        code = E4M3::nearest(smaller(finite * to_block_scale * stretch, same(448)), &step);
        floats factor = smaller(1.0f / (step * tensor_scale), from_bits(LARGEST));
        return (floats)((words)factor & (words)(step > 0.0f));
    }
    floats factor(words largest, words& code) const {
        floats step;
        return factor(largest, 1.0f, code, step);
    }

    void propose(const uint32_t* largest, float stretch, Scales& to) const {
        for (int b = 0; b < BLOCKS; b += LANES) {
            words code;
            floats step;
            store(to.factors + b, factor(load<words>(largest + b), stretch, code, step));
            store(to.codes + b, __builtin_convertvector(code, bytes));
            store(to.steps + b, step);
        }
    }

    void write(const Scales& from, int64_t row, int64_t block, int64_t count, float* factors) const {
        memcpy(factors, from.factors, sizeof from.factors);
        uint8_t* to = scales + row * stride + block;
        memcpy(to, from.codes, count == BLOCKS ? size_t(BLOCKS) : size_t(count));
    }

    // Writes the scales of `count` blocks with these largest magnitudes; `factors` is what scales their elements.
    void operator()(const uint32_t* largest, int64_t row, int64_t block, int64_t count, float* factors) const {
        Scales six;
        propose(largest, 1.0f, six);
        write(six, row, block, count, factors);
    }
};

// Of each of 16 consecutive blocks of 16, the sum of squared (or absolute) errors with these scales, in units of
// 1 / encode; elements are added by halves, and the blocks of a register side by side.
template <bool SQUARED>
static void block_errors(const float* x, const Scales& scales, float encode, float errors[BLOCKS]) {
    for (int first = 0; first < BLOCKS; first += LANES) {
        floats step = load<floats>(scales.steps + first), factor = load<floats>(scales.factors + first), error[16];
        for (int i = 0; i < 16; i += LANES) {
            for (int b = 0; b < LANES; ++b) error[i + b] = load_floats(x + 16 * (first + b) + i);
            transpose(error + i);
        }
        for (int i = 0; i < 16; ++i) {
            floats size = smaller((floats)magnitude(error[i]), from_bits(LARGEST));
            floats y = smaller(size * factor, same(6));
            // As in nearest_code: the sum with a power of two is y rounded to the step of its binade.
            floats power = (floats)(((words)larger(y, same(1)) & EXPONENT) + (22u << 23 | 6u));
            floats off = ((y + power) - power) * step - size * encode;
            error[i] = SQUARED ? off * off : (floats)magnitude(off);
        }
        for (int half = 8; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) error[i] = error[i] + error[i + half];
        store(errors + first, error[0]);
    }
}

// Each block takes the scale that puts its largest element near 4 where its error is then less than near 6.
template <bool SQUARED>
struct FourOverSix : Nvfp4 {
    static constexpr bool CHOOSES = true, CLAMPS = true;
    using Nvfp4::Nvfp4;

    // Of `rows` <= 16 pieces that share their scales.
    void choose(const float* const* x, const uint32_t* largest, int64_t rows, int64_t row, int64_t block, int64_t count,
                float* factors) const {
        Scales six, four;
        propose(largest, 1.0f, six);
        propose(largest, 1.5f, four);
        float by_six[16][BLOCKS] = {}, by_four[16][BLOCKS] = {};
        for (int64_t r = 0; r < rows; ++r) {
            block_errors<SQUARED>(x[r], six, encode, by_six[r]);
            block_errors<SQUARED>(x[r], four, encode, by_four[r]);
        }
        for (int half = rows > 1 ? 8 : 0; half > 0; half /= 2)
            for (int r = 0; r < half; ++r)
                for (int b = 0; b < BLOCKS; ++b) {
                    by_six[r][b] += by_six[r + half][b];
                    by_four[r][b] += by_four[r + half][b];
                }
        for (int b = 0; b < BLOCKS; ++b)
            if (by_four[0][b] < by_six[0][b]) six.codes[b] = four.codes[b], six.factors[b] = four.factors[b];
        write(six, row, block, count, factors);
    }
};

template <class E>
struct Mx {
    typedef E Element;
    static constexpr int BLOCK = 32;
    static constexpr bool CHOOSES = false, CLAMPS = false;  // an infinity has the largest code
    bool round_up;
    uint8_t* scales;
    int64_t stride;  // block scales a row

    // What scales the elements of blocks with these largest magnitudes, and the codes of their scales.
    floats factor(words largest, words& code) const {
        words most = (ints)largest > (ints)(words{} + LARGEST) ? words{} + LARGEST : largest;
        words field = most >> 23;
        if (round_up) field -= (words)((most & 0x7fffffu) > E::FRACTION);  // minus all ones, that is -1, where true
        code = larger(field, words{} + uint32_t(E::HIGHEST)) - uint32_t(E::HIGHEST);
        return (floats)((254u - code) << 23);
    }

    void operator()(const uint32_t* largest, int64_t row, int64_t block, int64_t count, float* factors) const {
        uint8_t codes[BLOCKS], of_pairs[BLOCKS / 2];
        for (int64_t b = 0; b < BLOCKS; b += LANES) {
            words most = load<words>(largest + b), code;
            most = larger(most, __builtin_shufflevector(most, most, SWAP1));  // two blocks of 16 share a scale
            store(factors + b, factor(most, code));
            store(codes + b, __builtin_convertvector(code, bytes));
        }
        for (int64_t b = 0; b < BLOCKS / 2; ++b) of_pairs[b] = codes[2 * b];
        memcpy(scales + row * stride + block / 2, of_pairs, size_t(count / 2));
    }
};

// Codes of `count` blocks of 16 of a row, without gaps.
template <bool STOCHASTIC, class Scale>
static void encode_row(const float* x, const float* factors, int64_t count, uint64_t element, uint64_t key,
                       uint8_t* out) {
    typedef typename Scale::Element E;
    uint32_t random[PIECE];
    if (STOCHASTIC)
        for (int64_t i = 0; i < 16 * count; i += 32) philox32((element + uint64_t(i)) / 4, key, random + i);
    for (int64_t i = 0; i < 16 * count; i += 64) {
        words code[64 / LANES];
        for (int part = 0; part < 64 / LANES; ++part) {
            int64_t j = i + part * LANES;
            floats v = load_floats(x + j), size = (floats)magnitude(v);
            if (Scale::CLAMPS && (STOCHASTIC || Scale::CHOOSES)) size = smaller(size, from_bits(LARGEST));
            floats y = smaller(size * factors[j >> 4], E::limit());
            words unsigned_code = STOCHASTIC ? E::stochastic(y, load<words>(random + j)) : E::nearest(y);
            code[part] = choose((1u << (E::BITS - 1)) - 1, unsigned_code, (words)v >> (32 - E::BITS));
        }
        if (i + 64 <= 16 * count) {
            store_codes<E::BITS>(out + i * E::BITS / 8, code);
        } else {
            uint8_t last[8 * E::BITS];
            store_codes<E::BITS>(last, code);
            memcpy(out + i * E::BITS / 8, last, size_t((16 * count - i) * E::BITS / 8));
        }
    }
}

// Up to 16 pieces: neighbours in one row, or in consecutive rows (which share scales if `tile` is 16), by way of
// `stage` (where they are already if the matrix lies by columns). Raises seen[] to the largest magnitudes found.
template <class T, class Scale>
static void quantize_pieces(const Source& s, int64_t row, int64_t block, int64_t count, bool in_row, int64_t blocks,
                            int64_t tile, Rounding rounding, const Scale& scale, float* stage, uint8_t* codes,
                            uint32_t* seen) {
    alignas(64) float factors[16][BLOCKS];
    const float* x[16];
    uint32_t largest[16][BLOCKS], of_tile[BLOCKS] = {};
    auto row_of = [&](int64_t i) { return in_row ? row : row + i; };
    auto block_of = [&](int64_t i) { return in_row ? block + BLOCKS * i : block; };
    auto width_of = [&](int64_t i) { return std::min(BLOCKS, blocks - block_of(i)); };
    for (int64_t i = 0; i < count; ++i) {
        float* staged = stage + i * STRIDE;
        x[i] = s.by_columns ? staged : stage_row<T>(s, row_of(i), 16 * block_of(i), staged);
        if (tile == 1) {
            block_largest(x[i], largest[i]);
            for (int b = 0; b < BLOCKS; ++b) of_tile[b] = std::max(of_tile[b], largest[i][b]);
        }
    }
    if (tile > 1) {
        float of_rows[PIECE];  // lane by lane before lanes meet
        for (int64_t c = 0; c < PIECE; c += LANES) {
            words most = {};
            for (int64_t i = 0; i < count; ++i) most = larger(most, magnitude(load_floats(x[i] + c)));
            store(of_rows + c, most);
        }
        block_largest(of_rows, of_tile);
    }
    for (int b = 0; b < BLOCKS; ++b) seen[b] = std::max(seen[b], of_tile[b]);
    // All scales before the first is used: the chain of operations from a magnitude to its factor is long.
    for (int64_t i = 0; i < (tile == 1 ? count : 1); ++i) {
        const uint32_t* most = tile == 1 ? largest[i] : of_tile;
        if constexpr (Scale::CHOOSES)
            scale.choose(x + i, most, tile == 1 ? 1 : count, row_of(i) / tile, block_of(i), width_of(i), factors[i]);
        else
            scale(most, row_of(i) / tile, block_of(i), width_of(i), factors[i]);
    }
    for (int64_t i = 0; i < count; ++i) {
        // What the next unit of work will read, while this one's codes leave memory idle.
        if (in_row) prefetch<PIECE, 0>((const T*)s.memory + row * s.k + 16 * (block_of(i) + BLOCKS * count));
        uint64_t element = uint64_t((row_of(i) * blocks + block_of(i)) * 16);
        auto encode = rounding.stochastic ? encode_row<true, Scale> : encode_row<false, Scale>;
        encode(x[i], factors[tile == 1 ? i : 0], width_of(i), element, rounding.key,
               codes + element * Scale::Element::BITS / 8);
    }
}

static void raise(std::atomic<uint32_t>& most, uint32_t mine) {
    uint32_t before = most.load();
    while (before < mine && !most.compare_exchange_weak(before, mine)) {
    }
}

// Where memory holds the matrix by columns, a register holds one column of as many rows as it has lanes: blocks lie
// across registers, so that no lane looks at another for the largest magnitude and the scale, and the codes of a row are
// shifted into its lane. Only words of eight codes are transposed, 16 words (a cache line) of a row at a time.
static const int64_t DEEP = 8 * 16, WORDS = DEEP / 8, GROUPS = 16, BATCH = GROUPS * LANES, ACROSS = 8 * BATCH;

// One block of each of BATCH rows, in groups of LANES.
template <class Scale> struct Turned {
    static constexpr int BLOCK = Scale::BLOCK;
    floats v[GROUPS][BLOCK], factors[GROUPS];
    words codes[GROUPS];  // of scales

    // `rows` rows from `row` on, from column `column` on; zeros where there is no column.
    template <class T> void take(const Source& s, int64_t row, int64_t rows, int64_t column) {
        int64_t width = std::min<int64_t>(BLOCK, s.k - column);
        for (int64_t r = 0; r < rows; r += LANES) {
            const T* from = (const T*)s.memory + column * s.rows + row + r;
            floats* to = v[r / LANES];
            if (r + LANES <= rows && width == BLOCK)
                for (int i = 0; i < BLOCK; ++i) to[i] = load_floats(from + i * s.rows);
            else
                for (int i = 0; i < BLOCK; ++i) to[i] = i < width ? load_some(from + i * s.rows, rows - r) : floats{};
            if (!s.center) continue;
            floats of_rows = s.center_by_row ? load_some(s.center + row + r, rows - r) : floats{};
            for (int i = 0; i < width; ++i) {
                to[i] -= s.center_by_row ? of_rows : same(s.center[column + i]);
                for (int64_t lane = rows - r; lane < LANES; ++lane) to[i][lane] = 0;
            }
        }
    }

    void measure(int64_t groups, int64_t tile, const Scale& scale, words& seen) {
        for (int64_t g = 0; g < groups; ++g) {
            words most[2] = {};
            for (int i = 0; i < BLOCK; ++i) most[i % 2] = larger(most[i % 2], magnitude(v[g][i]));
            words largest = larger(most[0], most[1]);
            seen = larger(seen, largest);
            factors[g] = scale.factor(tile == 1 ? largest : words{} + largest_lane(largest), codes[g]);
        }
    }

    // The codes of each row, eight a word, and so many words a turn that constants stay in registers. Meanwhile the
    // rows `ahead` are fetched, whose columns lie `step` apart.
    template <class T> void encode(int64_t groups, words* to, const T* ahead, int64_t step) const {
        constexpr int64_t TURNS = BLOCK / 8;
        for (int64_t turn = 0; turn < groups * TURNS; ++turn) {
            int64_t group = turn / TURNS, word = turn % TURNS;
            const floats *x = v[group] + 8 * word, factor = factors[group];
            for (int i = 0; i < 8; ++i) __builtin_prefetch(ahead + (8 * word + i) * step + group * LANES);
            words eight = {};
            for (int i = 0; i < 8; ++i) {
                floats y = smaller((floats)magnitude(x[i]) * factor, E2M1::limit());
                words nibble = choose(SIGN, (words)x[i], E2M1::nearest(y) << 28);
                eight = choose(15u << 28, nibble, eight >> 4);
            }
            to[group * WORDS + word] = eight;
        }
    }
};

// Up to ACROSS rows from `row` on and DEEP columns from `column` on.
template <class T, class Scale>
static void quantize_columns(const Source& s, int64_t row, int64_t column, int64_t tile, const Scale& scale,
                             uint8_t* codes, words& seen) {
    constexpr int64_t BLOCK = Scale::BLOCK;
    int64_t rows = std::min(ACROSS, s.rows - row), first = column / BLOCK;
    int64_t count = std::min(DEEP / BLOCK, scale.stride - first), pitch = scale.stride * BLOCK / 2;
    alignas(64) words eights[ACROSS / LANES][WORDS];
    uint8_t scales[DEEP / BLOCK][ACROSS];
    Turned<Scale> block;
    for (int64_t b = 0; b < count; ++b)
        for (int64_t r = 0; r < rows; r += BATCH) {
            int64_t width = std::min(BATCH, rows - r), groups = ceil_divide(width, LANES);
            block.template take<T>(s, row + r, width, column + b * BLOCK);
            block.measure(groups, tile, scale, seen);
            const T* ahead = (const T*)s.memory + (column + b * BLOCK) * s.rows + row + r + BATCH;
            block.encode(groups, eights[r / LANES] + b * (BLOCK / 8), ahead, s.rows);
            for (int64_t g = 0; g < groups; ++g)
                store(scales[b] + r + g * LANES, __builtin_convertvector(block.codes[g], bytes));
        }
    bool streamed = worth_streaming(codes, s.rows, pitch) && pitch % 64 == 0;
    uint8_t* of_row = scale.scales + row / tile * scale.stride + first;
    for (int64_t r = 0; r < rows; r += tile, of_row += scale.stride)
        for (int64_t b = 0; b < count; ++b) of_row[b] = scales[b][r];
    for (int64_t r = 0; r < rows; r += LANES)
        for (int64_t word = 0; word < count * BLOCK / 8; word += LANES) {
            floats* eight = (floats*)eights[r / LANES] + word;
            transpose(eight);
            int64_t width = std::min<int64_t>(4 * LANES, count * BLOCK / 2 - 4 * word);
            uint8_t* to = codes + (row + r) * pitch + column / 2 + 4 * word;
            for (int64_t i = 0; i < std::min<int64_t>(LANES, rows - r); ++i) {
                if (streamed && width == 4 * LANES) stream(to + i * pitch, eight[i]);
                else if (width == 4 * LANES) store(to + i * pitch, eight[i]);
                else memcpy(to + i * pitch, eight + i, size_t(width));
            }
        }
}

template <class T, class Scale>
static void quantize(Source s, int64_t blocks, int64_t tile, Rounding rounding, const Scale& scale, uint8_t* codes,
                     float* seen, int64_t threads) {
    // Rows that end with a block and share nothing are one long row, of which no piece is short.
    if (tile == 1 && !s.by_columns && !s.center && s.k == 16 * blocks) {
        blocks *= s.rows;
        s.k *= s.rows, s.rows = 1;
    }
    std::atomic<uint32_t> most{0};
    if constexpr (Scale::Element::BITS == 4 && !Scale::CHOOSES) {
        if (s.by_columns && !rounding.stochastic && (tile == 1 || tile == LANES)) {
            int64_t deep = ceil_divide(s.k, DEEP);
            parallel_for(ceil_divide(s.rows, ACROSS) * deep, 2, 1, threads, [&](int64_t begin, int64_t end) {
                words largest = {};
                for (int64_t unit = begin; unit < end; ++unit)
                    quantize_columns<T>(s, unit / deep * ACROSS, unit % deep * DEEP, tile, scale, codes, largest);
                stream_fence();
                raise(most, largest_lane(largest));
            });
            uint32_t word = most.load();
            memcpy(seen, &word, 4);
            return;
        }
    }
    bool in_row = tile == 1 && !s.by_columns;
    // Rows and blocks of one unit of work.
    int64_t together = s.by_columns ? STAGED : tile, step = in_row ? 4 * BLOCKS : BLOCKS;
    int64_t groups = ceil_divide(s.rows, together), steps = ceil_divide(blocks, step);
    parallel_for(groups * steps, 128 / together, 1, threads, [&](int64_t begin, int64_t end) {
        uint32_t largest[BLOCKS] = {};
        alignas(64) float stage[STAGED * STRIDE];
        for (int64_t unit = begin; unit < end; ++unit) {
            // Neighbours in memory one after the other.
            int64_t row = (s.by_columns ? unit % groups : unit / steps) * together;
            int64_t block = (s.by_columns ? unit / groups : unit % steps) * step;
            int64_t rows = std::min(together, s.rows - row);
            if (s.by_columns) stage_columns<T>(s, row, rows, 16 * block, stage);
            for (int64_t r = 0; r < rows; r += 16) {
                int64_t count = in_row ? ceil_divide(std::min(step, blocks - block), BLOCKS) : std::min<int64_t>(16, rows - r);
                quantize_pieces<T>(s, row + r, block, count, in_row, blocks, tile, rounding, scale, stage + r * STRIDE, codes,
                                   largest);
            }
        }
        raise(most, *std::max_element(largest, largest + BLOCKS));
    });
    uint32_t word = most.load();
    memcpy(seen, &word, 4);
}

// One row of memory: its largest |x - center|, the centre being one number or one an element.
template <class T>
static words row_largest(const T* x, int64_t n, const float* center, bool one_center) {
    words most = {};
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t width = std::min<int64_t>(LANES, n - i);
        floats v = width == LANES ? load_floats(x + i) : load_some(x + i, width);
        if (center) {
            v -= one_center ? same(*center) : width == LANES ? load_floats(center + i) : load_some(center + i, width);
            for (int64_t lane = width; lane < LANES; ++lane) v[lane] = 0;
        }
        most = larger(most, magnitude(v));
    }
    return most;
}

template <class T>
static float largest_of(const Source& s, int64_t threads) {
    std::atomic<uint32_t> most{0};
    // Without a centre, memory is one long row.
    int64_t rows = s.by_columns ? s.k : s.rows, n = s.by_columns ? s.rows : s.k;
    bool one_center = s.center_by_row != s.by_columns;
    if (!s.center) n = 4096, rows = ceil_divide(s.rows * s.k, n);
    parallel_for(rows, ceil_divide(65536, n + 1), 1, threads, [&](int64_t begin, int64_t end) {
        words largest = {};
        for (int64_t row = begin; row < end; ++row) {
            const float* center = s.center && one_center ? s.center + row : s.center;
            int64_t width = s.center ? n : std::min(n, s.rows * s.k - row * n);
            largest = larger(largest, row_largest((const T*)s.memory + row * n, width, center, one_center));
        }
        raise(most, largest_lane(largest));
    });
    uint32_t word = most.load();
    float value;
    memcpy(&value, &word, 4);
    return value;
}

static Source source(const void* x, int64_t dtype, int64_t rows, int64_t k, int64_t by_columns, const float* center,
                     int64_t center_step) {
    return {x, dtype, rows, k, by_columns != 0, center, center_step == 2};
}

// `largest`: in, the magnitude to scale for, or a negative number to have that of the matrix found; out, the largest one
// seen (NaN if there is one). `payload` holds codes, tensor scale and block scales, one after the other.
EXPORT void nvfp4_quantize(const void* x, int64_t dtype, int64_t rows, int64_t k, int64_t by_columns, const float* center,
                           int64_t center_step, float* largest, int64_t tile, int64_t stochastic, int64_t key,
                           int64_t selection, int64_t largest_scale, uint8_t* payload, int64_t threads) {
    Source s = source(x, dtype, rows, k, by_columns, center, center_step);
    Rounding rounding{stochastic != 0, uint64_t(key)};
    if (*largest < 0) *largest = dtype == BF16 ? largest_of<bf16>(s, threads) : largest_of<float>(s, threads);
    if (std::isnan(*largest)) return;
    int64_t blocks = ceil_divide(k, 16);
    uint8_t* scales = payload + rows * blocks * 8 + 4;
    auto with = [&](auto scale) {
        using Scale = decltype(scale);
        memcpy(scales - 4, &scale.tensor_scale, 4);
        auto run = dtype == BF16 ? quantize<bf16, Scale> : quantize<float, Scale>;
        run(s, blocks, tile, rounding, scale, payload, largest, threads);
    };
    if (selection == 0) with(Nvfp4(*largest, float(largest_scale), scales, blocks));
    if (selection == 1) with(FourOverSix<true>(*largest, float(largest_scale), scales, blocks));
    if (selection == 2) with(FourOverSix<false>(*largest, float(largest_scale), scales, blocks));
}

EXPORT void mx_quantize(const void* x, int64_t dtype, int64_t rows, int64_t k, int64_t by_columns, const float* center,
                        int64_t center_step, float* largest, int64_t round_up, int64_t stochastic, int64_t key,
                        int64_t element, uint8_t* payload, int64_t threads) {
    Source s = source(x, dtype, rows, k, by_columns, center, center_step);
    Rounding rounding{stochastic != 0, uint64_t(key)};
    with_element(element, [&](auto of) {
        using Scale = Mx<decltype(of)>;
        int64_t blocks = ceil_divide(k, 32);
        Scale scale{round_up != 0, payload + rows * blocks * 4 * Scale::Element::BITS, blocks};
        auto run = dtype == BF16 ? quantize<bf16, Scale> : quantize<float, Scale>;
        run(s, 2 * blocks, 1, rounding, scale, payload, largest, threads);
    });
}
