// Split a loop over threads that live for this call only: nothing to configure, nothing left behind, safe after fork.
#pragma once
#include <algorithm>
#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

// body(begin, end) over [0, count) in contiguous pieces of a multiple of `align`; a piece is worth a thread
// (about 20 microseconds to start) from `grain` items on.
template <class Body>
static void parallel_for(int64_t count, int64_t grain, int64_t align, int64_t threads, const Body& body) {
    int64_t pieces = std::max<int64_t>(1, std::min(threads, count / std::max<int64_t>(1, grain)));
    int64_t step = (count + pieces - 1) / pieces;
    step = (step + align - 1) / align * align;
    std::vector<std::thread> started;
    int64_t begin = 0;
    for (; begin + step < count; begin += step) {
        try {
            started.emplace_back(body, begin, begin + step);
        } catch (const std::system_error&) {
            break;  // no thread to be had: this one does the rest
        }
    }
    body(begin, count);
    for (std::thread& thread : started) thread.join();
}
