// Pieces of a matrix as float32 in a small buffer that stays in a near cache: converted, transposed, the centre
// subtracted, padded with zeros.
#pragma once
#include <algorithm>
#include <type_traits>

#include "lanes.h"

static const int64_t BLOCKS = 16, PIECE = 16 * BLOCKS, STAGED = 64;
static const int64_t STRIDE = PIECE + 16;  // of staged rows: no power of two, which would crowd a few sets of the cache

struct Source {
    const void* memory;
    int64_t dtype, rows, k;
    bool by_columns;       // element (r, c) lies at c * rows + r instead of r * k + c
    const float* center;   // subtracted if not null: of length k, or of length rows
    bool center_by_row;
};

// x - center, `width` elements, from staged elements of row `row` that start at column `column`.
static void subtract_center(const Source& s, int64_t row, int64_t column, int64_t width, float* x) {
    if (s.center_by_row) {
        for (int64_t c = 0; c < width; ++c) x[c] -= s.center[row];
    } else {
        for (int64_t c = 0; c < width; ++c) x[c] -= s.center[column + c];
    }
}

// Where a piece of row `row` can be read as float32: in the source itself, or staged in `to` with zeros behind it.
template <class T>
static const float* stage_row(const Source& s, int64_t row, int64_t column, float* to) {
    const T* from = (const T*)s.memory + row * s.k + column;
    int64_t width = std::min(PIECE, s.k - column);
    if (std::is_same<T, float>::value && !s.center && width == PIECE) return (const float*)(const void*)from;
    if (width < PIECE) {
        for (int64_t c = 0; c < PIECE; c += LANES)
            store(to + c, c < width ? load_some(from + c, width - c) : floats{});
        if (s.center) subtract_center(s, row, column, width, to);
    } else if (!s.center) {
        for (int64_t c = 0; c < PIECE; c += LANES) store(to + c, load_floats(from + c));
    } else if (s.center_by_row) {
        for (int64_t c = 0; c < PIECE; c += LANES) store(to + c, load_floats(from + c) - s.center[row]);
    } else {
        const float* center = s.center + column;
        for (int64_t c = 0; c < PIECE; c += LANES) store(to + c, load_floats(from + c) - load_floats(center + c));
    }
    return to;
}

// The same for `count` <= STAGED rows of a matrix that lies by columns; row r goes to `to + r * STRIDE`.
template <class T>
static void stage_columns(const Source& s, int64_t row, int64_t count, int64_t column, float* to) {
    int64_t width = std::min(PIECE, s.k - column);
    for (int64_t c = 0; c < PIECE; c += LANES)
        for (int64_t r = 0; r < count; r += LANES) {
            const T* from = (const T*)s.memory + (column + c) * s.rows + row + r;
            floats v[LANES];
            if (c + LANES <= width && r + LANES <= count) {
                for (int i = 0; i < LANES; ++i) v[i] = load_floats(from + i * s.rows);
            } else {
                for (int i = 0; i < LANES; ++i)
                    v[i] = c + i < width ? load_some(from + i * s.rows, count - r) : floats{};
            }
            transpose(v);
            for (int i = 0; i < LANES; ++i) store(to + (r + i) * STRIDE + c, v[i]);
        }
    if (s.center)
        for (int64_t r = 0; r < count; ++r) subtract_center(s, row + r, column, width, to + r * STRIDE);
}
